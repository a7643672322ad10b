package portal

import (
	"net/url"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

// filterFields asks for a row filter of each table. The name of a field is
// prefix and the table's name.
func filterFields(d catalogue.Dataset, prefix string, filters map[string]string) []ui.Field {
	var out []ui.Field
	for _, t := range d.Tables {
		var names []string
		for _, v := range t.Variables {
			names = append(names, v.Name)
		}
		hint := "Variables: " + strings.Join(names, ", ") + ". Leave empty for all rows."
		if t.Name == catalogue.PersonTable {
			hint = "Bounds every table. " + hint + " For example: year_of_birth BETWEEN 1940 AND 1970 AND sex = 'F'"
		}
		out = append(out, ui.Field{Kind: "area", Rows: 2, Name: prefix + t.Name, Label: "Rows of " + t.Name, Hint: hint, Value: filters[t.Name]})
	}
	return out
}

// filtersOf reads the filters that filterFields asked for.
func filtersOf(form url.Values, prefix string) map[string]string {
	out := map[string]string{}
	for k := range form {
		if t, ok := strings.CutPrefix(k, prefix); ok && strings.TrimSpace(form.Get(k)) != "" {
			out[t] = strings.TrimSpace(form.Get(k))
		}
	}
	return out
}

func (p *Portal) feasibilityPage(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var d *catalogue.Dataset
		if err := c.view(func(q store.Querier) error {
			var err error
			d, err = catalogue.GetDataset(c.Ctx(), q, c.ID())
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		for i := range wrong {
			if wrong[i].Field == "filters" || wrong[i].Field == "filter" {
				wrong[i].Field = "filter." + catalogue.PersonTable
			}
		}
		return ui.Page{Back: &ui.Link{Text: d.Title, Href: "/catalogue/" + d.ID}, Head: "How many people?", Errors: wrong,
			Lead: "Ask how many people a filter would reach, before you apply. The answer is rounded, and the question is recorded.",
			Body: []ui.Block{ui.Form{Action: "/catalogue/" + d.ID + "/feasibility", Fields: ui.Filled(filterFields(*d, "filter.", nil), typed, wrong), Submit: ui.Button{Text: "Ask"}},
				ui.Details{Summary: "How to write a filter", Body: filterHelp()}}}, nil
	}
}

func filterHelp() []ui.Block {
	return []ui.Block{ui.Text{Text: "A filter is a condition on the variables of one table:"},
		ui.Bullets{Items: []string{"compare: year_of_birth < 1970, sex = 'F', value >= 60", "several values: code IN ('N18.3', 'N18.4')", "a shared code list, by its name and version: code IN LIST 'kidney-disease@2'", "ranges: year_of_birth BETWEEN 1940 AND 1970", "patterns: code LIKE 'N18%'", "missing: value IS NULL", "join with AND, OR, NOT and brackets"}}}
}

func (p *Portal) feasibilityForm(c *Call) error {
	return p.draw(c, p.feasibilityPage(c))
}

func (p *Portal) askFeasibility(c *Call) error {
	return c.Attempt(p.feasibilityPage(c), func(form url.Values) (string, error) {
		f, err := p.cfg.Rooms.Catalogue.AskFeasibility(c.Ctx(), c.Actor, c.ID(), filtersOf(form, "filter."))
		if err != nil {
			return "", err
		}
		return "/catalogue/" + c.ID() + "/feasibility/" + f.ID, nil
	})
}

// feasibilityAnswer shows one's own question and its answer.
func (p *Portal) feasibilityAnswer(c *Call) error {
	var f *catalogue.Feasibility
	var d *catalogue.Dataset
	if err := c.view(func(q store.Querier) error {
		var err error
		if f, err = catalogue.GetFeasibility(c.Ctx(), q, c.R.PathValue("question")); err != nil {
			return err
		}
		d, err = catalogue.GetDataset(c.Ctx(), q, c.ID())
		return err
	}); err != nil {
		return err
	}
	if f.User != c.Viewer.User || f.Dataset != c.ID() {
		return ark.Faultf(ark.Withheld, "there is no such feasibility question")
	}
	page := ui.Page{Back: &ui.Link{Text: d.Title, Href: "/catalogue/" + d.ID}, Head: "How many people?", State: tag(f.State, false)}
	var rows []ui.Row
	for _, t := range d.Tables {
		if f.Filters[t.Name] != "" {
			rows = append(rows, ui.Row{Key: "Rows of " + t.Name, Said: f.Filters[t.Name]})
		}
	}
	part := ui.Part{ID: "answer"}
	switch f.State {
	case "asked":
		part.Refresh = 2
		part.Body = []ui.Block{ui.Inset{Text: "The question is being answered. This takes a few seconds; the page shows the answer by itself, or load it again."}}
	case "answered":
		part.Body = []ui.Block{ui.Figures{Items: []ui.Figure{{Number: f.People, Unit: "people", Text: "reached by this filter, rounded"}}}}
	default:
		part.Body = []ui.Block{ui.Warning{Head: "No answer", Text: sentence(f.Says)}}
	}
	page.Body = []ui.Block{part, ui.Summary{Rows: append(rows, ui.Row{Key: "Asked", Text: when(f.Asked)})},
		ui.Actions{Buttons: []ui.Button{{Text: "Ask another", Href: "/catalogue/" + d.ID + "/feasibility", Look: "secondary"}}}}
	return c.Page(page)
}
