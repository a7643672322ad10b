package portal

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/ingress"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/portal/viewer"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
)

func (p *Portal) inputRoutes() []Route {
	on := thing("Input")
	return []Route{
		{Pattern: "GET /inputs", Action: "self.read", On: whole, Serve: p.inputList},
		{Pattern: "GET /inputs/{id}", Action: "input.read", On: on, Serve: p.inputPage},
		{Pattern: "POST /inputs/{id}/approve", Action: "input.approve", On: on, Serve: p.approveInput},
		{Pattern: "POST /inputs/{id}/reject", Action: "input.reject", On: on, Serve: p.rejectInput},
		{Pattern: "POST /inputs/{id}/withdraw", Action: "input.withdraw", On: on, Serve: p.withdrawInput},
		{Pattern: "GET /workspaces/{id}/bring", Action: "input.submit", On: thing("Workspace"), Serve: p.bringPage},
		{Pattern: "POST /workspaces/{id}/bring", Action: "input.submit", On: thing("Workspace"), Serve: p.bring, Body: ingress.MaxBytes + 1<<20, Time: downloadTime},
	}
}

var inputKinds = []ui.Option{
	{Value: ingress.KindFile, Text: "Files", Hint: "Text, tables, pictures, PDF"},
	{Value: ingress.KindCode, Text: "Code", Hint: "Scripts and their settings; notebooks without outputs as scripts"},
	{Value: ingress.KindPackage, Text: "Packages", Hint: "Wheels and archives of Python or R packages"},
	{Value: ingress.KindReference, Text: "Reference data", Hint: "Code lists, populations, look-up tables, as CSV or TSV"},
}

var inputPeople = []ui.Option{
	{Value: ingress.PeopleNone, Text: "No"},
	{Value: ingress.PeopleCounts, Text: "Yes, but only counts and shares of many"},
	{Value: ingress.PeoplePersons, Text: "Yes, and a row is about one person", Hint: "The custodians then decide on it as on a linkage."},
}

func optionText(all []ui.Option, value string) string {
	for _, o := range all {
		if o.Value == value {
			return o.Text
		}
	}
	return value
}

// bringForm asks what is to be brought in.
func (p *Portal) bringForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var x *governance.Project
		if err := c.view(func(q store.Querier) error {
			w, err := workspace.Get(c.Ctx(), q, c.ID())
			if err != nil {
				return err
			}
			x, err = governance.GetProject(c.Ctx(), q, w.Project)
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		return ui.Page{Back: &ui.Link{Text: "The workspace", Href: "/workspaces/" + c.ID()}, Above: x.Title, Head: "Bring files in", Errors: wrong,
			Lead: "Each file is looked into and held against your extract, where nobody sees either. Then an output checker decides, and the custodians too where it is about persons. What is let in lies in the folder inbox/ of your workspace, which nobody can write to.",
			Body: []ui.Block{ui.Form{Action: "/workspaces/" + c.ID() + "/bring", Multipart: true, Guard: true, Fields: ui.Filled([]ui.Field{
				{Kind: "text", Name: "title", Label: "What is it?"},
				{Kind: "radios", Name: "kind", Label: "Which kind of thing?", Options: slices.Clone(inputKinds)},
				{Kind: "text", Name: "origin", Label: "Where does it come from, and under which licence?"},
				{Kind: "area", Name: "why", Label: "What do you need it for?", Rows: 3, Max: 2000},
				{Kind: "radios", Name: "people", Label: "Is it about people?", Options: slices.Clone(inputPeople)},
				{Kind: "file", Name: "files", Label: "Files", Hint: fmt.Sprintf("At most %d files and %d MB.", ingress.MaxFiles, ingress.MaxBytes>>20), Multiple: true}}, typed, wrong),
				Submit: ui.Button{Text: "Ask for it"}, Cancel: &ui.Link{Text: "Cancel", Href: "/workspaces/" + c.ID()}}}}, nil
	}
}

func (p *Portal) bringPage(c *Call) error { return p.draw(c, p.bringForm(c)) }

// taken reads what is asked for; the files are sealed as they come.
func (p *Portal) taken(c *Call) (form url.Values, a ingress.Asked, err error) {
	var project string
	if err := c.view(func(q store.Querier) error {
		w, err := workspace.Get(c.Ctx(), q, c.ID())
		if err == nil {
			project = w.Project
		}
		return err
	}); err != nil {
		return url.Values{}, a, err
	}
	form, a.Files, err = c.sealed(project, ingress.MaxFiles)
	a.Kind, a.Title, a.Origin, a.Why, a.People = form.Get("kind"), form.Get("title"), form.Get("origin"), form.Get("why"), form.Get("people")
	return form, a, err
}

func (p *Portal) bring(c *Call) error {
	form, a, err := p.taken(c)
	var next string
	if err == nil {
		var i *ingress.Input
		if i, err = p.cfg.Rooms.Ingress.Submit(c.Ctx(), c.Actor, c.ID(), a); err == nil {
			next = "/inputs/" + i.ID
		}
	}
	return c.answer(p.bringForm(c), form, next, err)
}

// inputList is what the viewer may see of inputs.
func (p *Portal) inputList(c *Call) error {
	var all []ingress.Input
	titles := map[string]string{}
	if err := c.view(func(q store.Querier) error {
		var err error
		if all, err = p.cfg.Rooms.Ingress.Seen(c.Ctx(), q, c.Actor); err != nil {
			return err
		}
		for _, i := range all {
			x, err := governance.GetProject(c.Ctx(), q, i.Project)
			if err != nil {
				return err
			}
			titles[i.Project] = x.Title
		}
		return nil
	}); err != nil {
		return err
	}
	t := ui.Table{Caption: "Inputs, newest first", Columns: ui.Cols("What", "Project", "Kind", "State", "Persons"), Empty: &ui.Empty{Text: "Nothing that you may see was asked to be brought in. Users ask on the page of their workspace."}}
	for _, i := range all {
		persons := "no"
		if i.Persons() {
			persons = "yes"
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: i.Title, Href: "/inputs/" + i.ID, Head: true, Soft: when(i.Created)}, {Text: titles[i.Project]}, {Text: optionText(inputKinds, i.Kind)}, {Tag: tag(i.State, false)}, {Text: persons}})
	}
	return c.Page(ui.Page{Head: "Brought in", Lead: "Files, code, packages and reference data that users want in their workspaces.", Body: []ui.Block{t}})
}

// inputForm is one input: what it is, what the checks found, who decides.
func (p *Portal) inputForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var i *ingress.Input
		var x *governance.Project
		var me *governance.User
		var dir *directory
		if err := c.view(func(q store.Querier) error {
			var err error
			if i, err = ingress.Get(c.Ctx(), q, c.ID()); err != nil {
				return err
			}
			if x, err = governance.GetProject(c.Ctx(), q, i.Project); err != nil {
				return err
			}
			if me, err = governance.GetUser(c.Ctx(), q, c.Actor.User); err != nil {
				return err
			}
			dir, err = readDirectory(c.Ctx(), q)
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		base := "/inputs/" + i.ID
		page := ui.Page{Back: &ui.Link{Text: "Brought in", Href: "/inputs"}, Above: x.Title, Head: i.Title, State: tag(i.State, i.WaitsFor(me)), Errors: wrong, Wide: true,
			Lead: "Asked to be brought into the workspace of a user of this project."}
		page.Next = p.inputNext(c, i, me, dir, base)
		t := ui.Table{Caption: "Files", Columns: ui.Cols("#No.", "File", "#Size", "Checks", "#Rows", "About persons", "Told apart by", "Alone with these", "Fit one person of the extract")}
		var fs ui.Findings
		for _, f := range i.Files {
			persons := "no"
			if f.Profile.Persons {
				persons = "yes"
			}
			rows := ""
			if f.Profile.Rows > 0 {
				rows = number(f.Profile.Rows)
			}
			t.Rows = append(t.Rows, []ui.Cell{{Text: number(f.Ordinal)}, {Text: f.Name, Href: base + "?file=" + strconv.Itoa(f.Ordinal), Head: true}, {Text: bytesText(f.Ref.Size)}, {Tag: verdictTag(f.Verdict)}, {Text: rows}, {Text: persons},
				{Text: strings.ReplaceAll(strings.Join(f.Profile.Quasi, ", "), "_", " ")}, {Text: f.Profile.Unique}, {Text: f.Profile.Matched}})
			for _, d := range f.Findings {
				fs.Items = append(fs.Items, ui.Finding{Number: number(len(fs.Items) + 1), Look: string(d.Severity), Where: "File " + number(f.Ordinal), Says: sentence(d.Says), Repair: sentence(d.Repair), Rule: d.Rule, Tag: *verdictTag(string(d.Severity))})
			}
		}
		page.Body = append(page.Body, t)
		if len(fs.Items) > 0 {
			page.Body = append(page.Body, ui.Head2{Text: "What the checks found"}, fs)
		}
		if n, err := strconv.Atoi(c.Query("file")); err == nil {
			page.Body = append(page.Body, ui.Head2{Text: "File " + number(n)})
			if src, err := p.showInput(c, i, n); err != nil {
				page.Body = append(page.Body, ui.Text{Text: says(err)})
			} else {
				page.Body = append(page.Body, ui.Viewer{Title: "File " + number(n), Src: src})
			}
		}
		page.Body = append(page.Body, ui.Head2{Text: "What its author says"}, ui.Summary{Rows: []ui.Row{{Key: "Kind", Text: optionText(inputKinds, i.Kind)}, {Key: "Comes from", Said: i.Origin}, {Key: "Needed for", Said: i.Why}, {Key: "About people", Text: optionText(inputPeople, i.People)}, {Key: "Asked", Text: when(i.Created)}}})
		if off := c.Off("input.reject", "Input", i.ID); i.State == "waiting" && off == "" {
			page.Body = append(page.Body, ui.Details{Summary: "Refuse it", Body: []ui.Block{ui.Form{Action: base + "/reject", Fields: ui.Filled([]ui.Field{{Kind: "area", Name: "reason", Label: "Why?", Rows: 2, Max: 2000}}, typed, wrong), Submit: ui.Button{Text: "Refuse it for good", Look: "warning"}}}})
		}
		if i.Author == c.Actor.User && slices.Contains([]string{"checking", "waiting", "approved"}, i.State) {
			page.Body = append(page.Body, ui.Actions{Buttons: []ui.Button{{Text: "Take it back", Action: base + "/withdraw", Look: "secondary"}}})
		}
		return page, nil
	}
}

func (p *Portal) inputNext(c *Call, i *ingress.Input, me *governance.User, dir *directory, base string) *ui.Next {
	n := &ui.Next{Tone: "wait", Text: sentence(p.machines.input.States[i.State].Says), When: since(i.StateSince, c.Now())}
	switch i.State {
	case "delivered":
		n.Tone = "done"
	case "blocked", "rejected":
		n.Tone = "stopped"
		if i.Says != "" {
			n.Text = sentence(i.Says)
		}
	case "waiting":
		var who []string
		for _, need := range i.Needs {
			switch {
			case need.Done:
			case need.As == airlock.AsChecker:
				who = append(who, "an output checker who is not on the project")
			default:
				who = append(who, "a custodian of "+strings.Join(dir.orgNames(need.Orgs), " or "))
			}
		}
		n.Text = "It waits for " + strings.Join(who, ", and for ") + "."
		if !i.WaitsFor(me) {
			break
		}
		err := p.cfg.Store.Check(c.Ctx(), c.Actor, "input.approve", store.Resource{Type: "Input", ID: i.ID})
		switch {
		case err == nil:
			n.Tone, n.Actions = "you", []ui.Button{{Text: "Let it in", Action: base + "/approve"}}
		case ark.Is(err, ark.Unsigned):
			n.Tone, n.Text, n.Actions = "you", n.Text+" "+asksForStepUp, []ui.Button{{Text: "Let it in", Action: base + "/approve"}}
		default:
			n.Actions = []ui.Button{{Text: "Let it in", Off: says(err)}}
		}
	}
	return n
}

// showInput records that the viewer looks at a file and returns the address
// that shows it on the viewer's origin.
func (p *Portal) showInput(c *Call, i *ingress.Input, ordinal int) (string, error) {
	if p.cfg.Rooms.Outputs == nil || p.cfg.FileViewer == nil {
		return "", ark.Faultf(ark.Unavailable, "files cannot be shown on this host").Do("ask the operator")
	}
	f, err := p.cfg.Rooms.Ingress.OpenFile(c.Ctx(), c.Actor, i.ID, ordinal)
	if err != nil {
		return "", err
	}
	return p.cfg.FileViewer.Ticket(viewer.File{Name: f.Name, Size: f.Ref.Size, Damaged: func(ctx context.Context) {
		if err := p.cfg.Rooms.Ingress.Damaged(context.WithoutCancel(ctx), i.ID, ordinal); err != nil {
			p.cfg.Log.ErrorContext(ctx, "a damaged input could not be recorded", "input", i.ID, "err", err)
		}
	}, Open: func(ctx context.Context) (io.ReadCloser, error) {
		return p.cfg.Rooms.Outputs.Open(ctx, i.Project, f.Ref)
	}, Pages: p.pagesOf(f.Ref)})
}

func (p *Portal) inputPage(c *Call) error { return p.draw(c, p.inputForm(c)) }

func (p *Portal) approveInput(c *Call) error {
	return c.Attempt(p.inputForm(c), func(url.Values) (string, error) {
		return "/inputs/" + c.ID(), p.cfg.Rooms.Ingress.Approve(c.Ctx(), c.Actor, c.ID())
	})
}

func (p *Portal) rejectInput(c *Call) error {
	return c.Attempt(p.inputForm(c), func(form url.Values) (string, error) {
		return "/inputs/" + c.ID(), p.cfg.Rooms.Ingress.Reject(c.Ctx(), c.Actor, c.ID(), form.Get("reason"))
	})
}

func (p *Portal) withdrawInput(c *Call) error {
	return c.Attempt(p.inputForm(c), func(url.Values) (string, error) {
		return "/inputs/" + c.ID(), p.cfg.Rooms.Ingress.Withdraw(c.Ctx(), c.Actor, c.ID())
	})
}

// inboxBlock lists what was asked to be brought in, for the workspace's user.
func (p *Portal) inboxBlock(c *Call, w *workspace.Workspace) ([]ui.Block, error) {
	var all []ingress.Input
	if err := c.view(func(q store.Querier) (err error) {
		all, err = ingress.Of(c.Ctx(), q, w.ID)
		return err
	}); err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Asked to be brought in", Columns: ui.Cols("What", "State", "#Files"), Empty: &ui.Empty{Text: "Nothing was asked for. What is let in lies in the folder inbox/ of your workspace."}}
	for _, i := range all {
		t.Rows = append(t.Rows, []ui.Cell{{Text: i.Title, Href: "/inputs/" + i.ID, Head: true}, {Tag: tag(i.State, false)}, {Text: number(len(i.Files))}})
	}
	return []ui.Block{ui.Head2{Text: "Inbox", ID: "inbox"}, t, ui.Actions{Buttons: []ui.Button{{Text: "Bring files in", Href: "/workspaces/" + w.ID + "/bring", Look: "secondary", Off: c.Off("input.submit", "Workspace", w.ID)}}}}, nil
}

// waitingInputs are the inputs that wait for the viewer.
func (p *Portal) waitingInputs(c *Call, q store.Querier) ([]todo, error) {
	if c.Viewer.Role != ark.Checker && c.Viewer.Role != ark.Custodian {
		return nil, nil
	}
	all, err := p.cfg.Rooms.Ingress.Waiting(c.Ctx(), q, c.Actor)
	if err != nil {
		return nil, err
	}
	var out []todo
	for _, i := range all {
		out = append(out, todo{Text: i.Title, Href: "/inputs/" + i.ID, Since: i.StateSince, What: "is asked to be brought into a workspace"})
	}
	return out, nil
}
