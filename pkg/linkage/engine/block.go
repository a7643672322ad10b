package engine

import (
	"iter"
	"math/bits"
	"slices"
)

// block lists the blocks of every rule.
func (p *Plan) block() {
	p.lists = make([]*list, len(p.rules))
	if p.keyed {
		p.cover()
	}
	tasks, pairs := make([][]task, len(p.rules)), make([]int64, len(p.rules))
	p.share(len(p.rules), func(rules iter.Seq[int]) {
		g := &grouping{}
		for i := range rules {
			r := &p.rules[i]
			switch {
			case r.idle:
				continue
			case p.keyed:
				p.lists[i] = r.list(g, p.f.N)
			case i < p.tiers:
				p.lists[i] = r.blocks(g, p.f.N, 0)
			default:
				p.lists[i] = r.blocks(g, p.f.N, p.m.MaxBlock)
			}
			r.size = len(p.lists[i].starts) - 1
			tasks[i], pairs[i] = p.divided(i, p.lists[i].starts)
		}
	})
	if !p.keyed {
		p.place()
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
	clean        [][]uint32 // the same, all 0
}

// numbers returns room for the numbers of n records, all 0.
func (g *grouping) numbers(n int) []uint32 {
	if k := len(g.clean); k > 0 {
		ids := g.clean[k-1]
		g.clean = g.clean[:k-1]
		return ids
	}
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

// blocks lists the records of each block; those whose key is null or shared by
// nobody are in none.
func (r *rule) blocks(g *grouping, n, limit int) *list {
	ids, size := r.group(g, n)
	sizes := blockSizes(ids, size)
	if r.perRow > 0 {
		limit = affordable(sizes, r.most(n), limit)
	}
	if limit > 0 {
		for _, v := range r.ref {
			over := oversized(sizes, limit)
			if over == nil {
				break
			}
			before := pairsOf(sizes)
			sizes = dropSingles(ids, g.divide(ids, v.at, v.words.Len(), len(sizes), over))
			r.lost += before - pairsOf(sizes)
		}
		if over := oversized(sizes, limit); over != nil {
			before := pairsOf(sizes)
			if r.perRow > 0 {
				leaveOut(ids, over)
				sizes = dropSingles(ids, len(sizes))
			} else {
				sizes = dropSingles(ids, g.chop(ids, len(sizes), limit))
			}
			r.lost += before - pairsOf(sizes)
		}
	}
	if r.perRow > 0 { // refined blocks count too
		before := pairsOf(sizes)
		if most := r.most(n); float64(before) > 1.5*most {
			leaveOut(ids, oversized(sizes, affordable(sizes, most, limit)))
			sizes = dropSingles(ids, len(sizes))
			r.lost += before - pairsOf(sizes)
		}
	}
	g.spare = append(g.spare, ids)
	return listOf(ids, sizes)
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
		return ids, len(dropSingles(ids, first.words.Len()))
	}
	so := first // the keys so far: exact for two parts at a time
	size := first.words.Len()
	for _, k := range r.keys[1:] {
		s := g.pair(so, size, k, n)
		if so != first {
			g.spare = append(g.spare, so.ids)
		}
		so = &vector{}
		so.ids, size = g.number(s, n)
	}
	return so.ids, size
}

// pair makes a key of what each record has of two vectors, of which the first
// has size values.
func (g *grouping) pair(so *vector, size int, k *vector, n int) spread {
	g.keys = room(g.keys, n)
	s := newSpread(size, k.words.Len(), n)
	g.starts = room(g.starts, 1<<s.bits+1)
	clear(g.starts)
	var bufs [2][runOf]uint32
	for lo := 0; lo < n; lo += runOf {
		hi := min(lo+runOf, n)
		s.pair(g.keys[lo:hi], so.run(lo, hi, bufs[0][:]), k.run(lo, hi, bufs[1][:]), g.starts)
	}
	return s
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
	ids = g.alike(s, n, true)
	last := uint32(0)
	for i, f := range ids { // far apart as records may be, no look waits for the one before
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

// alike gives for each of n records one more than the first with the same key,
// itself perhaps, or than the next one; 0 when nobody shares it, or no other
// comes after.
func (g *grouping) alike(s spread, n int, first bool) []uint32 {
	to := g.numbers(n)
	if s.shift <= 32 {
		g.narrow = alike(g, g.narrow, s, to, first)
	} else {
		g.wide = alike(g, g.wide, s, to, first)
	}
	return to
}

// alike sets to as the method tells. It works on one small part of the keys at a
// time, so that its tables stay in cache.
func alike[K uint32 | uint64](g *grouping, parts []entry[K], s spread, to []uint32, first bool) []entry[K] {
	starts := g.starts
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	g.next = room(g.next, len(starts))
	parts = room(parts, int(starts[len(starts)-1]))
	next := g.next
	copy(next, starts)
	for i, k := range g.keys[:len(to)] {
		if k != none {
			p := k >> s.shift
			parts[next[p]] = entry[K]{K(k & (1<<s.shift - 1)), uint32(i)}
			next[p]++
		}
	}
	slots := g.slots // of the first or last entry with the key, plus one
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
				if o := part[f-1]; o.key == e.key {
					if first {
						to[o.at], to[e.at] = o.at+1, o.at+1
					} else {
						to[o.at], table[h] = e.at+1, uint32(i)+1
					}
					break
				}
			}
		}
	}
	g.slots = slots
	return parts
}

// divide gives the records of the blocks in over (all blocks when nil) new
// numbers by (block, with), a null being a part like others, and takes those
// that are alone then to 0. The numbers of other blocks stay. What with gives
// is less than parts. It returns one more than the largest number.
func (g *grouping) divide(ids []uint32, with func(i int) uint32, parts, size int, over []bool) int {
	g.keys = room(g.keys, len(ids))
	s := newSpread(size, parts+1, len(ids))
	g.starts = room(g.starts, 1<<s.bits+1)
	clear(g.starts)
	var blocks, withs [runOf]uint32
	for lo := 0; lo < len(ids); lo += runOf {
		hi := min(lo+runOf, len(ids))
		for i, id := range ids[lo:hi] {
			if blocks[i] = 0; id != 0 && (over == nil || over[id]) {
				blocks[i], withs[i] = id, with(lo+i)+1
			}
		}
		s.pair(g.keys[lo:hi], blocks[:hi-lo], withs[:hi-lo], g.starts)
	}
	fresh, n := g.number(s, len(ids))
	for i, id := range ids {
		if id == 0 || over != nil && !over[id] {
			continue
		}
		if ids[i] = fresh[i]; fresh[i] != 0 {
			ids[i] += uint32(size) - 1
		}
	}
	g.spare = append(g.spare, fresh)
	return size + n - 1
}

func blockSizes(ids []uint32, size int) []uint32 {
	n := make([]uint32, size)
	for _, id := range ids {
		n[id]++
	}
	return n
}

// pairsOf is how many pairs blocks of these sizes make; the first is none.
func pairsOf(sizes []uint32) int64 {
	total := int64(0)
	for _, n := range sizes[1:] {
		total += int64(n) * (int64(n) - 1) / 2
	}
	return total
}

// oversized tells which blocks are larger than limit; nil when none is.
func oversized(sizes []uint32, limit int) []bool {
	var over []bool
	for id, n := range sizes {
		if id > 0 && int(n) > limit {
			if over == nil {
				over = make([]bool, len(sizes))
			}
			over[id] = true
		}
	}
	return over
}

// affordable is the largest block for which all blocks up to its size make no
// more than the given number of pairs, and at most limit.
func affordable(sizes []uint32, pairs float64, limit int) int {
	sizes = slices.Clone(sizes[1:])
	slices.Sort(sizes)
	best, sum := 2, 0.0
	for i, n := range sizes {
		sum += float64(n) * (float64(n) - 1) / 2
		if i+1 < len(sizes) && sizes[i+1] == n {
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
func (g *grouping) chop(ids []uint32, size, limit int) int {
	seen := make([]uint32, size)
	parts, most := make([]uint32, len(ids)), uint32(0)
	for i, id := range ids {
		parts[i] = seen[id] / uint32(limit)
		most = max(most, parts[i])
		seen[id]++
	}
	return g.divide(ids, func(i int) uint32 { return parts[i] }, int(most)+1, size, nil)
}

// dropSingles takes blocks of one record to 0, numbers the others densely and
// returns their sizes; the first is of no block.
func dropSingles(ids []uint32, size int) []uint32 {
	n := blockSizes(ids, size)
	sizes := make([]uint32, 1, size)
	for id := range n {
		if id == 0 || n[id] < 2 {
			n[id] = 0
			continue
		}
		sizes = append(sizes, n[id])
		n[id] = uint32(len(sizes) - 1)
	}
	for i, id := range ids {
		ids[i] = n[id]
	}
	return sizes
}
