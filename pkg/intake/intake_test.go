package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/pseudonym"
)

const visitsContract = `
contract: visits
version: 1.0.0
title: Visits
declared: synthetic
format: {kind: csv, missing: ["NULL"]}
delivers: changes
code_lists:
  sex: {version: "1", codes: {M: male, F: female}}
  kind: {version: "1", codes: {a: first, b: again}}
tables:
  - name: visits
    key: [visit_id]
    person: [patient_id]
    change: {field: change, deleted: [D]}
    fields:
      - {name: visit_id, type: string, to: none}
      - {name: patient_id, type: string, to: none}
      - {name: nhs_number, type: string, to: identifier, role: nhs_number}
      - {name: family_name, header: Surname, type: string, to: identifier, role: family_name}
      - {name: date_of_birth, type: birth-date, to: identifier, role: date_of_birth}
      - {name: sex, type: code, to: identifier, role: sex, codes: sex}
      - {name: seen_on, type: date, to: payload, required: true, min: "2000-01-01", max: today}
      - {name: left_on, type: date, to: payload, optional: true}
      - {name: kind, type: code, to: payload, codes: kind, on_fail: blank}
      - {name: weight, type: number, to: payload, min: "1", max: "400"}
      - {name: nurse_id, type: string, to: entity, entity: nurse}
      - {name: change, type: string, to: none, max_length: 1}
    coarse:
      - {column: year_of_birth, from: date_of_birth, take: year}
      - {column: sex, from: sex}
    define:
      - {name: ended, is: "left_on IS NOT NULL"}
    rules:
      - {id: left-after-seen, says: the visit ended before it began, require: "NOT @ended OR left_on >= seen_on"}
  - name: notes
    key: [note_id]
    person: [patient_id]
    fields:
      - {name: note_id, type: string, to: none}
      - {name: patient_id, type: string, to: none}
      - {name: score, type: integer, to: payload, min: "0", max: "10", on_fail: flag}
`

const visitsHeader = "visit_id,patient_id,nhs_number,Surname,date_of_birth,sex,seen_on,left_on,kind,weight,nurse_id,change\n"

var received = time.Date(2024, 6, 1, 9, 0, 0, 0, time.UTC)

// memory is a Sink in memory.
type memory struct{ files map[string]*bytes.Buffer }

type closer struct{ *bytes.Buffer }

func (closer) Close() error { return nil }

func (m *memory) Create(zone Zone, name string) (io.WriteCloser, error) {
	if m.files == nil {
		m.files = map[string]*bytes.Buffer{}
	}
	b := &bytes.Buffer{}
	m.files[string(zone)+"/"+name] = b
	return closer{b}, nil
}

func (m *memory) reader(t testing.TB, name string) *columnar.Reader {
	t.Helper()
	b, ok := m.files[name]
	if !ok {
		t.Fatalf("no output %s; there are %v", name, slices.Sorted(maps.Keys(m.files)))
	}
	r, err := columnar.Open(bytes.NewReader(b.Bytes()), int64(b.Len()), columnar.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// table reads a Parquet output as text, by column.
func (m *memory) table(t testing.TB, name string) []map[string]string {
	t.Helper()
	r := m.reader(t, name)
	var out []map[string]string
	for row, err := range r.Rows(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		one := map[string]string{}
		for i, v := range row {
			one[r.Schema()[i].Name] = v.Text()
		}
		out = append(out, one)
	}
	return out
}

func contract(t testing.TB, text string) *Contract {
	t.Helper()
	c, err := ParseContract([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var testKey = bytes.Repeat([]byte{9}, pseudonym.KeyLen)

// named is one file of a test delivery.
type named struct{ name, table, text string }

func job(t testing.TB, c *Contract, sink Sink, files ...named) Job {
	t.Helper()
	m := &Manifest{Source: "s-1", Delivery: "d1"}
	j := Job{Contract: c, Source: "s-1", Delivery: "d1", Received: received, Manifest: m, Key: testKey, Sink: sink, Scratch: t.TempDir(), Demonstration: true}
	for _, f := range files {
		sum := sha256.Sum256([]byte(f.text))
		rows := int64(max(0, strings.Count(strings.TrimRight(f.text, "\n"), "\n")))
		if c.Format.Kind != "csv" {
			rows++
		}
		m.Files = append(m.Files, ManifestFile{Name: f.name, Table: f.table, Rows: rows, SHA256: hex.EncodeToString(sum[:])})
		j.Files = append(j.Files, Input{Name: f.name, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(f.text)), nil }})
	}
	return j
}

func takeIn(t testing.TB, c *Contract, files ...named) (*memory, *Report) {
	t.Helper()
	sink := &memory{}
	r, err := Process(context.Background(), job(t, c, sink, files...))
	if err != nil {
		t.Fatal(err)
	}
	return sink, r
}

func recordKey(table, key string) string {
	h, _ := pseudonym.New(testKey)
	k := h.RecordKey("s-1", table, []byte(key))
	return string(k[:])
}

func TestPartsIdentifiersFromPayload(t *testing.T) {
	sink, r := takeIn(t, contract(t, visitsContract), named{"visits.csv", "visits", visitsHeader +
		"v1,p1,999 000 0018,Smith,1980-02-03,F,2024-01-02,2024-01-03,a,71.5,n7,N\n" +
		"v2,p1,9990000018,Smith,1980-02-03,F,2024-02-02,NULL,b,72,n7,N\n"})
	want := []map[string]string{
		{"record_key": recordKey("visits", "v1"), "person_record_key": recordKey("person", "p1"), "nurse_key": recordKey("nurse", "n7"),
			"seen_on": "2024-01-02", "left_on": "2024-01-03", "kind": "a", "weight": "71.5", "deleted": "false"},
		{"record_key": recordKey("visits", "v2"), "person_record_key": recordKey("person", "p1"), "nurse_key": recordKey("nurse", "n7"),
			"seen_on": "2024-02-02", "left_on": "", "kind": "b", "weight": "72", "deleted": "false"},
	}
	slices.SortFunc(want, func(a, b map[string]string) int { return strings.Compare(a["record_key"], b["record_key"]) })
	if d := cmp.Diff(want, sink.table(t, "payload/visits.parquet")); d != "" {
		t.Error(d)
	}
	who := sink.table(t, "identifiers/identifiers.parquet")
	if len(who) != 1 || who[0]["record_key"] != recordKey("person", "p1") || who[0]["nhs_number"] != "9990000018" || who[0]["family_name"] != "Smith" || who[0]["source"] != "s-1" {
		t.Errorf("identity: %v", who)
	}
	coarse := sink.table(t, "index/demographics.parquet")
	if d := cmp.Diff([]map[string]string{{"record_key": recordKey("person", "p1"), "year_of_birth": "1980", "sex": "F", "lsoa": "", "imd_decile": "", "ethnicity": ""}}, coarse); d != "" {
		t.Error(d)
	}
	if r.Tables[0].Accepted != 2 || r.Quarantined() != 0 {
		t.Errorf("report: %+v", r.Tables[0])
	}
}

func TestQuarantineSaysWhereAndWhyNeverWhat(t *testing.T) {
	good := "v%,p1,9990000018,Smith,1980-02-03,F,2024-01-02,,a,71.5,n7,N\n"
	text := visitsHeader
	for i := range 40 {
		text += strings.Replace(good, "%", string(rune('A'+i)), 1)
	}
	text += "SECRETv1,p1,9990000018,SECRETsmith,1980-02-03,F,SECRETday,,a,71.5,n7,N\n" + // type
		"SECRETv2,p1,9990000018,Smith,1980-02-03,F,2024-07-02,,a,71.5,n7,N\n" + // after the delivery's day
		"SECRETv3,p1,9990000018,Smith,1980-02-03,F,2024-05-02,2024-05-01,a,71.5,n7,N\n" + // rule
		"SECRETv4,p1,9990000018,Smith,1980-02-03,F,2024-01-02,,SECRETkind,9999,n7,N\n" + // kind blanked, weight over
		",p1,9990000018,Smith,1980-02-03,F,2024-01-02,,a,71.5,n7,N\n" + // no key
		"SECRETv6,p1,9990000018,Smith\n" // columns
	sink, r := takeIn(t, contract(t, visitsContract), named{"visits.csv", "visits", text})
	want := `{"file":"visits.csv","row":41,"field":"seen_on","rule":"type","kind":"conformance","reason":"the value is not a date"}
{"file":"visits.csv","row":42,"field":"seen_on","rule":"max","kind":"plausibility","reason":"the value is higher than the contract allows"}
{"file":"visits.csv","row":43,"rule":"left-after-seen","kind":"plausibility","reason":"the visit ended before it began"}
{"file":"visits.csv","row":44,"field":"weight","rule":"max","kind":"plausibility","reason":"the value is higher than the contract allows"}
{"file":"visits.csv","row":45,"field":"visit_id","rule":"required","kind":"completeness","reason":"the field is empty and must not be"}
{"file":"visits.csv","row":46,"rule":"columns","kind":"conformance","reason":"the row has more or fewer columns than the header"}
`
	if d := cmp.Diff(want, sink.files["landing/quarantine.ndjson"].String()); d != "" {
		t.Error(d)
	}
	for name, b := range sink.files {
		if strings.HasPrefix(name, "landing/") || strings.HasSuffix(name, "quality.json") {
			if bytes.Contains(b.Bytes(), []byte("SECRET")) {
				t.Errorf("%s holds a value", name)
			}
		}
	}
	if r.Tables[0].Accepted != 40 || r.Tables[0].Quarantined != 6 {
		t.Errorf("report: %+v", r.Tables[0])
	}
}

func TestDuplicatesAndConflicts(t *testing.T) {
	row := "n1,p1,5\n"
	text := "note_id,patient_id,score\n" + row + row + "n2,p1,4\nn2,p1,5\nn3,p2,11\n"
	sink, r := takeIn(t, contract(t, visitsContract), named{"n.csv", "notes", text})
	got := r.Tables[0]
	if got.Duplicates != 1 || got.Quarantined != 1 || got.Accepted != 3 {
		t.Errorf("report: %+v", got)
	}
	if !strings.Contains(sink.files["landing/quarantine.ndjson"].String(), `"row":4,"field":"note_id","rule":"key"`) {
		t.Error("the second row of one key is not the one that waits")
	}
	if f := got.Fields[2]; len(f.Rules) != 1 || f.Rules[0].Failed != 1 || f.Rules[0].Action != Flag {
		t.Error("a flagged value is not counted")
	}
	for _, row := range sink.table(t, "payload/notes.parquet") {
		if row["record_key"] == recordKey("notes", "n2") && row["score"] != "4" {
			t.Error("the later row won")
		}
	}
}

// Wrong identifiers are what linkage is for: rows with them pass, flagged.
func TestWrongIdentifiersAreFlagged(t *testing.T) {
	text := visitsHeader +
		"v1,p1,9990000019,Smith,1980-02-30,X,2024-01-02,,a,71.5,n7,N\n" +
		"v2,p2,,Unknown,1900-01-01,F,2024-01-02,,a,71.5,n7,N\n" +
		"v3,p3,9999999999,Smith,1980,F,2024-01-02,,a,71.5,n7,N\n" +
		"v4,p4,9990000018,Smith,2031-01-01,F,2024-01-02,,a,71.5,n7,N\n"
	sink, r := takeIn(t, contract(t, visitsContract), named{"v.csv", "visits", text})
	flags := map[string]string{}
	for _, row := range sink.table(t, "identifiers/identifiers.parquet") {
		flags[row["record_key"]] = row["flags"]
	}
	want := map[string]string{
		recordKey("person", "p1"): "nhs-number-invalid birth-invalid sex-invalid",
		recordKey("person", "p2"): "nhs-number-missing name-placeholder birth-placeholder",
		recordKey("person", "p3"): "nhs-number-invalid birth-partial",
		recordKey("person", "p4"): "birth-implausible",
	}
	if d := cmp.Diff(want, flags); d != "" {
		t.Error(d)
	}
	if r.Tables[0].Accepted != 4 {
		t.Error("a wrong identifier held a row back")
	}
	years := map[string]string{}
	for _, row := range sink.table(t, "index/demographics.parquet") {
		years[row["record_key"]] = row["year_of_birth"]
	}
	if years[recordKey("person", "p1")] != "" || years[recordKey("person", "p2")] != "" || years[recordKey("person", "p3")] != "1980" || years[recordKey("person", "p4")] != "" {
		t.Errorf("years of birth: %v", years)
	}
}

// The same rows give the same bytes whatever their order, however they are
// split into files, and whether or not the sort had to spill.
func TestOutputsDependOnRowsAlone(t *testing.T) {
	var rows []string
	for i := range 500 {
		id := string(rune('a'+i%26)) + strings.Repeat("x", i/26)
		rows = append(rows, "v"+id+",p"+id+",9990000018,Smith,1980-02-03,F,2024-01-02,,a,71.5,n7,N\n")
	}
	c := contract(t, visitsContract)
	first, _ := takeIn(t, c, named{"a.csv", "visits", visitsHeader + strings.Join(rows, "")})
	slices.Reverse(rows)
	second := &memory{}
	j := job(t, c, second, named{"a.csv", "visits", visitsHeader + strings.Join(rows[:200], "")}, named{"b.csv", "visits", visitsHeader + strings.Join(rows[200:], "")})
	j.Limits.Sort = 4 << 10
	if _, err := Process(context.Background(), j); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"payload/visits.parquet", "identifiers/identifiers.parquet", "index/demographics.parquet"} {
		if !bytes.Equal(first.files[name].Bytes(), second.files[name].Bytes()) {
			t.Errorf("%s: the bytes differ", name)
		}
	}
}

func TestRefusesWhatIsNotForDemonstration(t *testing.T) {
	c := contract(t, strings.Replace(visitsContract, "declared: synthetic", "declared: personal", 1))
	_, err := Process(context.Background(), job(t, c, &memory{}, named{"n.csv", "notes", "note_id,patient_id,score\n"}))
	if !ark.Is(err, ark.Forbidden) {
		t.Errorf("personal data in a demonstration: %v, want Forbidden", err)
	}
	if _, err := Process(context.Background(), Job{}); err == nil {
		t.Error("the zero job is not refused")
	}
}

func where(err error) ark.Where {
	var f *ark.Fault
	if errors.As(err, &f) {
		return f.Where
	}
	return ark.Where{}
}

// dates are read as the calendar has them.
func TestDayNumbers(t *testing.T) {
	for d := time.Date(1799, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() < 2110; d = d.AddDate(0, 0, 13) {
		v, ok := readDate([]byte(d.Format("2006-01-02")), "ymd-")
		if !ok || v != cell.DayOf(d) {
			t.Fatalf("%s is read as %s", d.Format("2006-01-02"), v.Text())
		}
		if v, ok = readDate([]byte(d.Format("02/01/2006")), "dmy/"); !ok || v != cell.DayOf(d) {
			t.Fatalf("%s in British order is read as %s", d.Format("2006-01-02"), v.Text())
		}
	}
	for _, s := range []string{"2023-02-29", "1900-02-29", "2024-00-10", "2024-13-01", "2024-04-31", "2024-4-01", "2024-04-1", "2024/04/01", "20240401", "", "0000-01-01", "2024-04-01x"} {
		if _, ok := readDate([]byte(s), "ymd-"); ok {
			t.Errorf("%q is read as a date", s)
		}
	}
}
