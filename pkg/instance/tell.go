package instance

import (
	"context"
	"time"
)

// tell sends the airlock's messages, and nudges about what nobody has taken,
// until ctx ends. What cannot be sent is tried again; what was sent may, after
// a crash, be sent once more: receivers know a message by its id.
func (c *Control) tell(ctx context.Context) error {
	sender, err := c.Config.Notify.sender(string(c.credential.SMTPPassword))
	if err != nil {
		return err
	}
	if !sender.On() {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(20 * time.Second)
	defer tick.Stop()
	for {
		if _, err := c.Airlock.Nudge(ctx); err != nil && ctx.Err() == nil {
			c.Slog.WarnContext(ctx, "nudges could not be written", "err", err)
		}
		all, err := c.Airlock.Unsent(ctx, c.Config.Origin)
		if err != nil && ctx.Err() == nil {
			c.Slog.WarnContext(ctx, "messages could not be read", "err", err)
		}
		var sent []string
		for _, m := range all {
			if err := sender.Send(ctx, m); err != nil {
				c.Slog.WarnContext(ctx, "a message could not be sent", "message", m.ID, "err", err)
				break // in order, and not into a server that is down
			}
			sent = append(sent, m.ID)
		}
		if err := c.Airlock.MarkSent(context.WithoutCancel(ctx), sent); err != nil {
			c.Slog.WarnContext(ctx, "sent messages could not be marked", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
