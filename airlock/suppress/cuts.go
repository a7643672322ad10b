package suppress

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock/suppress/highs"
)

// cut is a valid inequality of the master problem: Σ value·x ≥ 1 over cells
// that may be withheld.
type cut struct {
	index []int32
	value []float64
}

// capacity gives |d|·room for every cell: how much of the deviation each can
// carry, from a proof's reduced costs. +Inf where nothing bounds it.
func (t *table) capacity(d []float64, into []float64) {
	for c, v := range d {
		room := t.up[c]
		if v < 0 {
			room = t.down[c]
		}
		switch {
		case v == 0:
		case room == nil:
			into[c] = math.Inf(1)
		default:
			into[c] += math.Abs(v) * float(room)
		}
	}
}

// make turns Σ capacity·x ≥ level into a cut: primaries are withheld anyway,
// coefficients above what is missing are lowered to it.
func (t *table) makeCut(capacity []float64, level float64, exact bool) (cut, bool) {
	need := level
	if !exact {
		for _, g := range t.primary {
			need -= capacity[g.cell]
		}
		if need <= 1e-9 {
			return cut{}, false
		}
	}
	var c cut
	for i, v := range capacity {
		if v <= 1e-12 || !t.free[i] {
			continue
		}
		if t.isPrim[i] {
			if exact {
				return cut{}, false // a primary already gives room: not violated
			}
			continue
		}
		k := 1.0
		if !exact {
			k = math.Min(1, v/need)
		}
		c.index, c.value = append(c.index, int32(i)), append(c.value, k)
	}
	return c, len(c.index) > 0
}

// cutsFor derives cuts from the attacks solved on a primary.
func (s *optimiser) cutsFor(g guard, x []float64) []cut {
	up, down := s.j.high[g.cell], s.j.low[g.cell]
	var out []cut
	add := func(capacity []float64, level float64, exact bool) {
		if c, ok := s.t.makeCut(capacity, level, exact); ok {
			out = append(out, c)
		}
	}
	one := func(sh *shown, dir float64, into []float64) bool {
		if sh == nil || !sh.attacked || sh.duals == nil {
			return false
		}
		s.t.capacity(s.t.reducedCosts(g.cell, dir, simple(sh.duals)), into)
		return true
	}
	cu, cd := make([]float64, s.t.n), make([]float64, s.t.n)
	hasUp, hasDown := one(up, 1, cu), one(down, -1, cd)
	if l := float(g.upl); l > 0 && hasUp && up.solver < l-1e-7 {
		add(cu, l, false)
	}
	if l := float(g.lpl); l > 0 && hasDown && -down.solver < l-1e-7 {
		add(cd, l, false)
	}
	if hasUp && hasDown {
		both := make([]float64, s.t.n)
		for i := range both {
			both[i] = cu[i] + cd[i]
		}
		if l := float(g.spl); l > 0 && up.solver-down.solver < l-1e-7 {
			add(both, l, false)
		}
		if g.lpl.Sign() == 0 && g.upl.Sign() == 0 {
			add(both, 0, true)
		}
	}
	return out
}

// insiderCuts: the cells outside what the insider's proofs rest on must give
// the target room; with levels to keep, as much as these ask.
func (s *optimiser) insiderCuts(b insider) []cut {
	capacity := func(dir float64, duals []float64, into []float64) bool {
		if duals == nil {
			return false
		}
		s.t.capacity(s.t.reducedCosts(b.target, dir, simple(duals)), into)
		for _, k := range b.known {
			into[k] = 0
		}
		return true
	}
	var out []cut
	add := func(c []float64, level float64, exact bool) {
		if x, ok := s.t.makeCut(c, level, exact); ok {
			out = append(out, x)
		}
	}
	up, down := make([]float64, s.t.n), make([]float64, s.t.n)
	hasUp, hasDown := capacity(1, b.duals, up), capacity(-1, b.lower, down)
	both := make([]float64, s.t.n)
	for i := range both {
		both[i] = up[i] + down[i]
	}
	g := s.t.guardOf(b.target)
	if !s.o.Starred || g.exactOnly() {
		if hasUp && hasDown {
			add(both, 0, true)
		}
		return out
	}
	if hasUp && g.upl.Sign() > 0 && slices.Contains(b.missed, 1) {
		add(up, float(g.upl), false)
	}
	if hasDown && g.lpl.Sign() > 0 && slices.Contains(b.missed, -1) {
		add(down, float(g.lpl), false)
	}
	if hasUp && hasDown && g.spl.Sign() > 0 {
		add(both, float(g.spl), false)
	}
	return out
}

// trivial cuts: in every equation of a primary some other cell is withheld,
// and the others together can carry its deviation.
func (s *optimiser) trivialCuts() []cut {
	var out []cut
	for _, g := range s.t.primary {
		for _, k := range s.t.of[g.cell] {
			var own float64
			for j, c := range s.t.eqs[k].cells {
				if c == g.cell {
					own = float64(s.t.eqs[k].signs[j])
				}
			}
			duals := make([]float64, len(s.t.eqs))
			for _, dir := range []float64{1, -1} {
				level := float(g.upl)
				if dir < 0 {
					level = float(g.lpl)
				}
				if level <= 0 {
					continue
				}
				duals[k] = dir * own
				capacity := make([]float64, s.t.n)
				s.t.capacity(s.t.reducedCosts(g.cell, dir, duals), capacity)
				if c, ok := s.t.makeCut(capacity, level, false); ok {
					out = append(out, c)
				}
			}
			if g.exactOnly() {
				capacity := make([]float64, s.t.n)
				for _, c := range s.t.eqs[k].cells {
					if c != g.cell {
						capacity[c] = 1
					}
				}
				if c, ok := s.t.makeCut(capacity, 0, true); ok {
					out = append(out, c)
				}
			}
		}
	}
	return out
}

// addCuts adds what is new to both masters.
func (s *optimiser) addCuts(cs []cut) (int, error) {
	n := 0
	for _, c := range cs {
		var key strings.Builder
		for i, x := range c.index {
			fmt.Fprintf(&key, "%d:%.6g ", x, c.value[i])
		}
		if s.cutLog[key.String()] {
			continue
		}
		s.cutLog[key.String()] = true
		n++
		for _, m := range []*highs.Model{s.relax, s.mip} {
			if err := m.AddRow(1, math.Inf(1), c.index, c.value); err != nil {
				return n, err
			}
		}
	}
	s.cuts += n
	return n, nil
}

// search alternates between the master problem and attacks on its answer.
func (s *optimiser) search(ctx context.Context) error {
	t := s.t
	base := highs.Problem{Cost: t.weight, ColLo: make([]float64, t.n), ColHi: make([]float64, t.n), Start: []int32{0}}
	for c := range t.n {
		switch {
		case t.isPrim[c]:
			base.ColLo[c], base.ColHi[c] = 1, 1
		case t.free[c]:
			base.ColHi[c] = 1
		}
	}
	cost := make([]float64, t.n)
	copy(cost, t.weight)
	for _, g := range t.primary {
		cost[g.cell] = 0
	}
	base.Cost = cost
	var err error
	if s.relax, err = s.o.Solver.Load(base); err != nil {
		return err
	}
	base.Integer = true
	if s.mip, err = s.o.Solver.Load(base); err != nil {
		return err
	}
	if _, err := s.addCuts(s.trivialCuts()); err != nil {
		return err
	}
	if err := s.relaxation(ctx); err != nil {
		return err
	}
	return s.integers(ctx)
}

// relaxation raises the bound with cuts at fractional points.
func (s *optimiser) relaxation(ctx context.Context) error {
	last := -1.0
	for round := range 30 {
		sol, err := s.relax.Solve()
		if err != nil {
			return err
		}
		if sol.Status != highs.Optimal {
			return nil
		}
		s.bound = math.Max(s.bound, sol.Objective)
		if s.closed() || s.over() || round > 2 && sol.Objective < last+0.002*math.Max(1, math.Abs(last)) {
			return nil
		}
		last = sol.Objective
		if err := s.j.fractional(sol.X); err != nil {
			return err
		}
		var cs []cut
		for _, g := range s.t.primary {
			c, err := s.separate(ctx, g, sol.X)
			if err != nil {
				return err
			}
			cs = append(cs, c...)
			if s.over() {
				break
			}
		}
		n, err := s.addCuts(cs)
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
	}
	return nil
}

// fractional lets the attacker move each cell by a part of its room.
func (j *judge) fractional(x []float64) error {
	j.high, j.low = make([]*shown, j.t.n), make([]*shown, j.t.n)
	return j.a.allow(x, nil)
}

// separate attacks one primary at a fractional point.
func (s *optimiser) separate(ctx context.Context, g guard, x []float64) ([]cut, error) {
	if g.exactOnly() {
		return nil, nil // any fraction of room is room
	}
	for _, dir := range []int64{1, -1} {
		if (dir > 0 && g.upl.Sign() == 0 || dir < 0 && g.lpl.Sign() == 0) && g.spl.Sign() == 0 {
			continue
		}
		ans, err := s.j.a.push(ctx, g.cell, float64(dir))
		if err != nil {
			return nil, err
		}
		sh := &shown{attacked: true, duals: ans.g, solver: ans.reach}
		if dir > 0 {
			s.j.high[g.cell] = sh
		} else {
			s.j.low[g.cell] = sh
		}
	}
	return s.cutsFor(g, x), nil
}

// integers solves the master in whole numbers, attacks the pattern, and adds
// the cuts, until the pattern holds or the budget is spent.
func (s *optimiser) integers(ctx context.Context) error {
	gap := 0.02
	for !s.closed() {
		if s.over() {
			return errBudget
		}
		abs := 1e-7
		if s.whole {
			abs = 0.999
		}
		if err := s.mip.SetDouble("mip_rel_gap", gap); err != nil {
			return err
		}
		if err := s.mip.SetDouble("mip_abs_gap", abs); err != nil {
			return err
		}
		if err := s.mip.SetInt("mip_max_nodes", min(2000, max(10, (s.b.Work-s.spent())/10))); err != nil {
			return err
		}
		if s.b.Time > 0 && s.b.Now != nil {
			// The solver's clock begins anew with each run; some of the time is
			// for the attacks on what it finds, and no run takes more than a fifth.
			if err := s.mip.SetDouble("time_limit", math.Max(0.1, min(0.7*(s.b.Time-s.b.Now()).Seconds(), s.b.Time.Seconds()/5))); err != nil {
				return err
			}
		}
		// Good patterns come from flows; the search need only beat the best.
		if err := s.mip.SetDouble("mip_heuristic_effort", 0); err != nil {
			return err
		}
		if s.best != nil {
			if err := s.mip.Start(s.best.floats()); err != nil {
				return err
			}
		}
		s.mips += 20 + 2*s.cuts
		sol, err := s.mip.Solve()
		if err != nil {
			return err
		}
		s.nodes += sol.Nodes
		if sol.Status != highs.Optimal && sol.Status != highs.Limit {
			return nil
		}
		if !math.IsInf(sol.Bound, 0) && !math.IsNaN(sol.Bound) {
			s.bound = math.Max(s.bound, sol.Bound)
		}
		if !sol.HasX {
			return errBudget
		}
		w := make(pattern, s.t.n)
		for c := range w {
			w[c] = s.t.isPrim[c] || sol.X[c] > 0.5
		}
		ok, cs, err := s.judgePattern(ctx, w, true)
		if err != nil {
			return err
		}
		if ok {
			if c := s.t.costOf(w); c.Cmp(s.cost) < 0 {
				s.best, s.cost = w, c
			}
			if gap == 0 {
				return nil // bound as tight as the master gives
			}
			gap = 0
			continue
		}
		n, err := s.addCuts(cs)
		if err != nil {
			return err
		}
		if s.over() {
			return errBudget
		}
		if err := s.improve(ctx, w); err != nil {
			return err
		}
		if n == 0 {
			if gap > 0 {
				gap = 0
				continue
			}
			return nil // nothing new to say; the bound stands
		}
	}
	return nil
}
