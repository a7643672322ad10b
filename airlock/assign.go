package airlock

import (
	"context"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// Claim says that a checker has taken a request in hand. The other checkers
// see it in the queue; it says nothing of what they think of the files.
func (x *Room) Claim(ctx context.Context, actor store.Actor, request string) error {
	return x.review(ctx, actor, request, "request.vote", func(tx *store.Tx, r *Request, u *governance.User) (string, error) {
		if _, err := r.mine(u); err != nil {
			return "", err
		}
		r.assign(Assignment{User: u.ID, By: u.ID, At: tx.Now()})
		return "request.claimed", nil
	})
}

// Assign gives a request to a checker, or with give unset takes it from them.
// A checker who has begun keeps what they wrote.
func (x *Room) Assign(ctx context.Context, actor store.Actor, request, user string, give bool) error {
	return x.review(ctx, actor, request, "request.assign", func(tx *store.Tx, r *Request, _ *governance.User) (string, error) {
		if !reviewable(r.State) && r.State != "contested" {
			return "", x.refusal(r)
		}
		if !give {
			r.Assigned = slices.DeleteFunc(r.Assigned, func(a Assignment) bool { return a.User == user })
			return "request.unassigned", nil
		}
		u, err := governance.GetUser(ctx, tx, user)
		if err != nil {
			return "", err
		}
		if err := x.St.CheckIn(ctx, tx, store.Actor{User: u.ID}, "request.vote", resource(r.ID)); err != nil {
			return "", ark.Faultf(ark.Forbidden, "that user may not review this request").Do("give it to an output checker who is not on the project").Because(err)
		}
		r.assign(Assignment{User: u.ID, By: actor.User, At: tx.Now()})
		return "request.assigned", nil
	})
}

func (r *Request) assign(a Assignment) {
	if !slices.ContainsFunc(r.Assigned, func(have Assignment) bool { return have.User == a.User }) {
		r.Assigned = append(r.Assigned, a)
	}
}

// Reassign gives a request whose author has left to another user whom the
// permit names. Who was its author once never checks it.
func (x *Room) Reassign(ctx context.Context, actor store.Actor, request, user string) error {
	return x.review(ctx, actor, request, "request.reassign", func(tx *store.Tx, r *Request, _ *governance.User) (string, error) {
		if x.machine.Final(r.State) || r.State == "approved" {
			return "", x.refusal(r)
		}
		u, err := governance.GetUser(ctx, tx, user)
		if err != nil {
			return "", err
		}
		named, _ := tx.Resource().Attrs["permitUsers"].([]string)
		took := slices.ContainsFunc(r.Reviews, func(rev CheckerReview) bool { return rev.Human == u.Human })
		switch {
		case u.ID == r.Author:
			return "", ark.Faultf(ark.Conflict, "that user is its author already")
		case !slices.Contains(named, u.ID) || u.Suspended:
			return "", ark.Faultf(ark.Forbidden, "the permit does not name that user").Do("choose somebody whom the permit names").By("only-on-the-permit")
		case took:
			return "", ark.Faultf(ark.Forbidden, "that user has reviewed this request").By("nobody-checks-their-own-project")
		}
		r.Former, r.Author, r.Workspace = append(r.Former, r.Author), u.ID, ""
		return "request.reassigned", nil
	})
}
