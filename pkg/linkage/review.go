package linkage

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/linkage/engine"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// Why a pair is shown to reviewers. They are not told.
const (
	ReviewGrey  = "grey"  // too little to link, too much to ignore
	ReviewLink  = "link"  // a sample of what was linked, to measure how often that is right
	ReviewApart = "apart" // a sample of what a rule kept apart
)

// ReviewPair is two records for people to decide on: what speaks for and
// against one person. Where the two agree the value is masked; it holds
// identifiers where they differ, so it belongs where identifiers do.
type ReviewPair struct {
	Kind    string        `json:"kind"`
	L       string        `json:"l"` // record keys
	R       string        `json:"r"`
	Sources [2]string     `json:"sources"` // names of the sources of l and r
	Prior   float64       `json:"prior"`   // bits
	Weight  float64       `json:"weight"`  // bits in all
	Fields  []ReviewField `json:"fields"`
	Rarity  float64       `json:"rarity"` // bits that rare values add
}

// ReviewField is one comparison: a step of the waterfall.
type ReviewField struct {
	Name   string        `json:"name"`
	What   string        `json:"what"` // "same", "close", "different", "missing" or NotBelieved
	Bits   float64       `json:"bits"`
	Values []ReviewValue `json:"values,omitempty"`
}

// NotBelieved is a number that one of the two records has and that the other
// records with it show to be somebody else's: it speaks for nobody.
const NotBelieved = "not believed"

// ReviewValue is what the two records say in one column. Both sides are empty
// when they agree.
type ReviewValue struct {
	Column string `json:"column"`
	Same   bool   `json:"same,omitempty"`
	Left   string `json:"left,omitempty"`
	Right  string `json:"right,omitempty"`
}

// How many pairs a run puts up for review.
const (
	reviewMost  = 60 // grey pairs, those nearest to even odds first
	reviewCheck = 12 // of probabilistic links, and as many refused ones
)

// evidence is what a run compared, for choosing and showing pairs.
type evidence struct {
	frame   *frame.Frame
	found   *Result
	key     func(row uint32) string // of the record that a row stands for
	source  func(row uint32) string
	decided map[[2]string]bool // pairs of keys that people settled
}

// evidence is what the run over all nodes compared.
func (n *nodes) evidence(r *records, found *Result) evidence {
	e := evidence{frame: n.frame, found: found, decided: map[[2]string]bool{},
		key:    func(i uint32) string { return r.keys.Dict.At(n.first[i]) },
		source: func(i uint32) string { return r.sourceOf(n.row[i]) }}
	for _, d := range n.decided {
		e.decided[inOrder(d.L, d.R)] = true
	}
	return e
}

func inOrder(a, b string) [2]string { return [2]string{min(a, b), max(a, b)} }

// review picks the pairs for people to look at.
func (x evidence) review() []ReviewPair {
	found := x.found
	if found == nil {
		return nil
	}
	refused := map[int]bool{}
	for _, x := range found.Refused {
		refused[x.Edge] = true
	}
	type pick struct {
		edge int
		by   float64
		key  uint64
	}
	var grey, linked, apart []pick
	seen := map[uint64]bool{}
	for i, e := range found.Edges {
		if e.Tier >= 0 {
			continue
		}
		q := inOrder(x.key(e.L), x.key(e.R))
		p := pick{i, math.Abs(e.Weight), engine.Hash(q[0] + "\x1f" + q[1])}
		if q[0] == q[1] || x.decided[q] || seen[p.key] {
			continue
		}
		seen[p.key] = true
		switch {
		case refused[i]:
			apart = append(apart, p)
		case found.Clusters[e.L] == found.Clusters[e.R]:
			linked = append(linked, p)
		default:
			grey = append(grey, p)
		}
	}
	slices.SortFunc(grey, func(a, b pick) int { return cmp.Or(cmp.Compare(a.by, b.by), cmp.Compare(a.key, b.key)) })
	byKey := func(a, b pick) int { return cmp.Compare(a.key, b.key) }
	slices.SortFunc(linked, byKey) // a sample that nobody chose
	slices.SortFunc(apart, byKey)
	all := slices.Clone(grey[:min(len(grey), reviewMost)])
	grays := len(all)
	all = append(append(all, linked[:min(len(linked), reviewCheck)]...), apart[:min(len(apart), reviewCheck)]...)
	kind := map[int]string{}
	for i, p := range all {
		kind[p.edge] = ReviewLink
		if i < grays {
			kind[p.edge] = ReviewGrey
		} else if refused[p.edge] {
			kind[p.edge] = ReviewApart
		}
	}
	slices.SortFunc(all, byKey) // the order tells nothing about the kind
	var out []ReviewPair
	for _, p := range all {
		out = append(out, x.pair(&found.Edges[p.edge], kind[p.edge]))
	}
	return out
}

// pair lays out one pair.
func (x evidence) pair(e *engine.Edge, kind string) ReviewPair {
	l, rt := e.L, e.R
	if x.key(rt) < x.key(l) {
		l, rt = rt, l
	}
	out := ReviewPair{Kind: kind, L: x.key(l), R: x.key(rt), Sources: [2]string{x.source(l), x.source(rt)},
		Prior: engine.Weight(x.found.Scored.Prior()), Weight: e.Weight}
	sum := out.Prior
	for _, s := range x.found.Scored.Steps(e.Pattern) {
		f := ReviewField{Name: s.Name, What: s.What, Bits: s.Bits}
		sum += s.Bits
		for _, col := range s.Columns {
			c := x.frame.Col(col)
			if c == nil || col == model.FullName {
				continue
			}
			v := ReviewValue{Column: col, Left: c.Dict.At(c.IDs[l]), Right: c.Dict.At(c.IDs[rt])}
			if v.Left == v.Right {
				v = ReviewValue{Column: col, Same: v.Left != ""}
			}
			f.Values = append(f.Values, v)
		}
		if s.What == "missing" && len(f.Values) == 1 && x.found.Scored.Doubts(l, rt) && f.Values[0].Left != "" && f.Values[0].Right != "" {
			f.What = NotBelieved
		}
		out.Fields = append(out.Fields, f)
	}
	out.Rarity = e.Weight - sum
	if math.Abs(out.Rarity) < 1e-9 {
		out.Rarity = 0
	}
	return out
}

// sourceOf names the source of a row, "" when the rows don't say.
func (r *records) sourceOf(row uint32) string {
	if r.source == nil {
		return ""
	}
	v, _ := r.source.Value(int(row))
	return strings.TrimSpace(v)
}
