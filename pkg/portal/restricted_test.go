package portal

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/restricted"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
)

// The legal basis that an application names for restricted codes is seen by
// the custodians, stands in the permit, and reaches the cut; without one none
// passes, and one for a group that is not there is refused.
func TestBasisOfRestrictedCodes(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	ctx, g := context.Background(), b.rooms.Governance
	const infection = "sexually-transmitted-infection"
	ask := func(title string, bases map[string]string) string {
		t.Helper()
		x, err := g.CreateProject(ctx, b.actor("researcher"), title)
		b.must(err)
		a := b.answers(title)
		a.Restricted = bases
		b.must(g.EditApplication(ctx, b.actor("researcher"), x.ID, a))
		return x.ID
	}
	for _, bad := range []map[string]string{{"everything": "because"}, {infection: " "}} {
		if err := g.Submit(ctx, b.actor("researcher"), ask("bad", bad)); !ark.Is(err, ark.Invalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	for title, bases := range map[string]map[string]string{"with": {infection: "Directions 2000, consent of each"}, "without": nil} {
		id := ask(title, bases)
		b.must(g.Submit(ctx, b.actor("researcher"), id))
		var app string
		b.must(b.st.View(ctx, func(q store.Querier) error {
			x, err := governance.GetProject(ctx, q, id)
			app = x.Application
			return err
		}))
		b.as("application.assess", store.Resource{Type: "Project", ID: id}, func(tx *store.Tx) ([]store.Event, error) {
			return g.ApplyAssessment(ctx, tx, id, app, governance.Assessment{Datasets: []governance.DatasetAssessment{{Dataset: b.id["dataset"], Title: "Emergency care", People: "18,240", Coverage: "91 %", Unique: "0.4 %"}}})
		})
		if page := b.get("custodian", "/reviews/"+b.review(id)); strings.Contains(page, "consent of each") != (bases != nil) {
			t.Errorf("%s: what the custodian sees of the basis", title)
		}
		b.must(g.Decide(ctx, b.actor("custodian"), b.review(id), governance.Verdict{Decision: "approved"}))
		b.must(g.IssuePermit(ctx, id))
		var job workspace.CutJob
		var permit string
		b.must(b.st.View(ctx, func(q store.Querier) error {
			x, err := governance.GetProject(ctx, q, id)
			b.must(err)
			permit = x.Permit
			p, err := governance.GetPermit(ctx, q, x.Permit)
			b.must(err)
			if hash, err := p.ComputeHash(); err != nil || hash != p.Hash || len(p.Restricted) != len(bases) {
				t.Errorf("%s: the permit carries %v", title, p.Restricted)
			}
			return err
		}))
		b.must(b.rooms.Workspaces.StartCut(ctx, permit))
		b.must(b.st.View(ctx, func(q store.Querier) error {
			jobs, err := store.Jobs(ctx, q, "kind = 'cut'")
			if err == nil {
				err = json.Unmarshal(jobs[len(jobs)-1].Input, &job)
			}
			return err
		}))
		if slices.Contains(job.Cuts[0].Allowed, infection) != (bases != nil) || len(job.Cuts[0].Allowed) != len(bases) {
			t.Errorf("%s: the cut lets %v pass", title, job.Cuts[0].Allowed)
		}
	}
}

// TestDescendantsOfRestrictedCodes: a dataset that names a hierarchy keeps away
// what lies below the restricted concepts, too; a list without parents is no
// hierarchy.
func TestDescendantsOfRestrictedCodes(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	ctx, k := context.Background(), b.rooms.Catalogue
	list := func(name, text string) {
		codes, err := catalogue.ReadCodes("snomed", strings.NewReader(text))
		b.must(err)
		_, err = k.AddCodeList(ctx, b.actor("engineer"), catalogue.CodeList{Name: name, System: "snomed", Title: name, Codes: codes})
		b.must(err)
	}
	// 86406008, HIV infection, is restricted; the others stand for what lies below and beside it.
	list("tree", "code,term,parents\n22298006,below,86406008\n73211009,further below,22298006\n44054006,beside,709044004\n")
	list("flat", "code\n22298006\n")
	offer := func(more string) error {
		def, err := catalogue.ParseDataset([]byte(strings.ReplaceAll(datasetYAML, "SOURCE", "emergency-feed") + more))
		b.must(err)
		_, err = k.OfferDataset(ctx, b.actor("engineer"), *def)
		return err
	}
	if err := offer("hierarchies: [flat@1]\n"); !ark.Is(err, ark.Invalid) {
		t.Errorf("a list without parents: %v", err)
	}
	if err := offer("hierarchies: [none@1]\n"); !ark.Is(err, ark.Invalid) {
		t.Errorf("a list that is not there: %v", err)
	}
	b.must(offer("hierarchies: [tree@1]\n"))
	var cut *catalogue.Cut
	b.must(b.st.View(ctx, func(q store.Querier) (err error) {
		cut, err = k.Plan(ctx, q, b.id["dataset"], "", map[string][]string{"attendance": {"arrived"}}, nil)
		return err
	}))
	judge := restricted.New(nil, cut.Own)
	for code, want := range map[string]bool{"86406008": true, "22298006": true, "73211009": true, "44054006": false} {
		if judge.Holds(restricted.SNOMED, code) != want {
			t.Errorf("%s is kept away: %v, want %v", code, !want, want)
		}
	}
	if restricted.New([]string{"sexually-transmitted-infection"}, cut.Own).Holds(restricted.SNOMED, "73211009") {
		t.Error("a basis for the group does not let pass what lies below its codes")
	}
}
