package disclosure

// The rules about whether a file is a table that people can read.

func tableUnreadable() Rule {
	return Rule{ID: "table-unreadable", Effective: "2026-11-22", Clause: "fail closed: what can't be read can't be checked",
		Applies: "any file", Needs: "the file", Says: "The file is no table that Ark can read."}
}

func fileType() Rule {
	return Rule{ID: "file-type", Effective: "2026-11-22", Clause: "profile files", Applies: "any file", Needs: "its name",
		Says: "Only the file types of the profile may leave."}
}

func tableHeaderless() Rule {
	return Rule{ID: "table-headerless", Effective: "2026-11-22", Clause: "numbers without headings can't be judged",
		Applies: "any table", Needs: "the table", Says: "The first row holds numbers, so that no column says what it shows.",
		check: func(v *view) []Finding {
			if !v.t.headerless {
				return nil
			}
			return []Finding{v.finding(SevReview, v.bare(0, 0), 0, 0, "the table has no header row, or one of numbers that may be data", "add a row of headings that say what each column shows")}
		}}
}

func tableRagged() Rule {
	return Rule{ID: "table-ragged", Effective: "2026-11-22", Clause: "rows of different length can hide a column",
		Applies: "any table", Needs: "the table", Says: "Some rows have more or fewer fields than the header.",
		check: func(v *view) []Finding {
			if len(v.t.ragged) == 0 {
				return nil
			}
			return []Finding{v.finding(SevReview, Where{Line: v.t.ragged[0]}, 0, 0, "some rows have more or fewer fields than the widest",
				"write the same number of fields in every row", "rows", itoa(len(v.t.ragged)))}
		}}
}

func tableTooLong() Rule {
	return Rule{ID: "table-too-long", Effective: "2026-11-22", Clause: "profile max_rows; OpenSAFELY airlock (5,000 rows)",
		Applies: "any table", Needs: "the table", Says: "A table longer than people read is checked by nobody.",
		check: func(v *view) []Finding {
			if len(v.t.rows) <= v.p.MaxRows {
				return nil
			}
			return []Finding{v.finding(SevReview, Where{Line: v.t.rows[v.p.MaxRows].line}, v.p.MaxRows, 0, "the table has more rows than the profile lets pass unseen",
				"release a shorter table", "rows", itoa(len(v.t.rows)), "most", itoa(v.p.MaxRows))}
		}}
}

func tableNoFigures() Rule {
	return Rule{ID: "table-no-figures", Effective: "2026-11-22", Clause: "can't tell is for review",
		Applies: "tables in which Ark understands no column as a figure", Needs: "the table",
		Says: "A table of texts, or of numbers read as labels, can hold anything.",
		check: func(v *view) []Finding {
			if len(v.sites) > 0 {
				return nil
			}
			return []Finding{v.finding(SevReview, Where{Line: v.t.rows[0].line}, 0, 0, "no column of this table is understood as a figure",
				"head the columns with what they show (n, mean, percent), or explain the table in its context")}
		}}
}

// longText is how long a label may be before it is a text.
const longText = 200

func labelTooLong() Rule {
	return Rule{ID: "label-too-long", Effective: "2026-11-22", Clause: "free text is read by a person",
		Applies: "labels, headings and notes", Needs: "the table",
		Says: "A long text in a table can describe people.",
		check: func(v *view) []Finding {
			return v.identifier(func(text string, _, _ int) (Severity, bool) { return SevReview, len(text) > longText },
				"a text of more than 200 bytes stands in the table", "move texts to the context, or shorten them")
		}}
}
