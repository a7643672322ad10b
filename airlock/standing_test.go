package airlock_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

const ward = "dst_00000000000070008000000000000001"

// granting makes the project's permit grant the dataset ward.
func (w *world) granting(t testing.TB, change func(*governance.Permit)) {
	t.Helper()
	w.seed(t, func(tx *store.Tx) {
		p, err := governance.GetPermit(context.Background(), tx, w.permit)
		must(t, err)
		p.Grants = []governance.Grant{{Dataset: ward}}
		if change != nil {
			change(p)
		}
		insert(t, tx, "permits", p, "id", p.ID, "project", w.project, "until", p.Until.Unix())
		x, err := governance.GetProject(context.Background(), tx, w.project)
		must(t, err)
		x.Orgs, x.Permit = []string{home}, p.ID
		insert(t, tx, "projects", x, "id", x.ID, "state", x.State)
	})
}

// leave releases a table with its specification, and returns the release.
func (w *world) leave(t testing.TB) string {
	t.Helper()
	s := submission()
	s.Files = append(s.Files, airlock.SubmittedFile{Name: "a.csv" + airlock.SpecSuffix, Kind: airlock.KindSupporting, Ref: pin('9')})
	r, err := w.Submit(t.Context(), w.as("author"), w.workspace, s)
	must(t, err)
	w.checked(t, r.ID, "pass")
	w.review(t, "bob", r.ID, yes, yes)
	w.review(t, "cy", r.ID, yes, yes)
	must(t, w.Release(t.Context(), w.as("cy"), r.ID, false))
	return w.sign(t, r.ID, nil)
}

func (w *world) proposal(to ...string) airlock.Proposal {
	p := airlock.Proposal{File: 1, Title: "Attendances by ward", Use: "The ward manager plans next week's staff by it."}
	for _, name := range to {
		p.Recipients = append(p.Recipients, w.users[name].ID)
	}
	return p
}

// as system parts do.
func (w *world) system(t testing.TB, part, action string, on store.Resource, change func(*store.Tx) ([]store.Event, error)) {
	t.Helper()
	must(t, w.St.Act(context.Background(), store.Actor{System: part}, action, on, change))
}

func (w *world) tried(t testing.TB, id, failed string) {
	t.Helper()
	w.system(t, "worker", "standing.apply", store.Resource{Type: "Standing", ID: id}, func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyMake(context.Background(), tx, airlock.MakeJob{Standing: id}, airlock.MakeResult{Failed: failed})
	})
}

// publish makes a new version of ward, and returns the run that it started.
func (w *world) publish(t testing.TB, standing string, number int) string {
	t.Helper()
	w.clock.Set(w.clock.Now().Add(time.Millisecond))
	w.seed(t, func(tx *store.Tx) {
		_, err := w.VersionPublished(context.Background(), tx, airlock.Published{Dataset: ward, Version: fmt.Sprintf("ver_%032d", number), Number: number, Received: w.clock.Now().Add(-time.Hour)})
		must(t, err)
	})
	return w.runs(t, standing)[0].ID
}

func (w *world) runs(t testing.TB, standing string) []airlock.Run {
	t.Helper()
	var out []airlock.Run
	must(t, w.St.View(context.Background(), func(q store.Querier) (err error) {
		out, err = airlock.RunsOf(context.Background(), q, standing)
		return err
	}))
	return out
}

func (w *world) standing(t testing.TB, id string) *airlock.Standing {
	t.Helper()
	var s *airlock.Standing
	must(t, w.St.View(context.Background(), func(q store.Querier) (err error) {
		s, err = airlock.GetStanding(context.Background(), q, id)
		return err
	}))
	return s
}

func (w *world) begin(t testing.TB, run string) error {
	t.Helper()
	return w.Begin(t.Context(), run, func(context.Context, *store.Tx, string, string) (string, error) {
		return "ext_" + run[4:], nil
	})
}

// made plays what the workers do with a run, and returns its request.
func (w *world) made(t testing.TB, standing, run string) string {
	t.Helper()
	must(t, w.begin(t, run))
	w.system(t, "worker", "extract.apply", store.Resource{Type: "Project", ID: w.project}, func(tx *store.Tx) ([]store.Event, error) {
		more, err := w.ExtractCut(context.Background(), tx, run, true, "")
		return append(more, store.Event{Type: "test.cut"}), err
	})
	w.system(t, "worker", "standing.apply", store.Resource{Type: "Standing", ID: standing}, func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyMake(context.Background(), tx, airlock.MakeJob{Standing: standing, Run: run}, airlock.MakeResult{Rows: 2,
			Table: objects.Ref{Zone: objects.Outputs, Name: run, SHA256: strings.Repeat("8", 64), Size: 10}})
	})
	return w.runs(t, standing)[0].Request
}

// active is a standing output that is run on each new version.
func (w *world) active(t testing.TB, to ...string) string {
	t.Helper()
	w.granting(t, nil)
	s, err := w.Propose(t.Context(), w.as("author"), w.leave(t), w.proposal(to...))
	must(t, err)
	w.tried(t, s.ID, "")
	must(t, w.Approve(t.Context(), w.as("ann"), s.ID))
	if w.standing(t, s.ID).State == "proposed" {
		must(t, w.Approve(t.Context(), w.as("custodian"), s.ID))
	}
	return s.ID
}

// TestStandingOutputOverThreeVersions: proposed from a release, tried, approved
// by a checker and, since a recipient is not on the permit, a custodian; then
// each version is made, checked, confirmed by one checker, sent and answered.
func TestStandingOutputOverThreeVersions(t *testing.T) {
	w := newWorld(t)
	id := w.active(t, "outsider", "member")
	if a := w.standing(t, id).Approvals; len(a) != 2 || a[0].As != airlock.AsChecker || a[1].As != airlock.AsCustodian {
		t.Fatalf("approved by %+v", a)
	}
	for n := 2; n <= 4; n++ {
		w.clock.Set(noon.Add(time.Duration(n) * time.Hour))
		run := w.publish(t, id, n)
		req := w.made(t, id, run)
		v := w.look(t, "author", req)
		if v.Class != airlock.ClassStanding || v.Checkers != 1 || len(v.Files) != 2 || v.Files[0].Kind != airlock.KindOutput || v.Files[1].Name != "a.csv"+airlock.SpecSuffix {
			t.Fatalf("the request of version %d: %+v", n, v)
		}
		if err := w.Resubmit(t.Context(), w.as("author"), req, submission(), "Mine instead."); !ark.Is(err, ark.Conflict) && !ark.Is(err, ark.Invalid) {
			t.Errorf("other files took the place of what was made: %v", err)
		}
		w.checked(t, req, "pass")
		w.review(t, "ann", req, yes)
		if s := w.look(t, "ann", req).State; s != "reviewed" {
			t.Fatalf("after its one checker: %s", s)
		}
		if err := w.Release(t.Context(), store.Actor{User: w.users["ann"].ID}, req, false); !ark.Is(err, ark.Unsigned) {
			t.Errorf("confirmed without a second factor: %v", err)
		}
		must(t, w.Release(t.Context(), w.as("ann"), req, false))
		w.clock.Set(w.clock.Now().Add(10 * time.Minute))
		rel := w.sign(t, req, nil)
		if _, err := w.Download(t.Context(), w.as("author"), rel); !ark.Is(err, ark.Forbidden) {
			t.Errorf("the author, who is no recipient, downloaded it: %v", err)
		}
		if err := w.Answer(t.Context(), w.as("author"), id, run, airlock.Answer{Acted: true, Says: "x"}); !ark.Is(err, ark.Forbidden) {
			t.Errorf("the author, who is no recipient, answered: %v", err)
		}
		w.clock.Set(w.clock.Now().Add(5 * time.Minute))
		_, err := w.Download(t.Context(), w.as("outsider"), rel)
		must(t, err)
		w.clock.Set(w.clock.Now().Add(5 * time.Minute))
		must(t, w.Answer(t.Context(), w.as("outsider"), id, run, airlock.Answer{Acted: n == 3, Says: "Two more nurses.", Benefit: "Shorter waits."}))
		must(t, w.Answer(t.Context(), w.as("member"), id, run, airlock.Answer{Says: "For information."}))
		r := w.runs(t, id)[0]
		if r.State != "answered" || len(r.Answers) != 2 || r.Release != rel || r.Number != n ||
			r.Confirmed.Sub(r.Published) != 10*time.Minute || r.Opened.Sub(r.Confirmed) != 5*time.Minute || r.Published.Sub(r.Received) != time.Hour {
			t.Errorf("version %d: %+v", n, r)
		}
		if acted := r.Acted(); acted.IsZero() == (n == 3) || n == 3 && acted.Sub(r.Received) != 80*time.Minute {
			t.Errorf("version %d was acted on at %s", n, acted)
		}
	}
	var alone airlock.Alone
	must(t, w.St.View(t.Context(), func(q store.Querier) (err error) {
		alone, err = airlock.ReadAlone(t.Context(), q)
		return err
	}))
	if alone != (airlock.Alone{Requests: 3}) { // noted, and nothing left by it: each was approved by a person above
		t.Errorf("automatic release would have been for %+v", alone)
	}
	if got := w.runs(t, id); len(got) != 3 {
		t.Errorf("%d runs", len(got))
	}
}

// TestStandingOutputsAreGuarded tries everything that must not be.
func TestStandingOutputsAreGuarded(t *testing.T) {
	w := newWorld(t)
	w.granting(t, nil)
	rel := w.leave(t)
	ctx := t.Context()
	bad := w.proposal("outsider")
	bad.File = 2
	if _, err := w.Propose(ctx, w.as("author"), rel, bad); !ark.Is(err, ark.Conflict) {
		t.Errorf("a file without a specification: %v", err)
	}
	bad.File, bad.Recipients = 1, []string{"usr_00000000000070008000000000000099"}
	if _, err := w.Propose(ctx, w.as("author"), rel, bad); !ark.Is(err, ark.Invalid) {
		t.Errorf("a recipient without an account: %v", err)
	}
	if _, err := w.Propose(ctx, w.as("author"), rel, w.proposal("ann")); !ark.Is(err, ark.Invalid) {
		t.Errorf("an output checker as recipient: %v", err)
	}
	for _, who := range []string{"member", "outsider", "ann", "operator"} {
		if _, err := w.Propose(ctx, w.as(who), rel, w.proposal("member")); !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s proposed: %v", who, err)
		}
	}
	s, err := w.Propose(ctx, w.as("author"), rel, w.proposal("outsider"))
	must(t, err)
	if err := w.Approve(ctx, w.as("ann"), s.ID); !ark.Is(err, ark.Conflict) {
		t.Errorf("approved before it was tried: %v", err)
	}
	w.tried(t, s.ID, "")
	see := func(who string) error {
		return w.St.Check(ctx, w.as(who), "standing.read", store.Resource{Type: "Standing", ID: s.ID})
	}
	if err := see("outsider"); !ark.Is(err, ark.Forbidden) {
		t.Errorf("a recipient reads what no checker has: %v", err)
	}
	for _, who := range []string{"author-checker", "member-checker", "author", "engineer", "auditor"} {
		if err := w.Approve(ctx, w.as(who), s.ID); !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s approved: %v", who, err)
		}
	}
	if err := w.Approve(ctx, w.as("custodian"), s.ID); !ark.Is(err, ark.Conflict) {
		t.Errorf("a custodian approved what no checker has read: %v", err)
	}
	words := func(who string, checker bool) string {
		var got airlock.Standing
		must(t, w.St.View(ctx, func(q store.Querier) error {
			x, err := airlock.GetStanding(ctx, q, s.ID)
			if err == nil {
				got = x.For(w.as(who).User, checker)
			}
			return err
		}))
		return got.Title + got.Use
	}
	if words("author", false) != words("ann", true) || words("custodian", false) != airlock.UnreadTitle || words("auditor", false) != airlock.UnreadTitle || words("member", false) != airlock.UnreadTitle {
		t.Errorf("read before a checker has: %q by the custodian, %q by the auditor, %q by a member", words("custodian", false), words("auditor", false), words("member", false))
	}
	must(t, w.Approve(ctx, w.as("ann"), s.ID))
	if words("custodian", false) != words("author", false) {
		t.Error("the custodian cannot read what a checker has")
	}
	must(t, see("outsider"))
	for _, who := range []string{"ann", "ann-again", "bob"} {
		if err := w.Approve(ctx, w.as(who), s.ID); !ark.Is(err, ark.Conflict) {
			t.Errorf("%s approved in the place of the custodian: %v", who, err)
		}
	}
	w.seed(t, func(tx *store.Tx) {
		more, err := w.VersionPublished(context.Background(), tx, airlock.Published{Dataset: ward, Version: "ver_1"})
		must(t, err)
		if len(more) != 0 {
			t.Error("it ran before the custodian had approved")
		}
	})
	must(t, w.Approve(ctx, w.as("custodian"), s.ID))

	first := w.publish(t, s.ID, 2)
	second := w.publish(t, s.ID, 3) // before the first was made
	rs := w.runs(t, s.ID)
	if rs[1].ID != first || rs[1].State != "stopped" || rs[0].State != "waiting" {
		t.Errorf("two versions at once: %+v", rs)
	}
	must(t, w.begin(t, first)) // its job comes late
	if w.runs(t, s.ID)[1].State != "stopped" {
		t.Error("a run that was overtaken went on")
	}
	must(t, w.begin(t, second))
	must(t, w.begin(t, second)) // the job is repeated after a crash
	w.system(t, "worker", "extract.apply", store.Resource{Type: "Project", ID: w.project}, func(tx *store.Tx) ([]store.Event, error) {
		more, err := w.ExtractCut(context.Background(), tx, second, false, "no room")
		return append(more, store.Event{Type: "test.cut"}), err
	})
	if r := w.runs(t, s.ID)[0]; r.State != "failed" || r.Says != "no room" {
		t.Errorf("an extract that failed: %+v", r)
	}
	third := w.publish(t, s.ID, 4)
	w.seed(t, func(tx *store.Tx) {
		x, err := governance.GetProject(context.Background(), tx, w.project)
		must(t, err)
		x.State = "suspended"
		insert(t, tx, "projects", x, "id", x.ID, "state", x.State)
	})
	must(t, w.begin(t, third))
	if r := w.runs(t, s.ID)[0]; r.State != "failed" || !strings.Contains(r.Says, "not active") {
		t.Errorf("of a suspended project: %+v", r)
	}
	w.seed(t, func(tx *store.Tx) {
		x, err := governance.GetProject(context.Background(), tx, w.project)
		must(t, err)
		x.State = "active"
		insert(t, tx, "projects", x, "id", x.ID, "state", x.State)
	})

	// An amended permit pauses it until it is approved anew.
	fourth := w.publish(t, s.ID, 5)
	w.permit = ark.MakeID(ark.PrefixPermit)
	w.seed(t, func(tx *store.Tx) {
		old, err := governance.GetPermit(context.Background(), tx, w.standing(t, s.ID).Permit)
		must(t, err)
		old.ID, old.Destination = w.permit, "elsewhere"
		insert(t, tx, "permits", old, "id", old.ID, "project", w.project, "until", old.Until.Unix())
	})
	w.granting(t, nil)
	must(t, w.begin(t, fourth))
	if x := w.standing(t, s.ID); x.State != "paused" || len(x.Approvals) != 0 {
		t.Errorf("after an amendment: %+v", x)
	}
	must(t, w.Approve(ctx, w.as("bob"), s.ID))
	must(t, w.Approve(ctx, w.as("custodian"), s.ID))
	if x := w.standing(t, s.ID); x.State != "active" || x.Permit != w.permit || x.Destination != "elsewhere" {
		t.Errorf("approved anew: %+v", x)
	}

	// What is ended is ended, with what was on its way.
	fifth := w.publish(t, s.ID, 6)
	if err := w.EndStanding(ctx, w.as("ann"), s.ID, "No."); !ark.Is(err, ark.Forbidden) {
		t.Errorf("a checker ended it: %v", err)
	}
	must(t, w.EndStanding(ctx, w.as("custodian"), s.ID, "It is not used any more."))
	must(t, w.begin(t, fifth))
	if r := w.runs(t, s.ID)[0]; r.State != "stopped" {
		t.Errorf("a run of what was ended: %+v", r)
	}
	if err := w.Approve(ctx, w.as("ann"), s.ID); !ark.Is(err, ark.Conflict) {
		t.Errorf("approved after its end: %v", err)
	}
}

// TestStandingRunsThatAreRefused: a refused or withdrawn request stops its run,
// and nothing of it can be answered or answered for another.
func TestStandingRunsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	id := w.active(t, "outsider")
	run := w.publish(t, id, 2)
	req := w.made(t, id, run)
	w.checked(t, req, "pass")
	w.review(t, "ann", req, no)
	must(t, w.Reject(t.Context(), w.as("ann"), req, "Never."))
	if r := w.runs(t, id)[0]; r.State != "stopped" {
		t.Errorf("a refused run: %s", r.State)
	}
	if err := w.Answer(t.Context(), w.as("outsider"), id, run, airlock.Answer{Acted: true, Says: "Yes."}); !ark.Is(err, ark.Conflict) {
		t.Errorf("answered what never came: %v", err)
	}
	other := w.active(t, "outsider")
	if err := w.Answer(t.Context(), w.as("outsider"), other, run, airlock.Answer{Acted: true, Says: "Yes."}); !ark.Is(err, ark.Unknown) {
		t.Errorf("answered a run of another: %v", err)
	}
	run = w.publish(t, id, 3)
	req = w.made(t, id, run)
	w.checked(t, req, "fail")
	must(t, w.Withdraw(t.Context(), w.as("author"), req))
	if r := w.runs(t, id)[0]; r.State != "stopped" {
		t.Errorf("a withdrawn run: %s", r.State)
	}
	id2, err := w.Propose(t.Context(), w.as("author"), w.leave(t), w.proposal("member"))
	must(t, err)
	w.tried(t, id2.ID, "only a table can be made again")
	if s := w.standing(t, id2.ID); s.State != "declined" || s.Says == "" {
		t.Errorf("what cannot be made: %+v", s)
	}
}

// TestEveryStateOfAStandingOutput plays a hand-written table of who may do
// what in which state.
func TestEveryStateOfAStandingOutput(t *testing.T) {
	raw, err := os.ReadFile("testdata/standing.tsv")
	must(t, err)
	w := newWorld(t)
	w.granting(t, nil)
	rel := w.leave(t)
	in := func(state string) string {
		s, err := w.Propose(t.Context(), w.as("author"), rel, w.proposal("member"))
		must(t, err)
		if state == "trying" {
			return s.ID
		}
		w.tried(t, s.ID, "")
		switch state {
		case "proposed":
		case "declined":
			must(t, w.Decline(t.Context(), w.as("ann"), s.ID, "No."))
		default:
			must(t, w.Approve(t.Context(), w.as("ann"), s.ID))
		}
		switch state {
		case "paused":
			w.seed(t, func(tx *store.Tx) { // as a run does after an amendment
				x := w.standing(t, s.ID)
				x.State, x.Approvals = "paused", []airlock.Approval{}
				doc, err := json.Marshal(x)
				must(t, err)
				_, err = tx.ExecContext(context.Background(), `UPDATE standing_outputs SET state = 'paused', doc = $1 WHERE id = $2`, string(doc), s.ID)
				must(t, err)
			})
		case "ended":
			must(t, w.EndStanding(t.Context(), w.as("author"), s.ID, "Done."))
		}
		if got := w.standing(t, s.ID).State; got != state {
			t.Fatalf("it is %s, want %s", got, state)
		}
		return s.ID
	}
	var states []string
	cells := 0
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		f := strings.Split(line, "\t")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if f[0] == "who" {
			states = f[2:]
			continue
		}
		for i, want := range f[2:] {
			cells++
			id := in(states[i])
			actor := w.as(f[0])
			var err error
			switch f[1] {
			case "read":
				err = w.St.Check(t.Context(), actor, "standing.read", store.Resource{Type: "Standing", ID: id})
			case "approve":
				err = w.Approve(t.Context(), actor, id)
			case "decline":
				err = w.Decline(t.Context(), actor, id, "No.")
			case "end":
				err = w.EndStanding(t.Context(), actor, id, "Done.")
			default:
				t.Fatalf("no such act %q", f[1])
			}
			if want == "y" && err != nil || want == "c" && !ark.Is(err, ark.Conflict) || want == "f" && !ark.Is(err, ark.Forbidden) {
				t.Errorf("%s may %s in %s: %v, want %s", f[0], f[1], states[i], err, want)
			}
		}
	}
	if cells != 144 || !slices.Equal(states, []string{"trying", "proposed", "active", "paused", "declined", "ended"}) {
		t.Errorf("%d cells over %v", cells, states)
	}
}
