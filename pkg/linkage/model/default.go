package model

import (
	"fmt"
	"math"
	"strings"
)

// Derived columns of the default model, made from canonical ones.
const (
	FullName = "full_name"
	Outcode  = "outcode"
)

// Default is the model for person data over canonical columns: the same
// comparisons, levels and rules for every data set, of which those apply whose
// columns there are. M, U and the prior are estimated from the data.
func Default(have func(Role) bool) *Model {
	m := &Model{Name: "person", Mode: Dedupe, Prior: math.NaN(), MaxBlock: 400, Complete: true, Rival: 3}
	has := func(rs ...Role) bool {
		for _, r := range rs {
			if !have(r) {
				return false
			}
		}
		return true
	}
	m.Comparisons = defaultComparisons(has)
	m.Rules = defaultRules(has)
	if has(BirthOrder) { // "Twin 1" and "Twin 2" are two, whatever else they share
		m.Cannot = append(m.Cannot, Rule{Name: "children of one birth: another place in the order of birth", When: "l.birth_order <> r.birth_order"})
	}
	if has(NHSNumber) {
		defaultTiers(m, has)
	}
	return m
}

func defaultComparisons(has func(...Role) bool) []Comparison {
	var out []Comparison
	add := func(r Role, levels ...Level) {
		if has(r) {
			out = append(out, Comparison{Name: string(r), Levels: Ladder(string(r), levels...)})
		}
	}
	const jw = `jaro_winkler_similarity("%[1]s_l", "%[1]s_r") >= `
	const edit = `damerau_levenshtein("%[1]s_l", "%[1]s_r") <= 1`
	const same = `"%[1]s_l" = "%[1]s_r"`
	if has(Given, Family) {
		out = append(out, nameComparison())
	} else {
		add(Given, tf(same, string(Given)), on(jw+"0.92"), on(jw+"0.8"))
		add(Family, tf(same, string(Family)), on(jw+"0.92"), on(jw+"0.8"))
	}
	add(Middle, tf(same, string(Middle)), on(`SUBSTRING("%[1]s_l", 1, 1) = SUBSTRING("%[1]s_r", 1, 1)`))
	part := func(from, n int) string {
		return fmt.Sprintf(`SUBSTRING("%%[1]s_l", %d, %d) = SUBSTRING("%%[1]s_r", %d, %d)`, from, n, from, n)
	}
	swapped := part(1, 4) + ` AND SUBSTRING("%[1]s_l", 6, 2) = SUBSTRING("%[1]s_r", 9, 2) AND SUBSTRING("%[1]s_l", 9, 2) = SUBSTRING("%[1]s_r", 6, 2)`
	add(Birth, on(same), on("("+edit+") OR ("+swapped+")"),
		on("("+part(1, 7)+") OR ("+part(1, 4)+" AND "+part(9, 2)+") OR ("+part(6, 5)+")"), on(part(1, 4)))
	add(Sex, on(same))
	joint := has(Postcode) && (has(Phone) || has(Street))
	if joint {
		out = append(out, homeComparison(has))
	} else {
		add(Postcode, tf(same, string(Postcode)), on(edit), on(outcode("%[1]s_l")+" = "+outcode("%[1]s_r")))
	}
	add(NHSNumber, on(same), on(edit))
	add(IDNumber, on(same), on(edit))
	add(Email, tf(same, string(Email)), on(jw+"0.92"))
	if !joint {
		add(Phone, tf(same, string(Phone)), on(edit))
	}
	add(HouseNo, tf(same, string(HouseNo)), on(edit))
	if !joint {
		add(Street, tf(same, string(Street)), on(jw+"0.9"))
	}
	add(Street2, tf(same, string(Street2)), on(jw+"0.9"))
	add(Place, tf(same, string(Place)), on(jw+"0.9"))
	add(Region, tf(same, string(Region)))
	add(Occupation, tf(same, string(Occupation)))
	return out
}

// nameComparison compares given and family name together, for people who
// change one change the other too seldom for the two to be taken as
// independent evidence.
func nameComparison() Comparison {
	const both = `jaro_winkler_similarity("given_name_l", "given_name_r") >= %[1]s AND jaro_winkler_similarity("family_name_l", "family_name_r") >= %[1]s`
	near := func(s string) Level { return Level{Condition: fmt.Sprintf(both, s)} }
	levels := []Level{
		{Condition: `"full_name_l" = "full_name_r"`, TFColumn: FullName, TFWeight: 1},
		{Condition: `"given_name_l" = "family_name_r" AND "family_name_l" = "given_name_r"`},
		near("0.92"), near("0.8"),
		{Condition: `"family_name_l" = "family_name_r"`, TFColumn: string(Family), TFWeight: 1},
		{Condition: `"given_name_l" = "given_name_r"`, TFColumn: string(Given), TFWeight: 1},
		{Condition: `jaro_winkler_similarity("family_name_l", "family_name_r") >= 0.88`},
	}
	null := Level{IsNull: true, M: math.NaN(), U: math.NaN(),
		Condition: `("given_name_l" IS NULL OR "given_name_r" IS NULL) AND ("family_name_l" IS NULL OR "family_name_r" IS NULL)`}
	return Comparison{Name: "name", Levels: finish(append([]Level{null}, levels...))}
}

// homeComparison compares postcode, street and telephone together: people of
// one household share all three, so as three comparisons they would speak for
// one person three times.
func homeComparison(has func(...Role) bool) Comparison {
	const code = `"postcode_l" = "postcode_r"`
	null := `("postcode_l" IS NULL OR "postcode_r" IS NULL)`
	near := `damerau_levenshtein("postcode_l", "postcode_r") <= 1`
	var with []string
	street, phone := `"address_1_l" = "address_1_r"`, `"phone_l" = "phone_r"`
	levels := []Level{{}, {Condition: code, TFColumn: string(Postcode), TFWeight: 1}}
	if has(Phone) {
		with = append(with, phone)
		null += ` AND ("phone_l" IS NULL OR "phone_r" IS NULL)`
		near += ` OR damerau_levenshtein("phone_l", "phone_r") <= 1`
		levels = append(levels, on(phone))
	}
	if has(Street) {
		with = append(with, street)
		null += ` AND ("address_1_l" IS NULL OR "address_1_r" IS NULL)`
		levels = append(levels, tf(street, string(Street)))
	}
	levels[0] = on(code + " AND (" + strings.Join(with, " OR ") + ")")
	levels = append(levels, on(near))
	if has(Street) {
		levels = append(levels, on(`jaro_winkler_similarity("address_1_l", "address_1_r") >= 0.9`))
	}
	levels = append(levels, on(outcode("postcode_l")+" = "+outcode("postcode_r")))
	return Comparison{Name: "home", Levels: finish(append([]Level{{IsNull: true, Condition: null}}, levels...))}
}

// outcode is the outward part of a UK postcode in the given column.
func outcode(column string) string {
	return fmt.Sprintf(`NULLIF(regexp_extract("%s", '^[A-Z]{1,2}[0-9][A-Z0-9]?', 0), '')`, column)
}

func on(condition string) Level { return Level{Condition: condition} }
func tf(condition, column string) Level {
	return Level{Condition: condition, TFColumn: column, TFWeight: 1}
}

// Ladder makes the levels of a comparison of one column: null, the given
// levels with the column's name for %[1]s, and ELSE.
func Ladder(column string, levels ...Level) []Level {
	out := []Level{{Condition: fmt.Sprintf(`"%[1]s_l" IS NULL OR "%[1]s_r" IS NULL`, column), IsNull: true}}
	for _, l := range levels {
		l.Condition = strings.ReplaceAll(l.Condition, "%[1]s", column)
		out = append(out, l)
	}
	return finish(out)
}

// finish adds ELSE and marks every probability as open.
func finish(levels []Level) []Level {
	levels = append(levels, Level{Condition: "ELSE"})
	for i := range levels {
		levels[i].M, levels[i].U = math.NaN(), math.NaN()
		if levels[i].TFWeight > 0 {
			levels[i].TFFloor = 1e-6
		}
	}
	return levels
}

// both writes conditions that equate an expression of either record; %s
// stands for the record.
func both(exprs ...string) string {
	out := make([]string, len(exprs))
	for i, e := range exprs {
		out[i] = strings.ReplaceAll(e, "%s", "l") + " = " + strings.ReplaceAll(e, "%s", "r")
	}
	return strings.Join(out, " AND ")
}

// refine makes refinement expressions of key parts.
func refine(exprs ...string) []string {
	out := make([]string, len(exprs))
	for i, e := range exprs {
		out[i] = strings.ReplaceAll(e, "%s", "l")
	}
	return out
}

// Parts of blocking keys.
const (
	kGiven   = "%s.given_name"
	kFamily  = "%s.family_name"
	kBirth   = "%s.date_of_birth"
	kYear    = "SUBSTRING(%s.date_of_birth, 1, 4)"
	kMonth   = "SUBSTRING(%s.date_of_birth, 6, 5)"
	kCode    = "%s.postcode"
	kArea    = "SUBSTRING(%s.postcode, 1, 3)"
	kSex     = "%s.sex"
	kGiven1  = "SUBSTRING(%s.given_name, 1, 1)"
	kGiven3  = "SUBSTRING(%s.given_name, 1, 3)"
	kFamily4 = "SUBSTRING(%s.family_name, 1, 4)"
	kFamily2 = "SUBSTRING(%s.family_name, 1, 2)"
	kGiven2  = "SUBSTRING(%s.given_name, 1, 2)"
	kLeast   = "LEAST(%s.given_name, %s.family_name)"
	kMost    = "GREATEST(%s.given_name, %s.family_name)"
)

func defaultRules(has func(...Role) bool) []Rule {
	var out []Rule
	add := func(name string, ref []string, keys ...string) {
		out = append(out, Rule{Name: name, When: both(keys...), Refine: ref, PerRow: perRow(ref), Total: 1_000_000})
	}
	home := func(name string, keys ...string) { // brings households together
		out = append(out, Rule{Name: name, When: both(keys...), Refine: refine(split(has)...), PerRow: 2, Total: 1_000_000, Blind: true})
	}
	if has(Phone) {
		home("phone", "%s.phone")
	}
	for _, r := range []Role{NHSNumber, IDNumber, Email} {
		if has(r) {
			add(string(r), refine(split(has)...), "%s."+string(r))
		}
	}
	if has(Family, Birth) {
		add("family name and date of birth", nil, kFamily, kBirth)
	}
	if has(Given, Birth) {
		add("given name and date of birth", nil, kGiven, kBirth)
	}
	if has(Postcode, Birth) {
		add("postcode and date of birth", nil, kCode, kBirth)
		ref := []string{}
		if has(Given) {
			ref = refine(kGiven1)
		}
		out = append(out, Rule{Name: "postcode district and date of birth", When: both(kArea, kBirth), Refine: ref, PerRow: 2, Total: 1_000_000})
	}
	if has(Given, Postcode) {
		add("given name and postcode", refine(split(has)...), kGiven, kCode)
	}
	if has(Family, Postcode) {
		home("family name and postcode", kFamily, kCode)
	}
	if has(Given, Family) {
		add("start of both names", refine(split(has)...), kGiven3, kFamily4)
		if has(Birth) {
			add("names in either order and year of birth", nil, kLeast, kMost, kYear)
			add("initials and year of birth", refine(kMonth), kGiven2, kFamily2, kYear)
			add("initials and day of birth", refine(kYear), kGiven1, kFamily2, kMonth)
		}
	}
	if has(Given, Street) {
		add("given name and street", refine(split(has)...), kGiven, "%s.address_1")
	}
	if has(Family, Street) {
		home("family name and street", kFamily, "%s.address_1")
	}
	if has(Street, HouseNo) {
		home("house number and street", "%s.address_1", "%s.street_number")
	}
	if has(Postcode, HouseNo) {
		home("house number and postcode", kCode, "%s.street_number")
	}
	if has(Birth, Place) {
		add("date of birth and place", nil, kBirth, "%s.place")
	}
	if has(Given, Place) {
		add("given name and place", refine(split(has)...), kGiven, "%s.place")
	}
	if has(Family, Place) {
		home("family name and place", kFamily, "%s.place")
	}
	wide := func(name string, keys ...string) {
		out = append(out, Rule{Name: name, When: both(keys...), Refine: refine(split(has)...), PerRow: 8, Total: 400_000, Rare: true, Blind: true})
	}
	if has(Family) {
		wide("family name, where it is rare", kFamily)
	}
	if has(Given) {
		wide("given name, where it is rare", kGiven)
	}
	if has(Birth) {
		wide("date of birth, where it is rare", kBirth)
	}
	if has(Postcode) {
		wide("postcode, where it is rare", kCode)
	}
	return out
}

// perRow bounds rules whose blocks can be refined.
func perRow(ref []string) float64 {
	if len(ref) == 0 {
		return 0
	}
	return 3
}

// split lists what divides an oversized block, in order.
func split(has func(...Role) bool) []string {
	var out []string
	if has(Birth) {
		out = append(out, kYear)
	}
	if has(Postcode) {
		out = append(out, kArea)
	}
	if has(Given) {
		out = append(out, kGiven2)
	}
	if has(Family) {
		out = append(out, kFamily2)
	}
	return out
}

// Names of the deterministic tiers, after the steps of the NHS's Master
// Person Service.
const (
	TierExact   = "nhs_number+date_of_birth"
	TierPartial = "nhs_number+partial"
	TierRecord  = "same_record"
	TierTuple   = "identical"
	TierLedger  = "earlier_index"
)

// defaultTiers adds deterministic links for people with an NHS number, and
// what keeps two people apart.
func defaultTiers(m *Model, has func(...Role) bool) {
	m.Unique = append(m.Unique, string(NHSNumber))
	if has(Birth) {
		m.Tiers = append(m.Tiers, Rule{Name: TierExact, When: both("%s.nhs_number", kBirth)})
		m.Labels = TierExact
		var alike []string
		if has(Given) {
			alike = append(alike, `jaro_winkler_similarity(l.given_name, r.given_name) >= 0.88`)
		}
		if has(Family) {
			alike = append(alike, `jaro_winkler_similarity(l.family_name, r.family_name) >= 0.88`)
		}
		if has(Postcode) {
			alike = append(alike, both(kCode))
		}
		if len(alike) > 0 {
			parts := []string{"(" + both(kYear, "SUBSTRING(%s.date_of_birth, 6, 2)") + ")",
				"(" + both(kYear, "SUBSTRING(%s.date_of_birth, 9, 2)") + ")", "(" + both(kMonth) + ")"}
			m.Tiers = append(m.Tiers, Rule{Name: TierPartial, When: both("%s.nhs_number") +
				" AND (" + strings.Join(parts, " OR ") + ") AND (" + strings.Join(alike, " OR ") + ")"})
		}
	}
	if has(Given, Family, Birth) && has(Postcode) {
		m.Cannot = append(m.Cannot, Rule{Name: "twins: same family name, date of birth and postcode, different given names",
			When: both(kFamily, kBirth, kCode) + ` AND jaro_winkler_similarity(l.given_name, r.given_name) < 0.65`})
	}
}
