package linkage

import (
	"context"
	"slices"
	"testing"

	"github.com/ark-tre/ark/pkg/linkage/engine"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// TestRulesOfWhoIsWho plays the tiers and what keeps people apart, each on a
// small town of its own: which records must be one person, which must not, and
// by which tier.
func TestRulesOfWhoIsWho(t *testing.T) {
	base := row{source: "gp", given: "margaret", family: "oduya", dob: "1961-07-19", sex: "F", postcode: "SK9 9ZZ"}
	with := func(key string, change func(*row)) row {
		r := base
		r.key, r.who = key, -1
		if change != nil {
			change(&r)
		}
		return r
	}
	nhs := nhsNumber(900001)
	holder := func(key, source, number string) row { // of somebody else
		return row{key: key, source: source, who: -1, given: "ivor", family: "plunkett", dob: "1933-02-03", sex: "M", postcode: "M1 1AA", nhs: number}
	}
	for name, c := range map[string]struct {
		rows       []row
		same       [][2]string
		apart      [][2]string
		tier       map[string]string
		superseded map[string]string
		doubted    int
	}{
		"a number and a date of birth are enough": {
			rows: []row{with("A", func(r *row) { r.nhs = nhs }), with("B", func(r *row) { r.nhs, r.given, r.family, r.postcode = nhs, "peggy", "stone", "M1 1AA" })},
			same: [][2]string{{"A", "B"}}, tier: map[string]string{"B": model.TierExact}},
		"a number and two parts of the date and a name": {
			rows: []row{with("A", func(r *row) { r.nhs = nhs }), with("B", func(r *row) { r.nhs, r.dob, r.postcode = nhs, "1961-07-29", "" })},
			same: [][2]string{{"A", "B"}}, tier: map[string]string{"B": model.TierPartial}},
		"a number alone is not enough": {
			rows: []row{with("A", func(r *row) { r.nhs = nhs }), with("B", func(r *row) {
				r.nhs, r.given, r.family, r.dob, r.sex, r.postcode = nhs, "ivor", "plunkett", "1933-02-03", "M", "M1 1AA"
			})},
			apart: [][2]string{{"A", "B"}}},
		"a superseded number is followed": {
			rows: []row{with("A", func(r *row) { r.nhs = nhs }), with("B", func(r *row) { r.nhs, r.given, r.family, r.postcode = nhsNumber(900002), "peggy", "stone", "M1 1AA" })},
			same: [][2]string{{"A", "B"}}, tier: map[string]string{"B": model.TierExact}, superseded: map[string]string{nhsNumber(900002): nhsNumber(900003), nhsNumber(900003): nhs}},
		"two valid numbers are two people": {
			rows:  []row{with("A", func(r *row) { r.nhs = nhs }), with("B", func(r *row) { r.nhs = nhsNumber(900004) })},
			apart: [][2]string{{"A", "B"}}},
		"somebody else's number keeps nobody from their own records": {
			rows: []row{with("A", func(r *row) { r.nhs = nhsNumber(900004) }), with("X", func(r *row) { r.source, r.nhs = "hospital", nhs }), holder("H1", "gp", nhs),
				func() row { r := holder("H2", "hospital", nhs); r.given = "ivo"; return r }()},
			same: [][2]string{{"A", "X"}, {"H1", "H2"}}, apart: [][2]string{{"X", "H1"}, {"A", "H2"}}, doubted: 1},
		"where two have a number, and nobody can say whose it is, it is neither's": {
			rows: []row{with("A", func(r *row) { r.nhs = nhsNumber(900004) }), with("X", func(r *row) { r.source, r.nhs = "hospital", nhs }), holder("H1", "gp", nhs), holder("H2", "hospital", "")},
			same: [][2]string{{"A", "X"}, {"H1", "H2"}}, apart: [][2]string{{"X", "H1"}}, doubted: 2},
		"swapped numbers do not make two people one": {
			rows: []row{with("A", func(r *row) { r.nhs = nhsNumber(900004) }), with("X", func(r *row) { r.source, r.nhs = "hospital", nhs }), holder("H1", "gp", nhs), holder("Y", "hospital", nhsNumber(900004))},
			same: [][2]string{{"A", "X"}, {"H1", "Y"}}, apart: [][2]string{{"A", "H1"}, {"A", "Y"}, {"X", "H1"}}, doubted: 4},
		"a number of one record alone is believed": { // twins of names that are alike
			rows:  []row{with("A", func(r *row) { r.given, r.dob, r.nhs = "margaret", "2019-05-05", nhs }), with("B", func(r *row) { r.given, r.dob, r.nhs = "margareta", "2019-05-05", nhsNumber(900004) })},
			apart: [][2]string{{"A", "B"}}},
		"a number that is right is believed, whatever changed": {
			rows: []row{with("A", func(r *row) { r.nhs = nhs }), with("B", func(r *row) {
				r.source, r.nhs, r.given, r.family, r.postcode = "hospital", nhs, "peggy", "stone", "M1 1AA"
			}), with("C", func(r *row) { r.source, r.nhs = "council", nhsNumber(900004) })},
			same: [][2]string{{"A", "B"}}, apart: [][2]string{{"A", "C"}}},
		"a number that fails its check digit says nothing": {
			rows: []row{with("A", func(r *row) { r.nhs = nhs }), with("B", func(r *row) { r.nhs = "1234567890" })},
			same: [][2]string{{"A", "B"}}},
		"twins": {
			rows:  []row{with("A", nil), with("B", func(r *row) { r.given = "zacharias" }), with("C", func(r *row) { r.source, r.given = "hospital", "zacharias" })},
			same:  [][2]string{{"B", "C"}},
			apart: [][2]string{{"A", "B"}, {"A", "C"}}},
		"newborn twins without names": {
			rows:  []row{with("A", func(r *row) { r.given, r.dob = "Twin 1", "2024-05-05" }), with("B", func(r *row) { r.given, r.dob = "Twin II", "2024-05-05" })},
			apart: [][2]string{{"A", "B"}}},
		"a nameless newborn fits two named twins": {
			rows: []row{with("A", func(r *row) { r.given, r.dob, r.nhs = "zacharias", "2024-05-05", nhsNumber(900005) }), with("B", func(r *row) { r.given, r.dob, r.nhs = "ruth", "2024-05-05", nhsNumber(900006) }),
				with("C", func(r *row) { r.source, r.given, r.dob = "hospital", "Baby", "2024-05-05" })},
			apart: [][2]string{{"A", "B"}, {"A", "C"}, {"B", "C"}}},
		"junk names link nobody": {
			rows: []row{with("A", func(r *row) { r.given, r.family, r.postcode, r.sex = "Unknown", "Unknown", "ZZ99 3VZ", "" }), with("B", func(r *row) {
				r.given, r.family, r.postcode, r.sex, r.source = "Unknown", "Unknown", "ZZ99 3VZ", "", "hospital"
			}),
				with("C", func(r *row) { r.given, r.family, r.dob = "Test", "Patient", "1900-01-01" }), with("D", func(r *row) { r.given, r.family, r.dob, r.source = "Test", "Patient", "1900-01-01", "hospital" })},
			apart: [][2]string{{"A", "B"}, {"C", "D"}}},
		"father and son of one name": {
			rows:  []row{with("A", nil), with("B", func(r *row) { r.dob = "1935-01-30" })},
			apart: [][2]string{{"A", "B"}}},
	} {
		t.Run(name, func(t *testing.T) {
			rows := append(town(400), c.rows...)
			b, rep := build(t, IndexInput{Identifiers: []File{identifiers(t, "d1", rows)}, Superseded: c.superseded})
			if name != "a number alone is not enough" && rep.Quality.NotBelieved != c.doubted {
				t.Errorf("%d numbers are not believed, want %d", rep.Quality.NotBelieved, c.doubted)
			}
			ids, err := readIndex(context.Background(), b.previous())
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range c.same {
				if ids[q[0]] != ids[q[1]] {
					t.Errorf("%s and %s are two people", q[0], q[1])
				}
			}
			for _, q := range c.apart {
				if ids[q[0]] == ids[q[1]] {
					t.Errorf("%s and %s are one person", q[0], q[1])
				}
			}
			f, err := readAll(context.Background(), []File{*b.previous()}, 1)
			if err != nil {
				t.Fatal(err)
			}
			for i := range f.N {
				k, _ := f.Col("person_record_key").Value(i)
				if want, ok := c.tier[k]; ok {
					if got, _ := f.Col("tier").Value(i); got != want {
						t.Errorf("%s came by %q, want %q", k, got, want)
					}
				}
			}
		})
	}
}

// TestRivalMargin: with a margin a record that fits two people who can't be one
// goes to neither; without, to the better.
func TestRivalMargin(t *testing.T) {
	rows := town(400)
	twin := func(key, source, given, nhs, dob string) row {
		return row{key: key, source: source, given: given, family: "oduya", dob: dob, sex: "F", postcode: "SK9 9ZZ", nhs: nhs}
	}
	rows = append(rows, twin("A", "gp", "joan", nhsNumber(900005), "1999-05-05"), twin("B", "gp", "jane", nhsNumber(900006), "1999-05-05"), twin("C", "hospital", "jan", "", "1999-05-05"))
	f := identifiers(t, "d1", rows)
	joined := map[float64]int{}
	for _, margin := range []float64{0, 12} {
		raw, err := readAll(context.Background(), []File{f}, 1)
		if err != nil {
			t.Fatal(err)
		}
		keys := raw.Col("record_key")
		at := map[string]int{}
		for i, id := range keys.IDs {
			at[keys.Dict.At(id)] = i
		}
		fr, m, err := Infer(raw, model.Dedupe)
		if err != nil {
			t.Fatal(err)
		}
		m.Rival = margin
		r, err := Run(context.Background(), fr, m, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Clusters[at["A"]] == r.Clusters[at["B"]] {
			t.Error("two valid numbers are one person")
		}
		if c := r.Clusters[at["C"]]; c == r.Clusters[at["A"]] || c == r.Clusters[at["B"]] {
			joined[margin]++
		}
		said := slices.ContainsFunc(r.Refused, func(x engine.Refusal) bool { return x.Reason == "somebody else fits almost as well" })
		if said != (margin > 0) {
			t.Errorf("margin %g: said so %v", margin, said)
		}
	}
	if joined[0] != 1 || joined[12] != 0 {
		t.Errorf("joined %v", joined)
	}
}
