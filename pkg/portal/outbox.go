package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
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
	all := len(files)
	files = someFiles(files, c.Query("q"), nil)
	t := ui.Table{Caption: "Files in outbox/", Columns: ui.Cols("File", "#Size", "Changed", "Can it be submitted?"),
		Empty: &ui.Empty{Text: "The outbox is empty. Put results into the folder outbox/ of your workspace; they appear here."}}
	for _, f := range files {
		ok := ui.Cell{Text: "yes"}
		if f.Refused != "" {
			ok = ui.Cell{Text: sentence(f.Refused)}
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: f.Name, Head: true}, {Text: bytesText(f.Size)}, {Text: when(f.ModTime)}, ok})
	}
	out = append(out, findFiles("/workspaces/"+w.ID, c.Query("q"), len(files), all)...)
	out = append(out, t)
	button := ui.Button{Text: "Submit files for release", Href: "/workspaces/" + w.ID + "/submit", Off: c.Off("request.submit", "Workspace", w.ID)}
	if all == 0 && button.Off == "" {
		button.Off = "Put at least one file into the outbox first."
	}
	return append(out, ui.Actions{Buttons: []ui.Button{button}})
}

// mostFiles is how many files of an outbox a page shows at once.
const mostFiles = 200

// someFiles is what a page shows of an outbox: those whose names hold find, the
// latest first, and always those that are chosen already.
func someFiles(files []volume.Entry, find string, chosen map[string]bool) []volume.Entry {
	find = strings.ToLower(strings.TrimSpace(find))
	if len(files) <= mostFiles && find == "" {
		return files
	}
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b volume.Entry) int { return b.ModTime.Compare(a.ModTime) })
	var out []volume.Entry
	shown := 0
	for _, f := range files {
		match := shown < mostFiles && strings.Contains(strings.ToLower(f.Name), find)
		if match {
			shown++
		}
		if match || chosen[f.Name] {
			out = append(out, f)
		}
	}
	return out
}

// findFiles is a search over an outbox that is too large to show whole.
func findFiles(action, find string, shown, all int) []ui.Block {
	if all <= mostFiles {
		return nil
	}
	return []ui.Block{ui.Search{Action: action, Label: "Find a file", Value: find}, ui.Text{Soft: true, Text: number(shown) + " of " + number(all) + " files are shown, the latest first."}}
}

func (p *Portal) outbox(c *Call, id string) ([]volume.Entry, error) {
	if p.cfg.Rooms.Enclave == nil {
		return nil, ark.Faultf(ark.Unavailable, "this host has no enclave")
	}
	return p.cfg.Rooms.Enclave.ListOutbox(c.Ctx(), id)
}

// submitForm asks for files and context, group by group. What request.json in
// the outbox says is filled in, so that submitting is one press.
func (p *Portal) submitForm(c *Call) build {
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
		class := c.Query("class")
		if typed != nil {
			class = typed.Get("class")
		}
		page := ui.Page{Back: &ui.Link{Text: "The workspace", Href: "/workspaces/" + c.ID()}, Above: x.Title, Head: "Submit files for release", Errors: wrong}
		checkers := fmt.Sprintf("%d output checkers look at every file", permit.Checkers)
		if class == airlock.ClassCode {
			page.Head, checkers = "Submit code for release", "one output checker looks at it, by the next day"
		}
		page.Lead = fmt.Sprintf("A program looks for small numbers and identifiers, then %s. Released files go to: %s.", checkers, permit.Destination)
		if len(files) == 0 {
			page.Body = []ui.Block{ui.Empty{Text: "The outbox is empty. Put files into the folder outbox/ of your workspace first."}}
			return page, nil
		}
		if typed == nil {
			groups, from, err := p.prepared(c, c.ID(), files)
			if err != nil {
				page.Errors = problems(err)
			}
			if len(groups) > 0 {
				typed = filledFrom(groups)
				page.Notice = &ui.Notice{Good: true, Text: "Filled in from " + from + " in your outbox.", More: "Read it through, then submit."}
			}
		}
		n := groupCount(typed)
		if typed.Get("then") == "add" {
			n = min(n+1, maxGroups)
		}
		find := c.Query("q")
		some := someFiles(files, find, chosenIn(typed, n))
		page.Body = findFiles("/workspaces/"+c.ID()+"/submit", find, len(some), len(files))
		fields := groupFields(some, n, fmt.Sprintf("At most %d files and %s rows in a table. They are pinned as they are now: what is checked is what leaves.", orLimit(permit.Airlock.MaxFiles, 25), number(orLimit(permit.Airlock.MaxRows, 5000))))
		page.Body = append(page.Body, groupForm("/workspaces/"+c.ID()+"/submit", ui.Filled(fields, typed, wrong), n, class, "Submit", "/workspaces/"+c.ID()))
		if class == "" {
			page.Body = append(page.Body, ui.Links{Items: []ui.Link{{Text: "Submit code instead: one checker, by the next day", Href: "/workspaces/" + c.ID() + "/submit?class=code"}}})
		}
		return page, nil
	}
}

// chosenIn lists the files that a form has chosen.
func chosenIn(typed url.Values, n int) map[string]bool {
	out := map[string]bool{}
	for k := range n {
		for _, name := range append(typed["output"+suffix(k)], typed["supporting"+suffix(k)]...) {
			out[name] = true
		}
	}
	return out
}

func orLimit(n, most int) int {
	if n == 0 || n > most {
		return most
	}
	return n
}

func (p *Portal) submitPage(c *Call) error {
	return p.draw(c, p.submitForm(c))
}

// more draws the form again with one more group when that was pressed.
func (p *Portal) more(c *Call, form build) (bool, error) {
	if err := c.parse(); err != nil {
		return true, err
	}
	if c.R.PostForm.Get("then") != "add" {
		return false, nil
	}
	page, err := form(c.R.PostForm, nil)
	if err != nil {
		return true, err
	}
	return true, c.Page(page)
}

func (p *Portal) submitOutputs(c *Call) error {
	if done, err := p.more(c, p.submitForm(c)); done {
		return err
	}
	return c.Attempt(p.submitForm(c), func(form url.Values) (string, error) {
		groups, err := groupsOf(form)
		if err != nil {
			return "", err
		}
		s, err := p.submission(c, c.ID(), form.Get("class"), groups)
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
