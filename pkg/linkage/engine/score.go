package engine

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"sync"
)

// Scored is a plan whose weights are set.
type Scored struct {
	p *Plan
	c *candidates
}

// Edge is a scored pair. Tier is the ordinal of the deterministic tier that
// holds, or -1.
type Edge struct {
	L, R    uint32
	Pattern uint32
	Tier    int8
	Rule    uint8
	Weight  float64 // log2 of the odds, the prior among them
}

// Probability turns a weight into a probability.
func Probability(weight float64) float64 {
	if weight > 1000 {
		return 1
	}
	o := math.Exp2(weight)
	return o / (1 + o)
}

// Weight turns a probability into a weight.
func Weight(probability float64) float64 {
	if probability <= 0 {
		return math.Inf(-1)
	}
	if probability >= 1 {
		return math.Inf(1)
	}
	return math.Log2(probability / (1 - probability))
}

// tiny stands for a probability of zero, so that no single level decides for
// ever; Splink takes the same.
const tiny = 1e-300

// weigh sets the weight of every level.
func (p *Plan) weigh() {
	for i := range p.comps {
		for k := range p.comps[i].levels {
			l := &p.comps[i].levels[k]
			w := 0.0
			if !l.IsNull {
				w = math.Log2(max(l.M, tiny)) - math.Log2(max(l.U, tiny))
			}
			p.weights[p.offsets[i]+k] = w
			if l.tf != nil {
				l.base = p.comps[i].exactU(l)
			}
		}
	}
}

// exactU is the U of the level of c that is an exact match on l's frequency
// column, l's own when there is none.
func (c *comparison) exactU(l *level) float64 {
	for _, o := range c.levels {
		if !l.TFOwn && isKey(o.node) && o.node.Args[0].Op == "col" && o.node.Args[0].Text == l.TFColumn {
			return max(o.U, tiny)
		}
	}
	return max(l.U, tiny)
}

// weight scores a pair with this pattern.
func (p *Plan) weight(pattern uint32, l, r []uint32) float64 {
	w := math.Log2(p.prior) - math.Log2(1-p.prior)
	for i := range p.comps {
		c := &p.comps[i]
		k := int(pattern/c.stride) % len(c.levels)
		w += p.weights[p.offsets[i]+k]
		if tf := c.levels[k].tf; tf != nil {
			w += p.adjust(&c.levels[k], l[tf.slot], r[tf.slot])
		}
	}
	return w
}

// adjust is the term-frequency adjustment of a level.
func (p *Plan) adjust(l *level, a, b uint32) float64 {
	n := l.tf.frequencies()
	f := int32(0)
	if a != 0 {
		f = n[a]
	}
	if b != 0 {
		f = max(f, n[b])
	}
	if f == 0 {
		return 0
	}
	known := float64(p.f.N - int(n[0]))
	tf := float64(f) / known
	if !p.m.Trained { // what other people hold: the person's own records don't count
		tf = max(float64(f)-1-p.prior*known*l.M, 0.5) / known
	}
	return l.TFWeight * math.Log2(l.base/max(tf, l.TFFloor))
}

// Pairs returns the candidate pairs of weight min or more, and every pair of a
// tier, in order of L and R.
func (s *Scored) Pairs(ctx context.Context, least float64) ([]Edge, error) {
	p := s.p
	for i := range p.comps { // frequencies are shared between workers
		for k := range p.comps[i].levels {
			if tf := p.comps[i].levels[k].tf; tf != nil {
				tf.frequencies()
			}
		}
	}
	var parts [][]Edge
	keep := func(out []Edge, q Pair) []Edge {
		tier := int8(-1)
		if int(q.Rule) < p.tiers {
			tier = int8(q.Rule)
		}
		w := p.weight(q.Pattern, p.row(q.L), p.row(q.R))
		if tier < 0 && w < least {
			return out
		}
		return append(out, Edge{L: q.L, R: q.R, Pattern: q.Pattern, Tier: tier, Rule: q.Rule, Weight: w})
	}
	if s.c.pairs != nil {
		parts = make([][]Edge, len(s.c.pairs))
		var wg sync.WaitGroup
		for t := range p.threads {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := t; i < len(parts) && ctx.Err() == nil; i += p.threads {
					for _, q := range s.c.pairs[i] {
						parts[i] = keep(parts[i], q)
					}
				}
			}()
		}
		wg.Wait()
	} else {
		tasks := p.tasks()
		parts = make([][]Edge, len(tasks))
		err := p.each(ctx, tasks, func(w *worker, at int, l, r uint32, k int) {
			pat := p.pattern(&w.scratch, p.row(l), p.row(r))
			parts[at] = keep(parts[at], Pair{l, r, pat, uint8(k)})
		})
		if err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := slices.Concat(parts...)
	sortEdges(out)
	return out, nil
}

func sortEdges(edges []Edge) {
	slices.SortFunc(edges, func(a, b Edge) int { return cmp.Or(cmp.Compare(a.L, b.L), cmp.Compare(a.R, b.R)) })
}

// Digits splits a pattern into the level of each comparison.
func (s *Scored) Digits(pattern uint32, into []int) []int { return s.p.digits(pattern, into) }

// Gammas writes a pattern as Splink numbers levels: -1 null, 0 the last, up to
// the strongest, comparisons separated by commas.
func (s *Scored) Gammas(pattern uint32) string {
	var buf []byte
	for i := range s.p.comps {
		c := &s.p.comps[i]
		k := int(pattern/c.stride) % len(c.levels)
		if i > 0 {
			buf = append(buf, ',')
		}
		if c.levels[k].IsNull {
			buf = append(buf, '-', '1')
			continue
		}
		g := len(c.levels) - 1 - k
		if g >= 10 {
			buf = append(buf, byte('0'+g/10))
		}
		buf = append(buf, byte('0'+g%10))
	}
	return string(buf)
}

// Reason says in words which comparisons agree, are close or differ. It names
// fields, never values.
func (s *Scored) Reason(pattern uint32) string {
	var agree, close, differ []string
	for i := range s.p.comps {
		c := &s.p.comps[i]
		k := int(pattern/c.stride) % len(c.levels)
		first := 0
		for first < len(c.levels) && c.levels[first].IsNull {
			first++
		}
		name := strings.ReplaceAll(c.name, "_", " ")
		switch {
		case c.levels[k].IsNull:
		case k == first:
			agree = append(agree, name)
		case k == len(c.levels)-1:
			differ = append(differ, name)
		default:
			close = append(close, name)
		}
	}
	var out []string
	for _, x := range []struct {
		what  string
		names []string
	}{{"same", agree}, {"close", close}, {"different", differ}} {
		if len(x.names) > 0 {
			out = append(out, x.what+": "+strings.Join(x.names, ", "))
		}
	}
	return strings.Join(out, "; ")
}
