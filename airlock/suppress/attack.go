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
// values of the cells that may deviate at all.
type attacker struct {
	t     *table
	s     *highs.Solver
	m     *highs.Model
	cells []int // of each variable
	at    []int // variable of each cell, or -1
	rows  []int // equation of each row
	cost  []float64
	lo    []float64
	hi    []float64
	big   float64 // stands for no bound when a witness is wanted
	calls int
}

func float(r *big.Rat) float64 { f, _ := r.Float64(); return f }

func newAttacker(s *highs.Solver, t *table) *attacker {
	a := &attacker{t: t, s: s, at: make([]int, t.n), big: 1}
	for i := range t.n {
		a.big += math.Abs(float(t.value[i]))
	}
	for _, g := range t.primary {
		a.big += float(g.upl) + float(g.lpl) + float(g.spl)
	}
	a.big *= 4
	return a
}

// allow sets how far each cell may deviate: x is 1 for withheld, 0 for
// published, anything between for the relaxation. known cells stay put.
func (a *attacker) allow(x []float64, known []int) error {
	if a.m != nil {
		a.m.Close()
		a.m = nil
	}
	fixed := map[int]bool{}
	for _, k := range known {
		fixed[k] = true
	}
	a.cells, a.lo, a.hi, a.rows = nil, nil, nil, nil
	for i := range a.t.n {
		a.at[i] = -1
		if x[i] <= 1e-9 || fixed[i] {
			continue
		}
		lo, hi := math.Inf(-1), math.Inf(1)
		if d := a.t.down[i]; d != nil {
			lo = -float(d) * x[i]
		}
		if u := a.t.up[i]; u != nil {
			hi = float(u) * x[i]
		}
		a.at[i] = len(a.cells)
		a.cells, a.lo, a.hi = append(a.cells, i), append(a.lo, lo), append(a.hi, hi)
	}
	a.cost = make([]float64, len(a.cells))
	if len(a.cells) == 0 {
		return nil
	}
	p := highs.Problem{Cost: a.cost, ColLo: a.lo, ColHi: a.hi, Start: []int32{0}}
	for k, e := range a.t.eqs {
		before := len(p.Index)
		for j, c := range e.cells {
			if v := a.at[c]; v >= 0 {
				p.Index, p.Value = append(p.Index, int32(v)), append(p.Value, float64(e.signs[j]))
			}
		}
		if len(p.Index) > before {
			a.rows = append(a.rows, k)
			p.RowLo, p.RowHi = append(p.RowLo, 0), append(p.RowHi, 0)
			p.Start = append(p.Start, int32(len(p.Index)))
		}
	}
	var err error
	if a.m, err = a.s.Load(p); err != nil {
		return err
	}
	// From one attack to the next only the objective changes: the primal
	// simplex goes on from the last table.
	for name, v := range map[string]float64{"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9} {
		if err := a.m.SetDouble(name, v); err != nil {
			return err
		}
	}
	if err := a.m.SetString("presolve", "off"); err != nil {
		return err
	}
	return a.m.SetInt("simplex_strategy", 4)
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
	v := a.at[cell]
	if v < 0 || a.m == nil { // the cell may not deviate, and nothing else is needed to show it
		return answer{delta: make([]float64, a.t.n), g: make([]float64, len(a.t.eqs))}, nil
	}
	a.cost[v] = -dir
	defer func() { a.cost[v] = 0 }()
	if err := a.m.SetCost(a.cost); err != nil {
		return answer{}, err
	}
	a.calls++
	sol, err := a.m.Solve()
	if err != nil {
		return answer{}, err
	}
	if sol.Status == highs.Unbounded {
		return a.boxed(dir)
	}
	if sol.Status != highs.Optimal {
		return answer{}, fmt.Errorf("suppress: the solver gave no answer to an attack (status %d)", sol.Status)
	}
	ans := answer{reach: sol.X[v], delta: a.spread(sol.X), g: make([]float64, len(a.t.eqs))}
	for r, y := range sol.RowDual {
		ans.g[a.rows[r]] = -y
	}
	return ans, nil
}

// boxed solves an unbounded attack inside a box, for a table that shows it.
func (a *attacker) boxed(dir float64) (answer, error) {
	lo, hi := make([]float64, len(a.cells)), make([]float64, len(a.cells))
	for i := range lo {
		lo[i], hi[i] = max(a.lo[i], -a.big), min(a.hi[i], a.big)
	}
	if err := a.m.SetBounds(lo, hi); err != nil {
		return answer{}, err
	}
	a.calls++
	sol, err := a.m.Solve()
	if err != nil {
		return answer{}, err
	}
	if err := a.m.SetBounds(a.lo, a.hi); err != nil {
		return answer{}, err
	}
	if sol.Status != highs.Optimal {
		return answer{}, fmt.Errorf("suppress: the solver gave no answer to an attack (status %d)", sol.Status)
	}
	return answer{reach: math.Inf(int(dir)), delta: a.spread(sol.X)}, nil
}

// spread lays the variables out over all cells.
func (a *attacker) spread(x []float64) []float64 {
	out := make([]float64, a.t.n)
	for i, c := range a.cells {
		out[c] = x[i]
	}
	return out
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
