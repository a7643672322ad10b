package engine

import (
	"slices"
	"sync"

	"github.com/ark-tre/ark/pkg/linkage/frame"
)

// block numbers the blocks of every rule.
func (p *Plan) block() {
	var wg sync.WaitGroup
	gate := make(chan struct{}, p.threads)
	p.order, p.starts = make([][]uint32, len(p.rules)), make([][]uint32, len(p.rules))
	for i := range p.rules {
		wg.Add(1)
		go func() {
			defer wg.Done()
			gate <- struct{}{}
			defer func() { <-gate }()
			r := &p.rules[i]
			limit := p.m.MaxBlock
			if i < p.tiers {
				limit = 0
			}
			r.number(p.f.N, limit)
			p.order[i], p.starts[i] = r.lists()
		}()
	}
	wg.Wait()
}

// number gives each record its block: 0 when a key is null or nobody shares it.
func (r *rule) number(n, limit int) {
	ids := make([]uint32, n)
	copy(ids, r.keys[0].ids)
	size := len(r.keys[0].words)
	for _, k := range r.keys[1:] {
		size = combine(ids, k.ids, false, nil)
	}
	ids, size = dropSingles(ids, size)
	if r.perRow > 0 {
		limit = affordable(ids, size, r.perRow*float64(n), limit)
	}
	if limit > 0 {
		for _, v := range r.ref {
			over := oversized(ids, size, limit)
			if over == nil {
				break
			}
			before := pairsOf(ids, size)
			size = combine(ids, v.ids, true, over)
			ids, size = dropSingles(ids, size)
			r.lost += before - pairsOf(ids, size)
		}
		if oversized(ids, size, limit) != nil {
			before := pairsOf(ids, size)
			if r.perRow > 0 {
				leaveOut(ids, oversized(ids, size, limit))
			} else {
				size = chop(ids, size, limit)
			}
			ids, size = dropSingles(ids, size)
			r.lost += before - pairsOf(ids, size)
		}
	}
	r.ids, r.size = ids, size
}

// combine renumbers ids by (ids, with). Without split a null in either makes
// null; with split only blocks in over are divided, a null being a part.
func combine(ids, with []uint32, split bool, over []bool) int {
	t := frame.NewNumbers(1024)
	for i, a := range ids {
		if a == 0 {
			continue
		}
		b := with[i]
		if split {
			if !over[a] {
				b = 0
			}
		} else if b == 0 {
			ids[i] = 0
			continue
		}
		ids[i] = t.Number(uint64(a)<<32 | uint64(b))
	}
	return t.Len() + 1
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
	return combine(ids, parts, false, nil)
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

// lists returns the records by block, and where each block starts.
func (r *rule) lists() (order, starts []uint32) {
	starts = make([]uint32, r.size+1)
	for _, id := range r.ids {
		if id != 0 {
			starts[id+1]++
		}
	}
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	order = make([]uint32, starts[r.size])
	at := append([]uint32(nil), starts...)
	for i, id := range r.ids {
		if id != 0 {
			order[at[id]] = uint32(i)
			at[id]++
		}
	}
	return order, starts
}

// pack lays the value and block numbers of each record side by side, so that
// comparing two records touches two short runs of memory.
func (p *Plan) pack() {
	p.width, p.slots = len(p.comps)+len(p.rules), len(p.vs.slots)
	p.rows, p.cold = make([]uint32, p.width*p.f.N), make([]uint32, p.slots*p.f.N)
	for j, v := range p.vs.slots {
		for i, id := range v.ids {
			p.cold[i*p.slots+j] = id
		}
	}
	for j := range p.comps {
		for i, id := range p.comps[j].tuples(p.vs) {
			p.rows[i*p.width+j] = id
		}
	}
	for k := range p.rules {
		r := &p.rules[k]
		r.slot = len(p.comps) + k
		for i, id := range r.ids {
			p.rows[i*p.width+r.slot] = id
		}
		r.ids = nil
	}
}

// tuples numbers the combinations of the values that c looks at: two records
// with the same numbers compare the same.
func (c *comparison) tuples(vs *vectors) []uint32 {
	if len(c.slots) == 1 {
		return vs.slots[c.slots[0]].ids
	}
	ids := make([]uint32, vs.f.N)
	for i := range ids {
		ids[i] = 1
	}
	for _, s := range c.slots {
		t := frame.NewNumbers(1024)
		for i, a := range ids {
			ids[i] = t.Number(uint64(a)<<32 | uint64(vs.slots[s].ids[i]))
		}
	}
	return ids
}

// free lets go of what was laid side by side, after the frequencies that are
// asked for later are counted.
func (p *Plan) free() {
	for _, v := range p.vs.slots {
		v.frequencies()
	}
	for _, v := range p.vs.all {
		v.ids = nil
		if v.slot < 0 {
			v.words, v.nums = nil, nil
		}
	}
	for i := range p.rules {
		p.rules[i].keys, p.rules[i].ref = nil, nil
	}
	f := *p.f
	f.Cols = nil
	p.f, p.vs.f = &f, &f
}

// row is what blocking and comparing look at first.
func (p *Plan) row(i uint32) []uint32 { return p.rows[int(i)*p.width : (int(i)+1)*p.width] }

// values is the value numbers of a record, which tests look at.
func (p *Plan) values(i uint32) []uint32 { return p.cold[int(i)*p.slots : (int(i)+1)*p.slots] }
