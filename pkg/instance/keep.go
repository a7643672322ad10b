package instance

import (
	"context"
	"time"

	"github.com/ark-tre/ark/pkg/objects"
)

// keepEvery is how often the control plane looks for what is due.
const keepEvery = 5 * time.Second

// uploadsEvery is how often it looks for uploads that broke off: these wait for
// a fortnight, and all that ever were are read. Deliveries whose retention is
// over are looked for with them.
const uploadsEvery = time.Hour

// keep does, until ctx ends, what falls due by time alone. Each step goes
// through the door by itself and may be repeated.
func (c *Control) keep(ctx context.Context) error {
	uploads := time.Time{}
	for {
		if n, err := c.Catalogue.EnforceRecalls(ctx); ctx.Err() == nil && (err != nil || n > 0) {
			c.Slog.InfoContext(ctx, "recalls enforced", "extracts", n, "err", err)
		}
		if n, err := c.Workspaces.Refresh(ctx); ctx.Err() == nil && (err != nil || n > 0) {
			c.Slog.InfoContext(ctx, "extracts refreshed", "extracts", n, "err", err)
		}
		if n, err := c.Traces.Expire(ctx); ctx.Err() == nil && (err != nil || n > 0) {
			c.Slog.InfoContext(ctx, "traces expired", "traces", n, "err", err)
		}
		if time.Since(uploads) >= uploadsEvery {
			remove := func(ctx context.Context, ref objects.Ref) error { return c.Objects.Delete(ctx, ref.Zone, ref.Name) }
			n, err := c.Catalogue.ExpireUploads(ctx, remove)
			if ctx.Err() == nil && (err != nil || n > 0) {
				c.Slog.InfoContext(ctx, "uploads given up", "uploads", n, "err", err)
			}
			if err == nil {
				n, err = c.Catalogue.ExpireDeliveries(ctx, remove)
				if ctx.Err() == nil && (err != nil || n > 0) {
					c.Slog.InfoContext(ctx, "delivered files removed", "deliveries", n, "err", err)
				}
			}
			if err == nil { // else it is tried again at once
				uploads = time.Now()
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(keepEvery):
		}
	}
}
