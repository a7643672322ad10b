package engine

import (
	"context"
	"iter"
	"math"
	"slices"

	"github.com/ark-tre/ark/pkg/linkage/frame"
)

// doubtBits is how much everything but a number has to speak against each of
// the records that share it, for the number not to be a record's own: a
// number written on somebody else's record differs in name, birth and home.
const doubtBits = -5

const (
	// doubtCap is how many of those that share a number a record is held against.
	doubtCap = 16
	// crowd is the most records of which somebody asks whose number theirs is.
	crowd = 64
)

// doubt finds the records with somebody else's value of a column of which a
// person has one only, and takes it from them: it neither joins them to anybody
// nor keeps them apart then. A record's value is somebody else's when others hold
// it and none of them fits the record. Of two that hold it and don't fit each
// other neither keeps it. A value that nobody else holds is believed.
func (s *Scored) doubt(ctx context.Context) error {
	p := s.p
	if len(p.unique) == 0 || p.f.N < 2 {
		return nil
	}
	s.doubted = frame.NewMarks(p.f.N)
	for k, v := range p.unique {
		fit := p.tiered(p.m.Unique[k])
		groups := p.open(v, fit)
		leave := p.looking(p.m.Unique[k])
		found := make([][]uint32, len(groups))
		p.share(len(groups), func(numbers iter.Seq[int]) {
			w := &worker{}
			for g := range numbers {
				if ctx.Err() != nil {
					return
				}
				found[g] = p.foreign(w, groups[g], fit, leave)
			}
		})
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, i := range slices.Concat(found...) {
			s.doubted.Set(i)
			p.values(i)[v.slot] = 0
		}
	}
	return nil
}

// tiered are the records that share with another a block of a tier that looks
// at a column.
func (p *Plan) tiered(column string) frame.Marks {
	fit := frame.NewMarks(p.f.N)
	for k := range p.tiers {
		if p.lists[k] == nil || p.rules[k].rest != nil || !p.rules[k].cols[column] {
			continue
		}
		order, starts := p.lists[k].order, p.lists[k].starts
		for b := 1; b < p.rules[k].size; b++ {
			if block := order[starts[b]:starts[b+1]]; len(block) > 1 {
				for _, i := range block {
					fit.Set(i)
				}
			}
		}
	}
	return fit
}

// open are the groups of records with the same value of v of which some share
// no tier with another: most values never get here.
func (p *Plan) open(v *vector, fit frame.Marks) [][]uint32 {
	count := make([]uint8, v.words.Len())
	for i := range uint32(p.f.N) {
		if n := &count[v.in(p.values(i))]; *n <= crowd {
			*n++
		}
	}
	const asked = math.MaxUint8
	var groups [][]uint32
	at := map[uint32]int{} // value → group
	for i := range uint32(p.f.N) {
		if fit.Has(i) {
			continue
		}
		if id := v.in(p.values(i)); id != 0 && count[id] > 1 && count[id] <= crowd {
			count[id], at[id] = asked, len(groups)
			groups = append(groups, nil)
		}
	}
	for i := range uint32(p.f.N) {
		if id := v.in(p.values(i)); count[id] == asked {
			groups[at[id]] = append(groups[at[id]], i)
		}
	}
	return groups
}

// Doubts reports whether a value of one of two records is not believed.
func (s *Scored) Doubts(l, r uint32) bool { return s.doubted.Has(l) || s.doubted.Has(r) }

// Doubted counts the records, from one on, with a value that is not believed.
func (s *Scored) Doubted(from int) int {
	all := s.doubted.All()
	first, _ := slices.BinarySearch(all, uint32(from))
	return len(all) - first
}

// looking are the comparisons that look at nothing but a column.
func (p *Plan) looking(column string) []bool {
	out := make([]bool, len(p.comps))
	for i := range p.comps {
		out[i] = len(p.comps[i].cols) == 1 && p.comps[i].cols[column]
	}
	return out
}

// foreign are those of a group of records with the same value whose it is not.
func (p *Plan) foreign(w *worker, group []uint32, fit frame.Marks, leave []bool) (out []uint32) {
	var stays uint64 // somebody of the group fits
	for a, x := range group {
		if fit.Has(x) {
			stays |= 1 << a
		}
	}
	for a, x := range group {
		for d := 1; d <= min(doubtCap, len(group)-1) && stays&(1<<a) == 0; d++ {
			b := (a + d) % len(group)
			if l, r := min(x, group[b]), max(x, group[b]); p.fits(w, l, r, leave) {
				stays |= 1<<a | 1<<b
			}
		}
	}
	for a, x := range group {
		if stays&(1<<a) == 0 {
			out = append(out, x)
		}
	}
	return out
}

// fits reports whether two records may be of one person, going by everything
// but the comparisons to leave out.
func (p *Plan) fits(w *worker, l, r uint32, leave []bool) bool {
	if p.hold(w, p.row(l), p.row(r))&(1<<p.tiers-1) != 0 {
		return true
	}
	bits := 0.0
	for i, at := range p.places(&w.scratch, p.pattern(&w.scratch, l, r)) {
		if leave[i] {
			continue
		}
		bits += p.weights[at]
		if v := p.rare[at]; v != nil {
			bits += v.adjust(v.tf.in(p.values(l)), v.tf.in(p.values(r)))
		}
	}
	return bits > doubtBits
}
