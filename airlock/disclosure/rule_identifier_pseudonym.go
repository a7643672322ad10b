package disclosure

// identifierPseudonym: a key of this project in clear.
func identifierPseudonym() Rule {
	return Rule{
		ID: "identifier-pseudonym", Effective: "2026-11-22",
		Clause:  "record-level keys never leave; design: every entity key is re-keyed per project",
		Applies: "every text of a file, word by word", Needs: "a function that knows the project's pseudonyms",
		Says: "A pseudonym is one person's row to whoever holds the extract.",
		check: func(v *view) []Finding {
			if v.pseudonym == nil {
				return nil
			}
			return v.identifier(func(text string, _, _ int) (Severity, bool) {
				for _, w := range tokens(text) {
					if v.pseudonym(w) {
						return SevFail, true
					}
				}
				return "", false
			}, "a pseudonym of the project is shown", "remove it; release aggregates, never records")
		},
	}
}
