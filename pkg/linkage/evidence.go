package linkage

import (
	"cmp"
	"io"
	"slices"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/linkage/frame"
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
// that say the same.
type link struct {
	l, r    uint32 // record numbers
	status  string
	person  string // of l
	tier    string
	weight  *float64
	pattern string
	reason  string
}

// links lists the evidence in order of record keys.
func (n *nodes) links(r *records, p *people, found *Result, more []link) []link {
	dict := r.keys.Dict
	var out []link
	add := func(k link) {
		if dict.At(k.r) < dict.At(k.l) {
			k.l, k.r = k.r, k.l
		}
		k.person = p.ids[p.of[k.l]]
		out = append(out, k)
	}
	seen := map[[2]uint32]bool{}
	for i, rec := range r.keys.IDs { // records that say the same as the first of their node
		first := n.first[n.of[i]]
		if rec != first && !seen[[2]uint32{first, rec}] {
			seen[[2]uint32{first, rec}] = true
			add(link{l: first, r: rec, status: Linked, tier: model.TierTuple, reason: "every identifier the same"})
		}
	}
	for _, k := range more {
		add(k)
	}
	decided := map[[2]uint32]bool{}
	for _, d := range n.decided {
		k := link{l: d.l, r: d.r, tier: TierDecision, status: Refused, reason: "decided: " + d.Reason}
		if d.Same {
			k.status = Linked
		}
		decided[[2]uint32{d.l, d.r}] = true
		add(k)
	}
	if found == nil {
		return sorted(out, dict)
	}
	why := map[int]string{}
	for _, x := range found.Refused {
		why[x.Edge] = x.Reason
	}
	for i, e := range found.Edges {
		w := e.Weight
		k := link{l: n.first[e.L], r: n.first[e.R], tier: Probabilistic, weight: &w, pattern: found.Scored.Gammas(e.Pattern),
			status: Linked, reason: found.Scored.Reason(e.Pattern)}
		if e.Tier >= 0 {
			k.tier = found.Model.Tiers[e.Tier].Name
		}
		if dict.At(k.r) < dict.At(k.l) {
			k.l, k.r = k.r, k.l
		}
		if k.l == k.r || decided[[2]uint32{k.l, k.r}] { // the same record at two times, or people decided
			continue
		}
		if found.Clusters[e.L] != found.Clusters[e.R] {
			k.status = Review
			if s := why[i]; s != "" {
				k.status, k.reason = Refused, s
			}
		}
		add(k)
	}
	return sorted(out, dict)
}

func sorted(out []link, dict *frame.Words) []link {
	slices.SortFunc(out, func(a, b link) int {
		return cmp.Or(cmp.Compare(dict.At(a.l), dict.At(b.l)), cmp.Compare(dict.At(a.r), dict.At(b.r)),
			cmp.Compare(a.tier, b.tier), cmp.Compare(a.pattern, b.pattern), cmp.Compare(weightOr(a.weight), weightOr(b.weight)))
	})
	return out
}

func weightOr(w *float64) float64 {
	if w == nil {
		return 0
	}
	return *w
}

// evidence sets for each record the strongest link that ties it to its person.
func (p *people) evidence(r *records, links []link) {
	rank := func(tier string) int {
		return slices.Index([]string{"", Probabilistic, TierEncoded, model.TierTuple, model.TierPartial, model.TierExact, TierDecision}, tier)
	}
	better := func(k uint32, l link) {
		old, new := rank(p.tier[k]), rank(l.tier)
		if new > old || new == old && weightOr(l.weight) > weightOr(p.weight[k]) {
			p.tier[k], p.weight[k] = l.tier, l.weight
		}
	}
	for _, l := range links {
		if l.status == Linked {
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

func writeLinks(w io.Writer, r *records, links []link) error {
	dict := r.keys.Dict
	return table(w, linksSchema(), len(links), func(i int, row []cell.Value) {
		l := &links[i]
		row[0], row[1], row[2], row[3] = cell.Str(dict.At(l.l)), cell.Str(dict.At(l.r)), cell.Str(l.status), cell.Str(l.person)
		row[4], row[5], row[6], row[7] = cell.Str(l.tier), optional(l.weight), text(l.pattern), cell.Str(l.reason)
	})
}

func writePersonIndex(w io.Writer, p *people) error {
	return table(w, columnar.Schema{
		{Name: "person_record_key", Type: cell.String}, {Name: "person_id", Type: cell.String},
		{Name: "tier", Type: cell.String}, {Name: "weight", Type: cell.Float64, Nullable: true},
	}, len(p.keys), func(i int, row []cell.Value) {
		k := p.number[i]
		row[0], row[1], row[2], row[3] = cell.Str(p.keys[i]), cell.Str(p.ids[p.of[k]]), cell.Str(p.tier[k]), optional(p.weight[k])
	})
}

func optional(w *float64) cell.Value {
	if w == nil {
		return cell.Null
	}
	return cell.Float(*w)
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
