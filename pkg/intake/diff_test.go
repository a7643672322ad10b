package intake

import (
	"fmt"
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	old := contract(t, visitsContract)
	for name, c := range map[string]struct {
		change   [2]string
		version  string
		breaking bool
		says     string
		refused  bool
	}{
		"nothing":            {version: "1.0.0"},
		"column gone":        {[2]string{"{name: left_on, type: date, to: payload, optional: true}", "{name: left_on, type: date, to: none, optional: true}"}, "2.0.0", true, "left_on the column is gone", false},
		"gone, minor only":   {[2]string{"{name: left_on, type: date, to: payload, optional: true}", "{name: left_on, type: date, to: none, optional: true}"}, "1.1.0", true, "left_on the column is gone", true},
		"retyped":            {[2]string{"{name: score, type: integer,", "{name: score, type: number,"}, "2.0.0", true, "score the column is of the type number, was of the type integer", false},
		"new column":         {[2]string{"{name: note_id, type: string, to: none}", "{name: note_id, type: string, to: none}\n      - {name: extra, type: date, to: payload, optional: true}"}, "1.1.0", false, "extra the column is new", false},
		"new, same version":  {[2]string{"{name: note_id, type: string, to: none}", "{name: note_id, type: string, to: none}\n      - {name: extra, type: date, to: payload, optional: true}"}, "1.0.0", false, "extra the column is new", true},
		"code gone":          {[2]string{"codes: {a: first, b: again}", "codes: {a: first}"}, "2.0.0", true, `kind the code "b" is gone`, false},
		"code new":           {[2]string{"codes: {a: first, b: again}", "codes: {a: first, b: again, c: third}"}, "1.0.1", false, `kind the code "c" is new`, false},
		"code becomes other": {[2]string{"codes: {a: first, b: again}}", "codes: {a: first, b: again}, becomes: {a: x}}"}, "2.0.0", true, `kind the code "a" becomes another`, false},
		"code means another": {[2]string{"codes: {a: first, b: again}", "codes: {a: second, b: again}"}, "1.1.0", true, `kind the code "a" means "second", meant "first"`, true},
		"words set anew":     {[2]string{"codes: {a: first, b: again}", "codes: {a: First., b: again}"}, "1.0.1", false, "", false},
		"same version":       {[2]string{"codes: {a: first, b: again}", "codes: {a: First., b: again}"}, "1.0.0", false, "", true},
		"another list":       {[2]string{"contract: ", "contract: other-"}, "1.1.0", true, "the contract is other-", true},
		"key":                {[2]string{"key: [note_id]", "key: [note_id, patient_id]"}, "2.0.0", true, "the key is", false},
		"range":              {[2]string{`max: "10"`, `max: "12"`}, "1.1.0", false, "other values", false},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(visitsContract, "version: 1.0.0", "version: "+c.version, 1)
			if c.change[0] != "" {
				text = strings.Replace(text, c.change[0], c.change[1], 1)
			}
			got, err := Diff(old, contract(t, text))
			if (err != nil) != c.refused {
				t.Errorf("error %v", err)
			}
			all, breaking := "", false
			for _, d := range got {
				all += fmt.Sprintln(d.Table, d.Column, d.What)
				breaking = breaking || d.Breaking
			}
			if breaking != c.breaking || !strings.Contains(all, c.says) || c.says == "" && all != "" {
				t.Errorf("breaking %v:\n%s", breaking, all)
			}
		})
	}
}

// TestListMajor: of which code lists' versions the change is a break by itself.
func TestListMajor(t *testing.T) {
	for was, now := range map[string]string{"LOINC 2.77, tests": "LOINC 2.78", "heart@1": "heart@2", "SNOMED CT UK 2024-04": "SNOMED CT UK 2024-10", "Ark 1": "Ark 2"} {
		if listMajor(was) != listMajor(now) {
			t.Errorf("from %s to %s is a break", was, now)
		}
	}
	for was, now := range map[string]string{"LOINC 2.77": "LOINC 3.0", "heart@1": "lung@1", "1.4": "2.0"} {
		if listMajor(was) == listMajor(now) {
			t.Errorf("from %s to %s is no break", was, now)
		}
	}
}

func TestScorecard(t *testing.T) {
	report := func(rows, missing, failed, bad int64) *Report {
		return &Report{Tables: []*TableReport{{Table: "t", Rows: rows, Quarantined: bad,
			Fields: []*FieldReport{{Field: "f", Filled: rows - missing, Missing: missing, Rules: []*RuleReport{{Rule: "code", Failed: failed}}}}}}}
	}
	past := []*Report{report(1000, 50, 5, 6), report(1040, 55, 4, 5), report(980, 47, 6, 7), report(1010, 52, 5, 6)}
	for name, c := range map[string]struct {
		now  *Report
		want []string
	}{
		"as usual":     {report(1020, 54, 6, 7), nil},
		"half of it":   {report(400, 20, 2, 2), []string{"rows"}},
		"field lost":   {report(1000, 900, 1, 6), []string{"missing"}},
		"codes broken": {report(1000, 50, 300, 6), []string{"code"}},
		"many bad":     {report(1000, 50, 5, 90), []string{"quarantined"}},
	} {
		var got []string
		for _, d := range Scorecard(past, c.now) {
			got = append(got, d.What)
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if got := Scorecard(past[:2], report(1, 0, 0, 0)); got != nil {
		t.Errorf("two deliveries are a past: %v", got)
	}
}
