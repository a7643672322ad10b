package engine

import (
	"maps"
	"math"
	"slices"
)

// Clustering is how links become clusters.
type Clustering struct {
	// Accept is the weight from which a pair speaks for one person.
	Accept float64
	// Mean is the mean weight over all cross pairs from which two clusters are
	// taken together. With Connected it is not looked at.
	Mean float64
	// Connected takes whatever is connected by accepted pairs together, still
	// refusing clusters that a cannot-link rule keeps apart.
	Connected bool
	// Rival is how much better than its link to somebody who can't be the same
	// person a link of a single record must be; 0 does not ask.
	Rival float64
	// Apart are pairs of records that are of two people, whatever they say.
	Apart [][2]uint32
}

// A Refusal is a link that was not made, and why.
type Refusal struct {
	Edge   int
	Reason string
}

// crossCap bounds how many members of either cluster a mean looks at.
const crossCap = 12

// Clusters joins records. The result gives for each record the smallest
// record of its cluster. Edges of tiers and the pairs of same are joined
// first; the rest by weight, best first. Refused tells which links of weight
// Accept or more were not made.
func (s *Scored) Clusters(edges []Edge, same [][2]uint32, how Clustering) (labels []uint32, refused []Refusal) {
	p := s.p
	cl := newClusters(p)
	cl.apart = map[uint32][]uint32{}
	for _, q := range how.Apart {
		cl.apart[q[0]] = append(cl.apart[q[0]], q[1])
		cl.apart[q[1]] = append(cl.apart[q[1]], q[0])
	}
	for _, q := range same {
		cl.join(q[0], q[1])
	}
	order := make([]uint32, 0, len(edges))
	for i, e := range edges {
		if e.Tier >= 0 || e.Weight >= how.Accept {
			order = append(order, uint32(i))
		}
	}
	order = byStrength(edges, order)
	if how.Rival > 0 {
		cl.rivals = newRivals(edges, how.Accept-how.Rival, p.f.N)
	}
	w := &scratch{}
	pending := order
	for pass := 0; pass < 4 && len(pending) > 0; pass++ {
		var later []uint32
		changed := false
		refused = refused[:0]
		for k, i := range pending {
			if k%touched == 0 {
				cl.touch(edges, pending[k:min(k+touched, len(pending))])
			}
			e := &edges[i]
			a, b := cl.find(e.L), cl.find(e.R)
			if a == b {
				continue
			}
			if why, final := cl.judge(w, a, b, e, how); why != "" {
				refused = append(refused, Refusal{int(i), why})
				if !final {
					later = append(later, i)
				}
				continue
			}
			cl.join(a, b)
			changed = true
		}
		if !changed {
			break
		}
		pending = later
	}
	labels = make([]uint32, p.f.N)
	for i := range labels {
		labels[i] = cl.find(uint32(i))
	}
	return labels, refused
}

// byStrength sorts edges by tier, then weight, then their order in edges: a
// radix sort, for there are many.
func byStrength(edges []Edge, order []uint32) []uint32 {
	key := func(i uint32) uint64 {
		e := &edges[i]
		if e.Tier >= 0 {
			return uint64(e.Tier)
		}
		b := math.Float64bits(e.Weight)
		if b>>63 == 0 { // heavier first: greater numbers get smaller keys
			return ^(b | 1<<63)
		}
		return b
	}
	type item struct {
		key uint64
		at  uint32
	}
	items, spare := make([]item, len(order)), make([]item, len(order))
	for k, i := range order {
		items[k] = item{key(i), i}
	}
	for shift := 0; shift < 64; shift += 16 {
		var n [1 << 16]uint32
		for i := range items {
			n[items[i].key>>shift&0xffff]++
		}
		sum := uint32(0)
		for d, c := range n {
			n[d] = sum
			sum += c
		}
		for i := range items {
			d := items[i].key >> shift & 0xffff
			spare[n[d]] = items[i]
			n[d]++
		}
		items, spare = spare, items
	}
	for k := range items {
		order[k] = items[k].at
	}
	return order
}

// clusters is a union-find whose root is the smallest member and which knows
// the members and the one-only values of each cluster.
type clusters struct {
	p      *Plan
	parent []uint32
	next   []uint32            // the member that joined after; itself for the last
	last   []uint32            // by root: the member that joined last
	size   []uint32            // by root
	unique [][]uint32          // per unique column, by root: value of the cluster
	apart  map[uint32][]uint32 // by record: records it must not join

	verdicts map[uint64]verdict
	rivals   *rivals // nil: nobody asks
	seen     uint32  // of what was looked at: keeps the looks from being left out
}

func newClusters(p *Plan) *clusters {
	n := p.f.N
	c := &clusters{p: p, parent: make([]uint32, n), next: make([]uint32, n), last: make([]uint32, n), size: make([]uint32, n),
		verdicts: map[uint64]verdict{}}
	for i := range c.parent {
		c.parent[i], c.next[i], c.last[i], c.size[i] = uint32(i), uint32(i), uint32(i), 1
	}
	for _, v := range p.unique {
		values := make([]uint32, n)
		for i := range values {
			values[i] = v.in(p.values(uint32(i)))
		}
		c.unique = append(c.unique, values)
	}
	return c
}

func (c *clusters) find(x uint32) uint32 {
	for c.parent[x] != x {
		c.parent[x] = c.parent[c.parent[x]]
		x = c.parent[x]
	}
	return x
}

// touch looks at what edges join, one look not waiting for the one before, and
// at the records of those that have to be compared with more than each other.
func (c *clusters) touch(edges []Edge, some []uint32) {
	for _, i := range some {
		e := &edges[i]
		c.seen += c.parent[e.L] + c.parent[e.R]
	}
	for _, i := range some {
		a, b := c.parent[edges[i].L], c.parent[edges[i].R]
		if a == b {
			continue
		}
		if c.size[a]|c.size[b] > 1 {
			for _, x := range [2]uint32{a, b} {
				c.seen += c.p.rows[int(x)*c.p.width+c.p.base] + c.p.rows[int(x+1)*c.p.width-1]
			}
		}
	}
}

// members appends up to limit members of the cluster of root, in the order in
// which they joined.
func (c *clusters) members(root uint32, limit int, into []uint32) []uint32 {
	for x := root; len(into) < limit; x = c.next[x] {
		into = append(into, x)
		if c.next[x] == x {
			break
		}
	}
	return into
}

func (c *clusters) join(a, b uint32) {
	a, b = c.find(a), c.find(b)
	if a == b {
		return
	}
	if b < a {
		a, b = b, a
	}
	for _, values := range c.unique {
		if values[a] == 0 {
			values[a] = values[b]
		}
	}
	c.next[c.last[a]] = b
	c.last[a] = c.last[b]
	c.size[a] += c.size[b]
	c.parent[b] = a
}

// verdict is what was last decided about two clusters of these sizes.
type verdict struct {
	sizes uint64
	why   string
	final bool
}

// weakMean is why clusters are kept apart that better evidence may still join.
const weakMean = "mean evidence between the groups is too weak"

// judge says why a and b may not join by e, or nothing, and whether that will
// stay so however they grow.
func (c *clusters) judge(w *scratch, a, b uint32, e *Edge, how Clustering) (why string, final bool) {
	single := c.size[a] == 1 && c.size[b] == 1
	key, sizes := uint64(min(a, b))<<32|uint64(max(a, b)), uint64(c.size[min(a, b)])<<32|uint64(c.size[max(a, b)])
	if e.Tier < 0 && !single {
		if v, ok := c.verdicts[key]; ok && v.sizes == sizes {
			return v.why, v.final
		}
	}
	var as, bs [crossCap]uint32
	ma, mb := c.members(a, crossCap, as[:0]), c.members(b, crossCap, bs[:0])
	why, final = c.forbidden(w, a, b, ma, mb, e), true
	if why == "" && e.Tier < 0 && c.rivals != nil && c.rival(w, a, b, e, how) {
		return ambiguous, false // not kept: it depends on other clusters than these two
	}
	if why == "" && e.Tier < 0 && !how.Connected && !single && c.mean(w, ma, mb) < how.Mean {
		why, final = weakMean, false
	}
	if why != "" && e.Tier < 0 && !single {
		c.verdicts[key] = verdict{sizes, why, final}
	}
	return why, final
}

// ambiguous is why a record is not linked that might as well be somebody else.
const ambiguous = "somebody else fits almost as well"

// rivals are the pairs of each record that are good enough to be rivals.
type rivals struct {
	starts []uint32
	edges  []uint32 // places in all
	all    []Edge
}

func newRivals(edges []Edge, least float64, n int) *rivals {
	r := &rivals{starts: make([]uint32, n+2), all: edges}
	good := func(e *Edge) bool { return e.Tier < 0 && e.Weight >= least }
	for i := range edges {
		if e := &edges[i]; good(e) {
			r.starts[e.L+2]++
			r.starts[e.R+2]++
		}
	}
	for i := 2; i < len(r.starts); i++ {
		r.starts[i] += r.starts[i-1]
	}
	r.edges = make([]uint32, r.starts[n+1])
	for i := range edges {
		if e := &edges[i]; good(e) {
			for _, x := range []uint32{e.L, e.R} {
				r.edges[r.starts[x+1]] = uint32(i)
				r.starts[x+1]++
			}
		}
	}
	return r
}

// rival reports whether the single record of a or b fits somebody else almost
// as well who can't be the same person as the other of the two.
func (c *clusters) rival(w *scratch, a, b uint32, e *Edge, how Clustering) bool {
	for _, q := range [2][2]uint32{{a, b}, {b, a}} {
		single, to := q[0], q[1]
		if c.size[single] > 1 {
			continue
		}
		r := c.rivals
		for _, i := range r.edges[r.starts[single]:r.starts[single+1]] {
			o := &r.all[i]
			if o == e || o.Weight < e.Weight-how.Rival {
				continue
			}
			other := o.L
			if other == single {
				other = o.R
			}
			z := c.find(other)
			if z == to || z == single {
				continue
			}
			var ts, zs [crossCap]uint32
			if c.forbidden(w, to, z, c.members(to, crossCap, ts[:0]), c.members(z, crossCap, zs[:0]), o) != "" {
				return true
			}
		}
	}
	return false
}

// forbidden says why a and b may not be one person, or nothing.
func (c *clusters) forbidden(w *scratch, a, b uint32, ma, mb []uint32, e *Edge) string {
	for i, values := range c.unique {
		if x, y := values[a], values[b]; x != 0 && y != 0 && x != y {
			return "different values of " + c.p.m.Unique[i]
		}
	}
	if len(c.apart) > 0 {
		for _, x := range c.members(a, int(c.size[a]), nil) {
			for _, y := range c.apart[x] {
				if c.find(y) == b {
					return "kept apart by a decision"
				}
			}
		}
	}
	if e.Tier >= 0 {
		return ""
	}
	for i, t := range c.p.cannot {
		for _, x := range ma {
			for _, y := range mb {
				if t(w, c.p.values(min(x, y)), c.p.values(max(x, y))) == yes {
					return c.p.m.Cannot[i].Name
				}
			}
		}
	}
	return ""
}

// mean is the mean weight over the cross pairs of two sets of members.
func (c *clusters) mean(w *scratch, as, bs []uint32) float64 {
	sum := 0.0
	for _, x := range as {
		for _, y := range bs {
			l, r := min(x, y), max(x, y)
			sum += c.p.weight(c.p.pattern(w, l, r), l, r)
		}
	}
	return sum / float64(len(as)*len(bs))
}

// completeCap is the largest cluster whose pairs are all compared.
const completeCap = 200

// Complete adds to edges the pairs within a cluster that no rule brought
// together, when their weight is least or more.
func (s *Scored) Complete(edges []Edge, labels []uint32, least float64) []Edge {
	p := s.p
	groups := map[uint32][]uint32{}
	for i, l := range labels {
		if l != uint32(i) {
			groups[l] = append(groups[l], uint32(i))
		}
	}
	known := make(map[uint64]struct{})
	for _, e := range edges {
		if labels[e.L] == labels[e.R] {
			known[uint64(e.L)<<32|uint64(e.R)] = struct{}{}
		}
	}
	w := &scratch{}
	for _, root := range slices.Sorted(maps.Keys(groups)) {
		members := append([]uint32{root}, groups[root]...)
		if len(members) > completeCap {
			continue
		}
		for i, l := range members {
			for _, r := range members[i+1:] {
				if _, ok := known[uint64(l)<<32|uint64(r)]; ok || p.m.Mode == "link" && p.f.Source[l] == p.f.Source[r] {
					continue
				}
				pat := p.pattern(w, l, r)
				if x := p.weight(pat, l, r); x >= least {
					edges = append(edges, Edge{L: l, R: r, Pattern: pat, Tier: -1, Rule: NoRule, Weight: x})
				}
			}
		}
	}
	return edges
}

// NoRule is the rule of a pair that was compared because both records are in
// one cluster.
const NoRule = 255
