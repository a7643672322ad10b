package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"strings"
	"testing"
)

// A sample in the OMOP common data model goes in, compressed as it came.
func TestOMOP(t *testing.T) {
	text, err := os.ReadFile("../../deploy/demo/contracts/omop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := contract(t, string(text))
	sink := &memory{}
	j := job(t, c, sink)
	for file, table := range map[string]string{"person": "people", "visit_occurrence": "", "condition_occurrence": "", "death": "", "procedure_occurrence": "", "measurement": ""} {
		name := "omop-" + file + ".csv.gz"
		raw, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		plain := unzipped(t, "testdata/"+name)
		sum := sha256.Sum256(raw)
		rows := int64(bytes.Count(bytes.TrimRight(plain, "\r\n"), []byte("\n")))
		j.Manifest.Files = append(j.Manifest.Files, ManifestFile{Name: name, Table: cmpOr(table, file), Rows: rows, SHA256: hex.EncodeToString(sum[:])})
		j.Files = append(j.Files, Input{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }})
	}
	r, err := Process(context.Background(), j)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range r.Tables {
		t.Logf("%s: %d rows, %d accepted, %d quarantined, %d duplicates", table.Table, table.Rows, table.Accepted, table.Quarantined, table.Duplicates)
		if table.Accepted*10 < table.Rows*9 {
			t.Errorf("%s: only %d of %d accepted", table.Table, table.Accepted, table.Rows)
		}
	}
	if n := len(sink.table(t, "index/demographics.parquet")); n != 28 {
		t.Errorf("%d people, want 28", n)
	}
	if _, ok := sink.files["identifiers/identifiers.parquet"]; ok {
		t.Error("a source without identifiers has an identifier file")
	}
	for name, text := range everything(t, sink) {
		if strings.Contains(text, "1007c05b-8d20") { // a source value
			t.Errorf("%s holds a source value", name)
		}
	}
}
