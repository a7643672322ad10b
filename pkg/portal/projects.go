package portal

import (
	"context"
	"net/url"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) projectRoutes() []Route {
	return []Route{
		{Pattern: "GET /projects", Action: "self.read", On: whole, Serve: p.projectList},
		{Pattern: "GET /projects/new", Action: "project.create", On: whole, Serve: p.newProject},
		{Pattern: "POST /projects", Action: "project.create", On: whole, Serve: p.createProject},
		{Pattern: "GET /projects/{id}", Action: "project.read", On: thing("Project"), Serve: p.project},
		{Pattern: "GET /projects/{id}/permit", Action: "permit.read", On: thing("Project"), Serve: p.permit},
		{Pattern: "POST /projects/{id}/submit", Action: "application.submit", On: thing("Project"), Serve: p.submitApplication},
		{Pattern: "GET /projects/{id}/withdraw", Action: "application.withdraw", On: thing("Project"), Serve: p.withdrawPage},
		{Pattern: "POST /projects/{id}/withdraw", Action: "application.withdraw", On: thing("Project"), Serve: p.withdraw},
		{Pattern: "GET /projects/{id}/suspend", Action: "project.suspend", On: thing("Project"), Serve: p.suspendPage},
		{Pattern: "POST /projects/{id}/suspend", Action: "project.suspend", On: thing("Project"), Serve: p.suspend},
		{Pattern: "POST /projects/{id}/resume", Action: "project.resume", On: thing("Project"), Serve: p.resume},
		{Pattern: "GET /projects/{id}/close", Action: "project.close", On: thing("Project"), Serve: p.closePage},
		{Pattern: "POST /projects/{id}/close", Action: "project.close", On: thing("Project"), Serve: p.closeProject},
	}
}

// visibleProjects are the projects that the viewer may see, by the decision
// that guards each project's page.
func (p *Portal) visibleProjects(c *Call, q store.Querier) ([]governance.Project, error) {
	all, err := governance.Projects(c.Ctx(), q)
	if err != nil {
		return nil, err
	}
	var out []governance.Project
	for _, x := range all {
		if p.cfg.Store.CheckIn(c.Ctx(), q, c.Actor, "project.read", store.Resource{Type: "Project", ID: x.ID}) == nil {
			out = append(out, x)
		}
	}
	return out, nil
}

func (p *Portal) projectList(c *Call) error {
	var ps []governance.Project
	var dir *directory
	err := c.view(func(q store.Querier) error {
		var err error
		if ps, err = p.visibleProjects(c, q); err != nil {
			return err
		}
		dir, err = readDirectory(c.Ctx(), q)
		return err
	})
	if err != nil {
		return err
	}
	start := ui.Button{Text: "Start a project", Href: "/projects/new", Off: c.Off("project.create", "Ark", "ark")}
	empty := &ui.Empty{Text: "There is no project that you may see yet."}
	if c.Viewer.Has(ark.Researcher) {
		empty = &ui.Empty{Text: "You have no projects yet.", Button: &start}
	}
	t := ui.Table{Caption: "Projects, newest first", Columns: ui.Cols("Project", "State", "Led by", "Since", "#For"), Empty: empty}
	for i := len(ps) - 1; i >= 0; i-- {
		x := ps[i]
		yours := x.Lead == c.Viewer.User && p.machines.project.States[x.State].Owner == "lead"
		t.Rows = append(t.Rows, []ui.Cell{{Text: x.Title, Href: "/projects/" + x.ID, Head: true}, {Tag: tag(x.State, yours)}, {Text: dir.user(x.Lead)}, {Text: when(x.StateSince)}, {Text: wait(c.Now().Sub(x.StateSince))}})
	}
	page := ui.Page{Head: "Projects", Lead: "Every project that you are part of or may oversee.", Body: []ui.Block{t}}
	if c.Viewer.Has(ark.Researcher) && len(ps) > 0 {
		page.Body = append(page.Body, ui.Actions{Buttons: []ui.Button{start}})
	}
	return c.Page(page)
}

func (p *Portal) newProjectPage(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		dataset := c.Query("dataset")
		if typed != nil {
			dataset = typed.Get("dataset")
		}
		page := ui.Page{Back: &ui.Link{Text: "Projects", Href: "/projects"}, Head: "Start a project", Errors: wrong,
			Lead: "Give it a title that the public can understand. You can change everything until you submit."}
		form := ui.Form{Action: "/projects", Submit: ui.Button{Text: "Start"}, Cancel: &ui.Link{Text: "Cancel", Href: "/projects"},
			Fields: ui.Filled([]ui.Field{{Kind: "text", Name: "title", Label: "Title of the project", Hint: "For example: how late is chronic kidney disease found?"}}, typed, wrong)}
		if dataset != "" {
			var d *catalogue.Dataset
			err := c.view(func(q store.Querier) error {
				var err error
				d, err = catalogue.GetDataset(c.Ctx(), q, dataset)
				return err
			})
			if err == nil {
				form.Hidden = []ui.Pair{{Name: "dataset", Value: d.ID}}
				page.Body = append(page.Body, ui.Inset{Text: "The project will ask for the dataset " + d.Title + ". You choose its variables next."})
			}
		}
		page.Body = append(page.Body, form)
		return page, nil
	}
}

func (p *Portal) newProject(c *Call) error {
	return p.draw(c, p.newProjectPage(c))
}

func (p *Portal) createProject(c *Call) error {
	return c.Attempt(p.newProjectPage(c), func(form url.Values) (string, error) {
		x, err := p.cfg.Rooms.Governance.CreateProject(c.Ctx(), c.Actor, form.Get("title"))
		if err != nil {
			return "", err
		}
		if d := form.Get("dataset"); d != "" {
			return "/projects/" + x.ID + "/application/data/" + url.PathEscape(d), nil
		}
		return "/projects/" + x.ID + "/application", nil
	})
}

// reasonPage asks for the reason of a grave act on a project and, where the act
// loses something, for its name.
func (p *Portal) reasonPage(c *Call, head, lead, action, button string, reason, name bool) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var x *governance.Project
		if err := c.view(func(q store.Querier) error {
			var err error
			x, err = governance.GetProject(c.Ctx(), q, c.ID())
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		var fields []ui.Field
		if reason {
			fields = append(fields, ui.Field{Kind: "area", Name: "reason", Label: "The reason", Hint: "Everyone concerned can read it.", Max: 2000})
		}
		if name {
			fields = append(fields, ui.Field{Kind: "text", Name: "name", Label: "Type the title of the project to go on", Hint: x.Title})
		}
		return ui.Page{Back: &ui.Link{Text: x.Title, Href: "/projects/" + x.ID}, Head: head, Lead: lead, Errors: wrong, State: tag(x.State, false),
			Body: []ui.Block{ui.Form{Action: "/projects/" + x.ID + "/" + action, Fields: ui.Filled(fields, typed, wrong), Submit: ui.Button{Text: button, Look: "warning"}, Cancel: &ui.Link{Text: "Cancel", Href: "/projects/" + x.ID}}}}, nil
	}
}

// named refuses unless the title was typed.
func (p *Portal) named(c *Call, form url.Values) error {
	var x *governance.Project
	if err := c.view(func(q store.Querier) error {
		var err error
		x, err = governance.GetProject(c.Ctx(), q, c.ID())
		return err
	}); err != nil {
		return err
	}
	if form.Get("name") != x.Title {
		return ark.Faultf(ark.Invalid, "the title is not the project's").At("", 0, "name").Do("type it exactly as it stands above the field")
	}
	return nil
}

func needReason(form url.Values) (string, error) {
	if form.Get("reason") == "" {
		return "", ark.Faultf(ark.Invalid, "the reason is missing").At("", 0, "reason").Do("say why, in a sentence")
	}
	return form.Get("reason"), nil
}

// forReason does what a form with a reason asks of the project, and goes back to
// the project's page.
func (c *Call) forReason(form build, act func(ctx context.Context, actor store.Actor, project, reason string) error) error {
	return c.Attempt(form, func(typed url.Values) (string, error) {
		reason, err := needReason(typed)
		if err != nil {
			return "", err
		}
		return "/projects/" + c.ID(), act(c.Ctx(), c.Actor, c.ID(), reason)
	})
}

func (p *Portal) withdrawForm(c *Call) build {
	return p.reasonPage(c, "Withdraw the application", "Nobody will look at it any more. This cannot be taken back; a new project can be started at any time.", "withdraw", "Withdraw", true, false)
}

func (p *Portal) withdrawPage(c *Call) error {
	return p.draw(c, p.withdrawForm(c))
}

func (p *Portal) withdraw(c *Call) error {
	return c.forReason(p.withdrawForm(c), p.cfg.Rooms.Governance.Withdraw)
}

func (p *Portal) suspendForm(c *Call) build {
	return p.reasonPage(c, "Suspend the project", "Its workspaces stop at once and their work is kept. Those concerned can resume it with nothing lost.", "suspend", "Suspend", true, false)
}

func (p *Portal) suspendPage(c *Call) error {
	return p.draw(c, p.suspendForm(c))
}

func (p *Portal) suspend(c *Call) error {
	return c.forReason(p.suspendForm(c), p.cfg.Rooms.Governance.SuspendProject)
}

func (p *Portal) resume(c *Call) error {
	return c.Attempt(nil, func(url.Values) (string, error) {
		return "/projects/" + c.ID(), p.cfg.Rooms.Governance.ResumeProject(c.Ctx(), c.Actor, c.ID())
	})
}

func (p *Portal) closeForm(c *Call) build {
	return p.reasonPage(c, "Close the project", "Its workspaces, everything in them, and its extract will be destroyed with the project’s key. Releases and the public record stay. This cannot be undone.", "close", "Close the project", true, true)
}

func (p *Portal) closePage(c *Call) error {
	return p.draw(c, p.closeForm(c))
}

func (p *Portal) closeProject(c *Call) error {
	return c.Attempt(p.closeForm(c), func(form url.Values) (string, error) {
		reason, err := needReason(form)
		if err != nil {
			return "", err
		}
		if err := p.named(c, form); err != nil {
			return "", err
		}
		return "/projects/" + c.ID(), p.cfg.Rooms.Governance.CloseProject(c.Ctx(), c.Actor, c.ID(), reason)
	})
}
