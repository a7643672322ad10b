package disclosure

// formulaCell: a cell that a spreadsheet would run.
func formulaCell() Rule {
	return Rule{
		ID: "formula-cell", Effective: "2026-11-22",
		Clause: "formula injection at the recipient", Applies: "cells and headings of text files", Needs: "the table",
		Says: "A cell that begins with = + @ or a tab is run by spreadsheets.",
		check: func(v *view) []Finding {
			return v.identifier(func(text string, r, c int) (Severity, bool) {
				if text == "" || (text[0] != '=' && text[0] != '@' && text[0] != '+') {
					return "", false
				}
				if r >= 0 && v.t.rows[r].cells[c].kind != cellText {
					return "", false
				}
				return SevReview, len(text) > 1
			}, "a cell begins as a spreadsheet formula", "write the value instead of a formula")
		},
	}
}
