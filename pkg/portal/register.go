package portal

import (
	"fmt"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) registerRoutes() []Route {
	return []Route{
		{Pattern: "GET /register", Action: "public.read", On: whole, Serve: p.register},
		{Pattern: "GET /register/{id}", Action: "public.read", On: whole, Serve: p.registerEntry},
	}
}

// publicStates are the states in which the public register names a project.
var publicStates = map[string]bool{"approved": true, "active": true, "suspended": true, "closing": true, "closed": true}

// turnText says how long output checkers take.
func turnText(t airlock.Turnaround) ui.Block {
	if t.Rounds < 10 {
		return ui.Text{Soft: true, Text: "How long output checkers take is said here once they have decided ten times in 90 days."}
	}
	return ui.Text{Text: fmt.Sprintf("In the last 90 days output checkers decided %s: half of them within %s, nine of ten within %s.", count(t.Rounds, "time"), wait(t.Median), wait(t.P90))}
}

// register is the public list of projects and refusals.
func (p *Portal) register(c *Call) error {
	var ps []governance.Project
	apps := map[string]governance.Application{}
	var dir *directory
	released := map[string]int{}
	var turn airlock.Turnaround
	err := c.view(func(q store.Querier) error {
		var err error
		if ps, err = governance.Projects(c.Ctx(), q); err != nil {
			return err
		}
		for _, x := range ps {
			a, err := governance.GetApplication(c.Ctx(), q, x.Application)
			if err != nil {
				return err
			}
			apps[x.ID] = *a
			rs, err := airlock.ReleasesOf(c.Ctx(), q, x.ID)
			if err != nil {
				return err
			}
			released[x.ID] = len(rs)
		}
		if turn, err = airlock.TurnaroundSince(c.Ctx(), q, c.Now().AddDate(0, 0, -90)); err != nil {
			return err
		}
		dir, err = readDirectory(c.Ctx(), q)
		return err
	})
	if err != nil {
		return err
	}
	page := ui.Page{Head: "Register", Lead: "Who uses the data, what for, and what came out. Refused applications are here too, without names and with the reasons."}
	res := ui.Results{Action: "/register"}
	var refused ui.Timeline
	query := strings.ToLower(c.Query("q"))
	for i := len(ps) - 1; i >= 0; i-- {
		x := ps[i]
		a := apps[x.ID]
		if x.State == "rejected" {
			refused.Items = append(refused.Items, ui.Entry{When: day(x.StateSince), Text: "An application for " + strings.ToLower(strings.Join(purposeWords(a.Purposes), ", ")) + " was refused.", Said: x.Reason})
			continue
		}
		if !publicStates[x.State] || query != "" && !strings.Contains(strings.ToLower(x.Title+" "+a.LaySummary), query) {
			continue
		}
		org := ""
		if u, ok := dir.users[x.Lead]; ok {
			org = dir.org(u.Org)
		}
		res.Items = append(res.Items, ui.Result{Head: x.Title, Href: "/register/" + x.ID, Text: clipWords(a.LaySummary, 40), Tags: []ui.Tag{*tag(x.State, false)},
			Meta: []string{org + " · " + strings.Join(purposeWords(a.Purposes), ", ") + " · " + count(released[x.ID], "release")}})
	}
	res.Count = count(len(res.Items), "project")
	if len(res.Items) == 0 {
		res.Empty = &ui.Empty{Text: "No project has been approved yet. The first one appears here on the day its permit is issued."}
	}
	page.Body = []ui.Block{turnText(turn), ui.Search{Action: "/register", Label: "Search the register", Value: c.Query("q")}, res, ui.Head2{Text: "Refused"}}
	if len(refused.Items) == 0 {
		page.Body = append(page.Body, ui.Text{Text: "No application has been refused yet."})
	} else {
		page.Body = append(page.Body, refused)
	}
	return c.Page(page)
}

func clipWords(s string, n int) string {
	w := strings.Fields(s)
	if len(w) <= n {
		return strings.Join(w, " ")
	}
	return strings.Join(w[:n], " ") + " …"
}

// registerEntry is what the public may know of one project.
func (p *Portal) registerEntry(c *Call) error {
	var x *governance.Project
	var a *governance.Application
	var permit *governance.Permit
	var rs []airlock.Release
	var dir *directory
	data := map[string]catalogue.Dataset{}
	err := c.view(func(q store.Querier) error {
		var err error
		if x, err = governance.GetProject(c.Ctx(), q, c.ID()); err != nil {
			return err
		}
		if !publicStates[x.State] || x.Permit == "" {
			return ark.Faultf(ark.Withheld, "there is no such project in the register").Do("see the register for those that were approved")
		}
		if permit, err = governance.GetPermit(c.Ctx(), q, x.Permit); err != nil {
			return err
		}
		if a, err = governance.GetApplication(c.Ctx(), q, permit.Application); err != nil {
			return err
		}
		if rs, err = airlock.ReleasesOf(c.Ctx(), q, x.ID); err != nil {
			return err
		}
		ds, err := catalogue.Datasets(c.Ctx(), q)
		if err != nil {
			return err
		}
		for _, d := range ds {
			data[d.ID] = d
		}
		dir, err = readDirectory(c.Ctx(), q)
		return err
	})
	if err != nil {
		return err
	}
	var used, orgs []string
	for _, g := range permit.Grants {
		n := 0
		for _, vs := range g.Variables {
			n += len(vs)
		}
		used = append(used, data[g.Dataset].Title+" ("+count(n, "variable")+")")
		if len(g.Without) > 0 {
			used = append(used, "without the records of "+strings.Join(dir.orgNames(g.Without), ", ")+", which refused")
		}
	}
	seen := map[string]bool{}
	for _, m := range permit.Holders {
		if u, ok := dir.users[m.User]; ok && !seen[u.Org] {
			seen[u.Org] = true
			orgs = append(orgs, dir.org(u.Org))
		}
	}
	opt := "Applied: everyone who has opted out is left out."
	if permit.OptOut != "applied" {
		opt = "Does not apply to this project. Evidence: " + a.OptOutReason
	}
	page := ui.Page{Back: &ui.Link{Text: "Register", Href: "/register"}, Above: "Project in the register", Head: x.Title, State: tag(x.State, false), Lead: clipWords(a.LaySummary, 300)}
	page.Body = []ui.Block{ui.Summary{Rows: []ui.Row{
		{Key: "How the public gains", Said: a.PublicBenefit}, {Key: "Purposes", Lines: purposeWords(permit.Purposes)}, {Key: "Organisations that use it", Lines: orgs}, {Key: "Led by", Text: dir.user(x.Lead)},
		{Key: "Data", Lines: used}, {Key: "Data looked after by", Lines: dir.orgNames(x.Orgs)}, {Key: "From and until", Text: day(permit.From) + " to " + day(permit.Until)}, {Key: "Legal basis", Text: a.LegalBasis}, {Key: "National data opt-out", Text: opt}, {Key: "Funder", Text: orText(a.Funder, "not named")},
		{Key: "Permit", Text: "SHA-256 " + permit.Hash}}}}
	t := ui.Table{Caption: "What came out", Columns: ui.Cols("Released", "#Files", "State"), Empty: &ui.Empty{Text: "Nothing has been released from this project yet."}}
	for i := len(rs) - 1; i >= 0; i-- {
		t.Rows = append(t.Rows, []ui.Cell{{Text: day(rs[i].At), Head: true}, {Text: number(len(rs[i].Files))}, {Tag: releaseTag(rs[i])}})
	}
	page.Body = append(page.Body, t, ui.Links{Items: []ui.Link{{Text: "Every recorded act of this project", Href: "/ledger?project=" + x.ID}}})
	return c.Page(page)
}
