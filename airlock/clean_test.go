package airlock_test

import (
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/store"
)

// TestTheCleanFileLeaves: what the checks made of a file is what is shown,
// voted on and released; the submitted one stays named; votes are kept over
// rounds while both are the same.
func TestTheCleanFileLeaves(t *testing.T) {
	w := newWorld(t)
	id := w.submit(t)
	apply := func(of byte) {
		t.Helper()
		v := w.look(t, "author", id)
		res := airlock.CheckResult{}
		for _, f := range v.Files {
			c := airlock.CheckedFile{ID: f.ID, Verdict: "pass"}
			if f.Name != "b.csv" {
				c.Clean = airlock.Submitted{Name: "a.table.csv", Ref: pin(of)}
			}
			res.Files = append(res.Files, c)
		}
		must(t, w.apply(id, "request.apply", func(tx *store.Tx) ([]store.Event, error) {
			return w.ApplyChecks(t.Context(), tx, id, v.Round, res)
		}))
	}
	apply('d')
	v := w.look(t, "ann", id)
	a, b, code := v.Files[0], v.Files[1], v.Files[2]
	if a.Ref != pin('d') || a.Name != "a.table.csv" || a.Submitted.Ref != pin('a') || a.Submitted.Name != "a.csv" {
		t.Errorf("the clean file is not in its place: %+v", a.File)
	}
	if b.Ref != pin('b') || b.Submitted.Name != "" || code.Ref != pin('c') {
		t.Errorf("files that are clean, or never leave, are others: %+v %+v", b.File, code.File)
	}
	kept := func() string {
		t.Helper()
		w.review(t, "ann", id, yes, yes)
		w.review(t, "bob", id, yes, no)
		must(t, w.Return(t.Context(), w.as("ann"), id))
		must(t, w.Resubmit(t.Context(), w.as("author"), id, submission(), "nothing changed"))
		return w.look(t, "ann", id).Files[0].YourVote
	}
	if v := kept(); v != yes {
		t.Errorf("the vote on a file sent again: %q", v)
	}
	apply('d')
	if f := w.look(t, "ann", id).Files[0]; f.YourVote != yes || f.Ordinal != 1 {
		t.Errorf("the vote on the same clean file: %q, file %d", f.YourVote, f.Ordinal)
	}
	if v := kept(); v != yes {
		t.Errorf("the vote on a file sent a third time: %q", v)
	}
	apply('e')
	if v := w.look(t, "ann", id).Files; v[0].YourVote != "" || v[1].YourVote != yes {
		t.Errorf("votes after another clean file was made of the same bytes: %q %q", v[0].YourVote, v[1].YourVote)
	}
	w.review(t, "ann", id, yes, yes)
	w.review(t, "bob", id, yes, yes)
	must(t, w.Release(t.Context(), w.as("ann"), id, false))
}
