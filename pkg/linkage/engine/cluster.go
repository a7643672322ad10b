package engine

import (
	"cmp"
	"maps"
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
	// Rival is how much better than the best link into another cluster a link
	// of a single record must be; 0 does not ask.
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
	order := make([]int, 0, len(edges))
	for i, e := range edges {
		if e.Tier >= 0 || e.Weight >= how.Accept {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := &edges[a], &edges[b]
		return cmp.Or(cmp.Compare(tierRank(x.Tier), tierRank(y.Tier)), cmp.Compare(y.Weight, x.Weight),
			cmp.Compare(x.L, y.L), cmp.Compare(x.R, y.R))
	})
	w := &scratch{}
	pending := order
	for pass := 0; pass < 4 && len(pending) > 0; pass++ {
		var later []int
		changed := false
		refused = refused[:0]
		for _, i := range pending {
			e := &edges[i]
			a, b := cl.find(e.L), cl.find(e.R)
			if a == b {
				continue
			}
			if why, final := cl.judge(w, a, b, e, how); why != "" {
				refused = append(refused, Refusal{i, why})
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

func tierRank(t int8) int {
	if t < 0 {
		return 127
	}
	return int(t)
}

// clusters is a union-find whose root is the smallest member and which knows
// the members and the one-only values of each cluster.
type clusters struct {
	p       *Plan
	parent  []uint32
	members map[uint32][]uint32 // of clusters of two and more, in order of joining
	unique  []map[uint32]uint32 // per unique column: value of the cluster
	apart   map[uint32][]uint32 // by record: records it must not join

	verdicts map[uint64]verdict
}

func newClusters(p *Plan) *clusters {
	c := &clusters{p: p, parent: make([]uint32, p.f.N), members: map[uint32][]uint32{}, verdicts: map[uint64]verdict{}}
	for i := range c.parent {
		c.parent[i] = uint32(i)
	}
	for range p.unique {
		c.unique = append(c.unique, map[uint32]uint32{})
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

func (c *clusters) of(root uint32) []uint32 {
	if m := c.members[root]; m != nil {
		return m
	}
	return []uint32{root}
}

// value is the one value of a unique column in a cluster, or 0.
func (c *clusters) value(i int, root uint32) uint32 {
	if v, ok := c.unique[i][root]; ok {
		return v
	}
	return c.p.values(root)[c.p.unique[i].slot]
}

func (c *clusters) join(a, b uint32) {
	a, b = c.find(a), c.find(b)
	if a == b {
		return
	}
	if b < a {
		a, b = b, a
	}
	for i := range c.unique {
		v := c.value(i, a)
		if v == 0 {
			v = c.value(i, b)
		}
		c.unique[i][a] = v
		delete(c.unique[i], b)
	}
	c.members[a] = append(c.of(a), c.of(b)...)
	delete(c.members, b)
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
	key, sizes := uint64(min(a, b))<<32|uint64(max(a, b)), uint64(len(c.members[a]))<<32|uint64(len(c.members[b]))
	if b < a {
		sizes = sizes<<32 | sizes>>32
	}
	if e.Tier < 0 {
		if v, ok := c.verdicts[key]; ok && v.sizes == sizes {
			return v.why, v.final
		}
	}
	why, final = c.forbidden(w, a, b, e), true
	if why == "" && e.Tier < 0 && !how.Connected && sizes != 0 && c.mean(w, a, b) < how.Mean {
		why, final = weakMean, false
	}
	if why != "" && e.Tier < 0 {
		c.verdicts[key] = verdict{sizes, why, final}
	}
	return why, final
}

// forbidden says why a and b may not be one person, or nothing.
func (c *clusters) forbidden(w *scratch, a, b uint32, e *Edge) string {
	for i := range c.unique {
		x, y := c.value(i, a), c.value(i, b)
		if x != 0 && y != 0 && x != y {
			return "different values of " + c.p.m.Unique[i]
		}
	}
	if len(c.apart) > 0 {
		for _, x := range c.of(a) {
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
		for _, x := range capped(c.of(a)) {
			for _, y := range capped(c.of(b)) {
				if t(w, c.p.values(min(x, y)), c.p.values(max(x, y))) == yes {
					return c.p.m.Cannot[i].Name
				}
			}
		}
	}
	return ""
}

func capped(m []uint32) []uint32 { return m[:min(len(m), crossCap)] }

// mean is the mean weight over the cross pairs of a and b.
func (c *clusters) mean(w *scratch, a, b uint32) float64 {
	sum, n := 0.0, 0
	for _, x := range capped(c.of(a)) {
		for _, y := range capped(c.of(b)) {
			l, r := min(x, y), max(x, y)
			sum += c.p.weight(c.p.pattern(w, l, r), l, r)
			n++
		}
	}
	return sum / float64(n)
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
