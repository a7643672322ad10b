package cut_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/publish"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/workspace"
)

// TestRotation: after the key of names was changed, a version shares no name
// with the one before, which stays readable; a project's people keep their
// names and their number in the airlock, whichever version they are cut from;
// two projects still share nothing.
func TestRotation(t *testing.T) {
	w := newWorld(t)
	old := w.job(t)
	was, err := w.shop().Build(t.Context(), old)
	must(t, err)
	must(t, w.ring.Create(t.Context(), publish.NamesKey(2)))
	next := old
	next.Version, next.Number, next.Names = "ver_00000000000070008000000000000002", 2, 2
	now, err := w.shop().Build(t.Context(), next)
	must(t, err)
	visitsOf := func(r catalogue.PublishResult) objects.Ref {
		i := slices.IndexFunc(r.Tables, func(p catalogue.PublishedTable) bool { return p.Name == "visits" })
		return r.Tables[i].Ref
	}
	names := func(rows [][]columnar.Value, at int) map[string]bool {
		out := map[string]bool{}
		for _, r := range rows {
			out[r[at].Str()] = true
		}
		return out
	}
	shared := func(a, b map[string]bool) (n int) {
		for k := range a {
			if b[k] {
				n++
			}
		}
		return n
	}
	_, before := w.read(t, visitsOf(was), "person", "encounter")
	_, after := w.read(t, visitsOf(now), "person", "encounter")
	for at := range 2 {
		a, b := names(before, at), names(after, at)
		if len(a) != len(b) || len(a) < 100 || shared(a, b) != 0 {
			t.Errorf("column %d: %d and %d names, %d shared", at, len(a), len(b), shared(a, b))
		}
	}
	optOuts := w.put(t, objects.Index, "index/data", "optouts", columnar.Schema{{Name: "person_id", Type: cell.String}}, [][]columnar.Value{{cell.Str(person(30))}, {cell.Str(person(31))}})
	cutOf := func(project string, base int, job catalogue.PublishJob, res catalogue.PublishResult) workspace.CutJob {
		cj := cutJob(project, job, res, func(c *catalogue.Cut) { c.Names = job.Names })
		cj.Extract = ark.MakeID(ark.PrefixExtract)
		cj.Named, cj.OptOuts = base, optOuts
		cj.Indexes = map[string]objects.Ref{job.Version: job.Index}
		return cj
	}
	// numbers is the airlock's number of each person of an extract's visits, and what tells one visit.
	type row struct {
		name string
		side int64
	}
	visit := func(cj workspace.CutJob) (map[[2]any]row, map[string]bool) {
		res, rows, _ := extract(t, w, cj)
		out, entities := map[[2]any]row{}, map[string]bool{}
		for i, number := range w.behind(t, res.Sidecar, rows)["community__visits"] {
			r := rows["community__visits"][i]
			entities[r[4].Str()] = true
			if !r[3].IsNull() {
				out[[2]any{r[1].Str(), r[3].Float()}] = row{r[0].Str(), number}
			}
		}
		if len(rows["community__visits"]) != 588 {
			t.Errorf("%d visits, want 588: the opt-outs are found under either key", len(rows["community__visits"]))
		}
		return out, entities
	}
	first, things := visit(cutOf(prj1, 1, old, was))
	again, others := visit(cutOf(prj1, 1, next, now))
	if !maps.Equal(first, again) || len(first) < 400 {
		t.Error("a project's people changed their names, or their numbers in the airlock, with the Ark's key")
	}
	if n := shared(things, others); n != 0 {
		t.Errorf("%d things keep their name: what the project page says is wrong", n)
	}
	// A project that begins after the change rests on the new key.
	fresh, _ := visit(cutOf(prj2, 2, next, now))
	late, _ := visit(cutOf(prj2, 2, old, was))
	if !maps.Equal(fresh, late) {
		t.Error("the new project's people are not called the same from the old version")
	}
	for k, r := range fresh {
		if first[k].side != r.side {
			t.Fatal("the airlock does not know a person again over the change: comparisons with earlier releases would miss them")
		}
		if first[k].name == r.name {
			t.Fatal("two projects call a person the same")
		}
	}
	// Fail closed: no index, or the wrong key, gives no extract.
	bad := cutOf(prj1, 1, next, now)
	bad.Indexes = nil
	if _, err := w.cutter().Cut(t.Context(), bad); !ark.Is(err, ark.Internal) {
		t.Errorf("without the index: %v", err)
	}
	bad = cutOf(prj1, 1, next, now)
	bad.Cuts[0].Names = 1
	bad.Named = 2
	if _, err := w.cutter().Cut(t.Context(), bad); err == nil {
		t.Error("a version taken for one of another key was cut")
	}
	bad.Cuts[0].Names = 3
	if _, err := w.cutter().Cut(t.Context(), bad); err == nil {
		t.Error("a key that is not there was made, or not needed")
	}
}
