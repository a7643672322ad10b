package portal

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
)

const month = 31 * 24 * time.Hour

// freshList has a list of opt-outs received and linked, so that it is not too
// old to cut by.
func (b *bench) freshList() {
	ctx, k := context.Background(), b.rooms.Catalogue
	b.must(k.ReceiveList(ctx, b.actor("engineer"), catalogue.ListOptOuts, b.mem.put("lists", fmt.Sprint("later", b.later.by.Load()))))
	l, err := k.RunLinkage(ctx, b.actor("engineer"))
	b.must(err)
	b.as("linkage.apply", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		return k.ApplyLinkage(ctx, tx, l.ID, catalogue.LinkResult{Outputs: refs{"index": b.mem.put("index", "x"), "persons": b.mem.put("index", "y"), "optouts": b.mem.put("index", "o")}})
	})
}

// follows reads what a project follows, its extracts and its workspace.
func (b *bench) follows(project, ws string) (s workspace.Subscription, es []workspace.Extract, w *workspace.Workspace, events int) {
	ctx := context.Background()
	b.must(b.st.View(ctx, func(q store.Querier) (err error) {
		all, err := workspace.SubscriptionsOf(ctx, q, project)
		if err != nil {
			return err
		}
		if len(all) > 0 {
			s = all[0]
		}
		if es, err = workspace.ExtractsOf(ctx, q, project); err != nil {
			return err
		}
		if err := q.QueryRowContext(ctx, `SELECT COUNT(*) FROM outbox WHERE type LIKE 'refresh.%'`).Scan(&events); err != nil {
			return err
		}
		w, err = workspace.Get(ctx, q, ws)
		return err
	}))
	return s, es, w, events
}

// TestRefresh follows a dataset: a newer version is taken as often as the permit
// allows and by a fresh list of opt-outs only; the workspace keeps what it has
// until it is started again; a version to which the permit does not fit is
// refused, until one comes that it fits.
func TestRefresh(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	ctx, k, w := context.Background(), b.rooms.Catalogue, b.rooms.Workspaces
	project, ws := b.active("Alcohol and emergency care")
	address := "/projects/" + project + "/versions"
	refresh := func(want int, when string) {
		t.Helper()
		if n, err := w.Refresh(ctx); err != nil || n != want {
			t.Fatalf("%s: %d extracts were begun, %v; want %d", when, n, err, want)
		}
	}

	if code, _, _ := b.post("colleague", address+"/follow", "dataset", b.id["dataset"]); code < 400 {
		t.Error("somebody who does not lead the project follows newer versions")
	}
	if _, err := w.Subscribe(ctx, b.actor("researcher"), project, "dst_other"); !ark.Is(err, ark.Invalid) {
		t.Errorf("a dataset that the permit does not grant: %v", err)
	}
	if code, to, body := b.post("researcher", address+"/follow", "dataset", b.id["dataset"]); code != 303 || to != address {
		t.Fatalf("%d %s %s", code, to, body)
	}
	refresh(0, "with no newer version")
	b.publish()
	refresh(0, "before a month has passed")
	b.later.set(month)
	refresh(0, "by a list that has grown old")
	s, es, _, events := b.follows(project, ws)
	if len(es) != 1 || s.State != "following" || !strings.Contains(s.Says, "opt-out") {
		t.Fatalf("%d extracts; %+v", len(es), s)
	}
	refresh(0, "by the old list again")
	if _, _, _, again := b.follows(project, ws); again != events {
		t.Error("what it waits for is recorded each time that it is tried")
	}
	b.freshList()
	refresh(1, "by a fresh list")
	refresh(0, "while it is being cut")
	s, es, _, _ = b.follows(project, ws)
	if len(es) != 2 || len(s.Taken) != 1 || s.Taken[0].Extract != es[1].ID || es[1].Versions[0] != s.Taken[0].To || s.Taken[0].From != es[0].Versions[0] || s.Says != "" {
		t.Fatalf("%+v %+v", s, es)
	}
	cut := func(e workspace.Extract) {
		b.as("extract.apply", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
			return w.ApplyCut(ctx, tx, e.ID, workspace.CutResult{Tables: []workspace.ExtractTable{{Name: "emergency__person", Variables: []string{"person", "sex"}}}})
		})
	}
	cut(es[1])
	_, _, x, _ := b.follows(project, ws)
	if x.Extract != es[0].ID {
		t.Error("the running workspace has the new extract beside the old one")
	}
	if page := b.get("researcher", "/workspaces/"+ws); !strings.Contains(page, "A newer extract of this project is ready") {
		t.Error("the workspace’s page does not say that there is a newer extract")
	}
	b.must(w.Stop(ctx, b.actor("operator"), ws))
	b.must(b.rooms.Governance.RecordTraining(ctx, b.actor("operator"), b.user("researcher"), time.Now().AddDate(1, 0, 0), time.Now().AddDate(1, 0, 0)))
	b.must(w.Start(ctx, b.actor("researcher"), ws))
	if _, _, x, _ = b.follows(project, ws); x.Extract != es[1].ID {
		t.Error("the workspace was started on the old extract")
	}
	if page := b.get("researcher", address); !strings.Contains(page, "what changed") || !strings.Contains(page, "version 2") {
		t.Error("the page does not say what was taken")
	}
	if page := b.get("researcher", "/projects/"+project); !strings.Contains(page, "newer ones are taken of 1 dataset") {
		t.Error("the project’s page does not say that it follows")
	}

	// A variable of the permit changes its type: the version is refused, once.
	offer := func(from, to string) {
		def, err := catalogue.ParseDataset([]byte(strings.ReplaceAll(strings.Replace(datasetYAML, from, to, 1), "SOURCE", "emergency-feed")))
		b.must(err)
		_, err = k.OfferDataset(ctx, b.actor("engineer"), *def)
		b.must(err)
	}
	offer("{name: arrived, type: date, meaning: Day of arrival, sensitivity: ordinary, transform: month}", "{name: arrived, type: integer, meaning: Year of arrival, sensitivity: ordinary, transform: year}")
	b.later.set(2 * month)
	b.freshList()
	b.publish()
	refresh(0, "of a version with a retyped variable")
	s, es, _, events = b.follows(project, ws)
	if s.State != "refused" || len(es) != 2 || !strings.Contains(s.Says, "attendance.arrived was of the type date and is integer") || !strings.Contains(s.Says, "amendment") {
		t.Fatalf("%+v", s)
	}
	refresh(0, "of the same version again")
	if _, _, _, again := b.follows(project, ws); again != events {
		t.Error("the refusal is recorded each time that it is tried")
	}
	for _, who := range []string{"researcher", "custodian"} {
		if page := b.get(who, address); !strings.Contains(page, "was of the type date") {
			t.Errorf("%s does not see why the version was refused", who)
		}
	}
	if page := b.get("engineer", "/catalogue/"+b.id["dataset"]); !strings.Contains(page, "Projects that take newer versions") || !strings.Contains(page, "was of the type date") {
		t.Error("the data engineer does not see which project could not take the version")
	}
	if page := b.get("labcustodian", "/catalogue/"+b.id["dataset"]); strings.Contains(page, "Projects that take newer versions") {
		t.Error("others see which projects follow a dataset")
	}
	// What the permit does not grant may change, and be gone.
	offer("      - {name: ethnicity, type: string, meaning: Ethnic category, sensitivity: sensitive, transform: keep}\n", "")
	b.publish()
	refresh(1, "of a version that it fits")
	if s, es, _, _ = b.follows(project, ws); s.State != "following" || s.Refused != "" || len(s.Taken) != 2 {
		t.Fatalf("%+v", s)
	}
	cut(es[2])

	// Who may stop it, and who go on.
	if code, _, _ := b.post("labcustodian", address+"/"+s.ID+"/stop"); code < 400 {
		t.Error("a custodian who is not concerned stopped it")
	}
	if code, _, body := b.post("researcher", address+"/"+s.ID+"/pause"); code != 303 {
		t.Fatalf("%d %s", code, body)
	}
	b.later.set(3 * month)
	b.freshList()
	b.publish()
	refresh(0, "while it is paused")
	if code, _, body := b.post("researcher", address+"/follow", "dataset", b.id["dataset"]); code != 303 {
		t.Fatalf("%d %s", code, body)
	}
	if code, _, body := b.post("custodian", address+"/"+s.ID+"/stop"); code != 303 {
		t.Fatalf("%d %s", code, body)
	}
	if _, err := w.Subscribe(ctx, b.actor("researcher"), project, b.id["dataset"]); !ark.Is(err, ark.Conflict) {
		t.Errorf("the lead went on with what a custodian stopped: %v", err)
	}
	refresh(0, "after it was stopped")
	if err := w.Halt(ctx, b.actor("operator"), "prj_other", s.ID, "stopped"); err == nil {
		t.Error("a subscription was stopped through another project")
	}
}

// TestRefreshNeedsThePermit: without a schedule on the permit nothing newer is
// taken, and an unknown schedule is refused.
func TestRefreshNeedsThePermit(t *testing.T) {
	for schedule, ok := range map[string]bool{"": false, "each": true, "weekly": true, "monthly": true, "quarterly": true, "yearly": false} {
		if _, may := (governance.Permit{Refresh: schedule}).RefreshAfter(); may != ok {
			t.Errorf("%q allows it: %v", schedule, may)
		}
	}
	b := newBench(t)
	b.people()
	b.data()
	ctx, g := context.Background(), b.rooms.Governance
	x, err := g.CreateProject(ctx, b.actor("researcher"), "Once")
	b.must(err)
	a := b.answers("Once")
	a.Refresh = "yearly"
	b.must(g.EditApplication(ctx, b.actor("researcher"), x.ID, a))
	if err := g.Submit(ctx, b.actor("researcher"), x.ID); !ark.Is(err, ark.Invalid) {
		t.Errorf("an unknown schedule was submitted: %v", err)
	}
}
