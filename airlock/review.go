package airlock

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// reviewable are the states in which checkers vote and comment.
func reviewable(state string) bool {
	return state == "submitted" || state == "partly-reviewed" || state == "reviewed"
}

// mine returns the actor's review of this round, making it on first use. One
// human being counts once: a second account of the same human is refused.
func (r *Request) mine(u *governance.User) (*CheckerReview, error) {
	for i := range r.Reviews {
		rev := &r.Reviews[i]
		if rev.Round != r.Round || rev.Human != u.Human {
			continue
		}
		if rev.Checker != u.ID {
			return nil, ark.Faultf(ark.Forbidden, "you are reviewing this request from another account already").Do("go on there: one person counts once").By("one-human-counts-once")
		}
		return rev, nil
	}
	r.Reviews = append(r.Reviews, CheckerReview{Checker: u.ID, Human: u.Human, Org: u.Org, Round: r.Round, Votes: map[string]string{}})
	return &r.Reviews[len(r.Reviews)-1], nil
}

// Vote records a checker's vote on one output file. It can be changed until
// that checker finishes the review.
func (x *Room) Vote(ctx context.Context, actor store.Actor, request, file, vote string) error {
	if vote != VoteApprove && vote != VoteChanges {
		return ark.Faultf(ark.Invalid, "a vote is either approve or changes").At("", 0, "vote")
	}
	return x.review(ctx, actor, request, "request.vote", func(tx *store.Tx, r *Request, u *governance.User) (string, error) {
		f, err := r.file(file)
		if err != nil {
			return "", err
		}
		if f.Kind != KindOutput {
			return "", ark.Faultf(ark.Conflict, "supporting files are not voted on: they never leave")
		}
		if f.Release != "" {
			return "", ark.Faultf(ark.Conflict, "this file has been released already")
		}
		rev, err := r.mine(u)
		if err != nil {
			return "", err
		}
		if !rev.Done.IsZero() {
			return "", ark.Faultf(ark.Conflict, "you have finished this review").Do("return the request if you changed your mind")
		}
		rev.Votes[f.ID] = vote
		return "request.voted", nil
	})
}

// Finish ends a checker's review of this round: they have voted on every
// output file and said why where they ask for changes.
func (x *Room) Finish(ctx context.Context, actor store.Actor, request string) error {
	return x.review(ctx, actor, request, "request.vote", func(tx *store.Tx, r *Request, u *governance.User) (string, error) {
		rev, err := r.mine(u)
		if err != nil {
			return "", err
		}
		if !rev.Done.IsZero() {
			return "", ark.Faultf(ark.Conflict, "you have finished this review already")
		}
		for _, f := range r.Files {
			if !f.asks() {
				continue
			}
			switch rev.Votes[f.ID] {
			case VoteApprove:
			case VoteChanges:
				if !r.commented(actor.User, f) {
					return "", ark.Faultf(ark.Invalid, "file %d needs a comment that says what to change", f.Ordinal).Do("comment on the file or its group")
				}
			default:
				return "", ark.Faultf(ark.Invalid, "file %d has no vote yet", f.Ordinal).Do("vote on every output file")
			}
		}
		rev.Done = tx.Now()
		next := "partly-reviewed"
		if r.enough() {
			next = "reviewed"
		}
		if r.State != next {
			if err := x.move(tx, r, next, "request.vote"); err != nil {
				return "", err
			}
		}
		return "request.review-finished", nil
	})
}

// commented reports whether the checker commented on f or its group this round.
func (r *Request) commented(checker string, f File) bool {
	for _, c := range r.Comments {
		if c.Author == checker && c.Round == r.Round && (c.File == f.ID || c.File == "" && c.Group == f.Group) {
			return true
		}
	}
	return false
}

// finished counts the finished reviews of this round, by human beings.
func (r *Request) finished() int {
	n := 0
	for _, rev := range r.Reviews {
		if rev.Round == r.Round && !rev.Done.IsZero() {
			n++
		}
	}
	return n
}

// enough reports whether as many have finished this round as the permit asks,
// and from as many organisations.
func (r *Request) enough() bool {
	orgs := map[string]bool{}
	for _, rev := range r.Reviews {
		if rev.Round == r.Round && !rev.Done.IsZero() {
			orgs[rev.Org] = true
		}
	}
	return r.Checkers > 0 && r.finished() >= r.Checkers && (!r.Apart || len(orgs) > 1)
}

// asks reports whether f waits for a decision: it is to leave, and has not.
func (f File) asks() bool { return f.Kind == KindOutput && f.Release == "" }

// Decisions.
const (
	Undecided  = ""
	Approved   = "approved"
	Changes    = "changes"
	Conflicted = "conflicted"
)

// Decision combines the finished votes on a file: undecided until enough
// checkers have finished; approved when as many approve as are needed, even if
// a further one does not; changes when none approves; conflicted otherwise.
func (r *Request) Decision(f File) string {
	approve, change := 0, 0
	orgs := map[string]bool{}
	for _, rev := range r.Reviews {
		if rev.Round != r.Round || rev.Done.IsZero() {
			continue
		}
		switch rev.Votes[f.ID] {
		case VoteApprove:
			approve++
			orgs[rev.Org] = true
		case VoteChanges:
			change++
		}
	}
	switch {
	case r.Checkers < 1 || approve+change < r.Checkers || !r.enough():
		return Undecided
	case approve >= r.Checkers && (!r.Apart || len(orgs) > 1):
		return Approved
	case approve == 0:
		return Changes
	default:
		return Conflicted
	}
}

// Comment adds a remark. Authors write while the request is theirs, checkers
// while it is under review; an author's comment is always public.
func (x *Room) Comment(ctx context.Context, actor store.Actor, request string, c Comment) error {
	if strings.TrimSpace(c.Text) == "" {
		return ark.Faultf(ark.Invalid, "the comment is empty").At("", 0, "text")
	}
	if len(c.Text) > maxText {
		return ark.Faultf(ark.TooMuch, "the comment is longer than %d characters", maxText).At("", 0, "text").Do("shorten it")
	}
	return x.review(ctx, actor, request, "request.comment", func(tx *store.Tx, r *Request, u *governance.User) (string, error) {
		if c.Group < -1 || c.Group >= len(r.Groups) {
			return "", ark.Faultf(ark.Unknown, "this request has no such group")
		}
		if c.File != "" {
			if _, err := r.file(c.File); err != nil {
				return "", err
			}
		}
		author := r.Author == u.ID
		if len(c.Cell) > 40 {
			return "", ark.Faultf(ark.Invalid, "that is no cell of a file").At("", 0, "cell")
		}
		if c.Reply != "" && !slices.ContainsFunc(r.Comments, func(x Comment) bool { return x.ID == c.Reply && r.maySee(r.viewer(u), x) }) {
			return "", ark.Faultf(ark.Unknown, "there is no such comment to answer")
		}
		switch {
		case author && r.State != "returned" && r.State != "blocked" && r.State != "held":
			return "", x.refusal(r)
		case !author && !reviewable(r.State):
			return "", x.refusal(r)
		}
		c.ID, c.Round, c.Author, c.At = tx.NewID("cmt"), r.Round, u.ID, tx.Now()
		c.Public = c.Public || author
		c.Blind = r.State == "submitted" || r.State == "partly-reviewed"
		c.Resolved, c.ResolvedBy = time.Time{}, ""
		r.Comments = append(r.Comments, c)
		return "request.commented", nil
	})
}

// said is the groups on which this round has a comment that the author may
// read. In the independent phase only the checker's own count.
func (r *Request) said(u *governance.User) map[int]bool {
	said := map[int]bool{}
	for _, c := range r.Comments {
		if r.Phase() == PhaseIndependent && c.Author != u.ID {
			continue
		}
		if c.Round == r.Round && c.Public && !r.authored(c.Author) {
			g := c.Group
			if c.File != "" {
				if f, err := r.file(c.File); err == nil {
					g = f.Group
				}
			}
			said[g] = true
		}
	}
	return said
}

// Return gives the request back to its author. In the independent phase the
// checker needs a public comment of their own: whether somebody else wrote one
// is hidden. In the open phase every group with a file that is not approved
// needs a public comment of this round.
func (x *Room) Return(ctx context.Context, actor store.Actor, request string) error {
	return x.review(ctx, actor, request, "request.return", func(tx *store.Tx, r *Request, u *governance.User) (string, error) {
		if !reviewable(r.State) {
			return "", x.refusal(r)
		}
		said := r.said(u)
		if r.State != "reviewed" && len(said) == 0 {
			return "", ark.Faultf(ark.Invalid, "tell the author what to change").Do("write a comment that the author can see")
		}
		for _, f := range r.Files {
			if r.State == "reviewed" && f.asks() && r.Decision(f) != Approved && !said[f.Group] {
				return "", ark.Faultf(ark.Invalid, "group %d has a file that is not approved and no comment for the author", f.Group+1).Do("say what to change")
			}
		}
		return "request.returned", x.move(tx, r, "returned", "request.return")
	})
}

// Reject refuses a request for good: for data that must never leave.
func (x *Room) Reject(ctx context.Context, actor store.Actor, request, reason string) error {
	if strings.TrimSpace(reason) == "" || len(reason) > maxText {
		return ark.Faultf(ark.Invalid, "a refusal for good needs a reason of at most %d characters", maxText).At("", 0, "reason")
	}
	return x.review(ctx, actor, request, "request.reject", func(tx *store.Tx, r *Request, u *governance.User) (string, error) {
		r.Says = reason
		return "request.rejected", x.move(tx, r, "rejected", "request.reject")
	})
}

// Withdraw ends a request by its author.
func (x *Room) Withdraw(ctx context.Context, actor store.Actor, request string) error {
	return x.review(ctx, actor, request, "request.withdraw", func(tx *store.Tx, r *Request, u *governance.User) (string, error) {
		return "request.withdrawn", x.move(tx, r, "withdrawn", "request.withdraw")
	})
}

// review is the shape of every act on a request: the door, the request and the
// acting user in the transaction, a change, one event.
func (x *Room) review(ctx context.Context, actor store.Actor, request, action string, change func(*store.Tx, *Request, *governance.User) (string, error)) error {
	return x.St.Act(ctx, actor, action, resource(request), func(tx *store.Tx) ([]store.Event, error) {
		r, err := requests.Get(ctx, tx, request)
		if err != nil {
			return nil, err
		}
		u, err := governance.GetUser(ctx, tx, actor.User)
		if err != nil {
			return nil, err
		}
		if action == "request.vote" && !reviewable(r.State) {
			return nil, x.refusal(r)
		}
		kind, err := change(tx, r, u)
		if err != nil {
			return nil, err
		}
		e := r.event(kind, map[string]int{"round": r.Round})
		if u.ID != r.Author && (action == "request.vote" || action == "request.comment" || action == "request.override") {
			e = r.blindEvent(kind, map[string]int{"round": r.Round})
		}
		return []store.Event{e}, put(ctx, tx, r)
	})
}

// Resolve marks a comment as dealt with, or takes the mark away. Who may see it
// and may comment now may say so.
func (x *Room) Resolve(ctx context.Context, actor store.Actor, request, comment string, done bool) error {
	return x.review(ctx, actor, request, "request.comment", func(tx *store.Tx, r *Request, u *governance.User) (string, error) {
		author := r.Author == u.ID
		if author && r.State != "returned" && r.State != "blocked" && r.State != "held" || !author && !reviewable(r.State) {
			return "", x.refusal(r)
		}
		for i := range r.Comments {
			c := &r.Comments[i]
			if c.ID != comment || !r.maySee(r.viewer(u), *c) {
				continue
			}
			c.Resolved, c.ResolvedBy = time.Time{}, ""
			if done {
				c.Resolved, c.ResolvedBy = tx.Now(), u.ID
			}
			return "request.comment-resolved", nil
		}
		return "", ark.Faultf(ark.Unknown, "there is no such comment")
	})
}
