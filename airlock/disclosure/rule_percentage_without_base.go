package disclosure

// percentageWithoutBase: shares whose number of people is not shown.
func percentageWithoutBase() Rule {
	return Rule{
		ID: "percentage-without-base", Effective: "2026-11-22",
		Clause:  "underlying counts are needed to judge shares: OpenSAFELY sdc.md; ABS DataLab (provide unweighted counts)",
		Applies: "columns of percentages, proportions and means", Needs: "a count in the same row, or a base in a note",
		Says: "A share of few people discloses as a small count does; without its base nobody can tell.",
		check: func(v *view) []Finding {
			if v.baseInNotes() {
				return nil
			}
			var out []Finding
			for c, col := range v.cols {
				for r := range v.t.rows {
					var s *site
					for _, i := range v.at[[2]int{r, c}] {
						if k := v.sites[i].kind; k == kPercent || k == kMean || k == kMedian || k == kDeviation || k == kQuantile || k == kSum {
							s = &v.sites[i]
							break
						}
					}
					if s == nil || v.rowHasCount(r) || v.baseInColumn(c) {
						continue
					}
					what := "shares are shown without the number of people they are of"
					if s.kind != kPercent {
						what = "statistics are shown without the number of people behind them"
					}
					out = append(out, v.finding(SevReview, v.where(r, c), r, c, what,
						"add a column with the (rounded) number of people, or say it in the context", "column", col.name()))
					break // once per column
				}
			}
			return out
		},
	}
}

// rowHasCount reports whether row r prints a count or withholds one.
func (v *view) rowHasCount(r int) bool {
	for c, col := range v.cols {
		if col.is(kCount) && v.t.rows[r].cells[c].kind == cellMark {
			return true
		}
	}
	return len(v.inRow(r, kCount)) > 0
}

// baseInColumn reports whether a row of the column prints the base (a row
// "N" or "Base" under percentages).
func (v *view) baseInColumn(c int) bool {
	for r := range v.t.rows {
		for _, i := range v.at[[2]int{r, c}] {
			if v.sites[i].kind == kCount && v.sites[i].sure == sure {
				return true
			}
		}
	}
	return false
}

// baseInNotes reports whether a title, footnote or heading states n = ….
func (v *view) baseInNotes() bool {
	for _, n := range v.t.notes {
		if statesBase(n.text) {
			return true
		}
	}
	for _, c := range v.cols {
		for _, h := range c.path {
			if statesBase(h) {
				return true
			}
		}
	}
	return false
}

// statesBase finds "n = 120", "N=1,250", "base: 300" in a text.
func statesBase(s string) bool {
	ws := words(s)
	for i := 0; i+1 < len(ws); i++ {
		if (ws[i] == "n" || ws[i] == "base" || ws[i] == "denominator") && isDigit(ws[i+1][0]) {
			return true
		}
	}
	return false
}
