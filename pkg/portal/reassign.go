package portal

import (
	"net/url"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) reassignRoutes() []Route {
	return []Route{
		{Pattern: "GET /projects/{id}/requests", Action: "project.read", On: thing("Project"), Serve: p.openRequests},
		{Pattern: "GET /outputs/{id}/reassign", Action: "request.reassign", On: thing("Request"), Serve: p.reassignPage},
		{Pattern: "POST /outputs/{id}/reassign", Action: "request.reassign", On: thing("Request"), Serve: p.reassign},
	}
}

// openRequests lists the requests of a project that the viewer may give to
// another author: by number and state, nothing that an author wrote.
func (p *Portal) openRequests(c *Call) error {
	var x *governance.Project
	var all []airlock.OpenRequest
	var dir *directory
	if err := c.view(func(q store.Querier) error {
		var err error
		if x, err = governance.GetProject(c.Ctx(), q, c.ID()); err != nil {
			return err
		}
		if all, err = p.cfg.Rooms.Airlock.OpenOf(c.Ctx(), q, c.Actor, x.ID); err != nil {
			return err
		}
		dir, err = readDirectory(c.Ctx(), q)
		return err
	}); err != nil {
		return err
	}
	t := ui.Table{Caption: "Open requests", Columns: ui.Cols("Submitted", "Author", "State", "#Round", "#Files", "If the author has left"), Empty: &ui.Empty{Text: "There is no open request that you may give to another author."}}
	for _, r := range all {
		t.Rows = append(t.Rows, []ui.Cell{{Text: when(r.Created), Head: true}, {Text: dir.user(r.Author)}, {Tag: tag(r.State, false)}, {Text: number(r.Round)}, {Text: number(r.Outputs)}, {Text: "Give it to another author", Href: "/outputs/" + r.ID + "/reassign"}})
	}
	return c.Page(ui.Page{Back: &ui.Link{Text: x.Title, Href: "/projects/" + x.ID}, Above: x.Title, Head: "Open requests", Lead: "Outputs of this project on their way to a release. When an author has left, the lead or an operator gives their request to somebody else whom the permit names.", Body: []ui.Block{t}})
}

// reassignForm gives a request to another user whom the permit names. Names of
// files and words of the author are not on it: the lead may not know them.
func (p *Portal) reassignForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var project, author, title string
		pick := ui.Field{Kind: "select", Name: "user", Label: "New author", Hint: "Those whom the project’s permit names."}
		if err := c.view(func(q store.Querier) error {
			all, x, permit, err := p.cfg.Rooms.Airlock.Reassignable(c.Ctx(), q, c.ID())
			if err != nil {
				return err
			}
			dir, err := readDirectory(c.Ctx(), q)
			if err != nil {
				return err
			}
			project, author, title = x.ID, dir.user(all.Author), x.Title
			for _, h := range permit.Holders {
				if u := dir.users[h.User]; h.User != all.Author && !u.Suspended {
					pick.Options = append(pick.Options, ui.Option{Value: h.User, Text: u.Name})
				}
			}
			return nil
		}); err != nil {
			return ui.Page{}, err
		}
		slices.SortFunc(pick.Options, func(a, b ui.Option) int { return strings.Compare(a.Text, b.Text) })
		submit := ui.Button{Text: "Give it to them"}
		if len(pick.Options) == 0 {
			submit.Off = "The permit names nobody else. The lead can ask for an amendment."
		}
		back := "/projects/" + project + "/requests"
		return ui.Page{Back: &ui.Link{Text: "Open requests", Href: back}, Above: title, Head: "Give a request to another author", Errors: wrong,
			Lead: "It is " + author + "’s now. The reviews so far are kept. Who was its author once never checks it.",
			Body: []ui.Block{ui.Form{Action: "/outputs/" + c.ID() + "/reassign", Fields: ui.Filled([]ui.Field{pick}, typed, wrong), Submit: submit, Cancel: &ui.Link{Text: "Not now", Href: back}}}}, nil
	}
}

func (p *Portal) reassignPage(c *Call) error { return p.draw(c, p.reassignForm(c)) }

func (p *Portal) reassign(c *Call) error {
	return c.Attempt(p.reassignForm(c), func(form url.Values) (string, error) {
		if form.Get("user") == "" {
			return "", ark.Faultf(ark.Invalid, "nobody is chosen").At("", 0, "user")
		}
		var project string
		if err := c.view(func(q store.Querier) error {
			_, x, _, err := p.cfg.Rooms.Airlock.Reassignable(c.Ctx(), q, c.ID())
			if err == nil {
				project = x.ID
			}
			return err
		}); err != nil {
			return "", err
		}
		return "/projects/" + project + "/requests", p.cfg.Rooms.Airlock.Reassign(c.Ctx(), c.Actor, c.ID(), form.Get("user"))
	})
}
