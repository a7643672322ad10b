package intake

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/pseudonym"
	"github.com/ark-tre/ark/pkg/synthetic"
)

// folderJob is a job for a folder with a manifest.
func folderJob(t testing.TB, c *Contract, dir string, sink Sink) Job {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := ParseManifest(text)
	if err != nil {
		t.Fatal(err)
	}
	j := Job{Contract: c, Source: m.Source, Delivery: m.Delivery, Received: received.AddDate(1, 0, 0), Manifest: m, Key: testKey, Sink: sink, Scratch: t.TempDir(), Demonstration: true}
	for _, f := range m.Files {
		j.Files = append(j.Files, Input{Name: f.Name, Open: func() (io.ReadCloser, error) { return os.Open(filepath.Join(dir, f.Name)) }})
	}
	return j
}

func recordKeyOf(source, table, key string) string {
	h, _ := pseudonym.New(testKey)
	k := h.RecordKey(source, table, []byte(key))
	return string(k[:])
}

func csvRows(t *testing.T, path string) []map[string]string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, r := range all[1:] {
		m := map[string]string{}
		for i, h := range all[0] {
			m[h] = r[i]
		}
		out = append(out, m)
	}
	return out
}

// A whole region goes in: every source, both deliveries, against the contracts
// of the demonstration; and what comes out is true to the generator's truth.
func TestRegionGoesIn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "region")
	if _, err := synthetic.Generate(context.Background(), synthetic.Options{People: 1500, Seed: 11, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "sources.json"))
	if err != nil {
		t.Fatal(err)
	}
	var sources []struct {
		ID, Contract string
		Deliveries   []string
	}
	if err := json.Unmarshal(text, &sources); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, l := range csvRows(t, filepath.Join(dir, "truth", "links.csv")) {
		known[recordKeyOf(l["source"], pseudonym.PersonTable, l["local_id"])] = true
	}
	outs := map[string][]*memory{}
	var rows, bad int64
	for _, s := range sources {
		text, err := os.ReadFile(filepath.Join("../../deploy/demo/contracts", s.Contract))
		if err != nil {
			t.Fatal(err)
		}
		c := contract(t, string(text))
		for _, d := range s.Deliveries {
			sink := &memory{}
			r, err := Process(context.Background(), folderJob(t, c, filepath.Join(dir, "deliveries", s.ID, d), sink))
			if err != nil {
				t.Fatalf("%s %s: %v", s.ID, d, err)
			}
			outs[s.ID] = append(outs[s.ID], sink)
			bad += r.Quarantined()
			for _, table := range r.Tables {
				rows += table.Rows
				if table.Rows != table.Accepted+table.Quarantined+table.Duplicates+table.Superseded {
					t.Errorf("%s %s %s: rows are lost: %+v", s.ID, d, table.Table, table)
				}
			}
			for _, row := range sink.table(t, "identifiers/identifiers.parquet") {
				if !known[row["record_key"]] {
					t.Fatalf("%s: an identity of nobody in the truth", s.ID)
				}
			}
		}
	}
	if bad == 0 || bad*50 > rows {
		t.Errorf("%d of %d rows quarantined: the feeds should have some, and few", bad, rows)
	}
	lab(t, dir, outs["lab-01"])
}

// lab compares the current results with a plain reading of both deliveries.
func lab(t *testing.T, dir string, sinks []*memory) {
	t.Helper()
	want := map[string]string{}
	for _, d := range []string{"2024-10", "2025-01"} {
		for _, r := range csvRows(t, filepath.Join(dir, "deliveries", "lab-01", d, "results.csv")) {
			k := recordKeyOf("lab-01", "results", r["result_id"])
			if r["change"] == "D" {
				delete(want, k)
			} else if r["result_id"] != "" {
				want[k] = r["value"]
			}
		}
	}
	var readers []*columnar.Reader
	for _, s := range sinks {
		readers = append(readers, s.reader(t, "payload/results.parquet"))
	}
	n, last := 0, ""
	for row, err := range Current(context.Background(), readers, "record_key", "value") {
		if err != nil {
			t.Fatal(err)
		}
		k := row[0].Str()
		if k <= last {
			t.Fatal("current rows are out of order")
		}
		last = k
		v, ok := want[k]
		if !ok {
			t.Fatal("a row that was withdrawn, or never sent, is current")
		}
		if x, err := readNumber(v); err == nil && x != row[1].Float() {
			t.Fatalf("the value is not the last one sent")
		}
		n++
	}
	if n < len(want)*95/100 {
		t.Errorf("%d rows are current of %d sent", n, len(want))
	}
	if s, err := CurrentSchema(readers); err != nil || slices.Contains(s.Names(), "deleted") {
		t.Errorf("the schema of current rows: %v %v", s.Names(), err)
	}
}

func readNumber(s string) (x float64, err error) {
	err = json.Unmarshal([]byte(s), &x)
	return x, err
}
