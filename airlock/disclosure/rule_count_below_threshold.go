package disclosure

import "strconv"

func itoa(n int) string { return strconv.Itoa(n) }

// countBelowThreshold: a printed count of fewer units than the profile allows.
func countBelowThreshold() Rule {
	return Rule{
		ID: "count-below-threshold", Effective: "2026-11-22",
		Clause:  "profile counts.threshold; minimum frequency rule, Handbook on SDC 4.2; ONS SRS rule of 10",
		Applies: "counts in tables, whatever their layout", Needs: "the table",
		Says: "A count above zero and below the threshold points at few people.",
		check: func(v *view) []Finding {
			var out []Finding
			v.each(kCount, func(s site) {
				if !v.p.Counts.Small(s.v.n) || v.shownOfRounded(s.v.n) {
					return
				}
				says := "a count is below the threshold"
				if s.sure == maybe {
					says = "a small whole number may be a count below the threshold"
				}
				out = append(out, v.finding(s.sev(SevFail), v.where(s.row, s.col), s.row, s.col, says,
					"suppress the count, and others so that it cannot be worked out, or combine categories",
					"value", v.t.rows[s.row].cells[s.col].raw, "smallest_allowed", strconv.FormatInt(v.p.Counts.Least(), 10)))
			})
			return out
		},
	}
}

// shownOfRounded reports whether n, though below the threshold, can only be
// the rounded form of a count that may be shown (midpoint rounding shows 9
// for 7 to 12).
func (v *view) shownOfRounded(n int64) bool {
	r := v.p.Rounding
	if r == nil || !r.Rounded(n) || r.Order == "round-only" {
		return false
	}
	for m := v.p.Counts.Least(); m <= v.p.Counts.Least()+2*r.BaseFor(n); m++ {
		if r.Round(m) == n {
			return true
		}
	}
	return false
}
