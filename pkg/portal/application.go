package portal

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) applicationRoutes() []Route {
	edit := func(pattern string, serve func(*Call) error) Route {
		return Route{Pattern: pattern, Action: "application.edit", On: thing("Project"), Serve: serve}
	}
	return []Route{
		{Pattern: "GET /projects/{id}/application", Action: "project.read", On: thing("Project"), Serve: p.applicationTasks},
		{Pattern: "GET /projects/{id}/application/check", Action: "project.read", On: thing("Project"), Serve: p.checkAnswers},
		edit("GET /projects/{id}/application/part/{part}", p.partPage),
		edit("POST /projects/{id}/application/part/{part}", p.savePart),
		edit("GET /projects/{id}/application/data", p.dataPage),
		edit("POST /projects/{id}/application/data", p.saveOptOut),
		edit("GET /projects/{id}/application/data/{dataset}", p.pickerPage),
		edit("POST /projects/{id}/application/data/{dataset}", p.savePicker),
	}
}

// part is one page of the form, named after one of the Five Safes.
type part struct {
	name, title, hint, lead string
	fields                  func(p *Portal, c *Call, f *projectFacts) []ui.Field
	missing                 func(a *governance.Application) []string
	take                    func(a *governance.Application, form url.Values) error
}

func parts() []part {
	return []part{projectPart(), peoplePart(), settingPart(), outputsPart()}
}

func findPart(name string) (part, error) {
	for _, x := range parts() {
		if x.name == name {
			return x, nil
		}
	}
	return part{}, ark.Faultf(ark.Unknown, "the application has no such part")
}

// applicationTasks is the task list of the application.
func (p *Portal) applicationTasks(c *Call) error {
	f, err := p.readProject(c, c.ID())
	if err != nil {
		return err
	}
	base := "/projects/" + f.project.ID + "/application"
	off := c.Off("application.edit", "Project", f.project.ID)
	task := func(text, hint, href string, missing []string) ui.Task {
		t := ui.Task{Text: text, Hint: hint, Href: href, Tag: ui.Tag{Text: "Done", Colour: ui.Green}}
		if len(missing) > 0 {
			t.Tag = ui.Tag{Text: "To do", Colour: ui.Yellow}
			t.Hint = "Missing: " + strings.Join(missing, ", ")
		}
		if off != "" {
			t.Href = ""
		}
		return t
	}
	all := parts()
	tasks := []ui.Task{
		task("1. Safe project", all[0].hint, base+"/part/project", all[0].missing(f.app)),
		task("2. Safe people", all[1].hint, base+"/part/people", all[1].missing(f.app)),
		task("3. Safe data", "Datasets, exact variables and rows", base+"/data", missingData(f)),
		task("4. Safe setting", all[2].hint, base+"/part/setting", all[2].missing(f.app)),
		task("5. Safe outputs", all[3].hint, base+"/part/outputs", all[3].missing(f.app)),
	}
	left := 0
	for _, t := range tasks {
		if t.Tag.Colour == ui.Yellow {
			left++
		}
	}
	page := ui.Page{Back: &ui.Link{Text: f.project.Title, Href: "/projects/" + f.project.ID}, Above: fmt.Sprintf("Application, version %d", f.app.Number), Head: orText(f.app.Title, "Application"),
		State: tag(f.project.State, off == ""), Lead: "Five questions that every custodian asks. What you save is kept; others on the project can go on where you stopped."}
	check := ui.Button{Text: "Check answers and submit", Href: base + "/check"}
	if left > 0 {
		check.Off = capital(count(left, "part")) + " still to do."
	}
	if off != "" {
		page.Notice = &ui.Notice{Text: "This application cannot be changed now.", More: off}
		check = ui.Button{Text: "See all answers", Href: base + "/check", Look: "secondary"}
	}
	for _, r := range f.reviews {
		if r.State == "changes-requested" {
			page.Body = append(page.Body, ui.Warning{Head: f.dir.org(r.Org) + " asks for changes", Text: r.Reason})
		}
	}
	page.Body = append(page.Body, ui.Tasks{Items: tasks}, ui.Actions{Buttons: []ui.Button{check}})
	return c.Page(page)
}

func orText(s, other string) string {
	if strings.TrimSpace(s) == "" {
		return other
	}
	return s
}

// partForm draws one part.
func (p *Portal) partForm(c *Call, x part) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		f, err := p.readProject(c, c.ID())
		if err != nil {
			return ui.Page{}, err
		}
		base := "/projects/" + f.project.ID + "/application"
		return ui.Page{Back: &ui.Link{Text: "The application", Href: base}, Above: f.project.Title, Head: x.title, Lead: x.lead, Errors: wrong,
			Body: []ui.Block{ui.Form{Action: base + "/part/" + x.name, Guard: true, Fields: ui.Filled(x.fields(p, c, f), typed, wrong),
				Submit: ui.Button{Text: "Save and go on"}, Cancel: &ui.Link{Text: "Back without saving", Href: base}}}}, nil
	}
}

func (p *Portal) partPage(c *Call) error {
	x, err := findPart(c.R.PathValue("part"))
	if err != nil {
		return err
	}
	return p.draw(c, p.partForm(c, x))
}

func (p *Portal) savePart(c *Call) error {
	x, err := findPart(c.R.PathValue("part"))
	if err != nil {
		return err
	}
	return c.Attempt(p.partForm(c, x), func(form url.Values) (string, error) {
		return "/projects/" + c.ID() + "/application", p.editApplication(c, func(a *governance.Application) error { return x.take(a, form) })
	})
}

// editApplication changes some answers and saves all.
func (p *Portal) editApplication(c *Call, change func(*governance.Application) error) error {
	var a *governance.Application
	if err := c.view(func(q store.Querier) error {
		x, err := governance.GetProject(c.Ctx(), q, c.ID())
		if err != nil {
			return err
		}
		a, err = governance.GetApplication(c.Ctx(), q, x.Application)
		return err
	}); err != nil {
		return err
	}
	if err := change(a); err != nil {
		return err
	}
	return p.cfg.Rooms.Governance.EditApplication(c.Ctx(), c.Actor, c.ID(), *a)
}

// checkAnswers shows every answer before it is submitted, and what a custodian
// will see.
func (p *Portal) checkAnswers(c *Call) error {
	f, err := p.readProject(c, c.ID())
	if err != nil {
		return err
	}
	return c.Page(p.answersPage(c, f, nil))
}

func (p *Portal) answersPage(c *Call, f *projectFacts, wrong []ui.Problem) ui.Page {
	base := "/projects/" + f.project.ID + "/application"
	a := f.app
	editable := c.Off("application.edit", "Project", f.project.ID) == ""
	change := func(where string) *ui.Link {
		if !editable {
			return nil
		}
		return &ui.Link{Text: "Change", Href: base + where}
	}
	opt := "applied"
	if a.OptOut == "exempt" {
		opt = "exempt: " + a.OptOutReason
	}
	page := ui.Page{Back: &ui.Link{Text: "The application", Href: base}, Above: f.project.Title, Head: "Check the answers", Errors: wrong,
		Lead: "This is what every custodian concerned will see, with how identifiable the data is."}
	page.Body = append(page.Body, ui.Head2{Text: "1. Safe project"}, ui.Summary{Rows: []ui.Row{
		{Key: "Title", Text: a.Title, Change: change("/part/project")},
		{Key: "In plain words", Said: orNone(a.LaySummary), Change: change("/part/project#lay_summary")},
		{Key: "Benefit to the public", Said: orNone(a.PublicBenefit), Change: change("/part/project#public_benefit")},
		{Key: "Method", Said: orNone(a.Method), Change: change("/part/project#method")},
		{Key: "Purposes", Lines: orNoneList(purposeWords(a.Purposes)), Change: change("/part/project#purposes")},
		{Key: "Legal basis", Text: orNone(a.LegalBasis), Change: change("/part/project#legal_basis")},
		{Key: "Ethics", Text: orNone(a.Ethics), Change: change("/part/project#ethics")},
		{Key: "Funder", Text: orNone(a.Funder), Change: change("/part/project#funder")}}},
		ui.Head2{Text: "2. Safe people"}, ui.Summary{Rows: []ui.Row{{Key: "People", Lines: f.dir.userNames(a.Members), Change: change("/part/people")}}},
		ui.Head2{Text: "3. Safe data"})
	page.Body = append(page.Body, askTables(f, a.Asks)...)
	page.Body = append(page.Body, ui.Summary{Rows: []ui.Row{{Key: "National data opt-out", Text: opt, Change: change("/data")}, {Key: "Legally restricted codes", Lines: restrictedWords(a.Restricted), Change: change("/data")}, {Key: "If one custodian refuses", Text: allOrNothing(a.AllOrNothing), Change: change("/data")}}},
		ui.Head2{Text: "4. Safe setting"}, ui.Summary{Rows: []ui.Row{{Key: "From", Text: day(a.From), Change: change("/part/setting")}, {Key: "Until", Text: day(a.Until), Change: change("/part/setting#until")}, {Key: "Newer versions", Text: capital(governance.ScheduleWords(a.Refresh)), Change: change("/part/setting#refresh")}}},
		ui.Head2{Text: "5. Safe outputs"}, ui.Summary{Rows: []ui.Row{{Key: "Expected outputs", Lines: orNoneList(a.ExpectedOutputs), Change: change("/part/outputs")}, {Key: "Destination", Text: orNone(a.Destination), Change: change("/part/outputs#destination")}}})
	if editable || c.Off("application.submit", "Project", f.project.ID) == "" {
		page.Body = append(page.Body, ui.Actions{Buttons: []ui.Button{{Text: "Submit to the custodians", Action: "/projects/" + f.project.ID + "/submit", Off: c.Off("application.submit", "Project", f.project.ID)}}})
	}
	return page
}

func allOrNothing(all bool) string {
	if all {
		return "the whole application ends"
	}
	return "their rows are left out, and the loss is shown"
}

// askTables lists the exact variables asked for of each dataset.
func askTables(f *projectFacts, asks []governance.Ask) []ui.Block {
	var out []ui.Block
	for _, ask := range asks {
		d := f.data[ask.Dataset]
		t := ui.Table{Caption: d.Title, Columns: ui.Cols("Variable", "Meaning", "Sensitivity", "Why it is needed")}
		for _, dt := range d.Tables {
			for _, v := range dt.Variables {
				if !slices.Contains(ask.Variables[dt.Name], v.Name) {
					continue
				}
				tg := sensitivity[v.Sensitivity]
				t.Rows = append(t.Rows, []ui.Cell{{Text: dt.Name + "." + v.Name, Head: true}, {Text: v.Meaning}, {Tag: &tg}, {Text: ask.Why[dt.Name+"."+v.Name]}})
			}
		}
		out = append(out, t)
		var rows []ui.Row
		for _, dt := range d.Tables {
			if ask.Filters[dt.Name] != "" {
				rows = append(rows, ui.Row{Key: "Rows of " + dt.Name, Said: filterWords(dt, ask.Filters[dt.Name])})
			}
		}
		if len(rows) == 0 {
			rows = []ui.Row{{Key: "Rows", Text: "all"}}
		}
		if v, ok := f.versions[ask.Version]; ok {
			rows = append(rows, ui.Row{Key: "Version", Text: fmt.Sprintf("%d, published %s", v.Number, day(v.Published))})
		}
		out = append(out, ui.Summary{Rows: rows, Compact: true})
	}
	if len(out) == 0 {
		out = append(out, ui.Text{Text: "No dataset is asked for yet."})
	}
	return out
}

func (p *Portal) submitApplication(c *Call) error {
	again := func(_ url.Values, wrong []ui.Problem) (ui.Page, error) {
		f, err := p.readProject(c, c.ID())
		if err != nil {
			return ui.Page{}, err
		}
		for i := range wrong { // the fields are on other pages
			wrong[i].Field = ""
		}
		return p.answersPage(c, f, wrong), nil
	}
	return c.Attempt(again, func(url.Values) (string, error) {
		return "/projects/" + c.ID(), p.cfg.Rooms.Governance.Submit(c.Ctx(), c.Actor, c.ID())
	})
}
