package disclosure

// identifierNHSNumber: ten digits with a valid check digit.
func identifierNHSNumber() Rule {
	return Rule{
		ID: "identifier-nhs-number", Effective: "2026-11-22",
		Clause:  "direct identifiers never leave; check digit by modulus 11, NHS Data Dictionary",
		Applies: "every text of a file", Needs: "the table",
		Says: "An NHS number names one person.",
		check: func(v *view) []Finding {
			p := newPatterns()
			return v.identifier(func(text string, r, c int) (Severity, bool) {
				if !p.nhsIn(text) {
					return "", false
				}
				// One in eleven ten-digit sums of money has a valid check
				// digit: under a statistic's heading it is for a person.
				if r >= 0 && v.t.rows[r].cells[c].kind == cellNumber && !v.cols[c].label && len(v.cols[c].kinds) > 0 && (v.cols[c].sure == sure || !v.cols[c].is(kCount)) && v.rareHits(c, p.nhsIn) {
					return SevReview, true
				}
				return SevFail, true
			}, "a ten-digit number with a valid NHS check digit is shown", "remove it; NHS numbers never belong in an output")
		},
	}
}

// rareHits reports whether fewer than a third of a column's texts match.
func (v *view) rareHits(c int, hit func(string) bool) bool {
	n, all := 0, 0
	for _, r := range v.t.rows {
		if r.cells[c].raw != "" {
			all++
			if hit(r.cells[c].raw) {
				n++
			}
		}
	}
	return n*3 < all
}
