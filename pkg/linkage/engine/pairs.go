package engine

import (
	"context"
	"iter"
	"math/bits"
	"slices"

	"github.com/ark-tre/ark/pkg/linkage/expr"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// Pair is two records that a rule brought together, L before R in the frame.
type Pair struct {
	L, R    uint32
	Pattern uint32
	Rule    uint8 // ordinal among tiers and rules of the first that holds
}

// task is a part of the blocks of one rule.
type task struct {
	rule   int
	lo, hi uint32 // blocks
	a, b   uint32 // positions of left records, when the task is part of a block
}

// taskPairs is about how many pairs a task looks at.
const taskPairs = 1 << 16

// divided divides the blocks of rule k into tasks, and counts its pairs.
func (p *Plan) divided(k int, starts []uint32) (out []task, all int64) {
	lo, sum := uint32(1), int64(0)
	for b := uint32(1); int(b) < p.rules[k].size; b++ {
		n := int64(starts[b+1] - starts[b])
		pairs := n * (n - 1) / 2
		all += pairs
		if pairs > 2*taskPairs { // a large block is divided by left record
			if b > lo {
				out = append(out, task{rule: k, lo: lo, hi: b})
			}
			step := max(1, uint32(taskPairs/n))
			for a := starts[b]; a < starts[b+1]; a += step {
				out = append(out, task{rule: k, lo: b, hi: b + 1, a: a, b: min(a+step, starts[b+1])})
			}
			lo, sum = b+1, 0
			continue
		}
		if sum += pairs; sum > taskPairs {
			out = append(out, task{rule: k, lo: lo, hi: b + 1})
			lo, sum = b+1, 0
		}
	}
	if int(lo) < p.rules[k].size {
		out = append(out, task{rule: k, lo: lo, hi: uint32(p.rules[k].size)})
	}
	return out, all
}

// each calls visit with some candidate pairs at a time, each pair once, by the
// first rule that holds, from several goroutines; the calls for one task come in
// order from one goroutine. Of each so many records as left one only about one
// is visited. end is called when all pairs of a task were.
func (p *Plan) each(ctx context.Context, tasks []task, each uint64, visit func(w *worker, task int, pairs [][2]uint32, rule int), end func(w *worker, task int)) error {
	p.share(len(tasks), func(numbers iter.Seq[int]) {
		w := &worker{}
		for i := range numbers {
			if ctx.Err() != nil {
				return
			}
			p.run(w, i, tasks[i], each, visit)
			if end != nil {
				end(w, i)
			}
		}
	})
	return ctx.Err()
}

// worker is the state of one goroutine.
type worker struct {
	scratch
	pairs [][2]uint32 // that wait to be compared
	kept  []Pair      // of the task
	rules []uint64    // of each pair: those that hold
}

// batch is how many pairs are compared at a time.
const batch = 256

func (p *Plan) run(w *worker, at int, t task, each uint64, visit func(w *worker, task int, pairs [][2]uint32, rule int)) {
	w.pairs, w.rules = w.pairs[:0], w.rules[:0]
	order, starts := p.lists[t.rule].order, p.lists[t.rule].starts
	near := starts[t.lo]
	for b := t.lo; b < t.hi; b++ {
		fresh := starts[b] // where the records begin that were not compared before
		if p.f.Old > 0 {
			i, _ := slices.BinarySearch(order[starts[b]:starts[b+1]], uint32(p.f.Old))
			if fresh += uint32(i); fresh == starts[b+1] {
				continue
			}
		}
		if starts[b] >= near {
			near = starts[b] + touched
			w.sum += p.touch(order[starts[b]:min(near, starts[t.hi])])
		}
		from, end := starts[b], starts[b+1]
		first, last := from, end
		if t.b > 0 {
			first, last = t.a, t.b
		}
		for i := first; i < last; i++ {
			l := order[i]
			if each > 1 && frame.Mix(uint64(l))%each != 0 {
				continue
			}
			lrow := p.row(l)
			for j := max(i+1, fresh); j < end; j++ {
				r := order[j]
				if p.m.Mode == model.Link && p.f.Source[l] == p.f.Source[r] {
					continue
				}
				rrow := p.row(r)
				rules := p.hold(w, lrow, rrow)
				if bits.TrailingZeros64(rules) != t.rule {
					continue
				}
				w.rules = append(w.rules, rules)
				if w.pairs = append(w.pairs, [2]uint32{l, r}); len(w.pairs) == batch {
					visit(w, at, w.pairs, t.rule)
					w.pairs, w.rules = w.pairs[:0], w.rules[:0]
				}
			}
		}
	}
	if len(w.pairs) > 0 {
		visit(w, at, w.pairs, t.rule)
	}
}

// touched is how many records' rows are brought near at a time.
const touched = 256

// touch looks at the rows of records, one look not waiting for the one before.
func (p *Plan) touch(records []uint32) (sum uint32) {
	for _, i := range records {
		row := p.row(i)
		sum += row[0] + row[len(row)-1]
		if !p.keyed {
			sum += p.blocks[row[p.own+places-1]]
		}
	}
	return sum
}

// patterns compares some pairs of records, one comparison after the other, so
// that what it looks at of one pair is fetched while others are at work.
func (p *Plan) patterns(w *scratch, pairs [][2]uint32) []uint32 {
	if w.seen == nil {
		w.seen = make([]outcome, len(p.comps)<<seenBits)
	}
	if w.patterns == nil {
		w.patterns, w.open = make([]uint32, batch), make([]open, batch)
	}
	out := w.patterns[:len(pairs)]
	clear(out)
	for i := range p.comps {
		c := &p.comps[i]
		if !c.plain {
			for k, q := range pairs {
				a, b := p.rows[int(q[0])*p.width+c.pos], p.rows[int(q[1])*p.width+c.pos]
				out[k] += uint32(p.looked(w, i, a, b, q[0], q[1])) * c.stride
			}
			continue
		}
		n := 0
		for k, q := range pairs {
			a, b := p.rows[int(q[0])*p.width+c.pos], p.rows[int(q[1])*p.width+c.pos]
			if a == 0 || b == 0 {
				continue // level 0
			}
			if a == b {
				out[k] += c.stride // level 1
				continue
			}
			w.open[n] = open{a, b, uint32(k)}
			n++
		}
		if shapes := p.vs.slots[c.slots[0]].shape; shapes != nil {
			for _, o := range w.open[:n] {
				w.sum += uint32(shapes[o.l].size + shapes[o.r].size)
			}
		}
		if tallies := p.vs.slots[c.slots[0]].tally; tallies != nil {
			for _, o := range w.open[:n] {
				w.sum += uint32(tallies[o.l] + tallies[o.r])
			}
		}
		for _, o := range w.open[:n] {
			out[o.at] += uint32(p.unlike(w, i, o.l, o.r)) * c.stride
		}
	}
	return out
}

// open is a pair of values that have yet to be compared.
type open struct{ l, r, at uint32 }

// pattern compares two records.
func (p *Plan) pattern(w *scratch, l, r uint32) uint32 {
	if w.seen == nil {
		w.seen = make([]outcome, len(p.comps)<<seenBits)
	}
	out := uint32(0)
	lrow, rrow := p.row(l), p.row(r)
	for i := range p.comps {
		c := &p.comps[i]
		a, b := lrow[c.pos], rrow[c.pos]
		if c.plain {
			if a == 0 || b == 0 {
				continue // level 0
			}
			if a == b {
				out += c.stride // level 1
				continue
			}
			out += uint32(p.unlike(w, i, a, b)) * c.stride
			continue
		}
		out += uint32(p.looked(w, i, a, b, l, r)) * c.stride
	}
	return out
}

// level compares two records, which have the tuples a and b, by comparison i.
func (p *Plan) level(w *scratch, i int, a, b, l, r uint32) int {
	if w.seen == nil {
		w.seen = make([]outcome, len(p.comps)<<seenBits)
	}
	if !p.comps[i].plain {
		return p.looked(w, i, a, b, l, r)
	}
	switch {
	case a == 0 || b == 0:
		return 0
	case a == b:
		return 1
	}
	return p.unlike(w, i, a, b)
}

// unlike is the level of plain comparison i of two different values: no more of
// the records than these is looked at.
func (p *Plan) unlike(w *scratch, i int, a, b uint32) int {
	c := &p.comps[i]
	if len(c.levels) == 3 && c.levels[2].node.Op == expr.Else {
		return 2
	}
	o := &w.seen[i<<seenBits+int((a*0x9E3779B1^b*0x85EBCA77)>>(32-seenBits))]
	if o.l == a && o.r == b && o.set {
		return int(o.level)
	}
	if w.left == nil {
		w.left, w.right = make([]uint32, len(p.vs.slots)), make([]uint32, len(p.vs.slots))
	}
	w.left[c.slots[0]], w.right[c.slots[0]] = a, b
	*o = outcome{a, b, uint8(c.outcome(w, w.left, w.right, 2)), true}
	return int(o.level)
}

// looked is the level of comparison i of the tuples a and b of l and r, which
// may have been compared lately.
func (p *Plan) looked(w *scratch, i int, a, b, l, r uint32) int {
	o := &w.seen[i<<seenBits+int((a*0x9E3779B1^b*0x85EBCA77)>>(32-seenBits))]
	if o.l != a || o.r != b || !o.set {
		*o = outcome{a, b, uint8(p.comps[i].outcome(w, p.values(l), p.values(r), 0)), true}
	}
	return int(o.level)
}

// outcome is the first level of c that holds, of those from one on.
func (c *comparison) outcome(w *scratch, l, r []uint32, from int) int {
	for k := from; k < len(c.levels); k++ {
		if c.levels[k].test(w, l, r) == yes {
			return k
		}
	}
	return len(c.levels) - 1
}

// outcome is a comparison made lately.
type outcome struct {
	l, r  uint32
	level uint8
	set   bool
}

const seenBits = 11

// digits splits a pattern into the level of each comparison.
func (p *Plan) digits(pattern uint32, into []int) []int {
	into = into[:0]
	for i := range p.comps {
		into = append(into, int(pattern/p.comps[i].stride)%len(p.comps[i].levels))
	}
	return into
}
