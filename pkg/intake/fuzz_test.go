package intake

import (
	"context"
	"errors"
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

// A cancelled context stops the work with a fault.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Process(ctx, job(t, contract(t, visitsContract), &memory{}, named{"n.csv", "notes", notesHeader})); !ark.Is(err, ark.Unavailable) {
		t.Errorf("%v, want Unavailable", err)
	}
}
