package disclosure

import "strings"

// identifierPostcode: a full UK postcode.
func identifierPostcode() Rule {
	return Rule{
		ID: "identifier-postcode", Effective: "2026-11-22",
		Clause:  "a unit postcode covers some fifteen addresses; format BS 7666",
		Applies: "every text of a file", Needs: "the table",
		Says: "A full postcode with little else names a household.",
		check: func(v *view) []Finding {
			p := newPatterns()
			return v.identifier(func(text string, _, _ int) (Severity, bool) {
				s := strings.TrimSpace(text)
				if len(s) <= 8 {
					return SevFail, p.postcode.MatchString(strings.ToUpper(s))
				}
				return SevFail, p.postcodeIn.MatchString(s)
			}, "a full postcode is shown", "use a larger area")
		},
	}
}
