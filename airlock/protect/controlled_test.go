package protect

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/disclosure"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// Controlled rounding keeps every sum and moves no count by a whole base; no
// true count follows from what is shown.
func TestControlledRounding(t *testing.T) {
	a := NewAttacker(nil)
	a.solver = solver(t)
	p := profile(t, "cms")
	p.Evidence["rounding"] = policy.Evidence{Source: "this test", Date: "2026-11-22", Grade: policy.Own}
	p.Rounding = &policy.Rounding{Base: 5, Mode: policy.Controlled, Order: "round-only", Totals: "own"}
	rng := rand.New(rand.NewPCG(4, 4))
	for range 12 {
		rows, cols := 2+rng.IntN(5), 2+rng.IntN(4)
		text := "area"
		for c := range cols {
			text += fmt.Sprintf(",col%c", 'a'+c)
		}
		text += ",Total\n"
		sums := make([]int, cols+1)
		for r := range rows {
			text += fmt.Sprintf("row%c", 'a'+r)
			all := 0
			for c := range cols {
				n := rng.IntN(60)
				all, sums[c] = all+n, sums[c]+n
				text += fmt.Sprintf(",%d", n)
			}
			sums[cols] += all
			text += fmt.Sprintf(",%d\n", all)
		}
		text += "Total"
		for _, s := range sums {
			text += fmt.Sprintf(",%d", s)
		}
		text += "\n"
		r, err := disclosure.RoundTable(context.Background(), p, file("t.csv", text, a), 0)
		if err != nil {
			t.Fatal(err)
		}
		if r.Audit.Furthest >= 5 || r.Audit.Exact > 0 || r.Audit.Narrowest < 1 {
			t.Errorf("%+v\n%s\n%s", r.Audit, text, r.Table)
		}
		lines := strings.Split(strings.TrimSpace(r.Table), "\n")
		total := make([]int, cols+1)
		for i, l := range lines[1:] {
			f, left := strings.Split(l, ",")[1:], 0
			for c, s := range f {
				var n int
				if _, err := fmt.Sscan(s, &n); err != nil || n%5 != 0 {
					t.Fatalf("%q is not rounded", s)
				}
				if c < cols {
					left += n
				} else if left != n {
					t.Errorf("row %d doesn't add up: %s", i, l)
				}
				if i < rows {
					total[c] += n
				} else if total[c] != n {
					t.Errorf("column %d doesn't add up:\n%s", c, r.Table)
				}
			}
		}
	}
	if _, err := disclosure.RoundTable(context.Background(), p, file("t.csv", "g,n\na,12\n", nil), 0); err == nil {
		t.Error("controlled rounding without a solver did something")
	}
}
