package engine

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// keepPairs is how many candidate pairs are kept in memory between counting
// and scoring; beyond it patterns are counted on a sample and all pairs are
// compared when they are scored. The sample is of records: a record's pairs are
// all looked at or none, so that most of the work is left out too.
const keepPairs = 24 << 20

// cell counts the pairs of one pattern that hold one set of rules.
type cell struct {
	pattern uint32
	mask    uint64
	n       float64
}

// candidates are the pairs that were compared, or a sample of them.
type candidates struct {
	pairs [][]Pair // by task; nil when they were not kept
	cells []cell
	total int64 // pairs looked at
	each  uint64
}

// counter counts patterns and masks.
type counter struct {
	masks, cells *frame.Numbers
	maskOf       []uint64
	keyOf        []uint64
	n            []float64
}

func newCounter() *counter {
	return &counter{masks: frame.NewNumbers(64), cells: frame.NewNumbers(1024), maskOf: []uint64{0}, keyOf: []uint64{0}, n: []float64{0}}
}

func (c *counter) add(pattern uint32, mask uint64) {
	m := c.masks.Number(mask)
	if int(m) == len(c.maskOf) {
		c.maskOf = append(c.maskOf, mask)
	}
	key := uint64(pattern)<<32 | uint64(m)
	i := c.cells.Number(key)
	if int(i) == len(c.n) {
		c.n = append(c.n, 0)
		c.keyOf = append(c.keyOf, key)
	}
	c.n[i]++
}

func merge(counters []*counter) []cell {
	sum := map[[2]uint64]float64{}
	for _, c := range counters {
		for i := 1; i < len(c.n); i++ {
			k := c.keyOf[i]
			sum[[2]uint64{k >> 32, c.maskOf[uint32(k)]}] += c.n[i]
		}
	}
	out := make([]cell, 0, len(sum))
	for k, n := range sum {
		out = append(out, cell{uint32(k[0]), k[1], n})
	}
	slices.SortFunc(out, func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.pattern, b.pattern), cmp.Compare(a.mask, b.mask))
	})
	return out
}

// collect compares the candidate pairs and counts their patterns.
func (p *Plan) collect(ctx context.Context) (*candidates, error) {
	upper := p.upper
	var end func(w *worker, at int)
	out := &candidates{each: 1}
	tasks := p.tasks
	if upper <= keepPairs {
		out.pairs = make([][]Pair, len(tasks))
		end = func(w *worker, at int) { out.pairs[at], w.kept = slices.Clone(w.kept), w.kept[:0] }
	} else {
		out.each = uint64(upper/(4<<20)) + 1
	}
	counters := make([]*counter, len(tasks))
	err := p.each(ctx, tasks, out.each, func(w *worker, at int, pairs [][2]uint32, k int) {
		if counters[at] == nil {
			counters[at] = newCounter()
		}
		for i, pat := range p.patterns(&w.scratch, pairs) {
			l, r := pairs[i][0], pairs[i][1]
			counters[at].add(pat, w.rules[i])
			if out.pairs != nil {
				w.kept = append(w.kept, Pair{l, r, pat, uint8(k)})
			}
		}
	}, end)
	if err != nil {
		return nil, err
	}
	counters = slices.DeleteFunc(counters, func(c *counter) bool { return c == nil })
	out.cells = merge(counters)
	for _, c := range out.cells {
		out.total += int64(c.n)
	}
	out.total *= int64(out.each)
	return out, nil
}

// randomRows is from how many records random pairs are drawn.
const randomRows = 25_000

// random compares pairs of records drawn at random, always the same ones, and
// returns for each comparison how often each level came out.
func (p *Plan) random(pairs int) [][]float64 {
	n := make([][]float64, len(p.comps))
	for i := range n {
		n[i] = make([]float64, len(p.comps[i].levels))
	}
	if p.f.N < 2 {
		return n
	}
	state := uint64(1)
	next := func() uint64 { state += 0x9E3779B97F4A7C15; return frame.Mix(state) }
	some := make([]uint32, min(p.f.N, randomRows)) // few enough to stay in cache
	for i := range some {
		some[i] = uint32(next() % uint64(p.f.N))
		if p.f.N <= randomRows {
			some[i] = uint32(i)
		}
	}
	draw := func() uint32 { return uint32(next() % uint64(len(some))) }
	drawn := make([][2]uint32, 0, pairs) // places in some
	for range pairs {
		a, b := draw(), draw()
		l, r := some[a], some[b]
		if l == r || p.m.Mode == model.Link && p.f.Source[l] == p.f.Source[r] {
			continue
		}
		drawn = append(drawn, [2]uint32{a, b})
	}
	p.share(len(p.comps), func(comps iter.Seq[int]) {
		w := &scratch{}
		tuples := make([]uint32, len(some))
		for i := range comps { // one comparison after the other: its values stay near
			for k, x := range some {
				tuples[k] = p.row(x)[p.comps[i].pos]
			}
			for _, q := range drawn {
				n[i][p.level(w, i, tuples[q[0]], tuples[q[1]], some[q[0]], some[q[1]])]++
			}
		}
	})
	return n
}

// exactly returns the chance that two random records agree on v, of those
// that both have it.
func exactly(v *vector) float64 {
	sum, n := 0.0, 0.0
	for id, c := range v.frequencies() {
		if id > 0 {
			sum += float64(c) * (float64(c) - 1)
			n += float64(c)
		}
	}
	if n < 2 {
		return 0
	}
	return sum / (n * (n - 1))
}

// equality returns the vector whose values are equal when l holds, if the
// level is nothing but that.
func (p *Plan) equality(l *level) *vector {
	if !isKey(l.node) {
		return nil
	}
	v, err := p.vs.of(l.node.Args[0])
	if err != nil {
		return nil
	}
	return v
}

// determines reports whether equal values of a always mean equal values of b.
func (p *Plan) determines(a, b *vector) bool {
	if a.via == nil && a.slot == b.slot {
		return true // b is worked out of a
	}
	at := make([]uint32, a.words.Len())
	for i := range uint32(p.f.N) {
		v := p.values(i)
		switch id, other := a.in(v), b.in(v)+1; {
		case id == 0:
		case at[id] == 0:
			at[id] = other
		case at[id] != other:
			return false
		}
	}
	return true
}
