package portal

import (
	"fmt"
	"net/url"
	"sort"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
)

// whole of a project, read at once.
type projectFacts struct {
	project  *governance.Project
	app      *governance.Application
	reviews  []governance.Review
	permit   *governance.Permit
	extract  *workspace.Extract
	spaces   []workspace.Workspace
	releases []airlock.Release
	acts     []store.Recorded
	data     map[string]catalogue.Dataset
	versions map[string]catalogue.Version
	dir      *directory
}

func (p *Portal) readProject(c *Call, id string) (*projectFacts, error) {
	f := &projectFacts{data: map[string]catalogue.Dataset{}, versions: map[string]catalogue.Version{}}
	err := c.view(func(q store.Querier) error {
		var err error
		if f.project, err = governance.GetProject(c.Ctx(), q, id); err != nil {
			return err
		}
		if f.app, err = governance.GetApplication(c.Ctx(), q, f.project.Application); err != nil {
			return err
		}
		if f.reviews, err = governance.ReviewsOf(c.Ctx(), q, f.app.ID); err != nil {
			return err
		}
		if f.project.Permit != "" {
			if f.permit, err = governance.GetPermit(c.Ctx(), q, f.project.Permit); err != nil {
				return err
			}
		}
		if es, err := workspace.ExtractsOf(c.Ctx(), q, id); err != nil {
			return err
		} else if len(es) > 0 {
			f.extract = &es[len(es)-1]
		}
		if f.spaces, err = workspace.Of(c.Ctx(), q, id); err != nil {
			return err
		}
		if f.releases, err = airlock.ReleasesOf(c.Ctx(), q, id); err != nil {
			return err
		}
		if f.acts, err = p.cfg.Store.Acts(c.Ctx(), q, id, 0, 40); err != nil {
			return err
		}
		ds, err := catalogue.Datasets(c.Ctx(), q)
		if err != nil {
			return err
		}
		for _, d := range ds {
			f.data[d.ID] = d
		}
		for _, ask := range f.app.Asks {
			if ask.Version != "" {
				v, err := catalogue.GetVersion(c.Ctx(), q, ask.Version)
				if err == nil {
					f.versions[v.ID] = *v
				}
			}
		}
		f.dir, err = readDirectory(c.Ctx(), q)
		return err
	})
	return f, err
}

// project is the page of one project: what happens next, then the application,
// the permit, workspaces, outputs, and the history.
func (p *Portal) project(c *Call) error {
	f, err := p.readProject(c, c.ID())
	if err != nil {
		return err
	}
	x := f.project
	st := p.machines.project.States[x.State]
	yours := st.Owner == "lead" && x.Lead == c.Viewer.User
	page := ui.Page{Back: &ui.Link{Text: "Projects", Href: "/projects"}, Above: "Project", Head: x.Title, State: tag(x.State, yours),
		Lead: "Led by " + f.dir.user(x.Lead) + ". It is " + st.Says + "."}
	page.Next = p.projectNext(c, f)
	if x.Reason != "" {
		page.Body = append(page.Body, ui.Warning{Head: "The reason given", Text: x.Reason})
	}
	page.Body = append(page.Body, ui.Columns{Main: p.projectMain(c, f), Side: p.projectSide(c, f)})
	page.Body = append(page.Body, ui.Head2{Text: "History"}, p.history(c, f))
	return c.Page(page)
}

func (p *Portal) projectNext(c *Call, f *projectFacts) *ui.Next {
	x := f.project
	base := "/projects/" + x.ID
	n := &ui.Next{Tone: tone(x.State, false), When: since(x.StateSince, c.Now())}
	button := func(text, href, look, action string) ui.Button {
		return ui.Button{Text: text, Href: href, Look: look, Off: c.Off(action, "Project", x.ID)}
	}
	switch x.State {
	case "draft":
		n.Tone, n.Text = "you", "The application is being written. The lead, "+f.dir.user(x.Lead)+", submits it when it is complete."
		n.Actions = []ui.Button{button("Go on with the application", base+"/application", "", "application.edit"), button("Withdraw", base+"/withdraw", "secondary", "application.withdraw")}
	case "submitted":
		n.Text = "This Ark works out how identifiable the data asked for would be, then asks every custodian concerned. That takes seconds to minutes."
		n.Actions = []ui.Button{button("Withdraw", base+"/withdraw", "secondary", "application.withdraw")}
	case "in-review":
		n.Text = "To decide: " + strings.Join(undecided(f), ", ") + ". Silence is never consent."
		n.Actions = []ui.Button{button("Withdraw", base+"/withdraw", "secondary", "application.withdraw")}
	case "changes-requested":
		n.Tone, n.Text = "you", "A custodian asked for changes. The lead, "+f.dir.user(x.Lead)+", answers them and submits again."
		n.Actions = []ui.Button{button("Change the application", base+"/application", "", "application.edit"), button("Withdraw", base+"/withdraw", "secondary", "application.withdraw")}
	case "approved":
		n.Tone, n.Text = "wait", "Permitted. This Ark is preparing the extract: the variables and rows of the permit, with keys of this project’s own."
	case "active":
		n.Text = "Permitted until " + day(f.permit.Until) + ". Members named on the permit can work."
		n.Actions = []ui.Button{p.workspaceButton(c, f)}
		if c.Off("project.close", "Project", x.ID) == "" {
			n.Actions = append(n.Actions, button("Close the project", base+"/close", "secondary", "project.close"))
		}
	case "suspended":
		n.Text = "Stopped for now; all work is kept. A custodian concerned or the operator can resume it."
		n.Actions = []ui.Button{{Text: "Resume", Action: base + "/resume", Off: c.Off("project.resume", "Project", x.ID)}}
	case "closing":
		n.Text = "Its keys and workspaces are being destroyed."
	default:
		n.Text = "Nothing more happens. " + capital(p.machines.project.States[x.State].Says) + "."
	}
	if (x.State == "approved" || x.State == "active") && c.Off("project.suspend", "Project", x.ID) == "" {
		n.Actions = append(n.Actions, button("Suspend", base+"/suspend", "warning", "project.suspend"))
	}
	return n
}

// undecided names the organisations that have not decided.
func undecided(f *projectFacts) []string {
	var out []string
	for _, r := range f.reviews {
		if r.State != "waiting" {
			continue
		}
		name := f.dir.org(r.Org)
		if r.Delegation != "" && len(r.Deciders) > 0 {
			name += " (through " + f.dir.org(r.Deciders[0]) + ")"
		}
		out = append(out, name)
	}
	sort.Strings(out)
	if len(out) == 0 {
		return []string{"nobody any more; the permit is being written"}
	}
	return out
}

// workspaceButton opens the viewer's workspace, or makes one.
func (p *Portal) workspaceButton(c *Call, f *projectFacts) ui.Button {
	for _, w := range f.spaces {
		if w.User == c.Viewer.User {
			return ui.Button{Text: "Go to my workspace", Href: "/workspaces/" + w.ID}
		}
	}
	return ui.Button{Text: "Open a workspace", Action: "/projects/" + f.project.ID + "/workspace", Off: c.Off("workspace.create", "Project", f.project.ID)}
}

func (p *Portal) projectMain(c *Call, f *projectFacts) []ui.Block {
	x := f.project
	out := []ui.Block{ui.Head2{Text: "What it is"}, ui.Summary{Rows: []ui.Row{
		{Key: "In plain words", Said: orNone(f.app.LaySummary)},
		{Key: "Benefit to the public", Said: orNone(f.app.PublicBenefit)},
		{Key: "Purposes", Lines: orNoneList(purposeWords(f.app.Purposes))},
		{Key: "Data", Lines: askLines(f)},
		{Key: "People on it", Lines: f.dir.userNames(x.Members)},
	}}}
	member := isMember(x, c.Viewer.User)
	if member || c.Viewer.Has(ark.Custodian) || c.Viewer.Has(ark.Operator) || c.Viewer.Has(ark.Auditor) || c.Viewer.Has(ark.LayReviewer) {
		t := ui.Table{Caption: "Decisions", Columns: ui.Cols("Organisation", "Decision", "When", "Reason and conditions")}
		for _, r := range f.reviews {
			when := when(r.Decided)
			text := strings.Join(append([]string{r.Reason}, r.Conditions...), " · ")
			if r.State == "waiting" {
				when = "asked " + day(r.Asked)
			} else if !member && p.hideOthers(c, f, r) {
				when, text = "", "shown when you have decided"
				t.Rows = append(t.Rows, []ui.Cell{{Text: f.dir.org(r.Org), Head: true}, {Text: "hidden"}, {Text: when}, {Text: text}})
				continue
			}
			t.Rows = append(t.Rows, []ui.Cell{{Text: f.dir.org(r.Org), Head: true}, {Tag: tag(r.State, false)}, {Text: when}, {Text: strings.Trim(text, " ·")}})
		}
		if len(f.reviews) > 0 {
			out = append(out, t)
		}
	}
	rel := ui.Table{Caption: "Releases", Columns: ui.Cols("Released", "#Files", "Destination", "State"), Empty: &ui.Empty{Text: "Nothing has been released from this project yet."}}
	for i := len(f.releases) - 1; i >= 0; i-- {
		r := f.releases[i]
		rel.Rows = append(rel.Rows, []ui.Cell{{Text: when(r.At), Href: "/releases/" + r.ID, Head: true}, {Text: number(len(r.Files))}, {Text: r.Destination}, {Tag: releaseTag(r)}})
	}
	out = append(out, rel)
	if x.Lead == c.Viewer.User || c.Viewer.Has(ark.Operator) {
		out = append(out, ui.Links{Items: []ui.Link{{Text: "Open requests, and what to do when an author has left", Href: "/projects/" + x.ID + "/requests"}}})
	}
	return out
}

// hideOthers reports whether the viewer, a custodian, still has to decide: what
// others decided is shown after that.
func (p *Portal) hideOthers(c *Call, f *projectFacts, r governance.Review) bool {
	for _, own := range f.reviews {
		if own.State != "waiting" || own.ID == r.ID && r.ID != "" {
			continue
		}
		if p.cfg.Store.Check(c.Ctx(), c.Actor, "review.decide", store.Resource{Type: "Review", ID: own.ID}) == nil {
			return true
		}
	}
	return false
}

func releaseTag(r airlock.Release) *ui.Tag {
	if r.Frozen {
		return &ui.Tag{Text: "Frozen", Colour: ui.Red}
	}
	return &ui.Tag{Text: "Released", Colour: ui.Green}
}

func (p *Portal) projectSide(c *Call, f *projectFacts) []ui.Block {
	x := f.project
	rows := []ui.Row{{Key: "Application", Link: &ui.Link{Text: fmt.Sprintf("version %d", f.app.Number), Href: "/projects/" + x.ID + "/application"}}}
	if f.permit != nil {
		rows = append(rows, ui.Row{Key: "Permit", Link: &ui.Link{Text: "until " + day(f.permit.Until), Href: "/projects/" + x.ID + "/permit"}})
	}
	if f.extract != nil {
		rows = append(rows, ui.Row{Key: "Extract", Tag: tag(f.extract.State, false), Text: sentence(f.extract.Says)})
		for _, d := range f.extract.Renamed {
			rows = append(rows, ui.Row{Key: "Keys that changed", Text: "Visits and other things of " + d + " are called by other keys than in the extract before; people keep their names."})
		}
		for _, o := range f.extract.OptedOut {
			rows = append(rows, ui.Row{Key: "Left out for the national data opt-out", Text: o.People + " people of " + o.Dataset})
		}
	}
	if f.permit != nil {
		rows = append(rows, ui.Row{Key: "Versions of the data", Link: &ui.Link{Text: p.followedWords(c, f), Href: "/projects/" + x.ID + "/versions"}})
	}
	if f.permit != nil {
		rows = append(rows, ui.Row{Key: "Findings and errors", Link: &ui.Link{Text: "report one, and what became of them", Href: "/projects/" + x.ID + "/traces"}})
	}
	rows = append(rows, ui.Row{Key: "Ledger", Link: &ui.Link{Text: "every act of it", Href: "/ledger?project=" + url.QueryEscape(x.ID)}})
	out := []ui.Block{ui.Summary{Rows: rows, Compact: true}}
	var cards ui.Cards
	for _, w := range f.spaces {
		if w.User != c.Viewer.User && !c.Viewer.Has(ark.Operator) && !c.Viewer.Has(ark.Auditor) {
			continue
		}
		cards.Items = append(cards.Items, ui.Card{Head: "Workspace of " + f.dir.user(w.User), Href: "/workspaces/" + w.ID, Tag: tag(w.State, false), Foot: capital(since(w.StateSince, c.Now()))})
	}
	if len(cards.Items) > 0 {
		out = append(out, cards)
	}
	return out
}

// history is the recorded acts of a project in people's words.
func (p *Portal) history(c *Call, f *projectFacts) ui.Block {
	t := ui.Timeline{}
	undecided := !isMember(f.project, c.Viewer.User) && p.hideOthers(c, f, governance.Review{})
	for _, a := range f.acts {
		if blind[a.Type] || undecided && strings.HasPrefix(a.Type, "review.") {
			continue
		}
		t.Items = append(t.Items, ui.Entry{When: when(a.At), Who: actorOf(f, a), Text: actWords(a.Type), Link: proofLink(a)})
	}
	if len(t.Items) == 0 {
		return ui.Text{Text: "Nothing is recorded yet."}
	}
	return t
}

// actorOf names who did an act. Checkers have no names on pages of a project.
func actorOf(f *projectFacts, a store.Recorded) string {
	if (strings.HasPrefix(a.Type, "request.") || a.Type == "refused" || strings.HasPrefix(a.Type, "access.")) && strings.HasPrefix(a.Actor, "usr_") && !isMember(f.project, a.Actor) {
		return "An output checker"
	}
	return f.dir.actor(a.Actor)
}

func proofLink(a store.Recorded) *ui.Link {
	if a.Index < 0 {
		return nil
	}
	return &ui.Link{Text: fmt.Sprintf("entry %d", a.Index), Href: fmt.Sprintf("/ledger?at=%d", a.Index)}
}

func isMember(x *governance.Project, user string) bool {
	for _, m := range x.Members {
		if m == user {
			return true
		}
	}
	return false
}

func orNone(s string) string {
	if strings.TrimSpace(s) == "" {
		return "Not written yet"
	}
	return s
}

func orNoneList(xs []string) []string {
	if len(xs) == 0 {
		return []string{"None yet"}
	}
	return xs
}

func askLines(f *projectFacts) []string {
	var out []string
	for _, ask := range f.app.Asks {
		n := 0
		for _, vs := range ask.Variables {
			n += len(vs)
		}
		out = append(out, f.data[ask.Dataset].Title+": "+count(n, "variable"))
	}
	return orNoneList(out)
}
