package intake

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
)

// Whatever a file holds: it is taken in with every row accounted for, or it is
// refused by a fault, and no undeclared text comes out.
func FuzzDelivery(f *testing.F) {
	f.Add(visitsHeader + "v1,p1,9990000018,Smith,1980-02-03,F,2024-01-02,,a,71.5,n7,N\n")
	f.Add("note_id,patient_id,score,x\nn1,p1,3,UNDECLAREDTEXT\n")
	f.Add("note_id;patient_id;score\n\"n\n1\",p1,3\n")
	f.Add("\xef\xbb\xbfnote_id,patient_id,score\r\nn1,p1,99999999999999999999\r\n")
	c := contract(f, strings.Replace(visitsContract, "delivers: changes", "delivers: changes\nlimits: {quarantined: 1}", 1))
	f.Fuzz(func(t *testing.T, text string) {
		for _, table := range []string{"visits", "notes"} {
			sink := &memory{}
			j := job(t, c, sink, named{"f.csv", table, text})
			r, err := Process(context.Background(), j)
			var fault *ark.Fault
			switch {
			case err == nil:
				for _, tr := range r.Tables {
					if tr.Rows != tr.Accepted+tr.Quarantined+tr.Duplicates+tr.Superseded {
						t.Fatalf("rows are lost: %+v", tr)
					}
				}
				for name, all := range everything(t, sink) {
					if strings.Contains(all, "UNDECLAREDTEXT") && strings.Contains(text, ",x\n") {
						t.Fatalf("%s holds an undeclared text", name)
					}
				}
			case !errors.As(err, &fault) || fault.Kind == ark.Internal:
				t.Fatalf("%v is no fault", err)
			}
		}
	})
}

// Whatever a packed file, FHIR line or HL7 v2 message holds, every row is
// accounted for or the delivery is refused by a fault.
func FuzzFormats(f *testing.F) {
	read := func(path string) *Contract {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		c := contract(f, string(text))
		c.Limits.Quarantined = 1
		return c
	}
	notes := contract(f, visitsContract)
	kinds := []struct {
		c     *Contract
		table string
	}{{notes, "notes"}, {read("../../deploy/demo/contracts/synthea.yaml"), "observations"}, {read("testdata/hospital.yaml"), "results"}}
	small, _ := takeIn(f, notes, named{"n.csv", "notes", notesHeader + "n1,p1,3\n"})
	for i, text := range []string{zipped(f, map[string]string{"n.csv": notesHeader + "n1,p1,3\n"}), observation, message, small.files["payload/notes.parquet"].String(), message + "MSH|^~\\&|\\X\\X0D0A\\.sp\\\\E"} {
		f.Add(i%3, text)
	}
	f.Fuzz(func(t *testing.T, kind int, text string) {
		k := kinds[(kind%3+3)%3]
		j := job(t, k.c, &memory{}, named{"f", k.table, text})
		j.Limits.Bytes = 8 << 20
		j.Files[0].At = func() (io.ReaderAt, int64, io.Closer, error) {
			return strings.NewReader(text), int64(len(text)), io.NopCloser(nil), nil
		}
		r, err := Process(context.Background(), j)
		var fault *ark.Fault
		if err != nil && (!errors.As(err, &fault) || fault.Kind == ark.Internal) {
			t.Fatalf("%v is no fault", err)
		}
		for i := 0; err == nil && i < len(r.Tables); i++ {
			if tr := r.Tables[i]; tr.Rows != tr.Accepted+tr.Quarantined+tr.Duplicates+tr.Superseded {
				t.Fatalf("rows are lost: %+v", tr)
			}
		}
	})
}

// A cancelled context stops the work with a fault.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Process(ctx, job(t, contract(t, visitsContract), &memory{}, named{"n.csv", "notes", notesHeader})); !ark.Is(err, ark.Unavailable) {
		t.Errorf("%v, want Unavailable", err)
	}
}

// A line reads the same whatever was read before it.
func FuzzShapes(f *testing.F) {
	f.Add(thing, thing)
	f.Add(thing, strings.Replace(thing, "Patient/7", "Patient\\/\\u0037", 1))
	f.Add(`{"resourceType":"Thing","id":1}`, `{"resourceType":"Thing","id":1.5e-3}`)
	f.Fuzz(func(t *testing.T, first, line string) {
		if strings.ContainsAny(first+line, "\n") {
			return
		}
		alone, _ := readLines(t, line)
		before, _ := readLines(t, first)
		after, _ := readLines(t, first, line, line)
		if len(alone) == 0 || len(before) == 0 || strings.HasPrefix(alone[0], "fault: ") || strings.HasPrefix(before[0], "fault: ") || len(after) != 3 {
			return // an empty line, or a file that is refused as a whole
		}
		if after[1] != alone[0] || after[2] != alone[0] {
			t.Fatalf("alone %q, behind another %q, and once more %q", alone[0], after[1], after[2])
		}
	})
}
