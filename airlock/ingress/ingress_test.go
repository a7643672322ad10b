package ingress_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/ingress"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/pkg/store/storetest"
	"github.com/ark-tre/ark/policies"
	"github.com/ark-tre/ark/workspace"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

const (
	home = "org_00000000000070008000000000000001"
	away = "org_00000000000070008000000000000002"
	far  = "org_00000000000070008000000000000003"
)

type world struct {
	*ingress.Room
	t                  *testing.T
	clock              *storetest.Clock
	users              map[string]string
	project, workspace string
	n                  int
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newWorld is an active project whose application was approved by home for
// itself and by away for far, and a running workspace of its author.
func newWorld(t *testing.T) *world {
	t.Helper()
	access, err := policies.LoadAccess()
	must(t, err)
	w := &world{t: t, clock: storetest.NewClock(noon), users: map[string]string{}}
	loaders := map[string]store.Loader{}
	for _, l := range []map[string]store.Loader{governance.Loaders(), catalogue.Loaders(), workspace.Loaders(), airlock.Loaders(), ingress.Loaders()} {
		maps.Copy(loaders, l)
	}
	st := storetest.Open(t, store.Config{DSN: storetest.SQLite(t), Decider: access, Entities: loaders, Now: w.clock.Now, Random: rand.Reader,
		Schemas: []store.Schema{governance.Schema(), catalogue.Schema(), workspace.Schema(), airlock.Schema(), ingress.Schema()}})
	w.Room = ingress.New(st)
	w.project, w.workspace = ark.MakeID(ark.PrefixProject), ark.MakeID(ark.PrefixWorkspace)
	permit, app := ark.MakeID(ark.PrefixPermit), ark.MakeID(ark.PrefixApplication)
	w.seed(func(tx *store.Tx) {
		for name, x := range map[string]struct {
			human, org string
			role       ark.Role
		}{"author": {"h-author", home, ark.Researcher}, "member": {"h-member", home, ark.Researcher}, "outsider": {"h-outsider", home, ark.Researcher},
			"ann": {"h-ann", home, ark.Checker}, "ann-custodian": {"h-ann", home, ark.Custodian}, "bob": {"h-bob", home, ark.Checker}, "author-checker": {"h-author", home, ark.Checker},
			"custodian": {"h-cus", home, ark.Custodian}, "committee": {"h-com", away, ark.Custodian}, "not-asked": {"h-far", far, ark.Custodian}, "member-custodian": {"h-member", home, ark.Custodian},
			"auditor": {"h-aud", home, ark.Auditor}, "operator": {"h-op", home, ark.Operator}} {
			u := governance.User{ID: tx.NewID(ark.PrefixUser), Name: name, Human: x.human, Org: x.org, Roles: []ark.Role{x.role}, Issuer: "i", Subject: name, TrainingUntil: noon.Add(time.Hour), TermsUntil: noon.Add(time.Hour)}
			w.insert(tx, "users", u, "id", u.ID, "issuer", "i", "subject", name, "human", u.Human, "org", u.Org)
			w.users[name] = u.ID
		}
		members := []string{w.users["author"], w.users["member"]}
		p := governance.Permit{ID: permit, Project: w.project, Application: app, From: noon.Add(-time.Hour), Until: noon.Add(time.Hour), Holders: []governance.Holder{{User: members[0], Human: "h-author"}}}
		w.insert(tx, "permits", p, "id", p.ID, "project", w.project, "until", p.Until.Unix())
		w.insert(tx, "projects", governance.Project{ID: w.project, State: "active", Lead: members[1], Members: members, Orgs: []string{home, far}, Permit: permit, Application: app}, "id", w.project, "state", "active")
		for i, r := range []governance.Review{{Org: home, Deciders: []string{home}, State: "approved"}, {Org: far, Deciders: []string{away}, State: "approved"}} {
			r.ID, r.Project, r.Application = tx.NewID(ark.PrefixReview), w.project, app
			_ = i
			w.insert(tx, "reviews", r, "id", r.ID, "project", w.project, "application", app, "org", r.Org, "state", r.State)
		}
		ws := workspace.Workspace{ID: w.workspace, Project: w.project, User: members[0], Permit: permit, Extract: "ext_00000000000070008000000000000001", State: "running"}
		w.insert(tx, "workspaces", ws, "id", ws.ID, "project", w.project, "usr", ws.User, "state", "running")
	})
	return w
}

func (w *world) seed(change func(*store.Tx)) {
	w.t.Helper()
	must(w.t, w.St.Act(context.Background(), store.Actor{System: "worker"}, "job.finish", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		change(tx)
		return []store.Event{{Type: "test.seeded"}}, nil
	}))
}

func (w *world) insert(tx *store.Tx, table string, doc any, columns ...any) {
	w.t.Helper()
	raw, err := json.Marshal(doc)
	must(w.t, err)
	names, marks, args := []string{"doc"}, []string{"$1"}, []any{string(raw)}
	for i := 0; i < len(columns); i += 2 {
		args = append(args, columns[i+1])
		names, marks = append(names, columns[i].(string)), append(marks, fmt.Sprintf("$%d", len(args)))
	}
	_, err = tx.ExecContext(context.Background(), `INSERT INTO `+table+` (`+strings.Join(names, ",")+`) VALUES (`+strings.Join(marks, ",")+`) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc`, args...)
	must(w.t, err)
}

func (w *world) as(name string) store.Actor {
	return store.Actor{User: w.users[name], StepUp: w.clock.Now()}
}

// Approve approves with a second factor that was shown for this input.
func (w *world) Approve(ctx context.Context, actor store.Actor, id string) error {
	w.n++
	actor.Session, actor.StepFor = fmt.Sprint("ses_", w.n), store.StepUpFor("input.approve", store.Resource{Type: "Input", ID: id})
	return w.Room.Approve(ctx, actor, id)
}

func ref(c byte) objects.Ref {
	return objects.Ref{Zone: objects.Outputs, Name: "o/" + string(c), SHA256: strings.Repeat(string(c), 64), Size: 10}
}

func asked(name string) ingress.Asked {
	return ingress.Asked{Kind: ingress.KindReference, Title: "Populations", Origin: "Office for National Statistics, OGL", Why: "Rates need denominators.", People: ingress.PeopleCounts, Files: []ingress.File{{Name: name, Ref: ref('a')}}}
}

func (w *world) submit() string {
	w.t.Helper()
	w.n++
	i, err := w.Submit(context.Background(), w.as("author"), w.workspace, asked(fmt.Sprintf("pop-%d.csv", w.n)))
	must(w.t, err)
	return i.ID
}

func (w *world) checked(id, verdict string, persons bool) {
	w.t.Helper()
	f := ingress.File{Ordinal: 1, Ref: ref('b'), Came: ref('a'), Verdict: verdict, Profile: ingress.Profile{Persons: persons, Rows: 9}}
	if verdict == "review" {
		f.Findings = []disclosure.Finding{{Rule: "inbound-persons", Severity: disclosure.SevReview}}
	}
	must(w.t, w.St.Act(context.Background(), store.Actor{System: "worker"}, "input.apply", store.Resource{Type: "Input", ID: id}, func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyChecks(context.Background(), tx, id, ingress.CheckResult{Files: []ingress.File{f}})
	}))
}

func (w *world) get(id string) *ingress.Input {
	w.t.Helper()
	var i *ingress.Input
	must(w.t, w.St.View(context.Background(), func(q store.Querier) (err error) {
		i, err = ingress.Get(context.Background(), q, id)
		return err
	}))
	return i
}

func (w *world) in(state string) string {
	id := w.submit()
	switch state {
	case "checking":
	case "blocked":
		w.checked(id, "fail", false)
	case "withdrawn":
		must(w.t, w.Withdraw(context.Background(), w.as("author"), id))
	default:
		w.checked(id, "pass", false)
		switch state {
		case "rejected":
			must(w.t, w.Reject(context.Background(), w.as("bob"), id, "No."))
		case "approved", "delivered":
			must(w.t, w.Approve(context.Background(), w.as("bob"), id))
			if state == "delivered" {
				_, err := w.Deliver(context.Background(), w.workspace, func(context.Context, ingress.File) error { return nil })
				must(w.t, err)
			}
		}
	}
	if got := w.get(id).State; got != state {
		w.t.Fatalf("it is %s, want %s", got, state)
	}
	return id
}

// TestEveryoneEveryState plays the hand-written table.
func TestEveryoneEveryState(t *testing.T) {
	raw, err := os.ReadFile("testdata/acts.tsv")
	must(t, err)
	w := newWorld(t)
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
			id := w.in(states[i])
			actor := w.as(f[0])
			var err error
			switch f[1] {
			case "read":
				_, err = w.OpenFile(t.Context(), actor, id, 1)
			case "approve":
				err = w.Approve(t.Context(), actor, id)
			case "reject":
				err = w.Reject(t.Context(), actor, id, "No.")
			case "withdraw":
				err = w.Withdraw(t.Context(), actor, id)
			default:
				t.Fatalf("no such act %q", f[1])
			}
			if want == "y" && err != nil || want == "c" && !ark.Is(err, ark.Conflict) || want == "f" && !ark.Is(err, ark.Forbidden) {
				t.Errorf("%s may %s in %s: %v, want %s", f[0], f[1], states[i], err, want)
			}
		}
	}
	if cells != 196 || len(states) != 7 {
		t.Errorf("%d cells over %v", cells, states)
	}
}

// TestPersonsNeedEveryCustodian: data about persons needs a checker and, for
// every organisation that decided on the application, who decided for it.
func TestPersonsNeedEveryCustodian(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	id := w.submit()
	w.checked(id, "review", true) // declared as counts; measured as persons
	if n := w.get(id).Needs; len(n) != 3 || !slices.Equal(n[2].Orgs, []string{away}) && !slices.Equal(n[1].Orgs, []string{away}) {
		t.Fatalf("it needs %+v", n)
	}
	for _, who := range []string{"not-asked", "operator", "auditor", "outsider", "author", "author-checker", "member-custodian"} {
		if err := w.Approve(ctx, w.as(who), id); !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s approved: %v", who, err)
		}
	}
	if err := w.Approve(ctx, store.Actor{User: w.users["ann"]}, id); !ark.Is(err, ark.Unsigned) {
		t.Errorf("approved without a second factor: %v", err)
	}
	must(t, w.Approve(ctx, w.as("ann"), id))
	for _, who := range []string{"ann", "ann-custodian", "bob"} { // the same human twice; a second checker for the custodian
		if err := w.Approve(ctx, w.as(who), id); !ark.Is(err, ark.Conflict) {
			t.Errorf("%s approved in somebody's place: %v", who, err)
		}
	}
	must(t, w.Approve(ctx, w.as("custodian"), id))
	if s := w.get(id).State; s != "waiting" {
		t.Fatalf("with one custodian of two: %s", s)
	}
	must(t, w.Approve(ctx, w.as("committee"), id))
	if i := w.get(id); i.State != "approved" || i.Files[0].Ref != ref('b') {
		t.Errorf("with all: %+v", i)
	}
	w.seed(func(tx *store.Tx) { // nobody is left who could decide on it
		for _, table := range []string{"reviews"} {
			_, err := tx.ExecContext(context.Background(), `DELETE FROM `+table)
			must(t, err)
		}
		p, err := governance.GetProject(context.Background(), tx, w.project)
		must(t, err)
		p.Orgs = []string{}
		w.insert(tx, "projects", p, "id", p.ID, "state", p.State)
	})
	id = w.submit()
	w.checked(id, "review", true)
	if i := w.get(id); i.State != "blocked" || i.Says == "" {
		t.Errorf("persons with nobody to ask: %+v", i)
	}
}

// TestDeliveryIsOnceAndOnlyIfAllowed: what is approved goes in when the permit
// holds, is recorded once, and a failure half-way loses nothing.
func TestDeliveryIsOnceAndOnlyIfAllowed(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	id := w.in("approved")
	broken := errors.New("the enclave is gone")
	if _, err := w.Deliver(ctx, w.workspace, func(context.Context, ingress.File) error { return broken }); !errors.Is(err, broken) || w.get(id).State != "approved" {
		t.Errorf("a delivery that broke: %v, %s", err, w.get(id).State)
	}
	w.clock.Set(noon.Add(time.Hour))
	if _, err := w.Deliver(ctx, w.workspace, func(context.Context, ingress.File) error {
		t.Error("put in on a lapsed permit")
		return nil
	}); !ark.Is(err, ark.Lapsed) {
		t.Errorf("on a lapsed permit: %v", err)
	}
	w.clock.Set(noon)
	var put []string
	deliver := func() int {
		n, err := w.Deliver(ctx, w.workspace, func(_ context.Context, f ingress.File) error {
			put = append(put, f.Ref.SHA256)
			return nil
		})
		must(t, err)
		return n
	}
	if deliver() != 1 || deliver() != 0 || len(put) != 1 || put[0] != ref('b').SHA256 {
		t.Errorf("put %v", put)
	}
	if i := w.get(id); i.State != "delivered" || i.Delivered.IsZero() {
		t.Errorf("after delivery: %+v", i)
	}
	// What lies in the inbox is never replaced.
	a := asked(strings.ToUpper("pop-1.csv"))
	if _, err := w.Submit(ctx, w.as("author"), w.workspace, a); !ark.Is(err, ark.Invalid) && !ark.Is(err, ark.Conflict) {
		t.Errorf("the same name again: %v", err)
	}
}

// TestChangedBytesDoNotComeIn: what is not what was checked is never delivered.
func TestChangedBytesDoNotComeIn(t *testing.T) {
	w := newWorld(t)
	id := w.in("approved")
	puts := 0
	deliver := func() (int, error) {
		return w.Deliver(t.Context(), w.workspace, func(context.Context, ingress.File) error {
			puts++
			return fmt.Errorf("read: %w", objects.ErrDamaged)
		})
	}
	if n, err := deliver(); n != 0 || !errors.Is(err, objects.ErrDamaged) {
		t.Errorf("%d delivered, %v", n, err)
	}
	if i := w.get(id); i.State != "blocked" || !strings.Contains(i.Says, "not what was checked") {
		t.Errorf("after that it is %s and says %q", i.State, i.Says)
	}
	must(t, w.Damaged(t.Context(), id, 1)) // found again
	if n, err := deliver(); n != 0 || err != nil || puts != 1 {
		t.Errorf("tried again: %d %v, %d puts", n, err, puts)
	}
	if err := w.Damaged(t.Context(), id, 9); !ark.Is(err, ark.Unknown) {
		t.Errorf("a file that there is not: %v", err)
	}
	var opened int
	must(t, w.St.View(t.Context(), func(q store.Querier) error {
		all, err := airlock.IncidentsAbout(t.Context(), q, w.get(id).Project, id)
		if err != nil || len(all) != 1 || all[0].Kind != airlock.IncidentDamaged || all[0].State != "open" || all[0].File != 1 || all[0].ReportBy.Sub(all[0].At) != 72*time.Hour || !slices.Contains(all[0].Told, w.get(id).Author) {
			t.Errorf("the incident: %+v %v", all, err)
		}
		return q.QueryRowContext(t.Context(), `SELECT count(*) FROM outbox WHERE type = 'incident.opened'`).Scan(&opened)
	}))
	if opened != 1 {
		t.Errorf("%d incidents in the ledger", opened)
	}
}

// TestChecksThatFindChangedBytes: an input is stopped by them, with an incident
// once; and one that was taken back meanwhile has its incident too.
func TestChecksThatFindChangedBytes(t *testing.T) {
	for _, back := range []bool{false, true} {
		w := newWorld(t)
		id := w.submit()
		if back {
			must(t, w.Withdraw(t.Context(), w.as("author"), id))
		}
		bad := w.get(id).Files[0]
		bad.Damaged, bad.Verdict = true, "fail"
		for range 2 {
			must(t, w.St.Act(t.Context(), store.Actor{System: "worker"}, "input.apply", store.Resource{Type: "Input", ID: id}, func(tx *store.Tx) ([]store.Event, error) {
				return w.ApplyChecks(t.Context(), tx, id, ingress.CheckResult{Files: []ingress.File{bad}})
			}))
		}
		if i := w.get(id); i.State != map[bool]string{false: "blocked", true: "withdrawn"}[back] || i.Files[0].Damaged == back {
			t.Errorf("it is %s, damaged %v", i.State, i.Files[0].Damaged)
		}
		must(t, w.St.View(t.Context(), func(q store.Querier) error {
			all, err := airlock.IncidentsAbout(t.Context(), q, w.get(id).Project, id)
			if err != nil || len(all) != 1 {
				t.Errorf("incidents: %+v %v", all, err)
			}
			return nil
		}))
	}
}

// TestRefusedAtOnce: what is not even taken.
func TestRefusedAtOnce(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*ingress.Asked){
		"no file":        func(a *ingress.Asked) { a.Files = nil },
		"no reason":      func(a *ingress.Asked) { a.Why = " " },
		"a kind of none": func(a *ingress.Asked) { a.Kind = "anything" },
		"people unsaid":  func(a *ingress.Asked) { a.People = "" },
		"a program":      func(a *ingress.Asked) { a.Files[0].Name = "tool.exe" },
		"a notebook":     func(a *ingress.Asked) { a.Files[0].Name = "x.ipynb" },
		"a path":         func(a *ingress.Asked) { a.Files[0].Name = "../x.csv" },
		"a hidden file":  func(a *ingress.Asked) { a.Files[0].Name = ".x.csv" },
		"a flag":         func(a *ingress.Asked) { a.Files[0].Name = "-rf.csv" },
		"twice": func(a *ingress.Asked) {
			a.Files = append(a.Files, ingress.File{Name: "X.CSV", Ref: ref('c')}, ingress.File{Name: "x.csv", Ref: ref('c')})
		},
		"too large":       func(a *ingress.Asked) { a.Files[0].Ref.Size = ingress.MaxBytes + 1 },
		"of another zone": func(a *ingress.Asked) { a.Files[0].Ref.Zone = objects.Extracts },
		"too many": func(a *ingress.Asked) {
			for i := range ingress.MaxFiles {
				a.Files = append(a.Files, ingress.File{Name: fmt.Sprintf("%d.csv", i), Ref: ref('c')})
			}
		},
	} {
		a := asked("new.csv")
		change(&a)
		if _, err := w.Submit(t.Context(), w.as("author"), w.workspace, a); !ark.Is(err, ark.Invalid) && !ark.Is(err, ark.TooMuch) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, who := range []string{"member", "outsider", "ann", "operator"} {
		if _, err := w.Submit(t.Context(), w.as(who), w.workspace, asked("x.csv")); !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s brought into another's workspace: %v", who, err)
		}
	}
	id := w.submit() // a file that was not checked counts as failed; a result that points elsewhere is refused
	err := w.St.Act(t.Context(), store.Actor{System: "worker"}, "input.apply", store.Resource{Type: "Input", ID: id}, func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyChecks(t.Context(), tx, id, ingress.CheckResult{Files: []ingress.File{{Ordinal: 1, Verdict: "pass", Ref: objects.Ref{Zone: objects.Extracts, SHA256: strings.Repeat("a", 64)}}}})
	})
	if !ark.Is(err, ark.Internal) {
		t.Errorf("a result from another zone: %v", err)
	}
	must(t, w.St.Act(t.Context(), store.Actor{System: "worker"}, "input.apply", store.Resource{Type: "Input", ID: id}, func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyChecks(t.Context(), tx, id, ingress.CheckResult{})
	}))
	if s := w.get(id).State; s != "blocked" {
		t.Errorf("a file that was not checked: %s", s)
	}
}
