package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sharedFile is one file of a published data set and the tables it serves.
type sharedFile struct {
	name, tables string
	rows         int64
}

// sharedSets are the published data sets that Ark is tried on: every one goes
// in as it came, packed or not, and what cannot is quarantined with its reason.
var sharedSets = []struct {
	name, contract string
	files          []sharedFile
	accepted       int64 // rows of all tables
	quarantined    int64
}{
	{"Simulated Hospital, HL7 v2", "testdata/hospital.yaml", []sharedFile{{"testdata/simhospital.hl7.gz", "patients results merges", 1013}}, 3719, 0},
	{"139 HL7 v2 samples of many versions", "testdata/hospital.yaml", []sharedFile{{"testdata/samples.hl7.gz", "patients results merges", 139}}, 118, 25},
	{"Personal Demographics Service, FHIR", "testdata/pds.yaml", []sharedFile{{"testdata/pds.ndjson.gz", "people", 17}}, 15, 2},
	{"OMOP CDM 5.4, CSV", "../../deploy/demo/contracts/omop.yaml", []sharedFile{{"testdata/omop-person.csv.gz", "people", 28}, {"testdata/omop-visit_occurrence.csv.gz", "visit_occurrence", 1791},
		{"testdata/omop-condition_occurrence.csv.gz", "condition_occurrence", 470}, {"testdata/omop-death.csv.gz", "death", 3}, {"testdata/omop-procedure_occurrence.csv.gz", "procedure_occurrence", 1649}, {"testdata/omop-measurement.csv.gz", "measurement", 3000}}, 6941, 0},
	{"chronic kidney disease, UCI, CSV", "testdata/kidney.yaml", []sharedFile{{"testdata/kidney.csv.gz", "patients", 400}}, 397, 3},
	{"fatty liver cohort, zip and Parquet", "testdata/nafld.yaml", []sharedFile{{"testdata/nafld1.zip", "people", 2496}, {"testdata/nafld2.parquet", "laboratory", 57218}, {"testdata/nafld3.zip", "events", 4939}}, 64653, 0},
}

// TestSharedInputs prints what went in, what was quarantined and why; with -v
// it is the account of the shared inputs. The Synthea export, 7,711 resources,
// is in TestSyntheaSample.
func TestSharedInputs(t *testing.T) {
	for _, set := range sharedSets {
		t.Run(set.name, func(t *testing.T) {
			text, err := os.ReadFile(set.contract)
			if err != nil {
				t.Fatal(err)
			}
			c, sink := contract(t, string(text)), &memory{}
			c.Limits.Quarantined = 1 // an account, not an acceptance
			j := job(t, c, sink)
			for _, f := range set.files {
				raw, err := os.ReadFile(f.name)
				if err != nil {
					t.Fatal(err)
				}
				sum, name := sha256.Sum256(raw), filepath.Base(f.name)
				for _, table := range strings.Fields(f.tables) {
					j.Manifest.Files = append(j.Manifest.Files, ManifestFile{Name: name, Table: table, Rows: f.rows, SHA256: hex.EncodeToString(sum[:])})
				}
				j.Files = append(j.Files, Input{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil },
					At: func() (io.ReaderAt, int64, io.Closer, error) {
						return bytes.NewReader(raw), int64(len(raw)), io.NopCloser(nil), nil
					}})
			}
			r, err := Process(context.Background(), j)
			if err != nil {
				t.Fatal(err)
			}
			var accepted, quarantined int64
			for _, table := range r.Tables {
				t.Logf("%-20s %6d rows %6d accepted %5d quarantined %4d duplicates %6d for other tables", table.Table, table.Rows, table.Accepted, table.Quarantined, table.Duplicates, table.Skipped)
				accepted, quarantined = accepted+table.Accepted, quarantined+table.Quarantined
				if table.Rows != table.Accepted+table.Quarantined+table.Duplicates+table.Superseded {
					t.Errorf("%s: rows are lost", table.Table)
				}
			}
			for _, f := range r.Files {
				t.Logf("%s: %s, %s %s", f.Name, f.Compression, f.Encoding, f.Delimiter)
			}
			why := map[string]int{}
			for _, line := range strings.Split(strings.TrimSpace(sink.files["landing/quarantine.ndjson"].String()), "\n") {
				var b Bad
				if line != "" && json.Unmarshal([]byte(line), &b) == nil {
					why[fmt.Sprintf("%s: %s", strings.TrimSpace(b.Field+" "+b.Rule), b.Reason)]++
				}
			}
			for _, reason := range slices.Sorted(maps.Keys(why)) {
				t.Logf("%6d quarantined, %s", why[reason], reason)
			}
			if accepted != set.accepted || quarantined != set.quarantined {
				t.Errorf("%d accepted and %d quarantined, want %d and %d", accepted, quarantined, set.accepted, set.quarantined)
			}
		})
	}
}
