package engine

import "context"

// doubtBits is how much everything but a number has to speak against each of
// the records that share it, for the number not to be a record's own: a
// number written on somebody else's record differs in name, birth and home.
const doubtBits = -5

const (
	// doubtCap is how many of those that share a number a record is held against.
	doubtCap = 16
	// crowd is from how many records on nobody asks whose number it is.
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
	s.doubted = make([]uint64, p.f.N/64+1)
	next := make([]uint32, p.f.N) // of those with the same value, plus one
	for k, v := range p.unique {
		first := make([]uint32, v.words.Len()) // by value: the first record that has it, plus one
		for i := p.f.N - 1; i >= 0; i-- {
			if id := v.in(p.values(uint32(i))); id != 0 {
				next[i], first[id] = first[id], uint32(i)+1
			}
		}
		leave := p.looking(p.m.Unique[k])
		parts := p.threads
		found := make([][]uint32, parts)
		p.parallel(ctx, parts, func(_ *scratch, part int) {
			w := p.newWorker()
			var group []uint32
			for id := len(first) * part / parts; id < len(first)*(part+1)/parts; id++ {
				if first[id] == 0 || next[first[id]-1] == 0 {
					continue
				}
				group = group[:0]
				for i := first[id]; i != 0; i = next[i-1] {
					group = append(group, i-1)
				}
				found[part] = append(found[part], p.foreign(w, group, leave)...)
			}
		})
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, some := range found {
			for _, i := range some {
				s.doubted[i/64] |= 1 << (i % 64)
				p.values(i)[v.slot] = 0
			}
		}
	}
	return nil
}

// Doubts reports whether a value of record i is not believed.
func (s *Scored) Doubts(i uint32) bool {
	return s.doubted != nil && s.doubted[i/64]&(1<<(i%64)) != 0
}

// Doubted counts the records, from one on, with a value that is not believed.
func (s *Scored) Doubted(from int) int {
	n := 0
	for i := from; i < 64*len(s.doubted); i++ {
		if s.Doubts(uint32(i)) {
			n++
		}
	}
	return n
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
func (p *Plan) foreign(w *worker, group []uint32, leave []bool) (out []uint32) {
	if len(group) > crowd {
		return nil
	}
	var stays uint64 // somebody of the group fits
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
