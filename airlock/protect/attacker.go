package protect

import (
	"context"
	"errors"
	"math"
	"math/big"
	"sync"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/suppress"
	"github.com/ark-tre/ark/airlock/suppress/highs"
)

// Attacker narrows withheld cells by linear programmes. Its solver starts when
// first needed.
type Attacker struct {
	start func(context.Context) (*highs.Solver, error)
	work  int // of one call of Narrow; 0: without end

	mu     sync.Mutex
	solver *highs.Solver
}

// NewAttacker returns an attacker that starts its solver with start.
func NewAttacker(start func(context.Context) (*highs.Solver, error)) *Attacker {
	return &Attacker{start: start}
}

// Within bounds the work of each call of Narrow. An attack counts the cells
// times the equations, so that the same tables always get equally far.
func (a *Attacker) Within(work int) *Attacker {
	a.work = work
	return a
}

// affords tells how many of the cells asked about the work is enough for. To
// find a first table that fits takes an exact elimination, to narrow a cell
// two attacks.
func (a *Attacker) affords(s disclosure.System, ask int) int {
	if a.work <= 0 {
		return ask
	}
	open := 0
	for _, c := range s.Cells {
		if c.Lo != c.Hi {
			open++
		}
	}
	one := max(1, open*len(s.Equations))
	left := a.work - one*min(open, len(s.Equations))
	return max(0, min(ask, left/(2*one)))
}

// Close stops the solver, if it was started.
func (a *Attacker) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.solver != nil {
		_ = a.solver.Close()
		a.solver = nil
	}
}

// Narrow implements disclosure.Attacker.
func (a *Attacker) Narrow(ctx context.Context, s disclosure.System, ask []int) ([]disclosure.Range, bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := len(ask)
	if ask = ask[:a.affords(s, all)]; len(ask) == 0 && all > 0 {
		return nil, false, disclosure.ErrWork
	}
	if a.solver == nil {
		solver, err := a.start(ctx)
		if err != nil {
			return nil, false, err
		}
		a.solver = solver
	}
	var p suppress.Open
	for _, c := range s.Cells {
		p.Cells = append(p.Cells, suppress.OpenCell{Lo: rational(c.Lo), Hi: rational(c.Hi)})
	}
	for _, e := range s.Equations {
		p.Equations = append(p.Equations, suppress.OpenEquation(e))
	}
	got, err := suppress.Attack(ctx, p, ask, suppress.Options{Solver: a.solver})
	var no suppress.ErrContradiction
	if errors.As(err, &no) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	out := make([]disclosure.Range, len(got))
	for i, g := range got {
		out[i] = disclosure.Range{Lo: float(g.Lo, -1), Hi: float(g.Hi, 1), Exact: g.Exact}
	}
	if len(out) < all {
		return out, false, disclosure.ErrWork
	}
	return out, false, nil
}

// rational is a bound as an exact number; nil where there is none.
func rational(f float64) *big.Rat {
	if math.IsInf(f, 0) {
		return nil
	}
	return new(big.Rat).SetFloat64(f)
}

func float(r *big.Rat, side int) float64 {
	if r == nil {
		return math.Inf(side)
	}
	f, _ := r.Float64()
	return f
}
