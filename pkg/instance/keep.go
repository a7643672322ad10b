package instance

import (
	"context"
	"time"

	"github.com/ark-tre/ark/pkg/objects"
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
		remove := func(ctx context.Context, ref objects.Ref) error { return c.Objects.Delete(ctx, ref.Zone, ref.Name) }
		if n, err := c.Catalogue.ExpireUploads(ctx, remove); ctx.Err() == nil && (err != nil || n > 0) {
			c.Slog.InfoContext(ctx, "uploads given up", "uploads", n, "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(keepEvery):
		}
	}
}
