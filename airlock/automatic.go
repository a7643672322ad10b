package airlock

import (
	"context"
	"slices"

	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/policies"
)

// alone reports whether a request is one that automatic release would be for:
// of a class that the policy names, every check passed, nothing to look at,
// nobody's sign-off asked. It is noted beside what people then decide, without
// their seeing it: these are the figures that could justify switching it on.
// Nothing acts on it: the machine of requests has no way from its checks to
// approved, so that switching it on is a change of the states too.
func (x *Room) alone(r *Request) bool {
	if r.Calibration || len(r.NeedSigns) > 0 || !slices.Contains(x.automatic.Classes, r.Class) {
		return false
	}
	for _, f := range r.Files {
		if f.Kind == KindOutput && (f.Verdict != "pass" || len(f.Waved) > 0) {
			return false
		}
	}
	return true
}

// Alone is what people decided on requests that automatic release would have
// been for.
type Alone struct {
	Requests int `json:"requests"` // decided
	Missed   int `json:"missed"`   // returned or refused by people
}

// ReadAlone sums it up.
func ReadAlone(ctx context.Context, q store.Querier) (Alone, error) {
	var a Alone
	all, err := requests.Where(ctx, q, "state IN ('released', 'returned', 'rejected')")
	for i := range all {
		if all[i].Alone {
			a.Requests++
			if all[i].State != "released" {
				a.Missed++
			}
		}
	}
	return a, err
}

func mustAutomatic() policies.Automatic {
	a, err := policies.LoadAutomatic()
	if err != nil {
		panic(err) // embedded, and tested with the program
	}
	return a
}
