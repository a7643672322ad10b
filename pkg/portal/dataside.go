package portal

import (
	"encoding/json"
	"fmt"
	"net/url"
	"sort"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/linkage"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) dataRoutes() []Route {
	return []Route{
		{Pattern: "GET /linkage", Action: "linkage.read", On: whole, Serve: p.linkageList},
		{Pattern: "POST /linkage", Action: "linkage.run", On: whole, Serve: p.runLinkage},
		{Pattern: "GET /linkage/{id}", Action: "linkage.read", On: whole, Serve: p.linkageRun},
		{Pattern: "GET /datasets", Action: "self.read", On: whole, Serve: p.datasetList},
		{Pattern: "GET /datasets/new", Action: "dataset.offer", On: whole, Serve: p.newDataset},
		{Pattern: "POST /datasets", Action: "dataset.offer", On: whole, Serve: p.offerDataset, Body: 2 << 20},
		{Pattern: "POST /datasets/{id}/publish", Action: "version.publish", On: thing("Dataset"), Serve: p.publish},
		{Pattern: "GET /my-data", Action: "self.read", On: whole, Serve: p.myData},
	}
}

func (p *Portal) waitingForEngineer(c *Call, q store.Querier) ([]todo, error) {
	ss, err := catalogue.Sources(c.Ctx(), q)
	if err != nil {
		return nil, err
	}
	var out []todo
	for _, s := range ss {
		ds, err := catalogue.Deliveries(c.Ctx(), q, s.ID)
		if err != nil {
			return nil, err
		}
		if len(ds) > 0 && ds[len(ds)-1].State == "blocked" {
			d := ds[len(ds)-1]
			out = append(out, todo{Text: s.Title + ": " + d.Name, Href: "/sources/" + s.ID + "/deliveries/" + d.ID, Since: d.Received, What: "the delivery was refused as a whole"})
		}
	}
	return out, nil
}

// linkageList is every run of the linkage.
func (p *Portal) linkageList(c *Call) error {
	var ls []catalogue.Linkage
	if err := c.view(func(q store.Querier) error {
		var err error
		ls, err = catalogue.Linkages(c.Ctx(), q)
		return err
	}); err != nil {
		return err
	}
	run := ui.Button{Text: "Link now", Action: "/linkage", Off: c.Off("linkage.run", "Ark", "ark")}
	t := ui.Table{Caption: "Runs, newest first", Columns: ui.Cols("Run", "State", "Started", "#Took", "#Deliveries", "#Persons"), Empty: &ui.Empty{Text: "Nothing has been linked yet. Deliver files first, then link.", Button: &run}}
	busy := false
	for i := len(ls) - 1; i >= 0; i-- {
		l := ls[i]
		took := ""
		if !l.Finished.IsZero() {
			took = seconds(l.Finished.Sub(l.Started))
		}
		busy = busy || l.State == "running"
		var rep linkage.Report
		persons := ""
		if json.Unmarshal(l.Report, &rep) == nil && l.State == "done" {
			persons = number(rep.Persons)
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: fmt.Sprintf("Run %d", l.Number), Href: "/linkage/" + l.ID, Head: true}, {Tag: jobTag(l.State)}, {Text: when(l.Started)}, {Text: took}, {Text: number(len(l.Deliveries))}, {Text: persons}})
	}
	part := ui.Part{ID: "runs", Body: []ui.Block{t}}
	if busy {
		part.Refresh = 3
	}
	page := ui.Page{Head: "Linkage", Lead: "Which records are one person. Linkage sees names and numbers, and never a health fact.", Body: []ui.Block{part}}
	if len(ls) > 0 {
		page.Body = append(page.Body, ui.Actions{Buttons: []ui.Button{run}})
	}
	return c.Page(page)
}

func (p *Portal) runLinkage(c *Call) error {
	return c.Attempt(nil, func(url.Values) (string, error) {
		l, err := p.cfg.Rooms.Catalogue.RunLinkage(c.Ctx(), c.Actor)
		if err != nil {
			return "", err
		}
		return "/linkage/" + l.ID, nil
	})
}

// linkageRun is one run with its report: counts only.
func (p *Portal) linkageRun(c *Call) error {
	var l *catalogue.Linkage
	if err := c.view(func(q store.Querier) error {
		var err error
		l, err = catalogue.GetLinkage(c.Ctx(), q, c.ID())
		return err
	}); err != nil {
		return err
	}
	page := ui.Page{Back: &ui.Link{Text: "Linkage", Href: "/linkage"}, Above: "Linkage", Head: fmt.Sprintf("Run %d", l.Number), State: jobTag(l.State), Lead: "It is " + p.machines.linkage.States[l.State].Says + "."}
	part := ui.Part{ID: "run"}
	if l.State == "running" {
		part.Refresh = 2
	}
	if l.Says != "" {
		part.Body = append(part.Body, ui.Warning{Head: "What went wrong", Text: sentence(l.Says)})
	}
	var rep linkage.Report
	if len(l.Report) > 0 && json.Unmarshal(l.Report, &rep) == nil {
		part.Body = append(part.Body, ui.Figures{Items: []ui.Figure{{Number: number(rep.Records), Text: "records"}, {Number: number(rep.Persons), Text: "persons"}, {Number: number(rep.Single), Text: "persons of one record"}, {Number: number(len(l.Deliveries)), Text: "deliveries"}}},
			countTable("Records by the way they were linked", "Way", rep.ByTier), countTable("Links by status", "Status", rep.Links),
			ui.Summary{Compact: true, Rows: []ui.Row{{Key: "Without a valid NHS number", Text: number(rep.Quality.NoNHSNumber)}, {Key: "Without a date of birth", Text: number(rep.Quality.NoDateOfBirth)}, {Key: "Without a name", Text: number(rep.Quality.NoName)}, {Key: "Model", Text: rep.ModelVersion}}})
	}
	page.Body = []ui.Block{part}
	return c.Page(page)
}

func countTable(caption, head string, counts map[string]int) ui.Block {
	names := make([]string, 0, len(counts))
	for n := range counts {
		names = append(names, n)
	}
	sort.Strings(names)
	t := ui.Table{Caption: caption, Columns: ui.Cols(head, "#Number"), Empty: &ui.Empty{Text: "None."}}
	for _, n := range names {
		t.Rows = append(t.Rows, []ui.Cell{{Text: title(n), Head: true}, {Text: number(counts[n])}})
	}
	return t
}

// datasetList is for those who publish.
func (p *Portal) datasetList(c *Call) error {
	var ds []catalogue.Dataset
	newest := map[string]catalogue.Version{}
	if err := c.view(func(q store.Querier) error {
		var err error
		if ds, err = catalogue.Datasets(c.Ctx(), q); err != nil {
			return err
		}
		for _, d := range ds {
			vs, err := catalogue.Versions(c.Ctx(), q, d.ID)
			if err != nil {
				return err
			}
			if len(vs) > 0 {
				newest[d.ID] = vs[len(vs)-1]
			}
		}
		return nil
	}); err != nil {
		return err
	}
	offer := ui.Button{Text: "Offer a dataset", Href: "/datasets/new", Off: c.Off("dataset.offer", "Ark", "ark")}
	t := ui.Table{Caption: "Datasets", Columns: ui.Cols("Dataset", "Newest version", "State", "Published", "People", "Publish"), Empty: &ui.Empty{Text: "No dataset is offered yet.", Button: &offer}}
	busy := false
	for _, d := range ds {
		b := &ui.Button{Text: "Publish a version", Action: "/datasets/" + d.ID + "/publish", Look: "secondary", Off: c.Off("version.publish", "Dataset", d.ID)}
		row := []ui.Cell{{Text: d.Title, Href: "/catalogue/" + d.ID, Head: true, Soft: d.Slug}}
		if v, ok := newest[d.ID]; ok {
			busy = busy || v.State == "building"
			if v.State == "building" {
				b.Off = "A version is being built."
			}
			row = append(row, ui.Cell{Text: fmt.Sprint(v.Number)}, ui.Cell{Tag: jobTag(v.State), Soft: sentence(v.Says)}, ui.Cell{Text: when(v.Published)}, ui.Cell{Text: v.People})
		} else {
			row = append(row, ui.Cell{Text: "none"}, ui.Cell{}, ui.Cell{}, ui.Cell{})
		}
		t.Rows = append(t.Rows, append(row, ui.Cell{Button: b}))
	}
	part := ui.Part{ID: "datasets", Body: []ui.Block{t}}
	if busy {
		part.Refresh = 3
	}
	page := ui.Page{Head: "Datasets", Lead: "What custodians offer. A version never changes; publishing makes the next one from the newest linkage.", Body: []ui.Block{part}}
	if len(ds) > 0 {
		page.Body = append(page.Body, ui.Actions{Buttons: []ui.Button{offer}})
	}
	return c.Page(page)
}

func (p *Portal) newDatasetPage(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		return ui.Page{Back: &ui.Link{Text: "Datasets", Href: "/datasets"}, Head: "Offer a dataset", Errors: wrong, Lead: "Its definition: tables, variables with their meaning, sensitivity and transformation, conditions of use. Offering a known short name again changes it for the versions to come.",
			Body: []ui.Block{ui.Form{Action: "/datasets", Guard: true, Fields: ui.Filled([]ui.Field{{Kind: "area", Name: "definition", Label: "Definition (YAML)", Rows: 24}}, typed, wrong), Submit: ui.Button{Text: "Offer"}, Cancel: &ui.Link{Text: "Cancel", Href: "/datasets"}}}}, nil
	}
}

func (p *Portal) newDataset(c *Call) error {
	page, err := p.newDatasetPage(c)(nil, nil)
	if err != nil {
		return err
	}
	return c.Page(page)
}

func (p *Portal) offerDataset(c *Call) error {
	return c.Attempt(p.newDatasetPage(c), func(form url.Values) (string, error) {
		d, err := catalogue.ParseDataset([]byte(strings.ReplaceAll(form.Get("definition"), "\r\n", "\n")))
		if err != nil {
			return "", err
		}
		if d, err = p.cfg.Rooms.Catalogue.OfferDataset(c.Ctx(), c.Actor, *d); err != nil {
			return "", err
		}
		return "/catalogue/" + d.ID, nil
	})
}

func (p *Portal) publish(c *Call) error {
	return c.Attempt(nil, func(url.Values) (string, error) {
		_, err := p.cfg.Rooms.Catalogue.Publish(c.Ctx(), c.Actor, c.ID())
		return "/datasets", err
	})
}

// myData is the custodian's own side: sources, datasets, who decides.
func (p *Portal) myData(c *Call) error {
	var ds []catalogue.Dataset
	var ss []catalogue.Source
	if err := c.view(func(q store.Querier) error {
		all, err := catalogue.Datasets(c.Ctx(), q)
		if err != nil {
			return err
		}
		for _, d := range all {
			for _, o := range d.Orgs {
				if o == c.Viewer.Org {
					ds = append(ds, d)
				}
			}
		}
		srcs, err := catalogue.Sources(c.Ctx(), q)
		if err != nil {
			return err
		}
		for _, s := range srcs {
			if s.Org == c.Viewer.Org {
				ss = append(ss, s)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	t := ui.Table{Caption: "Datasets with data of " + c.Viewer.OrgName, Columns: ui.Cols("Dataset", "Disclosure rules", "Conditions"), Empty: &ui.Empty{Text: "No dataset holds data of " + c.Viewer.OrgName + " yet."}}
	for _, d := range ds {
		t.Rows = append(t.Rows, []ui.Cell{{Text: d.Title, Href: "/catalogue/" + d.ID, Head: true}, {Text: d.Profile}, {Text: strings.Join(conditions(d.Conditions), "; ")}})
	}
	u := ui.Table{Caption: "Feeds of " + c.Viewer.OrgName, Columns: ui.Cols("Source", "Declared"), Empty: &ui.Empty{Text: "No feed of " + c.Viewer.OrgName + " is registered."}}
	for _, s := range ss {
		u.Rows = append(u.Rows, []ui.Cell{{Text: s.Title, Href: "/sources/" + s.ID, Head: true}, {Text: s.Declared}})
	}
	page := ui.Page{Head: "My data", Lead: "What " + c.Viewer.OrgName + " gives, and under which rules.", Body: []ui.Block{t, u}}
	if !c.Viewer.Has(ark.Custodian) {
		page.Notice = &ui.Notice{Text: "You are not a custodian, so you decide about none of this."}
	}
	return c.Page(page)
}
