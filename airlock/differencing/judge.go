package differencing

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// interval is what a combination's printed figures say of its value.
func interval(p part) (lo, hi float64) {
	for e, y := range p {
		if y > 0 {
			lo, hi = lo+y*e.lo, hi+y*e.hi
		} else {
			lo, hi = lo+y*e.hi, hi+y*e.lo
		}
	}
	return lo, hi
}

// fresh reports whether a new figure is in a combination, and the first.
func fresh(p part) (int, bool) {
	at, found := math.MaxInt, false
	for e := range p {
		if e.fresh {
			at, found = min(at, e.figure), true
		}
	}
	return at, found
}

// judge refuses a combination that tells of a few people and nobody else.
func (x *joint) judge(vec map[int32]float64, p part) {
	lo, hi := interval(p)
	if people, unsafe := x.unsafe(vec, p, lo, hi); unsafe {
		x.conflict(vec, p, people, lo, hi)
	}
}

// hides is how many times the largest value of a few people the printed digits
// have to leave their sum open by: whoever knows the others' values roughly
// must not learn the last.
const hides = 5

// unsafe decides on a combination: it weighs less than the threshold, when
// the person it counts most weighs one, and rounding leaves fewer values open
// than a withheld cell does, or less than twice the records of any of them. A
// combination of a group alone weighs its people.
func (x *joint) unsafe(vec map[int32]float64, p part, lo, hi float64) (people int, unsafe bool) {
	least, most, weight, up, down := math.Inf(1), 0.0, 0.0, false, false
	often := math.Inf(1) // how often the combination counts a record, at least
	for a, y := range vec {
		people += x.atoms[a].people
		weight += math.Abs(y) * float64(x.atoms[a].people)
		least, most = min(least, math.Abs(y)), max(most, math.Abs(y))
		often = min(often, max(1, math.Abs(y)/x.records(a, p)))
		up, down = up || y > 0, down || y < 0
	}
	if people == 0 || weight/most > float64(x.least)-tiny {
		return people, false
	}
	width := hi - lo
	if !x.count() {
		return people, width/2 < hides*x.worth(vec, p)
	}
	if width < tiny {
		return people, true
	}
	top := hi / least
	if !up {
		top = -lo / least
	}
	if width/often > float64(x.least-2)-tiny && width/2 > most-tiny {
		return people, false
	}
	return people, up && down || top < float64(x.least)
}

// records is how many records of each of its people an atom has in a figure of
// a combination, at most.
func (x *joint) records(a int32, p part) float64 {
	most := 1.0
	for e := range p {
		most = max(most, float64(e.row.set.times(x.atoms[a].first)))
	}
	return most
}

// worth is the largest contribution within a group, as far as it is known,
// times how often it counts.
func (x *joint) worth(vec map[int32]float64, p part) float64 {
	most := 0.0
	for a, y := range vec {
		number, known := x.h.numbers[x.atoms[a].first], false
		// Every person of a small atom could be looked up; its first stands for
		// it only where it is alone.
		if x.atoms[a].people == 1 {
			for _, f := range x.c.Figures {
				if w, ok := f.Worth[number]; ok && f.Of == x.entries[0].row.figure.Of {
					most, known = max(most, math.Abs(w*y)), true
				}
			}
		}
		if !known {
			for e := range p {
				most = max(most, e.scale*math.Abs(y))
			}
		}
	}
	return most
}

// maxPairs bounds the pairs of rounded rows that are looked at.
const maxPairs = 200_000

// judgeOpen judges rounded rows: those that exact ones take apart, and pairs
// of the same residue. Several pairs about one group narrow it together.
func (x *joint) judgeOpen(ctx context.Context, same map[string][]part) error {
	type found struct {
		vec    map[int32]float64
		part   part
		lo, hi float64
		fresh  bool
	}
	groups := map[string]*found{}
	var order []string
	work := 0
	note := func(p part) {
		vec := x.vector(p)
		if len(vec) == 0 {
			return
		}
		for a := range vec {
			if !x.small(a) {
				return
			}
		}
		key, sign := name(vec)
		lo, hi := interval(p)
		if sign < 0 {
			lo, hi = -hi, -lo
			p = scaled(p, -1)
			for a := range vec {
				vec[a] = -vec[a]
			}
		}
		_, isFresh := fresh(p)
		g, ok := groups[key]
		if !ok {
			groups[key] = &found{vec, p, lo, hi, isFresh}
			order = append(order, key)
			return
		}
		g.lo, g.hi = max(g.lo, lo), min(g.hi, hi)
		if isFresh && !g.fresh {
			g.part, g.fresh = p, true
		}
	}
	keys := make([]string, 0, len(same))
	for k := range same {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, key := range keys {
		ps := same[key]
		if key == "" { // exact rows say everything about the large atoms
			for _, p := range ps {
				note(p)
			}
		}
		for i, p := range ps {
			for _, q := range ps[:i] {
				if work++; work > maxPairs {
					x.rep.Cut = true
					break
				}
				r := clone(p)
				for e, y := range q {
					if s := r[e] - y; math.Abs(s) < tiny {
						delete(r, e)
					} else {
						r[e] = s
					}
				}
				note(r)
			}
		}
	}
	for _, key := range order {
		g := groups[key]
		if !g.fresh {
			continue
		}
		if people, unsafe := x.unsafe(g.vec, g.part, g.lo, g.hi); unsafe {
			x.conflict(g.vec, g.part, people, g.lo, g.hi)
			continue
		}
		// Exact figures may take more out of it.
		if len(x.nulls) > 0 && len(x.seen) == 0 && g.hi-g.lo < float64(x.least-2) {
			if err := x.search(ctx, &reduced{part: g.part}); err != nil {
				return err
			}
		}
	}
	return nil
}

func scaled(p part, by float64) part {
	out := make(part, len(p))
	for e, y := range p {
		out[e] = by * y
	}
	return out
}

// name names a group up to its sign.
func name(vec map[int32]float64) (string, float64) {
	as := make([]int32, 0, len(vec))
	for a := range vec {
		as = append(as, a)
	}
	slices.Sort(as)
	sign := math.Copysign(1, vec[as[0]])
	var s strings.Builder
	for _, a := range as {
		fmt.Fprintf(&s, "%d:%d ", a, int64(math.Round(sign*vec[a]*1e5)))
	}
	return s.String(), sign
}

// maxConflicts bounds what one comparison reports.
const maxConflicts = 200

func (x *joint) conflict(vec map[int32]float64, p part, people int, lo, hi float64) {
	at, isNew := fresh(p)
	key, _ := name(vec)
	if !isNew || x.seen[key] || len(x.rep.Conflicts) >= maxConflicts {
		return
	}
	x.seen[key] = true
	total := 0.0
	for a, y := range vec {
		total += y * float64(x.atoms[a].people)
	}
	if total < 0 { // written so that it comes to people, not to their lack
		p, lo, hi = scaled(p, -1), -hi, -lo
	}
	c := Conflict{Kind: Difference, Figure: at, People: people, Lo: lo, Hi: hi}
	for _, e := range x.entries {
		if y := p[e]; math.Abs(y) > tiny {
			c.Terms = append(c.Terms, x.term(e.row, y))
			c.across = c.across || slices.ContainsFunc(e.rows, x.elsewhere)
		}
	}
	x.rep.Conflicts = append(x.rep.Conflicts, c)
}
