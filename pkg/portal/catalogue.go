package portal

import (
	"slices"
	"sort"
	"strings"

	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) catalogueRoutes() []Route {
	return []Route{
		{Pattern: "GET /catalogue", Action: "self.read", On: whole, Serve: p.catalogueList},
		{Pattern: "GET /catalogue/{id}", Action: "dataset.read", On: thing("Dataset"), Serve: p.dataset},
		{Pattern: "GET /catalogue/{id}/synthetic/{file}", Action: "synthetic.download", On: thing("Dataset"), Serve: p.synthetic, Record: true, Time: downloadTime},
		{Pattern: "GET /catalogue/{id}/feasibility", Action: "feasibility.ask", On: thing("Dataset"), Serve: p.feasibilityForm},
		{Pattern: "POST /catalogue/{id}/feasibility", Action: "feasibility.ask", On: thing("Dataset"), Serve: p.askFeasibility},
		{Pattern: "GET /catalogue/{id}/feasibility/{question}", Action: "feasibility.ask", On: thing("Dataset"), Serve: p.feasibilityAnswer},
	}
}

// hit is a dataset that a search found, with the variables that matched.
type hit struct {
	catalogue.Dataset
	people    string
	published string
	variables []string
	score     int
}

// find searches titles, summaries and dictionaries for every word of q.
func find(ds []catalogue.Dataset, q string) []hit {
	words := strings.Fields(strings.ToLower(q))
	var out []hit
	for _, d := range ds {
		h := hit{Dataset: d}
		all := true
		head := strings.ToLower(d.Title + " " + d.Slug + " " + d.Summary + " " + d.Topic)
		for _, w := range words {
			found := false
			if strings.Contains(head, w) {
				h.score, found = h.score+10, true
			}
			for _, t := range d.Tables {
				for _, v := range t.Variables {
					if strings.Contains(strings.ToLower(t.Name+" "+t.Title+" "+v.Name+" "+v.Meaning), w) {
						h.score, found = h.score+1, true
						if n := t.Name + "." + v.Name; !slices.Contains(h.variables, n) {
							h.variables = append(h.variables, n)
						}
					}
				}
			}
			all = all && found
		}
		if all {
			out = append(out, h)
		}
	}
	sort.SliceStable(out, func(i, j int) bool {
		if out[i].score != out[j].score {
			return out[i].score > out[j].score
		}
		return out[i].Title < out[j].Title
	})
	return out
}

// catalogueList is one search over datasets and variables, with facets.
func (p *Portal) catalogueList(c *Call) error {
	query := c.Query("q")
	if len(query) > 200 {
		query = query[:200]
	}
	var hits []hit
	var dir *directory
	var all []catalogue.Dataset
	err := c.view(func(q store.Querier) error {
		var err error
		if dir, err = readDirectory(c.Ctx(), q); err != nil {
			return err
		}
		if all, err = catalogue.Datasets(c.Ctx(), q); err != nil {
			return err
		}
		hits = find(all, query)
		for i := range hits {
			if hits[i].Latest == "" {
				continue
			}
			v, err := catalogue.GetVersion(c.Ctx(), q, hits[i].Latest)
			if err != nil {
				return err
			}
			hits[i].people, hits[i].published = v.People, day(v.Published)
		}
		return nil
	})
	if err != nil {
		return err
	}
	chosenOrgs, chosenTopics := c.R.URL.Query()["org"], c.R.URL.Query()["topic"]
	orgs, topics := facet{}, facet{}
	res := ui.Results{Action: "/catalogue", Query: query}
	for _, h := range hits {
		for _, o := range h.Orgs {
			orgs.add(o, dir.org(o))
		}
		topics.add(h.Topic, capital(h.Topic))
		if len(chosenTopics) > 0 && !slices.Contains(chosenTopics, h.Topic) || len(chosenOrgs) > 0 && !slices.ContainsFunc(h.Orgs, func(o string) bool { return slices.Contains(chosenOrgs, o) }) {
			continue
		}
		res.Items = append(res.Items, datasetResult(h, dir, query))
	}
	res.Facets = nonEmpty(topics.facet("topic", "Topic", chosenTopics), orgs.facet("org", "Organisation", chosenOrgs))
	res.Count = count(len(res.Items), "dataset")
	if len(res.Items) == 0 {
		res.Empty = &ui.Empty{Text: "Nothing matches. Try fewer or other words: the search reads titles, summaries, variables and their meanings."}
		if len(all) == 0 {
			res.Empty.Text = "No dataset is offered yet. A data engineer offers one after the first delivery."
		}
	}
	return c.Page(ui.Page{Head: "Catalogue", Lead: "What data there is, what it means and how good it is. No record is shown here.",
		Body: []ui.Block{ui.Search{Action: "/catalogue", Label: "Search datasets and variables", Value: query}, res, ui.Links{Items: []ui.Link{{Text: "Code lists that filters, applications and contracts share", Href: "/code-lists"}}}}})
}

func datasetResult(h hit, dir *directory, query string) ui.Result {
	r := ui.Result{Head: h.Title, Href: "/catalogue/" + h.ID, Text: h.Summary}
	n := 0
	for _, t := range h.Tables {
		n += len(t.Variables)
	}
	meta := count(len(h.Tables), "table") + " · " + count(n, "variable")
	if h.people != "" {
		meta += " · " + h.people + " people"
	}
	if h.published != "" {
		meta += " · newest version " + h.published
	} else {
		r.Tags = append(r.Tags, ui.Tag{Text: "Not published yet", Colour: ui.Grey})
	}
	r.Meta = append(r.Meta, meta, strings.Join(dir.orgNames(h.Orgs), ", "))
	if query != "" && len(h.variables) > 0 {
		shown := h.variables
		if len(shown) > 8 {
			shown = append(slices.Clone(shown[:8]), "…")
		}
		r.Meta = append(r.Meta, "Matching variables: "+strings.Join(shown, ", "))
	}
	return r
}

// facet counts the values that can narrow a list.
type facet map[string]struct {
	text string
	n    int
}

func (f facet) add(value, text string) {
	if value == "" {
		return
	}
	x := f[value]
	x.text, x.n = text, x.n+1
	f[value] = x
}

func (f facet) facet(name, label string, chosen []string) ui.Facet {
	out := ui.Facet{Name: name, Label: label}
	for v, x := range f {
		out.Options = append(out.Options, ui.Option{Value: v, Text: x.text + " (" + number(x.n) + ")", Chosen: slices.Contains(chosen, v)})
	}
	sort.Slice(out.Options, func(i, j int) bool { return out.Options[i].Text < out.Options[j].Text })
	return out
}

func nonEmpty(fs ...ui.Facet) []ui.Facet {
	return slices.DeleteFunc(fs, func(f ui.Facet) bool { return len(f.Options) < 2 })
}
