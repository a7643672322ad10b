package portal

import (
	"fmt"
	"net/url"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) outputRoutes() []Route {
	return []Route{
		{Pattern: "GET /outputs", Action: "self.read", On: whole, Serve: p.outputList},
		{Pattern: "GET /outputs/{id}", Action: "request.read", On: thing("Request"), Serve: p.outputPage},
		{Pattern: "POST /outputs/{id}/comment", Action: "request.comment", On: thing("Request"), Serve: p.authorComment},
		{Pattern: "POST /outputs/{id}/withdraw", Action: "request.withdraw", On: thing("Request"), Serve: p.withdrawOutput},
		{Pattern: "GET /outputs/{id}/resubmit", Action: "request.resubmit", On: thing("Request"), Serve: p.resubmitPage},
		{Pattern: "POST /outputs/{id}/resubmit", Action: "request.resubmit", On: thing("Request"), Serve: p.resubmit},
		{Pattern: "GET /outputs/{id}/files/{file}", Action: "file.view", On: thing("Request"), Serve: p.ownFile},
	}
}

// waitingOutputs are the author's requests that wait for the author.
func (p *Portal) waitingOutputs(c *Call, q store.Querier) ([]todo, error) {
	vs, err := p.cfg.Rooms.Airlock.RequestsOf(c.Ctx(), q, c.Viewer.User)
	if err != nil {
		return nil, err
	}
	var out []todo
	for _, v := range vs {
		if p.machines.request.States[v.State].Owner != "author" {
			continue
		}
		x, err := governance.GetProject(c.Ctx(), q, v.Project)
		if err != nil {
			return nil, err
		}
		out = append(out, todo{Text: "Outputs of " + x.Title, Href: "/outputs/" + v.ID, Since: v.StateSince, What: p.machines.request.States[v.State].Says})
	}
	return out, nil
}

// outputList is the viewer's own requests.
func (p *Portal) outputList(c *Call) error {
	var vs []airlock.View
	titles := map[string]string{}
	err := c.view(func(q store.Querier) error {
		var err error
		if vs, err = p.cfg.Rooms.Airlock.RequestsOf(c.Ctx(), q, c.Viewer.User); err != nil {
			return err
		}
		for _, v := range vs {
			x, err := governance.GetProject(c.Ctx(), q, v.Project)
			if err != nil {
				return err
			}
			titles[v.Project] = x.Title
		}
		return nil
	})
	if err != nil {
		return err
	}
	t := ui.Table{Caption: "Your output requests, newest first", Columns: ui.Cols("Project", "State", "#Files", "#Round", "Since", "#Waiting"),
		Empty: &ui.Empty{Text: "You have submitted nothing yet. Put files into the outbox of a workspace, then submit them from its page.", Button: &ui.Button{Text: "My workspaces", Href: "/workspaces", Look: "secondary"}}}
	for i := len(vs) - 1; i >= 0; i-- {
		v := vs[i]
		yours := p.machines.request.States[v.State].Owner == "author"
		t.Rows = append(t.Rows, []ui.Cell{{Text: titles[v.Project], Href: "/outputs/" + v.ID, Head: true}, {Tag: tag(v.State, yours)}, {Text: number(len(v.Files))}, {Text: number(v.Round)}, {Text: when(v.StateSince)}, {Text: wait(c.Now().Sub(v.StateSince))}})
	}
	return c.Page(ui.Page{Head: "Outputs", Lead: "What you asked to take out, and how far it is.", Body: []ui.Block{t}})
}

// outputPage is the author's side of a request: files with findings, context,
// and the conversation with "checker 1" and "checker 2".
func (p *Portal) outputPage(c *Call) error {
	v, err := p.cfg.Rooms.Airlock.ViewOf(c.Ctx(), c.Actor, c.ID())
	if err != nil {
		return err
	}
	if !v.Author {
		return c.Go("/queue/" + v.ID)
	}
	var x *governance.Project
	if err := c.view(func(q store.Querier) error {
		var err error
		x, err = governance.GetProject(c.Ctx(), q, v.Project)
		return err
	}); err != nil {
		return err
	}
	st := p.machines.request.States[v.State]
	page := ui.Page{Back: &ui.Link{Text: "Outputs", Href: "/outputs"}, Above: x.Title, Head: fmt.Sprintf("Outputs submitted %s", when(v.Created)), State: tag(v.State, st.Owner == "author"),
		Lead: capital(st.Says) + ". Only you and its checkers see this page."}
	page.Next = p.outputNext(c, v)
	body := []ui.Block{fileTable(v, "/outputs/"+v.ID+"/files/")}
	body = append(body, findingBlocks(v)...)
	for i, g := range v.Groups {
		body = append(body, ui.Head2{Text: fmt.Sprintf("Context of group %d", i+1)}, contextSummary(g))
	}
	body = append(body, p.conversation(c, v)...)
	refresh := 0
	if st.Owner == "system" {
		refresh = 3
	}
	page.Body = []ui.Block{ui.Part{ID: "request", Refresh: refresh, Body: body}}
	if v.State == "returned" || v.State == "blocked" {
		page.Body = append(page.Body, ui.Form{Action: "/outputs/" + v.ID + "/comment", Fields: []ui.Field{{Kind: "area", Name: "text", Label: "Say something to the checkers", Rows: 3, Max: 4000}}, Submit: ui.Button{Text: "Send", Look: "secondary"}})
	}
	return c.Page(page)
}

func (p *Portal) outputNext(c *Call, v airlock.View) *ui.Next {
	base := "/outputs/" + v.ID
	n := &ui.Next{Tone: tone(v.State, p.machines.request.States[v.State].Owner == "author"), When: since(v.StateSince, c.Now())}
	withdraw := ui.Button{Text: "Withdraw", Action: base + "/withdraw", Look: "secondary", Off: c.Off("request.withdraw", "Request", v.ID)}
	again := ui.Button{Text: "Submit changed files", Href: base + "/resubmit", Off: c.Off("request.resubmit", "Request", v.ID)}
	switch v.State {
	case "checking":
		n.Text = "A program looks for small numbers, identifiers and other traces of people. That takes seconds."
		n.Actions = []ui.Button{withdraw}
	case "blocked":
		n.Text = "The checks found something that must not leave. Mend the files in your workspace and submit them again; the findings below say what and where."
		n.Actions = []ui.Button{again, withdraw}
	case "submitted":
		n.Text = fmt.Sprintf("%d output checkers look at it, each on their own. You need not do anything.", v.Checkers)
		n.Actions = []ui.Button{withdraw}
	case "reviewed":
		n.Text = "The checkers have finished and settle what to do."
		n.Actions = []ui.Button{withdraw}
	case "returned":
		n.Text = "The checkers ask for changes; their comments are below. Change the files in your workspace and answer."
		n.Actions = []ui.Button{again, withdraw}
	case "approved":
		n.Text = "The release is being put together, checked once more and signed."
	case "released":
		n.Text = "Released. Download it within 14 days; every download is counted."
		n.Actions = []ui.Button{{Text: "Go to the release", Href: "/releases/" + v.Release}}
	case "rejected":
		n.Text = "Refused for good. " + sentence(v.Says)
	case "withdrawn":
		n.Text = "You withdrew it. Nothing of it left."
	}
	return n
}

// verdictTag is a verdict of the automatic checks.
func verdictTag(v string) *ui.Tag {
	switch v {
	case "pass":
		return &ui.Tag{Text: "No finding", Colour: ui.Green}
	case "review":
		return &ui.Tag{Text: "Look closely", Colour: ui.Yellow}
	case "fail":
		return &ui.Tag{Text: "Must not leave", Colour: ui.Red}
	default:
		return &ui.Tag{Text: "Being checked", Colour: ui.Blue}
	}
}

func decisionTag(d string) *ui.Tag {
	switch d {
	case airlock.Approved:
		return &ui.Tag{Text: "Approved", Colour: ui.Green}
	case airlock.Changes:
		return &ui.Tag{Text: "Changes asked", Colour: ui.Yellow}
	case airlock.Conflicted:
		return &ui.Tag{Text: "Checkers disagree", Colour: ui.Yellow}
	case "":
		return &ui.Tag{Text: "Not shown yet", Colour: ui.Grey}
	default:
		return &ui.Tag{Text: title(d), Colour: ui.Grey}
	}
}

// fileTable lists the files of a request for its author.
func fileTable(v airlock.View, base string) ui.Block {
	t := ui.Table{Caption: "Files", Columns: ui.Cols("#No.", "File", "Kind", "#Size", "Automatic checks", "Decision")}
	for _, f := range v.Files {
		decision := ui.Cell{Tag: decisionTag(f.Decision)}
		if f.Kind == airlock.KindSupporting {
			decision = ui.Cell{Text: "never leaves"}
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: number(f.Ordinal)}, {Text: f.Name, Href: base + f.ID, Head: true, Soft: "SHA-256 " + short(f.Ref.SHA256)}, {Text: f.Kind}, {Text: bytesText(f.Ref.Size)}, {Tag: verdictTag(f.Verdict)}, decision})
	}
	return t
}

func contextSummary(g airlock.Group) ui.Block {
	return ui.Summary{Compact: true, Rows: []ui.Row{{Key: "Name", Said: g.Name}, {Key: "What it is", Said: g.Context}, {Key: "Who is in it", Said: g.Population}, {Key: "What was done", Said: g.Controls}, {Key: "Earlier releases", Said: orText(g.Relation, "nothing said")}}}
}

// Finding is one finding on a page.
type findingView struct {
	Number int
	File   int
	disclosure.Finding
}

// numbered gives the findings of a file their numbers within the request.
func numbered(v airlock.View) map[string][]findingView {
	out := map[string][]findingView{}
	n := 0
	for _, f := range v.Files {
		for _, x := range f.Findings {
			n++
			out[f.ID] = append(out[f.ID], findingView{Number: n, File: f.Ordinal, Finding: x})
		}
	}
	return out
}

// place says where a finding is, in a reader's words.
func place(w disclosure.Where) string {
	s := ""
	if w.Sheet != "" {
		s += "sheet " + w.Sheet + " "
	}
	if w.Ref != "" {
		s += "cell " + w.Ref + " "
	}
	if w.Line > 0 {
		s += "line " + number(w.Line) + " "
	}
	return s
}

// findingBlocks lists the findings with their repair.
func findingBlocks(v airlock.View) []ui.Block {
	all := numbered(v)
	if len(all) == 0 {
		return nil
	}
	t := ui.Findings{}
	for _, f := range v.Files {
		for _, x := range all[f.ID] {
			t.Items = append(t.Items, findingItem(x))
		}
	}
	return []ui.Block{ui.Head2{Text: "Findings"}, t}
}

func findingItem(x findingView) ui.Finding {
	return ui.Finding{Number: number(x.Number), Look: string(x.Severity), Tag: *verdictTag(string(x.Severity)), Where: fmt.Sprintf("File %d %s", x.File, place(x.Where)), Says: sentence(x.Says), Repair: sentence(x.Repair), Rule: x.Rule}
}

// conversation is what was said about the request, as the viewer may know it.
func (p *Portal) conversation(c *Call, v airlock.View) []ui.Block {
	if len(v.Comments) == 0 {
		return nil
	}
	t := ui.Comments{}
	for _, x := range v.Comments {
		where := ""
		for _, f := range v.Files {
			if f.ID == x.File {
				where = fmt.Sprintf("on file %d", f.Ordinal)
			}
		}
		note := ""
		if !v.Author {
			note = "for checkers only"
			if x.Public {
				note = "the author sees this after the round"
			}
		}
		t.Items = append(t.Items, ui.CommentItem{Who: capital(x.By), When: when(x.At), Where: where, Note: note, Text: x.Text})
	}
	return []ui.Block{ui.Head2{Text: "Conversation", ID: "comments"}, t}
}

func (p *Portal) authorComment(c *Call) error {
	return c.Attempt(nil, func(form url.Values) (string, error) {
		return "/outputs/" + c.ID() + "#comments", p.cfg.Rooms.Airlock.Comment(c.Ctx(), c.Actor, c.ID(), airlock.Comment{Group: -1, Text: form.Get("text"), Public: true})
	})
}

func (p *Portal) withdrawOutput(c *Call) error {
	return c.Attempt(nil, func(url.Values) (string, error) {
		return "/outputs/" + c.ID(), p.cfg.Rooms.Airlock.Withdraw(c.Ctx(), c.Actor, c.ID())
	})
}

// resubmitForm is submitForm with an answer to the checkers.
func (p *Portal) resubmitForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		v, err := p.cfg.Rooms.Airlock.ViewOf(c.Ctx(), c.Actor, c.ID())
		if err != nil {
			return ui.Page{}, err
		}
		files, err := p.outbox(c, v.Workspace)
		if err != nil {
			return ui.Page{}, err
		}
		pick := ui.Field{Kind: "checks", Big: true, Name: "output", Label: "Files that are to leave", Hint: "All that you want released, the unchanged ones too: votes on unchanged bytes are kept."}
		support := ui.Field{Kind: "checks", Name: "supporting", Label: "Files that only the checkers should see"}
		for _, f := range files {
			o := ui.Option{Value: f.Name, Text: f.Name, Hint: bytesText(f.Size) + ", " + when(f.ModTime)}
			if f.Refused != "" {
				o.Off = sentence(f.Refused)
			}
			pick.Options, support.Options = append(pick.Options, o), append(support.Options, o)
		}
		fields := append([]ui.Field{pick, support}, contextFields()...)
		if len(v.Groups) > 0 {
			g := v.Groups[0]
			for i := range fields {
				fields[i].Value = map[string]string{"group": g.Name, "context": g.Context, "population": g.Population, "controls": g.Controls, "relation": g.Relation}[fields[i].Name]
			}
		}
		fields = append(fields, ui.Field{Kind: "area", Name: "answer", Label: "What did you change?", Hint: "The checkers read it with the new files."})
		return ui.Page{Back: &ui.Link{Text: "The request", Href: "/outputs/" + v.ID}, Head: "Submit changed files", Errors: wrong, Lead: "The files are taken from the outbox as they are now, and checked again.",
			Body: append(p.conversation(c, v), ui.Form{Action: "/outputs/" + v.ID + "/resubmit", Guard: true, Fields: ui.Filled(fields, typed, wrong), Submit: ui.Button{Text: "Submit again"}, Cancel: &ui.Link{Text: "Not now", Href: "/outputs/" + v.ID}})}, nil
	}
}

func (p *Portal) resubmitPage(c *Call) error {
	page, err := p.resubmitForm(c)(nil, nil)
	if err != nil {
		return err
	}
	return c.Page(page)
}

func (p *Portal) resubmit(c *Call) error {
	return c.Attempt(p.resubmitForm(c), func(form url.Values) (string, error) {
		v, err := p.cfg.Rooms.Airlock.ViewOf(c.Ctx(), c.Actor, c.ID())
		if err != nil {
			return "", err
		}
		s, err := p.submission(c, v.Workspace, form)
		if err != nil {
			return "", err
		}
		return "/outputs/" + c.ID(), p.cfg.Rooms.Airlock.Resubmit(c.Ctx(), c.Actor, c.ID(), s, form.Get("answer"))
	})
}
