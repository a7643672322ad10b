package rederive_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/rederive"
)

// lot is so many people of the same values; the microdata of a golden case.
type lot struct {
	n      int
	values string // of the columns after person
}

// people writes microdata; from is the number of its first person, so that two
// versions can share people.
func people(columns string, from int, lots ...lot) string {
	var b strings.Builder
	b.WriteString("person," + columns + "\n")
	for _, l := range lots {
		for range l.n {
			fmt.Fprintf(&b, "p%d,%s\n", from, l.values)
			from++
		}
	}
	return b.String()
}

// TestGoldenCases re-makes with numbers of their own what the Handbook on
// Statistical Disclosure Control (sdctools.github.io/HandbookSDC) and
// OpenSAFELY's documentation (opensafely/documentation docs/outputs/sdc.md at
// 1ea5fd4) show of several tables together, with what ACRO 1.0.1 lets through
// and the table that is made again on the next version. Each new table passes
// alone.
func TestGoldenCases(t *testing.T) {
	exact, rounded := style{decimals: 1}, style{round: nearest, suppress: true}
	of5 := people("age,sex,job,bmi", 0, lot{60, "a15-19,F,full,21.0"}, lot{1, "b20-24,F,full,24.0"}, lot{70, "b20-24,M,full,25.0"}, lot{55, "c25-29,F,part,26.0"}, lot{80, "c25-29,M,full,27.0"})
	banded := func(csv string, cut map[string]string) string { // adds a recoded band
		lines := strings.Split(strings.TrimSpace(csv), "\n")
		for i := range lines {
			if i == 0 {
				lines[i] += ",band"
			} else {
				lines[i] += "," + cut[strings.Split(lines[i], ",")[1]]
			}
		}
		return strings.Join(lines, "\n") + "\n"
	}
	women := strings.ReplaceAll(of5, "b20-24,M", "c25-29,M") // the band 20-24 is one woman
	at20 := banded(women, map[string]string{"a15-19": "under 20", "b20-24": "20 and over", "c25-29": "20 and over"})
	at25 := banded(women, map[string]string{"a15-19": "under 25", "b20-24": "under 25", "c25-29": "25 and over"})
	heart := people("band,sex,heart", 0,
		lot{11, "21-30,M,yes"}, lot{1, "21-30,F,yes"}, lot{14, "31-40,M,yes"}, lot{16, "31-40,F,yes"}, lot{21, "41-50,M,yes"}, lot{13, "41-50,F,yes"}, lot{35, "21-30,M,no"}, lot{40, "31-40,F,no"}, lot{52, "41-50,M,no"})
	next := func(csv string, join ...lot) string {
		more := people("", 9000, join...)
		return csv + more[strings.Index(more, "\n")+1:]
	}
	tab := func(csv, filter string, st style, by ...string) rederive.Output {
		return output(t, csv, crosstab(by, nil, filter), st)
	}
	valued := func(csv, filter, agg string, by ...string) rederive.Output {
		return output(t, csv, of(crosstab(by, nil, filter), "bmi", agg), exact)
	}
	for _, c := range []struct {
		name, source, profile string
		past                  []rederive.Output
		new                   rederive.Output
		want                  disclosure.Verdict
		rule                  string
	}{
		{"ages cut at 20, later at 25", "Handbook 5.2, disclosure by differencing of recoded categories; ADV-33", "cms",
			[]rederive.Output{tab(at20, "", exact, "band")}, tab(at25, "", exact, "band"), disclosure.Fail, "release-difference"},
		{"the same, both rounded to 5", "Handbook 5.5, rounding against differencing", "opensafely",
			[]rederive.Output{tab(at20, "", rounded, "band")}, tab(at25, "", rounded, "band"), disclosure.Pass, ""},
		{"three linked tables", "Handbook 5.2, linked tables; ADV-35", "cms",
			[]rederive.Output{tab(of5, "", exact, "sex"), tab(of5, "job = 'part'", exact, "job"), tab(of5, "age = 'a15-19'", exact, "age")}, tab(of5, "sex = 'M'", exact, "sex"), disclosure.Pass, ""},
		{"three linked tables that leave one woman", "Handbook 5.2, linked tables; ADV-35", "cms",
			[]rederive.Output{tab(of5, "job = 'part'", exact, "job"), tab(of5, "age = 'a15-19'", exact, "age")}, tab(of5, "sex = 'F'", exact, "sex"), disclosure.Fail, "release-difference"},
		{"totals over survivors beside the plain margin", "ACRO 1.0.1, suppression with totals of what is left; ADV-37", "cms",
			[]rederive.Output{tab(heart, "heart = 'yes' AND NOT (band = '21-30' AND sex = 'F')", exact, "heart")}, tab(heart, "heart = 'yes'", exact, "heart"), disclosure.Fail, "release-difference"},
		{"means of 25 and 26 people", "Handbook 4.2, magnitudes by their sums; ADV-39", "cms",
			[]rederive.Output{valued(people("sex,bmi", 0, lot{25, "F,52.0"}), "", "mean", "sex")}, valued(people("sex,bmi", 0, lot{25, "F,52.0"}, lot{1, "F,78.0"}), "", "mean", "sex"), disclosure.Fail, "release-difference"},
		{"nested cohorts that differ by forty", "disclosure.md ADV-43: no false alarm", "cms",
			[]rederive.Output{tab(of5, "", exact, "job")}, tab(of5, "NOT age = 'a15-19'", exact, "job"), disclosure.Pass, ""},
		{"everybody, then the men: one woman of 21 to 30", "OpenSAFELY, primary vs secondary disclosure", "cms",
			[]rederive.Output{tab(heart, "heart = 'yes'", exact, "band")}, tab(heart, "heart = 'yes' AND sex = 'M'", exact, "band"), disclosure.Fail, "release-difference"},
		{"everybody, then the men, redacted and rounded to 5", "OpenSAFELY, rounding counts", "opensafely",
			[]rederive.Output{tab(heart, "heart = 'yes'", rounded, "band")}, tab(heart, "heart = 'yes' AND sex = 'M'", rounded, "band"), disclosure.Pass, ""},
		{"the men rounded, everybody left exact before", "OpenSAFELY, round all results to the same base", "opensafely",
			[]rederive.Output{tab(heart, "heart = 'yes'", exact, "band")}, tab(heart, "heart = 'yes' AND sex = 'M'", rounded, "band"), disclosure.Fail, "release-difference"},
		{"another active project's cohort, one rule apart", "OpenSAFELY, results combined with other projects'", "cms",
			[]rederive.Output{tab(heart, "NOT (band = '21-30' AND sex = 'F' AND heart = 'yes')", exact, "sex")}, tab(heart, "", exact, "sex"), disclosure.Fail, "release-difference"},
		{"same table, next version, exact, two joined", "design: exact counts on two versions", "cms",
			[]rederive.Output{tab(heart, "", exact, "band")}, tab(next(heart, lot{2, "31-40,F,yes"}), "", exact, "band"), disclosure.Fail, "release-difference"},
		{"same table, next version, exact, thirty joined in each band", "design: a difference of at least the threshold", "cms",
			[]rederive.Output{tab(heart, "", exact, "band")}, tab(next(heart, lot{30, "21-30,F,yes"}, lot{30, "31-40,F,yes"}, lot{30, "41-50,M,no"}), "", exact, "band"), disclosure.Pass, ""},
		{"same table, next version, rounded, two joined", "design: rounded intervals", "opensafely",
			[]rederive.Output{tab(heart, "", rounded, "band")}, tab(next(heart, lot{2, "31-40,F,yes"}), "", rounded, "band"), disclosure.Pass, ""},
		{"same table, next version, nobody came or went", "design: the same people tell nothing new", "cms",
			[]rederive.Output{tab(heart, "", exact, "band")}, tab(heart, "", exact, "band"), disclosure.Pass, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := profile(t, c.profile)
			if v, fs := newPast(t, p).check(c.new); v != disclosure.Pass {
				t.Fatalf("alone: %s %v\n%s", v, ruleIDs(fs), c.new.Data)
			}
			x := newPast(t, p)
			for _, o := range c.past {
				x.keep(o)
			}
			v, fs := x.check(c.new)
			if v != c.want || c.rule != "" && !slices.Contains(ruleIDs(fs), c.rule) {
				t.Errorf("%s %v, want %s %s (%s)\n%s", v, ruleIDs(fs), c.want, c.rule, c.source, c.new.Data)
			}
		})
	}
}
