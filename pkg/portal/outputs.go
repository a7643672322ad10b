package portal

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
)

func (p *Portal) outputRoutes() []Route {
	return []Route{
		{Pattern: "GET /outputs", Action: "self.read", On: whole, Serve: p.outputList},
		{Pattern: "GET /outputs/{id}", Action: "request.read", On: thing("Request"), Serve: p.outputPage},
		{Pattern: "POST /outputs/{id}/comment", Action: "request.comment", On: thing("Request"), Serve: p.authorComment},
		{Pattern: "POST /outputs/{id}/resolve", Action: "request.comment", On: thing("Request"), Serve: p.authorResolve},
		{Pattern: "POST /outputs/{id}/withdraw", Action: "request.withdraw", On: thing("Request"), Serve: p.withdrawOutput},
		{Pattern: "GET /outputs/{id}/resubmit", Action: "request.resubmit", On: thing("Request"), Serve: p.resubmitPage},
		{Pattern: "POST /outputs/{id}/resubmit", Action: "request.resubmit", On: thing("Request"), Serve: p.resubmit},
		{Pattern: "POST /outputs/{id}/hold", Action: "request.hold", On: thing("Request"), Serve: p.holdOutput},
		{Pattern: "POST /outputs/{id}/resume", Action: "request.resume", On: thing("Request"), Serve: p.resumeOutput},
		{Pattern: "GET /outputs/{id}/contest", Action: "request.contest", On: thing("Request"), Serve: p.contestPage},
		{Pattern: "POST /outputs/{id}/contest", Action: "request.contest", On: thing("Request"), Serve: p.contest},
		{Pattern: "GET /outputs/{id}/appeal", Action: "request.appeal", On: thing("Request"), Serve: p.appealPage},
		{Pattern: "POST /outputs/{id}/appeal", Action: "request.appeal", On: thing("Request"), Serve: p.appeal},
		{Pattern: "GET /outputs/{id}/files/{file}", Action: "file.view", On: thing("Request"), Serve: p.ownFile},
	}
}

// waitingOutputs are the author's requests that wait for the author.
func (p *Portal) waitingOutputs(c *Call, q store.Querier) ([]todo, error) {
	vs, err := p.cfg.Rooms.Airlock.RequestsWith(c.Ctx(), q, c.Viewer.User)
	if err != nil {
		return nil, err
	}
	var out []todo
	for _, v := range vs {
		x, err := governance.GetProject(c.Ctx(), q, v.Project)
		if err != nil {
			return nil, err
		}
		out = append(out, todo{Text: "Outputs of " + x.Title, Href: "/outputs/" + v.ID, Since: v.StateSince, What: p.machines.request.States[v.State].Says})
	}
	return out, nil
}

// requestAndProject is the request of this call as its viewer may see it, and
// the project it is of.
func (p *Portal) requestAndProject(c *Call) (v airlock.View, x *governance.Project, err error) {
	if v, err = p.cfg.Rooms.Airlock.ViewOf(c.Ctx(), c.Actor, c.ID()); err != nil {
		return v, nil, err
	}
	err = c.view(func(q store.Querier) error {
		x, err = governance.GetProject(c.Ctx(), q, v.Project)
		return err
	})
	return v, x, err
}

// projectTitles are the titles of the requests' projects, each read once.
func projectTitles(c *Call, q store.Querier, vs []airlock.View) (map[string]string, error) {
	titles := map[string]string{}
	for _, v := range vs {
		if _, ok := titles[v.Project]; ok {
			continue
		}
		x, err := governance.GetProject(c.Ctx(), q, v.Project)
		if err != nil {
			return nil, err
		}
		titles[v.Project] = x.Title
	}
	return titles, nil
}

// outputList is the viewer's own requests.
func (p *Portal) outputList(c *Call) error {
	var vs []airlock.View
	var titles map[string]string
	err := c.view(func(q store.Querier) error {
		var err error
		if vs, err = p.cfg.Rooms.Airlock.RequestsOf(c.Ctx(), q, c.Viewer.User); err != nil {
			return err
		}
		titles, err = projectTitles(c, q, vs)
		return err
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
	if v.State == "returned" || v.State == "blocked" || v.State == "held" {
		page.Body = append(page.Body, ui.Form{Action: "/outputs/" + v.ID + "/comment", Fields: []ui.Field{{Kind: "area", Name: "text", Label: "Say something to the checkers", Rows: 3, Max: 4000}}, Submit: ui.Button{Text: "Send", Look: "secondary"}})
	}
	return c.Page(page)
}

func (p *Portal) outputNext(c *Call, v airlock.View) *ui.Next {
	base := "/outputs/" + v.ID
	n := &ui.Next{Tone: tone(v.State, p.machines.request.States[v.State].Owner == "author"), When: since(v.StateSince, c.Now())}
	withdraw := ui.Button{Text: "Withdraw", Action: base + "/withdraw", Look: "secondary", Off: c.Off("request.withdraw", "Request", v.ID)}
	again := ui.Button{Text: "Submit changed files", Href: base + "/resubmit", Off: c.Off("request.resubmit", "Request", v.ID)}
	hold := ui.Button{Text: "Hold it", Action: base + "/hold", Look: "secondary", Off: c.Off("request.hold", "Request", v.ID)}
	switch v.State {
	case "checking":
		n.Text = "A program looks for small numbers, identifiers and other traces of people. That takes seconds."
		n.Actions = []ui.Button{withdraw}
	case "blocked":
		n.Text = "The checks found something that must not leave. Mend the files in your workspace and submit them again; the findings below say what and where."
		if v.Says != "" {
			n.Text = "What you said against the failed check was not accepted: " + sentence(v.Says) + " Mend the files and submit them again."
		}
		n.Actions = []ui.Button{again, {Text: "It does not apply here…", Href: base + "/contest", Look: "secondary", Off: c.Off("request.contest", "Request", v.ID)}, withdraw}
	case "contested":
		n.Text = "Two output checkers decide whether the failed check applies here."
		if v.Contest != nil && len(v.Contest.Need) > 0 {
			n.Text += " The rule is in a custodian’s contract, so that custodian has to agree too."
		}
		n.Actions = []ui.Button{withdraw}
	case "held":
		n.Text = "You hold it. The reviews so far are kept. Give it back as it is, or submit changed files: votes on unchanged files are kept."
		n.Actions = []ui.Button{{Text: "Give it back as it is", Action: base + "/resume", Off: c.Off("request.resume", "Request", v.ID)}, again, withdraw}
	case "appealed":
		n.Text = "An output checker who has not seen it yet decides on your appeal."
		n.Actions = []ui.Button{withdraw}
	case "submitted":
		n.Text = fmt.Sprintf("%d output checkers look at it, each on their own. You need not do anything.", v.Checkers)
		if v.Checkers == 1 {
			n.Text = "One output checker looks at it. You need not do anything."
		}
		n.Actions = []ui.Button{hold, withdraw}
	case "reviewed":
		n.Text = "The checkers have finished and settle what to do."
		n.Actions = []ui.Button{hold, withdraw}
	case "returned":
		n.Text = "The checkers ask for changes; their comments are below. Change the files in your workspace and answer."
		if len(v.Releases) > 0 {
			n.Text = "A part was released. For the rest the checkers ask for changes; their comments are below."
		}
		n.Actions = []ui.Button{again, {Text: "Appeal…", Href: base + "/appeal", Look: "secondary", Off: c.Off("request.appeal", "Request", v.ID)}, withdraw}
		if v.Appeal != nil && v.Appeal.Outcome == "dismissed" {
			n.Text = "Your appeal was not upheld: " + sentence(v.Appeal.Says) + " Change the files in your workspace and answer."
		}
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
		if f.Release != "" {
			decision = ui.Cell{Text: "Released", Href: "/releases/" + f.Release}
		}
		if f.Kind == airlock.KindSupporting {
			decision = ui.Cell{Text: "never leaves"}
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: number(f.Ordinal)}, {Text: f.Name, Href: base + f.ID, Head: true, Soft: "SHA-256 " + short(f.Ref.SHA256)}, {Text: f.Kind}, {Text: bytesText(f.Ref.Size)}, {Tag: verdictTag(f.Verdict)}, decision})
	}
	return t
}

func contextSummary(g airlock.Group) ui.Block {
	rows := []ui.Row{{Key: "Name", Said: g.Name}, {Key: "Kind", Text: capital(orText(g.Kind, "table"))}, {Key: "What it is", Said: g.Context}, {Key: "Who is in it", Said: g.Population}}
	add := func(key, said string) {
		if said != "" {
			rows = append(rows, ui.Row{Key: key, Said: said})
		}
	}
	add("Smallest count", g.Counts)
	add("Degrees of freedom", g.Freedom)
	add("What was done", g.Controls)
	add("Earlier releases", orText(g.Relation, "nothing said"))
	add("Code", strings.TrimSpace(g.Code+" "+atCommit(g.Commit)))
	return ui.Summary{Compact: true, Rows: rows}
}

func atCommit(commit string) string {
	if commit == "" {
		return ""
	}
	return "at commit " + commit
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
	return ui.Finding{Number: number(x.Number), Look: string(x.Severity), Tag: *verdictTag(string(x.Severity)), Where: fmt.Sprintf("File %d %s", x.File, place(x.Where)), Says: sentence(x.Says), Repair: sentence(x.Repair), Rule: x.Rule, Sum: together(x.Evidence)}
}

// together writes which figures give a few people away together. Views for an
// author, or a custodian, hold that of the request's own files alone.
func together(evidence map[string]string) string {
	s := evidence["combination"]
	if s == "" {
		return ""
	}
	if n := evidence["people"]; n == "1" {
		s += ", about 1 person"
	} else if n != "" {
		s += ", about " + n + " people"
	}
	if b := evidence["between"]; b != "" {
		s += ", between " + b
	}
	return s + "."
}

// conversation is what was said about the request, as the viewer may know it.
func (p *Portal) conversation(c *Call, v airlock.View) []ui.Block {
	if len(v.Comments) == 0 {
		return nil
	}
	base := "/queue/" + v.ID
	if v.Author {
		base = "/outputs/" + v.ID
	}
	may := v.Phase == airlock.PhaseIndependent || v.Phase == airlock.PhaseOpen
	if v.Author {
		may = v.State == "returned" || v.State == "blocked" || v.State == "held"
	}
	t := ui.Comments{}
	for _, x := range threads(v.Comments) {
		where := ""
		for _, f := range v.Files {
			if f.ID == x.File {
				where = fmt.Sprintf("on file %d", f.Ordinal)
			}
		}
		if x.Cell != "" {
			where = strings.TrimSpace(where + ", " + x.Cell)
		}
		note := ""
		if !v.Author {
			note = "for checkers only"
			if x.Public {
				note = "the author sees this after the round"
			}
		}
		if v.Round > 1 {
			note = strings.Trim(note+fmt.Sprintf(" · round %d", x.Round), " ·")
		}
		item := ui.CommentItem{ID: x.ID, Who: capital(x.By), When: when(x.At), Where: where, Note: note, Text: x.Text, Reply: x.Reply != ""}
		if !x.Resolved.IsZero() {
			item.Resolved = "Dealt with, said " + x.ResolvedBy + " on " + when(x.Resolved)
		}
		if may {
			done := ui.Button{Text: "Dealt with", Action: base + "/resolve", Look: "secondary", Fields: []ui.Pair{{Name: "comment", Value: x.ID}, {Name: "done", Value: "yes"}, {Name: "file", Value: x.File}}}
			if item.Resolved != "" {
				done.Text, done.Fields[1].Value = "Open again", "no"
			}
			item.Buttons = append(item.Buttons, done)
			if !v.Author && x.Reply == "" {
				item.Buttons = append(item.Buttons, ui.Button{Text: "Reply", Href: base + "?file=" + x.File + "&reply=" + x.ID + "#comment", Look: "secondary"})
			}
		}
		t.Items = append(t.Items, item)
	}
	return []ui.Block{ui.Head2{Text: "Conversation", ID: "comments"}, t}
}

// threads puts every reply after the comment that it answers.
func threads(all []airlock.CommentView) []airlock.CommentView {
	replies := map[string][]airlock.CommentView{}
	shown := map[string]bool{}
	for _, x := range all {
		shown[x.ID] = true
	}
	for _, x := range all {
		if x.Reply != "" && shown[x.Reply] {
			replies[x.Reply] = append(replies[x.Reply], x)
		}
	}
	var out []airlock.CommentView
	for _, x := range all {
		if x.Reply != "" && shown[x.Reply] {
			continue
		}
		out = append(append(out, x), replies[x.ID]...)
	}
	return out
}

func (p *Portal) authorResolve(c *Call) error {
	return c.Attempt(nil, func(form url.Values) (string, error) {
		return "/outputs/" + c.ID() + "#comments", p.cfg.Rooms.Airlock.Resolve(c.Ctx(), c.Actor, c.ID(), form.Get("comment"), form.Get("done") == "yes")
	})
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

// ownWorkspace is the workspace whose outbox an author submits from: the one of
// the request, or the author's own where the request was given to them.
func (p *Portal) ownWorkspace(c *Call, v airlock.View) (string, error) {
	if v.Workspace != "" {
		return v.Workspace, nil
	}
	var mine []workspace.Workspace
	if err := c.view(func(q store.Querier) error {
		var err error
		mine, err = workspace.OfUser(c.Ctx(), q, c.Actor.User)
		return err
	}); err != nil {
		return "", err
	}
	for _, w := range mine {
		if w.Project == v.Project && w.State != "destroyed" {
			return w.ID, nil
		}
	}
	return "", ark.Faultf(ark.Conflict, "you have no workspace in this project yet").Do("open one, put the files into its outbox and come back")
}

// resubmitForm is submitForm with an answer to the checkers.
func (p *Portal) resubmitForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		v, err := p.cfg.Rooms.Airlock.ViewOf(c.Ctx(), c.Actor, c.ID())
		if err != nil {
			return ui.Page{}, err
		}
		ws, err := p.ownWorkspace(c, v)
		if err != nil {
			return ui.Page{}, err
		}
		files, err := p.outbox(c, ws)
		if err != nil {
			return ui.Page{}, err
		}
		if typed == nil {
			var was []GroupIn
			for _, g := range v.Groups {
				was = append(was, GroupIn{Group: g})
			}
			typed = filledFrom(was)
		}
		n := groupCount(typed)
		if typed.Get("then") == "add" {
			n = min(n+1, maxGroups)
		}
		some := someFiles(files, c.Query("q"), chosenIn(typed, n))
		fields := groupFields(some, n, "All that you want released and has not been yet, the unchanged ones too: votes on unchanged bytes are kept.")
		fields = append(fields, ui.Field{Kind: "area", Name: "answer", Label: "What did you change?", Hint: "The checkers read it with the new files."})
		return ui.Page{Back: &ui.Link{Text: "The request", Href: "/outputs/" + v.ID}, Head: "Submit changed files", Errors: wrong, Lead: "The files are taken from the outbox as they are now, and checked again.",
			Body: append(append(p.conversation(c, v), findFiles("/outputs/"+v.ID+"/resubmit", c.Query("q"), len(some), len(files))...), groupForm("/outputs/"+v.ID+"/resubmit", ui.Filled(fields, typed, wrong), n, v.Class, "Submit again", "/outputs/"+v.ID))}, nil
	}
}

func (p *Portal) resubmitPage(c *Call) error {
	return p.draw(c, p.resubmitForm(c))
}

func (p *Portal) resubmit(c *Call) error {
	if done, err := p.more(c, p.resubmitForm(c)); done {
		return err
	}
	return c.Attempt(p.resubmitForm(c), func(form url.Values) (string, error) {
		v, err := p.cfg.Rooms.Airlock.ViewOf(c.Ctx(), c.Actor, c.ID())
		if err != nil {
			return "", err
		}
		groups, err := groupsOf(form)
		if err != nil {
			return "", err
		}
		ws, err := p.ownWorkspace(c, v)
		if err != nil {
			return "", err
		}
		s, err := p.submission(c, ws, v.Class, groups)
		if err != nil {
			return "", err
		}
		return "/outputs/" + c.ID(), p.cfg.Rooms.Airlock.Resubmit(c.Ctx(), c.Actor, c.ID(), s, form.Get("answer"))
	})
}
