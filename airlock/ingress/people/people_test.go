package people

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/pseudonym"

	"github.com/ark-tre/ark/airlock/disclosure"
)

// code is a pseudonym of a number.
func code(t testing.TB, n int) string {
	t.Helper()
	const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	s := fmt.Sprintf("%016d", n)
	for _, last := range letters {
		if p := s + string(last); pseudonym.IsPseudonym(p) {
			return p
		}
	}
	t.Fatal("no check character fits")
	return ""
}

// extract has 200 people: every one alone with their year, sex and area, but
// for the last hundred, who share theirs in tens.
func extract(t testing.TB) []Table {
	t.Helper()
	var rows [][]cell.Value
	for i := range 200 {
		year, area := int64(1900+i), fmt.Sprint("E0", i)
		if i >= 100 {
			year, area = int64(2000+i/10), "E099"
		}
		rows = append(rows, []cell.Value{cell.Str(code(t, i)), cell.Int(year), cell.Str([]string{"F", "M"}[i%2*(1-i/100)]), cell.Str(area)})
	}
	types := map[string]cell.Type{"person": cell.String, "year_of_birth": cell.Int64, "sex": cell.String, "lsoa": cell.String}
	return []Table{disclosure.NewFrame([]string{"person", "year_of_birth", "sex", "lsoa"}, types, rows)}
}

func look(t testing.TB, name, typ, text string) Found {
	t.Helper()
	own := map[string]bool{}
	for i := range 200 {
		own[code(t, i)] = true
	}
	f, err := Look(Input{Name: name, Type: typ, Data: []byte(text), Own: func(v string) (bool, error) { return own[v], nil }, Extract: func() ([]Table, error) { return extract(t), nil }})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range f.Findings {
		for v := range own {
			if strings.Contains(fmt.Sprint(x), v) {
				t.Errorf("a finding repeats a value: %+v", x)
			}
		}
	}
	return f
}

func lines(head string, n int, row func(i int) string) string {
	out := []string{head}
	for i := range n {
		out = append(out, row(i))
	}
	return strings.Join(out, "\n") + "\n"
}

// TestInbound looks at what attackers and honest users bring.
func TestInbound(t *testing.T) {
	for _, c := range []struct {
		name, file, typ, text string
		fails                 []string
		persons               bool
		matched               string
	}{
		{"a code list", "codes.csv", "text/csv", lines("code,meaning", 40, func(i int) string { return fmt.Sprint("C", i, ",something") }), nil, false, ""},
		{"populations by age, sex and area", "pop.csv", "text/csv", lines("lsoa,age,sex,population", 60, func(i int) string { return fmt.Sprintf("E%d,%d,F,%d", i/20, i%20*5, 900+i) }), nil, false, ""},
		{"persons behind counts of one", "pop.csv", "text/csv", lines("lsoa,age,sex,count", 60, func(i int) string { return fmt.Sprintf("E%d,%d,F,1", i, i) }), nil, true, "fewer than 5 in 100"},
		{"the linkage attack", "voters.csv", "text/csv", lines("note,year_of_birth,gender,lsoa", 100, func(i int) string { return fmt.Sprintf("x%d,%d,%s,E0%d", i, 1900+i, []string{"f", "m"}[i%2], i) }), nil, true, "nearly all"},
		{"the linkage attack as TSV", "voters.tsv", "text/tab-separated-values", lines("yob\tsex\tlsoa", 100, func(i int) string { return fmt.Sprintf("%d\t%s\tE0%d", 1900+i, []string{"F", "M"}[i%2], i) }), nil, true, "nearly all"},
		{"the linkage attack behind made-up counts", "voters.csv", "text/csv", lines("year_of_birth,gender,lsoa,count", 100, func(i int) string { return fmt.Sprintf("%d,%s,E0%d,50", 1900+i, []string{"f", "m"}[i%2], i) }), nil, true, "nearly all"},
		{"people who share their values", "crowd.csv", "text/csv", lines("year_of_birth,sex", 100, func(i int) string { return fmt.Sprintf("%d,F", 2010+i%10) }), nil, false, "fewer than 5 in 100"},
		{"NHS numbers", "n.csv", "text/csv", lines("id,x", 20, func(i int) string { return "943 476 5919,1" }), []string{"inbound-identifier"}, false, ""},
		{"NHS numbers under another name in a few rows", "n.csv", "text/csv", lines("nhs_no,x", 20, func(i int) string { return []string{"9434765919,1", ",1", ",1"}[i%3] }), []string{"inbound-identifier"}, false, ""},
		{"names", "n.csv", "text/csv", "given_name,surname\nA,B\n", []string{"inbound-identifier"}, false, ""},
		{"dates of birth", "n.csv", "text/csv", "date_of_birth,x\n1950-01-02,1\n", []string{"inbound-identifier"}, false, ""},
		{"postcodes", "n.csv", "text/csv", "where,x\nLS1 4AP,1\nLS2 9JT,2\n", []string{"inbound-identifier"}, false, ""},
		{"e-mail addresses", "n.csv", "text/csv", "contact,x\na.b@example.org,1\n", []string{"inbound-identifier"}, false, ""},
		{"pseudonyms of another project", "p.csv", "text/csv", lines("person,score", 5, func(i int) string { return fmt.Sprint(code(t, 5000+i), ",", i) }), []string{"inbound-foreign-pseudonym"}, false, ""},
		{"one foreign among its own", "p.csv", "text/csv", lines("person,score", 50, func(i int) string { return fmt.Sprint(code(t, i+i/49*9000), ",", i) }), []string{"inbound-foreign-pseudonym"}, true, ""},
		{"its own pseudonyms", "p.csv", "text/csv", lines("person,score", 50, func(i int) string { return fmt.Sprint(code(t, i), ",", i) }), nil, true, ""},
		{"pseudonyms hidden in code", "p.py", "text/x-python", "keep = ['" + code(t, 7000) + "', '" + code(t, 7001) + "', '" + code(t, 7002) + "']\n", []string{"inbound-foreign-pseudonym"}, false, ""},
		{"its own hidden in code", "p.py", "text/x-python", "keep = ['" + code(t, 3) + "']\n", nil, true, ""},
		{"plain code", "p.py", "text/x-python", "import pandas as pd\nprint(1)\n", nil, false, ""},
	} {
		f := look(t, c.file, c.typ, c.text)
		var fails []string
		for _, x := range f.Findings {
			if x.Severity == disclosure.SevFail && !slices.Contains(fails, x.Rule) {
				fails = append(fails, x.Rule)
			}
		}
		if !slices.Equal(fails, c.fails) || f.Profile.Persons != c.persons || c.matched != "" && f.Profile.Matched != c.matched {
			t.Errorf("%s: fails %v, profile %+v; want %v, persons %v, matched %q", c.name, fails, f.Profile, c.fails, c.persons, c.matched)
		}
	}
}

func FuzzLook(f *testing.F) {
	f.Add("x.csv", []byte("year_of_birth,sex\n1950,F\n"))
	f.Add("x.tsv", []byte("a\tb\n\"\n"))
	f.Add("x.py", []byte("9434765919"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		got, err := Look(Input{Name: name, Data: data, Type: "text/plain", Own: func(string) (bool, error) { return false, nil }, Extract: func() ([]Table, error) { return nil, nil }})
		if err != nil {
			t.Fatal(err)
		}
		if got.Profile.Rows < 0 {
			t.Error("fewer than no rows")
		}
	})
}
