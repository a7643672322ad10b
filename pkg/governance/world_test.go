package governance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/pkg/store/storetest"
	"github.com/ark-tre/ark/policies"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// world is an Ark with two data organisations, a committee, a university and
// one dataset with a published version, on a real store with the real policies.
type world struct {
	*governance.Room
	clock   *storetest.Clock
	orgs    map[string]string
	users   map[string]*governance.User
	dataset string
	version string
}

func newWorld(t testing.TB, extraOrgs int) *world {
	t.Helper()
	access, err := policies.LoadAccess()
	must(t, err)
	w := &world{clock: storetest.NewClock(noon), orgs: map[string]string{}, users: map[string]*governance.User{}}
	loaders := governance.Loaders()
	maps.Copy(loaders, catalogue.Loaders())
	st := storetest.Open(t, store.Config{DSN: storetest.SQLite(t), Decider: access, Entities: loaders, Now: w.tick,
		Schemas: []store.Schema{governance.Schema(), catalogue.Schema()}})
	w.Room = governance.New(st, catalogue.New(st, true), func(context.Context) (string, error) { return "checkpoint", nil })
	founder := store.Actor{System: "founder"}
	names := []string{"alpha", "beta", "committee", "university"}
	for i := range extraOrgs {
		names = append(names, fmt.Sprintf("practice%d", i))
	}
	for _, n := range names {
		o, err := w.AddOrganisation(t.Context(), founder, governance.Organisation{Slug: n, Name: n, Kind: "trust"})
		must(t, err)
		w.orgs[n] = o.ID
	}
	by := founder
	for _, u := range []struct {
		name, org, human string
		role             ark.Role
	}{
		{"operator", "university", "", ark.Operator},
		{"lead", "university", "", ark.Researcher},
		{"member", "university", "", ark.Researcher},
		{"outsider", "university", "", ark.Researcher},
		{"alpha", "alpha", "", ark.Custodian},
		{"alpha2", "alpha", "", ark.Custodian},
		{"beta", "beta", "", ark.Custodian},
		{"committee", "committee", "", ark.Custodian},
		{"lead-as-custodian", "alpha", "lead", ark.Custodian},
		{"checker", "university", "", ark.Checker},
	} {
		human := ""
		if u.human != "" {
			human = w.users[u.human].Human
		}
		got, err := w.AddUser(t.Context(), by, governance.User{Name: u.name, Org: w.orgs[u.org], Human: human, Roles: []ark.Role{u.role}, Issuer: "i", Subject: u.name,
			TrainingUntil: noon.Add(9000 * time.Hour), TermsUntil: noon.Add(9000 * time.Hour)})
		must(t, err)
		w.users[u.name] = got
		by = store.Actor{User: w.users["operator"].ID}
	}
	if _, err := w.AddUser(t.Context(), founder, governance.User{Name: "x", Org: w.orgs["alpha"], Issuer: "i", Subject: "x"}); !ark.Is(err, ark.Forbidden) {
		t.Fatalf("the founder goes on adding users: %v", err)
	}
	orgs := []string{w.orgs["alpha"], w.orgs["beta"]}
	for i := range extraOrgs {
		orgs = append(orgs, w.orgs[fmt.Sprintf("practice%d", i)])
	}
	d := catalogue.Dataset{ID: ark.MakeID(ark.PrefixDataset), Slug: "community", Title: "Community", Summary: "s", Profile: "ark", Orgs: orgs, Tables: []catalogue.Table{
		{Name: "person", Variables: []catalogue.Variable{{Name: "year_of_birth", Type: "integer", Meaning: "m", Sensitivity: "quasi", Transform: "keep"}, {Name: "sex", Type: "string", Meaning: "m", Sensitivity: "ordinary", Transform: "keep"}}},
		{Name: "visits", Variables: []catalogue.Variable{{Name: "code", Type: "string", Meaning: "m", Sensitivity: "sensitive", Transform: "keep"}, {Name: "day", Type: "date", Meaning: "m", Sensitivity: "ordinary", Transform: "month"}}},
	}}
	v := catalogue.Version{ID: ark.MakeID(ark.PrefixVersion), Dataset: d.ID, Number: 1, State: "published", Tables: []catalogue.PublishedTable{{Name: "person", Ref: objects.Ref{Zone: objects.Versions}}, {Name: "visits", Ref: objects.Ref{Zone: objects.Versions}}}}
	d.Latest, w.dataset, w.version = v.ID, d.ID, v.ID
	must(t, st.Act(t.Context(), store.Actor{System: "worker"}, "job.finish", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		raw, _ := json.Marshal(d)
		if _, err := tx.ExecContext(t.Context(), `INSERT INTO datasets (id, slug, doc) VALUES ($1,$2,$3)`, d.ID, d.Slug, string(raw)); err != nil {
			return nil, err
		}
		raw, _ = json.Marshal(v)
		_, err := tx.ExecContext(t.Context(), `INSERT INTO versions (id, dataset, number, state, doc) VALUES ($1,$2,1,'published',$3)`, v.ID, d.ID, string(raw))
		return []store.Event{{Type: "test.seeded"}}, err
	}))
	return w
}

// tick is a clock that moves with every look, so that ids made later sort later.
func (w *world) tick() time.Time {
	w.clock.Move(time.Millisecond)
	return w.clock.Now()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) as(name string) store.Actor { return store.Actor{User: w.users[name].ID} }

// answers is a complete application.
func (w *world) answers() governance.Application {
	return governance.Application{Title: "Falls", LaySummary: "We study falls.", PublicBenefit: "Fewer falls.", Method: "Regression.", LegalBasis: "Article 6(1)(e)", Purposes: []string{"research"},
		Members: []string{w.users["lead"].ID, w.users["member"].ID}, OptOut: "applied", Restricted: map[string]string{"gender-recognition": "by an order of court"}, From: noon, Until: noon.Add(365 * 24 * time.Hour), ExpectedOutputs: []string{"a table"}, Destination: "the university",
		Asks: []governance.Ask{{Dataset: w.dataset, Variables: map[string][]string{"person": {"sex"}, "visits": {"code", "day"}}, Filters: map[string]string{"visits": "code = 'W19'"}, Why: map[string]string{"visits.code": "the outcome"}}}}
}

// submitted returns a project whose application waits to be assessed.
func (w *world) submitted(t testing.TB, change func(*governance.Application)) string {
	t.Helper()
	p, err := w.CreateProject(t.Context(), w.as("lead"), "Falls")
	must(t, err)
	a := w.answers()
	if change != nil {
		change(&a)
	}
	must(t, w.EditApplication(t.Context(), w.as("lead"), p.ID, a))
	must(t, w.Submit(t.Context(), w.as("lead"), p.ID))
	return p.ID
}

func (w *world) assess(t testing.TB, project string) {
	t.Helper()
	app := w.project(t, project).Application
	must(t, w.St.Act(t.Context(), store.Actor{System: "worker"}, "application.assess", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyAssessment(t.Context(), tx, project, app, governance.Assessment{Variables: 3})
	}))
}

func (w *world) inReview(t testing.TB, change func(*governance.Application)) string {
	t.Helper()
	p := w.submitted(t, change)
	w.assess(t, p)
	return p
}

func (w *world) project(t testing.TB, id string) (p *governance.Project) {
	t.Helper()
	w.view(t, func(q store.Querier) (err error) { p, err = governance.GetProject(t.Context(), q, id); return err })
	return p
}

func (w *world) view(t testing.TB, f func(store.Querier) error) {
	t.Helper()
	must(t, w.St.View(t.Context(), f))
}

// review returns the review of an organisation on the project's application.
func (w *world) review(t testing.TB, project, org string) governance.Review {
	t.Helper()
	var out []governance.Review
	app := w.project(t, project).Application
	w.view(t, func(q store.Querier) (err error) { out, err = governance.ReviewsOf(t.Context(), q, app); return err })
	for _, r := range out {
		if r.Org == w.orgs[org] {
			return r
		}
	}
	t.Fatalf("%s was not asked", org)
	return governance.Review{}
}

func (w *world) decide(t testing.TB, who, project, org, decision string) error {
	t.Helper()
	return w.Decide(t.Context(), w.as(who), w.review(t, project, org).ID, governance.Verdict{Decision: decision, Reason: "because", Conditions: []string{"cite " + org}})
}

// jobs counts the waiting jobs of a kind for a project.
func (w *world) jobs(t testing.TB, kind, project string) int {
	t.Helper()
	n := 0
	w.view(t, func(q store.Querier) error {
		js, err := store.Jobs(t.Context(), q, "kind = $1 AND subject = $2", kind, project)
		n = len(js)
		return err
	})
	return n
}

func (w *world) permit(t testing.TB, project string) (out *governance.Permit) {
	t.Helper()
	p := w.project(t, project)
	w.view(t, func(q store.Querier) (err error) {
		out, err = governance.GetPermit(t.Context(), q, p.Permit)
		return err
	})
	return out
}

var long = strings.Repeat("x", 10<<20)
