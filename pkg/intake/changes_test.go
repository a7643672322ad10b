package intake

import (
	"strings"
	"testing"
)

// TestChangedValuesAreKept: what cleansing changed stands with its row, field
// and rule in the zone of its field, is counted in the report, and is in no
// report or listing itself.
func TestChangedValuesAreKept(t *testing.T) {
	sink, r := takeIn(t, contract(t, visitsContract), named{"v.csv", "visits", visitsHeader +
		"v1,p1,999 000 0018,Smith,1980-02-03,F,2024-01-02,,a,71.5,n7,N\n" + // the number's form
		"v2,p2,,UNKNOWN,1900-01-01,M,2024-01-02,,CANARYkind,71.5,n7,N\n" + // a code nobody knows is blanked; placeholders go
		"v3,p3,,Jones,1980-02-03,F,CANARYday,,CANARYquarantined,71.5,n7,N\n" + // waits as a whole: nothing was changed
		"v4,p4,,Jones,1980-02-03,F,2024-01-02,,CANARYdeleted,71.5,n7,D\n" + // withdrawn
		"v5,p5,,Jones,1980-02-03,F,2024-01-02,,see 999-000-0018,71.5,n7,N\n"}) // a person's number in a field of facts
	all := everything(t, sink)
	got := map[string]bool{}
	for _, zone := range []string{"payload", "identifiers"} {
		for _, x := range sink.table(t, zone+"/"+ChangesName) {
			got[strings.Join([]string{zone, x["row"], x["field"], x["rule"], x["raw"], x["clean"]}, "|")] = true
			if x["file"] != "v.csv" || x["table"] != "visits" {
				t.Errorf("%v", x)
			}
		}
	}
	for _, want := range []string{"identifiers|1|nhs_number|form|999 000 0018|9990000018", "payload|2|kind|code|CANARYkind|", "identifiers|2|family_name|name-placeholder|UNKNOWN|",
		"identifiers|2|date_of_birth|birth-placeholder|1900-01-01|", "identifiers|5|kind|code|see 999-000-0018|"} {
		if !got[want] {
			t.Errorf("not kept: %s", want)
		}
	}
	if len(got) != 5 {
		t.Errorf("%d values are kept", len(got))
	}
	if t.Failed() {
		t.Log(got)
	}
	for name, text := range all {
		if strings.Contains(text, "CANARY") && name != "payload/"+ChangesName || strings.Contains(text, "CANARYquarantined") || strings.Contains(text, "CANARYdeleted") || strings.Contains(text, "CANARYday") {
			t.Errorf("%s holds a raw value", name)
		}
		if strings.Contains(text, "999") && strings.Contains(text, "0018") && !strings.HasPrefix(name, "identifiers/") {
			t.Errorf("%s holds a person's number", name)
		}
	}
	changed := map[string]int64{}
	for _, f := range r.Tables[0].Fields {
		changed[f.Field] = f.Changed
	}
	if changed["kind"] != 2 || changed["nhs_number"] != 1 || changed["family_name"] != 1 || changed["weight"] != 0 {
		t.Errorf("counted %v", changed)
	}
	for _, f := range r.Tables[0].Fields {
		by := int64(0)
		for _, c := range f.Changes {
			by += c.Changed
			if want := map[string]ChangeReport{"kind": {"code", 2, 2}, "nhs_number": {"form", 1, 0}}[f.Field]; want.Rule != "" && *c != want {
				t.Errorf("%s is counted %+v, want %+v", f.Field, *c, want)
			}
		}
		if by != f.Changed {
			t.Errorf("of %d changed values of %s %d are counted by rule", f.Changed, f.Field, by)
		}
	}
	report, err := r.JSON()
	if err != nil || strings.Contains(string(report), "CANARY") || strings.Contains(string(report), "Smith") {
		t.Errorf("the report holds a value (%v)", err)
	}
}

// Attack: the raw values of a person who may not pass are kept beside.
func TestChangedValuesOfPeopleLeftOut(t *testing.T) {
	text := strings.Replace(peopleAndStays, "delivers:", "code_lists:\n  ward: {version: \"1\", codes: {W2: ward}}\ndelivers:", 1)
	text = strings.Replace(text, "{name: ward, type: string, to: payload}", "{name: ward, type: code, codes: ward, on_fail: blank, to: payload}", 1)
	sink, _ := takeIn(t, contract(t, text),
		named{"s.csv", "stays", "stay_id,patient_id,family_name,ward\ns1,p1,Canary,CANARY-WARD\ns2,p2,Miller,W9\n"},
		named{"p.csv", "people", "patient_id,flag,nhs_number\np1,S,999 000 0018\np2,,999 000 0026\n"})
	for name, x := range everything(t, sink) {
		if strings.Contains(strings.ToUpper(x), "CANARY") || strings.Contains(x, "0018") {
			t.Errorf("%s holds something of the person left out", name)
		}
	}
	if rows := sink.table(t, "payload/"+ChangesName); len(rows) != 1 || rows[0]["raw"] != "W9" {
		t.Errorf("of the other: %v", rows)
	}
}
