package intake

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
)

func hl7Job(t testing.TB, c *Contract, sink Sink, raw []byte, messages int64, tables ...string) Job {
	t.Helper()
	j := job(t, c, sink, named{"m.hl7", tables[0], string(raw)})
	for _, table := range tables[1:] {
		m := j.Manifest.Files[0]
		m.Table = table
		j.Manifest.Files = append(j.Manifest.Files, m)
	}
	for i := range j.Manifest.Files {
		j.Manifest.Files[i].Rows = messages
	}
	return j
}

func hospital(t testing.TB) *Contract {
	t.Helper()
	text, err := os.ReadFile("testdata/hospital.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return contract(t, string(text))
}

func unzipped(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The 1,013 messages of Simulated Hospital go in; results are compared with a
// plain reading of the file.
func TestSimulatedHospital(t *testing.T) {
	raw := unzipped(t, "testdata/simhospital.hl7.gz")
	sink := &memory{}
	r, err := Process(context.Background(), hl7Job(t, hospital(t), sink, raw, 1013, "patients", "results", "merges"))
	if err != nil {
		t.Fatal(err)
	}
	want, numeric := map[string]bool{}, 0
	id, kind := "", ""
	for _, line := range strings.FieldsFunc(string(raw), func(c rune) bool { return c == '\r' || c == '\n' }) {
		f := strings.Split(line, "|")
		switch f[0] {
		case "MSH":
			id, kind = f[9], f[8]
		case "OBX":
			if f[2] == "NM" && kind == "ORU^R01" {
				numeric++
				want[recordKey("results", id+"\x1e"+f[1])] = true
			}
		}
	}
	patients, results, merges := r.Tables[0], r.Tables[1], r.Tables[2]
	t.Logf("%d patients, %d results, %d skipped", patients.Accepted, results.Accepted, results.Skipped)
	if patients.Accepted != 1013 || patients.Quarantined != 0 {
		t.Errorf("patients: %d accepted, %d quarantined", patients.Accepted, patients.Quarantined)
	}
	if results.Rows != int64(numeric) || results.Quarantined != 0 || results.Skipped == 0 || merges.Accepted != 1 {
		t.Errorf("results %d of %d, %d skipped, merges %d", results.Rows, numeric, results.Skipped, merges.Accepted)
	}
	rows := sink.table(t, "payload/results.parquet")
	for _, row := range rows {
		if !want[row["record_key"]] {
			t.Fatal("a result that is not in the file")
		}
	}
	if len(rows) != len(want) {
		t.Errorf("%d results, want %d", len(rows), len(want))
	}
	who := sink.table(t, "identifiers/identifiers.parquet")
	good := 0
	for _, w := range who {
		if w["nhs_number"] != "" && w["flags"] == "" {
			good++
		}
	}
	if len(who) == 0 || good*2 < len(who) {
		t.Errorf("%d of %d identities are whole", good, len(who))
	}
	for name, text := range everything(t, sink) { // what NTE segments say
		if strings.Contains(text, "Grapefruit") || !strings.HasPrefix(name, "identifiers/") && strings.Contains(text, "Esterkin") {
			t.Errorf("%s holds a note or a name", name)
		}
	}
}

// The 139 sample files of many versions and senders: what cannot go in is
// quarantined with its reason.
func TestSampleMessages(t *testing.T) {
	raw := unzipped(t, "testdata/samples.hl7.gz")
	const n = 139
	sink := &memory{}
	r, err := Process(context.Background(), hl7Job(t, hospital(t), sink, raw, n, "patients", "results", "merges"))
	var f *ark.Fault
	if errors.As(err, &f) && f.Kind == ark.Conflict {
		t.Fatalf("%v: messages were lost", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range r.Tables {
		t.Logf("%s: %d rows, %d accepted, %d quarantined, %d duplicates, %d skipped", table.Table, table.Rows, table.Accepted, table.Quarantined, table.Duplicates, table.Skipped)
	}
	if p := r.Tables[0]; p.Accepted < 60 || p.Accepted+p.Quarantined+p.Duplicates != p.Rows {
		t.Errorf("patients: %+v", *p)
	}
	rules := map[string]int{}
	for _, line := range strings.Split(strings.TrimSpace(sink.files["landing/quarantine.ndjson"].String()), "\n") {
		var b Bad
		if err := json.Unmarshal([]byte(line), &b); err != nil {
			t.Fatal(err)
		}
		rules[b.Field+" "+b.Rule]++
	}
	t.Log("quarantined:", rules)
}

const message = "MSH|^~\\&|A|B|C|D|20240102030405.5+0100||ORU^R01|m1|T|2.3\rPID|1||p1^^^H^MRN~9990000018^^^N^NHSNMBR||O\\T\\Brien^Ann||19800203\r" +
	"OBR|1||o1\rOBX|1|NM|c1^x||5|g\rNTE|1||CANARY\rOBX|2|TX|c2||CANARY text\rOBR|2||o2\rOBX|3|NM|c3||\"\"|g\r"

func TestHL7PathsAndContext(t *testing.T) {
	r := &hl7Records{in: strings.NewReader("\x0b" + message + "\x1c\r"), table: &Table{Segment: "OBX", Messages: []string{"ORU^R01"}}, limit: Limits{}.orDefault(), skipped: new(int64)}
	var got []string
	paths := []string{"PID-3[5=NHSNMBR].1", "PID-3.1", "PID-3[1].5", "PID-3[7].1", "PID-5.1", "PID-5.2", "PID-7", "MSH-7", "MSH-9.2", "OBR-3", "OBX-5", "ZZZ-1", "OBX-3.2"}
	for _, text := range paths {
		p, err := parseHL7Path(text)
		if err != nil {
			t.Fatal(err)
		}
		r.paths = append(r.paths, p)
		f := &Field{Type: TypeString}
		if text == "MSH-7" {
			f.Type = TypeDatetime
		} else if text == "PID-7" {
			f.Type = TypeBirth
		}
		r.table.Fields = append(r.table.Fields, f)
	}
	fields := make([][]byte, len(paths))
	for {
		err := r.next(fields)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%q", fields))
	}
	person := `["9990000018" "p1" "NHSNMBR" "" "O&Brien" "Ann" "1980-02-03" "2024-01-02T03:04:05.5+01:00" "R01" `
	want := []string{person + `"o1" "5" "" "x"]`, person + `"o1" "CANARY text" "" ""]`, person + `"o2" "" "" ""]`}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, text := range []string{"", "PID", "PID-0", "PID-5.0", "pid-5", "PID-5[", "PID-5[x]", "PID-5[1=].1", "PID-5.1.1.1", "PID-9999"} {
		if _, err := parseHL7Path(text); err == nil {
			t.Errorf("path %q is accepted", text)
		}
	}
}

func TestHL7BadMessages(t *testing.T) {
	text := "stray line\r" + message + "MSH|||||\rPID|1\r" + strings.Replace(message, "ORU^R01|m1", "XXX^X01|m2", 1) + "MSH|^~\\&|caf\xe9||||||ORU^R01|m3\rOBX|1|NM|c||1\r" + "MSH|^~^&|A|||||ORU^R01|m4\rOBX|1|NM|c||1\r"
	sink := &memory{}
	c := hospital(t)
	c.Tables = c.Tables[1:2]
	j := hl7Job(t, c, sink, []byte(text), 6, "results")
	if _, err := Process(context.Background(), j); err != nil {
		t.Fatal(err)
	}
	got := sink.files["landing/quarantine.ndjson"].String()
	for i, rule := range []string{"header", "header", "message", "encoding", "header"} {
		if lines := strings.Split(got, "\n"); len(lines) < 6 || !strings.Contains(lines[i], `"rule":"`+rule+`"`) {
			t.Fatalf("line %d is not about %s:\n%s", i+1, rule, got)
		}
	}
	if rows := sink.table(t, "payload/results.parquet"); len(rows) != 2 {
		t.Errorf("%d results, want 2", len(rows))
	}
	for name, text := range everything(t, sink) {
		if strings.Contains(text, "CANARY") {
			t.Errorf("%s holds a note", name)
		}
	}
	long := hl7Job(t, hospital(t), &memory{}, nil, 1, "results")
	long.Files[0].Open = func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("MSH|^~\\&|"), &endless{2 << 30})), nil
	}
	if _, err := Process(context.Background(), long); !ark.Is(err, ark.TooMuch) {
		t.Errorf("an endless segment: %v", err)
	}
}

func FuzzHL7(f *testing.F) {
	f.Add([]byte(message), "PID-3[5=NHSNMBR].1")
	f.Add([]byte("FHS|\rBHS|\r"+message+"BTS|\r"), "OBX-5.1.2")
	f.Add([]byte("MSH|^~\\&|\\F\\\\X41\\\\.br\\\\H\\\\"), "MSH-3")
	f.Fuzz(func(t *testing.T, raw []byte, where string) {
		p, err := parseHL7Path(where)
		if err != nil {
			return
		}
		r := &hl7Records{in: bytes.NewReader(raw), table: &Table{Segment: "OBX", Messages: []string{"*"}, Fields: []*Field{{Type: TypeDatetime}, {Type: TypeBirth}, {Type: TypeString}}}, limit: Limits{Row: 1 << 16}.orDefault(), skipped: new(int64), paths: []hl7Path{p, p, p}}
		fields := make([][]byte, 3)
		for n := 0; ; n++ {
			if n > len(raw)+2 {
				t.Fatal("it does not end")
			}
			var bad *badRow
			if err := r.next(fields); err != nil && !errors.As(err, &bad) {
				return
			}
		}
	})
}
