package linkage

import (
	"cmp"
	"context"

	"github.com/ark-tre/ark/pkg/linkage/engine"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// encodings are the columns of keyed encodings in f, nil when there are none.
func encodings(f *frame.Frame) *frame.Frame {
	out := &frame.Frame{N: f.N, Sources: f.Sources, Source: f.Source}
	for _, p := range model.Parts() {
		if c := f.Col(p.Name); c != nil && c.Dict.Len() > 1 {
			out.Cols = append(out.Cols, c)
		}
	}
	if len(out.Cols) == 0 {
		return nil
	}
	return out
}

// coded is what came of the records that name nobody.
type coded struct {
	links   links
	records int // that hold encodings and no name or number
	joined  int // of those, with another record of the person
}

// linkCoded links records that hold keyed encodings in the place of names with
// each other, and with records that hold both. Names come first: labels are the
// clusters that they made, and encodings never join two of them. A record that
// fits two people goes to neither.
func (n *nodes) linkCoded(ctx context.Context, labels []uint32, o Options) (coded, error) {
	var out coded
	if n.recs.coded == nil {
		return out, nil
	}
	rows, node := n.codedRows()
	alone, any := n.nameless(node, labels)
	if !any || len(rows) < 2 {
		return out, nil
	}
	f := n.recs.coded.Take(rows)
	m := model.Encoded(func(c string) bool { return f.Col(c) != nil })
	if len(m.Comparisons) == 0 || len(m.Rules) == 0 {
		return out, nil
	}
	if o.Accept == 0 {
		o.Accept = indexAccept
	}
	plan, err := engine.Compile(m, f, o.Threads)
	if err != nil {
		return out, err
	}
	scored, err := plan.Estimate(ctx)
	if err != nil {
		return out, err
	}
	accept := engine.Weight(o.Accept)
	edges, err := scored.Pairs(ctx, accept)
	if err != nil {
		return out, err
	}
	groups, refused := scored.Clusters(edges, nil, engine.Clustering{Accept: accept, Mean: defaultMean, Connected: o.Connected, Rival: m.Rival})
	why := map[int]string{}
	for _, r := range refused {
		why[r.Edge] = r.Reason
	}
	n.settle(node, alone, groups, edges, labels)
	tell := out.links.teller(scored, m.Tiers)
	for i, e := range edges {
		if !alone[e.L] && !alone[e.R] {
			continue
		}
		l, r := node[e.L], node[e.R]
		c := compared{pattern: e.Pattern, tier: e.Tier, status: Linked}
		if labels[l] != labels[r] {
			c.status, c.why = Refused, cmp.Or(why[i], "fits people whom names tell apart")
		}
		out.links.all = append(out.links.all, link{l: n.first[l], r: n.first[r], says: tell.tell(c, TierEncoded), weight: e.Weight})
	}
	out.count(node, alone, labels)
	return out, nil
}

// codedRows gives for every node that holds encodings the last row that does.
func (n *nodes) codedRows() (rows, node []uint32) {
	last := make([]uint32, len(n.row)) // row plus one
	for i, at := range n.of {
		for _, c := range n.recs.coded.Cols {
			if c.IDs[i] != 0 {
				last[at] = uint32(i) + 1
				break
			}
		}
	}
	for at, row := range last {
		if row != 0 {
			rows, node = append(rows, row-1), append(node, uint32(at))
		}
	}
	return rows, node
}

// nameless tells which nodes hold no name and no number, and are of a person
// alone so far.
func (n *nodes) nameless(node, labels []uint32) (alone []bool, any bool) {
	size := make([]uint32, len(labels))
	for _, l := range labels {
		size[l]++
	}
	alone = make([]bool, len(node))
	for i, at := range node {
		alone[i] = size[labels[at]] == 1
		for _, r := range []model.Role{model.Given, model.Family, model.NHSNumber} {
			if c := n.recs.canon.Col(string(r)); c != nil && c.IDs[n.row[at]] != 0 {
				alone[i] = false
			}
		}
		any = any || alone[i]
	}
	return alone, any
}

// settle gives every nameless node the person of the one named cluster that it
// fits; those that fit none stay together.
func (n *nodes) settle(node []uint32, alone []bool, groups []uint32, edges []engine.Edge, labels []uint32) {
	named := map[uint32]uint32{}    // group → label, plus one
	several := map[uint32]bool{}    // groups of more than one
	together := map[uint32]uint32{} // group of nameless nodes → label
	for i, g := range groups {
		l := labels[node[i]]
		switch {
		case alone[i]:
			if _, ok := together[g]; !ok {
				together[g] = l
			}
		case named[g] == 0:
			named[g] = l + 1
		case named[g] != l+1:
			several[g] = true
		}
	}
	direct := map[uint32]uint32{} // nameless node of such a group → the one label that its own links reach, plus one
	for _, e := range edges {
		for _, q := range [2][2]uint32{{e.L, e.R}, {e.R, e.L}} {
			if !alone[q[0]] || alone[q[1]] || !several[groups[q[0]]] {
				continue
			}
			l := labels[node[q[1]]] + 1
			if was, ok := direct[q[0]]; ok && was != l {
				l = 0
			}
			direct[q[0]] = l
		}
	}
	keep := map[uint32][]uint32{}
	for _, q := range n.apart {
		keep[q[0]], keep[q[1]] = append(keep[q[0]], q[1]), append(keep[q[1]], q[0])
	}
	next := make([]uint32, len(node))
	for i, g := range groups {
		next[i] = labels[node[i]]
		if !alone[i] {
			continue
		}
		switch {
		case several[g]:
			if l := direct[uint32(i)]; l != 0 {
				next[i] = l - 1
			}
		case named[g] != 0:
			next[i] = named[g] - 1
		default:
			next[i] = together[g]
		}
	}
	for i, at := range node {
		if alone[i] && !apartFrom(keep[at], labels, next[i]) {
			labels[at] = next[i]
		}
	}
}

// apartFrom reports whether one of nodes has the label.
func apartFrom(nodes, labels []uint32, label uint32) bool {
	for _, x := range nodes {
		if labels[x] == label {
			return true
		}
	}
	return false
}

func (c *coded) count(node []uint32, alone []bool, labels []uint32) {
	size := map[uint32]int{}
	for _, l := range labels {
		size[l]++
	}
	for i, at := range node {
		if alone[i] {
			c.records++
			if size[labels[at]] > 1 {
				c.joined++
			}
		}
	}
}
