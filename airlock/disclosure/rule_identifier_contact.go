package disclosure

import "strings"

// identifierContact: mail addresses, telephone and National Insurance numbers.
func identifierContact() Rule {
	return Rule{
		ID: "identifier-contact", Effective: "2026-11-22",
		Clause: "direct identifiers never leave", Applies: "every text of a file", Needs: "the table",
		Says: "A mail address, telephone number or National Insurance number names a person.",
		check: func(v *view) []Finding {
			p := newPatterns()
			return v.identifier(func(text string, _, _ int) (Severity, bool) {
				s := strings.TrimSpace(text)
				hit := strings.Contains(s, "@") && p.email.MatchString(s) || len(s) >= 10 && p.phone.MatchString(s) || len(s) >= 9 && p.nino.MatchString(s)
				return SevFail, hit
			}, "a mail address, telephone number or National Insurance number is shown", "remove it")
		},
	}
}
