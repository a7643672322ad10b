package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/volume"
)

func (p *Portal) outboxRoutes() []Route {
	return []Route{
		{Pattern: "GET /workspaces/{id}/submit", Action: "request.submit", On: thing("Workspace"), Serve: p.submitPage},
		{Pattern: "POST /workspaces/{id}/submit", Action: "request.submit", On: thing("Workspace"), Serve: p.submitOutputs},
	}
}

func http302(c *Call, to string) { http.Redirect(c.W, c.R, to, http.StatusSeeOther) }

// outboxBlock lists the outbox for the workspace's own user. The names are the
// user's own, unreviewed: nobody else's page has them.
func (p *Portal) outboxBlock(c *Call, w *workspace.Workspace) []ui.Block {
	out := []ui.Block{ui.Head2{Text: "Outbox", ID: "outbox"}}
	files, err := p.outbox(c, w.ID)
	if err != nil {
		return append(out, ui.Text{Text: "The outbox cannot be read now. " + says(err)})
	}
	t := ui.Table{Caption: "Files in outbox/", Columns: ui.Cols("File", "#Size", "Changed", "Can it be submitted?"),
		Empty: &ui.Empty{Text: "The outbox is empty. Put results into the folder outbox/ of your workspace; they appear here."}}
	for _, f := range files {
		ok := ui.Cell{Text: "yes"}
		if f.Refused != "" {
			ok = ui.Cell{Text: sentence(f.Refused)}
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: f.Name, Head: true}, {Text: bytesText(f.Size)}, {Text: when(f.ModTime)}, ok})
	}
	out = append(out, t)
	button := ui.Button{Text: "Submit files for release", Href: "/workspaces/" + w.ID + "/submit", Off: c.Off("request.submit", "Workspace", w.ID)}
	if len(files) == 0 && button.Off == "" {
		button.Off = "Put at least one file into the outbox first."
	}
	return append(out, ui.Actions{Buttons: []ui.Button{button}})
}

func (p *Portal) outbox(c *Call, id string) ([]volume.Entry, error) {
	if p.cfg.Rooms.Enclave == nil {
		return nil, ark.Faultf(ark.Unavailable, "this host has no enclave")
	}
	return p.cfg.Rooms.Enclave.ListOutbox(c.Ctx(), id)
}

// contextFields are the questions a checker needs answered.
func contextFields() []ui.Field {
	return []ui.Field{
		{Kind: "text", Name: "group", Label: "A name for these files", Hint: "For example: rates by age and sex"},
		{Kind: "area", Name: "context", Label: "What is it, and what is it for?", Hint: "Two or three sentences for somebody who has not seen your project.", Rows: 4},
		{Kind: "area", Name: "population", Label: "Who is in it, and how many people stand behind the smallest number?", Rows: 3},
		{Kind: "area", Name: "controls", Label: "What did you do so that nobody can be recognised?", Hint: "Rounding, suppression, grouping; which thresholds.", Rows: 3},
		{Kind: "area", Name: "relation", Label: "Has anything like it been released before?", Hint: "The same table for another period or subgroup can reveal people by subtraction.", Rows: 3},
	}
}

func (p *Portal) submitForm(c *Call, answers string) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var x *governance.Project
		var permit *governance.Permit
		if err := c.view(func(q store.Querier) error {
			w, err := workspace.Get(c.Ctx(), q, c.ID())
			if err != nil {
				return err
			}
			if x, err = governance.GetProject(c.Ctx(), q, w.Project); err != nil {
				return err
			}
			permit, err = governance.GetPermit(c.Ctx(), q, w.Permit)
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		files, err := p.outbox(c, c.ID())
		if err != nil {
			return ui.Page{}, err
		}
		pick := ui.Field{Kind: "checks", Big: true, Name: "output", Label: "Files that are to leave", Hint: "At most 25. They are pinned as they are now: what is checked is what leaves."}
		support := ui.Field{Kind: "checks", Name: "supporting", Label: "Files that only the checkers should see", Hint: "Counts behind a figure, for example. They never leave."}
		for _, f := range files {
			o := ui.Option{Value: f.Name, Text: f.Name, Hint: bytesText(f.Size) + ", " + when(f.ModTime)}
			if f.Refused != "" {
				o.Off = sentence(f.Refused)
			}
			pick.Options = append(pick.Options, o)
			support.Options = append(support.Options, o)
		}
		fields := append([]ui.Field{pick, support}, contextFields()...)
		page := ui.Page{Back: &ui.Link{Text: "The workspace", Href: "/workspaces/" + c.ID()}, Above: x.Title, Head: "Submit files for release", Errors: wrong,
			Lead: fmt.Sprintf("A program looks for small numbers and identifiers, then %d output checkers look at every file. Released files go to: %s.", permit.Checkers, permit.Destination)}
		if len(files) == 0 {
			page.Body = []ui.Block{ui.Empty{Text: "The outbox is empty. Put files into the folder outbox/ of your workspace first."}}
			return page, nil
		}
		page.Body = []ui.Block{ui.Form{Action: "/workspaces/" + c.ID() + "/submit", Guard: true, Fields: ui.Filled(fields, typed, wrong), Submit: ui.Button{Text: "Submit"}, Cancel: &ui.Link{Text: "Not now", Href: "/workspaces/" + c.ID()}}}
		return page, nil
	}
}

func (p *Portal) submitPage(c *Call) error {
	page, err := p.submitForm(c, "")(nil, nil)
	if err != nil {
		return err
	}
	return c.Page(page)
}

// submission pins the chosen files and puts them together with their context.
func (p *Portal) submission(c *Call, ws string, form url.Values) (airlock.Submission, error) {
	var s airlock.Submission
	if p.cfg.Rooms.Outputs == nil {
		return s, ark.Faultf(ark.Unavailable, "this host has no airlock worker").Do("ask the operator")
	}
	outputs, supporting := form["output"], form["supporting"]
	if len(outputs) == 0 {
		return s, ark.Faultf(ark.Invalid, "no file is chosen").At("", 0, "output").Do("Choose at least one file that is to leave.")
	}
	for _, f := range supporting {
		for _, o := range outputs {
			if f == o {
				return s, ark.Faultf(ark.Invalid, "a file is chosen both to leave and to stay").At("", 0, "supporting").Do("Choose one of the two.")
			}
		}
	}
	for name, label := range map[string]string{"group": "the name", "context": "what it is", "population": "who is in it", "controls": "what was done so that nobody can be recognised"} {
		if strings.TrimSpace(form.Get(name)) == "" {
			return s, ark.Faultf(ark.Invalid, "%s is missing", label).At("", 0, name).Do("The checkers need it.")
		}
	}
	var w *workspace.Workspace
	if err := c.view(func(q store.Querier) error {
		var err error
		w, err = workspace.Get(c.Ctx(), q, ws)
		return err
	}); err != nil {
		return s, err
	}
	if err := p.cfg.Store.Check(c.Ctx(), c.Actor, "request.submit", store.Resource{Type: "Workspace", ID: ws}); err != nil {
		return s, err // before bytes are moved; Submit decides again
	}
	names := append(append([]string(nil), outputs...), supporting...)
	refs, err := p.cfg.Rooms.Outputs.Pin(c.Ctx(), w.Project, ws, names)
	if err != nil {
		return s, err
	}
	s.Groups = []airlock.Group{{Name: form.Get("group"), Context: form.Get("context"), Population: form.Get("population"), Controls: form.Get("controls"), Relation: form.Get("relation")}}
	for i, n := range names {
		kind := airlock.KindOutput
		if i >= len(outputs) {
			kind = airlock.KindSupporting
		}
		s.Files = append(s.Files, airlock.SubmittedFile{Name: n[strings.LastIndexByte(n, '/')+1:], Kind: kind, Ref: refs[i]})
	}
	return s, nil
}

func (p *Portal) submitOutputs(c *Call) error {
	return c.Attempt(p.submitForm(c, ""), func(form url.Values) (string, error) {
		s, err := p.submission(c, c.ID(), form)
		if err != nil {
			return "", err
		}
		r, err := p.cfg.Rooms.Airlock.Submit(c.Ctx(), c.Actor, c.ID(), s)
		if err != nil {
			return "", err
		}
		return "/outputs/" + r.ID, nil
	})
}
