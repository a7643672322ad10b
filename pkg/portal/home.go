package portal

import (
	"sort"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) homeRoutes() []Route {
	return []Route{
		{Pattern: "GET /home", Action: "self.read", On: whole, Serve: p.homePage},
		{Pattern: "GET /account", Action: "self.read", On: whole, Serve: p.account},
	}
}

// homePage is the home of the role in hand: what waits, then what is mine.
func (p *Portal) homePage(c *Call) error {
	page := ui.Page{Head: "Home", Lead: homeLead(c.Viewer.Role)}
	todos := p.waiting(c)
	sort.SliceStable(todos, func(i, j int) bool { return todos[i].Since.Before(todos[j].Since) })
	page.Body = append(page.Body, ui.Head2{Text: "Waiting for you"})
	if len(todos) == 0 {
		page.Body = append(page.Body, ui.Text{Text: "Nothing is waiting for you."})
	} else {
		t := ui.Table{Caption: "Waiting for you, oldest first", Columns: ui.Cols("What", "Why", "Since", "#Waiting")}
		for _, x := range todos {
			t.Rows = append(t.Rows, []ui.Cell{{Text: x.Text, Href: x.Href}, {Text: capital(x.What)}, {Text: when(x.Since)}, {Text: wait(c.Now().Sub(x.Since))}})
		}
		page.Body = append(page.Body, t)
	}
	var more []ui.Block
	var err error
	switch c.Viewer.Role {
	case ark.Researcher:
		more, err = p.researcherHome(c)
	case ark.Custodian:
		more, err = p.custodianHome(c)
	case ark.DataEngineer:
		more = []ui.Block{ui.Links{Items: []ui.Link{{Text: "Sources and deliveries", Href: "/sources"}, {Text: "Linkage runs", Href: "/linkage"}, {Text: "Datasets and versions", Href: "/datasets"}, {Text: "How long data takes to be of use", Href: "/latency"}}}}
	case "":
		more = []ui.Block{ui.Inset{Text: "Your account holds no role yet. Ask the operator for the one you need."}}
	}
	if err != nil {
		return err
	}
	page.Body = append(page.Body, more...)
	return c.Page(page)
}

func homeLead(r ark.Role) string {
	switch r {
	case ark.Researcher:
		return "Your projects, your training, and what comes next."
	case ark.Custodian:
		return "Requests for the data of your organisation, and who uses it now."
	case ark.Checker:
		return "Outputs that wait for a second pair of eyes."
	case ark.DataEngineer:
		return "Deliveries, linkage and publishing."
	case ark.Operator:
		return "People, workspaces and jobs."
	case ark.LayReviewer:
		return "Applications, from the side of the public."
	case ark.Auditor:
		return "Everything that happened, and the proof."
	default:
		return ""
	}
}

func (p *Portal) researcherHome(c *Call) ([]ui.Block, error) {
	var mine []governance.Project
	var me *governance.User
	err := c.view(func(q store.Querier) error {
		var err error
		if me, err = governance.GetUser(c.Ctx(), q, c.Viewer.User); err != nil {
			return err
		}
		mine, err = governance.ProjectsOf(c.Ctx(), q, c.Viewer.User)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := []ui.Block{ui.Head2{Text: "Your projects"}}
	start := ui.Button{Text: "Start a project", Href: "/projects/new", Off: c.Off("project.create", "Ark", "ark")}
	if len(mine) == 0 {
		out = append(out, ui.Empty{Text: "You have no projects yet. Look at the catalogue first, then start one.", Button: &start})
	} else {
		out = append(out, p.projectCards(c, mine), ui.Actions{Buttons: []ui.Button{start}})
	}
	return append(out, ui.Head2{Text: "Your standing"}, ui.Summary{Rows: []ui.Row{
		{Key: "Training", Tag: untilTag(me.TrainingUntil, c.Now()), Text: untilText(me.TrainingUntil, c.Now())},
		{Key: "Terms of use", Tag: untilTag(me.TermsUntil, c.Now()), Text: untilText(me.TermsUntil, c.Now())}}}), nil
}

func untilTag(t, now time.Time) *ui.Tag {
	switch {
	case !t.After(now):
		return &ui.Tag{Text: "Run out", Colour: ui.Red}
	case t.Sub(now) < 30*24*time.Hour:
		return &ui.Tag{Text: "Runs out soon", Colour: ui.Yellow}
	default:
		return &ui.Tag{Text: "Current", Colour: ui.Green}
	}
}

func untilText(t, now time.Time) string {
	switch {
	case t.IsZero():
		return "not recorded yet"
	case !t.After(now):
		return "ran out on " + day(t)
	default:
		return "until " + day(t) + " (" + wait(t.Sub(now)) + " left)"
	}
}

func (p *Portal) projectCards(c *Call, ps []governance.Project) ui.Cards {
	cards := ui.Cards{}
	for i := len(ps) - 1; i >= 0; i-- {
		x := ps[i]
		st := p.machines.project.States[x.State]
		yours := st.Owner == "lead" && x.Lead == c.Viewer.User || st.Owner == "members" && false
		cards.Items = append(cards.Items, ui.Card{Head: x.Title, Href: "/projects/" + x.ID, Tag: tag(x.State, yours),
			Lines: []string{capital(st.Says) + "."}, Foot: capital(since(x.StateSince, c.Now()))})
	}
	return cards
}

func (p *Portal) custodianHome(c *Call) ([]ui.Block, error) {
	var ps []governance.Project
	err := c.view(func(q store.Querier) error {
		var err error
		ps, err = governance.ProjectsConcerning(c.Ctx(), q, c.Viewer.Org)
		return err
	})
	if err != nil {
		return nil, err
	}
	var using, ended []governance.Project
	for _, x := range ps {
		switch x.State {
		case "approved", "active", "suspended", "closing":
			using = append(using, x)
		case "rejected", "withdrawn", "closed":
			ended = append(ended, x)
		}
	}
	out := []ui.Block{ui.Head2{Text: "Who uses the data of " + c.Viewer.OrgName + " now"}}
	if len(using) == 0 {
		out = append(out, ui.Text{Text: "Nobody does."})
	} else {
		out = append(out, p.projectCards(c, using))
	}
	if len(ended) > 0 {
		out = append(out, ui.Head2{Text: "Ended"}, p.projectCards(c, ended))
	}
	return append(out, ui.Links{Items: []ui.Link{{Text: "My data: datasets, deliveries and delegation", Href: "/my-data"}, {Text: "Releases made from my data", Href: "/releases"}}}), nil
}

// account shows who one is here, and switches the role in hand.
func (p *Portal) account(c *Call) error {
	var me *governance.User
	if err := c.view(func(q store.Querier) error {
		var err error
		me, err = governance.GetUser(c.Ctx(), q, c.Viewer.User)
		return err
	}); err != nil {
		return err
	}
	rows := []ui.Row{{Key: "Name", Text: me.Name}, {Key: "Organisation", Text: c.Viewer.OrgName}, {Key: "E-mail", Text: me.Email}}
	var roles []string
	var options []ui.Option
	for _, r := range me.Roles {
		roles = append(roles, roleWords(r))
		options = append(options, ui.Option{Value: string(r), Text: roleWords(r), Chosen: r == c.Viewer.Role})
	}
	rows = append(rows, ui.Row{Key: "Roles", Lines: roles},
		ui.Row{Key: "Training", Tag: untilTag(me.TrainingUntil, c.Now()), Text: untilText(me.TrainingUntil, c.Now())},
		ui.Row{Key: "Terms of use", Tag: untilTag(me.TermsUntil, c.Now()), Text: untilText(me.TermsUntil, c.Now())},
		ui.Row{Key: "Second factor", Text: stepUpText(c.Actor.StepUp, c.Now())})
	page := ui.Page{Head: me.Name, Above: "Your account", Lead: "Who you are in this Ark and what you hold. Only the operator can change it.", Body: []ui.Block{ui.Summary{Rows: rows}}}
	if p.cfg.Issuer != nil {
		page.Body = append(page.Body, ui.Links{Items: []ui.Link{{Text: "Your passkeys", Href: p.cfg.IssuerOrigin + "/passkeys"}}})
	}
	if len(options) > 1 {
		page.Body = append(page.Body, ui.Form{Action: "/role", Submit: ui.Button{Text: "Switch", Look: "secondary"},
			Fields: []ui.Field{{Kind: "radios", Name: "role", Label: "Role in hand", Hint: "It changes your home and menu. What you may do follows from all your roles.", Options: options}}})
	}
	return c.Page(page)
}

func stepUpText(at, now time.Time) string {
	if at.IsZero() || now.Sub(at) > 5*time.Minute {
		return "shown at sign-in; each release, and each thing let in, will ask for it again"
	}
	return "shown again " + wait(now.Sub(at)) + " ago, for one act"
}
