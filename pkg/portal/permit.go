package portal

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue/restricted"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
)

// oneOf refuses a choice that was not offered.
func oneOf(field, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	if value == "" {
		return ark.Faultf(ark.Invalid, "nothing is chosen").At("", 0, field).Do("Choose one.")
	}
	return ark.Faultf(ark.Invalid, "that is none of the choices").At("", 0, field).Do("Choose one of those offered.")
}

// permit is the page of the permit in force: what exactly is allowed.
func (p *Portal) permit(c *Call) error {
	f, err := p.readProject(c, c.ID())
	if err != nil {
		return err
	}
	x := f.permit
	if x == nil {
		return ark.Faultf(ark.Unknown, "this project has no permit").Do("it gets one when every custodian concerned has decided")
	}
	page := ui.Page{Back: &ui.Link{Text: f.project.Title, Href: "/projects/" + f.project.ID}, Above: f.project.Title, Head: "Permit", Lead: "What this project may do, exactly. Workspaces and the airlock obey it and nothing else. It never changes: an amendment makes a new one."}
	switch {
	case !x.Until.After(c.Now()):
		page.State = &ui.Tag{Text: "Run out", Colour: ui.Red}
	case x.From.After(c.Now()):
		page.State = &ui.Tag{Text: "Not yet", Colour: ui.Grey}
	default:
		page.State = &ui.Tag{Text: "In force", Colour: ui.Green}
	}
	var holders []string
	for _, h := range x.Holders {
		holders = append(holders, h.User)
	}
	opt := x.OptOut
	if opt == "applied" {
		opt = "applied at every cut"
	}
	page.Body = []ui.Block{ui.Summary{Rows: []ui.Row{
		{Key: "Who", Lines: f.dir.userNames(holders)}, {Key: "Purposes", Lines: purposeWords(x.Purposes)}, {Key: "From and until", Text: day(x.From) + " to " + day(x.Until)},
		{Key: "Expected outputs", Lines: x.Outputs}, {Key: "Destination", Text: x.Destination}, {Key: "Output checkers needed", Text: number(x.Checkers)}, {Key: "Before a result leaves", Lines: airlockWords(x.Airlock)}, {Key: "Disclosure rules", Text: x.Profile},
		{Key: "National data opt-out", Text: opt}, {Key: "Legally restricted codes", Lines: restrictedWords(x.Restricted)}, {Key: "Newer versions", Text: capital(governance.ScheduleWords(x.Refresh))}, {Key: "Conditions", Lines: orNoneWords(x.Conditions)}}}, ui.Head2{Text: "Data granted"}}
	var asks []governance.Ask
	for _, g := range x.Grants {
		why := map[string]string{}
		for _, a := range f.app.Asks {
			if a.Dataset == g.Dataset {
				why = a.Why
			}
		}
		asks = append(asks, governance.Ask{Dataset: g.Dataset, Version: g.Version, Variables: g.Variables, Filters: g.Filters, Why: why})
	}
	page.Body = append(page.Body, askTables(f, asks)...)
	for _, g := range x.Grants {
		if g.Edition > 0 {
			page.Body = append(page.Body, ui.Text{Text: fmt.Sprintf("%s: for edition %d. A version of another is refused, and needs an amendment, where a variable named here is gone or another.", f.data[g.Dataset].Title, g.Edition)})
		}
		if len(g.Without) > 0 {
			page.Body = append(page.Body, ui.Inset{Text: "Without the rows of " + strings.Join(f.dir.orgNames(g.Without), ", ") + ", which refused."})
		}
	}
	page.Body = append(page.Body, ui.Head2{Text: "Proof"}, ui.Summary{Rows: []ui.Row{{Key: "Permit", Text: x.ID}, {Key: "Issued", Text: when(x.Issued)}, {Key: "SHA-256 of its content", Text: x.Hash}}},
		ui.Text{Text: "It carries the ledger’s signed head of that moment, so its holders are witnesses that the ledger was not rewritten:"}, ui.Code{Text: orText(x.Checkpoint, "no checkpoint")})
	return c.Page(page)
}

// restrictedWords says which restricted groups of codes may pass, and by what.
func restrictedWords(bases map[string]string) []string {
	out := []string{}
	for _, g := range restricted.Groups() {
		if b, ok := bases[g.Group]; ok {
			out = append(out, capital(g.Says)+": "+b)
		}
	}
	if len(out) == 0 {
		out = append(out, "rows with such codes are left out")
	}
	return out
}

// airlockWords are the custodians' terms for the airlock, in words.
func airlockWords(t governance.AirlockTerms) []string {
	var out []string
	if t.OtherOrganisation {
		out = append(out, "the checkers come from different organisations")
	}
	for _, s := range t.SignOff {
		if s == governance.SignOffLay {
			out = append(out, "a lay reviewer signs off")
			continue
		}
		out = append(out, "a custodian signs off")
	}
	for _, rule := range t.Rules() {
		out = append(out, "only "+count(len(t.Contractual[rule]), "custodian")+" may waive "+rule)
	}
	return append(out, fmt.Sprintf("at most %d files in a request and %s rows in a table", orLimit(t.MaxFiles, 25), number(orLimit(t.MaxRows, 5000))))
}
