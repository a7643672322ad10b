package suppress

import (
	"context"
	"math"
	"math/big"
	"slices"

	"github.com/ark-tre/ark/airlock/suppress/highs"
)

// Interval is what the attacker can narrow a cell to; nil is no bound.
type Interval [2]Number

// Audit is the outcome of an audit.
type Audit struct {
	Intervals   map[string]Interval `json:"intervals"`
	Exact       []ID                `json:"exact"`       // withheld cells that can be worked out
	Unprotected []ID                `json:"unprotected"` // primaries not kept as far as asked
}

// Options of a run.
type Options struct {
	Solver   *highs.Solver
	Insiders bool // defend also against contributors who know their own cell
}

// AuditPattern says what an attacker learns from a pattern of suppression.
func AuditPattern(ctx context.Context, p *Problem, o Options) (*Audit, error) {
	t, err := compile(p)
	if err != nil {
		return nil, err
	}
	w := slices.Clone(t.given)
	out := &Audit{Intervals: map[string]Interval{}, Exact: []ID{}, Unprotected: []ID{}}
	j := newJudge(o, t)
	if err := j.pattern(w); err != nil {
		return nil, err
	}
	for c := range t.n {
		if !w[c] {
			continue
		}
		iv, exact, err := j.interval(ctx, c)
		if err != nil {
			return nil, err
		}
		out.Intervals[p.Cells[c].ID.Key] = iv
		if exact {
			out.Exact = append(out.Exact, p.Cells[c].ID)
		}
	}
	bad := map[int]bool{}
	for _, g := range t.primary {
		ok := w[g.cell] // a published primary is unprotected
		if !ok {
			v := Number{t.value[g.cell]}
			out.Intervals[p.Cells[g.cell].ID.Key] = Interval{v, v}
		}
		if ok {
			if ok, err = j.holds(ctx, g); err != nil {
				return nil, err
			}
		}
		bad[g.cell] = !ok
	}
	if o.Insiders {
		broken, err := j.insiders(ctx)
		if err != nil {
			return nil, err
		}
		for _, b := range broken {
			bad[b.target] = true
		}
	}
	for _, g := range t.primary {
		if bad[g.cell] {
			out.Unprotected = append(out.Unprotected, p.Cells[g.cell].ID)
		}
	}
	return out, nil
}

// judge attacks one pattern and keeps what was shown.
type judge struct {
	t        *table
	a        *attacker
	withheld []bool
	x        []float64
	high     []*shown // per cell: the furthest verified deviation up
	low      []*shown
}

// shown is a verified witness's reach, and the proof that nothing goes further.
type shown struct {
	reach     *big.Rat
	w         witness
	limit     *big.Rat // exact bound; nil: none proved
	g         map[int]*big.Rat
	attacked  bool // an attack was solved, so limit is as good as it gets
	unbounded bool
	duals     []float64
	solver    float64 // how far the solver says it goes; unproved
}

func newJudge(o Options, t *table) *judge {
	return &judge{t: t, a: newAttacker(o.Solver, t)}
}

// pattern starts over with a pattern.
func (j *judge) pattern(withheld []bool) error {
	j.withheld = slices.Clone(withheld)
	j.x = make([]float64, j.t.n)
	for c, w := range withheld {
		if w {
			j.x[c] = 1
		}
	}
	j.high, j.low = make([]*shown, j.t.n), make([]*shown, j.t.n)
	return j.a.allow(j.x, nil)
}

// learn records a witness for every primary (and cell) it pushes further.
func (j *judge) learn(w witness, cell int) {
	note := func(c int) {
		d := w.at(c)
		slot := &j.high[c]
		if d.Sign() < 0 {
			slot = &j.low[c]
		}
		if *slot == nil {
			*slot = &shown{reach: new(big.Rat)}
		}
		if new(big.Rat).Abs(d).Cmp(new(big.Rat).Abs((*slot).reach)) > 0 {
			(*slot).reach, (*slot).w = d, w
		}
	}
	note(cell)
	for _, g := range j.t.primary {
		note(g.cell)
	}
}

// attack pushes a cell in one direction, once.
func (j *judge) attack(ctx context.Context, cell int, dir int64) (*shown, error) {
	slot := &j.high[cell]
	if dir < 0 {
		slot = &j.low[cell]
	}
	if *slot == nil {
		*slot = &shown{reach: new(big.Rat)}
	}
	if (*slot).attacked {
		return *slot, nil
	}
	ans, err := j.a.push(ctx, cell, float64(dir))
	if err != nil {
		return nil, err
	}
	if w, ok := j.t.exactly(ans.delta, j.withheld, nil); ok {
		j.learn(w, cell)
	}
	s := *slot
	s.attacked, s.unbounded, s.duals, s.solver = true, math.IsInf(ans.reach, 0), ans.g, ans.reach
	if p := j.t.prove(cell, dir, ans.g, j.withheld, nil); p.Limit != nil {
		s.limit, s.g = p.Limit, p.G
	}
	return s, nil
}

// interval attacks a cell from both sides. exact is true unless two verified
// tables differ in it.
func (j *judge) interval(ctx context.Context, cell int) (Interval, bool, error) {
	lo, err := j.attack(ctx, cell, -1)
	if err != nil {
		return Interval{}, false, err
	}
	hi, err := j.attack(ctx, cell, 1)
	if err != nil {
		return Interval{}, false, err
	}
	v := j.t.value[cell]
	iv := Interval{Number{end(v, lo, -1)}, Number{end(v, hi, 1)}}
	return iv, lo.reach.Sign() == 0 && hi.reach.Sign() == 0, nil
}

// end is one end of an interval: where a witness reaches and a proof stops.
func end(value *big.Rat, s *shown, dir int) *big.Rat {
	if s.unbounded && s.reach.Sign() == dir {
		return nil
	}
	reach := s.reach
	if f := float(reach); s.attacked && !s.unbounded && (s.limit == nil || s.limit.Cmp(new(big.Rat).Abs(reach)) != 0) && math.Abs(s.solver) > math.Abs(f)+1e-6*(1+math.Abs(f)) {
		reach = new(big.Rat).SetFloat64(s.solver) // no witness of the solver's claim was found; the wider interval is told
	}
	return new(big.Rat).Add(value, reach)
}

// holds reports whether a primary is kept as far as asked, shown by verified
// witnesses. Witnesses found for others are used before attacking.
func (j *judge) holds(ctx context.Context, g guard) (bool, error) {
	if j.enough(g) {
		return true, nil
	}
	if g.upl.Sign() > 0 || g.spl.Sign() > 0 || g.exactOnly() {
		if _, err := j.attack(ctx, g.cell, 1); err != nil {
			return false, err
		}
	}
	if j.enough(g) {
		return true, nil
	}
	if _, err := j.attack(ctx, g.cell, -1); err != nil {
		return false, err
	}
	return j.enough(g), nil
}

func (j *judge) enough(g guard) bool {
	up, down := new(big.Rat), new(big.Rat)
	if s := j.high[g.cell]; s != nil {
		up = s.reach
	}
	if s := j.low[g.cell]; s != nil {
		down = new(big.Rat).Neg(s.reach)
	}
	width := new(big.Rat).Add(up, down)
	if up.Cmp(g.upl) < 0 || down.Cmp(g.lpl) < 0 || width.Cmp(g.spl) < 0 {
		return false
	}
	return !(g.lpl.Sign() == 0 && g.upl.Sign() == 0) || width.Sign() > 0
}

// insider is a contributor who works out another's cell from his own.
type insider struct {
	known  []int // his cells
	target int
	duals  []float64
}

// insiders attacks, for every single contributor, the primaries that share an
// equation with a cell of his, knowing his cells; what he works out exactly is
// returned.
func (j *judge) insiders(ctx context.Context) ([]insider, error) {
	var out []insider
	for _, pair := range j.t.insiderPairs(j.withheld) {
		if err := j.a.allow(j.x, pair.known); err != nil {
			return nil, err
		}
		moved := false
		for _, dir := range []float64{1, -1} {
			ans, err := j.a.push(ctx, pair.target, dir)
			if err != nil {
				return nil, err
			}
			if pair.duals == nil {
				pair.duals = ans.g
			}
			if w, ok := j.t.exactly(ans.delta, j.withheld, pair.known); ok && w.at(pair.target).Sign() != 0 {
				moved = true
				break
			}
		}
		if !moved {
			out = append(out, pair)
		}
	}
	return out, j.a.allow(j.x, nil)
}

// insiderPairs lists insiders and the primaries they might work out.
func (t *table) insiderPairs(withheld []bool) []insider {
	owned := map[string][]int{}
	var order []string
	for c, cell := range t.p.Cells {
		if cell.Contributors == nil || *cell.Contributors != 1 {
			continue
		}
		key := "cell " + cell.ID.Key
		if len(cell.Owner) > 0 && string(cell.Owner) != "null" {
			key = "owner " + string(cell.Owner)
		}
		if owned[key] == nil {
			order = append(order, key)
		}
		owned[key] = append(owned[key], c)
	}
	var out []insider
	for _, key := range order {
		mine := owned[key]
		seen := map[int]bool{}
		for _, c := range mine {
			seen[c] = true
		}
		for _, c := range mine {
			if !withheld[c] {
				continue
			}
			for _, k := range t.of[c] {
				for _, q := range t.eqs[k].cells {
					if t.isPrim[q] && withheld[q] && !seen[q] {
						seen[q] = true
						out = append(out, insider{known: mine, target: q})
					}
				}
			}
		}
	}
	return out
}
