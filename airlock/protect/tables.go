package protect

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"sort"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/suppress"
	"github.com/ark-tre/ark/airlock/suppress/highs"
	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// Mark stands in place of every withheld count, primary or not, so that the
// mark doesn't tell which is which.
const Mark = "[c]"

// Protected is the tables of a request with counts withheld, and what is known
// of it.
type Protected struct {
	Tables   map[string]string    `json:"tables"` // CSV by file name
	Audit    Audit                `json:"audit"`
	Verdict  disclosure.Verdict   `json:"verdict"` // of the new tables together, from their bytes
	Findings []disclosure.Finding `json:"findings"`

	Result *suppress.Result `json:"-"`
}

// Audit says what was withheld and why that is enough.
type Audit struct {
	Profile   string          `json:"profile"`
	Cells     int             `json:"cells"`
	Equations int             `json:"equations"`
	Primary   int             `json:"primary"`
	Withheld  int             `json:"withheld"`
	Status    string          `json:"status"`
	Cost      suppress.Number `json:"cost"`
	Bound     suppress.Number `json:"bound"`
	Gap       float64         `json:"gap"`
}

// Tables withholds the counts that a profile doesn't let pass and as few
// others as the budget finds, in all tables at once: so that no withheld count
// can be narrowed below the threshold by whoever knows every count shown, the
// sums and that counts aren't negative. The result is judged again from its
// bytes.
func Tables(ctx context.Context, p policy.Profile, files []disclosure.File, o suppress.Options, b suppress.Budget) (*Protected, error) {
	l, err := disclosure.ReadLinked(p, files)
	if err != nil {
		return nil, err
	}
	q := Problem(l, p)
	out := &Protected{Audit: Audit{Profile: p.Name, Cells: len(l.Cells), Equations: len(l.Equations), Primary: len(q.Primary), Status: "optimal"}}
	withheld := make([]bool, len(l.Cells))
	if len(q.Primary) > 0 {
		if out.Result, err = suppress.Solve(ctx, q, o, b); err != nil {
			return nil, err
		}
		out.Audit.Status, out.Audit.Cost, out.Audit.Bound, out.Audit.Gap = out.Result.Status, out.Result.Cost, out.Result.Bound, out.Result.Gap
		if out.Result.Status == "infeasible" {
			return nil, ark.Faultf(ark.Invalid, "no pattern protects these tables").Do("combine categories, or leave totals out")
		}
		for _, id := range out.Result.Suppressed {
			var k int
			if _, err := fmt.Sscan(id.Key, &k); err != nil || k < 0 || k >= len(withheld) {
				return nil, fmt.Errorf("protect: the pattern names a cell that isn't there")
			}
			withheld[k] = true
			out.Audit.Withheld++
		}
	} else {
		out.Audit.Cost, out.Audit.Bound = suppress.Number{Rat: new(big.Rat)}, suppress.Number{Rat: new(big.Rat)}
	}
	if out.Tables, err = l.Write(withheld, Mark); err != nil {
		return nil, err
	}
	out.Verdict, out.Findings, err = again(ctx, p, out.Tables, files, o.Solver)
	return out, err
}

// Problem is linked tables as a problem of suppression: small counts are
// primary and must be able to reach the threshold; zeros may not be withheld
// for others, since most zeros can be guessed.
func Problem(l *disclosure.Linked, p policy.Profile) *suppress.Problem {
	q := &suppress.Problem{}
	id := func(k int) suppress.ID { return suppress.NumberID(k) }
	whole := func(n int64) suppress.Number { return suppress.Number{Rat: new(big.Rat).SetInt64(n)} }
	no := false
	for k, c := range l.Cells {
		labels, _ := json.Marshal(c.Labels)
		x := suppress.Cell{ID: id(k), Labels: labels, Value: whole(c.Value), Weight: whole(max(c.Value, 1)), LB: whole(0)}
		if c.Value == 0 && !c.Small {
			x.Eligible = &no
		}
		if c.Value == 1 && c.Small {
			one := int64(1)
			x.Contributors = &one
		}
		q.Cells = append(q.Cells, x)
		if c.Small {
			q.Primary = append(q.Primary, suppress.Primary{Cell: id(k), LPL: whole(0), UPL: whole(p.Counts.Least() - c.Value), SPL: whole(0)})
		}
	}
	for _, e := range l.Equations {
		x := suppress.Equation{Total: id(e.Total)}
		for _, k := range e.Parts {
			x.Parts = append(x.Parts, id(k))
		}
		q.Equations = append(q.Equations, x)
	}
	return q
}

// again judges the new tables from their bytes, together.
func again(ctx context.Context, p policy.Profile, tables map[string]string, files []disclosure.File, s *highs.Solver) (disclosure.Verdict, []disclosure.Finding, error) {
	a := NewAttacker(nil)
	a.solver = s
	var names []string
	for n := range tables {
		names = append(names, n)
	}
	sort.Strings(names)
	var fs []disclosure.File
	for _, n := range names {
		f := disclosure.File{Name: n, Reader: strings.NewReader(tables[n]), Attacker: a}
		for _, g := range files {
			if g.Name == n {
				f.Pseudonym = g.Pseudonym
			}
		}
		fs = append(fs, f)
	}
	return disclosure.CheckTables(ctx, p, fs)
}
