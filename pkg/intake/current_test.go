package intake

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

var currentSchema = columnar.Schema{{Name: "record_key", Type: columnar.String}, {Name: "v", Type: columnar.Int64, Nullable: true}, {Name: "deleted", Type: columnar.Bool}}

func file(t interface{ Fatal(...any) }, rows [][]columnar.Value) *columnar.Reader {
	var b bytes.Buffer
	w, err := columnar.NewWriter(&b, currentSchema, columnar.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := columnar.Open(bytes.NewReader(b.Bytes()), int64(b.Len()), columnar.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Any deliveries: the current state is what a map would hold after them.
func TestCurrentAgainstAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model := map[string]int64{}
		var readers []*columnar.Reader
		for d := range rapid.IntRange(1, 5).Draw(t, "deliveries") {
			keys := rapid.SliceOfNDistinct(rapid.IntRange(0, 20), 0, 15, rapid.ID[int]).Draw(t, "keys")
			slices.Sort(keys)
			var rows [][]columnar.Value
			for _, k := range keys {
				key, gone := fmt.Sprintf("k%02d", k), rapid.Bool().Draw(t, "gone")
				rows = append(rows, []columnar.Value{cell.Str(key), cell.Int(int64(d)), cell.Flag(gone)})
				if gone {
					delete(model, key)
				} else {
					model[key] = int64(d)
				}
			}
			readers = append(readers, file(t, rows))
		}
		got := map[string]int64{}
		for row, err := range Current(context.Background(), readers) {
			if err != nil {
				t.Fatal(err)
			}
			if len(row) != 2 {
				t.Fatalf("%d columns, want 2", len(row))
			}
			got[row[0].Str()] = row[1].Int()
		}
		if fmt.Sprint(got) != fmt.Sprint(model) {
			t.Fatalf("%v, want %v", got, model)
		}
	})
}

func TestCurrentRefusesWhatIsOutOfOrder(t *testing.T) {
	row := func(k string) []columnar.Value {
		return []columnar.Value{cell.Str(k), cell.Int(1), cell.Flag(false)}
	}
	for name, rows := range map[string][][]columnar.Value{"falling": {row("b"), row("a")}, "twice": {row("a"), row("a")}} {
		var last error
		for _, err := range Current(context.Background(), []*columnar.Reader{file(t, rows)}) {
			last = err
		}
		if !ark.Is(last, ark.Invalid) {
			t.Errorf("%s: %v, want Invalid", name, last)
		}
	}
	for _, err := range Current(context.Background(), nil) {
		if !ark.Is(err, ark.Invalid) {
			t.Errorf("no deliveries: %v", err)
		}
	}
}

// The round trip of a quarantined row: it waits with its reason, the listing
// says which one, and sent again under its key, corrected, it is current.
func TestACorrectedRowReEnters(t *testing.T) {
	c := contract(t, strings.Replace(visitsContract, `max: "10", on_fail: flag}`, `max: "10"}`, 1))
	first, r := takeIn(t, c, named{"n.csv", "notes", notesHeader + "n1,p1,3\nn2,p2,much\nn3,p3,4\n"})
	listing := first.files["landing/quarantine.ndjson"].String()
	if r.Tables[0].Quarantined != 1 || !strings.Contains(listing, `"row":2`) || !strings.Contains(listing, `"field":"score"`) || strings.Contains(listing, "much") {
		t.Fatalf("%+v %s", *r.Tables[0], listing)
	}
	second, _ := takeIn(t, c, named{"n.csv", "notes", notesHeader + "n2,p2,5\n"})
	got := map[string]int64{}
	for row, err := range Current(context.Background(), []*columnar.Reader{first.reader(t, "payload/notes.parquet"), second.reader(t, "payload/notes.parquet")}, "record_key", "score") {
		if err != nil {
			t.Fatal(err)
		}
		got[row[0].Str()] = row[1].Int()
	}
	if len(got) != 3 || got[recordKey("notes", "n2")] != 5 || got[recordKey("notes", "n1")] != 3 {
		t.Errorf("current: %v", got)
	}
}
