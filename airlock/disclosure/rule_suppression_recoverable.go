package disclosure

import (
	"context"
	"math"
	"strconv"

	policy "github.com/ark-tre/ark/policies/disclosure"
)

// suppressionRecoverable: a withheld count can be worked out from totals. It
// has no check of its own: recoverable applies it to one table, or to all of a
// request together.
func suppressionRecoverable() Rule {
	return Rule{
		ID: "suppression-recoverable", Effective: "2026-11-22",
		Clause:  "secondary disclosure: OpenSAFELY sdc.md (column totals); Handbook on SDC 4.3; CMS (not derivable)",
		Applies: "tables with redaction marks and totals, alone and together", Needs: "the table",
		Says: "Withheld counts follow from totals and the other counts, exactly or within a narrow range, or are few together.",
	}
}

// recoverable judges what follows about the withheld counts of linked tables.
func recoverable(ctx context.Context, views []*view, link func(place) string, attack Attacker) ([]Finding, error) {
	h, err := solveHidden(ctx, views, link, attack)
	if err != nil {
		return nil, err
	}
	var out []Finding
	seen := map[place]bool{}
	for _, k := range h.orders {
		for _, p := range h.nodes[k].withheld {
			if f, ok := views[p.view].recovered(h, k, p); ok {
				out = append(out, f)
				seen[p] = true
			}
		}
	}
	for _, p := range h.open {
		if v := views[p.view]; !seen[p] {
			seen[p] = true
			out = append(out, v.finding(SevReview, v.where(p.row, p.col), p.row, p.col, "what follows about a withheld count was not worked out to the end: too many counts and totals hang together",
				"release fewer linked tables at once, or withhold fewer counts"))
		}
	}
	for _, rel := range h.small {
		for _, k := range rel.Parts {
			if n := h.nodes[k]; !n.printed && len(n.withheld) > 0 && !seen[n.withheld[0]] {
				p := n.withheld[0]
				v := views[p.view]
				out = append(out, v.finding(SevFail, v.where(p.row, p.col), p.row, p.col, "what a total withholds is, all together, a count below the threshold",
					"withhold more, so that what is withheld is at least the threshold together", "smallest_allowed", strconv.FormatInt(v.p.Counts.Least(), 10)))
				break
			}
		}
	}
	for i := range out {
		out[i].Rule = "suppression-recoverable"
	}
	return limit(out), nil
}

// recovered judges what follows about one withheld count.
func (v *view) recovered(h *hidden, k int, p place) (Finding, bool) {
	r, c, n := p.row, p.col, h.nodes[k]
	least := float64(v.p.Counts.Least())
	evidence := []string{"from", number(n.Lo), "to", number(n.Hi), "withheld", itoa(len(h.orders))}
	const repair = "withhold a second count of the row and column, or round after suppressing and make totals the sum of what is shown"
	switch {
	case n.Lo >= least:
		return Finding{}, false // withheld to protect others; it is no small count
	case n.printed && n.Lo == n.Hi:
		return v.finding(SevFail, v.where(r, c), r, c, "a count withheld here is shown elsewhere in the request", "withhold it everywhere", evidence...), true
	case n.Exact && n.Lo > 0:
		return v.finding(SevFail, v.where(r, c), r, c, "a withheld count below the threshold follows exactly from the totals", repair, evidence...), true
	case n.Exact && n.Lo == 0:
		sev := SevReview
		if v.p.Counts.Zeros == policy.Fail {
			sev = SevFail
		}
		return v.finding(sev, v.where(r, c), r, c, "a withheld count follows from the totals to be zero", repair, evidence...), true
	case n.told && n.Hi <= least-1 && n.Hi-n.Lo < (least-1)/2:
		return v.finding(SevFail, v.where(r, c), r, c, "a withheld count below the threshold follows from the totals to within a narrow range", repair, evidence...), true
	case n.loose:
		return v.finding(SevReview, v.where(r, c), r, c, "a total counts what is withheld: it is not the sum of the rounded counts that are shown", "make totals the sum of the rounded counts that are shown", evidence...), true
	}
	return Finding{}, false
}

func number(f float64) string {
	if math.IsInf(f, 0) {
		return "unbounded"
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
