package suppress

import (
	"context"
	"math"
	"math/big"
	"slices"
	"sort"

	"github.com/ark-tre/ark/airlock/suppress/highs"
)

// protector finds, for one primary, the cheapest further cells that let it
// deviate as far as asked: a flow through the tables, in split variables.
type protector struct {
	t     *table
	m     *highs.Model
	cost  []float64
	lo    []float64
	hi    []float64
	calls int
}

func newProtector(s *highs.Solver, t *table) (*protector, error) {
	n := t.n
	p := &protector{t: t, cost: make([]float64, 2*n), lo: make([]float64, 2*n), hi: make([]float64, 2*n)}
	q := highs.Problem{Cost: p.cost, ColLo: p.lo, ColHi: p.hi, Start: []int32{0}}
	for _, e := range t.eqs {
		q.RowLo, q.RowHi = append(q.RowLo, 0), append(q.RowHi, 0)
		for k, c := range e.cells {
			q.Index = append(q.Index, int32(c), int32(n+c))
			q.Value = append(q.Value, float64(e.signs[k]), -float64(e.signs[k]))
		}
		q.Start = append(q.Start, int32(len(q.Index)))
	}
	var err error
	p.m, err = s.Load(q)
	return p, err
}

// flow finds the cheapest deviation of exactly dir·level at the primary, or,
// with a zero level, of any size. fixed cells may not deviate.
func (p *protector) flow(ctx context.Context, cell int, dir int, level *big.Rat, withheld []bool, known []int) ([]float64, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	t, n := p.t, p.t.n
	cone := level.Sign() == 0
	for c := range n {
		p.lo[c], p.lo[n+c], p.hi[c], p.hi[n+c] = 0, 0, 0, 0
		p.cost[c] = t.weight[c] + 1e-3
		if withheld[c] {
			p.cost[c] = 0
		}
		p.cost[n+c] = p.cost[c]
		if !withheld[c] && !t.free[c] {
			continue
		}
		for s, room := range []*big.Rat{t.up[c], t.down[c]} {
			switch {
			case room == nil, cone && room.Sign() > 0:
				p.hi[s*n+c] = math.Inf(1)
			case !cone:
				p.hi[s*n+c] = float(room)
			}
		}
	}
	for _, k := range known {
		p.hi[k], p.hi[n+k] = 0, 0
	}
	want, at, other := float(level), cell, n+cell
	if cone {
		want = 1
	}
	if dir < 0 {
		at, other = other, at
	}
	if p.hi[at] < want {
		return nil, false, nil
	}
	p.lo[at], p.hi[at], p.hi[other] = want, want, 0
	if err := p.m.SetBounds(p.lo, p.hi); err != nil {
		return nil, false, err
	}
	if err := p.m.SetCost(p.cost); err != nil {
		return nil, false, err
	}
	p.calls++
	sol, err := p.m.Solve()
	if err != nil || sol.Status != highs.Optimal {
		return nil, false, err
	}
	delta := make([]float64, n)
	for c := range n {
		delta[c] = sol.X[c] - sol.X[n+c]
	}
	return delta, true, nil
}

// shrink scales a direction until every cell is within its bounds.
func (t *table) shrink(w witness) witness {
	s := big.NewRat(1, 1)
	for c, d := range w {
		room := t.up[c]
		if d.Sign() < 0 {
			room = t.down[c]
		}
		if room != nil && d.Sign() != 0 {
			if r := new(big.Rat).Quo(room, new(big.Rat).Abs(d)); r.Cmp(s) < 0 {
				s = r
			}
		}
	}
	out := witness{}
	for c, d := range w {
		out[c] = new(big.Rat).Mul(d, s)
	}
	return out
}

// pattern is a choice of withheld cells.
type pattern []bool

func (t *table) costOf(p pattern) *big.Rat {
	sum := new(big.Rat)
	for c, w := range p {
		if w && !t.isPrim[c] {
			sum.Add(sum, t.wrat[c])
		}
	}
	return sum
}

// repair extends a pattern until every primary is protected, cheapest flows
// first to the most demanding, then drops what no witness needs. ok is false
// when some primary can't be protected this way.
func (o *optimiser) repair(ctx context.Context, start pattern) (pattern, bool, error) {
	t := o.t
	out := slices.Clone(start)
	for c := range out {
		out[c] = out[c] || t.isPrim[c]
	}
	if err := o.j.pattern(out); err != nil {
		return nil, false, err
	}
	order := slices.Clone(t.primary)
	sort.SliceStable(order, func(a, b int) bool {
		return new(big.Rat).Add(order[a].upl, order[a].lpl).Cmp(new(big.Rat).Add(order[b].upl, order[b].lpl)) > 0
	})
	used := map[int]bool{}
	use := func(w witness) {
		for c := range w {
			out[c], used[c] = true, true
		}
		o.j.withheld = out
	}
	for _, g := range order {
		for _, side := range t.sides(g) {
			if o.j.enough(g) || o.reached(g, side) {
				if s := o.j.side(g.cell, side.dir); s != nil && s.w != nil {
					use(s.w)
				}
				continue
			}
			delta, ok, err := o.p.flow(ctx, g.cell, side.dir, side.level, out, nil)
			if err != nil {
				return nil, false, err
			}
			if !ok {
				if side.either {
					continue
				}
				return nil, false, nil
			}
			w, ok := t.witnessOf(delta, side.level.Sign() == 0)
			if !ok {
				return nil, false, nil
			}
			use(w)
			o.j.learn(w, g.cell)
		}
		if !o.j.enough(g) {
			return nil, false, nil
		}
	}
	// Keep only what the kept witnesses use.
	keep := make(pattern, t.n)
	for _, g := range t.primary {
		keep[g.cell] = true
		for _, dir := range []int{1, -1} {
			if s := o.j.side(g.cell, dir); s != nil && s.w != nil && o.needs(g, dir) {
				for c := range s.w {
					keep[c] = true
				}
			}
		}
	}
	return keep, true, nil
}

// side is one direction in which a guard asks for room.
type side struct {
	dir    int
	level  *big.Rat
	either bool // the other direction would do
}

// sides lists what a guard asks for.
func (t *table) sides(g guard) []side {
	var out []side
	up, down := new(big.Rat).Set(g.upl), new(big.Rat).Set(g.lpl)
	if rest := new(big.Rat).Sub(g.spl, new(big.Rat).Add(up, down)); rest.Sign() > 0 {
		// The sliding level: take it where there is room for it.
		if t.up[g.cell] == nil || t.up[g.cell].Cmp(new(big.Rat).Add(up, rest)) >= 0 {
			up.Add(up, rest)
		} else {
			over := new(big.Rat).Sub(t.up[g.cell], up)
			up.Set(t.up[g.cell])
			down.Add(down, rest.Sub(rest, over))
		}
	}
	if up.Sign() > 0 {
		out = append(out, side{1, up, false})
	}
	if down.Sign() > 0 {
		out = append(out, side{-1, down, false})
	}
	if len(out) == 0 {
		zero := new(big.Rat)
		out = []side{{1, zero, true}, {-1, zero, true}}
	}
	return out
}

func (o *optimiser) reached(g guard, s side) bool {
	x := o.j.side(g.cell, s.dir)
	return x != nil && s.level.Sign() > 0 && new(big.Rat).Abs(x.reach).Cmp(s.level) >= 0
}

// needs reports whether a guard relies on its witness in this direction.
func (o *optimiser) needs(g guard, dir int) bool {
	if !g.exactOnly() {
		return true
	}
	up := o.j.side(g.cell, 1)
	return dir > 0 && up != nil && up.reach.Sign() != 0 || dir < 0 && (up == nil || up.reach.Sign() == 0)
}

func (j *judge) side(cell, dir int) *shown {
	if dir > 0 {
		return j.high[cell]
	}
	return j.low[cell]
}

// witnessOf makes an exact witness of a flow: with a cone, of its direction.
func (t *table) witnessOf(delta []float64, cone bool) (witness, bool) {
	all := make([]bool, t.n)
	for i := range all {
		all[i] = true
	}
	if !cone {
		return t.exactly(delta, all, nil)
	}
	for _, den := range []int64{1, 2, 3, 4, 6, 12, 60} {
		w, ok := witness{}, true
		for c, v := range delta {
			if math.Abs(v) < 1e-7 {
				continue
			}
			k := math.Round(v * float64(den))
			if math.Abs(v*float64(den)-k) > 1e-5 {
				ok = false
				break
			}
			w[c] = big.NewRat(int64(k), den)
		}
		if w = t.shrink(w); ok && t.verify(w, all, nil) {
			return w, true
		}
	}
	return nil, false
}
