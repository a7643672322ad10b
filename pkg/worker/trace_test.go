package worker

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue/publish"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/pseudonym"
	"github.com/ark-tre/ark/workspace/cut"
	"github.com/ark-tre/ark/workspace/trace"
)

// TestTraceAfterRotation: a project's name of a person leads to their records
// by the key on which the project's names rest, and by no other.
func TestTraceAfterRotation(t *testing.T) {
	b := newBench(t)
	must(t, b.Keys.Create(t.Context(), publish.DomainKey))
	for range 2 { // an attempt that was cut off is repeated
		_, err := b.rotateSteps()[0].Do(t.Context(), json.RawMessage(`{"number":2}`), nil)
		must(t, err)
	}
	if _, err := b.rotateSteps()[0].Do(t.Context(), json.RawMessage(`{"number":1}`), nil); !ark.Is(err, ark.Invalid) {
		t.Errorf("the first key again: %v", err)
	}
	must(t, b.Keys.Create(t.Context(), cut.ProjectKey("prj-a")))
	var buf bytes.Buffer
	w, err := columnar.NewWriter(&buf, columnar.Schema{{Name: "person_record_key", Type: cell.String}, {Name: "person_id", Type: cell.String}}, columnar.Options{})
	must(t, err)
	for _, r := range [][2]string{{"rec-1", "ONE"}, {"rec-2", "TWO"}, {"rec-3", "TWO"}} {
		must(t, w.Append([]columnar.Value{cell.Str(r[0]), cell.Str(r[1])}))
	}
	must(t, w.Close())
	index, err := b.Objects.Put(t.Context(), objects.Index, "index", IndexKey, &buf)
	must(t, err)
	project, err := b.hasher(t.Context(), cut.ProjectKey("prj-a"), "names")
	must(t, err)
	for key := 1; key <= 2; key++ {
		inArk, err := b.hasher(t.Context(), publish.NamesKey(key), "names")
		must(t, err)
		name := project.Name(pseudonym.Person, inArk.Name(pseudonym.Person, "TWO"))
		for asked := range 4 {
			raw, err := json.Marshal(trace.FindJob{Project: "prj-a", Pseudonym: name, Index: index, Names: asked})
			must(t, err)
			got, err := b.traceSteps()[0].Do(t.Context(), raw, nil)
			if asked == 3 {
				if !ark.Is(err, ark.Unknown) {
					t.Errorf("by a key that is not there: %v", err)
				}
				continue
			}
			must(t, err)
			if n, right := len(got.(trace.FindResult).Records), max(1, asked) == key; right && n != 2 || !right && n != 0 {
				t.Errorf("a name that rests on key %d, looked for by %d: %d records", key, asked, n)
			}
		}
	}
}
