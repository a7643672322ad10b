package disclosure

import "strings"

// rowLevel: the table has a row per person rather than per group.
func rowLevel() Rule {
	return Rule{
		ID: "row-level", Effective: "2026-11-22",
		Clause:  "no record-level data leaves: OpenSAFELY (header patient_id refused), NHS England SDE (nothing identifiable)",
		Applies: "any table", Needs: "the table",
		Says: "Rows that repeat labels, or carry a key of their own, are records.",
		check: func(v *view) []Finding {
			// 1. A heading that names a key of a person or record.
			for c, col := range v.cols {
				for _, h := range col.path {
					if keyHeading(h) && len(v.t.rows) > 0 {
						return []Finding{v.finding(SevFail, v.bare(0, c), 0, c, "a column is headed as the key of a person or record",
							"release aggregates, never records", "column", col.name(), "rows", itoa(len(v.t.rows)))}
					}
				}
			}
			n := len(v.t.rows)
			if n < 10 {
				return nil
			}
			stats, measures := 0, 0
			for _, col := range v.cols {
				switch {
				case len(col.kinds) > 0 && col.kinds[0].statistic() && !col.label && (col.sure == sure || !col.is(kCount)) && !col.is(kSum):
					stats++
				case !col.label:
					measures++
				}
			}
			distinct := map[string]bool{}
			for _, r := range v.t.rows {
				var b strings.Builder
				for _, l := range v.labels {
					if stats == 0 && v.cols[l].numbers > 0 && !v.cols[l].is(kYear) {
						continue // an age or a code beside no statistic may be a measure
					}
					b.WriteString(r.cells[l].raw)
					b.WriteByte(0x1f)
				}
				distinct[b.String()] = true
			}
			repeated := n - len(distinct)
			evidence := []string{"rows", itoa(n), "distinct_label_rows", itoa(len(distinct))}
			where := Where{Sheet: v.t.sheet, Line: v.t.rows[0].line}
			switch {
			case stats == 0 && repeated*5 >= n:
				// 2. Labels repeat and nothing is a statistic: records.
				return []Finding{v.finding(SevFail, where, 0, -1, "rows repeat the same labels and no column is a statistic: these look like records",
					"release counts or other aggregates by group", evidence...)}
			case stats == 0 && (measures > 1 || n >= 50) && v.anyUniqueText():
				// 3. A label of its own for every row, several measures, no statistic.
				sev := SevReview
				if n >= 50 && measures > 1 && !v.crossTab() {
					sev = SevFail
				}
				if v.crossTab() && n < 500 {
					return nil
				}
				return []Finding{v.finding(sev, where, 0, -1, "every row has a label of its own and no column says what it counts: these may be records",
					"head the columns with what they show (n, mean, percent), or release aggregates", evidence...)}
			case stats > 0 && repeated*2 >= n && len(v.labels) > 0:
				return []Finding{v.finding(SevReview, where, 0, -1, "more than half of the rows repeat the labels of another row",
					"say what each row is, or aggregate", evidence...)}
			}
			return nil
		},
	}
}

// keyHeading knows the names that keys of persons and records go by.
func keyHeading(h string) bool {
	ws := words(h)
	joined := strings.Join(ws, "")
	switch joined {
	case "person", "personid", "patientid", "pid", "nhsnumber", "nhsno", "pseudonym", "pseudoid", "pseudonhsnumber", "recordkey", "personkey", "recordid",
		"studyid", "subjectid", "participantid", "mrn", "hospitalnumber", "caseid", "episodeid", "encounterid", "spellid", "personrecordkey", "patientpseudoid",
		"patientkey", "encryptednhsnumber", "encryptedhesid", "hesid", "uprn", "chi", "chinumber", "memberid", "householdid", "userid", "uuid", "guid", "respondentid", "tokenpersonid":
		return joined != "chi" || strings.EqualFold(h, "chi_number")
	}
	return false
}

// anyUniqueText reports whether some label column differs in every row.
func (v *view) anyUniqueText() bool {
	for _, l := range v.labels {
		if v.cols[l].values == len(v.t.rows) {
			return true
		}
	}
	return len(v.labels) == 0
}

// crossTab reports whether the measures look like one cross-tabulation: whole
// numbers throughout, and totals or round numbers.
func (v *view) crossTab() bool {
	base := int64(0)
	if v.p.Rounding != nil {
		base = v.p.Rounding.Base
	}
	whole, round, all := true, 0, 0
	for _, s := range v.sites {
		all++
		whole = whole && s.v.whole
		if base > 0 && s.v.n%base == 0 {
			round++
		}
	}
	return all > 0 && whole && (v.total() || round == all)
}
