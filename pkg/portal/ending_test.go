package portal

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
)

// TestEndOfAVersion: a version is destroyed when its retention is over, nothing
// that is in use was cut from it, nobody holds it and two people say so; each
// of these alone refuses it, with the reason. Afterwards nothing new comes of it.
func TestEndOfAVersion(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	ctx, k, w := context.Background(), b.rooms.Catalogue, b.rooms.Workspaces
	for short, human := range map[string]string{"second": "", "twin": "custodian"} {
		x := governance.User{Name: "Dr " + short, Email: short + "@example.org", Org: b.id["hospital"], Issuer: "http://id.localhost", Subject: short, Roles: []ark.Role{ark.Custodian}}
		if human != "" {
			b.must(b.st.View(ctx, func(q store.Querier) error {
				u, err := governance.GetUser(ctx, q, b.user(human))
				if err == nil {
					x.Human = u.Human
				}
				return err
			}))
		}
		u, err := b.rooms.Governance.AddUser(ctx, b.actor("operator"), x)
		b.must(err)
		b.id[short] = u.ID
	}
	project, _ := b.active("Alcohol and emergency care") // cut from version 1
	version := func(n int) (out catalogue.Version) {
		b.must(b.st.View(ctx, func(q store.Querier) error {
			vs, err := catalogue.Versions(ctx, q, b.id["dataset"])
			for _, v := range vs {
				if v.Number == n {
					out = v
				}
			}
			return err
		}))
		return out
	}
	one := version(1).ID
	at := "/catalogue/" + b.id["dataset"] + "/versions/1"
	refused := func(why string) {
		t.Helper()
		for _, step := range []func(context.Context, store.Actor, string) (*catalogue.Version, error){k.OrderEnd, k.ConfirmEnd} {
			if _, err := step(ctx, b.actor("second"), one); !ark.Is(err, ark.Conflict) || !strings.Contains(err.Error(), why) {
				t.Errorf("want a refusal because %q: %v", why, err)
			}
		}
	}
	refused("it is the newest")
	b.publish()
	refused("has no retention")
	def, err := catalogue.ParseDataset([]byte(strings.Replace(strings.ReplaceAll(datasetYAML, "SOURCE", "emergency-feed"), "profile: standard", "profile: standard\nretention: {superseded: 30, withdrawn: 10}", 1)))
	b.must(err)
	_, err = k.OfferDataset(ctx, b.actor("engineer"), *def)
	b.must(err)
	if page := b.get("custodian", at); !strings.Contains(page, "it is kept until") || !strings.Contains(page, "How long it is kept") {
		t.Error("the page does not say until when the version is kept")
	}
	refused("it is kept until")
	b.later.set(31 * 24 * time.Hour)
	refused("1 project has an extract that was cut from it")

	// The project's data are cut anew from a withdrawn version's successor; then
	// its retention as a withdrawn one counts from that day.
	rec, err := k.WithdrawVersion(ctx, b.actor("custodian"), b.id["dataset"], one, "wrong-link", 3)
	b.must(err)
	refused("it is kept until")
	b.later.set(42 * 24 * time.Hour)
	refused("1 project has an extract") // frozen
	b.must(b.rooms.Governance.CloseProject(ctx, b.actor("researcher"), project, "done"))
	b.must(w.EndAll(ctx, project, "its project has ended"))
	b.as("extract.apply", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyEnd(ctx, tx, rec.Frozen[0].Extract, workspace.EndResult{})
	})
	refusedHold := func(who string) {
		t.Helper()
		if _, err := k.HoldVersion(ctx, b.actor(who), one, "litigation"); !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s held a version: %v", who, err)
		}
	}
	refusedHold("researcher")
	refusedHold("labcustodian")

	// One person alone cannot, by whatever account; nor who is not concerned.
	for _, who := range []string{"researcher", "labcustodian", "checker1", "operator"} {
		if _, err := k.OrderEnd(ctx, b.actor(who), one); !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s ordered it: %v", who, err)
		}
	}
	if _, err := k.ConfirmEnd(ctx, b.actor("custodian"), one); !ark.Is(err, ark.Conflict) {
		t.Errorf("confirmed what nobody ordered: %v", err)
	}
	b.get("custodian", at)
	if code, to, body := b.post("custodian", "/versions/"+one+"/destroy"); code != 303 || to != at {
		t.Fatalf("%d %s %s", code, to, body)
	}
	for _, who := range []string{"custodian", "twin", "labcustodian", "engineer", "researcher"} {
		if _, err := k.ConfirmEnd(ctx, b.actor(who), one); !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s confirmed it: %v", who, err)
		}
	}
	if home := b.get("second", "/home"); !strings.Contains(home, "s to be destroyed if you confirm") {
		t.Error("the other custodian is not told")
	}
	if home := b.get("custodian", "/home"); strings.Contains(home, "s to be destroyed if you confirm") {
		t.Error("who ordered it is asked to confirm")
	}

	// A hold voids the order, and keeps the version until it is lifted.
	if code, _, body := b.post("engineer", "/versions/"+one+"/hold", "reason", "litigation"); code != 303 {
		t.Fatalf("%d %s", code, body)
	}
	refused("it is on hold because a court case needs it")
	if page := b.get("second", at); !strings.Contains(page, "A court case needs it") && !strings.Contains(page, "a court case needs it") {
		t.Error("the page does not tell of the hold")
	}
	if _, err := k.LiftHold(ctx, b.actor("engineer"), one); !ark.Is(err, ark.Forbidden) {
		t.Errorf("a data engineer lifted a hold: %v", err)
	}
	if resp, body := b.api("second", "POST", "/versions/"+one+"/unhold", "", "Idempotency-Key", "lift-the-hold"); resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	if _, err := k.ConfirmEnd(ctx, b.actor("second"), one); !ark.Is(err, ark.Conflict) {
		t.Errorf("confirmed an order that a hold voided: %v", err)
	}
	_, err = k.OrderEnd(ctx, b.actor("custodian"), one)
	b.must(err)
	if code, to, body := b.post("second", "/versions/"+one+"/confirm"); code != 303 || to != at {
		t.Fatalf("%d %s %s", code, to, body)
	}
	if v := version(1); v.State != "ending" {
		t.Fatalf("the version is %s", v.State)
	}
	if _, err := k.HoldVersion(ctx, b.actor("custodian"), one, "audit"); !ark.Is(err, ark.Conflict) {
		t.Errorf("held while its key is being destroyed: %v", err)
	}

	// The system's part, as a crash repeats it; nobody else can say it was done.
	evidence := keys.Evidence{Name: keys.Of(keys.Versions, one), Time: time.Now(), Versions: 1, Method: "removed"}
	b.must(k.Shredded(ctx, one, evidence))
	b.must(k.Shredded(ctx, one, evidence))
	if err := k.Shredded(ctx, version(2).ID, evidence); !ark.Is(err, ark.Conflict) {
		t.Errorf("a version was shredded that nobody had destroyed: %v", err)
	}
	b.must(b.st.View(ctx, func(q store.Querier) error {
		jobs, err := store.Jobs(ctx, q, "kind = 'certify-version'")
		if len(jobs) != 1 {
			t.Errorf("%d certificates are made", len(jobs))
		}
		return err
	}))
	if resp, _ := b.do("researcher", "GET", at+"/certificate", nil); resp.StatusCode < 400 {
		t.Error("there is a certificate before it is signed")
	}
	b.as("version.apply", store.Resource{Type: "Dataset", ID: b.id["dataset"]}, func(tx *store.Tx) ([]store.Event, error) {
		return k.ApplyEnd(ctx, tx, one, catalogue.EndVersionResult{Certificate: b.mem.put("versions", `{"payload":"signed"}`)})
	})
	if page := b.get("researcher", at); !strings.Contains(page, "certificate.json") || !strings.Contains(page, "Dr second") {
		t.Error("the page lacks the certificate, or who confirmed")
	}
	if got := b.get("researcher", at+"/certificate"); got != `{"payload":"signed"}` {
		t.Errorf("the certificate is %q", got)
	}
	acts := b.get("auditor", apiPrefix+"/acts?limit=100")
	for _, want := range []string{"version.held", "version.unheld", "version.end-ordered", "version.ending", "version.shredded", "version.destroyed"} {
		if !strings.Contains(acts, want) {
			t.Errorf("the recorded acts lack %s", want)
		}
	}
	// Nothing new comes of it.
	b.must(b.st.View(ctx, func(q store.Querier) error {
		if _, err := k.PlanGrant(ctx, q, b.id["dataset"], one, map[string][]string{"person": {"sex"}}, nil, nil, nil); !ark.Is(err, ark.Conflict) {
			t.Errorf("planned a cut of it: %v", err)
		}
		return nil
	}))
	for name, do := range map[string]func() error{
		"destroyed twice": func() error { _, err := k.ConfirmEnd(ctx, b.actor("second"), one); return err },
		"withdrawn": func() error {
			_, err := k.WithdrawVersion(ctx, b.actor("custodian"), b.id["dataset"], one, "wrong-link", 3)
			return err
		},
		"held": func() error { _, err := k.HoldVersion(ctx, b.actor("custodian"), one, "audit"); return err },
	} {
		if err := do(); !ark.Is(err, ark.Conflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEndsAreRepeated: a version that was destroyed after a backup is at its end
// again before a restored Ark starts, and another becomes the newest.
func TestEndsAreRepeated(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	b.publish()
	ctx, k := context.Background(), b.rooms.Catalogue
	var d *catalogue.Dataset
	read := func() (v *catalogue.Version) {
		b.must(b.st.View(ctx, func(q store.Querier) (err error) {
			if d == nil {
				if d, err = catalogue.GetDataset(ctx, q, b.id["dataset"]); err != nil {
					return err
				}
			}
			v, err = catalogue.GetVersion(ctx, q, d.Latest)
			return err
		}))
		return v
	}
	newest := read()
	for range 2 { // what is at its end stays there
		b.must(b.st.Act(ctx, store.Actor{System: "governance"}, "ark.restore", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
			events, err := k.RepeatEnds(ctx, tx, []string{newest.ID, "ver_00000000000070008000000000000009"})
			return append(events, store.Event{Type: "ark.restored"}), err
		}))
	}
	if v := read(); v.State != "ending" {
		t.Errorf("the version is %s", v.State)
	}
	b.must(b.st.View(ctx, func(q store.Querier) error {
		jobs, err := store.Jobs(ctx, q, "kind = 'destroy-version'")
		if len(jobs) != 1 {
			t.Errorf("%d jobs destroy it", len(jobs))
		}
		if x, e := catalogue.GetDataset(ctx, q, d.ID); e != nil || x.Latest == newest.ID || x.Latest == "" {
			t.Errorf("the newest is %v, %v", x, e)
		}
		return err
	}))
}

// Attack: an Ark is restored from a backup in which a project holds, and is
// being cut another of, what had been destroyed since. Both are frozen with the
// workspace before anybody works; nothing is refreshed onto a destroyed version,
// cut, computed again or started from it, and the cut that was under way counts
// for nothing. What can be is cut anew from the version that is left.
func TestWhatRestsOnADestroyedVersion(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	ctx, k, w := context.Background(), b.rooms.Catalogue, b.rooms.Workspaces
	project, ws := b.active("Alcohol and emergency care")
	_, err := w.Subscribe(ctx, b.actor("researcher"), project, b.id["dataset"])
	b.must(err)
	b.publish()
	b.later.set(month)
	b.freshList()
	if n, err := w.Refresh(ctx); err != nil || n != 1 {
		t.Fatalf("%d extracts were begun, %v", n, err)
	}
	var numbers []string
	var jobs int
	look := func() (es []workspace.Extract, x *workspace.Workspace, latest string) {
		t.Helper()
		b.must(b.st.View(ctx, func(q store.Querier) error {
			vs, err := catalogue.Versions(ctx, q, b.id["dataset"])
			numbers = nil
			for _, v := range vs {
				numbers = append(numbers, v.ID)
			}
			b.must(err)
			d, err := catalogue.GetDataset(ctx, q, b.id["dataset"])
			latest = d.Latest
			b.must(err)
			cuts, err := store.Jobs(ctx, q, "kind = 'cut' AND state <> 'cancelled'")
			jobs = len(cuts)
			return err
		}))
		_, es, x, _ = b.follows(project, ws)
		return es, x, latest
	}
	look()
	end := func(version string) {
		t.Helper()
		b.must(b.st.Act(ctx, store.Actor{System: "governance"}, "ark.restore", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
			events, err := k.RepeatEnds(ctx, tx, []string{version})
			return append(events, store.Event{Type: "ark.restored"}), err
		}))
	}
	// The newest, of which a cut is under way.
	two := numbers[1]
	end(two)
	es, x, latest := look()
	if len(es) != 3 || es[0].State != "ready" || es[1].State != "frozen" || es[2].State != "cutting" || es[2].Versions[0] != numbers[0] || latest != numbers[0] || x.State != "running" {
		t.Fatalf("%d extracts %+v, newest %s, workspace %s", len(es), es, latest, x.State)
	}
	if page := b.get("custodian", "/catalogue/"+b.id["dataset"]+"/versions/2"); !strings.Contains(page, "after the backup from which this Ark was restored") {
		t.Error("the version's page does not say why its extract was frozen")
	}
	dropped := func(e workspace.Extract) {
		t.Helper()
		b.as("extract.apply", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
			return w.ApplyCut(ctx, tx, e.ID, workspace.CutResult{Tables: []workspace.ExtractTable{{Name: "emergency__person"}}})
		})
	}
	dropped(es[1])
	if now, _, _ := look(); now[1].State != "frozen" || len(now[1].Tables) > 0 {
		t.Errorf("a cut of a destroyed version counts: %+v", now[1])
	}
	// And the one before, which the workspace has.
	end(numbers[0])
	es, x, latest = look()
	if es[0].State != "frozen" || es[2].State != "frozen" || latest != "" || x.State != "frozen" || len(es) != 3 {
		t.Fatalf("%d extracts %+v, newest %q, workspace %s", len(es), es, latest, x.State)
	}
	before := jobs
	dropped(es[2])
	if n, err := w.Refresh(ctx); err != nil || n != 0 {
		t.Errorf("refreshed %d onto a destroyed version, %v", n, err)
	}
	if err := w.Start(ctx, b.actor("researcher"), ws); !ark.Is(err, ark.Lapsed) {
		t.Errorf("started on it: %v", err)
	}
	b.must(b.st.View(ctx, func(q store.Querier) error {
		for _, e := range es {
			if err := e.Stands(ctx, q); !ark.Is(err, ark.Conflict) || !strings.Contains(err.Error(), "taken back") {
				t.Errorf("an output of it would be computed again: %v", err)
			}
		}
		e := es[0]
		e.State = "ready" // as if nothing had frozen it
		if err := e.Stands(ctx, q); !ark.Is(err, ark.Conflict) || !strings.Contains(err.Error(), "version 1, which its extract was cut from, was destroyed") {
			t.Errorf("an output of it would be computed again: %v", err)
		}
		for _, version := range []string{"", numbers[0], two} {
			if _, err := k.PlanGrant(ctx, q, b.id["dataset"], version, map[string][]string{"person": {"sex"}}, nil, nil, nil); !ark.Is(err, ark.Conflict) || !strings.Contains(err.Error(), "published") {
				t.Errorf("a cut of %q: %v", version, err)
			}
		}
		return nil
	}))
	if err := b.st.Act(ctx, store.Actor{System: "governance"}, "extract.cut", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		_, err := w.CutForRun(ctx, tx, es[0].Permit, "run")
		return []store.Event{{Type: "extract.started", Project: project}}, err
	}); !ark.Is(err, ark.Conflict) {
		t.Errorf("a run of a standing output was cut from it: %v", err)
	}
	if es, _, _ = look(); len(es) != 3 || jobs != before {
		t.Errorf("something was begun: %d extracts, %d cuts, want %d", len(es), jobs, before)
	}
	// What was published before versions had keys of their own is kept, and says why.
	b.publish()
	look()
	b.as("version.apply", store.Resource{Type: "Dataset", ID: b.id["dataset"]}, func(tx *store.Tx) ([]store.Event, error) {
		_, err := tx.ExecContext(ctx, `UPDATE versions SET doc = REPLACE(doc, '"own_key":true', '"own_key":false') WHERE id = $1`, numbers[2])
		return []store.Event{{Type: "version.published"}}, err
	})
	rec, err := k.WithdrawVersion(ctx, b.actor("custodian"), b.id["dataset"], numbers[2], "wrong-data", 3)
	b.must(err)
	if _, err := k.OrderEnd(ctx, b.actor("custodian"), numbers[2]); !ark.Is(err, ark.Conflict) || !strings.Contains(err.Error(), "its key seals others too") {
		t.Errorf("a version of an older Ark: %v", err)
	}
	if rec.State != "open" && len(rec.Frozen) > 0 {
		t.Errorf("%+v", rec)
	}
	if n, err := w.Refresh(ctx); err != nil || n != 0 {
		t.Errorf("refreshed %d onto a withdrawn version, %v", n, err)
	}
}
