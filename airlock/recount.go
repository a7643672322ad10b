package airlock

import (
	"context"
	"errors"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// errRecount ends a release whose reviews no longer count as they did.
var errRecount = errors.New("reviews of this round no longer count")

// recountedSays is what the page of a recounted request tells its checkers. It
// names nobody, and no vote.
const recountedSays = "a finished review of this round no longer counts, since whoever gave it may not review it any more; another output checker has to"

// gone returns the finished reviews of this round that do not count as things
// stand now: their checker may not review this request any more (suspended, the
// role taken away, on the project since), or is the same human being as another.
func (x *Room) gone(ctx context.Context, q store.Querier, r *Request) ([]int, error) {
	var out []int
	humans := map[string]bool{}
	for i, rev := range r.Reviews {
		if rev.Round != r.Round || rev.Done.IsZero() {
			continue
		}
		human, err := x.mayStill(ctx, q, r, rev.Checker)
		if err != nil {
			return nil, err
		}
		if human == "" || humans[human] {
			out = append(out, i)
		}
		humans[human] = true
	}
	return out, nil
}

// mayStill returns the human being behind a checker, "" where they may not
// review the request any more.
func (x *Room) mayStill(ctx context.Context, q store.Querier, r *Request, checker string) (string, error) {
	err := x.St.CheckIn(ctx, q, store.Actor{User: checker}, "request.vote", resource(r.ID))
	switch {
	case ark.Is(err, ark.Forbidden), ark.Is(err, ark.Lapsed):
		return "", nil
	case err != nil:
		return "", err
	}
	u, err := governance.GetUser(ctx, q, checker)
	if err != nil {
		return "", err
	}
	return u.Human, nil
}

// recount takes reviews that no longer count out of the round and, where too
// few are left, gives the request back to the queue. Their votes stay, as
// unfinished: whoever may review again confirms them.
func (x *Room) recount(ctx context.Context, request string) error {
	return x.St.Act(ctx, store.Actor{System: "governance"}, "request.recount", resource(request), func(tx *store.Tx) ([]store.Event, error) {
		r, err := requests.Get(ctx, tx, request)
		if err != nil {
			return nil, err
		}
		gone, err := x.gone(ctx, tx, r)
		if err != nil {
			return nil, err
		}
		if r.State != "reviewed" || len(gone) == 0 {
			return []store.Event{r.event("request.recount-known", nil)}, nil
		}
		for _, i := range gone {
			r.Reviews[i].Done = time.Time{}
		}
		r.Recounted = r.Round
		to := "reviewed"
		switch {
		case r.enough():
		case r.finished() > 0:
			to = "partly-reviewed"
		default:
			to = "submitted"
		}
		if to != r.State {
			if err := x.move(tx, r, to, "request.recount"); err != nil {
				return nil, err
			}
			r.Says = recountedSays
		}
		return []store.Event{r.event("request.recounted", map[string]int{"round": r.Round, "gone": len(gone)})}, put(ctx, tx, r)
	})
}

// recounted is what a release is told whose reviews were recounted.
func recounted() error {
	return ark.Faultf(ark.Conflict, "%s", recountedSays).Do("it is in the queue again; release it when enough have finished").By("only-who-may-review-counts")
}
