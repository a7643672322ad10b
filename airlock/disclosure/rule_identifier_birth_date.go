package disclosure

import "time"

// identifierBirthDate: full dates of birth or death, or dates of single people.
func identifierBirthDate() Rule {
	return Rule{
		ID: "identifier-birth-date", Effective: "2026-11-22",
		Clause:  "a date of birth with sex and area is unique for most people (Sweeney 2000, cited by OpenSAFELY sdc.md)",
		Applies: "columns of full dates", Needs: "the table",
		Says: "A date of birth all but names a person.",
		check: func(v *view) []Finding {
			p := newPatterns()
			var out []Finding
			for c, col := range v.cols {
				birth := false
				for _, h := range col.path {
					ws := words(h)
					birth = birth || anyWord(ws, "dob", "birth", "birthdate", "dateofbirth", "born", "birthday") && !anyWord(ws, "births", "weight", "month", "year")
				}
				var days []time.Time
				first := -1
				for r, row := range v.t.rows {
					if d, ok := p.day(row.cells[c].raw); ok {
						if days = append(days, d); first < 0 {
							first = r
						}
						if birth {
							out = append(out, v.finding(SevFail, v.bare(r, c), r, c, "a date of birth is shown", "release an age band or a year of birth", "column", col.name()))
						}
					}
				}
				// Dates that spread over a lifetime and keep no step may be births.
				if !birth && len(days) >= 5 && stepOf(days) == "day" && spread(days) > 30*365*24*time.Hour {
					out = append(out, v.finding(SevReview, v.bare(first, c), first, c, "dates in this column spread over more than thirty years and keep no calendar step: they may be dates of birth",
						"release years or age bands, or say what the dates are", "column", col.name(), "dates", itoa(len(days))))
				}
			}
			return out
		},
	}
}

func spread(days []time.Time) time.Duration {
	lo, hi := days[0], days[0]
	for _, d := range days {
		if d.Before(lo) {
			lo = d
		}
		if d.After(hi) {
			hi = d
		}
	}
	return hi.Sub(lo)
}

// stepOf is the calendar step that all days keep.
func stepOf(days []time.Time) string {
	year, quarter, month, week := true, true, true, true
	for _, d := range days {
		month = month && d.Day() == days[0].Day() && (d.Day() == 1 || d.Day() >= 28)
		quarter = quarter && month && (int(d.Month())-int(days[0].Month()))%3 == 0
		year = year && month && d.Month() == days[0].Month()
		week = week && d.Weekday() == days[0].Weekday()
	}
	switch {
	case year:
		return "year"
	case quarter:
		return "quarter"
	case month:
		return "month"
	case week:
		return "week"
	}
	return "day"
}
