package airlock_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/disclosure"
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

// world is an Ark with one project, its permit and a running workspace, on a
// real store with the real policies.
type world struct {
	*airlock.Room
	gov       *governance.Room
	clock     *storetest.Clock
	users     map[string]*governance.User
	project   string
	other     string // another project
	permit    string
	workspace string
	chance    *chance
	shownN    atomic.Int64 // how often a second factor was shown
}

// chance is randomness that can be made to fail, as if the process died there.
type chance struct{ left atomic.Int64 }

func (c *chance) Read(b []byte) (int, error) {
	if c.left.Add(-1) == 0 {
		return 0, errors.New("the process died here")
	}
	return rand.Read(b)
}

// the people of the world: name → human, roles. Names with the human of
// another name are second accounts.
var cast = map[string]struct {
	human string
	roles []ark.Role
}{
	"author":         {"h-author", []ark.Role{ark.Researcher}},
	"author-checker": {"h-author", []ark.Role{ark.Checker}},
	"member":         {"h-member", []ark.Role{ark.Researcher}},
	"member-checker": {"h-member", []ark.Role{ark.Checker}},
	"outsider":       {"h-outsider", []ark.Role{ark.Researcher}},
	"ann":            {"h-ann", []ark.Role{ark.Checker}},
	"ann-again":      {"h-ann", []ark.Role{ark.Checker}},
	"bob":            {"h-bob", []ark.Role{ark.Checker}},
	"cy":             {"h-cy", []ark.Role{ark.Checker}},
	"far":            {"h-far", []ark.Role{ark.Checker}}, // of another organisation
	"newcomer":       {"h-newcomer", []ark.Role{ark.Researcher}},
	"custodian":      {"h-custodian", []ark.Role{ark.Custodian}},
	"engineer":       {"h-engineer", []ark.Role{ark.DataEngineer}},
	"operator":       {"h-operator", []ark.Role{ark.Operator}},
	"lay":            {"h-lay", []ark.Role{ark.LayReviewer}},
	"auditor":        {"h-auditor", []ark.Role{ark.Auditor}},
}

func newWorld(t testing.TB) *world { return newWorldWith(t, 2) }

const (
	home = "org_00000000000070008000000000000001"
	away = "org_00000000000070008000000000000002"
)

func newWorldWith(t testing.TB, checkers int) *world {
	t.Helper()
	return newWorldTerms(t, checkers, governance.AirlockTerms{})
}

func newWorldTerms(t testing.TB, checkers int, terms governance.AirlockTerms) *world {
	t.Helper()
	access, err := policies.LoadAccess()
	must(t, err)
	w := &world{clock: storetest.NewClock(noon), users: map[string]*governance.User{}, chance: &chance{}}
	loaders := map[string]store.Loader{}
	for _, l := range []map[string]store.Loader{governance.Loaders(), catalogue.Loaders(), workspace.Loaders(), airlock.Loaders()} {
		maps.Copy(loaders, l)
	}
	st := storetest.Open(t, store.Config{DSN: storetest.SQLite(t), Decider: access, Entities: loaders, Now: w.clock.Now, Random: w.chance,
		Schemas: []store.Schema{governance.Schema(), catalogue.Schema(), workspace.Schema(), airlock.Schema()}})
	head := func(context.Context) (string, error) { return "checkpoint", nil }
	w.Room = airlock.New(st, head)
	w.gov = governance.New(st, catalogue.New(st, true), head)
	w.project, w.workspace, w.permit = ark.MakeID(ark.PrefixProject), ark.MakeID(ark.PrefixWorkspace), ark.MakeID(ark.PrefixPermit)
	w.other = ark.MakeID(ark.PrefixProject)
	// What governance and provisioning would have made; their own tests show that they do.
	w.seed(t, func(tx *store.Tx) {
		for name, c := range cast {
			org := home
			if name == "far" {
				org = away
			}
			u := governance.User{ID: tx.NewID(ark.PrefixUser), Name: name, Human: c.human, Org: org, Roles: c.roles,
				Issuer: "i", Subject: name, TrainingUntil: noon.Add(1000 * time.Hour), TermsUntil: noon.Add(1000 * time.Hour)}
			insert(t, tx, "users", u, "id", u.ID, "issuer", "i", "subject", name, "human", u.Human, "org", u.Org)
			w.users[name] = &u
		}
		members := []string{w.users["author"].ID, w.users["member"].ID}
		permit := governance.Permit{ID: w.permit, Project: w.project, Profile: "ark", Destination: "the university", Checkers: checkers, From: noon.Add(-time.Hour), Until: noon.Add(1000 * time.Hour),
			Holders: []governance.Holder{{User: members[0], Human: "h-author"}, {User: members[1], Human: "h-member"}, {User: w.users["newcomer"].ID, Human: "h-newcomer"}}, Hash: "permit-hash", Airlock: terms,
			Grants: []governance.Grant{{Dataset: "dst_00000000000070008000000000000001"}}}
		insert(t, tx, "permits", permit, "id", permit.ID, "project", w.project, "until", permit.Until.Unix())
		insert(t, tx, "projects", governance.Project{ID: w.project, State: "active", Lead: members[1], Members: members, Orgs: []string{}, Permit: w.permit}, "id", w.project, "state", "active")
		insert(t, tx, "projects", governance.Project{ID: w.other, State: "active", Lead: w.users["outsider"].ID, Members: []string{w.users["outsider"].ID}, Orgs: []string{}}, "id", w.other, "state", "active")
		ws := workspace.Workspace{ID: w.workspace, Project: w.project, User: members[0], Permit: w.permit, Extract: "ext_00000000000070008000000000000001", State: "running"}
		insert(t, tx, "workspaces", ws, "id", ws.ID, "project", w.project, "usr", ws.User, "state", "running")
	})
	return w
}

func (w *world) seed(t testing.TB, change func(*store.Tx)) {
	t.Helper()
	must(t, w.St.Act(context.Background(), store.Actor{System: "worker"}, "job.finish", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		change(tx)
		return []store.Event{{Type: "test.seeded"}}, nil
	}))
}

func insert(t testing.TB, tx *store.Tx, table string, doc any, columns ...any) {
	t.Helper()
	raw, err := json.Marshal(doc)
	must(t, err)
	names, marks, args := []string{"doc"}, []string{"$1"}, []any{string(raw)}
	for i := 0; i < len(columns); i += 2 {
		args = append(args, columns[i+1])
		names, marks = append(names, columns[i].(string)), append(marks, fmt.Sprintf("$%d", len(args)))
	}
	_, err = tx.ExecContext(context.Background(), `INSERT INTO `+table+` (`+strings.Join(names, ",")+`) VALUES (`+strings.Join(marks, ",")+`) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc`, args...)
	must(t, err)
}

// as is an actor who has just shown the second factor.
func (w *world) as(name string) store.Actor {
	return store.Actor{User: w.users[name].ID, StepUp: w.clock.Now()}
}

// Release releases with a second factor that was shown for this release, at the
// moment that actor says.
func (w *world) Release(ctx context.Context, actor store.Actor, request string, partial bool) error {
	actor.StepFor, actor.Session = store.StepUpFor("request.release", store.Resource{Type: "Request", ID: request}), fmt.Sprint("ses_", w.shownN.Add(1))
	return w.Room.Release(ctx, actor, request, partial)
}

// Approve is the same of a standing output.
func (w *world) Approve(ctx context.Context, actor store.Actor, id string) error {
	actor.StepFor, actor.Session = store.StepUpFor("standing.approve", store.Resource{Type: "Standing", ID: id}), fmt.Sprint("ses_", w.shownN.Add(1))
	return w.Room.Approve(ctx, actor, id)
}

// setUser changes an account behind everybody's back, as an operator would.
func (w *world) setUser(t testing.TB, name string, change func(*governance.User)) {
	t.Helper()
	w.seed(t, func(tx *store.Tx) {
		u, err := governance.GetUser(context.Background(), tx, w.users[name].ID)
		must(t, err)
		change(u)
		insert(t, tx, "users", u, "id", u.ID, "issuer", "i", "subject", name, "human", u.Human, "org", u.Org)
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func pin(c byte) objects.Ref {
	return objects.Ref{Zone: objects.Outputs, Name: "o/" + string(c), SHA256: strings.Repeat(string(c), 64), Size: 10}
}

func group(name string) airlock.Group {
	return airlock.Group{Name: name, Context: "Counts of people by year, for table 2", Population: "everyone in the cohort", Controls: "small counts suppressed"}
}

// submission has two outputs and one supporting file.
func submission() airlock.Submission {
	return airlock.Submission{Groups: []airlock.Group{group("tables"), group("figures")}, Files: []airlock.SubmittedFile{
		{Name: "a.csv", Kind: airlock.KindOutput, Group: 0, Ref: pin('a')},
		{Name: "b.csv", Kind: airlock.KindOutput, Group: 1, Ref: pin('b')},
		{Name: "code.py", Kind: airlock.KindSupporting, Group: 0, Ref: pin('c')},
	}}
}

func (w *world) submit(t testing.TB) string {
	t.Helper()
	r, err := w.Submit(context.Background(), w.as("author"), w.workspace, submission())
	must(t, err)
	return r.ID
}

// apply does what the airlock worker's result does.
func (w *world) apply(request, action string, change func(*store.Tx) ([]store.Event, error)) error {
	return w.St.Act(context.Background(), store.Actor{System: "worker"}, action, store.Resource{Type: "Request", ID: request}, change)
}

func (w *world) checked(t testing.TB, request, verdict string) {
	t.Helper()
	r := w.look(t, "author", request)
	res := airlock.CheckResult{}
	for _, f := range r.Files {
		c := airlock.CheckedFile{ID: f.ID, Type: "text/csv", Verdict: verdict}
		if verdict == "fail" {
			c.Findings = []disclosure.Finding{{Rule: "count-below-threshold", Severity: disclosure.SevFail, Says: "a count is below ten"}}
		}
		res.Files = append(res.Files, c)
	}
	must(t, w.apply(request, "request.apply", func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyChecks(context.Background(), tx, request, r.Round, res)
	}))
}

func (w *world) look(t testing.TB, name, request string) airlock.View {
	t.Helper()
	v, err := w.ViewOf(context.Background(), w.as(name), request)
	must(t, err)
	return v
}

// review votes on every output file and finishes; a vote for changes gets a
// public comment.
func (w *world) review(t testing.TB, name, request string, votes ...string) {
	t.Helper()
	i := 0
	for _, f := range w.look(t, name, request).Files {
		if f.Kind != airlock.KindOutput {
			continue
		}
		must(t, w.Vote(context.Background(), w.as(name), request, f.ID, votes[i]))
		if votes[i] == airlock.VoteChanges {
			must(t, w.Comment(context.Background(), w.as(name), request, airlock.Comment{Group: f.Group, File: f.ID, Text: "Please round.", Public: true}))
		}
		i++
	}
	must(t, w.Finish(context.Background(), w.as(name), request))
}

const yes, no = airlock.VoteApprove, airlock.VoteChanges

// in returns a request in the state, reached by legal acts only.
func (w *world) in(t testing.TB, state string) string {
	t.Helper()
	ctx := context.Background()
	id := w.submit(t)
	if state == "checking" {
		return id
	}
	if state == "blocked" || state == "contested" {
		w.checked(t, id, "fail")
		if state == "contested" {
			must(t, w.Contest(ctx, w.as("author"), id, "These are hospitals, not people."))
		}
		return id
	}
	w.checked(t, id, "pass")
	switch state {
	case "submitted":
	case "partly-reviewed":
		w.review(t, "bob", id, yes, yes)
	case "held":
		w.review(t, "bob", id, yes, yes)
		must(t, w.Hold(ctx, w.as("author"), id))
	case "appealed":
		w.review(t, "bob", id, no, yes)
		must(t, w.Return(ctx, w.as("bob"), id))
		must(t, w.Appeal(ctx, w.as("author"), id, "The rule is about people."))
	case "returned":
		w.review(t, "bob", id, no, yes)
		must(t, w.Return(ctx, w.as("bob"), id))
	case "withdrawn":
		must(t, w.Withdraw(ctx, w.as("author"), id))
	default:
		w.review(t, "bob", id, yes, yes)
		w.review(t, "cy", id, yes, yes)
		switch state {
		case "reviewed":
		case "rejected":
			must(t, w.Reject(ctx, w.as("cy"), id, "never"))
		case "approved", "released":
			must(t, w.Release(ctx, w.as("cy"), id, false))
			if state == "released" {
				w.sign(t, id, nil)
			}
		default:
			t.Fatalf("no way to the state %q", state)
		}
	}
	if got := w.look(t, "author", id).State; got != state && !(state == "partly-reviewed" && got == "submitted") {
		t.Fatalf("the request is %s, want %s", got, state)
	}
	return id
}

// job returns the release job that waits for the airlock worker.
func (w *world) job(t testing.TB, request string) airlock.ReleaseJob {
	t.Helper()
	var out airlock.ReleaseJob
	must(t, w.St.View(context.Background(), func(q store.Querier) error {
		jobs, err := store.Jobs(context.Background(), q, "kind = 'release' AND subject = $1", request)
		if err != nil || len(jobs) == 0 {
			return fmt.Errorf("no release job: %v", err)
		}
		return json.Unmarshal(jobs[len(jobs)-1].Input, &out)
	}))
	return out
}

// sign applies the release worker's result, altered by change.
func (w *world) sign(t testing.TB, request string, change func(*airlock.ReleaseResult)) string {
	t.Helper()
	job := w.job(t, request)
	res := airlock.ReleaseResult{Bundle: objects.Ref{Zone: objects.Releases, Name: "r", SHA256: strings.Repeat("d", 64)}}
	for _, f := range job.Files {
		res.Files = append(res.Files, airlock.ReleasedFile{Ordinal: f.Ordinal, Name: f.Name, SHA256: f.Ref.SHA256, Size: f.Ref.Size})
	}
	if change != nil {
		change(&res)
	}
	must(t, w.apply(request, "release.apply", func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyRelease(context.Background(), tx, job, res)
	}))
	return job.Release
}

// arbiter is who was named for the appeal.
func (w *world) arbiter(t testing.TB, request string) string {
	t.Helper()
	for name, c := range cast {
		if slices.Contains(c.roles, ark.Checker) && w.St.Check(context.Background(), w.as(name), "request.arbitrate", store.Resource{Type: "Request", ID: request}) == nil {
			return name
		}
	}
	return "ann" // none is named
}
