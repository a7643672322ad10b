package disclosure

// statisticEndpoint: a minimum or maximum is one unit's value.
func statisticEndpoint() Rule {
	return Rule{
		ID: "statistic-endpoint", Effective: "2026-11-22",
		Clause:  "profile contributors.endpoints; statbarn Endpoints; OpenSAFELY sdc.md (maximum or minimum values)",
		Applies: "minima, maxima and ranges", Needs: "the table",
		Says: "A minimum or maximum is the value of one person, however many are behind it.",
		check: func(v *view) []Finding {
			sev := severity(v.p.Contributors.Endpoints)
			if sev == SevInfo {
				return nil
			}
			var out []Finding
			v.each(kEndpoint, func(s site) {
				if s.part > 0 && v.sites[v.at[[2]int{s.row, s.col}][0]].kind == kEndpoint {
					return
				}
				out = append(out, v.finding(sev, v.where(s.row, s.col), s.row, s.col, "a minimum, maximum or range is shown",
					"show percentiles with enough people on both sides, or say which declared constant this is", "column", v.cols[s.col].name()))
			})
			return out
		},
	}
}
