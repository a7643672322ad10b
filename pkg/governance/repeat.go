package governance

import (
	"context"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// Later is what was taken away after a backup, as a later ledger tells it.
type Later struct {
	Closed    []string `json:"closed,omitempty"`    // projects
	Suspended []string `json:"suspended,omitempty"` // projects
	Users     []string `json:"users,omitempty"`     // accounts
}

// Repeat takes away again, inside the change that restores an Ark from a
// backup, what was taken away after it. What the backup does not know is
// passed over: nobody has it.
func (r *Room) Repeat(ctx context.Context, tx *store.Tx, l Later) (events []store.Event, err error) {
	for _, id := range l.Users {
		u, err := users.Get(ctx, tx, id)
		if ark.Is(err, ark.Unknown) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if u.Suspended {
			continue
		}
		u.Suspended = true
		if err := users.Update(ctx, tx, u); err != nil {
			return nil, err
		}
		events = append(events, userEvent("user.suspended", *u))
	}
	for _, id := range l.Suspended {
		e, err := r.again(ctx, tx, id, "suspended", "project.suspend")
		if err != nil {
			return nil, err
		}
		events = append(events, e...)
	}
	for _, id := range l.Closed {
		e, err := r.again(ctx, tx, id, "closing", "project.close")
		if err != nil {
			return nil, err
		}
		if len(e) > 0 {
			if _, err := tx.Enqueue(ctx, "close-project", "control", id, map[string]string{"project": id}); err != nil {
				return nil, err
			}
		}
		events = append(events, e...)
	}
	return events, nil
}

// again moves a project, unless it is there already or is not so far.
func (r *Room) again(ctx context.Context, tx *store.Tx, id, to, action string) ([]store.Event, error) {
	p, err := projects.Get(ctx, tx, id)
	if ark.Is(err, ark.Unknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if r.project.Move(p.State, to, action) != nil {
		return nil, nil
	}
	return r.move(ctx, tx, id, to, action, "It was "+to+" after the backup from which this Ark was restored.")
}

// Moved has everybody whom one issuer knew be known by another name of it,
// inside the change that restores an Ark at another address.
func (r *Room) Moved(ctx context.Context, tx *store.Tx, from, to string) error {
	all, err := Users(ctx, tx)
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].Issuer != from {
			continue
		}
		all[i].Issuer = to
		if err := users.Update(ctx, tx, &all[i]); err != nil {
			return err
		}
	}
	return nil
}
