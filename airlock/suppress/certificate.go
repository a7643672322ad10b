package suppress

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"math/big"

	"github.com/ark-tre/ark/airlock/suppress/highs"
)

// The kinds of certificate.
const (
	KindInternal = "ark.suppress.internal/1"
	KindReleased = "ark.suppress.released/1"
)

// Certificate shows, without trusting a solver, how far an attacker stays from
// the withheld cells. The internal one holds true values, protection levels,
// cost and bound, and is for the airlock and the custodian. The released one
// is computed from what is published and nothing else: whoever has the table
// could compute it, so that it narrows nothing.
type Certificate struct {
	Kind      string       `json:"kind"`
	Published string       `json:"published"` // digest of pattern, published values, bounds and equations
	Cells     []CertCell   `json:"cells"`
	Equations []Equation   `json:"equations"`
	Witnesses []CertTables `json:"witnesses"`

	Primary []Primary `json:"primary,omitempty"` // internal only, as are the rest
	Status  string    `json:"status,omitempty"`
	Cost    *Number   `json:"cost,omitempty"`
	Bound   *Number   `json:"bound,omitempty"`
	Gap     *float64  `json:"gap,omitempty"`
}

// CertCell is a cell of a certificate; a withheld one has no value in the
// released certificate.
type CertCell struct {
	ID       ID              `json:"id"`
	Labels   json.RawMessage `json:"labels,omitempty"`
	Value    *Number         `json:"value"`
	Withheld bool            `json:"withheld"`
	LB       Number          `json:"lb"`
	UB       Number          `json:"ub"`
	Weight   *Number         `json:"weight,omitempty"` // internal only
}

// CertTables are two tables that agree with everything published: values of
// the withheld cells. Cells left out keep the value of the base: in the
// internal certificate the true one, in the released one Base's.
type CertTables struct {
	Cell ID                `json:"cell"`
	Low  map[string]Number `json:"low"`
	High map[string]Number `json:"high"`
}

// digest covers what both certificates of one table share.
func digest(cells []CertCell, eqs []Equation) string {
	type public struct {
		ID    ID
		Value *Number
		LB    Number
		UB    Number
	}
	var ps []public
	for _, c := range cells {
		p := public{c.ID, c.Value, c.LB, c.UB}
		if c.Withheld {
			p.Value = nil
		}
		ps = append(ps, p)
	}
	b, err := json.Marshal([]any{ps, eqs})
	if err != nil {
		return ""
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Internal makes the internal certificate of a result.
func (r *Result) Internal() (*Certificate, error) {
	if r.pattern == nil {
		return nil, errors.New("suppress: there is no pattern to certify")
	}
	t := r.table
	c := &Certificate{Kind: KindInternal, Equations: t.p.Equations, Primary: t.p.Primary, Status: r.Status, Cost: &r.Cost, Bound: &r.Bound, Gap: &r.Gap}
	for i, cell := range t.p.Cells {
		c.Cells = append(c.Cells, CertCell{ID: cell.ID, Labels: cell.Labels, Value: &Number{t.value[i]}, Withheld: r.pattern[i], LB: cell.LB, UB: cell.UB, Weight: &Number{t.wrat[i]}})
	}
	for _, g := range t.primary {
		c.Witnesses = append(c.Witnesses, t.tables(g.cell, r.judge.low[g.cell], r.judge.high[g.cell], nil))
	}
	c.Published = digest(c.Cells, c.Equations)
	return c, nil
}

// tables writes out two witnesses; withheld names cells whose value is printed
// even where it doesn't deviate.
func (t *table) tables(cell int, low, high *shown, withheld []bool) CertTables {
	full := func(s *shown) map[string]Number {
		out := map[string]Number{}
		if s != nil {
			for c, d := range s.w {
				if d.Sign() != 0 {
					out[t.p.Cells[c].ID.Key] = Number{new(big.Rat).Add(t.value[c], d)}
				}
			}
		}
		for c, w := range withheld {
			if _, ok := out[t.p.Cells[c].ID.Key]; w && !ok {
				out[t.p.Cells[c].ID.Key] = Number{t.value[c]}
			}
		}
		return out
	}
	return CertTables{Cell: t.p.Cells[cell].ID, Low: full(low), High: full(high)}
}

// Released makes the released certificate, from published values alone.
func (r *Result) Released(ctx context.Context, o Options) (*Certificate, error) {
	if r.pattern == nil {
		return nil, errors.New("suppress: there is no pattern to certify")
	}
	return released(ctx, r.table.p, r.pattern, o)
}

// Certify gives the released certificate of a table whose withheld cells are
// listed in Suppressed.
func Certify(ctx context.Context, p *Problem, o Options) (*Certificate, error) {
	w, listed := make(pattern, len(p.Cells)), map[string]bool{}
	for _, id := range p.Suppressed {
		listed[id.Key] = true
	}
	for i, c := range p.Cells {
		w[i] = listed[c.ID.Key]
	}
	return released(ctx, p, w, o)
}

// released forgets everything secret before it computes anything.
func released(ctx context.Context, p *Problem, w pattern, o Options) (*Certificate, error) {
	public := &Problem{Equations: p.Equations}
	c := &Certificate{Kind: KindReleased, Equations: p.Equations}
	for i, cell := range p.Cells {
		x := CertCell{ID: cell.ID, Labels: cell.Labels, LB: cell.LB, UB: cell.UB, Withheld: w[i]}
		if !w[i] {
			x.Value = &Number{cell.Value.Rat}
		}
		c.Cells = append(c.Cells, x)
	}
	c.Published = digest(c.Cells, c.Equations)
	// Any table that fits what is published takes the place of the true one.
	base, err := fit(c, o.Solver)
	if err != nil {
		return nil, err
	}
	for i, cell := range p.Cells {
		public.Cells = append(public.Cells, Cell{ID: cell.ID, Labels: cell.Labels, Value: Number{base[i]}, LB: cell.LB, UB: cell.UB})
	}
	t, err := compile(public)
	if err != nil {
		return nil, err
	}
	j := newJudge(o, t)
	if err := j.pattern(w); err != nil {
		return nil, err
	}
	for i := range p.Cells {
		if !w[i] {
			continue
		}
		if _, _, err := j.interval(ctx, i); err != nil {
			return nil, err
		}
	}
	for i := range p.Cells {
		if w[i] {
			c.Witnesses = append(c.Witnesses, t.tables(i, j.low[i], j.high[i], w))
		}
	}
	return c, nil
}

// fit finds a table that agrees with the published cells and the bounds.
func fit(c *Certificate, s *highs.Solver) ([]*big.Rat, error) {
	index := map[string]int{}
	var vars []int
	pos := make([]int, len(c.Cells))
	base := make([]*big.Rat, len(c.Cells))
	q := highs.Problem{Start: []int32{0}}
	for i, x := range c.Cells {
		index[x.ID.Key] = i
		pos[i] = -1
		if !x.Withheld {
			base[i] = x.Value.Rat
			continue
		}
		pos[i] = len(vars)
		vars = append(vars, i)
		lo, hi := math.Inf(-1), math.Inf(1)
		if x.LB.Rat != nil {
			lo = float(x.LB.Rat)
		}
		if x.UB.Rat != nil {
			hi = float(x.UB.Rat)
		}
		q.Cost, q.ColLo, q.ColHi = append(q.Cost, 0), append(q.ColLo, lo), append(q.ColHi, hi)
	}
	var rows [][]*big.Rat
	for _, e := range c.Equations {
		r := make([]*big.Rat, len(vars)+1)
		rhs, any := new(big.Rat), false
		add := func(id ID, sign int64) {
			i := index[id.Key]
			if v := pos[i]; v >= 0 {
				r[v], any = big.NewRat(sign, 1), true
				q.Index, q.Value = append(q.Index, int32(v)), append(q.Value, float64(sign))
				return
			}
			rhs.Sub(rhs, new(big.Rat).Mul(big.NewRat(sign, 1), base[i]))
		}
		add(e.Total, -1)
		for _, part := range e.Parts {
			add(part, 1)
		}
		if any {
			r[len(vars)] = rhs
			rows = append(rows, r)
			f := float(rhs)
			q.RowLo, q.RowHi, q.Start = append(q.RowLo, f), append(q.RowHi, f), append(q.Start, int32(len(q.Index)))
		}
	}
	if len(vars) == 0 {
		return base, nil
	}
	m, err := s.Load(q)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	sol, err := m.Solve()
	if err != nil {
		return nil, err
	}
	if sol.Status != highs.Optimal {
		return nil, ErrContradiction{}
	}
	// Cells at their bounds stay there exactly; the equations give the rest.
	for v, i := range vars {
		for _, b := range []Number{c.Cells[i].LB, c.Cells[i].UB} {
			if b.Rat != nil && math.Abs(sol.X[v]-float(b.Rat)) < 1e-7*(1+math.Abs(float(b.Rat))) {
				r := make([]*big.Rat, len(vars)+1)
				r[v], r[len(vars)] = big.NewRat(1, 1), new(big.Rat).Set(b.Rat)
				rows = append(rows, r)
				break
			}
		}
	}
	x, ok := eliminate(rows, len(vars), func(v int) *big.Rat { return rational(math.Round(sol.X[v]*100) / 100) })
	if !ok {
		return nil, ErrContradiction{}
	}
	for v, i := range vars {
		base[i] = x[v]
	}
	return base, nil
}
