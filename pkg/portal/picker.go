package portal

import (
	"net/url"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/restricted"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

// missingData says what the data part of an application lacks.
func missingData(f *projectFacts) []string {
	if len(f.app.Asks) == 0 {
		return []string{"a dataset"}
	}
	var out []string
	for _, ask := range f.app.Asks {
		n := 0
		for _, vs := range ask.Variables {
			n += len(vs)
		}
		if n == 0 {
			out = append(out, "variables of "+f.data[ask.Dataset].Title)
		}
		for _, s := range needWhy(f.data[ask.Dataset], ask.Variables) {
			if strings.TrimSpace(ask.Why[s]) == "" {
				out = append(out, "why "+s+" is needed")
			}
		}
	}
	if f.app.OptOut == "exempt" && strings.TrimSpace(f.app.OptOutReason) == "" {
		out = append(out, "evidence of the opt-out exemption")
	}
	return out
}

// needWhy lists the chosen sensitive variables.
func needWhy(d catalogue.Dataset, chosen map[string][]string) []string {
	var out []string
	for _, t := range d.Tables {
		for _, v := range t.Variables {
			if v.Sensitivity == "sensitive" && slices.Contains(chosen[t.Name], v.Name) {
				out = append(out, t.Name+"."+v.Name)
			}
		}
	}
	return out
}

// dataPage lists the datasets asked for and those that could be, and asks about
// the opt-out.
func (p *Portal) dataForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		f, err := p.readProject(c, c.ID())
		if err != nil {
			return ui.Page{}, err
		}
		base := "/projects/" + f.project.ID + "/application"
		page := ui.Page{Back: &ui.Link{Text: "The application", Href: base}, Above: f.project.Title, Head: "Safe data", Errors: wrong,
			Lead: "Is the data no more than the question needs? Choose exact variables and rows of each dataset."}
		t := ui.Table{Caption: "Datasets", Columns: ui.Cols("Dataset", "#Variables asked for", "Rows", "Choose")}
		var ids []string
		for id := range f.data {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for _, id := range ids {
			d := f.data[id]
			if d.Latest == "" {
				continue
			}
			n, rows, text := 0, "", "Choose variables"
			for _, ask := range f.app.Asks {
				if ask.Dataset != id {
					continue
				}
				for _, vs := range ask.Variables {
					n += len(vs)
				}
				text, rows = "Change", "all"
				if len(ask.Filters) > 0 {
					rows = "filtered"
				}
			}
			t.Rows = append(t.Rows, []ui.Cell{{Text: d.Title, Head: true, Soft: d.Summary}, {Text: number(n)}, {Text: rows}, {Text: text, Href: base + "/data/" + id}})
		}
		all := "no"
		if f.app.AllOrNothing {
			all = "yes"
		}
		fields := []ui.Field{
			{Kind: "radios", Name: "opt_out", Label: "National data opt-out", Value: f.app.OptOut, Options: []ui.Option{{Value: "applied", Text: "Leave out everyone who has opted out"}, {Value: "exempt", Text: "The opt-out does not apply to this use", Hint: "Only where the law says so. Say where below."}}},
			{Kind: "text", Name: "opt_out_reason", Label: "Evidence, if it does not apply", Value: f.app.OptOutReason},
		}
		for _, g := range restricted.Groups() {
			fields = append(fields, ui.Field{Kind: "text", Name: "basis_" + g.Group, Label: "Legal basis for codes of " + g.Says + ", if you need them", Hint: "Rows with such codes are left out unless you name it: the " + g.Law + " restricts them. The codes are of " + g.AsOf + ", " + g.Review + ".", Value: f.app.Restricted[g.Group]})
		}
		fields = append(fields, []ui.Field{
			{Kind: "radios", Name: "all_or_nothing", Label: "If one custodian refuses", Value: all, Options: []ui.Option{{Value: "no", Text: "Go on without their rows"}, {Value: "yes", Text: "End the whole application"}}},
		}...)
		page.Body = []ui.Block{t, ui.Form{Action: base + "/data", Fields: ui.Filled(fields, typed, wrong), Submit: ui.Button{Text: "Save and go on"}, Cancel: &ui.Link{Text: "Back without saving", Href: base}}}
		return page, nil
	}
}

func (p *Portal) dataPage(c *Call) error {
	return p.draw(c, p.dataForm(c))
}

func (p *Portal) saveOptOut(c *Call) error {
	return c.Attempt(p.dataForm(c), func(form url.Values) (string, error) {
		return "/projects/" + c.ID() + "/application", p.editApplication(c, func(a *governance.Application) error {
			a.OptOut, a.OptOutReason, a.AllOrNothing = form.Get("opt_out"), form.Get("opt_out_reason"), form.Get("all_or_nothing") == "yes"
			a.Restricted = nil
			for _, g := range restricted.Groups() {
				if basis := strings.TrimSpace(form.Get("basis_" + g.Group)); basis != "" {
					if a.Restricted == nil {
						a.Restricted = map[string]string{}
					}
					a.Restricted[g.Group] = basis
				}
			}
			if a.OptOut == "exempt" && strings.TrimSpace(a.OptOutReason) == "" {
				return ark.Faultf(ark.Invalid, "an exemption from the national data opt-out needs its evidence").At("", 0, "opt_out_reason").Do("Name the exemption and its document.")
			}
			return nil
		})
	})
}

// pickerForm is the variable picker of one dataset: a check for every variable,
// a reason for every sensitive one, a filter for every table.
func (p *Portal) pickerForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		f, err := p.readProject(c, c.ID())
		if err != nil {
			return ui.Page{}, err
		}
		d, ok := f.data[c.R.PathValue("dataset")]
		if !ok || d.Latest == "" {
			return ui.Page{}, ark.Faultf(ark.Unknown, "there is no such published dataset").Do("choose one from the catalogue")
		}
		var ask governance.Ask
		for _, a := range f.app.Asks {
			if a.Dataset == d.ID {
				ask = a
			}
		}
		if typed != nil {
			ask = readAsk(d, typed)
		}
		base := "/projects/" + f.project.ID + "/application"
		n := 0
		for _, vs := range ask.Variables {
			n += len(vs)
		}
		page := ui.Page{Back: &ui.Link{Text: "Safe data", Href: base + "/data"}, Above: f.project.Title, Head: d.Title, Errors: wrong,
			Lead: "Choose the variables that the question needs, and no others. " + capital(count(n, "variable")) + " asked for at the moment."}
		var fields []ui.Field
		for _, t := range d.Tables {
			field := ui.Field{Kind: "checks", Big: true, Name: "v." + t.Name, Label: "Variables of " + orText(t.Title, t.Name), Values: ask.Variables[t.Name]}
			for _, v := range t.Variables {
				text := v.Name
				if v.Sensitivity != "ordinary" {
					text += " – " + strings.ToLower(sensitivity[v.Sensitivity].Text)
				}
				field.Options = append(field.Options, ui.Option{Value: v.Name, Text: text, Hint: v.Meaning + " (" + v.Type + ", " + transforms[v.Transform] + ")"})
			}
			fields = append(fields, field)
			for _, v := range t.Variables {
				if v.Sensitivity == "sensitive" {
					key := t.Name + "." + v.Name
					fields = append(fields, ui.Field{Kind: "area", Rows: 2, Name: "why." + key, Label: "Why the question cannot do without " + key, Hint: "Only if you ask for it. It is sensitive, so the custodian wants to know.", Value: ask.Why[key]})
				}
			}
		}
		fields = append(fields, filterFields(d, "filter.", ask.Filters)...)
		for i := range fields {
			for _, w := range wrong {
				if w.Field == fields[i].Name {
					fields[i].Error = strings.TrimSpace(w.Text + " " + w.Remedy)
				}
			}
		}
		page.Body = []ui.Block{ui.Form{Action: base + "/data/" + d.ID, Guard: true, Fields: fields, Submit: ui.Button{Text: "Save and go on"},
			More: []ui.Button{{Text: "Save and count what is asked", Fields: []ui.Pair{{Name: "then", Value: "stay"}}}, {Text: "Don’t ask for this dataset", Fields: []ui.Pair{{Name: "then", Value: "drop"}}}}},
			ui.Details{Summary: "How to write a filter", Body: filterHelp()},
			ui.Links{Items: []ui.Link{{Text: "Ask how many people a filter would reach", Href: "/catalogue/" + d.ID + "/feasibility"}, {Text: "The dictionary of this dataset", Href: "/catalogue/" + d.ID + "#dictionary"}}}}
		return page, nil
	}
}

func readAsk(d catalogue.Dataset, form url.Values) governance.Ask {
	ask := governance.Ask{Dataset: d.ID, Version: d.Latest, Variables: map[string][]string{}, Filters: filtersOf(form, "filter."), Why: map[string]string{}}
	for k, vs := range form {
		if t, ok := strings.CutPrefix(k, "v."); ok {
			ask.Variables[t] = vs
		}
		if v, ok := strings.CutPrefix(k, "why."); ok && strings.TrimSpace(form.Get(k)) != "" {
			ask.Why[v] = form.Get(k)
		}
	}
	return ask
}

func (p *Portal) pickerPage(c *Call) error {
	return p.draw(c, p.pickerForm(c))
}

// savePicker keeps what was chosen. Variables, filters and reasons are checked
// against the dictionary at once, so that a wrong filter is told here and not
// at the end.
func (p *Portal) savePicker(c *Call) error {
	return c.Attempt(p.pickerForm(c), func(form url.Values) (string, error) {
		f, err := p.readProject(c, c.ID())
		if err != nil {
			return "", err
		}
		d, ok := f.data[c.R.PathValue("dataset")]
		if !ok {
			return "", ark.Faultf(ark.Unknown, "there is no such dataset")
		}
		ask := readAsk(d, form)
		drop := form.Get("then") == "drop"
		if !drop {
			if err := p.plan(c, ask); err != nil {
				return "", err
			}
		}
		err = p.editApplication(c, func(a *governance.Application) error {
			a.Asks = slices.DeleteFunc(a.Asks, func(x governance.Ask) bool { return x.Dataset == d.ID })
			if !drop {
				a.Asks = append(a.Asks, ask)
			}
			return nil
		})
		base := "/projects/" + c.ID() + "/application"
		if form.Get("then") == "stay" {
			return base + "/data/" + d.ID, err
		}
		return base + "/data", err
	})
}

// plan checks an ask against the dictionary of its dataset.
func (p *Portal) plan(c *Call, ask governance.Ask) error {
	return c.view(func(q store.Querier) error {
		_, err := p.cfg.Rooms.Catalogue.Plan(c.Ctx(), q, ask.Dataset, ask.Version, ask.Variables, ask.Filters)
		return err
	})
}
