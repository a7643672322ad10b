package portal

import (
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strings"

	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) reviewRoutes() []Route {
	return []Route{
		{Pattern: "GET /reviews", Action: "self.read", On: whole, Serve: p.reviewList},
		{Pattern: "GET /reviews/{id}", Action: "review.decide", On: thing("Review"), Serve: p.reviewPage},
		{Pattern: "POST /reviews/{id}", Action: "review.decide", On: thing("Review"), Serve: p.decide},
	}
}

// reviewList is what waits for the viewer's organisation, oldest first.
func (p *Portal) reviewList(c *Call) error {
	type line struct {
		review  governance.Review
		project governance.Project
	}
	var all []line
	var dir *directory
	err := c.view(func(q store.Querier) error {
		rs, err := governance.ReviewsWaitingFor(c.Ctx(), q, c.Viewer.Org)
		if err != nil {
			return err
		}
		for _, r := range rs {
			x, err := governance.GetProject(c.Ctx(), q, r.Project)
			if err != nil {
				return err
			}
			if x.State == "in-review" {
				all = append(all, line{r, *x})
			}
		}
		dir, err = readDirectory(c.Ctx(), q)
		return err
	})
	if err != nil {
		return err
	}
	sort.Slice(all, func(i, j int) bool { return all[i].review.Asked.Before(all[j].review.Asked) })
	t := ui.Table{Caption: "Waiting for a decision, oldest first", Columns: ui.Cols("Project", "Whose data", "Led by", "Asked", "#Waiting"),
		Empty: &ui.Empty{Text: "No request is waiting for " + c.Viewer.OrgName + "."}}
	for _, l := range all {
		t.Rows = append(t.Rows, []ui.Cell{{Text: l.project.Title, Href: "/reviews/" + l.review.ID, Head: true}, {Text: dir.org(l.review.Org)}, {Text: dir.user(l.project.Lead)}, {Text: when(l.review.Asked)}, {Text: wait(c.Now().Sub(l.review.Asked))}})
	}
	return c.Page(ui.Page{Head: "Requests", Lead: "Who asks for the data of " + c.Viewer.OrgName + ". Silence is never consent: a request waits until you decide.", Body: []ui.Block{t}})
}

// reviewForm is the page on which a custodian decides.
func (p *Portal) reviewForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var r *governance.Review
		if err := c.view(func(q store.Querier) error {
			var err error
			r, err = governance.GetReview(c.Ctx(), q, c.ID())
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		f, err := p.readProject(c, r.Project)
		if err != nil {
			return ui.Page{}, err
		}
		a := f.app
		if a.ID != r.Application {
			if err := c.view(func(q store.Querier) error {
				var err error
				a, err = governance.GetApplication(c.Ctx(), q, r.Application)
				return err
			}); err != nil {
				return ui.Page{}, err
			}
		}
		page := ui.Page{Back: &ui.Link{Text: "Requests", Href: "/reviews"}, Above: "Request for data of " + f.dir.org(r.Org), Head: f.project.Title, State: tag(r.State, r.State == "waiting"), Errors: wrong,
			Lead: f.dir.user(f.project.Lead) + " asks to use data of " + f.dir.org(r.Org) + " for this project."}
		page.Next = &ui.Next{Tone: tone(r.State, r.State == "waiting"), Text: "You decide for " + f.dir.org(r.Org) + ". Every other custodian decides on their own.", When: since(r.Asked, c.Now())}
		if r.State != "waiting" {
			page.Next.Text, page.Next.When = "Decided by "+f.dir.user(r.By)+": "+strings.ReplaceAll(r.State, "-", " ")+".", when(r.Decided)
		} else {
			page.Next.Actions = []ui.Button{{Text: "Go to the decision", Href: "#decide"}}
		}
		page.Body = append(page.Body, p.identifiable(f, a)...)
		page.Body = append(page.Body, p.requestMain(f, a)...)
		page.Body = append(page.Body, ui.Head2{Text: "The data asked for"})
		page.Body = append(page.Body, askTables(f, a.Asks)...)
		page.Body = append(page.Body, p.othersDecisions(f, r)...)
		if r.State == "waiting" {
			page.Body = append(page.Body, ui.Head2{Text: "Your decision", ID: "decide"}, decisionForm(r, typed, wrong))
		}
		return page, nil
	}
}

func (p *Portal) requestMain(f *projectFacts, a *governance.Application) []ui.Block {
	opt := "applied: everyone who has opted out is left out"
	if a.OptOut == "exempt" {
		opt = "does not apply, by this evidence: " + a.OptOutReason
	}
	out := []ui.Block{ui.Head2{Text: "Who and why"}, ui.Summary{Rows: []ui.Row{
		{Key: "People", Lines: f.dir.userNames(a.Members)},
		{Key: "In plain words", Said: a.LaySummary}, {Key: "Benefit to the public", Said: a.PublicBenefit}, {Key: "Method", Said: a.Method},
		{Key: "Purposes", Lines: purposeWords(a.Purposes)}, {Key: "Legal basis", Text: a.LegalBasis}, {Key: "Ethics", Text: orText(a.Ethics, "none given")}, {Key: "Funder", Text: orText(a.Funder, "none given")},
		{Key: "National data opt-out", Text: opt}, {Key: "Legally restricted codes", Lines: restrictedWords(a.Restricted)}, {Key: "Newer versions", Text: capital(governance.ScheduleWords(a.Refresh))}, {Key: "From and until", Text: day(a.From) + " to " + day(a.Until)},
		{Key: "Expected outputs", Lines: a.ExpectedOutputs}, {Key: "Destination", Text: a.Destination}}}}
	return out
}

// identifiable says how identifiable the cut would be.
func (p *Portal) identifiable(f *projectFacts, a *governance.Application) []ui.Block {
	as := a.Assessment
	if as == nil {
		return []ui.Block{ui.Head2{Text: "How identifiable"}, ui.Text{Text: "It is being worked out."}}
	}
	t := ui.Table{Caption: "How identifiable, by dataset", Columns: ui.Cols("Dataset", "#People (rounded)", "#Share of all people in it", "#Unique among them")}
	for _, d := range as.Datasets {
		t.Rows = append(t.Rows, []ui.Cell{{Text: orText(f.data[d.Dataset].Title, d.Title), Head: true}, {Text: d.People}, {Text: d.Coverage}, {Text: d.Unique}})
	}
	held := as.AlreadyHeld
	if len(held) == 0 {
		held = []string{"nothing else"}
	}
	return []ui.Block{ui.Head2{Text: "How identifiable"}, t,
		ui.Text{Soft: true, Text: "People are rounded. “Unique” is the share of them who stand alone in the combination of variables that could single out."},
		ui.Summary{Compact: true, Rows: []ui.Row{
			{Key: "Variables", Text: number(as.Variables)},
			{Key: "Could single out", Lines: orNoneWords(as.Quasi)},
			{Key: "Sensitive", Lines: orNoneWords(as.Sensitive)},
			{Key: "They already hold", Lines: held}}}}
}

func orNoneWords(xs []string) []string {
	if len(xs) == 0 {
		return []string{"none"}
	}
	return xs
}

// othersDecisions shows what others decided, after one's own decision.
func (p *Portal) othersDecisions(f *projectFacts, r *governance.Review) []ui.Block {
	if r.State == "waiting" {
		if len(f.reviews) > 1 {
			return []ui.Block{ui.Text{Soft: true, Text: fmt.Sprintf("%s in all. You see what others decided after you have.", capital(count(len(f.reviews), "organisation")))}}
		}
		return nil
	}
	t := ui.Table{Caption: "What everyone decided", Columns: ui.Cols("Organisation", "Decision", "Reason and conditions")}
	for _, x := range f.reviews {
		t.Rows = append(t.Rows, []ui.Cell{{Text: f.dir.org(x.Org), Head: true}, {Tag: tag(x.State, false)}, {Text: strings.Trim(strings.Join(append([]string{x.Reason}, x.Conditions...), " · "), " ·")}})
	}
	return []ui.Block{t}
}

func decisionForm(r *governance.Review, typed url.Values, wrong []ui.Problem) ui.Block {
	fields := []ui.Field{
		{Kind: "radios", Name: "decision", Label: "What do you decide?", Options: []ui.Option{
			{Value: "approved", Text: "Approve", Hint: "With conditions, if need be."},
			{Value: "changes-requested", Text: "Ask for changes", Hint: "The application goes back at once. Say what would have to change."},
			{Value: "refused", Text: "Refuse", Hint: "The reason is published without names. Your organisation’s rows are left out, or the application ends if it was all or nothing."}}},
		{Kind: "area", Name: "reason", Label: "Your reason", Hint: "Needed unless you approve. The applicants read it. Common reasons: more variables than the question needs · the filter is too wide · the public benefit is not clear · too few people, so that somebody could be recognised.", Max: 4000},
		{Kind: "area", Name: "conditions", Label: "Conditions of an approval", Hint: "One on each line. They become part of the permit.", Rows: 3},
		{Kind: "checks", Name: "airlock", Label: "What has to be so before a result leaves?", Hint: "Two output checkers look at every file in any case. The strictest of what the custodians ask holds.", Options: []ui.Option{
			{Value: "sign", Text: "A custodian of ours signs off each release"},
			{Value: "lay", Text: "A lay reviewer signs off each release"},
			{Value: "apart", Text: "The output checkers come from different organisations"},
			{Value: "three", Text: "Three output checkers, not two"}}},
		{Kind: "area", Name: "contractual", Label: "Disclosure rules that only we may waive", Hint: "Names of rules, one on each line, as the disclosure reference has them. For example: count-below-threshold", Rows: 2},
		{Kind: "number", Name: "max_rows", Label: "Most rows of a table", Hint: "5,000 unless you say less", Narrow: true},
	}
	return ui.Form{Action: "/reviews/" + r.ID, Guard: true, Fields: ui.Filled(fields, typed, wrong), Submit: ui.Button{Text: "Record the decision"}}
}

func (p *Portal) reviewPage(c *Call) error {
	return p.draw(c, p.reviewForm(c))
}

func (p *Portal) decide(c *Call) error {
	return c.Attempt(p.reviewForm(c), func(form url.Values) (string, error) {
		v := governance.Verdict{Decision: form.Get("decision"), Reason: strings.TrimSpace(form.Get("reason")), Conditions: lines(form.Get("conditions"))}
		if v.Decision == "approved" {
			v.Airlock = governance.VerdictTerms{SignOff: slices.Contains(form["airlock"], "sign"), LaySignOff: slices.Contains(form["airlock"], "lay"), OtherOrganisation: slices.Contains(form["airlock"], "apart"), Contractual: lines(form.Get("contractual")), MaxRows: int(atoi(form.Get("max_rows")))}
			if slices.Contains(form["airlock"], "three") {
				v.Airlock.Checkers = 3
			}
		}
		if err := oneOf("decision", v.Decision, "approved", "changes-requested", "refused"); err != nil {
			return "", err
		}
		return "/reviews/" + c.ID(), p.cfg.Rooms.Governance.Decide(c.Ctx(), c.Actor, c.ID(), v)
	})
}
