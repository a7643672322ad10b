package disclosure

import "strconv"

// countUnrounded: a count that the profile's rounding cannot have produced.
func countUnrounded() Rule {
	return Rule{
		ID: "count-unrounded", Effective: "2026-11-22",
		Clause:  "profile rounding; OpenSAFELY sdc.md (rounding counts); NHS England SDE and HES (nearest 5)",
		Applies: "counts, where the profile asks for rounding after suppression", Needs: "the table",
		Says: "Exact counts of two tables can be subtracted; rounded ones give little away.",
		check: func(v *view) []Finding {
			rd := v.p.Rounding
			if rd == nil || rd.Order == "round-only" {
				return nil
			}
			var out []Finding
			v.each(kCount, func(s site) {
				if s.v.n == 0 || v.p.Counts.Small(s.v.n) || rd.Rounded(s.v.n) {
					return
				}
				out = append(out, v.finding(s.sev(SevFail), v.where(s.row, s.col), s.row, s.col, "a count is not rounded as the profile asks",
					"round the counts after suppressing small ones; make totals the sum of the rounded counts",
					"value", v.t.rows[s.row].cells[s.col].raw, "base", strconv.FormatInt(rd.BaseFor(s.v.n), 10), "mode", string(rd.Mode)))
			})
			return out
		},
	}
}
