package suppress

import (
	"context"
	"errors"
	"math"
	"math/big"
	"slices"
	"time"

	"github.com/ark-tre/ark/airlock/suppress/highs"
)

// Budget bounds the search for cheaper patterns. A pattern is found and
// verified whatever the budget; the bound then says how far from the best.
type Budget struct {
	Work int                  // attacks and flows; an integer programme counts twenty, two per cut and ten per node; 0: 5,000
	Time time.Duration        // 0: none; with a time the result depends on the machine
	Now  func() time.Duration // the clock for Time
}

// Result is a pattern with what is known about it.
type Result struct {
	Status     string              `json:"status"` // optimal | feasible | infeasible
	Suppressed []ID                `json:"suppressed"`
	Cost       Number              `json:"cost"`
	Bound      Number              `json:"bound"`
	Gap        float64             `json:"gap"`
	Intervals  map[string]Interval `json:"intervals"`

	table   *table
	pattern pattern
	judge   *judge
	Work    int `json:"-"` // spent
	Cuts    int `json:"-"`
}

// optimiser is the search: master problem, attacks, repairs.
type optimiser struct {
	t      *table
	o      Options
	b      Budget
	j      *judge
	p      *protector
	relax  *highs.Model // the master's relaxation
	mip    *highs.Model
	best   pattern
	cost   *big.Rat
	bound  float64
	cuts   int
	mips   int // units of work in integer programmes, nodes apart
	nodes  int
	whole  bool // every weight is a whole number
	cutLog map[string]bool
}

// Solve protects the primaries of a problem.
func Solve(ctx context.Context, p *Problem, o Options, b Budget) (*Result, error) {
	t, err := compile(p)
	if err != nil {
		return nil, err
	}
	t.relax(o)
	if b.Work == 0 {
		b.Work = 5000
	}
	s := &optimiser{t: t, o: o, b: b, cutLog: map[string]bool{}, whole: true}
	for _, w := range t.wrat {
		s.whole = s.whole && w.IsInt()
	}
	s.j = newJudge(o, t)
	if s.p, err = newProtector(o.Solver, t); err != nil {
		return nil, err
	}
	return s.run(ctx)
}

func (s *optimiser) run(ctx context.Context) (*Result, error) {
	t := s.t
	// 1. A good pattern by flows.
	if err := s.improve(ctx, make(pattern, t.n)); err != nil {
		return nil, err
	}
	// 2. None found: whatever may be withheld, withheld. If that doesn't
	// protect, nothing does.
	if s.best == nil {
		everything := make(pattern, t.n)
		for c := range everything {
			everything[c] = t.isPrim[c] || t.free[c]
		}
		ok, _, err := s.judgePattern(ctx, everything, false)
		if err != nil {
			return nil, err
		}
		if !ok {
			return &Result{Status: "infeasible", Suppressed: []ID{}, Cost: Number{new(big.Rat)}, Bound: Number{new(big.Rat)}, Intervals: map[string]Interval{}, table: t}, nil
		}
		s.best, s.cost = everything, t.costOf(everything)
	}
	// 3. Bounds and better patterns within the budget.
	if err := s.search(ctx); err != nil && !errors.Is(err, errBudget) {
		return nil, err
	}
	return s.result(ctx)
}

// judgePattern attacks every primary; with cuts it returns, for each primary
// not protected, the cuts that say why.
func (s *optimiser) judgePattern(ctx context.Context, w pattern, cuts bool) (bool, []cut, error) {
	if err := s.j.pattern(w); err != nil {
		return false, nil, err
	}
	var out []cut
	all := true
	for _, g := range s.t.primary {
		if cuts && s.over() {
			return false, nil, errBudget
		}
		ok, err := s.j.holds(ctx, g)
		if err != nil {
			return false, nil, err
		}
		if ok {
			continue
		}
		all = false
		if !cuts {
			return false, nil, nil
		}
		out = append(out, s.cutsFor(g, s.j.x)...)
	}
	if s.o.Insiders && all {
		broken, err := s.j.insiders(ctx)
		if err != nil {
			return false, nil, err
		}
		for _, b := range broken {
			all = false
			if cuts {
				out = append(out, s.insiderCuts(b)...)
			}
		}
	}
	return all, out, nil
}

// improve repairs a pattern and keeps it if it is cheaper than the best.
func (s *optimiser) improve(ctx context.Context, from pattern) error {
	w, ok, err := s.repair(ctx, from)
	if err != nil || !ok {
		return err
	}
	if s.o.Insiders {
		if w, ok, err = s.repairInsiders(ctx, w); err != nil || !ok {
			return err
		}
	}
	if c := s.t.costOf(w); s.best == nil || c.Cmp(s.cost) < 0 {
		s.best, s.cost = w, c
	}
	return nil
}

// repairInsiders gives each insider's target a flow around the insider.
func (s *optimiser) repairInsiders(ctx context.Context, w pattern) (pattern, bool, error) {
	for range 20 {
		ok, _, err := s.judgePattern(ctx, w, false)
		if err != nil {
			return nil, false, err
		}
		if ok {
			return w, true, nil
		}
		broken, err := s.j.insiders(ctx)
		if err != nil {
			return nil, false, err
		}
		if len(broken) == 0 {
			return nil, false, nil
		}
		w = slices.Clone(w)
		for _, b := range broken {
			fixed := false
			for _, side := range s.insiderSides(b) {
				delta, ok, err := s.p.flow(ctx, b.target, side.dir, side.level, w, b.known)
				if err != nil {
					return nil, false, err
				}
				if !ok {
					if side.either {
						continue
					}
					fixed = false
					break
				}
				for c, d := range delta {
					w[c] = w[c] || math.Abs(d) > 1e-7
				}
				fixed = true
				if side.either {
					break
				}
			}
			if !fixed {
				return nil, false, nil
			}
		}
	}
	return nil, false, nil
}

// insiderSides lists what an insider's target lacks: any room at all, or its
// levels.
func (s *optimiser) insiderSides(b insider) []side {
	zero := new(big.Rat)
	any := []side{{1, zero, true}, {-1, zero, true}}
	if !s.o.Starred {
		return any
	}
	var out []side
	for _, x := range s.t.sides(s.t.guardOf(b.target)) {
		if slices.Contains(b.missed, x.dir) {
			out = append(out, x)
		}
	}
	if len(out) == 0 {
		return any
	}
	return out
}

// floats is the pattern as the solver's variables.
func (p pattern) floats() []float64 {
	out := make([]float64, len(p))
	for i, w := range p {
		if w {
			out[i] = 1
		}
	}
	return out
}

var errBudget = errors.New("suppress: the budget is spent")

// spent is the work done so far.
func (s *optimiser) spent() int { return s.j.a.calls + s.p.calls + s.mips + 10*s.nodes }

func (s *optimiser) over() bool {
	return s.spent() >= s.b.Work || s.b.Time > 0 && s.b.Now != nil && s.b.Now() >= s.b.Time
}

// closed reports whether the best pattern is proved cheapest.
func (s *optimiser) closed() bool { return float(s.cost)-s.roundedBound() <= 1e-6 }

// roundedBound is the bound, rounded up where every weight is whole.
func (s *optimiser) roundedBound() float64 {
	if s.whole {
		return math.Ceil(s.bound - 1e-6)
	}
	return s.bound
}

// result verifies the best pattern once more and states what it gives.
func (s *optimiser) result(ctx context.Context) (*Result, error) {
	ok, _, err := s.judgePattern(ctx, s.best, false)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("suppress: the pattern found is not protected after all")
	}
	r := &Result{Status: "feasible", Suppressed: []ID{}, Cost: Number{s.cost}, Intervals: map[string]Interval{}, table: s.t, pattern: s.best, judge: s.j, Cuts: s.cuts}
	for c, w := range s.best {
		if w {
			r.Suppressed = append(r.Suppressed, s.t.p.Cells[c].ID)
		}
	}
	for _, g := range s.t.primary {
		iv, _, err := s.j.interval(ctx, g.cell)
		if err != nil {
			return nil, err
		}
		r.Intervals[s.t.p.Cells[g.cell].ID.Key] = iv
	}
	bound := new(big.Rat).SetFloat64(math.Max(0, s.roundedBound()))
	if s.closed() {
		bound, r.Status = s.cost, "optimal"
	}
	r.Bound = Number{bound}
	gap := float(new(big.Rat).Sub(s.cost, bound))
	r.Gap, r.Work = gap/math.Max(1, float(s.cost)), s.spent()
	return r, nil
}
