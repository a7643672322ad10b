package governance

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/restricted"
	"github.com/ark-tre/ark/pkg/store"
)

// Limits of an application; maxText also bounds every free-text answer, so
// that nobody can post ten megabytes into a form.
const (
	maxText    = 20_000
	maxMembers = 50
	maxAnswers = 400_000 // all answers together, as JSON
)

// CreateProject starts a project with an empty application, led by the actor.
func (r *Room) CreateProject(ctx context.Context, actor store.Actor, title string) (*Project, error) {
	if err := required("title", strings.TrimSpace(title)); err != nil {
		return nil, err
	}
	if len(title) > 300 {
		return nil, ark.Faultf(ark.TooMuch, "the title is longer than 300 characters").At("", 0, "title").Do("shorten it")
	}
	var p Project
	err := r.St.Act(ctx, actor, "project.create", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		a := Application{ID: tx.NewID(ark.PrefixApplication), Number: 1, Title: title, Members: []string{actor.User}, OptOut: "applied"}
		p = Project{ID: tx.NewID(ark.PrefixProject), Title: title, State: r.project.Start, Lead: actor.User, Members: []string{actor.User},
			Orgs: []string{}, Application: a.ID, Created: tx.Now(), StateSince: tx.Now()}
		a.Project = p.ID
		if err := projects.Insert(ctx, tx, &p); err != nil {
			return nil, err
		}
		if err := setMembers(ctx, tx, p.ID, p.Members); err != nil {
			return nil, err
		}
		return []store.Event{{Type: "project.created", Project: p.ID, Subjects: []string{p.ID, a.ID}}}, applications.Insert(ctx, tx, &a)
	})
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// EditApplication replaces the answers of the project's open application. It
// keeps whatever was typed, complete or not; Submit checks.
func (r *Room) EditApplication(ctx context.Context, actor store.Actor, project string, answers Application) error {
	for field, v := range map[string]string{"title": answers.Title, "lay_summary": answers.LaySummary, "public_benefit": answers.PublicBenefit,
		"method": answers.Method, "legal_basis": answers.LegalBasis, "ethics": answers.Ethics, "funder": answers.Funder,
		"opt_out_reason": answers.OptOutReason, "destination": answers.Destination} {
		if len(v) > maxText {
			return ark.Faultf(ark.TooMuch, "this answer is longer than %d characters", maxText).At("", 0, field).Do("shorten it")
		}
	}
	if len(answers.Members) > maxMembers {
		return ark.Faultf(ark.TooMuch, "an application can name at most %d people", maxMembers).At("", 0, "members")
	}
	if raw, err := json.Marshal(answers); err != nil || len(raw) > maxAnswers {
		return ark.Faultf(ark.TooMuch, "the answers together are longer than %d characters", maxAnswers).Do("shorten the lists of variables, purposes and outputs")
	}
	return r.St.Act(ctx, actor, "application.edit", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		p, err := projects.Get(ctx, tx, project)
		if err != nil {
			return nil, err
		}
		a, err := applications.Get(ctx, tx, p.Application)
		if err != nil {
			return nil, err
		}
		if !a.Submitted.IsZero() {
			// What custodians saw stays as it was: the changes go into a copy.
			if a, err = r.nextVersion(ctx, tx, a); err != nil {
				return nil, err
			}
			p.Application = a.ID
		}
		answers.ID, answers.Project, answers.Number = a.ID, a.Project, a.Number
		answers.Submitted, answers.SubmittedBy, answers.Assessment = time.Time{}, "", nil
		if !slices.Contains(answers.Members, p.Lead) {
			answers.Members = append([]string{p.Lead}, answers.Members...)
		}
		for _, m := range answers.Members {
			if _, err := users.Get(ctx, tx, m); err != nil {
				return nil, ark.Faultf(ark.Invalid, "the application names someone who has no account here").At("", 0, "members").Do("ask them to register first")
			}
		}
		p.Title, p.Members = answers.Title, answers.Members
		if err := setMembers(ctx, tx, p.ID, p.Members); err != nil {
			return nil, err
		}
		if err := projects.Update(ctx, tx, p); err != nil {
			return nil, err
		}
		return []store.Event{{Type: "application.edited", Project: p.ID, Subjects: []string{p.ID, a.ID}}}, applications.Update(ctx, tx, &answers)
	})
}

// AssessJob asks the publishing worker how identifiable the cut would be.
type AssessJob struct {
	Application string          `json:"application"`
	Asks        []catalogue.Cut `json:"asks"`
}

// Submit checks the application and sends it on its way: it is assessed, then
// every custodian concerned is asked.
func (r *Room) Submit(ctx context.Context, actor store.Actor, project string) error {
	return r.St.Act(ctx, actor, "application.submit", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		p, err := projects.Get(ctx, tx, project)
		if err != nil {
			return nil, err
		}
		if err := r.project.Move(p.State, "submitted", "application.submit"); err != nil {
			return nil, err
		}
		a, err := applications.Get(ctx, tx, p.Application)
		if err != nil {
			return nil, err
		}
		orgs, cuts, err := r.complete(ctx, tx, a)
		if err != nil {
			return nil, err
		}
		if !a.Submitted.IsZero() {
			if a, err = r.nextVersion(ctx, tx, a); err != nil {
				return nil, err
			}
		}
		if err := r.supersede(ctx, tx, p.ID); err != nil {
			return nil, err
		}
		a.Submitted, a.SubmittedBy = tx.Now(), actor.User
		if err := applications.Update(ctx, tx, a); err != nil {
			return nil, err
		}
		p.State, p.StateSince, p.Application, p.Orgs = "submitted", tx.Now(), a.ID, orgs
		if err := setOrgs(ctx, tx, p.ID, orgs); err != nil {
			return nil, err
		}
		if _, err := tx.Enqueue(ctx, "assess", "publish", p.ID, AssessJob{Application: a.ID, Asks: cuts}); err != nil {
			return nil, err
		}
		return []store.Event{{Type: "application.submitted", Project: p.ID, Subjects: append([]string{p.ID, a.ID}, orgs...), Body: a}}, projects.Update(ctx, tx, p)
	})
}

// nextVersion copies a submitted application under the next number, so that
// what each custodian saw stays as it was.
func (r *Room) nextVersion(ctx context.Context, tx *store.Tx, a *Application) (*Application, error) {
	next := *a
	next.ID, next.Number, next.Assessment = tx.NewID(ark.PrefixApplication), a.Number+1, nil
	next.Submitted, next.SubmittedBy = time.Time{}, ""
	return &next, applications.Insert(ctx, tx, &next)
}

// supersede ends the reviews of a project's earlier submissions.
func (r *Room) supersede(ctx context.Context, tx *store.Tx, project string) error {
	old, err := reviews.Where(ctx, tx, "project = $1", project)
	if err != nil {
		return err
	}
	for i := range old {
		if r.review.Move(old[i].State, "superseded", "application.submit") == nil {
			old[i].State = "superseded"
			if err := reviews.Update(ctx, tx, &old[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// complete checks every answer and every variable, and returns the custodian
// organisations concerned and the cuts asked for. The filter is checked here
// too: an application that cannot be cut is not sent to anybody.
func (r *Room) complete(ctx context.Context, q store.Querier, a *Application) ([]string, []catalogue.Cut, error) {
	for _, f := range []struct{ name, value string }{
		{"title", a.Title}, {"lay_summary", a.LaySummary}, {"public_benefit", a.PublicBenefit}, {"method", a.Method},
		{"legal_basis", a.LegalBasis}, {"destination", a.Destination}, {"opt_out", a.OptOut},
	} {
		if err := required(f.name, strings.TrimSpace(f.value)); err != nil {
			return nil, nil, err
		}
	}
	switch {
	case len(strings.Fields(a.LaySummary)) > 300:
		return nil, nil, ark.Faultf(ark.Invalid, "the lay summary has more than 300 words").At("", 0, "lay_summary").Do("shorten it; the data use register allows 300")
	case len(a.Purposes) == 0:
		return nil, nil, ark.Faultf(ark.Invalid, "no purpose is chosen").At("", 0, "purposes").Do("choose at least one")
	case len(a.ExpectedOutputs) == 0:
		return nil, nil, ark.Faultf(ark.Invalid, "no expected output is named").At("", 0, "expected_outputs").Do("say what you mean to take out")
	case a.OptOut != "applied" && a.OptOut != "exempt":
		return nil, nil, ark.Faultf(ark.Invalid, "the national data opt-out is either applied or exempt").At("", 0, "opt_out").Do("choose one")
	case a.OptOut == "exempt" && strings.TrimSpace(a.OptOutReason) == "":
		return nil, nil, ark.Faultf(ark.Invalid, "an exemption from the national data opt-out needs its evidence").At("", 0, "opt_out_reason").Do("name the exemption and its document")
	case a.Until.IsZero() || !a.Until.After(a.From):
		return nil, nil, ark.Faultf(ark.Invalid, "the end date has to be after the start date").At("", 0, "until").Do("give a later end date")
	case !a.Until.After(r.St.Now()):
		return nil, nil, ark.Faultf(ark.Invalid, "the end date has passed").At("", 0, "until").Do("give a later end date")
	case len(a.Asks) == 0:
		return nil, nil, ark.Faultf(ark.Invalid, "no dataset is asked for").At("", 0, "asks").Do("choose datasets and variables from the catalogue")
	}
	if err := restricted.Check(a.Restricted); err != nil {
		return nil, nil, err
	}
	if err := checkSchedule(a.Refresh); err != nil {
		return nil, nil, err
	}
	var orgs []string
	var cuts []catalogue.Cut
	for i := range a.Asks {
		cut, err := r.Catalogue.PlanGrant(ctx, q, a.Asks[i].Dataset, a.Asks[i].Version, a.Asks[i].Variables, a.Asks[i].Filters, nil, a.Restricted)
		if err != nil {
			return nil, nil, err
		}
		a.Asks[i].Version = cut.Version
		for _, s := range cut.Sensitive {
			if strings.TrimSpace(a.Asks[i].Why[s]) == "" {
				return nil, nil, ark.Faultf(ark.Invalid, "the sensitive variable %s needs a reason", s).At("", 0, "why").Do("say why the study cannot do without it")
			}
		}
		cuts = append(cuts, *cut)
		for _, o := range cut.Orgs {
			if !slices.Contains(orgs, o) {
				orgs = append(orgs, o)
			}
		}
	}
	slices.Sort(orgs)
	return orgs, cuts, nil
}

// ApplyAssessment records the worker's figures inside the change that ends its
// job, and asks every custodian concerned.
func (r *Room) ApplyAssessment(ctx context.Context, tx *store.Tx, project, application string, as Assessment) ([]store.Event, error) {
	p, err := projects.Get(ctx, tx, project)
	if err != nil {
		return nil, err
	}
	if p.State != "submitted" || p.Application != application {
		// Withdrawn or resubmitted meanwhile: the figures are of no use any more.
		return []store.Event{{Type: "application.assessment-dropped", Project: p.ID, Subjects: []string{p.ID, application}}}, nil
	}
	a, err := applications.Get(ctx, tx, application)
	if err != nil {
		return nil, err
	}
	held, err := r.heldElsewhere(ctx, tx, p, a)
	if err != nil {
		return nil, err
	}
	as.AlreadyHeld = held
	a.Assessment = &as
	if err := applications.Update(ctx, tx, a); err != nil {
		return nil, err
	}
	asked := []string{p.ID, a.ID}
	for _, org := range p.Orgs {
		rev := Review{ID: tx.NewID(ark.PrefixReview), Project: p.ID, Application: a.ID, Org: org, Deciders: []string{org}, State: r.review.Start, Asked: tx.Now()}
		ds, err := delegations.Where(ctx, tx, "org = $1", org)
		if err != nil {
			return nil, err
		}
		for _, d := range ds {
			if d.InForce(tx.Now()) {
				rev.Deciders, rev.Delegation = []string{d.Committee}, d.ID
			}
		}
		if err := reviews.Insert(ctx, tx, &rev); err != nil {
			return nil, err
		}
		asked = append(asked, rev.ID)
	}
	if err := r.project.Move(p.State, "in-review", "application.assess"); err != nil {
		return nil, err
	}
	p.State, p.StateSince = "in-review", tx.Now()
	return []store.Event{{Type: "application.in-review", Project: p.ID, Subjects: asked}}, projects.Update(ctx, tx, p)
}

// heldElsewhere names the datasets that people on the application hold under
// current permits of other projects: dates and codes can match between cuts.
func (r *Room) heldElsewhere(ctx context.Context, tx *store.Tx, p *Project, a *Application) ([]string, error) {
	current, err := permits.Where(ctx, tx, "project <> $1 AND until > $2", p.ID, tx.Now().Unix())
	if err != nil {
		return nil, err
	}
	var out []string
	for _, permit := range current {
		if !slices.ContainsFunc(a.Members, permit.Names) {
			continue
		}
		for _, g := range permit.Grants {
			d, err := catalogue.GetDataset(ctx, tx, g.Dataset)
			if err != nil {
				return nil, err
			}
			if !slices.Contains(out, d.Title) {
				out = append(out, d.Title)
			}
		}
	}
	return out, nil
}

// Withdraw ends an application by its lead.
func (r *Room) Withdraw(ctx context.Context, actor store.Actor, project, reason string) error {
	return r.St.Act(ctx, actor, "application.withdraw", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		return r.move(ctx, tx, project, "withdrawn", "application.withdraw", reason)
	})
}

// move changes the project's state, if the machine allows it.
func (r *Room) move(ctx context.Context, tx *store.Tx, project, to, action, reason string) ([]store.Event, error) {
	if len(reason) > maxText {
		return nil, ark.Faultf(ark.TooMuch, "the reason is longer than %d characters", maxText).At("", 0, "reason").Do("shorten it")
	}
	p, err := projects.Get(ctx, tx, project)
	if err != nil {
		return nil, err
	}
	if err := r.project.Move(p.State, to, action); err != nil {
		return nil, err
	}
	p.State, p.StateSince, p.Reason = to, tx.Now(), reason
	return []store.Event{{Type: "project." + to, Project: p.ID, Subjects: []string{p.ID}}}, projects.Update(ctx, tx, p)
}

func setMembers(ctx context.Context, tx *store.Tx, project string, members []string) error {
	return replaceSet(ctx, tx, "project_members", "usr", project, members)
}

func setOrgs(ctx context.Context, tx *store.Tx, project string, orgs []string) error {
	return replaceSet(ctx, tx, "project_orgs", "org", project, orgs)
}

func replaceSet(ctx context.Context, tx *store.Tx, table, column, project string, values []string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE project = $1`, project); err != nil {
		return err
	}
	for _, v := range values {
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(`INSERT INTO %s (project, %s) VALUES ($1,$2) ON CONFLICT DO NOTHING`, table, column), project, v); err != nil {
			return err
		}
	}
	return nil
}
