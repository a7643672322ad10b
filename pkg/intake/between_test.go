package intake

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
)

// TestBetween plants rows that break the four OHDSI checks that need more than
// one row, in the contract of the OMOP model, and counts exactly those; nothing
// is held back for them.
func TestBetween(t *testing.T) {
	text, err := os.ReadFile("../../deploy/demo/contracts/omop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := contract(t, string(text))
	people := "person_id,gender_concept_id,year_of_birth,race_concept_id,ethnicity_concept_id,care_site_id\n"
	for i := range 10 {
		people += fmt.Sprintf("p%d,8507,1950,0,0,c\n", i)
	}
	visits := "visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_end_date,provider_id\n" +
		"v0,p0,9201,2020-01-10,2020-01-12,d\nv1,p1,9201,2020-01-10,,d\nv2,p2,9201,1960-01-10,1960-01-12,d\n"
	procedures := "procedure_occurrence_id,person_id,procedure_concept_id,procedure_date,visit_occurrence_id\n" +
		"1,p0,1,2020-01-03,v0\n" + // a week before: right
		"2,p0,1,2020-01-02,v0\n" + // eight days before
		"3,p0,1,2020-01-19,v0\n" + // a week after: right
		"4,p0,1,2020-01-20,v0\n" + // eight days after
		"5,p1,1,2020-01-18,v1\n" + // eight days after a visit of one day
		"6,p1,1,2020-01-17,v1\n" +
		"7,p2,1,1960-01-03,v2\n" + // before 1970: right
		"8,p2,1,1960-01-02,v2\n" +
		"9,p2,1,2020-01-02,v9\n" + // of a visit that is not there: another check's
		"10,p2,1,2020-01-02,\n" + // of none
		"4,p0,1,2020-01-20,v0\n" // the same row again counts once
	conditions := "condition_occurrence_id,person_id,condition_concept_id,condition_start_date,condition_end_date,visit_occurrence_id\n" +
		"1,p0,5,2020-01-10,,v0\n2,p0,6,2020-01-10,,v0\n3,p1,5,2020-01-10,,v1\n4,p2,5,1960-01-10,,v2\n"
	eras := "condition_era_id,person_id,condition_concept_id,condition_era_start_date,condition_era_end_date\n1,p0,5,2020-01-10,2020-02-10\n2,p7,5,2020-01-10,2020-02-10\n"
	periods := "observation_period_id,person_id,observation_period_start_date,observation_period_end_date\n" +
		"1,p0,2019-01-01,2019-12-31\n2,p0,2020-01-01,2020-12-31\n" + // one after the other
		"3,p1,2019-01-01,2020-06-30\n4,p1,2020-06-30,2020-12-31\n5,p1,2020-07-01,2020-08-01\n" + // a day in both; the person counts once
		"6,p2,2010-01-01,2020-12-31\n7,p2,2011-01-01,2011-02-01\n" + // one inside the other
		"8,p3,2020-01-01,2020-01-01\n"
	r, err := Process(context.Background(), job(t, c, &memory{}, named{"people.csv", "people", people}, named{"v.csv", "visit_occurrence", visits}, named{"p.csv", "procedure_occurrence", procedures},
		named{"c.csv", "condition_occurrence", conditions}, named{"e.csv", "condition_era", eras}, named{"o.csv", "observation_period", periods}))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]*RuleReport{}
	for _, table := range r.Tables {
		if table.Quarantined != 0 {
			t.Errorf("%d rows of %s wait", table.Quarantined, table.Table)
		}
		for _, rule := range table.Rules {
			got[table.Table+" "+rule.Rule] = rule
		}
	}
	for name, want := range map[string][2]int64{ // checked, failed
		"procedure_occurrence procedure-within-visit": {8, 4},
		"condition_occurrence condition-within-visit": {4, 0},
		"people person-has-visit-occurrence":          {10, 7},
		"people person-has-procedure-occurrence":      {10, 7},
		"people person-has-observation-period":        {10, 6},
		"condition_occurrence condition-has-era":      {3, 2},
		"observation_period periods-apart":            {4, 2},
	} {
		if x := got[name]; x == nil || x.Checked != want[0] || x.Failed != want[1] || x.Unjudged || x.Action != Flag {
			t.Errorf("%s: %+v, want %d of %d", name, x, want[1], want[0])
		}
	}
	if x := got["people person-has-measurement"]; x == nil || !x.Unjudged || x.Failed != 0 {
		t.Errorf("against a table that was not delivered: %+v", x)
	}
	for _, table := range r.Tables {
		if table.Table == "observation_period" && table.Scores.Plausibility == 1 {
			t.Error("the table's score does not know of it")
		}
	}
}

// TestBetweenIsChecked: a condition that cannot be asked is refused with the contract.
func TestBetweenIsChecked(t *testing.T) {
	raw, err := os.ReadFile("../../deploy/demo/contracts/omop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	head := string(raw)[:strings.Index(string(raw), "between:")]
	good := "between:\n  - {id: x, says: y, check: within, table: procedure_occurrence, at: procedure_date, of: visit_occurrence, by: visit_occurrence_key, from: visit_start_date, until: visit_end_date}\n"
	if _, err := ParseContract([]byte(head + good)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"no such table":      {"table: procedure_occurrence", "table: nothing"},
		"itself":             {"of: visit_occurrence", "of: procedure_occurrence"},
		"no such column":     {"by: visit_occurrence_key", "by: visit_occurrence_id"},
		"not an entity":      {"by: visit_occurrence_key", "by: procedure_concept_id"},
		"another entity":     {"by: visit_occurrence_key", "by: provider_key"},
		"no day":             {"at: procedure_date", "at: procedure_concept_id"},
		"a day that is kept": {"from: visit_start_date", "from: visit_occurrence_id"},
		"an unknown check":   {"check: within", "check: near"},
		"no reason":          {"says: y, ", ""},
		"too many days":      {"until: visit_end_date", "until: visit_end_date, days: -1"},
		"a condition twice":  {"\n", "\n  - {id: x, says: y, check: apart, table: condition_era, from: condition_era_start_date, until: condition_era_end_date}\n"},
		"a column for apart": {"check: within", "check: apart"},
		"spans of nobody":    {"check: within", "check: accompanied"},
	} {
		if _, err := ParseContract([]byte(head + strings.Replace(good, change[0], change[1], 1))); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
