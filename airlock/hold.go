package airlock

import (
	"context"

	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// Hold takes a request back for a while. Its reviews are kept as they are: it
// can be resumed unchanged, or answered with changed files in a new round.
func (x *Room) Hold(ctx context.Context, actor store.Actor, request string) error {
	return x.review(ctx, actor, request, "request.hold", func(tx *store.Tx, r *Request, _ *governance.User) (string, error) {
		from := r.State
		if err := x.move(tx, r, "held", "request.hold"); err != nil {
			return "", err
		}
		r.HeldFrom = from
		return "request.held", nil
	})
}

// Resume gives a held request back to its checkers as it was.
func (x *Room) Resume(ctx context.Context, actor store.Actor, request string) error {
	return x.review(ctx, actor, request, "request.resume", func(tx *store.Tx, r *Request, _ *governance.User) (string, error) {
		if r.State != "held" {
			return "", x.refusal(r)
		}
		if err := x.move(tx, r, r.HeldFrom, "request.resume"); err != nil {
			return "", err
		}
		r.HeldFrom = ""
		return "request.resumed", nil
	})
}

// hides is the phase whose rules say who sees what: a held request keeps the
// blindness of the state it was held in.
func (r *Request) hides() Phase {
	if r.State == "held" {
		return phaseOf(r.HeldFrom)
	}
	return r.Phase()
}

// settled reports whether the rounds that a hold cut short may be shown to
// those for whom they are: the request has come to a decision since.
func (r *Request) settled() bool {
	switch r.State {
	case "returned", "appealed", "approved", "released", "rejected", "withdrawn":
		return true
	}
	return false
}

// authored reports whether the user is, or was, the request's author.
func (r *Request) authored(user string) bool {
	for _, f := range r.Former {
		if f == user {
			return true
		}
	}
	return r.Author == user
}
