package portal

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
)

// A project keeps the key on which its people's names rest; one that begins
// after the key was changed rests on the new one.
func TestProjectsKeepTheirKeyOfNames(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	b.active("Before")
	ctx, k := context.Background(), b.rooms.Catalogue
	var was string
	b.must(b.st.View(ctx, func(q store.Querier) error {
		d, err := catalogue.GetDataset(ctx, q, b.id["dataset"])
		was = d.Latest
		return err
	}))
	if _, err := k.RotateNames(ctx, b.actor("researcher"), "scheduled"); !ark.Is(err, ark.Forbidden) {
		t.Errorf("a researcher changed the key: %v", err)
	}
	if code, _, body := b.post("engineer", "/api/v1/name-keys", "reason", "scheduled"); code == 201 || code == 303 {
		t.Errorf("a form without the API's type was taken: %d %s", code, body)
	}
	n, err := k.RotateNames(ctx, b.actor("engineer"), "exposed")
	b.must(err)
	b.as("names.apply", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		return k.ApplyRotation(ctx, tx, "names-2", catalogue.NameKeyResult{})
	})
	if n.Number != 2 {
		t.Fatalf("%+v", n)
	}
	// The first project's extract is cut anew from a version of the new key.
	if _, err := k.WithdrawVersion(ctx, b.actor("engineer"), b.id["dataset"], was, "wrong-data", 7); err != nil {
		t.Fatal(err)
	}
	b.publish()
	last := func() (job workspace.CutJob) {
		t.Helper()
		b.must(b.st.View(ctx, func(q store.Querier) error {
			jobs, err := store.Jobs(ctx, q, "kind = 'cut'")
			if err == nil {
				err = json.Unmarshal(jobs[len(jobs)-1].Input, &job)
			}
			return err
		}))
		return job
	}
	if j := last(); j.Named != 1 || j.Cuts[0].Names != 2 || j.Indexes[j.Cuts[0].Version].Name == "" {
		t.Errorf("cut anew: rests on %d, version under %d, indexes %v", j.Named, j.Cuts[0].Names, j.Indexes)
	}
	b.active("After")
	if j := last(); j.Named != 2 || j.Cuts[0].Names != 2 || j.Indexes[j.Cuts[0].Version].Name == "" {
		t.Errorf("a project that begins now: rests on %d, version under %d", j.Named, j.Cuts[0].Names)
	}
	if body := b.get("engineer", "/catalogue/"+b.id["dataset"]+"/versions/2"); !strings.Contains(body, "Named under key") {
		t.Error("the page of the version does not say under which key it is named")
	}
}
