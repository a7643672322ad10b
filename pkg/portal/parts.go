package portal

import (
	"net/url"
	"sort"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/filter"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
)

// purposes that an application may name, and their words.
var purposes = []ui.Option{
	{Value: "health-research", Text: "Health and care research"},
	{Value: "service-planning", Text: "Planning of services"},
	{Value: "public-health", Text: "Public health"},
	{Value: "service-evaluation", Text: "Evaluation of a service"},
	{Value: "audit", Text: "Clinical audit"},
	{Value: "education", Text: "Teaching and methods"},
}

func purposeWords(ps []string) []string {
	out := make([]string, len(ps))
	for i, x := range ps {
		out[i] = title(x)
		for _, o := range purposes {
			if o.Value == x {
				out[i] = o.Text
			}
		}
	}
	return out
}

// filterWords writes a table's filter in people's words, with the filter itself.
func filterWords(t catalogue.Table, text string) string {
	e, err := filter.Parse(text)
	if err != nil {
		return text
	}
	types := map[string]cell.Type{}
	for _, v := range t.Variables {
		types[v.Name] = catalogue.CellType(v.Type)
	}
	checked, err := e.Check(filter.Scope{Types: types})
	if err != nil {
		return text
	}
	return capital(checked.Words(nil)) + "\n" + text
}

func missingOf(pairs ...string) []string {
	var out []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if strings.TrimSpace(pairs[i+1]) == "" {
			out = append(out, pairs[i])
		}
	}
	return out
}

func lines(s string) []string {
	var out []string
	for _, l := range strings.Split(s, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

func projectPart() part {
	return part{name: "project", title: "Safe project", hint: "What the question is and who gains from it", lead: "Is this a proper use of the data? The public reads the first two answers in the register.",
		fields: func(p *Portal, c *Call, f *projectFacts) []ui.Field {
			a := f.app
			return []ui.Field{
				{Kind: "text", Name: "title", Label: "Title", Value: a.Title},
				{Kind: "area", Name: "lay_summary", Label: "What you want to find out, in plain words", Hint: "At most 300 words, for somebody without training in medicine or statistics.", Rows: 7, Value: a.LaySummary},
				{Kind: "area", Name: "public_benefit", Label: "How the public gains from it", Value: a.PublicBenefit},
				{Kind: "area", Name: "method", Label: "How you will do it", Value: a.Method},
				{Kind: "checks", Name: "purposes", Label: "Purposes", Options: append([]ui.Option(nil), purposes...), Values: a.Purposes},
				{Kind: "text", Name: "legal_basis", Label: "Legal basis", Hint: "For example: UK GDPR Article 6(1)(e) and 9(2)(j)", Value: a.LegalBasis},
				{Kind: "text", Name: "ethics", Label: "Ethics approval", Hint: "Its reference, or why none is needed.", Value: a.Ethics},
				{Kind: "text", Name: "funder", Label: "Who pays for it", Value: a.Funder},
			}
		},
		missing: func(a *governance.Application) []string {
			m := missingOf("title", a.Title, "plain words", a.LaySummary, "public benefit", a.PublicBenefit, "method", a.Method, "legal basis", a.LegalBasis)
			if len(a.Purposes) == 0 {
				m = append(m, "purposes")
			}
			return m
		},
		take: func(a *governance.Application, form url.Values) error {
			a.Title, a.LaySummary, a.PublicBenefit, a.Method = form.Get("title"), form.Get("lay_summary"), form.Get("public_benefit"), form.Get("method")
			a.Purposes, a.LegalBasis, a.Ethics, a.Funder = form["purposes"], form.Get("legal_basis"), form.Get("ethics"), form.Get("funder")
			if len(strings.Fields(a.LaySummary)) > 300 {
				return ark.Faultf(ark.Invalid, "the lay summary has more than 300 words").At("", 0, "lay_summary").Do("Shorten it.")
			}
			return nil
		}}
}

func peoplePart() part {
	return part{name: "people", title: "Safe people", hint: "Who will work on it", lead: "Can these people be trusted to use it properly? Everyone named needs an account, current training and signed terms.",
		fields: func(p *Portal, c *Call, f *projectFacts) []ui.Field {
			field := ui.Field{Kind: "checks", Name: "members", Label: "People on the project", Hint: "The lead is always on it.", Values: f.app.Members}
			for _, u := range f.dir.users {
				if !u.Has(ark.Researcher) || u.Suspended {
					continue
				}
				o := ui.Option{Value: u.ID, Text: u.Name, Hint: f.dir.org(u.Org)}
				if !u.TrainingUntil.After(c.Now()) {
					o.Hint += " – training has run out"
				}
				if u.ID == f.project.Lead {
					o.Hint += " – the lead"
				}
				field.Options = append(field.Options, o)
			}
			sort.Slice(field.Options, func(i, j int) bool { return field.Options[i].Text < field.Options[j].Text })
			return []ui.Field{field}
		},
		missing: func(a *governance.Application) []string {
			if len(a.Members) == 0 {
				return []string{"people"}
			}
			return nil
		},
		take: func(a *governance.Application, form url.Values) error { a.Members = form["members"]; return nil }}
}

func settingPart() part {
	return part{name: "setting", title: "Safe setting", hint: "From when to when", lead: "Where and how long will it be used? Always in a workspace of this Ark, without a network.",
		fields: func(p *Portal, c *Call, f *projectFacts) []ui.Field {
			return []ui.Field{{Kind: "date", Narrow: true, Name: "from", Label: "From", Value: isoDate(f.app.From)}, {Kind: "date", Narrow: true, Name: "until", Label: "Until", Hint: "The permit ends on this day.", Value: isoDate(f.app.Until)},
				{Kind: "radios", Name: "refresh", Label: "How often may the extract be cut again from newer versions?", Hint: "Opt-outs are applied anew each time. The old extract and the new one are never open together.", Value: orText(f.app.Refresh, "never"), Options: scheduleOptions()}}
		},
		missing: func(a *governance.Application) []string {
			return missingOf("from", isoDate(a.From), "until", isoDate(a.Until))
		},
		take: func(a *governance.Application, form url.Values) error {
			var err error
			if a.From, err = readDate(form, "from"); err != nil {
				return err
			}
			if a.Until, err = readDate(form, "until"); err != nil {
				return err
			}
			if a.Refresh = form.Get("refresh"); a.Refresh == "never" {
				a.Refresh = governance.RefreshNever
			}
			if !a.Until.IsZero() && !a.Until.After(a.From) {
				return ark.Faultf(ark.Invalid, "the end date has to be after the start date").At("", 0, "until").Do("Give a later end date.")
			}
			return nil
		}}
}

// scheduleOptions are how often newer versions may be taken.
func scheduleOptions() []ui.Option {
	var out []ui.Option
	for _, s := range governance.Schedules() {
		out = append(out, ui.Option{Value: orText(s[0], "never"), Text: capital(s[1])})
	}
	return out
}

func outputsPart() part {
	return part{name: "outputs", title: "Safe outputs", hint: "What should come out and where it goes", lead: "What will leave? Only what two output checkers have approved, and only to the destination named here.",
		fields: func(p *Portal, c *Call, f *projectFacts) []ui.Field {
			return []ui.Field{{Kind: "area", Name: "expected_outputs", Label: "Expected outputs", Hint: "One on each line: a table of rates by age and sex, a figure …", Value: strings.Join(f.app.ExpectedOutputs, "\n")},
				{Kind: "text", Name: "destination", Label: "Destination", Hint: "Who receives it: for example your university’s secure storage.", Value: f.app.Destination}}
		},
		missing: func(a *governance.Application) []string {
			return missingOf("expected outputs", strings.Join(a.ExpectedOutputs, ""), "destination", a.Destination)
		},
		take: func(a *governance.Application, form url.Values) error {
			a.ExpectedOutputs, a.Destination = lines(form.Get("expected_outputs")), form.Get("destination")
			return nil
		}}
}

func isoDate(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

func readDate(form url.Values, name string) (time.Time, error) {
	s := strings.TrimSpace(form.Get(name))
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}, ark.Faultf(ark.Invalid, "that is not a date").At("", 0, name).Do("Write it as 2026-11-21.")
	}
	return t, nil
}
