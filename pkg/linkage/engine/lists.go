package engine

import "math/bits"

// list is the records by block of a rule, and where each block starts.
type list struct {
	order, starts []uint32
}

// listOf makes the list of blocks; ids holds the block of each record, sizes
// how many records each has, of which the first is no block.
func listOf(ids, sizes []uint32) *list {
	l := &list{starts: make([]uint32, len(sizes)+1)}
	at := make([]uint32, len(sizes))
	for b := 1; b < len(sizes); b++ {
		at[b] = l.starts[b]
		l.starts[b+1] = l.starts[b] + sizes[b]
	}
	l.order = make([]uint32, l.starts[len(sizes)])
	for i, id := range ids {
		if id != 0 {
			l.order[at[id]] = uint32(i)
			at[id]++
		}
	}
	return l
}

// places is how many places of a row tell a record's blocks: which rules have
// one for it, in two places, and where in blocks their numbers begin.
const places = 3

// place notes each record's blocks. Most records are in those of few rules
// only, so there is no room for the others.
func (p *Plan) place() {
	n := uint32(0)
	for k, l := range p.lists {
		at := p.own + k/32
		for _, i := range l.order {
			p.rows[int(i)*p.width+at] |= 1 << (k % 32)
		}
		n += uint32(len(l.order))
	}
	p.blocks = make([]uint32, n)
	n = 0
	for i := range uint32(p.f.N) {
		row := p.row(i)[p.own:]
		row[2] = n
		n += uint32(bits.OnesCount32(row[0]) + bits.OnesCount32(row[1]))
	}
	for _, l := range p.lists { // in order of rules, so that each record's are
		for b := 1; b+1 < len(l.starts); b++ {
			for _, i := range l.order[l.starts[b]:l.starts[b+1]] {
				at := &p.rows[int(i)*p.width+p.own+2]
				p.blocks[*at] = uint32(b)
				*at++
			}
		}
	}
	for i := range uint32(p.f.N) {
		row := p.row(i)[p.own:]
		row[2] -= uint32(bits.OnesCount32(row[0]) + bits.OnesCount32(row[1]))
	}
}

// shared is the set of rules of which two records are in one block.
func (p *Plan) shared(l, r []uint32) (rules uint64) {
	l, r = l[p.own:p.own+places], r[p.own:p.own+places]
	a, b := uint64(l[0])|uint64(l[1])<<32, uint64(r[0])|uint64(r[1])<<32
	for both := a & b; both != 0; both &= both - 1 {
		bit := both & -both
		x, y := l[2]+uint32(bits.OnesCount64(a&(bit-1))), r[2]+uint32(bits.OnesCount64(b&(bit-1)))
		if p.blocks[x] == p.blocks[y] {
			rules |= bit
		}
	}
	return rules
}
