package linkage

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// TestEncodedFilesLink: two organisations that send keyed encodings only are
// linked about as well as by names; under another key nothing fits; nothing of
// a name is left.
func TestEncodedFilesLink(t *testing.T) {
	key := bytes.Repeat([]byte{9}, 32)
	raw := loaded(t, "febrl3.csv.gz")
	truth := truthOf(raw, "rec_id", `^rec-\d+`)
	surname, _ := raw.Col("surname").Value(5)
	f, err := Encode(raw, key, "rec_id")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range f.Cols {
		for id := uint32(1); int(id) < c.Dict.Len(); id++ {
			if v := c.Dict.At(id); c.Name != "rec_id" && (len(v) != 16 || strings.Contains(strings.ToLower(v), strings.ToLower(surname))) {
				t.Fatalf("%s holds a value that is no encoding", c.Name)
			}
		}
	}
	fr, m, err := Infer(f, model.Dedupe)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(context.Background(), fr, m, Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := EvaluateClusters(r.Clusters, truth, nil)
	t.Logf("clusters on keyed encodings of FEBRL 3: %+v", got)
	if got.Precision < 0.995 || got.F1 < 0.99 {
		t.Errorf("%+v", got)
	}
	other, err := Encode(loaded(t, "febrl3.csv.gz"), bytes.Repeat([]byte{8}, 32), "rec_id")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range f.Cols {
		for id := uint32(1); c.Name != "rec_id" && int(id) < c.Dict.Len(); id++ {
			seen[c.Dict.At(id)] = true
		}
	}
	for _, c := range other.Cols {
		for id := uint32(1); c.Name != "rec_id" && int(id) < c.Dict.Len(); id++ {
			if seen[c.Dict.At(id)] {
				t.Fatal("two keys gave one encoding")
			}
		}
	}
	if _, err := Encode(loaded(t, "febrl3.csv.gz"), key[:16], "rec_id"); !ark.Is(err, ark.Invalid) {
		t.Errorf("a short key: %v", err)
	}
	if _, err := Encode(loaded(t, "febrl3.csv.gz"), key, "surname"); !ark.Is(err, ark.Invalid) {
		t.Errorf("a name that is to go through: %v", err)
	}
}
