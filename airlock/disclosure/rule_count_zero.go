package disclosure

// countZero: a printed zero says that nobody of a group has a property.
func countZero() Rule {
	return Rule{
		ID: "count-zero", Effective: "2026-11-22",
		Clause:  "profile counts.zeros; class disclosure, Handbook on SDC 5; OpenSAFELY sdc.md",
		Applies: "zero counts", Needs: "the table",
		Says: "A zero can disclose that no one in a group has a property.",
		check: func(v *view) []Finding {
			var out []Finding
			sev := severity(v.p.Counts.Zeros)
			if sev == SevInfo {
				return nil
			}
			v.each(kCount, func(s site) {
				if s.v.n == 0 {
					out = append(out, v.finding(s.sev(sev), v.where(s.row, s.col), s.row, s.col, "a count of zero is shown",
						"say why no one can be in this cell, or suppress or combine it", "value", "0"))
				}
			})
			return out
		},
	}
}
