package suppress

import (
	"context"
	"fmt"
	"math"
	"math/big"

	"github.com/ark-tre/ark/airlock/suppress/highs"
)

// attacker solves the attacker's problem: how far may cell p be from its
// value, given everything published? Variables are deviations from the true
// values; a published cell may not deviate.
type attacker struct {
	t     *table
	m     *highs.Model
	cost  []float64
	lo    []float64
	hi    []float64
	big   float64 // stands for no bound when a witness is wanted
	calls int
}

func float(r *big.Rat) float64 { f, _ := r.Float64(); return f }

func newAttacker(s *highs.Solver, t *table) (*attacker, error) {
	a := &attacker{t: t, cost: make([]float64, t.n), lo: make([]float64, t.n), hi: make([]float64, t.n), big: 1}
	for i := range t.n {
		a.big += math.Abs(float(t.value[i]))
	}
	for _, g := range t.primary {
		a.big += float(g.upl) + float(g.lpl) + float(g.spl)
	}
	a.big *= 4
	p := highs.Problem{Cost: a.cost, ColLo: a.lo, ColHi: a.hi, Start: []int32{0}}
	for _, e := range t.eqs {
		p.RowLo, p.RowHi = append(p.RowLo, 0), append(p.RowHi, 0)
		for k, c := range e.cells {
			p.Index, p.Value = append(p.Index, int32(c)), append(p.Value, float64(e.signs[k]))
		}
		p.Start = append(p.Start, int32(len(p.Index)))
	}
	var err error
	if a.m, err = s.Load(p); err != nil {
		return nil, err
	}
	for name, v := range map[string]float64{"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9} {
		if err := a.m.SetDouble(name, v); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// allow sets how far each cell may deviate: x is 1 for withheld, 0 for
// published, anything between for the relaxation. known cells stay put.
func (a *attacker) allow(x []float64, known []int) error {
	for i := range a.t.n {
		a.lo[i], a.hi[i] = 0, 0
		if x[i] <= 1e-9 {
			continue
		}
		a.lo[i], a.hi[i] = math.Inf(-1), math.Inf(1)
		if d := a.t.down[i]; d != nil {
			a.lo[i] = -float(d) * x[i]
		}
		if u := a.t.up[i]; u != nil {
			a.hi[i] = float(u) * x[i]
		}
	}
	for _, k := range known {
		a.lo[k], a.hi[k] = 0, 0
	}
	return a.m.SetBounds(a.lo, a.hi)
}

// answer is one attack: the deviation reached, the table that reaches it and
// the multipliers that show no table goes further.
type answer struct {
	reach float64 // ±Inf if nothing bounds it
	delta []float64
	g     []float64
}

// push maximises dir·(deviation of cell).
func (a *attacker) push(ctx context.Context, cell int, dir float64) (answer, error) {
	if err := ctx.Err(); err != nil {
		return answer{}, err
	}
	a.cost[cell] = -dir
	defer func() { a.cost[cell] = 0 }()
	if err := a.m.SetCost(a.cost); err != nil {
		return answer{}, err
	}
	a.calls++
	sol, err := a.m.Solve()
	if err != nil {
		return answer{}, err
	}
	if sol.Status == highs.Unbounded {
		// Solve once more inside a box, for a table that shows it.
		lo, hi := make([]float64, a.t.n), make([]float64, a.t.n)
		for i := range lo {
			lo[i], hi[i] = max(a.lo[i], -a.big), min(a.hi[i], a.big)
		}
		if err := a.m.SetBounds(lo, hi); err != nil {
			return answer{}, err
		}
		a.calls++
		if sol, err = a.m.Solve(); err != nil {
			return answer{}, err
		}
		if err := a.m.SetBounds(a.lo, a.hi); err != nil {
			return answer{}, err
		}
		if sol.Status != highs.Optimal {
			return answer{}, fmt.Errorf("suppress: the solver gave no answer to an attack (status %d)", sol.Status)
		}
		return answer{reach: math.Inf(int(dir)), delta: sol.X}, nil
	}
	if sol.Status != highs.Optimal {
		return answer{}, fmt.Errorf("suppress: the solver gave no answer to an attack (status %d)", sol.Status)
	}
	ans := answer{reach: sol.X[cell], delta: sol.X, g: make([]float64, len(sol.RowDual))}
	for k, y := range sol.RowDual {
		ans.g[k] = -y
	}
	return ans, nil
}

// reducedCosts is d = dir·e_p − M'g for given multipliers, over all cells.
func (t *table) reducedCosts(cell int, dir float64, g []float64) []float64 {
	d := make([]float64, t.n)
	d[cell] = dir
	for k, e := range t.eqs {
		if g[k] == 0 {
			continue
		}
		for j, c := range e.cells {
			d[c] -= g[k] * float64(e.signs[j])
		}
	}
	for i, v := range d {
		if math.Abs(v) < 1e-9 {
			d[i] = 0
		}
	}
	return d
}

// simple rounds multipliers to fractions with one small denominator, when
// they all are within 1e-6 of such; else it returns them as they are.
func simple(g []float64) []float64 {
	for _, den := range []float64{1, 2, 3, 4, 6, 12, 60} {
		out, ok := make([]float64, len(g)), true
		for i, v := range g {
			r := math.Round(v * den)
			if math.Abs(v*den-r) > 1e-6 {
				ok = false
				break
			}
			out[i] = r / den
		}
		if ok {
			return out
		}
	}
	return g
}
