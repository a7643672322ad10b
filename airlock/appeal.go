package airlock

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// Appeal takes a return to an output checker who has had no part in the
// request. The Ark names that checker, by lot over the request's id: the author
// does not choose, and learns from the choice nothing of who reviewed.
func (x *Room) Appeal(ctx context.Context, actor store.Actor, request, why string) error {
	if err := reason(why); err != nil {
		return err
	}
	return x.review(ctx, actor, request, "request.appeal", func(tx *store.Tx, r *Request, u *governance.User) (string, error) {
		if slices.ContainsFunc(r.Appeals, func(a Appeal) bool { return a.Round == r.Round }) {
			return "", ark.Faultf(ark.Conflict, "this return was appealed against already").Do("answer the comments with changed files")
		}
		if err := x.move(tx, r, "appealed", "request.appeal"); err != nil {
			return "", err
		}
		who, err := r.arbiter(ctx, tx)
		if err != nil {
			return "", err
		}
		r.Appeals = append(r.Appeals, Appeal{Round: r.Round, By: u.ID, Reason: why, Arbiter: who, At: tx.Now()})
		return "request.appealed", nil
	})
}

// arbiter draws a checker who is off the project and has had no part.
func (r *Request) arbiter(ctx context.Context, tx *store.Tx) (string, error) {
	out, _ := tx.Resource().Attrs["humans"].([]string)
	out = slices.Clone(out)
	for _, rev := range r.Reviews {
		out = append(out, rev.Human)
	}
	for _, c := range r.Contests {
		for _, o := range c.Opinion {
			out = append(out, o.Human)
		}
	}
	for _, a := range r.Appeals {
		u, err := governance.GetUser(ctx, tx, a.Arbiter)
		if err != nil {
			return "", err
		}
		out = append(out, u.Human)
	}
	for _, c := range r.Comments {
		u, err := governance.GetUser(ctx, tx, c.Author)
		if err != nil {
			return "", err
		}
		out = append(out, u.Human)
	}
	all, err := governance.Users(ctx, tx)
	if err != nil {
		return "", err
	}
	best, lot := "", ""
	for _, u := range all {
		if u.Suspended || !slices.Contains(u.Roles, ark.Checker) || slices.Contains(out, u.Human) {
			continue
		}
		sum := sha256.Sum256([]byte(r.ID + "\x1f" + u.ID))
		if s := string(sum[:]); best == "" || s < lot {
			best, lot = u.ID, s
		}
	}
	if best == "" {
		return "", ark.Faultf(ark.Conflict, "there is no output checker who could decide on an appeal").Do("answer the comments with changed files, or ask the operator for another output checker")
	}
	return best, nil
}

// Arbitrate decides on an appeal. Where the author was right, the arbiter's
// approval counts as one review of a new round over the same files; nobody
// releases on one person's word.
func (x *Room) Arbitrate(ctx context.Context, actor store.Actor, request string, upheld bool, why string) error {
	if strings.TrimSpace(why) == "" || len(why) > maxText {
		return reason(why)
	}
	return x.review(ctx, actor, request, "request.arbitrate", func(tx *store.Tx, r *Request, u *governance.User) (string, error) {
		if r.State != "appealed" {
			return "", x.refusal(r)
		}
		a := &r.Appeals[len(r.Appeals)-1]
		a.Says, a.Decided, a.Outcome = why, tx.Now(), "dismissed"
		r.Comments = append(r.Comments, Comment{ID: tx.NewID("cmt"), Round: r.Round, Author: u.ID, Group: -1, Text: why, Public: true, At: tx.Now()})
		if !upheld {
			return "request.appeal-dismissed", x.move(tx, r, "returned", "request.arbitrate")
		}
		a.Outcome = "upheld"
		old := slices.Clone(r.Files)
		r.Earlier = append(r.Earlier, Round{r.Round, old})
		r.Round++
		rev := CheckerReview{Checker: u.ID, Human: u.Human, Org: u.Org, Round: r.Round, Votes: map[string]string{}, Done: tx.Now()}
		r.Reviews = append(r.Reviews, rev)
		for _, f := range r.Files {
			if f.asks() {
				rev.Votes[f.ID] = VoteApprove
			}
		}
		r.keepVotes(old)
		r.Offered = tx.Now()
		to := "partly-reviewed"
		if r.enough() {
			to = "reviewed"
		}
		return "request.appeal-upheld", x.move(tx, r, to, "request.arbitrate")
	})
}
