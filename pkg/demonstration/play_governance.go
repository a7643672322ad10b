package demonstration

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/client"
	"github.com/ark-tre/ark/pkg/governance"
)

// apply explores and applies as a researcher.
func (p *play) apply(ctx context.Context) error {
	amina := p.as(ctx, "amina")
	ds, err := all[catalogue.Dataset](ctx, amina, "/datasets")
	if err != nil {
		return err
	}
	var d catalogue.Dataset
	for _, x := range ds {
		if x.Slug == "emergency-care" {
			d = x
		}
	}
	if err := must(d.ID != "", "the catalogue lacks emergency-care"); err != nil {
		return err
	}
	if err := p.explore(ctx, amina, d); err != nil {
		return err
	}
	var project governance.Project
	if err := amina.Post(ctx, "/projects", map[string]string{"title": "Alcohol in emergency departments"}, &project); err != nil {
		return err
	}
	p.project = project.ID
	me, err := userID(ctx, amina)
	if err != nil {
		return err
	}
	a := application(d, me)
	bad := a
	bad.LaySummary = ""
	if err := amina.Put(ctx, "/projects/"+p.project+"/application", bad, nil); err != nil {
		return err
	}
	if err := refused(amina.Post(ctx, "/projects/"+p.project+"/submit", nil, nil), "an application without its lay summary", ark.Invalid); err != nil {
		return err
	}
	bad = a
	bad.Asks[0].Filters = map[string]string{"person": "1=1; DROP TABLE users"}
	if err := amina.Put(ctx, "/projects/"+p.project+"/application", bad, nil); err != nil {
		return err
	}
	if err := refused(amina.Post(ctx, "/projects/"+p.project+"/submit", nil, nil), "SQL in a filter", ark.Invalid); err != nil {
		return err
	}
	if err := amina.Put(ctx, "/projects/"+p.project+"/application", application(d, me), nil); err != nil {
		return err
	}
	if err := refused(p.as(ctx, "dev").Post(ctx, "/projects/"+p.project+"/submit", nil, nil), "submitting somebody else's application", ark.Forbidden, ark.Unknown, ark.Withheld); err != nil {
		return err
	}
	return amina.Post(ctx, "/projects/"+p.project+"/submit", nil, nil)
}

// application is what the play asks for.
func application(d catalogue.Dataset, user string) governance.Application {
	why := "The question is about this variable."
	return governance.Application{
		Title:         "Alcohol in emergency departments",
		LaySummary:    "We want to know how often alcohol plays a part in visits to emergency departments, and in which parts of the region, so that help can be offered where it is needed.",
		PublicBenefit: "Services can place support where people need it.",
		Method:        "Counts and rates of attendances by deprivation and sex.",
		Purposes:      []string{"public health research"}, LegalBasis: "public task; research", Ethics: "not needed: invented people", Funder: "none",
		Members: []string{user}, OptOut: "applied", Refresh: governance.RefreshEach, From: time.Now().UTC().Add(-time.Hour).Truncate(time.Second), Until: time.Now().UTC().AddDate(0, 6, 0).Truncate(time.Second),
		ExpectedOutputs: []string{"tables of rounded counts"}, Destination: "University of Northfield, study folder",
		Asks: []governance.Ask{{Dataset: d.ID,
			Variables: map[string][]string{"person": {"year_of_birth", "sex", "imd_decile"}, "attendances": {"arrived_month", "acuity", "alcohol_related", "disposal"}},
			Filters:   map[string]string{"person": "year_of_birth <= 2006"},
			Why:       map[string]string{"attendances.alcohol_related": why}}},
	}
}

// explore asks rounded counts and downloads the synthetic version.
func (p *play) explore(ctx context.Context, amina *client.Client, d catalogue.Dataset) error {
	var f catalogue.Feasibility
	if err := amina.Post(ctx, "/datasets/"+d.ID+"/feasibility", map[string]any{"filters": map[string]string{"attendances": "alcohol_related = 'Y'"}}, &f); err != nil {
		return err
	}
	if err := amina.Until(ctx, longest, "the answer to a feasibility question", "/datasets/"+d.ID+"/feasibility/"+f.ID, &f, func() (bool, error) {
		return f.State == "answered", must(f.State != "failed", "the feasibility question failed: %s", f.Says)
	}); err != nil {
		return err
	}
	p.Say("    feasibility: %s people", f.People)
	if err := must(rounded(f.People), "the feasibility count %q is not rounded", f.People); err != nil {
		return err
	}
	if err := p.approveCounts(ctx, amina, d); err != nil {
		return err
	}
	text, _, err := amina.Page(ctx, "/catalogue/"+d.ID+"/synthetic/attendances.csv")
	if err != nil {
		return err
	}
	return must(strings.Contains(string(text), "SYNTHETIC00001") && strings.Contains(string(text), "alcohol_related"), "the synthetic version is not what it should be")
}

// rounded reports whether a shown count is a multiple of five, or masked.
func rounded(text string) bool {
	digits := strings.ReplaceAll(text, ",", "")
	var n int
	if _, err := fmt.Sscanf(digits, "%d", &n); err != nil {
		return strings.HasPrefix(text, "fewer than")
	}
	return n%5 == 0
}

// decide plays both custodians: one asks for changes first.
func (p *play) decide(ctx context.Context) error {
	amina := p.as(ctx, "amina")
	if err := p.state(ctx, amina, "in-review"); err != nil {
		return err
	}
	carol, colin := p.as(ctx, "carol"), p.as(ctx, "colin")
	r, err := p.waiting(ctx, carol)
	if err != nil {
		return err
	}
	if err := p.assessed(ctx, carol); err != nil {
		return err
	}
	decide := func(c *client.Client, review string, v governance.Verdict) error {
		return c.Post(ctx, "/reviews/"+review+"/decision", v, nil)
	}
	if err := refused(decide(amina, r.ID, governance.Verdict{Decision: "approved"}), "a decision by the applicant", ark.Forbidden, ark.Unknown, ark.Withheld); err != nil {
		return err
	}
	if err := refused(decide(colin, r.ID, governance.Verdict{Decision: "approved"}), "a decision for another organisation", ark.Forbidden, ark.Unknown, ark.Withheld); err != nil {
		return err
	}
	if err := refused(decide(carol, r.ID, governance.Verdict{Decision: "changes-requested"}), "a decision without its reason", ark.Invalid); err != nil {
		return err
	}
	if err := decide(carol, r.ID, governance.Verdict{Decision: "changes-requested", Reason: "Please say who will act on the result."}); err != nil {
		return err
	}
	var out struct {
		Answers *governance.Application `json:"answers"`
		State   string                  `json:"state"`
	}
	if err := amina.Get(ctx, "/projects/"+p.project, &out); err != nil {
		return err
	}
	if err := must(out.State == "changes-requested", "the project is %s after a custodian asked for changes", out.State); err != nil {
		return err
	}
	out.Answers.PublicBenefit += " The council's public health team acts on it."
	if err := amina.Put(ctx, "/projects/"+p.project+"/application", out.Answers, nil); err != nil {
		return err
	}
	if err := amina.Post(ctx, "/projects/"+p.project+"/submit", nil, nil); err != nil {
		return err
	}
	if err := p.state(ctx, amina, "in-review"); err != nil {
		return err
	}
	for _, c := range []*client.Client{carol, colin} {
		r, err := p.waiting(ctx, c)
		if err != nil {
			return err
		}
		if err := decide(c, r.ID, governance.Verdict{Decision: "approved", Conditions: []string{"Acknowledge the departments."}}); err != nil {
			return err
		}
	}
	return p.permitted(ctx, amina)
}

// permitted waits for the permit and holds its hash against its content.
func (p *play) permitted(ctx context.Context, amina *client.Client) error {
	if err := p.state(ctx, amina, "active"); err != nil {
		return err
	}
	var permit governance.Permit
	if err := amina.Get(ctx, "/projects/"+p.project+"/permit", &permit); err != nil {
		return err
	}
	hash, err := permit.ComputeHash()
	if err != nil {
		return err
	}
	p.permit = permit.ID
	return must(hash == permit.Hash && len(permit.Grants) == 1 && len(permit.Holders) == 1 && strings.Contains(permit.Checkpoint, "ledger"),
		"the permit is not what was approved: %s", jsonText(permit))
}

func (p *play) state(ctx context.Context, c *client.Client, want string) error {
	var out governance.Project
	return c.Until(ctx, longest, "the project to be "+want, "/projects/"+p.project, &out, func() (bool, error) { return out.State == want, nil })
}

// waiting returns the review of the play's project that waits for a custodian.
func (p *play) waiting(ctx context.Context, c *client.Client) (*governance.Review, error) {
	rs, err := all[governance.Review](ctx, c, "/reviews")
	if err != nil {
		return nil, err
	}
	for i := range rs {
		if rs[i].Project == p.project {
			return &rs[i], nil
		}
	}
	return nil, fmt.Errorf("no review of the project waits for this custodian")
}

// assessed checks that the custodian sees rounded figures of the cut.
func (p *play) assessed(ctx context.Context, c *client.Client) error {
	var out struct {
		Answers *governance.Application `json:"answers"`
	}
	if err := c.Get(ctx, "/projects/"+p.project, &out); err != nil {
		return err
	}
	as := out.Answers.Assessment
	if as == nil || len(as.Datasets) != 1 {
		return fmt.Errorf("the custodian sees no assessment")
	}
	p.Say("    assessment: %s people, coverage %s, unique %s, %d variables", as.Datasets[0].People, as.Datasets[0].Coverage, as.Datasets[0].Unique, as.Variables)
	return must(rounded(as.Datasets[0].People), "the assessment's count %q is not rounded", as.Datasets[0].People)
}
