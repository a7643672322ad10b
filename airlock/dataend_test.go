package airlock_test

import (
	"context"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// Attack: an output is submitted, sent again, released, or was just being
// assembled when the data that it was made of were taken back or destroyed. It
// is refused with the reason, and nothing of it is done by half.
func TestNothingLeavesOfDataThatIsGone(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	gone := false
	w.Room.Data = func(context.Context, store.Querier, string) (airlock.Data, error) {
		if gone {
			return airlock.Data{}, ark.Faultf(ark.Conflict, "version 3, which its extract was cut from, was destroyed")
		}
		return airlock.Data{}, nil
	}
	returned, reviewed, approved := w.in(t, "returned"), w.in(t, "reviewed"), w.in(t, "approved")
	gone = true
	refusals := func() (n int) {
		must(t, w.St.View(ctx, func(q store.Querier) error {
			return q.QueryRowContext(ctx, "SELECT (SELECT COUNT(*) FROM jobs) + (SELECT COUNT(*) FROM requests) + (SELECT COUNT(*) FROM releases) + (SELECT COUNT(*) FROM outbox WHERE type LIKE 'request.%' OR type LIKE 'release.%')").Scan(&n)
		}))
		return n
	}
	before := refusals()
	for name, do := range map[string]func() error{
		"submitted": func() error {
			_, err := w.Submit(ctx, w.as("author"), w.workspace, submission())
			return err
		},
		"sent again": func() error { return w.Resubmit(ctx, w.as("author"), returned, submission(), "rounded") },
		"released":   func() error { return w.Release(ctx, w.as("cy"), reviewed, false) },
	} {
		if err := do(); !ark.Is(err, ark.Conflict) || !strings.Contains(err.Error(), "was destroyed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := refusals(); after != before {
		t.Errorf("a refusal left %d rows", after-before)
	}
	for id, state := range map[string]string{returned: "returned", reviewed: "reviewed"} {
		if got := w.look(t, "author", id).State; got != state {
			t.Errorf("a request that was %s is %s", state, got)
		}
	}
	w.sign(t, approved, nil)
	if v := w.look(t, "cy", approved); v.State != "reviewed" || !strings.Contains(v.Says, "was destroyed") || len(v.Releases) > 0 {
		t.Errorf("what was being assembled is %s and says %q", v.State, v.Says)
	}
	gone = false // made anew of data that is there, as after a new cut
	must(t, w.Release(ctx, w.as("cy"), approved, false))
}
