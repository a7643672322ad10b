package differencing

import (
	"cmp"
	"context"
	"slices"
)

// joint is the equations that new and earlier figures are together.
type joint struct {
	h     *History
	c     Release
	at    map[*row]int // new rows' figures
	least int64
	rep   *Report

	entries []*entry
	atoms   []atom
	nulls   []*reduced // combinations about small atoms alone,
	order   []int32    // over these
	seen    map[string]bool
}

// entry is a set with the narrowest of what was printed about it.
type entry struct {
	row    *row
	rows   []*row // all of its set
	lo, hi float64
	fresh  bool      // among the new figures
	figure int       // the new figure
	atoms  []int32   // it is made of,
	times  []float64 // with as many records each
	scale  float64
}

func (e *entry) width() float64 { return e.hi - e.lo }

// atom is people who are in the same sets.
type atom struct {
	people int
	first  uint32
	sig    imprint
}

// inOrder makes an atom of each signature, in an order of theirs.
func (x *joint) inOrder(sig []imprint) {
	seen := map[imprint]bool{{}: true}
	for _, s := range sig {
		if !seen[s] {
			seen[s] = true
			x.atoms = append(x.atoms, atom{sig: s})
		}
	}
	slices.SortFunc(x.atoms, func(a, b atom) int {
		return cmp.Or(cmp.Compare(a.sig[0], b.sig[0]), cmp.Compare(a.sig[1], b.sig[1]))
	})
}

// solve looks for combinations of rows that isolate a few people.
func (x *joint) solve(ctx context.Context, rows, old []*row) error {
	x.seen = map[string]bool{}
	x.merge(rows, old)
	x.refine()
	x.twos()
	// Rows that rounding leaves wide open, and by more than anybody's records,
	// isolate nobody.
	var exact, open []*entry
	for _, e := range x.entries {
		switch {
		case len(e.atoms) == 0:
		case !x.count() || e.width() < 0.5:
			exact = append(exact, e)
		case e.width() < float64(x.least-2), e.width()/2 < float64(len(e.row.set.levels)):
			open = append(open, e)
		}
	}
	// Earlier ones first, so that what a new row adds is seen; the precise ones first.
	slices.SortStableFunc(exact, func(a, b *entry) int {
		fresh := func(e *entry) int {
			if e.fresh {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(fresh(a), fresh(b)), cmp.Compare(a.width(), b.width()))
	})
	return x.eliminate(ctx, exact, open)
}

// twos judges each new row with each row near it, whatever the atoms are: how
// finely other rows part the people can't hide it.
func (x *joint) twos() {
	for i, e := range x.entries {
		if !e.fresh {
			continue
		}
		for j, o := range x.entries {
			if i == j || o.fresh && j < i || abs(e.row.size-o.row.size) >= int(x.least) || e.row.sketch.agree(&o.row.sketch) < buckets-int(x.least)+1 {
				continue
			}
			if apart(e.row.set, o.row.set) >= int(x.least) {
				continue
			}
			p := part{e: 1, o: -1}
			x.judge(x.vector(p), p)
		}
	}
}

func (x *joint) count() bool {
	return len(x.entries) > 0 && x.entries[0].row.figure.Statistic == "count"
}

// merge joins rows of the same set.
func (x *joint) merge(rows, old []*row) {
	by := map[imprint]*entry{}
	put := func(r *row, fresh bool) {
		if r.size == 0 {
			return
		}
		f := r.figure
		e, ok := by[r.imprint]
		if !ok {
			e = &entry{row: r, lo: f.Lo, hi: f.Hi}
			by[r.imprint] = e
			x.entries = append(x.entries, e)
		}
		if fresh && !e.fresh {
			e.fresh, e.figure = true, x.at[r]
		}
		for _, o := range e.rows {
			g := o.figure
			if fresh && f.Printed != g.Printed && f.Statistic == g.Statistic && (f.Random || g.Random || max(g.Lo, f.Lo) > min(g.Hi, f.Hi)) {
				x.rep.Conflicts = append(x.rep.Conflicts, Conflict{Kind: Noise, Figure: x.at[r], People: r.size, Lo: max(g.Lo, f.Lo), Hi: min(g.Hi, f.Hi), Terms: []Term{x.term(r, 1), x.term(o, -1)}})
				break
			}
		}
		e.rows = append(e.rows, r)
		if lo, hi := max(e.lo, f.Lo), min(e.hi, f.Hi); lo <= hi {
			e.lo, e.hi = lo, hi
		} else if f.Hi-f.Lo < e.hi-e.lo { // they contradict: the narrower counts
			e.lo, e.hi = f.Lo, f.Hi
		}
		e.scale = max(e.scale, f.Scale)
	}
	for _, r := range old {
		put(r, false)
	}
	for _, r := range rows {
		put(r, true)
	}
	// An order that does not tell when a figure was released.
	slices.SortFunc(x.entries, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.row.size, b.row.size), cmp.Compare(a.row.imprint[0], b.row.imprint[0]), cmp.Compare(a.row.imprint[1], b.row.imprint[1]))
	})
}

// refine parts people into atoms and writes each entry in them.
func (x *joint) refine() {
	n := len(x.h.numbers)
	sig := make([]imprint, n)
	for i, e := range x.entries {
		for level, l := range e.row.set.levels {
			h := hash(uint64(i)<<16|uint64(level), 1<<20)
			it := l.ManyIterator()
			var buf [1024]uint32
			for k := it.NextMany(buf[:]); k > 0; k = it.NextMany(buf[:]) {
				for _, o := range buf[:k] {
					sig[o] = sig[o].xor(h)
				}
			}
		}
	}
	x.inOrder(sig)
	at := map[imprint]int32{}
	for i, a := range x.atoms {
		at[a.sig] = int32(i)
	}
	atomOf := make([]int32, n) // 1 + atom where a person is its atom's first
	for o, s := range sig {
		if s == (imprint{}) {
			continue
		}
		a := at[s]
		if x.atoms[a].people == 0 {
			x.atoms[a].first, atomOf[o] = uint32(o), a+1
		}
		x.atoms[a].people++
	}
	slot := make([]int32, len(x.atoms)) // 1 + place in the entry's atoms
	for _, e := range x.entries {
		for _, l := range e.row.set.levels {
			it := l.ManyIterator()
			var buf [1024]uint32
			for k := it.NextMany(buf[:]); k > 0; k = it.NextMany(buf[:]) {
				for _, o := range buf[:k] {
					a := atomOf[o] - 1
					switch {
					case a < 0:
					case slot[a] == 0:
						e.atoms, e.times = append(e.atoms, a), append(e.times, 1)
						slot[a] = int32(len(e.atoms))
					default:
						e.times[slot[a]-1]++
					}
				}
			}
		}
		for _, a := range e.atoms {
			slot[a] = 0
		}
	}
}

func (x *joint) small(a int32) bool { return int64(x.atoms[a].people) < x.least }
