package highs

import (
	"fmt"
	"math"
)

// Problem is: minimise Cost·x subject to RowLo ≤ Ax ≤ RowHi, ColLo ≤ x ≤
// ColHi. A is given by rows: row r has the entries Start[r] up to Start[r+1].
type Problem struct {
	Cost, ColLo, ColHi []float64
	RowLo, RowHi       []float64
	Start, Index       []int32
	Value              []float64
	Integer            bool // every variable is a whole number
}

// Status is the outcome of a solve.
type Status int

// The outcomes. Unknown covers every limit and failure.
const (
	Unknown Status = iota
	Optimal
	Infeasible
	Unbounded
	Limit // stopped at a limit; Bound and, if any, X hold
)

// Solution is the answer of a solve. It is floating point and unproved.
type Solution struct {
	Status    Status
	Objective float64
	Bound     float64 // of an integer problem: no solution is cheaper
	X         []float64
	ColDual   []float64
	RowDual   []float64
	HasX      bool
	Nodes     int // of the search tree of an integer problem
}

// Model is a problem inside the solver.
type Model struct {
	s          *Solver
	h          uint64
	cols, rows int
	integer    bool
}

// Load passes a problem to the solver.
func (s *Solver) Load(p Problem) (*Model, error) {
	h, err := s.call(expCreate)
	if err != nil {
		return nil, err
	}
	m := &Model{s: s, h: h, cols: len(p.Cost), rows: len(p.RowLo), integer: p.Integer}
	if err := m.SetBool("output_flag", false); err != nil {
		return nil, err
	}
	x := &scratch{s: s}
	defer x.free()
	start := p.Start
	if len(start) > m.rows {
		start = start[:m.rows]
	}
	args := []uint64{h, uint64(m.cols), uint64(m.rows), uint64(len(p.Value)), 2, 1, math.Float64bits(0),
		x.floats(p.Cost), x.floats(p.ColLo), x.floats(p.ColHi), x.floats(p.RowLo), x.floats(p.RowHi), x.ints(start), x.ints(p.Index), x.floats(p.Value)}
	name := expPassLP
	if p.Integer {
		kinds := make([]int32, m.cols)
		for i := range kinds {
			kinds[i] = 1
		}
		name, args = expPassMIP, append(args, x.ints(kinds))
	}
	if x.err != nil {
		return nil, x.err
	}
	return m, m.must(s.call(name, args...))
}

func (m *Model) must(r uint64, err error) error {
	if err == nil && int32(r) < 0 {
		err = fmt.Errorf("%w: a call was refused", ErrSolver)
	}
	return err
}

// Close frees the model.
func (m *Model) Close() { _, _ = m.s.call(expDestroy, m.h) }

// SetBool, SetInt and SetDouble set HiGHS options by name.
func (m *Model) SetBool(name string, v bool) error {
	n := uint64(0)
	if v {
		n = 1
	}
	return m.option(expSetBool, name, n)
}

// SetInt sets a whole-number option.
func (m *Model) SetInt(name string, v int) error { return m.option(expSetInt, name, uint64(uint32(v))) }

// SetDouble sets a floating-point option.
func (m *Model) SetDouble(name string, v float64) error {
	return m.option(expSetDouble, name, math.Float64bits(v))
}

// SetString sets a text option.
func (m *Model) SetString(name, v string) error {
	x := &scratch{s: m.s}
	defer x.free()
	p, q := x.text(name), x.text(v)
	if x.err != nil {
		return x.err
	}
	return m.must(m.s.call(expSetString, m.h, p, q))
}

func (m *Model) option(fn, name string, v uint64) error {
	x := &scratch{s: m.s}
	defer x.free()
	p := x.text(name)
	if x.err != nil {
		return x.err
	}
	return m.must(m.s.call(fn, m.h, p, v))
}

// SetCost replaces the objective.
func (m *Model) SetCost(cost []float64) error {
	x := &scratch{s: m.s}
	defer x.free()
	p := x.floats(cost)
	if x.err != nil {
		return x.err
	}
	return m.must(m.s.call(expCosts, m.h, 0, uint64(m.cols-1), p))
}

// SetBounds replaces the bounds of every variable.
func (m *Model) SetBounds(lo, hi []float64) error {
	x := &scratch{s: m.s}
	defer x.free()
	a, b := x.floats(lo), x.floats(hi)
	if x.err != nil {
		return x.err
	}
	return m.must(m.s.call(expBounds, m.h, 0, uint64(m.cols-1), a, b))
}

// AddRow adds a constraint.
func (m *Model) AddRow(lo, hi float64, index []int32, value []float64) error {
	x := &scratch{s: m.s}
	defer x.free()
	a, b := x.ints(index), x.floats(value)
	if x.err != nil {
		return x.err
	}
	m.rows++
	return m.must(m.s.call(expAddRow, m.h, math.Float64bits(lo), math.Float64bits(hi), uint64(len(index)), a, b))
}

// Start offers a solution of an integer model to begin from.
func (m *Model) Start(sol []float64) error {
	x := &scratch{s: m.s}
	defer x.free()
	p := x.floats(sol)
	if x.err != nil {
		return x.err
	}
	return m.must(m.s.call(expSetSol, m.h, p, 0, 0, 0))
}

// Solve runs the solver.
func (m *Model) Solve() (Solution, error) {
	if err := m.must(m.s.call(expRun, m.h)); err != nil {
		return Solution{}, err
	}
	st, err := m.s.call(expStatus, m.h)
	if err != nil {
		return Solution{}, err
	}
	var sol Solution
	switch int32(st) {
	case 7:
		sol.Status = Optimal
	case 8:
		sol.Status = Infeasible
	case 9, 10:
		sol.Status = Unbounded
	case 13, 14, 16, 17:
		sol.Status = Limit
	}
	if sol.Status != Optimal && sol.Status != Limit {
		return sol, nil
	}
	x := &scratch{s: m.s}
	defer x.free()
	a, b := x.floats(make([]float64, m.cols)), x.floats(make([]float64, m.cols))
	c, d := x.floats(make([]float64, m.rows)), x.floats(make([]float64, m.rows))
	if x.err != nil {
		return sol, x.err
	}
	if err := m.must(m.s.call(expSolution, m.h, a, b, c, d)); err != nil {
		return sol, err
	}
	sol.X, sol.ColDual, sol.RowDual = x.read(a, m.cols), x.read(b, m.cols), x.read(d, m.rows)
	obj, err := m.s.call(expObjective, m.h)
	if err != nil {
		return sol, err
	}
	sol.Objective = math.Float64frombits(obj)
	sol.Bound, sol.HasX = sol.Objective, true
	if m.integer {
		name, out := x.text("mip_dual_bound"), x.floats([]float64{math.Inf(-1)})
		if err := m.must(m.s.call(expInfo, m.h, name, out)); err != nil {
			return sol, err
		}
		sol.Bound = x.read(out, 1)[0]
		name, out = x.text("mip_node_count"), x.bytes(make([]byte, 8))
		if err := m.must(m.s.call(expInfo64, m.h, name, out)); err != nil {
			return sol, err
		}
		if b, ok := m.s.module.Memory().ReadUint64Le(uint32(out)); ok {
			sol.Nodes = int(min(b, 1<<40))
		}
		sol.HasX = sol.Status == Optimal || !math.IsInf(sol.Objective, 0) && sol.Objective < 1e29
	}
	return sol, x.err
}
