package portal

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
)

// A delivery that is taken back takes its versions, extracts and workspaces
// along in one change; nobody gets at the data again; and the next version,
// which has to come from a linkage without it, is cut for the project by itself.
func TestRecall(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	ctx, k, w := context.Background(), b.rooms.Catalogue, b.rooms.Workspaces
	project, ws := b.active("Alcohol and emergency care")
	delivery := "/sources/" + b.id["source"] + "/deliveries/" + b.id["delivery"]
	if code, _, _ := b.post("researcher", "/deliveries/"+b.id["delivery"]+"/recall", "reason", "misdelivery", "days", "14"); code < 400 {
		t.Errorf("a researcher took a delivery back: %d", code)
	}
	if code, _, _ := b.post("labcustodian", "/deliveries/"+b.id["delivery"]+"/recall", "reason", "misdelivery", "days", "14"); code < 400 {
		t.Errorf("a custodian of another organisation took a delivery back: %d", code)
	}
	if _, err := k.RecallDelivery(ctx, b.actor("engineer"), b.id["delivery"], "because", 14); !ark.Is(err, ark.Invalid) {
		t.Errorf("for no known reason: %v", err)
	}
	b.get("custodian", delivery)
	code, to, body := b.post("custodian", "/deliveries/"+b.id["delivery"]+"/recall", "reason", "court-order", "days", "14")
	if code != 303 || to != delivery {
		t.Fatalf("%d %s %s", code, to, body)
	}
	read := func() (rec *catalogue.Recall, d *catalogue.Dataset, x *workspace.Workspace, es []workspace.Extract) {
		b.must(b.st.View(ctx, func(q store.Querier) (err error) {
			if rec, err = catalogue.GetRecall(ctx, q, b.id["delivery"]); err != nil {
				return err
			}
			if d, err = catalogue.GetDataset(ctx, q, b.id["dataset"]); err != nil {
				return err
			}
			if es, err = workspace.ExtractsOf(ctx, q, project); err != nil {
				return err
			}
			x, err = workspace.Get(ctx, q, ws)
			return err
		}))
		return rec, d, x, es
	}
	rec, d, x, es := read()
	if len(rec.Versions) != 1 || len(rec.Frozen) != 1 || len(rec.Frozen[0].Homes) != 1 || rec.Frozen[0].Homes[0] != ws || rec.State != "open" || len(rec.Linkages) != 1 {
		t.Errorf("%+v", *rec)
	}
	if d.Latest != "" || x.State != "frozen" || len(es) != 1 || es[0].State != "frozen" {
		t.Errorf("newest version %q, workspace %s, extract %s", d.Latest, x.State, es[0].State)
	}
	if err := w.Start(ctx, b.actor("researcher"), ws); !ark.Is(err, ark.Lapsed) {
		t.Errorf("the workspace was started on the frozen extract: %v", err)
	}
	if page := b.get("custodian", delivery); !strings.Contains(page, "Alcohol and emergency care") || !strings.Contains(page, "Dr Amara Osei") || !strings.Contains(page, "court or the regulator") {
		t.Error("the page does not say where copies may lie")
	}
	if _, err := k.RecallDelivery(ctx, b.actor("engineer"), b.id["delivery"], "court-order", 14); !ark.Is(err, ark.Conflict) {
		t.Errorf("taken back twice: %v", err)
	}

	// The corrected delivery; publishing needs a linkage without the old one.
	nd, err := k.ReceiveDelivery(ctx, b.actor("engineer"), b.id["source"], "2026-12", []catalogue.DeliveredFile{{Name: "attendance.csv", Ref: b.mem.put("landing", "x2")}, {Name: "manifest.json", Ref: b.mem.put("landing", "y2")}})
	b.must(err)
	b.as("delivery.apply", store.Resource{Type: "Source", ID: b.id["source"]}, func(tx *store.Tx) ([]store.Event, error) {
		return k.ApplyIntake(ctx, tx, nd.ID, catalogue.IntakeResult{Outputs: refs{"identifiers": b.mem.put("identifiers", "i2"), "payload/attendance": b.mem.put("payload", "p2")}})
	})
	if _, err := k.Publish(ctx, b.actor("engineer"), b.id["dataset"]); !ark.Is(err, ark.Conflict) {
		t.Errorf("published on a linkage that used the delivery: %v", err)
	}
	l, err := k.RunLinkage(ctx, b.actor("engineer"))
	b.must(err)
	if len(l.Deliveries) != 1 || l.Deliveries[0] != nd.ID {
		t.Errorf("the linkage reads %v", l.Deliveries)
	}
	b.as("linkage.apply", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		return k.ApplyLinkage(ctx, tx, l.ID, catalogue.LinkResult{Outputs: refs{"index": b.mem.put("index", "x2"), "persons": b.mem.put("index", "y2"), "optouts": b.mem.put("index", "o2")}})
	})
	b.publish()
	rec, d, _, es = read()
	if d.Latest == "" || len(es) != 2 || rec.Frozen[0].Recut != es[1].ID || rec.State != "closed" {
		t.Fatalf("not cut anew: %+v, %d extracts", *rec, len(es))
	}
	if es[1].Versions[0] != d.Latest || es[1].Permit != es[0].Permit {
		t.Error("the new extract is of another version or permit")
	}
	b.as("extract.apply", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyCut(ctx, tx, es[1].ID, workspace.CutResult{Tables: []workspace.ExtractTable{{Name: "emergency__person"}}})
	})
	b.must(w.Start(ctx, b.actor("researcher"), ws))
	b.must(b.st.View(ctx, func(q store.Querier) error {
		p, err := governance.GetProject(ctx, q, project)
		if err == nil && p.Extract != es[1].ID {
			t.Error("the project still has the frozen extract")
		}
		return err
	}))
	// The frozen extract is destroyed now that its replacement is there, once.
	if n, err := k.EnforceRecalls(ctx); err != nil || n != 1 {
		t.Fatalf("enforced %d, %v", n, err)
	}
	if n, err := k.EnforceRecalls(ctx); err != nil || n != 0 {
		t.Errorf("enforced %d again, %v", n, err)
	}
	b.as("extract.apply", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyEnd(ctx, tx, es[0].ID, workspace.EndResult{Objects: 4, Bytes: 9000})
	})
	_, _, _, es = read()
	if es[0].State != "destroyed" || es[0].Ended.Objects != 4 || es[0].Tables[0].Ref.Name != "" || es[1].State != "ready" {
		t.Errorf("%+v", es)
	}
	if page := b.get("custodian", delivery); !strings.Contains(page, "Nothing waits to be cut anew") || !strings.Contains(page, "4 objects") {
		t.Error("the page does not say that it is over")
	}
}

// What nobody cuts anew in time is destroyed by the system: its objects, and
// the copy in a workspace's volume. A user cannot do it, or put it off.
func TestRecallOverdue(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	ctx, k, w := context.Background(), b.rooms.Catalogue, b.rooms.Workspaces
	project, ws := b.active("Alcohol and emergency care")
	var version string
	b.must(b.st.View(ctx, func(q store.Querier) error {
		d, err := catalogue.GetDataset(ctx, q, b.id["dataset"])
		version = d.Latest
		return err
	}))
	if _, err := k.WithdrawVersion(ctx, b.actor("researcher"), b.id["dataset"], version, "wrong-link", 3); !ark.Is(err, ark.Forbidden) {
		t.Errorf("a researcher withdrew a version: %v", err)
	}
	if _, err := k.WithdrawVersion(ctx, b.actor("labcustodian"), b.id["dataset"], version, "wrong-link", 3); !ark.Is(err, ark.Forbidden) {
		t.Errorf("a custodian of another organisation withdrew a version: %v", err)
	}
	rec, err := k.WithdrawVersion(ctx, b.actor("custodian"), b.id["dataset"], version, "wrong-link", 3)
	b.must(err)
	if len(rec.Frozen) != 1 || len(rec.Linkages) != 1 || rec.Dataset != b.id["dataset"] {
		t.Errorf("%+v", rec)
	}
	if page := b.get("researcher", "/catalogue/"+b.id["dataset"]+"/versions/1"); !strings.Contains(page, "Taken back") || !strings.Contains(page, "emergency-feed") || strings.Contains(page, "Take this version back") {
		t.Error("the version's page lacks where it came from or what became of it, or offers what the viewer may not")
	}
	if page := b.get("engineer", apiPrefix+"/datasets/"+b.id["dataset"]+"/versions/1"); !strings.Contains(page, `"lineage"`) || strings.Contains(page, "20012") {
		t.Error("the API lacks the lineage, or shows an exact count")
	}
	if n, err := k.EnforceRecalls(ctx); err != nil || n != 0 {
		t.Errorf("destroyed %d before the time, %v", n, err)
	}
	b.later.set(4 * 24 * time.Hour)
	if n, err := k.EnforceRecalls(ctx); err != nil || n != 1 {
		t.Fatalf("destroyed %d after the time, %v", n, err)
	}
	b.must(b.st.View(ctx, func(q store.Querier) error {
		e, err := workspace.GetExtract(ctx, q, rec.Frozen[0].Extract)
		if err != nil {
			return err
		}
		if e.State != "ending" || len(e.Ended.Homes) != 1 || e.Ended.Homes[0] != ws {
			t.Errorf("%s %+v", e.State, e.Ended)
		}
		jobs, err := store.Jobs(ctx, q, "kind = 'start-workspace' AND subject = $1", ws)
		if err == nil && !strings.Contains(string(jobs[len(jobs)-1].Input), `"empty":true`) {
			t.Errorf("the workspace's copy is not taken out: %s", jobs[len(jobs)-1].Input)
		}
		if rec, err = catalogue.GetRecall(ctx, q, version); err == nil && (rec.State != "closed" || rec.Frozen[0].Ended == "") {
			t.Errorf("%+v", rec)
		}
		return err
	}))
	b.as("extract.apply", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyEnd(ctx, tx, rec.Frozen[0].Extract, workspace.EndResult{})
	})
	if err := w.Start(ctx, b.actor("researcher"), ws); !ark.Is(err, ark.Lapsed) {
		t.Errorf("started on a destroyed extract: %v", err)
	}
}

// What is being built or cut from a delivery when it is taken back comes to
// nothing.
func TestRecallWhileAtWork(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	ctx, k := context.Background(), b.rooms.Catalogue
	v, err := k.Publish(ctx, b.actor("engineer"), b.id["dataset"])
	b.must(err)
	if _, err := k.RecallDelivery(ctx, b.actor("engineer"), b.id["delivery"], "wrong-data", 7); err != nil {
		t.Fatal(err)
	}
	b.as("version.apply", store.Resource{Type: "Dataset", ID: b.id["dataset"]}, func(tx *store.Tx) ([]store.Event, error) {
		return k.ApplyVersion(ctx, tx, v.ID, catalogue.PublishResult{Manifest: b.mem.put("versions", "m2")})
	})
	b.must(b.st.View(ctx, func(q store.Querier) error {
		got, err := catalogue.GetVersion(ctx, q, v.ID)
		if err == nil && got.State != "failed" {
			t.Errorf("the version is %s", got.State)
		}
		return err
	}))
}
