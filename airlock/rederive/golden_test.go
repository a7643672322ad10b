package rederive_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/disclosure"
)

// bands is microdata of men and women by age band, of whom some are ill.
func bands() string {
	var b strings.Builder
	b.WriteString("person,band,sex,ill\n")
	n := 0
	for _, g := range []struct {
		band, sex   string
		ill, others int
	}{{"a", "m", 27, 44}, {"a", "f", 2, 1}, {"b", "m", 16, 31}, {"b", "f", 19, 33}, {"c", "m", 22, 27}, {"c", "f", 24, 38}} {
		for i := range g.ill + g.others {
			ill := "yes"
			if i >= g.ill {
				ill = "no"
			}
			fmt.Fprintf(&b, "p%d,%s,%s,%s\n", n, g.band, g.sex, ill)
			n++
		}
	}
	return b.String()
}

// TestGoldenDifferences re-makes with numbers of its own what OpenSAFELY's
// documentation shows under "Primary vs secondary disclosure"
// (opensafely/documentation docs/outputs/sdc.md at 1ea5fd4): a table of
// everybody beside one of the men alone has no small number, and subtracts to
// a few women; rounded to 5 both may leave.
func TestGoldenDifferences(t *testing.T) {
	everybody := "band,count\na,29\nb,35\nc,46\n"
	for _, c := range []struct {
		name, first, second, table string
		profile                    string
		verdict                    disclosure.Verdict
		rule                       string
	}{
		{"the men beside everybody", everybody, "ill = 'yes' AND sex = 'm'", "band,count\na,27\nb,16\nc,22\n", "cms", disclosure.Fail, "release-difference"},
		{"the men, rounded, beside everybody, rounded", "band,count\na,30\nb,35\nc,45\n", "ill = 'yes' AND sex = 'm'", "band,count\na,25\nb,15\nc,20\n", "opensafely", disclosure.Pass, ""},
		{"everybody again", everybody, "ill = 'yes'", everybody, "cms", disclosure.Pass, ""},
		{"the bands that differ by many", everybody, "ill = 'yes' AND sex = 'm' AND band <> 'a'", "band,count\nb,16\nc,22\n", "cms", disclosure.Pass, ""},
	} {
		x := newPast(t, profile(t, c.profile))
		spec := func(filter string) string {
			return `{"kind":"crosstab","rows":["band"],"filter":"` + filter + `"}`
		}
		x.keep(modelOutput(t, bands(), spec("ill = 'yes'"), c.first))
		v, fs := x.check(modelOutput(t, bands(), spec(c.second), c.table))
		if v != c.verdict || c.rule != "" && !slices.Contains(ruleIDs(fs), c.rule) {
			t.Errorf("%s: %s %v, want %s %s", c.name, v, ruleIDs(fs), c.verdict, c.rule)
		}
	}
}
