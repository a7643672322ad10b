package linkage

import (
	"cmp"
	"io"
	"math"
	"slices"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/linkage/engine"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// What became of a pair.
const (
	Linked  = "linked"
	Refused = "refused" // good evidence, but a rule keeps the two apart
	Review  = "review"  // too little to link, too much to ignore
)

// TierDecision is the tier of links that people decided.
const TierDecision = "decision"

// TierEncoded is the tier of links that weights of keyed encodings decided.
const TierEncoded = "encoded"

// Probabilistic is the tier of links that weights decided.
const Probabilistic = "probabilistic"

// link is one row of the evidence: two records, each the first by key of all
// that say the same, and the number of what is said of them.
type link struct {
	l, r   uint32 // record numbers
	says   uint32
	weight float64 // not a number: none
}

// says is what links have in common: millions of them say few different things.
type says struct{ status, tier, pattern, reason string }

// links are rows of evidence.
type links struct {
	all  []link
	says []says
	seen map[says]uint32
}

func (k *links) number(s says) uint32 {
	if n, ok := k.seen[s]; ok {
		return n
	}
	if k.seen == nil {
		k.seen = map[says]uint32{}
	}
	n := uint32(len(k.says))
	k.says, k.seen[s] = append(k.says, s), n
	return n
}

// compared is a pair as far as what is said of it goes.
type compared struct {
	pattern uint32
	tier    int8
	status  string
	doubted bool   // a number of one of the two is not believed
	why     string // it is not what the comparisons say
}

// teller says of compared pairs what came out, each kind of pair once.
type teller struct {
	*links
	scored *engine.Scored
	tiers  []model.Rule
	known  map[compared]uint32
}

func (t *teller) tell(c compared, otherwise string) uint32 {
	if n, ok := t.known[c]; ok {
		return n
	}
	s := says{status: c.status, tier: otherwise, pattern: t.scored.Gammas(c.pattern), reason: cmp.Or(c.why, reason(t.scored, c.pattern, c.doubted))}
	if c.tier >= 0 {
		s.tier = t.tiers[c.tier].Name
	}
	n := t.number(s)
	t.known[c] = n
	return n
}

// reason is what the comparisons of a pair say.
func reason(s *engine.Scored, pattern uint32, doubted bool) string {
	out := s.Reason(pattern)
	if doubted {
		out += "; not believed: a number that is somebody else's"
	}
	return out
}

func (k *links) teller(s *engine.Scored, tiers []model.Rule) *teller {
	return &teller{links: k, scored: s, tiers: tiers, known: map[compared]uint32{}}
}

// links adds the evidence to that of encodings, in order of record keys.
func (n *nodes) links(r *records, p *people, found *Result, out *links) {
	same := out.number(says{status: Linked, tier: model.TierTuple, reason: "every identifier the same"})
	count := len(out.all) + len(n.decided)
	for i, rec := range r.keys.IDs {
		if rec != n.first[n.of[i]] {
			count++
		}
	}
	if found != nil {
		count += len(found.Edges)
	}
	out.all = append(make([]link, 0, count), out.all...)
	add := func(k link) {
		if p.rank[k.r] < p.rank[k.l] {
			k.l, k.r = k.r, k.l
		}
		out.all = append(out.all, k)
	}
	for i, k := range out.all {
		if p.rank[k.r] < p.rank[k.l] {
			out.all[i].l, out.all[i].r = k.r, k.l
		}
	}
	none := math.NaN()
	for i, rec := range r.keys.IDs { // records that say the same as the first of their node
		if first := n.first[n.of[i]]; rec != first {
			add(link{l: first, r: rec, says: same, weight: none})
		}
	}
	decided := map[[2]uint32]bool{}
	for _, d := range n.decided {
		s := says{tier: TierDecision, status: Refused, reason: "decided: " + d.Reason}
		if d.Same {
			s.status = Linked
		}
		decided[[2]uint32{d.l, d.r}] = true
		add(link{l: d.l, r: d.r, says: out.number(s), weight: none})
	}
	if found != nil {
		n.compared(p, found, decided, out, add)
	}
	out.sort(p.rank)
	out.all = slices.CompactFunc(out.all, func(a, b link) bool { return a.says == same && b.says == same && a.l == b.l && a.r == b.r })
}

// compared adds the pairs that weights judged.
func (n *nodes) compared(p *people, found *Result, decided map[[2]uint32]bool, out *links, add func(link)) {
	why := map[int]string{}
	for _, x := range found.Refused {
		why[x.Edge] = x.Reason
	}
	t := out.teller(found.Scored, found.Model.Tiers)
	for i, e := range found.Edges {
		l, r := n.first[e.L], n.first[e.R]
		if p.rank[r] < p.rank[l] {
			l, r = r, l
		}
		if l == r || decided[[2]uint32{l, r}] { // the same record at two times, or people decided
			continue
		}
		c := compared{pattern: e.Pattern, tier: e.Tier, status: Linked, doubted: found.Scored.Doubts(e.L, e.R)}
		if found.Clusters[e.L] != found.Clusters[e.R] {
			c.status = Review
			if s := why[i]; s != "" {
				c.status, c.why = Refused, s
			}
		}
		add(link{l: l, r: r, says: t.tell(c, Probabilistic), weight: e.Weight})
	}
}

// sort puts links in the order of record keys; rank is that of record numbers.
func (k *links) sort(rank []uint32) {
	slices.SortFunc(k.all, func(a, b link) int {
		if c := cmp.Or(cmp.Compare(rank[a.l], rank[b.l]), cmp.Compare(rank[a.r], rank[b.r])); c != 0 {
			return c
		}
		x, y := &k.says[a.says], &k.says[b.says]
		return cmp.Or(cmp.Compare(x.tier, y.tier), cmp.Compare(x.pattern, y.pattern), cmp.Compare(weightOr(a.weight), weightOr(b.weight)))
	})
}

// weightOr is a weight, 0 for none.
func weightOr(w float64) float64 {
	if math.IsNaN(w) {
		return 0
	}
	return w
}

// evidence sets for each record the strongest link that ties it to its person.
func (p *people) evidence(r *records, links *links) {
	rank := func(tier string) int {
		return slices.Index([]string{"", Probabilistic, TierEncoded, model.TierTuple, model.TierPartial, model.TierExact, TierDecision}, tier)
	}
	ranks := make([]int, len(links.says))
	for i, s := range links.says {
		ranks[i] = rank(s.tier)
	}
	better := func(k uint32, l link) {
		tier := links.says[l.says].tier
		old, new := rank(p.tier[k]), ranks[l.says]
		if new > old || new == old && weightOr(l.weight) > weightOr(p.weight[k]) {
			p.tier[k], p.weight[k] = tier, l.weight
		}
	}
	for _, l := range links.all {
		if links.says[l.says].status == Linked {
			better(l.l, l)
			better(l.r, l)
		}
	}
	for k := uint32(1); int(k) < r.keys.Dict.Len(); k++ {
		if p.tier[k] == "" {
			p.tier[k] = "single"
			if p.size[p.of[k]] > 1 {
				p.tier[k] = model.TierRecord
			}
		}
	}
}

// linksSchema are the columns of links.parquet.
func linksSchema() columnar.Schema {
	return columnar.Schema{
		{Name: "record_key_l", Type: cell.String}, {Name: "record_key_r", Type: cell.String},
		{Name: "status", Type: cell.String}, {Name: "person_id", Type: cell.String}, {Name: "tier", Type: cell.String},
		{Name: "weight", Type: cell.Float64, Nullable: true}, {Name: "pattern", Type: cell.String, Nullable: true},
		{Name: "reason", Type: cell.String},
	}
}

func writeLinks(w io.Writer, r *records, p *people, links *links) error {
	dict := r.keys.Dict
	return table(w, linksSchema(), len(links.all), func(i int, row []cell.Value) {
		l := &links.all[i]
		s := &links.says[l.says]
		row[0], row[1], row[2], row[3] = cell.Str(dict.At(l.l)), cell.Str(dict.At(l.r)), cell.Str(s.status), cell.Str(p.ids[p.of[l.l]])
		row[4], row[5], row[6], row[7] = cell.Str(s.tier), optional(l.weight), text(s.pattern), cell.Str(s.reason)
	})
}

func writePersonIndex(w io.Writer, p *people) error {
	return table(w, columnar.Schema{
		{Name: "person_record_key", Type: cell.String}, {Name: "person_id", Type: cell.String},
		{Name: "tier", Type: cell.String}, {Name: "weight", Type: cell.Float64, Nullable: true},
	}, len(p.number), func(i int, row []cell.Value) {
		k := p.number[i]
		row[0], row[1], row[2], row[3] = cell.Str(p.dict.At(k)), cell.Str(p.ids[p.of[k]]), cell.Str(p.tier[k]), optional(p.weight[k])
	})
}

func optional(w float64) cell.Value {
	if math.IsNaN(w) {
		return cell.Null
	}
	return cell.Float(w)
}

func text(s string) cell.Value {
	if s == "" {
		return cell.Null
	}
	return cell.Str(s)
}

// table writes rows as Parquet.
func table(w io.Writer, s columnar.Schema, n int, row func(i int, into []cell.Value)) error {
	out, err := columnar.NewWriter(w, s, columnar.Options{})
	if err != nil {
		return err
	}
	cells := make([]cell.Value, len(s))
	for i := range n {
		row(i, cells)
		if err := out.Append(cells); err != nil {
			return err
		}
	}
	return out.Close()
}
