package linkage

import (
	"cmp"
	"io"
	"slices"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// key is the smallest record key of those that say what a row of the frame says.
func (x *extension) key(i uint32) string {
	if old := uint32(x.old.len()); i >= old {
		return x.recs.keys.Dict.At(x.nodes.first[i-old])
	}
	return x.old.least(i)
}

// links lists the evidence for the new identities.
func (x *extension) links(found *Result, labels []uint32) []extendLink {
	old := uint32(x.old.len())
	key := x.key
	why := map[int]string{}
	for _, r := range found.Refused {
		why[r.Edge] = r.Reason
	}
	var out []extendLink
	for i, e := range found.Edges {
		w := e.Weight
		l := extendLink{l: key(e.L), r: key(e.R), status: Linked, person: personText(x.person[e.R]), tier: Probabilistic, weight: w,
			pattern: found.Scored.Gammas(e.Pattern), reason: reason(found.Scored, e.Pattern, found.Scored.Doubts(e.L, e.R))}
		if e.Tier >= 0 {
			l.tier = found.Model.Tiers[e.Tier].Name
		}
		if l.l == l.r {
			continue
		}
		if labels[e.L] != labels[e.R] {
			if l.status = Review; why[i] != "" {
				l.status, l.reason = Refused, why[i]
			}
		} else {
			for _, j := range []uint32{e.L, e.R} {
				if j >= old && (x.tier[j] == "" || x.tier[j] == Probabilistic && (l.tier != Probabilistic || w > weightOr(x.weight[j]))) {
					x.tier[j], x.weight[j] = l.tier, w
				}
			}
		}
		if l.r < l.l {
			l.l, l.r = l.r, l.l
		}
		out = append(out, l)
		x.rep.Links[l.status]++
	}
	sortLinks(out)
	return out
}

func sortLinks(out []extendLink) {
	slices.SortFunc(out, func(a, b extendLink) int {
		return cmp.Or(cmp.Compare(a.l, b.l), cmp.Compare(a.r, b.r), cmp.Compare(a.tier, b.tier), cmp.Compare(a.pattern, b.pattern), cmp.Compare(weightOr(a.weight), weightOr(b.weight)))
	})
}

// linkColumns are the columns of links.parquet.
func linkColumns() []string {
	return []string{"record_key_l", "record_key_r", "status", "person_id", "tier", "weight", "pattern", "reason"}
}

// extendLink is a row of evidence between two record keys.
type extendLink struct {
	l, r, status, person, tier string
	weight                     float64
	pattern, reason            string
}

func (x *extension) write(out ExtendOutput, links []extendLink) error {
	dict, node := x.recs.keys.Dict, x.nodes.recordNodes()
	order := make([]uint32, 0, dict.Len()-1)
	for k := uint32(1); int(k) < dict.Len(); k++ {
		order = append(order, uint32(k))
	}
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Compare(dict.At(a), dict.At(b)) })
	old := uint32(x.old.len())
	err := table(out.PersonIndex, columnar.Schema{
		{Name: "person_record_key", Type: cell.String}, {Name: "person_id", Type: cell.String},
		{Name: "tier", Type: cell.String}, {Name: "weight", Type: cell.Float64, Nullable: true},
	}, len(order), func(i int, row []cell.Value) {
		at := old + node[order[i]]
		tier := cmp.Or(x.tier[at], "single")
		x.rep.ByTier[tier]++
		row[0], row[1], row[2], row[3] = cell.Str(dict.At(order[i])), cell.Str(personText(x.person[at])), cell.Str(tier), optional(x.weight[at])
	})
	if err != nil {
		return err
	}
	if err := writeExtendLinks(out.Links, links); err != nil {
		return err
	}
	return x.writeState(out.State)
}

func writeExtendLinks(w io.Writer, links []extendLink) error {
	return table(w, linksSchema(), len(links), func(i int, row []cell.Value) {
		l := &links[i]
		row[0], row[1], row[2], row[3] = cell.Str(l.l), cell.Str(l.r), cell.Str(l.status), cell.Str(l.person)
		row[4], row[5], row[6], row[7] = cell.Str(l.tier), optional(l.weight), text(l.pattern), cell.Str(l.reason)
	})
}

// writeState writes what the next extension needs besides the earlier ones.
func (x *extension) writeState(w io.Writer) error {
	old := uint32(x.old.len())
	var merged [][2]uint64
	for from, into := range x.merged {
		merged = append(merged, [2]uint64{from, into})
	}
	slices.SortFunc(merged, func(a, b [2]uint64) int { return cmp.Compare(a[0], b[0]) })
	size, strong, counts, _ := x.nodes.stateOf()
	return writeState(w, x.nodes, &x.model, func(i int) uint64 { return x.person[old+uint32(i)] }, size, strong, counts, x.segments[0].Known, merged)
}
