package differencing

import (
	"context"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// Same says which numbers were ever one person: linkage joins and parts people,
// who go by other numbers from then on. It holds every such number, with the
// number that stands for all of them.
type Same map[uint64]uint64

// SameOf makes it of groups of numbers, each of which was one person at a time.
func SameOf(groups [][]uint64) Same {
	s := Same{}
	var find func(n uint64) uint64
	find = func(n uint64) uint64 {
		up, ok := s[n]
		if !ok {
			s[n] = n
			return n
		}
		if up == n {
			return n
		}
		s[n] = find(up)
		return s[n]
	}
	for _, g := range groups {
		for _, n := range g {
			a, b := find(g[0]), find(n)
			s[max(a, b)] = min(a, b)
		}
	}
	for n := range maps.Keys(maps.Clone(s)) {
		find(n)
	}
	return s
}

// With adds groups.
func (s Same) With(groups [][]uint64) Same { return SameOf(append(s.groups(), groups...)) }

func (s Same) groups() (out [][]uint64) {
	at := map[uint64]int{}
	for _, n := range slices.Sorted(maps.Keys(s)) {
		i, ok := at[s[n]]
		if !ok {
			i = len(out)
			at[s[n]] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], n)
	}
	return out
}

// about is the groups in which some of the people are.
func (s Same) about(people []uint64) [][]uint64 {
	if len(s) == 0 {
		return nil
	}
	wanted := map[uint64]bool{}
	for _, p := range people {
		wanted[s.of(p)] = true
	}
	return slices.DeleteFunc(s.groups(), func(g []uint64) bool { return !wanted[s.of(g[0])] })
}

// Lacking is the groups that loaded releases know of and this history does
// not: it has to be made again with them.
func (h *History) Lacking() [][]uint64 { return h.lacking }

// knows notes what a release says of people who go by several numbers.
func (h *History) knows(groups [][]uint64) {
	for _, g := range groups {
		for _, n := range g {
			if one, ok := h.same[n]; !ok || one != h.same[g[0]] {
				h.lacking = append(h.lacking, g)
				break
			}
		}
	}
}

func (s Same) of(n uint64) uint64 {
	if one, ok := s[n]; ok {
		return one
	}
	return n
}

// NewSame returns an empty history of people some of whom go by several numbers.
func NewSame(same Same) *History {
	return &History{ordinals: map[uint64]uint32{}, systems: map[string]*system{}, same: same,
		moved: roaring.New(), rest: map[string]*system{}, within: map[string]map[string]*system{}}
}

// asOne is a row whose people are counted as one over all linkages: itself, if
// none of them ever went by another number.
func (h *History) asOne(r *row) *row {
	if !h.hasMoved(r) {
		return r
	}
	times := map[uint32]int{} // of the numbers that stand for several
	for _, l := range r.set.levels {
		for _, o := range roaring.And(l, h.moved).ToArray() {
			times[h.ordinal(h.same.of(h.numbers[o]))]++
		}
	}
	most := slices.Max(slices.Collect(maps.Values(times)))
	out := make([]*roaring.Bitmap, min(max(len(r.set.levels), most), maxLevels))
	for k := range out {
		out[k] = roaring.New()
		if k < len(r.set.levels) {
			out[k] = roaring.AndNot(r.set.levels[k], h.moved)
		}
		for o, n := range times {
			if n > k {
				out[k].Add(o)
			}
		}
		out[k].RunOptimize()
	}
	return h.measured(r, set{levels: out})
}

// without is a row without the people who went by several numbers.
func (h *History) without(r *row) *row {
	if !h.hasMoved(r) {
		return r
	}
	var s set
	for _, l := range r.set.levels {
		if rest := roaring.AndNot(l, h.moved); !rest.IsEmpty() {
			s.levels = append(s.levels, rest)
		}
	}
	return h.measured(r, s)
}

// measured is a row with another set.
func (h *History) measured(r *row, s set) *row {
	out := *r
	out.set, out.size = s, s.people()
	out.imprint, out.sketch = s.measure(h.numbers)
	return &out
}

// asOne is a release whose people are counted as one over all linkages.
func (s Same) asOne(c Release) Release {
	if len(s) == 0 {
		return c
	}
	c.Figures = slices.Clone(c.Figures)
	for i := range c.Figures {
		f := &c.Figures[i]
		times := make(map[uint64]int, len(f.Times))
		for n, k := range f.Times {
			times[s.of(n)] += k
		}
		f.Times = times
		if f.Worth == nil {
			continue
		}
		worth := make(map[uint64]float64, len(f.Worth))
		for n, w := range f.Worth {
			worth[s.of(n)] += w
		}
		f.Worth = worth
	}
	return c
}

// settled is a release without the people who ever went by several numbers.
func (s Same) settled(c Release) Release {
	c.Figures = slices.Clone(c.Figures)
	for i := range c.Figures {
		f := &c.Figures[i]
		f.Times = maps.Clone(f.Times)
		maps.DeleteFunc(f.Times, func(n uint64, _ int) bool { _, moved := s[n]; return moved })
	}
	return c
}

// acrossLinkages looks for what conflicts if the people whom linkage joined or
// parted are left aside: how many of those between two figures of two linkages
// left, and how many only changed their number, nobody can tell.
func (h *History) acrossLinkages(ctx context.Context, c Release, least int64, w Work, rep *Report) error {
	rest := &Report{}
	if err := h.compare(ctx, h.rest, h.same.settled(c), least, w, rest); err != nil {
		return err
	}
	for _, x := range rest.Conflicts {
		if x.across && x.Kind != Noise {
			x.Kind = Relinked
			rep.Conflicts = append(rep.Conflicts, x)
		}
	}
	rep.Cut = rep.Cut || rest.Cut
	return nil
}

// relinkedPair reports whether two figures that don't add up are of the same
// people over two linkages, so that nobody can tell whether of the same records.
func (x *joint) relinkedPair(r, o *row) bool {
	return r.imprint == o.imprint && x.elsewhere(o) && x.h.hasMoved(r) && (r.figure.Statistic == "model" || r.figure.Printed != o.figure.Printed)
}

// elsewhere reports whether a row is an earlier one of another linkage.
func (x *joint) elsewhere(r *row) bool {
	return r.release >= 0 && x.h.releases[r.release].Linked != x.c.Linked
}

// hasMoved reports whether anybody in a row ever went by another number.
func (h *History) hasMoved(r *row) bool {
	return len(r.set.levels) > 0 && r.set.levels[0].Intersects(h.moved)
}
