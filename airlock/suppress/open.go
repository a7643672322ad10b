package suppress

import (
	"context"
	"math/big"
)

// Open is linked tables as published, without true values: what an attacker
// starts from.
type Open struct {
	Cells     []OpenCell
	Equations []OpenEquation
}

// OpenCell is a cell by what is known of it: nil is no bound, equal bounds are
// a published value.
type OpenCell struct{ Lo, Hi *big.Rat }

// OpenEquation says that cell Total is the sum of the cells Parts.
type OpenEquation struct {
	Total int
	Parts []int
}

// ErrContradiction is returned for linked tables that no table fits.
type ErrContradiction struct{}

func (ErrContradiction) Error() string { return "suppress: nothing fits the published tables" }

// Narrowed is what an attacker can narrow a cell to. Exact: no second verified
// table differs in it.
type Narrowed struct {
	Lo, Hi *big.Rat // nil: no bound
	Exact  bool
}

// Attack works out, for each of the cells asked about, how far an attacker who
// knows the published values, the equations and the bounds can narrow it.
func Attack(ctx context.Context, p Open, ask []int, o Options) ([]Narrowed, error) {
	c := &Certificate{Kind: KindReleased}
	for i, x := range p.Cells {
		cell := CertCell{ID: NumberID(i), LB: Number{x.Lo}, UB: Number{x.Hi}, Withheld: true}
		if x.Lo != nil && x.Hi != nil && x.Lo.Cmp(x.Hi) == 0 {
			cell.Withheld, cell.Value = false, &Number{x.Lo}
		}
		c.Cells = append(c.Cells, cell)
	}
	for _, e := range p.Equations {
		q := Equation{Total: NumberID(e.Total)}
		for _, k := range e.Parts {
			q.Parts = append(q.Parts, NumberID(k))
		}
		c.Equations = append(c.Equations, q)
	}
	base, err := fit(c, o.Solver)
	if err != nil {
		return nil, err
	}
	q := &Problem{Equations: c.Equations}
	w := make([]bool, len(c.Cells))
	for i, x := range c.Cells {
		w[i] = x.Withheld
		q.Cells = append(q.Cells, Cell{ID: x.ID, Value: Number{base[i]}, LB: x.LB, UB: x.UB})
	}
	t, err := compile(q)
	if err != nil {
		return nil, ErrContradiction{}
	}
	j := newJudge(o, t)
	if err := j.pattern(w); err != nil {
		return nil, err
	}
	out := make([]Narrowed, 0, len(ask))
	for _, i := range ask {
		iv, exact, err := j.interval(ctx, i)
		if err != nil {
			return nil, err
		}
		out = append(out, Narrowed{iv[0].Rat, iv[1].Rat, exact})
	}
	return out, nil
}
