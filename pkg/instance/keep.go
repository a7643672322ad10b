package instance

import (
	"context"
	"time"
)

// keepEvery is how often the control plane looks for what is due.
const keepEvery = 5 * time.Second

// keep does, until ctx ends, what falls due by time alone. Each step goes
// through the door by itself and may be repeated.
func (c *Control) keep(ctx context.Context) error {
	for {
		if n, err := c.Catalogue.EnforceRecalls(ctx); ctx.Err() == nil && (err != nil || n > 0) {
			c.Slog.InfoContext(ctx, "recalls enforced", "extracts", n, "err", err)
		}
		if n, err := c.Traces.Expire(ctx); ctx.Err() == nil && (err != nil || n > 0) {
			c.Slog.InfoContext(ctx, "traces expired", "traces", n, "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(keepEvery):
		}
	}
}
