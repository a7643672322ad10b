package portal

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
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
