package governance_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

func TestApplicationToPermit(t *testing.T) {
	w := newWorld(t, 0)
	p := w.inReview(t, nil)
	must(t, w.decide(t, "alpha", p, "alpha", "approved"))
	if err := w.IssuePermit(t.Context(), p); !ark.Is(err, ark.Conflict) {
		t.Errorf("a permit while a custodian is still deciding: %v", err)
	}
	if n := w.jobs(t, "issue-permit", p); n != 0 {
		t.Errorf("%d permits under way before everybody decided", n)
	}
	must(t, w.decide(t, "beta", p, "beta", "approved"))
	if n := w.jobs(t, "issue-permit", p); n != 1 {
		t.Errorf("%d jobs to issue the permit, want 1", n)
	}
	for range 2 { // the job may run twice
		must(t, w.IssuePermit(t.Context(), p))
	}
	if n := w.jobs(t, "start-cut", p); n != 1 {
		t.Errorf("%d cuts of one permit", n)
	}
	got := w.permit(t, p)
	slices.Sort(got.Conditions)
	if got.Checkers != 2 || got.Checkpoint != "checkpoint" || got.Profile != "ark" || len(got.Holders) != 2 || !slices.Equal(got.Conditions, []string{"cite alpha", "cite beta"}) {
		t.Errorf("the permit: %+v", got)
	}
	g := got.Grants[0]
	if g.Version != w.version || !reflect.DeepEqual(g.Variables, w.answers().Asks[0].Variables) || !reflect.DeepEqual(g.Filters, w.answers().Asks[0].Filters) || len(g.Without) != 0 {
		t.Errorf("the grant: %+v", g)
	}
	if err := w.decide(t, "alpha", p, "alpha", "refused"); !ark.Is(err, ark.Conflict) {
		t.Errorf("decided twice: %v", err)
	}
	if err := w.EditApplication(t.Context(), w.as("lead"), p, w.answers()); !ark.Is(err, ark.Forbidden) {
		t.Errorf("edited after the permit: %v", err)
	}
}

// TestPermitHashCoversEverything changes every field, also inside, and expects
// another hash each time.
func TestPermitHashCoversEverything(t *testing.T) {
	w := newWorld(t, 0)
	p := w.inReview(t, nil)
	terms := governance.VerdictTerms{OtherOrganisation: true, LaySignOff: true, SignOff: true, Contractual: []string{"count-below-threshold"}, MaxFiles: 5, MaxRows: 100}
	must(t, errors.Join(w.Decide(t.Context(), w.as("alpha"), w.review(t, p, "alpha").ID, governance.Verdict{Decision: "approved", Conditions: []string{"cite alpha"}, Airlock: terms}),
		w.decide(t, "beta", p, "beta", "refused"), w.IssuePermit(t.Context(), p)))
	got := w.permit(t, p)
	whole, err := got.ComputeHash()
	if err != nil || whole != got.Hash || len(whole) != 64 {
		t.Fatalf("the permit carries %q, its hash is %q, %v", got.Hash, whole, err)
	}
	seen := map[string]bool{}
	var walk func(v reflect.Value, at string)
	check := func(at string) {
		h, err := got.ComputeHash()
		if seen[at] = true; err != nil || h == whole {
			t.Errorf("another %s leaves the hash as it was (%v)", at, err)
		}
	}
	walk = func(v reflect.Value, at string) {
		switch {
		case at == ".Hash":
		case v.Type() == reflect.TypeFor[time.Time]():
			old := v.Interface().(time.Time)
			v.Set(reflect.ValueOf(old.Add(time.Second)))
			check(at)
			v.Set(reflect.ValueOf(old))
		case v.Kind() == reflect.String:
			old := v.String()
			v.SetString(old + "x")
			check(at)
			v.SetString(old)
		case v.Kind() == reflect.Bool:
			v.SetBool(!v.Bool())
			check(at)
			v.SetBool(!v.Bool())
		case v.Kind() == reflect.Int:
			v.SetInt(v.Int() + 1)
			check(at)
			v.SetInt(v.Int() - 1)
		case v.Kind() == reflect.Slice:
			if v.Len() == 0 {
				t.Errorf("%s is empty, so the test does not look at it", at)
				return
			}
			old := reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v)
			v.Set(v.Slice(0, v.Len()-1))
			check(at + "[shorter]")
			v.Set(old)
			walk(v.Index(0), at+"[0]")
		case v.Kind() == reflect.Map:
			k := v.MapKeys()[0]
			old := v.MapIndex(k)
			v.SetMapIndex(k, reflect.Value{})
			check(at + "[without]")
			v.SetMapIndex(k, old)
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i), at+"."+v.Type().Field(i).Name)
			}
		default:
			t.Errorf("%s is a %s", at, v.Kind())
		}
	}
	walk(reflect.ValueOf(got).Elem(), "")
	if len(seen) < 20 {
		t.Errorf("only %d places were changed", len(seen))
	}
	if h, err := got.ComputeHash(); err != nil || h != whole {
		t.Errorf("put back, the hash is %q, %v", h, err)
	}
}

// TestRefusals: one refusal carves out, all refuse or all-or-nothing rejects.
func TestRefusals(t *testing.T) {
	w := newWorld(t, 0)
	for name, c := range map[string]struct {
		alpha, beta string
		all         bool
		state       string
		without     []string
	}{
		"carved out, refusal last":      {"approved", "refused", false, "in-review", []string{w.orgs["beta"]}},
		"both refuse":                   {"refused", "refused", false, "rejected", nil},
		"all or nothing, first refuses": {"refused", "", true, "rejected", nil},
		"all or nothing, last refuses":  {"approved", "refused", true, "rejected", nil},
		"carved out, refusal first":     {"refused", "approved", false, "in-review", []string{w.orgs["alpha"]}},
	} {
		p := w.inReview(t, func(a *governance.Application) { a.AllOrNothing = c.all })
		must(t, w.decide(t, "alpha", p, "alpha", c.alpha))
		if c.beta != "" {
			must(t, w.decide(t, "beta", p, "beta", c.beta))
		}
		if s := w.project(t, p).State; s != c.state {
			t.Errorf("%s: the project is %s", name, s)
		}
		err := w.IssuePermit(t.Context(), p)
		if c.state == "rejected" {
			if !ark.Is(err, ark.Conflict) || w.jobs(t, "issue-permit", p) != 0 {
				t.Errorf("%s: a permit all the same: %v", name, err)
			}
			continue
		}
		must(t, err)
		if got := w.permit(t, p).Grants[0].Without; !slices.Equal(got, c.without) {
			t.Errorf("%s: without %v", name, got)
		}
	}
	p := w.inReview(t, nil)
	for d, kind := range map[string]ark.Kind{"": ark.Conflict, "superseded": ark.Conflict, "waiting": ark.Conflict, "APPROVED": ark.Conflict} {
		if err := w.decide(t, "alpha", p, "alpha", d); !ark.Is(err, kind) {
			t.Errorf("the decision %q: %v", d, err)
		}
	}
	if err := w.Decide(t.Context(), w.as("alpha"), w.review(t, p, "alpha").ID, governance.Verdict{Decision: "refused"}); !ark.Is(err, ark.Invalid) {
		t.Errorf("a refusal without a reason: %v", err)
	}
	for _, v := range []governance.Verdict{{Decision: "refused", Reason: long}, {Decision: "approved", Conditions: []string{long}}} {
		if err := w.Decide(t.Context(), w.as("alpha"), w.review(t, p, "alpha").ID, v); !ark.Is(err, ark.TooMuch) {
			t.Errorf("an endless decision: %.100v", err)
		}
	}
}

func TestWhoDecides(t *testing.T) {
	w := newWorld(t, 0)
	p := w.inReview(t, nil)
	for _, who := range []string{"beta", "committee", "lead", "member", "operator", "checker", "outsider", "lead-as-custodian"} {
		err := w.decide(t, who, p, "alpha", "approved")
		if !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s decided for alpha: %v", who, err)
		}
		var f *ark.Fault
		if who == "lead-as-custodian" && (!errors.As(err, &f) || f.Policy != "nobody-decides-on-their-own-application") {
			t.Errorf("the applicant's second account is told %v", err)
		}
	}
	must(t, w.Suspend(t.Context(), w.as("operator"), w.users["alpha"].ID, true))
	if err := w.decide(t, "alpha", p, "alpha", "approved"); !ark.Is(err, ark.Lapsed) {
		t.Errorf("a suspended custodian decided: %v", err)
	}
	must(t, w.decide(t, "alpha2", p, "alpha", "approved"))
}

// TestDelegation: in force the committee decides and the organisation does
// not; run out or revoked, the organisation decides again.
func TestDelegation(t *testing.T) {
	w := newWorld(t, 0)
	if _, err := w.Delegate(t.Context(), w.as("beta"), w.orgs["alpha"], w.orgs["committee"], "research", noon.Add(time.Hour)); !ark.Is(err, ark.Forbidden) {
		t.Errorf("beta delegated for alpha: %v", err)
	}
	if _, err := w.Delegate(t.Context(), w.as("alpha"), w.orgs["alpha"], w.orgs["committee"], "research", noon); !ark.Is(err, ark.Invalid) {
		t.Errorf("a delegation that has ended already: %v", err)
	}
	d, err := w.Delegate(t.Context(), w.as("alpha"), w.orgs["alpha"], w.orgs["committee"], "research", noon.Add(time.Hour))
	must(t, err)
	one, two, three := w.inReview(t, nil), w.inReview(t, nil), w.inReview(t, nil)
	if err := w.decide(t, "alpha", one, "alpha", "approved"); !ark.Is(err, ark.Forbidden) {
		t.Errorf("alpha decided what it had delegated: %v", err)
	}
	must(t, w.decide(t, "committee", one, "alpha", "approved"))
	if by := w.review(t, one, "alpha"); by.By != w.users["committee"].ID || by.Delegation != d.ID {
		t.Errorf("the committee's decision: %+v", by)
	}
	if err := w.decide(t, "committee", one, "beta", "approved"); !ark.Is(err, ark.Forbidden) {
		t.Errorf("the committee decided for beta: %v", err)
	}
	w.clock.Move(2 * time.Hour)
	if err := w.decide(t, "committee", two, "alpha", "approved"); !ark.Is(err, ark.Lapsed) {
		t.Errorf("the committee decided after its delegation ran out: %v", err)
	}
	must(t, w.decide(t, "alpha", two, "alpha", "approved"))
	w.clock.Move(-2 * time.Hour)
	if err := w.RevokeDelegation(t.Context(), w.as("beta"), w.orgs["beta"], d.ID); !ark.Is(err, ark.Unknown) {
		t.Errorf("beta revoked alpha's delegation: %v", err)
	}
	must(t, w.RevokeDelegation(t.Context(), w.as("alpha"), w.orgs["alpha"], d.ID))
	if err := w.decide(t, "committee", three, "alpha", "approved"); err == nil {
		t.Error("the committee decided after its delegation was revoked")
	}
	must(t, w.decide(t, "alpha", three, "alpha", "approved"))
	four := w.inReview(t, nil)
	if r := w.review(t, four, "alpha"); r.Delegation != "" {
		t.Errorf("a new review goes by a revoked delegation: %+v", r)
	}
}

// TestChangesRequested: what custodians saw stays as it was; a new round asks
// everybody again, and earlier decisions count no more.
func TestChangesRequested(t *testing.T) {
	w := newWorld(t, 0)
	p := w.inReview(t, nil)
	first := w.project(t, p).Application
	must(t, w.decide(t, "alpha", p, "alpha", "approved"))
	must(t, w.decide(t, "beta", p, "beta", "changes-requested"))
	old := w.review(t, p, "alpha").ID
	changed := w.answers()
	changed.LaySummary = "We study falls at home."
	must(t, w.EditApplication(t.Context(), w.as("member"), p, changed))
	must(t, w.EditApplication(t.Context(), w.as("member"), p, changed))
	if r := w.review(t, p, "beta"); r.State != "changes-requested" || r.Reason == "" {
		t.Errorf("while editing, the lead sees %+v", r)
	}
	if err := w.Submit(t.Context(), w.as("member"), p); !ark.Is(err, ark.Forbidden) {
		t.Errorf("a member submitted: %v", err)
	}
	must(t, w.Submit(t.Context(), w.as("lead"), p))
	w.assess(t, p)
	w.view(t, func(q store.Querier) error {
		all, err := governance.ApplicationsOf(t.Context(), q, p)
		must(t, err)
		if len(all) != 2 || all[0].ID != first || all[0].LaySummary != "We study falls." || all[0].Submitted.IsZero() || all[1].LaySummary != changed.LaySummary || all[1].Number != 2 {
			t.Errorf("the versions of the application: %+v", all)
		}
		rs, err := governance.ReviewsOf(t.Context(), q, first)
		for _, r := range rs {
			if r.State != "superseded" {
				t.Errorf("a review of the first version is %s", r.State)
			}
		}
		return err
	})
	if err := w.Decide(t.Context(), w.as("alpha"), old, governance.Verdict{Decision: "approved"}); !ark.Is(err, ark.Conflict) {
		t.Errorf("a replayed approval of the first version: %v", err)
	}
	must(t, w.decide(t, "beta", p, "beta", "approved"))
	if err := w.IssuePermit(t.Context(), p); !ark.Is(err, ark.Conflict) {
		t.Errorf("alpha's approval of the first version counted for the second: %v", err)
	}
	must(t, w.decide(t, "alpha", p, "alpha", "approved"))
	must(t, w.IssuePermit(t.Context(), p))
	// Resubmitted without an edit: still a new version.
	p = w.inReview(t, nil)
	must(t, w.decide(t, "beta", p, "beta", "changes-requested"))
	must(t, w.Submit(t.Context(), w.as("lead"), p))
	w.view(t, func(q store.Querier) error {
		all, err := governance.ApplicationsOf(t.Context(), q, p)
		if len(all) != 2 {
			t.Errorf("%d versions", len(all))
		}
		return err
	})
}

// TestAssessmentOfAnotherVersion: figures that come late are dropped.
func TestAssessmentOfAnotherVersion(t *testing.T) {
	w := newWorld(t, 0)
	p := w.submitted(t, nil)
	app := w.project(t, p).Application
	must(t, w.Withdraw(t.Context(), w.as("lead"), p, "no time"))
	must(t, w.St.Act(t.Context(), store.Actor{System: "worker"}, "application.assess", store.Resource{Type: "Project", ID: p}, func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyAssessment(t.Context(), tx, p, app, governance.Assessment{})
	}))
	if s := w.project(t, p).State; s != "withdrawn" {
		t.Errorf("the project is %s", s)
	}
}

func TestIncompleteApplications(t *testing.T) {
	w := newWorld(t, 0)
	ask := func(change func(*governance.Ask)) func(*governance.Application) {
		return func(a *governance.Application) { change(&a.Asks[0]) }
	}
	for name, c := range map[string]struct {
		field  string
		change func(*governance.Application)
	}{
		"title":               {"title", func(a *governance.Application) { a.Title = " " }},
		"lay summary":         {"lay_summary", func(a *governance.Application) { a.LaySummary = "" }},
		"endless summary":     {"lay_summary", func(a *governance.Application) { a.LaySummary = strings.Repeat("word ", 301) }},
		"benefit":             {"public_benefit", func(a *governance.Application) { a.PublicBenefit = "" }},
		"method":              {"method", func(a *governance.Application) { a.Method = "" }},
		"legal basis":         {"legal_basis", func(a *governance.Application) { a.LegalBasis = "" }},
		"destination":         {"destination", func(a *governance.Application) { a.Destination = "" }},
		"purposes":            {"purposes", func(a *governance.Application) { a.Purposes = nil }},
		"outputs":             {"expected_outputs", func(a *governance.Application) { a.ExpectedOutputs = nil }},
		"opt-out":             {"opt_out", func(a *governance.Application) { a.OptOut = "ignored" }},
		"exempt, no evidence": {"opt_out_reason", func(a *governance.Application) { a.OptOut = "exempt" }},
		"dates":               {"until", func(a *governance.Application) { a.Until = a.From }},
		"dates long ago":      {"until", func(a *governance.Application) { a.From, a.Until = noon.Add(-48*time.Hour), noon.Add(-24*time.Hour) }},
		"no data":             {"asks", func(a *governance.Application) { a.Asks = nil }},
		"no variables":        {"variables", ask(func(a *governance.Ask) { a.Variables, a.Filters = nil, nil })},
		"unknown table":       {"variables", ask(func(a *governance.Ask) { a.Variables["letters"] = []string{"x"} })},
		"unknown variable":    {"variables", ask(func(a *governance.Ask) { a.Variables["visits"] = []string{"nhs_number"} })},
		"SQL as a variable":   {"variables", ask(func(a *governance.Ask) { a.Variables["visits"] = []string{`code", (SELECT 1) AS "x`} })},
		"star":                {"variables", ask(func(a *governance.Ask) { a.Variables["visits"] = []string{"*"} })},
		"why":                 {"why", ask(func(a *governance.Ask) { a.Why = nil })},
		"filter on a table not asked for": {"filters", ask(func(a *governance.Ask) {
			delete(a.Variables, "visits")
			a.Filters = map[string]string{"visits": "code = 'x'"}
		})},
		"filter that is SQL":         {"", ask(func(a *governance.Ask) { a.Filters["visits"] = "1=1; DROP TABLE users" })},
		"filter with a subquery":     {"", ask(func(a *governance.Ask) { a.Filters["visits"] = "code IN (SELECT code FROM visits)" })},
		"filter of an unknown field": {"", ask(func(a *governance.Ask) { a.Filters["visits"] = "diagnosis = 'x'" })},
		"filter of another type":     {"", ask(func(a *governance.Ask) { a.Filters["visits"] = "day = 7" })},
		"filter that calls":          {"", ask(func(a *governance.Ask) { a.Filters["visits"] = "read_csv('/etc/passwd') = 'x'" })},
		"filter with a comment":      {"", ask(func(a *governance.Ask) { a.Filters["visits"] = "code = 'x' -- and more" })},
	} {
		p, err := w.CreateProject(t.Context(), w.as("lead"), "Falls")
		must(t, err)
		a := w.answers()
		c.change(&a)
		must(t, w.EditApplication(t.Context(), w.as("lead"), p.ID, a)) // a draft may be anything
		err = w.Submit(t.Context(), w.as("lead"), p.ID)
		var f *ark.Fault
		if !errors.As(err, &f) || f.Kind != ark.Invalid || c.field != "" && f.Where.Field != c.field {
			t.Errorf("%s: %v, want an invalid %s", name, err, c.field)
		}
		if s := w.project(t, p.ID).State; s != "draft" || w.jobs(t, "assess", p.ID) != 0 {
			t.Errorf("%s: half applied, the project is %s", name, s)
		}
	}
	p, err := w.CreateProject(t.Context(), w.as("lead"), "Falls")
	must(t, err)
	for name, change := range map[string]func(*governance.Application){
		"method":    func(a *governance.Application) { a.Method = long },
		"purposes":  func(a *governance.Application) { a.Purposes = []string{long} },
		"filters":   func(a *governance.Application) { a.Asks[0].Filters["visits"] = long },
		"variables": func(a *governance.Application) { a.Asks[0].Variables[long] = nil },
		"members":   func(a *governance.Application) { a.Members = make([]string, 51) },
	} {
		a := w.answers()
		change(&a)
		if err := w.EditApplication(t.Context(), w.as("lead"), p.ID, a); !ark.Is(err, ark.TooMuch) {
			t.Errorf("endless %s: %.100v", name, err)
		}
	}
	a := w.answers()
	a.Members = []string{"usr_00000000000070008000000000000009"}
	if err := w.EditApplication(t.Context(), w.as("lead"), p.ID, a); !ark.Is(err, ark.Invalid) {
		t.Errorf("an applicant nobody knows: %v", err)
	}
	a = w.answers()
	a.Members = nil
	must(t, w.EditApplication(t.Context(), w.as("lead"), p.ID, a))
	if got := w.project(t, p.ID).Members; !slices.Contains(got, w.users["lead"].ID) {
		t.Errorf("the lead edited himself away: %v", got)
	}
	if err := w.EditApplication(t.Context(), w.as("outsider"), p.ID, w.answers()); !ark.Is(err, ark.Forbidden) {
		t.Errorf("an outsider edited: %v", err)
	}
}

func TestLifecycle(t *testing.T) {
	w := newWorld(t, 0)
	p := w.inReview(t, nil)
	must(t, errors.Join(w.decide(t, "alpha", p, "alpha", "approved"), w.decide(t, "beta", p, "beta", "approved"), w.IssuePermit(t.Context(), p)))
	must(t, w.St.Act(t.Context(), store.Actor{System: "worker"}, "extract.apply", store.Resource{Type: "Project", ID: p}, func(tx *store.Tx) ([]store.Event, error) {
		return []store.Event{{Type: "extract.ready"}}, w.Activate(t.Context(), tx, p, "ext_1")
	}))
	if err := w.SuspendProject(t.Context(), w.as("alpha"), p, ""); !ark.Is(err, ark.Invalid) {
		t.Errorf("suspended without a reason: %v", err)
	}
	for _, who := range []string{"lead", "member", "checker", "committee"} {
		if err := w.SuspendProject(t.Context(), w.as(who), p, "r"); !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s suspended it: %v", who, err)
		}
	}
	must(t, w.SuspendProject(t.Context(), w.as("alpha"), p, "a concern"))
	if err := w.ResumeProject(t.Context(), w.as("lead"), p); !ark.Is(err, ark.Forbidden) {
		t.Errorf("the lead resumed it: %v", err)
	}
	if err := w.SuspendProject(t.Context(), w.as("beta"), p, "again"); !ark.Is(err, ark.Conflict) {
		t.Errorf("suspended twice: %v", err)
	}
	must(t, w.ResumeProject(t.Context(), w.as("beta"), p))
	if got := w.project(t, p); got.State != "active" || got.Extract != "ext_1" {
		t.Errorf("resumed: %+v", got)
	}
	if err := w.Closed(t.Context(), p, nil); !ark.Is(err, ark.Conflict) {
		t.Errorf("closed before it was closing: %v", err)
	}
	must(t, w.CloseProject(t.Context(), w.as("lead"), p, "done"))
	if n := w.jobs(t, "close-project", p); n != 1 {
		t.Errorf("%d jobs to close it", n)
	}
	for range 2 {
		must(t, w.Closed(t.Context(), p, map[string]string{"key": "destroyed"}))
	}
	for name, err := range map[string]error{"resume": w.ResumeProject(t.Context(), w.as("alpha"), p), "close": w.CloseProject(t.Context(), w.as("lead"), p, ""), "suspend": w.SuspendProject(t.Context(), w.as("alpha"), p, "r")} {
		if !ark.Is(err, ark.Conflict) {
			t.Errorf("%s of a closed project: %v", name, err)
		}
	}
}

// TestHundredsOfOrganisations: an application that concerns a whole region is
// recorded, though a leaf of the ledger holds few subjects.
func TestHundredsOfOrganisations(t *testing.T) {
	w := newWorld(t, 120)
	p := w.inReview(t, nil)
	if got := w.project(t, p); got.State != "in-review" || len(got.Orgs) != 122 {
		t.Fatalf("the project is %s, %d organisations", got.State, len(got.Orgs))
	}
	w.view(t, func(q store.Querier) error {
		acts, err := w.St.ActsAbout(t.Context(), q, p)
		for _, a := range acts {
			_, body, err := w.St.Body(t.Context(), q, a.ID)
			must(t, err)
			if a.Type == "application.submitted" && (len(a.Subjects) != 64 || !strings.Contains(string(body), w.orgs["practice119"])) {
				t.Errorf("%s: %d subjects in the leaf, and the body lacks the last organisation", a.Type, len(a.Subjects))
			}
		}
		return err
	})
}

// TestPermitCarriesTheStrictestTerms: of what two custodians ask, whatever asks
// more; nonsense is refused.
func TestPermitCarriesTheStrictestTerms(t *testing.T) {
	w := newWorld(t, 0)
	p := w.inReview(t, nil)
	say := func(who string, terms governance.VerdictTerms) error {
		return w.Decide(t.Context(), w.as(who), w.review(t, p, who).ID, governance.Verdict{Decision: "approved", Airlock: terms})
	}
	for _, bad := range []governance.VerdictTerms{{Checkers: 5}, {Checkers: -1}, {MaxFiles: -1}, {MaxRows: -1}, {Contractual: []string{""}}, {Contractual: make([]string, 51)}} {
		if err := say("alpha", bad); !ark.Is(err, ark.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	must(t, errors.Join(say("alpha", governance.VerdictTerms{Checkers: 3, SignOff: true, MaxFiles: 10, MaxRows: 50, Contractual: []string{"count-zero"}}),
		say("beta", governance.VerdictTerms{OtherOrganisation: true, LaySignOff: true, MaxFiles: 4, Contractual: []string{"count-zero", "count-full"}}), w.IssuePermit(t.Context(), p)))
	got := w.permit(t, p)
	a := got.Airlock
	if got.Checkers != 3 || !a.OtherOrganisation || len(a.SignOff) != 2 || a.MaxFiles != 4 || a.MaxRows != 50 || !slices.Equal(a.Rules(), []string{"count-full", "count-zero"}) || len(a.Contractual["count-zero"]) != 2 {
		t.Errorf("the permit: %d checkers, %+v", got.Checkers, a)
	}
}

// TestAddingAgainRestoresNobody: whoever is added a second time keeps what was
// not said, and is not let in again by it.
func TestAddingAgainRestoresNobody(t *testing.T) {
	w := newWorld(t, 0)
	lead := w.users["lead"]
	must(t, w.Suspend(t.Context(), w.as("operator"), lead.ID, true))
	u, err := w.AddUser(t.Context(), w.as("operator"), governance.User{Name: "Lead", Org: lead.Org, Roles: lead.Roles, Issuer: lead.Issuer, Subject: lead.Subject})
	must(t, err)
	if !u.Suspended || u.ID != lead.ID || u.Human != lead.Human || !u.TrainingUntil.Equal(lead.TrainingUntil) || !u.TermsUntil.Equal(lead.TermsUntil) || u.Name != "Lead" {
		t.Errorf("added again: %+v, was %+v", u, lead)
	}
}
