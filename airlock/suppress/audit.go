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
	Starred  bool // against insiders, keep the protection levels too, not only from exact disclosure (PS2*)
	Exact    bool // ignore the protection levels: exact disclosure alone counts (PS1, PS2)
}

// Standard gives the options of one of the Handbook's protection standards:
// ps1 and ps1* against outsiders, ps2 and ps2* against single contributors too;
// without a star against exact disclosure alone, with one against inference
// within the protection levels. The empty name is what the commands do: levels
// against outsiders, exact disclosure against insiders.
func Standard(o Options, name string) (Options, error) {
	switch name {
	case "":
		o.Insiders = true
	case "ps1":
		o.Exact = true
	case "ps1*":
	case "ps2":
		o.Exact, o.Insiders = true, true
	case "ps2*":
		o.Insiders, o.Starred = true, true
	default:
		return o, misuse("%q is no protection standard", name)
	}
	return o, nil
}

// AuditPattern says what an attacker learns from a pattern of suppression.
func AuditPattern(ctx context.Context, p *Problem, o Options) (*Audit, error) {
	t, err := compile(p)
	if err != nil {
		return nil, err
	}
	t.relax(o)
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
	starred  bool
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
	return &judge{t: t, a: newAttacker(o.Solver, t), starred: o.Starred}
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
	lower  []float64 // of the attack downwards, where levels are kept
	missed []int     // directions in which the levels are not kept
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
		held, err := j.insider(ctx, &pair)
		if err != nil {
			return nil, err
		}
		if !held {
			out = append(out, pair)
		}
	}
	return out, j.a.allow(j.x, nil)
}

// insider attacks one target as one insider, whose cells are fixed. The target
// holds if some verified table moves it; with levels to keep, if verified tables
// move it as far as they ask.
func (j *judge) insider(ctx context.Context, pair *insider) (bool, error) {
	g := j.t.guardOf(pair.target)
	up, down := new(big.Rat), new(big.Rat)
	for _, dir := range []float64{1, -1} {
		ans, err := j.a.push(ctx, pair.target, dir)
		if err != nil {
			return false, err
		}
		if dir > 0 {
			pair.duals = ans.g
		} else {
			pair.lower = ans.g
		}
		reach := new(big.Rat)
		if w, ok := j.t.exactly(ans.delta, j.withheld, pair.known); ok {
			reach = new(big.Rat).Abs(w.at(pair.target))
		}
		if dir > 0 {
			up = reach
		} else {
			down = reach
		}
		if !j.starred && reach.Sign() != 0 {
			return true, nil
		}
	}
	width := new(big.Rat).Add(up, down)
	if !j.starred || width.Sign() == 0 {
		pair.missed = []int{1, -1}
		return width.Sign() != 0, nil
	}
	for _, side := range j.t.sides(g) {
		if reach := map[int]*big.Rat{1: up, -1: down}[side.dir]; reach.Cmp(side.level) < 0 && !side.either {
			pair.missed = append(pair.missed, side.dir)
		}
	}
	return up.Cmp(g.upl) >= 0 && down.Cmp(g.lpl) >= 0 && width.Cmp(g.spl) >= 0, nil
}

// guardOf is the guard of a primary.
func (t *table) guardOf(cell int) guard {
	for _, g := range t.primary {
		if g.cell == cell {
			return g
		}
	}
	zero := new(big.Rat)
	return guard{cell, zero, zero, zero}
}

// relax forgets the protection levels where exact disclosure alone counts.
func (t *table) relax(o Options) {
	for i := range t.primary {
		if o.Exact {
			zero := new(big.Rat)
			t.primary[i].lpl, t.primary[i].upl, t.primary[i].spl = zero, zero, zero
		}
	}
}

// maxPairs is how many pairs of insider and target are attacked wherever they
// stand in the tables; beyond, only those that share an equation.
const maxPairs = 400

// insiderPairs lists insiders and the primaries they might work out.
func (t *table) insiderPairs(withheld []bool) []insider {
	owned := map[string][]int{}
	var order []string
	for c, cell := range t.p.Cells {
		has := len(cell.Owner) > 0 && string(cell.Owner) != "null"
		if cell.Contributors == nil && !has || cell.Contributors != nil && *cell.Contributors != 1 {
			continue
		}
		key := "cell " + cell.ID.Key
		if has {
			key = "owner " + string(cell.Owner)
		}
		if owned[key] == nil {
			order = append(order, key)
		}
		owned[key] = append(owned[key], c)
	}
	var out []insider
	if len(owned)*len(t.primary) <= maxPairs {
		for _, key := range order {
			for _, g := range t.primary {
				if mine := owned[key]; withheld[g.cell] && !slices.Contains(mine, g.cell) && slices.ContainsFunc(mine, func(c int) bool { return withheld[c] }) {
					out = append(out, insider{known: mine, target: g.cell})
				}
			}
		}
		return out
	}
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
