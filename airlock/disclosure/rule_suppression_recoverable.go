package disclosure

import (
	"math"
	"strconv"

	policy "github.com/ark-tre/ark/policies/disclosure"
)

// suppressionRecoverable: a withheld count can be worked out from totals.
func suppressionRecoverable() Rule {
	return Rule{
		ID: "suppression-recoverable", Effective: "2026-11-22",
		Clause:  "secondary disclosure: OpenSAFELY sdc.md (column totals); Handbook on SDC 4.3; CMS (not derivable)",
		Applies: "tables with redaction marks and totals", Needs: "the table",
		Says: "Withheld counts follow from totals and the other counts, exactly or within a narrow range.",
		check: func(v *view) []Finding {
			h := v.solveHidden()
			var out []Finding
			for k, at := range h.cells {
				if f, ok := v.recovered(h, k); ok {
					f.row, f.col = at[0], at[1]
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// recovered judges what follows about one withheld count.
func (v *view) recovered(h *hidden, k int) (Finding, bool) {
	r, c := h.cells[k][0], h.cells[k][1]
	lo, hi := h.lo[k], h.hi[k]
	least := float64(v.p.Counts.Least())
	evidence := []string{"from", number(lo), "to", number(hi), "withheld", itoa(len(h.cells))}
	const repair = "withhold a second count of the row and column, or round after suppressing and make totals the sum of what is shown"
	switch {
	case lo >= least:
		return Finding{}, false // withheld to protect others; it is no small count
	case h.exact[k] && lo > 0:
		return v.finding(SevFail, v.where(r, c), r, c, "a withheld count below the threshold follows exactly from the totals", repair, evidence...), true
	case h.exact[k] && lo == 0:
		sev := SevReview
		if v.p.Counts.Zeros == policy.Fail {
			sev = SevFail
		}
		return v.finding(sev, v.where(r, c), r, c, "a withheld count follows from the totals to be zero", repair, evidence...), true
	case h.told[k] && hi <= least-1 && hi-lo < (least-1)/2:
		return v.finding(SevReview, v.where(r, c), r, c, "a withheld count below the threshold follows from the totals to within a narrow range", repair, evidence...), true
	case h.loose[k]:
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

// bodyRows parts rows from the rows that total them.
func (v *view) bodyRows() (body, totals []int) {
	for r := range v.t.rows {
		if v.rowTotal[r] {
			totals = append(totals, r)
		} else {
			body = append(body, r)
		}
	}
	return body, totals
}
