package engine

import (
	"context"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/linkage/frame"
)

// Scored is a plan whose weights are set.
type Scored struct {
	p *Plan
	c *candidates

	doubted frame.Marks // records with a value that is not believed
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
				l.bits = p.rarity(l, p.comps[i].exactU(l))
				p.rare[p.offsets[i]+k] = l
			}
		}
	}
	p.bits = math.Log2(p.prior) - math.Log2(1-p.prior)
}

// rarity works out for each value of a level's frequency column what its own
// frequency adds to the weight, base being the U that it replaces.
func (p *Plan) rarity(l *level, base float64) []float64 {
	n := l.tf.frequencies()
	known := l.tf.known
	if known == 0 {
		for _, c := range n[1:] {
			known += float64(c)
		}
	}
	out := make([]float64, len(n))
	for id := 1; id < len(n); id++ {
		f := float64(n[id])
		if !p.m.Plain { // what other people hold: the person's own records don't count
			f = max(f-1-p.prior*known*l.M, 0.5)
		}
		out[id] = l.TFWeight * math.Log2(base/max(f/known, l.TFFloor))
	}
	return out
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
func (p *Plan) weight(sc *scratch, pattern uint32, l, r uint32) float64 {
	w := p.bits
	for _, at := range p.places(sc, pattern) {
		w += p.weights[at]
		if v := p.rare[at]; v != nil {
			w += v.adjust(v.tf.in(p.values(l)), v.tf.in(p.values(r)))
		}
	}
	return w
}

// split is a pattern whose levels were looked up lately.
type split struct {
	pattern uint32
	places  []uint32 // of its levels among the weights
}

const splitBits = 9

// places are where the levels of a pattern lie among the weights.
func (p *Plan) places(sc *scratch, pattern uint32) []uint32 {
	if sc.splits == nil {
		sc.splits = make([]split, 1<<splitBits)
	}
	s := &sc.splits[pattern*0x9E3779B1>>(32-splitBits)]
	if s.places == nil || s.pattern != pattern {
		s.pattern, s.places = pattern, s.places[:0]
		for i := range p.comps {
			n := uint32(len(p.comps[i].levels))
			s.places = append(s.places, uint32(p.offsets[i])+pattern%n)
			pattern /= n
		}
	}
	return s.places
}

// adjust is the term-frequency adjustment for two values: the commoner counts.
func (l *level) adjust(a, b uint32) float64 {
	switch {
	case a == b || b == 0:
		return l.bits[a]
	case a == 0:
		return l.bits[b]
	case l.TFWeight < 0:
		return max(l.bits[a], l.bits[b])
	}
	return min(l.bits[a], l.bits[b])
}

// Pairs returns the candidate pairs of weight min or more, and every pair of a
// tier, in an order that depends on the frame and the model only. It can be
// asked once: it lets go of what only blocking needs.
func (s *Scored) Pairs(ctx context.Context, least float64) ([]Edge, error) {
	p := s.p
	defer func() { p.lists = nil }()
	if s.c.pairs != nil {
		return s.keptPairs(ctx, least)
	}
	parts := make([][]Edge, len(p.tasks))
	err := p.each(ctx, p.tasks, 1, func(w *worker, at int, pairs [][2]uint32, k int) {
		for i, pat := range p.patterns(&w.scratch, pairs) {
			q := Pair{pairs[i][0], pairs[i][1], pat, uint8(k)}
			if e := p.edge(q, p.scored(&w.scratch, q, least)); e.Weight != dropped {
				parts[at] = append(parts[at], e)
			}
		}
	}, nil)
	if err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
}

// dropped stands for the weight of a pair that is not kept.
const dropped = -math.MaxFloat64

// scored is the weight of a pair, dropped when it is less than least and no
// tier holds.
func (p *Plan) scored(sc *scratch, q Pair, least float64) float64 {
	tier := int(q.Rule) < p.tiers
	w := p.weight(sc, q.Pattern, q.L, q.R)
	if w > apartBits && !tier && p.apart(sc, q.L, q.R) {
		w = apartBits
	}
	if !tier && w < least {
		return dropped
	}
	return w
}

// edge is a pair with its weight.
func (p *Plan) edge(q Pair, weight float64) Edge {
	tier := int8(-1)
	if int(q.Rule) < p.tiers {
		tier = int8(q.Rule)
	}
	return Edge{L: q.L, R: q.R, Pattern: q.Pattern, Tier: tier, Rule: q.Rule, Weight: weight}
}

// keptPairs is Pairs of the candidates that are in memory: weights first, so
// that edges are made once and where they stay.
func (s *Scored) keptPairs(ctx context.Context, least float64) ([]Edge, error) {
	p, parts := s.p, s.c.pairs
	weights, starts := make([][]float64, len(parts)), make([]int, len(parts)+1)
	p.share(len(parts), func(numbers iter.Seq[int]) {
		sc := &scratch{}
		for i := range numbers {
			if ctx.Err() != nil {
				return
			}
			some := parts[i]
			weights[i] = make([]float64, len(some))
			for k, q := range some {
				if k%touched == 0 {
					for _, q := range some[k:min(k+touched, len(some))] {
						sc.sum += p.rows[int(q.L)*p.width+p.base] + p.rows[int(q.R)*p.width+p.base] + p.rows[int(q.R+1)*p.width-1]
					}
				}
				if s.Doubts(q.L, q.R) { // it was compared before
					q.Pattern = p.pattern(sc, q.L, q.R)
					some[k].Pattern = q.Pattern
				}
				if weights[i][k] = p.scored(sc, q, least); weights[i][k] != dropped {
					starts[i+1]++
				}
			}
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for i := range parts {
		starts[i+1] += starts[i]
	}
	edges := make([]Edge, starts[len(parts)])
	p.share(len(parts), func(numbers iter.Seq[int]) {
		for i := range numbers {
			out := edges[starts[i]:starts[i+1]]
			for k, w := range weights[i] {
				if w != dropped {
					out[0] = p.edge(parts[i][k], w)
					out = out[1:]
				}
			}
		}
	})
	return edges, ctx.Err()
}

// apartBits is the most that a pair weighs which a rule keeps apart, however
// much the two records share: less than one in a hundred.
const apartBits = -7

// apart reports whether two records have different values of a column of which
// a person has one only, or hold a cannot-link rule.
func (p *Plan) apart(w *scratch, l, r uint32) bool {
	a, b := p.values(l), p.values(r)
	for _, v := range p.unique {
		if x, y := v.in(a), v.in(b); x != 0 && y != 0 && x != y {
			return true
		}
	}
	for _, t := range p.cannot {
		if t(w, a, b) == yes {
			return true
		}
	}
	return false
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
