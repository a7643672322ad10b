package disclosure

// countFull: all of a group are in one class.
func countFull() Rule {
	return Rule{
		ID: "count-full", Effective: "2026-11-22",
		Clause:  "profile counts.full; group disclosure, Handbook on SDC 5; OpenSAFELY sdc.md (100 % counts)",
		Applies: "rows of cross-tabulations with one filled class, percentages of 0 or 100", Needs: "the table",
		Says: "If everyone in a group is in one class, knowing the group tells the class.",
		check: func(v *view) []Finding {
			sev := severity(v.p.Counts.Full)
			if sev == SevInfo {
				return nil
			}
			var out []Finding
			add := func(s site, says string) {
				out = append(out, v.finding(s.sev(sev), v.where(s.row, s.col), s.row, s.col, says,
					"say why this is no news about anyone, or combine the group with another", "value", v.t.rows[s.row].cells[s.col].raw))
			}
			for r := range v.t.rows {
				var filled []site
				classes := 0
				for _, s := range v.inRow(r, kCount) {
					if s.total || s.part > 0 || s.sure == sure && !v.wide() {
						continue
					}
					classes++
					if s.v.n > 0 {
						filled = append(filled, s)
					}
				}
				if classes > 1 && len(filled) == 1 {
					add(filled[0], "everyone in this row is in one class")
				}
			}
			v.each(kPercent, func(s site) {
				if !s.total && s.v.f == 100 {
					add(s, "a share of 100 % is shown")
				}
			})
			return out
		},
	}
}

// wide reports whether the table spreads one classification over columns.
func (v *view) wide() bool {
	n := 0
	for _, c := range v.cols {
		if c.is(kCount) && c.sure == likely && !c.total {
			n++
		}
	}
	return n > 1
}
