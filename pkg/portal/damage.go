package portal

import (
	"context"
	"net/url"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/ingress"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) damageRoutes() []Route {
	return []Route{
		{Pattern: "GET /incidents/{id}", Action: "request.settle", On: thing("Request"), Serve: p.damagePage},
		{Pattern: "POST /incidents/{id}/settle", Action: "request.settle", On: thing("Request"), Serve: p.settleDamage},
		{Pattern: "GET /inputs/{id}/incident", Action: "input.settle", On: thing("Input"), Serve: p.inputDamagePage},
		{Pattern: "POST /inputs/{id}/settle", Action: "input.settle", On: thing("Input"), Serve: p.settleInput},
	}
}

// foundDamaged is told when a look at a file of a request finds bytes that are
// not what was submitted. The look itself is refused by then.
func (p *Portal) foundDamaged(request, file string) func(context.Context) {
	return func(ctx context.Context) {
		if err := p.cfg.Rooms.Airlock.Damaged(context.WithoutCancel(ctx), request, file); err != nil {
			p.cfg.Log.ErrorContext(ctx, "a damaged file could not be recorded", "request", request, "err", err)
		}
	}
}

// damagePage is what is known of damaged files of a request: numbers, no names.
func (p *Portal) damagePage(c *Call) error { return p.draw(c, p.damageForm(c)) }

func (p *Portal) damageForm(c *Call) build {
	return p.hurtForm(c, hurtWords{head: "A submitted file was found damaged", lead: "The stored bytes are not what was submitted. They were shown to nobody, and the file cannot leave.",
		none: "No file of this request was found damaged.", action: "/incidents/" + c.ID() + "/settle",
		next: "Find out who changed the store; restore the file from a backup, or return the request so that it is sent again. Decide within 72 hours whether it has to be reported."},
		func(q store.Querier) (*governance.Project, error) {
			_, x, _, err := p.cfg.Rooms.Airlock.Reassignable(c.Ctx(), q, c.ID())
			return x, err
		})
}

func (p *Portal) settleDamage(c *Call) error {
	return c.Attempt(p.damageForm(c), func(form url.Values) (string, error) {
		return "/incidents/" + c.ID(), p.cfg.Rooms.Airlock.SettleDamage(c.Ctx(), c.Actor, c.ID(), form.Get("outcome"), form.Get("lesson"))
	})
}

// inputDamagePage is the same of an input.
func (p *Portal) inputDamagePage(c *Call) error { return p.draw(c, p.inputDamageForm(c)) }

func (p *Portal) inputDamageForm(c *Call) build {
	return p.hurtForm(c, hurtWords{head: "A file to be brought in was found damaged", lead: "The stored bytes are not what was sent or checked. They were shown to nobody and put nowhere; what was not in the workspace yet is stopped for good.",
		none: "No file of this input was found damaged.", action: "/inputs/" + c.ID() + "/settle",
		next: "Find out who changed the store. The author brings the files again. Decide within 72 hours whether it has to be reported."},
		func(q store.Querier) (*governance.Project, error) {
			i, err := ingress.Get(c.Ctx(), q, c.ID())
			if err != nil {
				return nil, err
			}
			return governance.GetProject(c.Ctx(), q, i.Project)
		})
}

func (p *Portal) settleInput(c *Call) error {
	return c.Attempt(p.inputDamageForm(c), func(form url.Values) (string, error) {
		return "/inputs/" + c.ID() + "/incident", p.cfg.Rooms.Ingress.SettleDamage(c.Ctx(), c.Actor, c.ID(), form.Get("outcome"), form.Get("lesson"))
	})
}

// hurtWords are the words of a page about damaged files.
type hurtWords struct{ head, lead, none, next, action string }

// hurtForm is the page about the damaged files of the thing that c is about.
func (p *Portal) hurtForm(c *Call, says hurtWords, project func(store.Querier) (*governance.Project, error)) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var all []airlock.Incident
		var x *governance.Project
		var dir *directory
		if err := c.view(func(q store.Querier) error {
			var err error
			if x, err = project(q); err != nil {
				return err
			}
			if all, err = airlock.IncidentsAbout(c.Ctx(), q, x.ID, c.ID()); err != nil {
				return err
			}
			dir, err = readDirectory(c.Ctx(), q)
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		page := ui.Page{Above: x.Title, Head: says.head, Errors: wrong, Lead: says.lead}
		open := false
		for _, in := range all {
			rows := []ui.Row{{Key: "File", Text: "number " + number(in.File)}, {Key: "Found", Text: when(in.At)}, {Key: "To be reported by", Text: when(in.ReportBy)}, {Key: "Told", Lines: dir.userNames(in.Told)}}
			if in.State == "settled" {
				rows = append(rows, ui.Row{Key: "It was", Text: outcomeWords[in.Outcome]}, ui.Row{Key: "Settled", Text: when(in.Settled)}, ui.Row{Key: "What was found out and done", Said: in.Lesson})
			} else {
				open = true
			}
			page.Body = append(page.Body, ui.Summary{Rows: rows})
		}
		switch {
		case len(all) == 0:
			page.Lead = says.none
			return page, nil
		case !open:
			page.Next = &ui.Next{Tone: "done", Text: "Settled. Every read still verifies the bytes."}
			return page, nil
		}
		page.Next = &ui.Next{Tone: "you", Text: says.next}
		page.Body = append(page.Body, ui.Head2{Text: "Settle it"}, settleForm(says.action, typed, wrong))
		return page, nil
	}
}

var outcomeWords = map[string]string{airlock.OutcomeNearMiss: "a near miss", airlock.OutcomeBreach: "a breach"}

// settleForm asks what an incident turned out to be.
func settleForm(action string, typed url.Values, wrong []ui.Problem) ui.Form {
	return ui.Form{Action: action, Fields: ui.Filled([]ui.Field{
		{Kind: "radios", Name: "outcome", Label: "What was it?", Options: []ui.Option{{Value: airlock.OutcomeNearMiss, Text: "A near miss", Hint: "Nobody outside got it."}, {Value: airlock.OutcomeBreach, Text: "A breach"}}},
		{Kind: "area", Name: "lesson", Label: "What was found out, and what was done?", Rows: 4}}, typed, wrong), Submit: ui.Button{Text: "Record it"}}
}
