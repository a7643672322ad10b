package portal

import (
	"context"
	"net/url"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) damageRoutes() []Route {
	return []Route{
		{Pattern: "GET /incidents/{id}", Action: "request.settle", On: thing("Request"), Serve: p.damagePage},
		{Pattern: "POST /incidents/{id}/settle", Action: "request.settle", On: thing("Request"), Serve: p.settleDamage},
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
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var all []airlock.Incident
		var x *governance.Project
		var dir *directory
		if err := c.view(func(q store.Querier) error {
			var err error
			if _, x, _, err = p.cfg.Rooms.Airlock.Reassignable(c.Ctx(), q, c.ID()); err != nil {
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
		page := ui.Page{Above: x.Title, Head: "A submitted file was found damaged", Errors: wrong,
			Lead: "The stored bytes are not what was submitted. They were shown to nobody, and the file cannot leave."}
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
			page.Lead = "No file of this request was found damaged."
			return page, nil
		case !open:
			page.Next = &ui.Next{Tone: "done", Text: "Settled. Every read still verifies the bytes."}
			return page, nil
		}
		page.Next = &ui.Next{Tone: "you", Text: "Find out who changed the store; restore the file from a backup, or return the request so that it is sent again. Decide within 72 hours whether it has to be reported."}
		page.Body = append(page.Body, ui.Head2{Text: "Settle it"}, settleForm("/incidents/"+c.ID()+"/settle", typed, wrong))
		return page, nil
	}
}

func (p *Portal) settleDamage(c *Call) error {
	return c.Attempt(p.damageForm(c), func(form url.Values) (string, error) {
		return "/incidents/" + c.ID(), p.cfg.Rooms.Airlock.SettleDamage(c.Ctx(), c.Actor, c.ID(), form.Get("outcome"), form.Get("lesson"))
	})
}

var outcomeWords = map[string]string{airlock.OutcomeNearMiss: "a near miss", airlock.OutcomeBreach: "a breach"}

// settleForm asks what an incident turned out to be.
func settleForm(action string, typed url.Values, wrong []ui.Problem) ui.Form {
	return ui.Form{Action: action, Fields: ui.Filled([]ui.Field{
		{Kind: "radios", Name: "outcome", Label: "What was it?", Options: []ui.Option{{Value: airlock.OutcomeNearMiss, Text: "A near miss", Hint: "Nobody outside got it."}, {Value: airlock.OutcomeBreach, Text: "A breach"}}},
		{Kind: "area", Name: "lesson", Label: "What was found out, and what was done?", Rows: 4}}, typed, wrong), Submit: ui.Button{Text: "Record it"}}
}
