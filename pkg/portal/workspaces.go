package portal

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/enclave"
)

func (p *Portal) workspaceRoutes() []Route {
	return []Route{
		{Pattern: "GET /workspaces", Action: "self.read", On: whole, Serve: p.workspaceList},
		{Pattern: "POST /projects/{id}/workspace", Action: "workspace.create", On: thing("Project"), Serve: p.openWorkspace},
		{Pattern: "GET /workspaces/{id}", Action: "workspace.read", On: thing("Workspace"), Serve: p.workspacePage},
		{Pattern: "GET /workspaces/{id}/enter", Action: "workspace.enter", On: thing("Workspace"), Serve: p.enterWorkspace, Record: true},
		{Pattern: "POST /workspaces/{id}/start", Action: "workspace.start", On: thing("Workspace"), Serve: p.startWorkspace},
		{Pattern: "POST /workspaces/{id}/stop", Action: "workspace.stop", On: thing("Workspace"), Serve: p.stopWorkspace},
		{Pattern: "GET /workspaces/{id}/destroy", Action: "workspace.destroy", On: thing("Workspace"), Serve: p.destroyPage},
		{Pattern: "POST /workspaces/{id}/destroy", Action: "workspace.destroy", On: thing("Workspace"), Serve: p.destroyWorkspace},
		{Pattern: "POST /workspaces/{id}/freeze", Action: "workspace.freeze", On: thing("Workspace"), Serve: p.freezeWorkspace},
	}
}

// workspaceList shows the viewer's own workspaces; operators and auditors see all.
func (p *Portal) workspaceList(c *Call) error {
	var ws []workspace.Workspace
	titles := map[string]string{}
	var dir *directory
	all := c.Viewer.Role == ark.Operator || c.Viewer.Role == ark.Auditor
	err := c.view(func(q store.Querier) error {
		var err error
		if all {
			ws, err = workspace.All(c.Ctx(), q)
		} else {
			ws, err = workspace.OfUser(c.Ctx(), q, c.Viewer.User)
		}
		if err != nil {
			return err
		}
		for _, w := range ws {
			x, err := governance.GetProject(c.Ctx(), q, w.Project)
			if err != nil {
				return err
			}
			titles[w.Project] = x.Title
		}
		dir, err = readDirectory(c.Ctx(), q)
		return err
	})
	if err != nil {
		return err
	}
	t := ui.Table{Caption: "Workspaces", Columns: ui.Cols("Project", "Of", "State", "Since", "Self-test"),
		Empty: &ui.Empty{Text: "There is no workspace yet. Open one from the page of an active project.", Button: &ui.Button{Text: "My projects", Href: "/projects", Look: "secondary"}}}
	for i := len(ws) - 1; i >= 0; i-- {
		w := ws[i]
		t.Rows = append(t.Rows, []ui.Cell{{Text: titles[w.Project], Href: "/workspaces/" + w.ID, Head: true}, {Text: dir.user(w.User)}, {Tag: tag(w.State, false)}, {Text: when(w.StateSince)}, {Text: testText(w.SelfTest)}})
	}
	page := ui.Page{Head: "Workspaces", Lead: "Sealed rooms to work in: no network, nothing to copy out, everything kept.", Body: []ui.Block{t}}
	if p.cfg.Rooms.Enclave == nil {
		page.Notice = &ui.Notice{Text: "This host cannot isolate workspaces.", More: "So it opens none. Everything else works. The operator can see why on the system page."}
	}
	return c.Page(page)
}

func testText(t workspace.SelfTest) string {
	switch {
	case t.Attempts == 0:
		return "not run yet"
	case t.Passed():
		return fmt.Sprintf("held %d of %d attempts to get out", t.Held, t.Attempts)
	default:
		return fmt.Sprintf("failed: held %d of %d", t.Held, t.Attempts)
	}
}

func (p *Portal) openWorkspace(c *Call) error {
	return c.Attempt(nil, func(url.Values) (string, error) {
		if p.cfg.Rooms.Enclave == nil {
			return "", ark.Faultf(ark.Unavailable, "this host cannot isolate workspaces, so it opens none").Do("ask the operator; the system page says what is missing")
		}
		w, err := p.cfg.Rooms.Workspaces.Create(c.Ctx(), c.Actor, c.ID())
		if err != nil {
			return "", err
		}
		return "/workspaces/" + w.ID, nil
	})
}

// workspacePage is one workspace: state, apps, what is mounted, meters, outbox.
func (p *Portal) workspacePage(c *Call) error {
	var w *workspace.Workspace
	var x *governance.Project
	var e *workspace.Extract
	var permit *governance.Permit
	var dir *directory
	err := c.view(func(q store.Querier) error {
		var err error
		if w, err = workspace.Get(c.Ctx(), q, c.ID()); err != nil {
			return err
		}
		if x, err = governance.GetProject(c.Ctx(), q, w.Project); err != nil {
			return err
		}
		if e, err = workspace.GetExtract(c.Ctx(), q, w.Extract); err != nil {
			return err
		}
		if permit, err = governance.GetPermit(c.Ctx(), q, w.Permit); err != nil {
			return err
		}
		dir, err = readDirectory(c.Ctx(), q)
		return err
	})
	if err != nil {
		return err
	}
	own := w.User == c.Viewer.User
	page := ui.Page{Back: &ui.Link{Text: x.Title, Href: "/projects/" + x.ID}, Above: "Workspace of " + dir.user(w.User), Head: x.Title, State: tag(w.State, false),
		Lead: "A sealed room. It is " + p.machines.workspace.States[w.State].Says + "."}
	page.Next = p.workspaceNext(c, w, permit)
	main := []ui.Block{}
	if own {
		main = append(main, p.appBlock(c, w))
	}
	usage := p.usage(c, w)
	main = append(main, ui.Head2{Text: "How much is used"}, usage)
	if own && w.State == "running" {
		main = append(main, p.outboxBlock(c, w)...)
		in, err := p.inboxBlock(c, w)
		if err != nil {
			return err
		}
		main = append(main, in...)
	}
	side := []ui.Block{ui.Head2{Text: "What is in it"}, mounted(e), ui.Summary{Compact: true, Rows: []ui.Row{
		{Key: "Permit", Link: &ui.Link{Text: "until " + day(permit.Until), Href: "/projects/" + x.ID + "/permit"}},
		{Key: "Self-test", Text: testText(w.SelfTest)}, {Key: "Opened", Text: when(w.Created)}}}}
	if x.Extract != "" && x.Extract != w.Extract && x.Permit == w.Permit {
		side = append([]ui.Block{ui.Inset{Text: "A newer extract of this project is ready. This workspace gets it in the place of the one it has when it is stopped and started again."}, ui.Links{Items: []ui.Link{{Text: "What changed", Href: "/projects/" + x.ID + "/versions"}}}}, side...)
	}
	refresh := 0
	if st := p.machines.workspace.States[w.State]; st.Owner == "system" {
		refresh = 3
	}
	page.Body = []ui.Block{ui.Part{ID: "workspace", Refresh: refresh, Body: []ui.Block{ui.Columns{Main: main, Side: side}}}}
	return c.Page(page)
}

func (p *Portal) workspaceNext(c *Call, w *workspace.Workspace, permit *governance.Permit) *ui.Next {
	base := "/workspaces/" + w.ID
	n := &ui.Next{Tone: tone(w.State, false), When: since(w.StateSince, c.Now())}
	stop := ui.Button{Text: "Stop it", Action: base + "/stop", Look: "secondary", Off: c.Off("workspace.stop", "Workspace", w.ID)}
	start := ui.Button{Text: "Start it", Action: base + "/start", Off: c.Off("workspace.start", "Workspace", w.ID)}
	destroy := ui.Button{Text: "Destroy it", Href: base + "/destroy", Look: "secondary", Off: c.Off("workspace.destroy", "Workspace", w.ID)}
	switch w.State {
	case "provisioning", "starting":
		n.Tone, n.Text = "wait", "This Ark makes the room, tries to break out of it, and hands it over when every attempt was stopped. That takes about a minute; you can leave this page."
	case "running":
		n.Text = "You can work until the permit ends on " + day(permit.Until) + ". Stopping keeps every file."
		n.Actions = []ui.Button{stop, destroy}
	case "stopped":
		n.Tone, n.Text = "wait", "Stopped. Every file is kept, encrypted."
		n.Actions = []ui.Button{start, destroy}
	case "frozen", "failed":
		n.Text = sentence(w.Says) + " " + sentence(w.Remedy)
		n.Actions = []ui.Button{start, destroy}
	case "destroyed":
		n.Text = "Destroyed, with everything in it."
	}
	if w.State == "running" && w.User != c.Viewer.User && c.Viewer.Has(ark.Operator) {
		n.Actions = append(n.Actions, ui.Button{Text: "Freeze it", Action: base + "/freeze", Look: "warning", Off: c.Off("workspace.freeze", "Workspace", w.ID)})
	}
	return n
}

// appBlock are the large buttons that open the workspace's own origin.
func (p *Portal) appBlock(c *Call, w *workspace.Workspace) ui.Block {
	off := c.Off("workspace.enter", "Workspace", w.ID)
	if off == "" && w.State != "running" {
		off = "Not now: the workspace is " + p.machines.workspace.States[w.State].Says + "."
	}
	enter := "/workspaces/" + w.ID + "/enter?app="
	return ui.Apps{Items: []ui.App{{Name: "SQL", Text: "Ask the extract in SQL", Href: enter + "sql", Off: off}, {Name: "JupyterLab", Text: "Notebooks with Python", Href: enter + "jupyter", Off: off}}}
}

// enterWorkspace sends the browser to the workspace's own origin by a way that
// works once.
func (p *Portal) enterWorkspace(c *Call) error {
	if p.cfg.Rooms.Enter == nil {
		return ark.Faultf(ark.Unavailable, "this host has no gateway to workspaces").Do("ask the operator")
	}
	to, err := p.cfg.Rooms.Enter(c.ID(), c.Viewer.User, c.Actor.Session)
	if err != nil {
		return err
	}
	if app := c.Query("app"); app == "sql" || app == "jupyter" {
		to += "&app=" + app
	}
	http302(c, to)
	return nil
}

// mounted lists the tables of the extract as they are called inside.
func mounted(e *workspace.Extract) ui.Block {
	var rows []ui.Row
	for _, x := range e.Tables {
		rows = append(rows, ui.Row{Key: x.Name, Text: strings.Join(x.Variables, ", ")})
	}
	if len(rows) == 0 {
		return ui.Text{Text: "The extract is not ready."}
	}
	return ui.Summary{Compact: true, Stacked: true, Rows: rows}
}

// usage are the meters of a workspace, from the enclave.
func (p *Portal) usage(c *Call, w *workspace.Workspace) ui.Block {
	if p.cfg.Rooms.Enclave == nil || w.State != "running" {
		return ui.Text{Soft: true, Text: "Meters are shown while it runs."}
	}
	u, err := p.cfg.Rooms.Enclave.Usage(c.Ctx(), w.ID)
	if err != nil {
		return ui.Text{Soft: true, Text: "The meters do not answer now."}
	}
	info, err := p.cfg.Rooms.Enclave.Status(c.Ctx(), w.ID)
	if err != nil {
		return ui.Text{Soft: true, Text: "The meters do not answer now."}
	}
	meters := usageMeters(u, info)
	if p.cfg.Rooms.Shown != nil {
		used, budget := p.cfg.Rooms.Shown(w.ID)
		meters = append(meters, ui.Meter{Label: "Shown on screen", Value: float64(used), Max: float64(max(budget, 1)), High: float64(budget) * .8, Text: bytesText(used) + " of " + bytesText(budget), Note: "Everything that goes to your browser is counted. At the limit the workspace shows nothing more until the hour is over."})
	}
	return ui.Meters{Items: meters}
}

func usageMeters(u enclave.Usage, info enclave.Info) []ui.Meter {
	bytes := func(label string, used, of int64) ui.Meter {
		return ui.Meter{Label: label, Value: float64(used), Max: float64(max(of, 1)), High: float64(of) * .9, Text: bytesText(used) + " of " + bytesText(of)}
	}
	return []ui.Meter{bytes("Memory", int64(u.MemoryBytes), info.Limits.MemoryBytes), bytes("Disk", u.DiskBytes, u.DiskSize),
		{Label: "Processes", Value: float64(u.Processes), Max: float64(info.Limits.Processes), High: float64(info.Limits.Processes) * .9, Text: number(int64(u.Processes)) + " of " + number(int64(info.Limits.Processes))}}
}

func (p *Portal) startWorkspace(c *Call) error {
	return c.Attempt(nil, func(url.Values) (string, error) {
		return "/workspaces/" + c.ID(), p.cfg.Rooms.Workspaces.Start(c.Ctx(), c.Actor, c.ID())
	})
}

func (p *Portal) stopWorkspace(c *Call) error {
	return c.Attempt(nil, func(url.Values) (string, error) {
		return "/workspaces/" + c.ID(), p.cfg.Rooms.Workspaces.Stop(c.Ctx(), c.Actor, c.ID())
	})
}

func (p *Portal) freezeWorkspace(c *Call) error {
	return c.Attempt(nil, func(url.Values) (string, error) {
		return "/workspaces/" + c.ID(), p.cfg.Rooms.Workspaces.Freeze(c.Ctx(), c.Actor, c.ID(), "The operator froze this workspace.", "Ask the operator why. Your work is kept.")
	})
}

func (p *Portal) destroyForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		x, err := p.projectOfWorkspace(c)
		if err != nil {
			return ui.Page{}, err
		}
		return ui.Page{Back: &ui.Link{Text: "The workspace", Href: "/workspaces/" + c.ID()}, Head: "Destroy the workspace", Errors: wrong,
			Lead: "Every file in it will be lost: notebooks, results, settings, what is in the outbox. What was submitted or released stays. This cannot be undone.",
			Body: []ui.Block{ui.Form{Action: "/workspaces/" + c.ID() + "/destroy", Submit: ui.Button{Text: "Destroy it", Look: "warning"}, Cancel: &ui.Link{Text: "Keep it", Href: "/workspaces/" + c.ID()},
				Fields: ui.Filled([]ui.Field{{Kind: "text", Name: "name", Label: "Type the title of the project to go on", Hint: x.Title}}, typed, wrong)}}}, nil
	}
}

func (p *Portal) projectOfWorkspace(c *Call) (*governance.Project, error) {
	var x *governance.Project
	err := c.view(func(q store.Querier) error {
		w, err := workspace.Get(c.Ctx(), q, c.ID())
		if err != nil {
			return err
		}
		x, err = governance.GetProject(c.Ctx(), q, w.Project)
		return err
	})
	return x, err
}

func (p *Portal) destroyPage(c *Call) error {
	return p.draw(c, p.destroyForm(c))
}

func (p *Portal) destroyWorkspace(c *Call) error {
	return c.Attempt(p.destroyForm(c), func(form url.Values) (string, error) {
		x, err := p.projectOfWorkspace(c)
		if err != nil {
			return "", err
		}
		if form.Get("name") != x.Title {
			return "", ark.Faultf(ark.Invalid, "the title is not the project's").At("", 0, "name").Do("Type it exactly as it stands above the field.")
		}
		return "/projects/" + x.ID, p.cfg.Rooms.Workspaces.Destroy(c.Ctx(), c.Actor, c.ID())
	})
}
