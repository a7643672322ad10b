package model

import (
	"fmt"
	"math"
	"slices"
)

// Part is one keyed encoding of a role: what of the canonical value goes under
// the key.
type Part struct {
	Role Role
	Name string // column of the encoded file
	Of   string // "whole", "sound", "start", "year_month", "year_day", "month_day", "year" or "outcode"
}

// Parts are the encodings that an organisation makes which won't send names:
// each is compared for equality and nothing else.
func Parts() []Part {
	var out []Part
	for _, r := range []Role{Given, Family} {
		out = append(out, Part{r, string(r) + "_key", "whole"}, Part{r, string(r) + "_sound_key", "sound"}, Part{r, string(r) + "_start_key", "start"})
	}
	out = append(out, Part{Birth, "date_of_birth_key", "whole"})
	for _, of := range []string{"year_month", "year_day", "month_day", "year"} {
		out = append(out, Part{Birth, "date_of_birth_" + of + "_key", of})
	}
	out = append(out, Part{Postcode, "postcode_key", "whole"}, Part{Postcode, "outcode_key", "outcode"})
	for _, r := range []Role{Middle, Sex, NHSNumber, IDNumber, Email, Phone, Street} {
		out = append(out, Part{r, string(r) + "_key", "whole"})
	}
	return out
}

// IsEncoded reports whether a column is one of Parts.
func IsEncoded(column string) bool {
	return slices.ContainsFunc(Parts(), func(p Part) bool { return p.Name == column })
}

// Encoded is the model for keyed encodings, of the columns that there are. It
// compares for equality only, so it finds fewer spellings than Default.
func Encoded(have func(column string) bool) *Model {
	m := &Model{Name: "encoded", Mode: Dedupe, Prior: math.NaN(), MaxBlock: 400, Complete: true, Raw: true, Rival: 3}
	has := func(cs ...string) bool {
		for _, c := range cs {
			if !have(c) {
				return false
			}
		}
		return true
	}
	comparison := func(name string, cols ...string) {
		if !has(cols[0]) {
			return
		}
		levels := []Level{{IsNull: true, Condition: fmt.Sprintf(`"%[1]s_l" IS NULL OR "%[1]s_r" IS NULL`, cols[0])}, tf(fmt.Sprintf(`"%[1]s_l" = "%[1]s_r"`, cols[0]), cols[0])}
		for _, c := range cols[1:] {
			if has(c) {
				levels = append(levels, on(fmt.Sprintf(`"%[1]s_l" = "%[1]s_r"`, c)))
			}
		}
		m.Comparisons = append(m.Comparisons, Comparison{Name: name, Levels: finish(levels)})
	}
	comparison("given_name", "given_name_key", "given_name_sound_key", "given_name_start_key")
	comparison("family_name", "family_name_key", "family_name_sound_key", "family_name_start_key")
	comparison("middle_name", "middle_name_key")
	comparison("date_of_birth", "date_of_birth_key", "date_of_birth_year_month_key", "date_of_birth_year_day_key", "date_of_birth_month_day_key", "date_of_birth_year_key")
	comparison("sex", "sex_key")
	comparison("postcode", "postcode_key", "outcode_key")
	for _, r := range []Role{NHSNumber, IDNumber, Email, Phone, Street} {
		comparison(string(r), string(r)+"_key")
	}
	rule := func(name string, cols ...string) {
		if !has(cols...) {
			return
		}
		keys := make([]string, len(cols))
		for i, c := range cols {
			keys[i] = "%s." + c
		}
		var ref []string
		for _, c := range []string{"date_of_birth_year_key", "outcode_key"} {
			if has(c) && !slices.Contains(cols, c) {
				ref = append(ref, "%s."+c)
			}
		}
		m.Rules = append(m.Rules, Rule{Name: name, When: both(keys...), Refine: refine(ref...), PerRow: 8, Total: 2_000_000})
	}
	for _, r := range []Role{NHSNumber, IDNumber, Email, Phone} {
		rule(string(r), string(r)+"_key")
	}
	rule("date of birth and sound of the family name", "date_of_birth_key", "family_name_sound_key")
	rule("date of birth and sound of the given name", "date_of_birth_key", "given_name_sound_key")
	rule("date of birth and postcode", "date_of_birth_key", "postcode_key")
	rule("sound of both names and year of birth", "given_name_sound_key", "family_name_sound_key", "date_of_birth_year_key")
	rule("start of both names and month of birth", "given_name_start_key", "family_name_start_key", "date_of_birth_year_month_key")
	rule("postcode and sound of the given name", "postcode_key", "given_name_sound_key")
	rule("postcode and sound of the family name", "postcode_key", "family_name_sound_key")
	rule("date of birth, where it is rare", "date_of_birth_key")
	rule("street and sound of the given name", "address_1_key", "given_name_sound_key")
	if has("nhs_number_key") {
		m.Unique = append(m.Unique, "nhs_number_key")
		if has("date_of_birth_key") {
			m.Tiers = append(m.Tiers, Rule{Name: TierExact, When: both("%s.nhs_number_key", "%s.date_of_birth_key")})
			m.Labels = TierExact
		}
	}
	return m
}
