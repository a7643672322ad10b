package portal

import (
	"net/url"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/portal/ui"
)

func (p *Portal) holdOutput(c *Call) error {
	return c.Attempt(nil, func(url.Values) (string, error) {
		return "/outputs/" + c.ID(), p.cfg.Rooms.Airlock.Hold(c.Ctx(), c.Actor, c.ID())
	})
}

func (p *Portal) resumeOutput(c *Call) error {
	return c.Attempt(nil, func(url.Values) (string, error) {
		return "/outputs/" + c.ID(), p.cfg.Rooms.Airlock.Resume(c.Ctx(), c.Actor, c.ID())
	})
}

// reasonForm is a page that asks for one reason and then acts.
func (p *Portal) reasonForm(c *Call, head, lead, label, path, send string, before func(airlock.View) []ui.Block) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		v, err := p.cfg.Rooms.Airlock.ViewOf(c.Ctx(), c.Actor, c.ID())
		if err != nil {
			return ui.Page{}, err
		}
		base := "/outputs/" + v.ID
		fields := ui.Filled([]ui.Field{{Kind: "area", Name: "reason", Label: label, Max: 4000}}, typed, wrong)
		return ui.Page{Back: &ui.Link{Text: "The request", Href: base}, Head: head, Lead: lead, Errors: wrong,
			Body: append(before(v), ui.Form{Action: base + path, Guard: true, Fields: fields, Submit: ui.Button{Text: send}, Cancel: &ui.Link{Text: "Not now", Href: base}})}, nil
	}
}

func (p *Portal) contestForm(c *Call) build {
	return p.reasonForm(c, "The check does not apply here", "Two output checkers decide on it. Say it only where the rule is wrong for this file: for example where the numbers do not count people.", "Why does it not apply?", "/contest", "Ask the checkers", findingBlocks)
}

func (p *Portal) contestPage(c *Call) error { return p.draw(c, p.contestForm(c)) }

func (p *Portal) contest(c *Call) error {
	return c.Attempt(p.contestForm(c), func(form url.Values) (string, error) {
		return "/outputs/" + c.ID(), p.cfg.Rooms.Airlock.Contest(c.Ctx(), c.Actor, c.ID(), form.Get("reason"))
	})
}

func (p *Portal) appealForm(c *Call) build {
	return p.reasonForm(c, "Appeal against the return", "An output checker who has not seen the request decides. If they agree with you, it is reviewed again and their approval counts as one.", "Why should it be released as it is?", "/appeal", "Appeal", func(v airlock.View) []ui.Block { return p.conversation(c, v) })
}

func (p *Portal) appealPage(c *Call) error { return p.draw(c, p.appealForm(c)) }

func (p *Portal) appeal(c *Call) error {
	return c.Attempt(p.appealForm(c), func(form url.Values) (string, error) {
		return "/outputs/" + c.ID(), p.cfg.Rooms.Airlock.Appeal(c.Ctx(), c.Actor, c.ID(), form.Get("reason"))
	})
}
