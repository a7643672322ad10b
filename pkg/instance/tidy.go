package instance

import (
	"context"
	"log/slog"
	"time"
)

// Half an upload is what a process leaves that is killed while it writes: it
// has no name and nobody can read it. A request takes an hour at most and a
// job keeps no upload open for long, so one of a day is nobody's.
const (
	tidyEvery = time.Hour
	tidyAfter = 24 * time.Hour
)

// tidy removes half uploads from the role's zones, until ctx ends.
func (r *Role) tidy(ctx context.Context, log *slog.Logger) error {
	every, after := tidyEvery, tidyAfter
	if t := testLease(); t > 0 {
		every, after = t, 4*t
	}
	for {
		for _, z := range r.Grant.Zones {
			gone, err := r.Objects.Sweep(ctx, z, time.Now().Add(-after))
			if len(gone) > 0 {
				log.InfoContext(ctx, "half uploads removed", "zone", string(z), "n", len(gone))
			}
			if err != nil && ctx.Err() == nil { // another role of the zone may be allowed to
				log.DebugContext(ctx, "half uploads not removed", "zone", string(z), "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
}
