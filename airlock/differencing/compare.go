package differencing

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// Kind is what is wrong with a new figure beside the earlier ones.
type Kind string

// The kinds.
const (
	Difference Kind = "difference" // figures add up and subtract to a few people
	Noise      Kind = "noise"      // one true figure was drawn again, by chance
	Nested     Kind = "nested"     // a statistic or model of nearly the same people
	Similar    Kind = "similar"    // nearly the figures of a table without sets
	Relinked   Kind = "relinked"   // too near, if people whom linkage joined or parted are left aside
)

// Term is one figure of a combination.
type Term struct {
	Release   string   `json:"release,omitempty"` // empty: the new one
	Project   string   `json:"project,omitempty"`
	Table     string   `json:"table,omitempty"`
	Row       []string `json:"row,omitempty"`
	Col       []string `json:"col,omitempty"`
	Statistic string   `json:"statistic"`
	Of        string   `json:"of,omitempty"`
	Printed   float64  `json:"printed"`
	Times     float64  `json:"times"` // how often it is added; negative: subtracted
}

// Conflict is a combination of figures, at least one of them new, that gives
// a few people away. It is for checkers: it names releases and counts.
type Conflict struct {
	Kind   Kind
	Figure int // of the new release
	People int // in the group it isolates
	Lo, Hi float64
	Terms  []Term

	across bool // a figure of another linkage is in it
}

// Report is what a comparison found.
type Report struct {
	Conflicts []Conflict
	Compared  int // earlier figures looked at
	Left      int // earlier figures of the same kind that were too far away to be worth the time
	// Cut says that a bound of the search was met before its end: what was not
	// found may be there.
	Cut bool
	// Nearest is the smallest number of people, from 1 on, by which an earlier
	// figure differs from a new one; 0 if none is near.
	Nearest int
}

// Work bounds a comparison.
type Work struct {
	Figures int // earlier figures joined with the new ones in one system
	People  int // the sizes of their sets, added up
}

// DefaultWork is what an airlock spends.
func DefaultWork() Work { return Work{Figures: 1000, People: 60_000_000} }

// tiny separates zero from not zero in combinations of whole numbers.
const tiny = 1e-7

// Compare looks for what c gives away beside the history, where a group of
// fewer than least people may not be known.
func (h *History) Compare(ctx context.Context, c Release, least int64, w Work) (*Report, error) {
	if least <= 0 {
		least = math.MaxInt32 // an unset threshold lets nothing through
	}
	rep := &Report{}
	if err := h.compare(ctx, h.systems, h.same.asOne(c), least, w, rep); err != nil {
		return nil, err
	}
	if within := h.within[c.Linked]; within != nil {
		// Of one linkage, as it told people apart.
		more := &Report{}
		if err := h.compare(ctx, within, c, least, w, more); err != nil {
			return nil, err
		}
		rep.add(more)
	}
	if len(h.same) > 0 && len(rep.Conflicts) == 0 {
		if err := h.acrossLinkages(ctx, c, least, w, rep); err != nil {
			return nil, err
		}
	}
	x := &joint{h: h, c: c, least: least, rep: rep}
	x.labels()
	slices.SortStableFunc(rep.Conflicts, func(a, b Conflict) int {
		return cmp.Or(cmp.Compare(a.Figure, b.Figure), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.People, b.People), cmp.Compare(len(a.Terms), len(b.Terms)))
	})
	return rep, nil
}

// add takes what another look at the same releases found besides.
func (r *Report) add(more *Report) {
	for _, c := range more.Conflicts {
		if !slices.ContainsFunc(r.Conflicts, func(o Conflict) bool { return o.Kind == c.Kind && o.Figure == c.Figure }) {
			r.Conflicts = append(r.Conflicts, c)
		}
	}
	r.Compared, r.Left, r.Cut = max(r.Compared, more.Compared), max(r.Left, more.Left), r.Cut || more.Cut
	r.note(more.Nearest)
}

// compare joins c with the earlier figures of some systems.
func (h *History) compare(ctx context.Context, systems map[string]*system, c Release, least int64, w Work, rep *Report) error {
	bySystem := map[string][]*row{}
	at := map[*row]int{}
	tables := map[string]int32{}
	for i, f := range c.Figures {
		r := h.row(-1, f, levels(f.Times, h.ordinal), tables)
		bySystem[systemOf(f)] = append(bySystem[systemOf(f)], r)
		at[r] = i
	}
	for _, name := range slices.Sorted(maps.Keys(bySystem)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := systems[name]
		if s == nil {
			s = &system{name: name}
		}
		rows := bySystem[name]
		old, left := s.choose(rows, h.numbers, int(least), w)
		rep.Compared, rep.Left = rep.Compared+len(old), rep.Left+left
		rep.note(s.nearest(rows, int(least)))
		h.relinked(s, rows, at, int(least), rep)
		solve := func(old []*row) error {
			x := &joint{h: h, c: c, at: at, least: least, rep: rep}
			return x.solve(ctx, rows, old)
		}
		if !linear(name) {
			x := &joint{h: h, c: c, at: at, least: least, rep: rep}
			x.pairs(rows, old)
			continue
		}
		before := len(rep.Conflicts)
		if err := solve(old); err != nil {
			return err
		}
		// More releases must not hide what fewer show.
		some, whole := parts(old)
		rep.Cut = rep.Cut || !whole
		for _, some := range some {
			if len(rep.Conflicts) > before {
				break
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := solve(some); err != nil {
				return err
			}
		}
	}
	return nil
}

// Bounds of the releases looked at in every choice of them, without each one
// of them, and by themselves.
const (
	maxChoices = 5
	maxWithout = 8
	maxAlone   = 64

	maxPartRows = 1000 // in all choices together
)

// parts are choices of the releases that rows are from: all choices of a few;
// of more, each without one and each alone. whole says that no bound cut them
// short.
func parts(old []*row) (choices [][]*row, whole bool) {
	by := map[int][]*row{}
	for _, r := range old {
		by[r.release] = append(by[r.release], r)
	}
	ids := slices.Sorted(maps.Keys(by))
	n := len(ids)
	choose := func(take func(i int) bool) (out []*row) {
		for i, id := range ids {
			if take(i) {
				out = append(out, by[id]...)
			}
		}
		return out
	}
	var out [][]*row
	switch {
	case n < 2:
	case n > maxAlone:
		return nil, false
	case n <= maxChoices:
		for mask := 1; mask < 1<<n-1; mask++ {
			out = append(out, choose(func(i int) bool { return mask>>i&1 == 1 }))
		}
	default:
		for k := range n {
			out = append(out, by[ids[k]])
			if n <= maxWithout {
				out = append(out, choose(func(i int) bool { return i != k }))
			}
		}
	}
	slices.SortStableFunc(out, func(a, b []*row) int { return cmp.Compare(len(a), len(b)) })
	work := 0
	for i, rows := range out {
		if work += len(rows); work > maxPartRows {
			return out[:i], false
		}
	}
	return out, true
}

func (r *Report) note(n int) {
	if n > 0 && (r.Nearest == 0 || n < r.Nearest) {
		r.Nearest = n
	}
}

// maxRelinked bounds the pairs of sets that are looked at for it.
const maxRelinked = 20_000

// relinked notes each new row that an earlier one would be too near to, if all
// that linkage joined or parted lay between them.
func (h *History) relinked(s *system, rows []*row, at map[*row]int, least int, rep *Report) {
	if h.Relinked <= 0 {
		return
	}
	x := &joint{h: h, at: at}
	work := 0
	for _, r := range rows {
		for _, o := range s.rows {
			if o.imprint == r.imprint || abs(o.size-r.size) >= least+h.Relinked || s.name == "count" && r.open()+o.open() > float64(least-2)-tiny {
				continue
			}
			if work++; work > maxRelinked {
				rep.Cut = true
				return
			}
			if d := apart(r.set, o.set); d >= least && d < least+h.Relinked {
				rep.Conflicts = append(rep.Conflicts, Conflict{Kind: Relinked, Figure: at[r], People: d, Terms: []Term{x.term(r, 1), x.term(o, -1)}})
				break
			}
		}
	}
}

// open is how many values a printed count leaves open.
func (r *row) open() float64 { return r.figure.Hi - r.figure.Lo }

// near lists the earlier rows that differ from r in fewer people than least,
// with the number.
func (s *system) near(r *row, least int, f func(o *row, differ int)) {
	for _, i := range s.candidates(r, least) {
		o := s.rows[i]
		if abs(o.size-r.size) >= least || r.sketch.agree(&o.sketch) < buckets-least+1 {
			continue
		}
		if o.imprint == r.imprint {
			f(o, 0)
			continue
		}
		if d := apart(r.set, o.set); d < least {
			f(o, d)
		}
	}
}

// apart counts the people whose records differ between two sets.
func apart(a, b set) int {
	n := max(len(a.levels), len(b.levels))
	if n == 0 {
		return 0
	}
	level := func(s set, k int) *roaring.Bitmap {
		if k < len(s.levels) {
			return s.levels[k]
		}
		return roaring.New()
	}
	if n == 1 {
		return int(roaring.Xor(level(a, 0), level(b, 0)).GetCardinality())
	}
	u := roaring.New()
	for k := range n {
		u.Or(roaring.Xor(level(a, k), level(b, k)))
	}
	return int(u.GetCardinality())
}

// nearest is the least number of people, from 1, between new and earlier rows.
func (s *system) nearest(rows []*row, least int) int {
	best := 0
	for _, r := range rows {
		s.near(r, least, func(_ *row, d int) {
			if d > 0 && (best == 0 || d < best) {
				best = d
			}
		})
	}
	return best
}

// choose picks the earlier rows to join with the new ones: all of them, or if
// they are too many, first the tables that hold a row near a new one, then
// those with the most people in common.
func (s *system) choose(rows []*row, numbers []uint64, least int, w Work) (old []*row, left int) {
	work := 0
	for _, r := range s.rows {
		work += r.size
	}
	if len(s.rows) <= w.Figures && work <= w.People {
		return s.rows, 0
	}
	p := &population{}
	for _, r := range rows {
		p.note(r, numbers)
	}
	type ranked struct {
		key  [2]int32
		rank float64
	}
	hot := map[[2]int32]float64{}
	closest := map[*row]bool{}
	for _, r := range rows {
		s.near(r, least, func(o *row, d int) {
			key := [2]int32{int32(o.release), o.table}
			closest[o] = true
			if d > 0 {
				hot[key] += 4
			} else {
				hot[key] += 1e-3
			}
		})
	}
	order := make([]ranked, 0, len(s.tables))
	for key, q := range s.tables {
		if share := p.shares(q) + hot[key]; share > 0 {
			order = append(order, ranked{key, share})
		}
	}
	slices.SortFunc(order, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(b.key[0], a.key[0]), cmp.Compare(a.key[1], b.key[1]))
	})
	work = 0
	for _, o := range order {
		t := s.tables[o.key]
		size := 0
		for _, i := range t.rows {
			size += s.rows[i].size
		}
		if len(old) > 0 && (len(old)+len(t.rows) > w.Figures || work+size > w.People) {
			for _, i := range t.rows { // what is near a new row is never left out
				if r := s.rows[i]; closest[r] {
					old = append(old, r)
				} else {
					left++
				}
			}
			continue
		}
		work += size
		for _, i := range t.rows {
			old = append(old, s.rows[i])
		}
	}
	return old, left
}

// pairs compares statistics that don't add up, and models by the records they
// were fitted to.
func (x *joint) pairs(rows, old []*row) {
	for _, r := range rows {
		for _, o := range old {
			if x.relinkedPair(r, o) {
				x.rep.Conflicts = append(x.rep.Conflicts, Conflict{Kind: Relinked, Figure: x.at[r], Terms: []Term{x.term(r, 1), x.term(o, -1)}})
				continue
			}
			if r.imprint == o.imprint || abs(r.size-o.size) >= int(x.least) {
				continue
			}
			d := apart(r.set, o.set)
			if d == 0 || d >= int(x.least) {
				continue
			}
			robust := r.figure.Statistic == "median" || r.figure.Statistic == "mode"
			if robust && r.figure.Printed == o.figure.Printed {
				continue
			}
			x.rep.Conflicts = append(x.rep.Conflicts, Conflict{Kind: Nested, Figure: x.at[r], People: d, Terms: []Term{x.term(r, 1), x.term(o, -1)}, across: x.elsewhere(o)})
		}
	}
}

func abs(n int) int { return max(n, -n) }

func (x *joint) term(r *row, times float64) Term {
	f := r.figure
	t := Term{Table: f.Table, Row: f.Row, Col: f.Col, Statistic: f.Statistic, Of: f.Of, Printed: f.Printed, Times: times}
	if r.release >= 0 {
		t.Release, t.Project = x.h.releases[r.release].ID, x.h.releases[r.release].Project
	}
	return t
}
