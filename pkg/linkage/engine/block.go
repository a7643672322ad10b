package engine

import (
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ark-tre/ark/pkg/linkage/frame"
)

// block numbers the blocks of every rule, some rules at a time, and lays the
// numbers out with the records.
func (p *Plan) block() {
	p.lists.begin(p)
	gs := make([]*grouping, p.threads)
	for i := range gs {
		gs[i] = &grouping{}
	}
	tasks, pairs := make([][]task, len(p.rules)), make([]int64, len(p.rules))
	together := 4 // rules that are numbered before their numbers are laid out
	if p.f.N > keepLists {
		together = p.threads
	}
	for from := 0; from < len(p.rules); from += together {
		to := min(from+together, len(p.rules))
		var wg sync.WaitGroup
		var next atomic.Int32
		next.Store(int32(from))
		for _, g := range gs[:min(p.threads, to-from)] {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := int(next.Add(1)) - 1; i < to; i = int(next.Add(1)) - 1 {
					r := &p.rules[i]
					limit := p.m.MaxBlock
					if i < p.tiers {
						limit = 0
					}
					r.number(g, p.f.N, limit)
					l := listOf(r.ids, 1, r.size)
					tasks[i], pairs[i] = p.divided(i, l.starts)
					if p.lists.keep {
						p.lists.all[i] = l
					}
				}
			}()
		}
		wg.Wait()
		columns := make([][]uint32, 0, together)
		for k := from; k < to; k++ {
			columns = append(columns, p.rules[k].ids)
			p.rules[k].ids = nil
		}
		p.put(p.own+from, columns)
		for i, c := range columns {
			gs[i%len(gs)].spare = append(gs[i%len(gs)].spare, c)
		}
	}
	for k := range p.rules {
		p.tasks = append(p.tasks, tasks[k]...)
		p.upper += pairs[k]
	}
}

// grouping is the memory that rules are numbered in, one after the other.
type grouping struct {
	keys         []uint64
	narrow       []entry[uint32]
	wide         []entry[uint64]
	starts, next []uint32
	slots        []uint32
	spare        [][]uint32 // numbers of records that are laid out already
}

// numbers returns room for the numbers of n records, all 0.
func (g *grouping) numbers(n int) []uint32 {
	k := len(g.spare)
	if k == 0 {
		return make([]uint32, n)
	}
	ids := g.spare[k-1]
	g.spare = g.spare[:k-1]
	clear(ids)
	return ids
}

// entry is what the part that an entry lies in leaves open of a record's key.
type entry[K uint32 | uint64] struct {
	key K
	at  uint32
}

// room returns the first n of s, or new ones when s is too short.
func room[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// number gives each record its block: 0 when a key is null or nobody shares it.
func (r *rule) number(g *grouping, n, limit int) {
	ids, size := r.group(g, n)
	if r.perRow > 0 {
		limit = affordable(ids, size, r.most(n), limit)
	}
	if limit > 0 {
		for _, v := range r.ref {
			over := oversized(ids, size, limit)
			if over == nil {
				break
			}
			before := pairsOf(ids, size)
			size = divide(ids, v.at, size, over)
			ids, size = dropSingles(ids, size)
			r.lost += before - pairsOf(ids, size)
		}
		if oversized(ids, size, limit) != nil {
			before := pairsOf(ids, size)
			if r.perRow > 0 {
				leaveOut(ids, oversized(ids, size, limit))
				ids, size = dropSingles(ids, size)
			} else {
				size = chop(ids, size, limit)
			}
			ids, size = dropSingles(ids, size)
			r.lost += before - pairsOf(ids, size)
		}
	}
	if r.perRow > 0 { // refined blocks count too
		before := pairsOf(ids, size)
		if most := r.most(n); float64(before) > 1.5*most {
			leaveOut(ids, oversized(ids, size, affordable(ids, size, most, limit)))
			ids, size = dropSingles(ids, size)
			r.lost += before - pairsOf(ids, size)
		}
	}
	r.ids, r.size = ids, size
}

// enoughPairs is how many pairs every rule may bring, however few records.
const enoughPairs = 50_000

// most is about how many pairs the rule may bring among n records.
func (r *rule) most(n int) float64 {
	most := max(r.perRow*float64(n), enoughPairs)
	if r.total > 0 {
		most = min(most, r.total)
	}
	return most
}

// group numbers the records by their keys.
func (r *rule) group(g *grouping, n int) ([]uint32, int) {
	first := r.keys[0]
	if len(r.keys) == 1 {
		ids := g.numbers(n)
		for lo := 0; lo < n; lo += runOf {
			hi := min(lo+runOf, n)
			copy(ids[lo:hi], first.run(lo, hi, ids[lo:hi]))
		}
		return dropSingles(ids, first.words.Len())
	}
	var ids []uint32 // of the keys so far: exact for two parts at a time
	size := first.words.Len()
	g.keys = room(g.keys, n)
	var bufs [2][runOf]uint32
	for _, k := range r.keys[1:] {
		s := newSpread(size, k.words.Len(), n)
		g.starts = room(g.starts, 1<<s.bits+1)
		clear(g.starts)
		for lo := 0; lo < n; lo += runOf {
			hi := min(lo+runOf, n)
			a := bufs[0][:]
			if ids == nil {
				a = first.run(lo, hi, a)
			} else {
				a = ids[lo:hi]
			}
			s.pair(g.keys[lo:hi], a, k.run(lo, hi, bufs[1][:]), g.starts)
		}
		if ids != nil {
			g.spare = append(g.spare, ids)
		}
		ids, size = g.number(s, n)
	}
	return ids, size
}

// runOf is how many records' keys are made at a time.
const runOf = 1024

// spread makes one key of two numbers and spreads keys over parts of about the
// same size, without two keys ever becoming one.
type spread struct {
	times uint64 // more than any second number
	mask  uint64 // of the bits that a key has
	half  uint   // half of them
	shift uint   // bits below those that tell the part
	bits  uint   // those that tell the part
}

func newSpread(first, second, n int) spread {
	s := spread{times: uint64(second), bits: 1}
	for n>>s.bits > 1024 && s.bits < 14 {
		s.bits++
	}
	all := uint(bits.Len64(uint64(first) * uint64(second)))
	all = max(all, s.bits+1)
	s.mask, s.half, s.shift = 1<<all-1, (all+1)/2, all-s.bits
	return s
}

// none is the key of a record of which a part is null.
const none = ^uint64(0)

// pair makes keys of two numbers, none when either is 0, and counts in starts
// how many lie in each part.
func (s spread) pair(keys []uint64, a, b, starts []uint32) {
	b = b[:len(a)]
	keys = keys[:len(a)]
	for i, x := range a {
		y := b[i]
		if x == 0 || y == 0 {
			keys[i] = none
			continue
		}
		k := uint64(x)*s.times + uint64(y)
		k = (k ^ k>>s.half) * 0x9E3779B97F4A7C15 & s.mask
		keys[i] = k
		starts[k>>s.shift+1]++
	}
}

// number numbers the keys of n records that occur twice or more densely from
// 1, in the order in which they first occur; others get 0.
func (g *grouping) number(s spread, n int) (ids []uint32, size int) {
	ids = g.numbers(n)
	if s.shift <= 32 {
		g.narrow = firsts(g, g.narrow, s, ids)
	} else {
		g.wide = firsts(g, g.wide, s, ids)
	}
	last := uint32(0)
	for i, f := range ids {
		switch {
		case f == 0:
		case f == uint32(i)+1:
			last++
			ids[i] = last
		default:
			ids[i] = ids[f-1]
		}
	}
	return ids, int(last) + 1
}

// firsts sets ids to one more than the first record with the same key, for
// those that share theirs. It works on one small part of the keys at a time, so
// that its tables stay in cache.
func firsts[K uint32 | uint64](g *grouping, parts []entry[K], s spread, ids []uint32) []entry[K] {
	starts := g.starts
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	g.next = room(g.next, len(starts))
	parts = room(parts, int(starts[len(starts)-1]))
	next := g.next
	copy(next, starts)
	for i, k := range g.keys[:len(ids)] {
		if k != none {
			p := k >> s.shift
			parts[next[p]] = entry[K]{K(k & (1<<s.shift - 1)), uint32(i)}
			next[p]++
		}
	}
	slots := g.slots // of the first entry with the key, plus one
	for p := range len(starts) - 1 {
		part := parts[starts[p]:starts[p+1]]
		width := uint(4)
		for 1<<width < 2*len(part) {
			width++
		}
		if 1<<width > len(slots) {
			slots = make([]uint32, 1<<width)
		}
		table := slots[:1<<width]
		clear(table)
		mask := uint64(len(table) - 1)
		for i := range part {
			e := part[i]
			for h := uint64(e.key) * 0xD6E8FEB86659FD93 >> (64 - width); ; h = (h + 1) & mask {
				f := table[h]
				if f == 0 {
					table[h] = uint32(i) + 1
					break
				}
				if first := part[f-1]; first.key == e.key {
					ids[first.at] = first.at + 1
					ids[e.at] = first.at + 1
					break
				}
			}
		}
	}
	g.slots = slots
	return parts
}

// divide gives the records of the blocks in over (all blocks when nil) new
// numbers by (block, with), a null being a part like others. The numbers of
// other blocks stay. It returns one more than the largest number.
func divide(ids []uint32, with func(i int) uint32, size int, over []bool) int {
	t := frame.NewNumbers(1024)
	for i, a := range ids {
		if a == 0 || over != nil && !over[a] {
			continue
		}
		ids[i] = uint32(size) - 1 + t.Number(uint64(a)<<32|uint64(with(i)))
	}
	return size + t.Len()
}

func blockSizes(ids []uint32, size int) []uint32 {
	n := make([]uint32, size)
	for _, id := range ids {
		n[id]++
	}
	return n
}

func pairsOf(ids []uint32, size int) int64 {
	total := int64(0)
	for id, n := range blockSizes(ids, size) {
		if id > 0 {
			total += int64(n) * (int64(n) - 1) / 2
		}
	}
	return total
}

func oversized(ids []uint32, size, limit int) []bool {
	var over []bool
	for id, n := range blockSizes(ids, size) {
		if id > 0 && int(n) > limit {
			if over == nil {
				over = make([]bool, size)
			}
			over[id] = true
		}
	}
	return over
}

// affordable is the largest block for which all blocks up to its size make no
// more than the given number of pairs, and at most limit.
func affordable(ids []uint32, size int, pairs float64, limit int) int {
	sizes := blockSizes(ids, size)
	slices.Sort(sizes[1:])
	best, sum := 2, 0.0
	for i, n := range sizes[1:] {
		sum += float64(n) * (float64(n) - 1) / 2
		if i+2 < size && sizes[i+2] == n {
			continue
		}
		if sum > pairs {
			break
		}
		best = max(best, int(n))
	}
	if limit > 0 {
		best = min(best, limit)
	}
	return best
}

// leaveOut takes the records of the given blocks to 0.
func leaveOut(ids []uint32, blocks []bool) {
	if blocks == nil {
		return
	}
	for i, id := range ids {
		if blocks[id] {
			ids[i] = 0
		}
	}
}

// chop divides blocks that are still too large into runs of neighbours.
func chop(ids []uint32, size, limit int) int {
	seen := make([]uint32, size)
	parts := make([]uint32, len(ids))
	for i, id := range ids {
		parts[i] = seen[id]/uint32(limit) + 1
		seen[id]++
	}
	return divide(ids, func(i int) uint32 { return parts[i] }, size, nil)
}

// dropSingles takes blocks of one record to 0 and numbers the others densely.
func dropSingles(ids []uint32, size int) ([]uint32, int) {
	n := blockSizes(ids, size)
	next := uint32(1)
	for id := range n {
		if id == 0 || n[id] < 2 {
			n[id] = 0
			continue
		}
		n[id] = next
		next++
	}
	for i, id := range ids {
		ids[i] = n[id]
	}
	return ids, int(next)
}

// layOut makes the records' rows: value numbers, and the tuple numbers of
// comparisons that look at several columns, side by side with room for block
// numbers, so that comparing two records touches two short runs of memory.
func (p *Plan) layOut() {
	var own [][]uint32
	of := make([]int, len(p.comps))
	for j := range p.comps {
		t, slot := p.comps[j].tuples(p.vs)
		if of[j] = -1 - slot; t != nil {
			of[j] = len(own)
			own = append(own, t)
		}
	}
	p.own = len(own)
	p.base = p.own + len(p.rules)
	p.width = p.base + len(p.vs.slots)
	for j := range p.comps {
		if p.comps[j].pos = of[j]; of[j] < 0 {
			p.comps[j].pos = p.base - 1 - of[j]
		}
	}
	p.rows = make([]uint32, p.width*p.f.N)
	p.put(0, own)
	var values [][]uint32
	for _, v := range p.vs.slots {
		values = append(values, v.ids)
	}
	p.put(p.base, values)
	if p.f.N > keepLists {
		p.slim(values)
	}
}

// slim lets go of the columns that are in the records' rows too: blocking of
// very many records reads them there.
func (p *Plan) slim(values [][]uint32) {
	for _, v := range p.vs.all {
		for slot, ids := range values {
			if &ids[0] == &v.ids[0] {
				v.ids, v.from, v.rows, v.width, v.pos = nil, nil, p.rows, p.width, p.base+slot
				break
			}
		}
	}
	p.dropColumns()
}

// dropColumns lets go of the frame's columns.
func (p *Plan) dropColumns() {
	f := *p.f
	f.Cols = nil
	p.f, p.vs.f = &f, &f
}

// put lays columns out in the records' rows from a place on.
func (p *Plan) put(at int, columns [][]uint32) {
	const chunk = 512 // rows laid out at a time, to stay in cache
	for lo := 0; lo < p.f.N; lo += chunk {
		hi := min(lo+chunk, p.f.N)
		for j, c := range columns {
			for i, id := range c[lo:hi] {
				p.rows[(lo+i)*p.width+at+j] = id
			}
		}
	}
}

// tuples numbers the combinations of the values that c looks at: two records
// with the same numbers compare the same. When they are those of one vector, it
// returns nothing but its slot.
func (c *comparison) tuples(vs *vectors) (ids []uint32, slot int) {
	if len(c.slots) == 1 {
		return nil, c.slots[0]
	}
	var parts []*vector // what is derived from a single column has its slot
	for _, s := range c.slots {
		parts = append(parts, vs.slots[s])
	}
	ids = make([]uint32, vs.f.N)
	for i := range ids {
		ids[i] = 1
	}
	for _, v := range parts {
		t := frame.NewNumbers(1024)
		for i, a := range ids {
			ids[i] = t.Number(uint64(a)<<32 | uint64(v.at(i)))
		}
	}
	return ids, 0
}

// free lets go of what was laid side by side, after the frequencies that are
// asked for later are counted.
func (p *Plan) free() {
	for _, v := range p.vs.counted {
		v.frequencies()
	}
	for _, v := range p.vs.all {
		v.ids, v.rows, v.from = nil, nil, nil
		if v.slot < 0 {
			v.via, v.words, v.nums = nil, nil, nil
		}
	}
	for i := range p.rules {
		p.rules[i].keys, p.rules[i].ref = nil, nil
	}
	p.dropColumns()
}

// row is what blocking and comparing look at first.
func (p *Plan) row(i uint32) []uint32 { return p.rows[int(i)*p.width : (int(i)+1)*p.width] }

// values is the value numbers of a record, which tests look at.
func (p *Plan) values(i uint32) []uint32 { return p.row(i)[p.base:] }
