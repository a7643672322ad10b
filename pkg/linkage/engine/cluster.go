package engine

import (
	"cmp"
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
// radix sort by the upper half of the key, for there are many, and then what
// has that in common.
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
	items, spare := make([]uint64, len(order)), make([]uint64, len(order)) // half a key above an edge
	for k, i := range order {
		items[k] = key(i)>>32<<32 | uint64(i)
	}
	for shift := 32; shift < 64; shift += 11 {
		var n [1 << 11]uint32
		for _, x := range items {
			n[x>>shift&0x7ff]++
		}
		sum := uint32(0)
		for d, c := range n {
			n[d] = sum
			sum += c
		}
		for _, x := range items {
			d := x >> shift & 0x7ff
			spare[n[d]] = x
			n[d]++
		}
		items, spare = spare, items
	}
	for k, x := range items {
		order[k] = uint32(x)
	}
	byKey := func(a, b uint32) int { return cmp.Compare(key(a), key(b)) }
	for lo := 0; lo < len(items); {
		hi := lo + 1
		for hi < len(items) && items[hi]>>32 == items[lo]>>32 {
			hi++
		}
		if hi-lo > 1 && !slices.IsSortedFunc(order[lo:hi], byKey) {
			slices.SortStableFunc(order[lo:hi], byKey)
		}
		lo = hi
	}
	return order
}

// clusters is a union-find whose root is the smallest member and which knows
// the members and the one-only values of each cluster.
type clusters struct {
	p      *Plan
	of     []member            // by record
	unique [][]uint32          // per unique column, by root: value of the cluster
	apart  map[uint32][]uint32 // by record: records it must not join

	verdicts map[uint64]verdict
	rivals   *rivals // nil: nobody asks
	seen     uint32  // of what was looked at: keeps the looks from being left out
}

// member is a record's place in its cluster.
type member struct {
	parent uint32
	next   uint32 // the member that joined after; itself for the last
	last   uint32 // of a root: the member that joined last
	size   uint32 // of a root: how many members there are
}

// mixed stands for the value of a cluster whose records were joined although
// they have different ones: by a decision, or when all was compared and one of
// the values was doubted. It keeps nobody apart.
const mixed = ^uint32(0)

func newClusters(p *Plan) *clusters {
	n := p.f.N
	c := &clusters{p: p, of: make([]member, n), verdicts: map[uint64]verdict{}}
	for i := range c.of {
		c.of[i] = member{uint32(i), uint32(i), uint32(i), 1}
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
	for c.of[x].parent != x {
		c.of[x].parent = c.of[c.of[x].parent].parent
		x = c.of[x].parent
	}
	return x
}

// touch looks at what edges join, one look not waiting for the one before, and
// at the records of those that have to be compared with more than each other.
func (c *clusters) touch(edges []Edge, some []uint32) {
	for _, i := range some {
		e := &edges[i]
		c.seen += c.of[e.L].parent + c.of[e.R].parent
	}
	for _, i := range some {
		a, b := c.of[edges[i].L].parent, c.of[edges[i].R].parent
		if a == b {
			continue
		}
		if c.of[a].size|c.of[b].size > 1 {
			for _, x := range [2]uint32{a, b} {
				c.seen += c.p.rows[int(x)*c.p.width+c.p.base] + c.p.rows[int(x+1)*c.p.width-1]
			}
		}
	}
}

// members appends up to limit members of the cluster of root, in the order in
// which they joined.
func (c *clusters) members(root uint32, limit int, into []uint32) []uint32 {
	for x := root; len(into) < limit; x = c.of[x].next {
		into = append(into, x)
		if c.of[x].next == x {
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
		switch x, y := values[a], values[b]; {
		case x == 0:
			values[a] = y
		case y != 0 && x != y:
			values[a] = mixed
		}
	}
	c.of[c.of[a].last].next = b
	c.of[a].last = c.of[b].last
	c.of[a].size += c.of[b].size
	c.of[b].parent = a
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
	single := c.of[a].size == 1 && c.of[b].size == 1
	key, sizes := uint64(min(a, b))<<32|uint64(max(a, b)), uint64(c.of[min(a, b)].size)<<32|uint64(c.of[max(a, b)].size)
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
		if c.of[single].size > 1 {
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
		if x, y := values[a], values[b]; x != 0 && y != 0 && x != y && x != mixed && y != mixed {
			return "different values of " + c.p.m.Unique[i]
		}
	}
	if len(c.apart) > 0 {
		for _, x := range c.members(a, int(c.of[a].size), nil) {
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
			sum += c.p.weight(w, c.p.pattern(w, l, r), l, r)
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
	next := make([]uint32, len(labels)) // of a cluster's member: the next one, plus one
	for i := len(labels) - 1; i >= 0; i-- {
		if l := labels[i]; l != uint32(i) {
			next[i], next[l] = next[l], uint32(i)+1
		}
	}
	first, after := make([]uint32, len(labels)), make([]uint32, len(edges)) // of a left record: its edges within the cluster, plus one
	for i, e := range edges {
		if labels[e.L] == labels[e.R] {
			after[i], first[e.L] = first[e.L], uint32(i)+1
		}
	}
	known := make([]uint32, len(labels)) // of a right record: the last left one that an edge joins it to, plus one
	w := &scratch{}
	var members []uint32
	for root, l := range labels {
		if l != uint32(root) || next[root] == 0 {
			continue
		}
		members = append(members[:0], l)
		for m := next[root]; m != 0; m = next[m-1] {
			members = append(members, m-1)
		}
		if len(members) > completeCap {
			continue
		}
		for i, l := range members {
			for k := first[l]; k != 0; k = after[k-1] {
				known[edges[k-1].R] = l + 1
			}
			for _, r := range members[i+1:] {
				if known[r] == l+1 || p.m.Mode == "link" && p.f.Source[l] == p.f.Source[r] {
					continue
				}
				pat := p.pattern(w, l, r)
				if x := p.weight(w, pat, l, r); x >= least {
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
