package intake

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/columnar"
)

// The sandbox's patients go in; the one flagged sensitive leaves nothing but
// its keys, and what is no patient is quarantined.
func TestSensitiveRecordsAreLeftOut(t *testing.T) {
	text, err := os.ReadFile("testdata/pds.yaml")
	if err != nil {
		t.Fatal(err)
	}
	raw := string(unzipped(t, "testdata/pds.ndjson.gz"))
	sink := &memory{}
	j := job(t, contract(t, string(text)), sink, named{"pds.ndjson", "people", raw})
	j.Manifest.Files[0].Rows = 17
	r, err := Process(context.Background(), j)
	if err != nil {
		t.Fatal(err)
	}
	got := r.Tables[0]
	t.Logf("%d rows, %d accepted, %d left out, %d quarantined", got.Rows, got.Accepted, got.LeftOut, got.Quarantined)
	if got.Rows != 17 || got.LeftOut != 1 || got.Quarantined != 2 || got.Accepted != 15 {
		t.Errorf("%+v", *got)
	}
	gone := recordKey("person", "9000000025")
	for _, w := range sink.table(t, "identifiers/identifiers.parquet") {
		if w["record_key"] == gone && (w["nhs_number"] != "" || w["family_name"] != "" || w["flags"] != "deleted") {
			t.Error("the sensitive record's identity passed")
		}
		if w["nhs_number"] == "9000000025" {
			t.Error("the sensitive record's number passed")
		}
	}
	for _, w := range sink.table(t, "index/demographics.parquet") {
		if w["record_key"] == gone {
			t.Error("the sensitive record's demographics passed")
		}
	}
	n := 0
	for _, err := range Current(context.Background(), []*columnar.Reader{sink.reader(t, "payload/people.parquet")}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 14 {
		t.Errorf("%d people are current, want 14", n)
	}
}

// A record that becomes restricted in a later delivery takes the earlier one
// with it.
func TestLeavingOutWithdrawsWhatWasThere(t *testing.T) {
	text := strings.Replace(visitsContract, "define:", "leave_out:\n      - {id: restricted, says: the law restricts it, when: \"nurse_id LIKE 'Z31%'\"}\n    define:", 1)
	c := contract(t, text)
	row := func(nurse string) string {
		return visitsHeader + "v1,p1,9990000018,Smith,1980-02-03,F,2024-01-02,,a,71.5," + nurse + ",N\n"
	}
	first, _ := takeIn(t, c, named{"v.csv", "visits", row("n7")})
	second, r := takeIn(t, c, named{"v.csv", "visits", row("Z31.2")})
	if r.Tables[0].LeftOut != 1 {
		t.Errorf("%+v", *r.Tables[0])
	}
	for _, err := range Current(context.Background(), []*columnar.Reader{first.reader(t, "payload/visits.parquet"), second.reader(t, "payload/visits.parquet")}) {
		t.Errorf("a row is current (%v)", err)
	}
	for name, text := range everything(t, second) {
		if strings.Contains(text, "71.5") || strings.Contains(text, "2024-01-02") {
			t.Errorf("%s holds the restricted fact", name)
		}
	}
	bad := strings.Replace(text, "nurse_id LIKE 'Z31%'", "kind = 'a'", 1)
	if _, err := ParseContract([]byte(bad)); err == nil || !strings.Contains(err.Error(), "quarantined") {
		t.Errorf("a leave_out on a field that is blanked where it is wrong: %v", err)
	}
}

const peopleAndStays = `
contract: stays
version: 1.0.0
title: People and their stays
declared: synthetic
format: {kind: csv}
delivers: changes
tables:
  - name: stays
    key: [stay_id]
    person: [patient_id]
    fields:
      - {name: stay_id, type: string, to: none}
      - {name: patient_id, type: string, to: none}
      - {name: family_name, type: string, to: identifier, role: family_name}
      - {name: ward, type: string, to: payload}
  - name: people
    key: [patient_id]
    person: [patient_id]
    fields:
      - {name: patient_id, type: string, to: none}
      - {name: flag, type: string, to: none}
      - {name: nhs_number, type: string, to: identifier, role: nhs_number}
    leave_out:
      - {id: sensitive, says: flagged sensitive, when: "flag = 'S'"}
`

// Of a person whose own record is left out nothing passes, from no table of the
// delivery and whatever the order of its files; and the withdrawal is read back
// by the publisher, who holds it against every other delivery.
func TestALeftOutPersonTakesEveryRowAlong(t *testing.T) {
	c := contract(t, peopleAndStays)
	sink, r := takeIn(t, c,
		named{"s.csv", "stays", "stay_id,patient_id,family_name,ward\ns1,p1,Canary,CANARY-WARD\ns2,p2,Miller,W2\n"},
		named{"p.csv", "people", "patient_id,flag,nhs_number\np1,S,9990000018\np2,,9990000026\n"})
	for name, text := range everything(t, sink) {
		if strings.Contains(strings.ToUpper(text), "CANARY") || strings.Contains(text, "9990000018") {
			t.Errorf("%s holds something of the person left out", name)
		}
	}
	if r.Tables[0].LeftOut != 1 || r.Tables[1].LeftOut != 1 {
		t.Errorf("left out: %d stays, %d people", r.Tables[0].LeftOut, r.Tables[1].LeftOut)
	}
	n := 0
	for row, err := range Current(context.Background(), []*columnar.Reader{sink.reader(t, "payload/stays.parquet")}, "ward") {
		if err != nil || row[0].Str() != "W2" {
			t.Errorf("current: %v %v", row, err)
		}
		n++
	}
	var gone []string
	for row, err := range Withdrawn(context.Background(), []*columnar.Reader{sink.reader(t, "payload/people.parquet")}, "person_record_key") {
		if err != nil {
			t.Fatal(err)
		}
		gone = append(gone, row[0].Str())
	}
	if n != 1 || len(gone) != 1 || gone[0] != recordKey("person", "p1") {
		t.Errorf("%d stays are current, gone: %v", n, gone)
	}
}
