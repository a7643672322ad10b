package engine

import "math/bits"

// held tells which rules hold for two records by what the two have alike, eight
// places of their rows at a time: tables gives for each choice of these the
// rules that ask for no other of them.
type held struct {
	from, to int // places in a row
	tables   [][256]uint64
	all      uint64   // rules
	rests    uint64   // those of which more has to be tested
	needs    []uint64 // by rule: the places, from the first on
}

// maxLooks is how many places of a row rules may look at.
const maxLooks = 64

// looks settles whether rules look at values and not at block numbers, as they
// may when no rule's blocks are ever divided, and returns what has no place
// among the records' values then.
func (p *Plan) looks() (only []*vector) {
	p.keyed = p.f.N <= many
	at := map[*vector]int{}
	for k := range p.rules {
		r := &p.rules[k]
		if r.perRow > 0 || k >= p.tiers && p.m.MaxBlock > 0 {
			p.keyed = false
		}
		for _, v := range r.keys {
			if _, ok := at[v]; !ok && (v.slot < 0 || v.via != nil) {
				at[v] = len(only)
				only = append(only, v)
			}
		}
	}
	if len(only)+len(p.vs.slots) > maxLooks {
		p.keyed = false
	}
	h := held{from: p.own, to: p.own + len(only) + len(p.vs.slots), all: 1<<uint(len(p.rules)) - 1, needs: make([]uint64, len(p.rules))}
	for k := range p.rules {
		if p.rules[k].rest != nil {
			h.rests |= 1 << uint(k)
		}
	}
	if !p.keyed {
		p.held = held{rests: h.rests}
		return nil
	}
	for k := range p.rules {
		for _, v := range p.rules[k].keys {
			i, ok := at[v]
			if !ok {
				i = len(only) + v.slot
			}
			h.needs[k] |= 1 << uint(i)
		}
	}
	for lo := 0; lo < h.to-h.from; lo += 8 {
		var t [256]uint64
		for alike := range t {
			for k, need := range h.needs {
				if need>>lo&0xff&^uint64(alike) == 0 {
					t[alike] |= 1 << uint(k)
				}
			}
		}
		h.tables = append(h.tables, t)
	}
	p.held = h
	return only
}

// cover finds the rules whose pairs an earlier rule brings all.
func (p *Plan) cover() {
	for k := range p.rules {
		for i := range k {
			if p.rules[i].rest == nil && p.held.needs[i]&^p.held.needs[k] == 0 {
				p.rules[k].idle = true
			}
		}
	}
}

// hold is the set of rules that hold for two records, given by their rows.
func (p *Plan) hold(w *worker, l, r []uint32) uint64 {
	var rules uint64
	if p.keyed {
		rules = p.held.of(l, r)
	} else {
		rules = p.shared(l, r)
	}
	for rest := rules & p.held.rests; rest != 0; rest &= rest - 1 {
		if k := bits.TrailingZeros64(rest); p.rules[k].rest(&w.scratch, l[p.base:], r[p.base:]) != yes {
			rules &^= 1 << uint(k)
		}
	}
	return rules
}

// of is the set of rules that hold, but for what more has to be tested.
func (h *held) of(l, r []uint32) uint64 {
	a, b := l[h.from:h.to], r[h.from:h.to]
	b = b[:len(a)]
	alike := uint64(0)
	for i, x := range a {
		x, d := uint64(x), uint64(x^b[i])
		alike |= ((d - 1) &^ (x - 1)) >> 63 << (uint(i) & 63) // equal and not null
	}
	rules := h.all
	for i := range h.tables {
		rules &= h.tables[i][alike>>(8*uint(i)&63)&0xff]
	}
	return rules
}

// list is the records by block of a rule whose blocks are not divided.
func (r *rule) list(g *grouping, n int) *list {
	so, size := r.keys[0], r.keys[0].words.Len()
	if len(r.keys) == 1 {
		return g.byValue(so, n)
	}
	for i, k := range r.keys[1:] {
		s := g.pair(so, size, k, n)
		if so != r.keys[0] {
			g.spare = append(g.spare, so.ids)
		}
		if i == len(r.keys)-2 {
			after := g.alike(s, n, false)
			l := listed(after)
			g.clean = append(g.clean, after)
			return l
		}
		so = &vector{}
		so.ids, size = g.number(s, n)
	}
	return nil
}

// listed makes the list of blocks of what alike gives, which it clears.
func listed(after []uint32) *list {
	links := 0 // from a record of a block to the next: most blocks have one
	for _, next := range after {
		if next != 0 {
			links++
		}
	}
	l := &list{order: make([]uint32, 0, min(2*links, len(after))), starts: make([]uint32, 1, links+2)}
	for i, next := range after {
		if next == 0 {
			continue
		}
		l.starts = append(l.starts, uint32(len(l.order)))
		l.order = append(l.order, uint32(i))
		after[i] = 0
		for next != 0 {
			i := next - 1
			l.order = append(l.order, i)
			next, after[i] = after[i], 0
		}
	}
	l.starts = append(l.starts, uint32(len(l.order)))
	return l
}

// alone stands for a value that nobody shares.
const alone = 1 << 31

// byValue makes the list of the blocks of records that have the same value.
func (g *grouping) byValue(v *vector, n int) *list {
	size := v.words.Len()
	g.next = room(g.next, size)
	at := g.next // of a value: how many records have it, then where the next goes
	clear(at)
	var buf [runOf]uint32
	for lo := 0; lo < n; lo += runOf {
		for _, id := range v.run(lo, min(lo+runOf, n), buf[:]) {
			at[id]++
		}
	}
	l := &list{starts: make([]uint32, 1, size/2+2)}
	sum := uint32(0)
	for id, k := range at {
		if id == 0 || k < 2 {
			at[id] = alone
			continue
		}
		l.starts = append(l.starts, sum)
		at[id] = sum
		sum += k
	}
	l.starts = append(l.starts, sum)
	l.order = make([]uint32, sum)
	for lo := 0; lo < n; lo += runOf {
		for i, id := range v.run(lo, min(lo+runOf, n), buf[:]) {
			if k := at[id]; k != alone {
				l.order[k] = uint32(lo + i)
				at[id]++
			}
		}
	}
	return l
}
