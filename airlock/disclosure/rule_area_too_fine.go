package disclosure

import (
	"regexp"
	"slices"
	"strings"
)

// areaTooFine: an area level the profile refuses or wants looked at.
func areaTooFine() Rule {
	return Rule{
		ID: "area-too-fine", Effective: "2026-11-22",
		Clause:  "profile geography; OpenSAFELY permitted study results policy (ICB, local authority, MSOA, practice)",
		Applies: "area columns and ONS area codes", Needs: "the table",
		Says: "Small areas make few people of many.",
		check: func(v *view) []Finding {
			codes := regexp.MustCompile(`^[EWS](00|01|02|06|07|08|09|54)\d{6}$`)
			practice := regexp.MustCompile(`^[A-HJ-NP-Y]\d{5}$`)
			var out []Finding
			for c, col := range v.cols {
				level, at := "", 0
				for _, h := range col.path {
					level = areaHeading(h)
				}
				hits := 0
				for r, row := range v.t.rows {
					s := row.cells[c].raw
					found := ""
					if m := codes.FindStringSubmatch(s); m != nil {
						found = map[string]string{"00": "output-area", "01": "lsoa", "02": "msoa", "54": "icb"}[m[1]]
						if found == "" {
							found = "local-authority"
						}
					} else if practice.MatchString(s) {
						found = "practice"
					}
					if found != "" && (level == "" || level == found) {
						if hits == 0 {
							at = r
						}
						hits++
						if found != "practice" || level != "" || hits*2 > len(v.t.rows) {
							level = found
						}
					}
				}
				if level == "" || (hits == 0 && !col.label) || len(v.t.rows) == 0 {
					continue
				}
				var sev Severity
				switch {
				case slices.Contains(v.p.Geography.Deny, level):
					sev = SevFail
				case slices.Contains(v.p.Geography.Review, level):
					sev = SevReview
				default:
					continue
				}
				out = append(out, v.finding(sev, v.bare(at, c), at, c, "the table is by an area level that the profile does not let pass",
					"use a larger area", "column", col.name(), "level", level))
			}
			return out
		},
	}
}

func areaHeading(h string) string {
	ws := words(h)
	joined := strings.Join(ws, "")
	switch {
	case anyWord(ws, "lsoa"):
		return "lsoa"
	case anyWord(ws, "msoa"):
		return "msoa"
	case anyWord(ws, "postcode"):
		return "postcode"
	case anyWord(ws, "practice", "surgery") && anyWord(ws, "code", "id", "name", "gp"), joined == "practice":
		return "practice"
	case joined == "oa" || joined == "outputarea" || strings.HasPrefix(joined, "oa11") || strings.HasPrefix(joined, "oa21"):
		return "output-area"
	case anyWord(ws, "icb", "stp", "ccg"):
		return "icb"
	case strings.Contains(joined, "localauthority") || anyWord(ws, "ltla", "utla", "lad"):
		return "local-authority"
	}
	return ""
}
