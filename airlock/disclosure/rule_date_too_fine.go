package disclosure

import "time"

// dateTooFine: a calendar dimension finer than the profile's floor.
func dateTooFine() Rule {
	return Rule{
		ID: "date-too-fine", Effective: "2026-11-22",
		Clause: "profile dates.finest", Applies: "columns of full dates", Needs: "the table",
		Says: "Events of one day are events of few people, and days can be looked up elsewhere.",
		check: func(v *view) []Finding {
			p := newPatterns()
			var out []Finding
			for c, col := range v.cols {
				var days []time.Time
				first := -1
				for r, row := range v.t.rows {
					if d, ok := p.day(row.cells[c].raw); ok {
						if days = append(days, d); first < 0 {
							first = r
						}
					}
				}
				if len(days) < 3 || len(days)*2 < len(v.t.rows) {
					continue
				}
				if step := stepOf(days); v.p.Dates.FinerThan(step) {
					out = append(out, v.finding(SevReview, v.bare(first, c), first, c, "dates are finer than the profile's calendar step",
						"group the dates by "+v.p.Dates.Finest+" or coarser, or say why days are needed", "column", col.name(), "step", step, "finest", v.p.Dates.Finest))
				}
			}
			return out
		},
	}
}
