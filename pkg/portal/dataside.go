package portal

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"sort"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/linkage"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace/trace"
)

func (p *Portal) dataRoutes() []Route {
	return []Route{
		{Pattern: "GET /linkage", Action: "linkage.read", On: whole, Serve: p.linkageList},
		{Pattern: "POST /linkage", Action: "linkage.run", On: whole, Serve: p.runLinkage},
		{Pattern: "GET /linkage/{id}", Action: "linkage.read", On: whole, Serve: p.linkageRun},
		{Pattern: "GET /datasets", Action: "self.read", On: whole, Serve: p.datasetList},
		{Pattern: "GET /datasets/new", Action: "dataset.offer", On: whole, Serve: p.newDataset},
		{Pattern: "POST /datasets", Action: "dataset.offer", On: whole, Serve: p.offerDataset, Body: 2 << 20},
		{Pattern: "GET /datasets/{id}/released", Action: "dataset.exposure", On: thing("Dataset"), Serve: p.exposure},
		{Pattern: "POST /datasets/{id}/publish", Action: "version.publish", On: thing("Dataset"), Serve: p.publish},
		{Pattern: "GET /my-data", Action: "self.read", On: whole, Serve: p.myData},
		{Pattern: "POST /organisations/{id}/delegations", Action: "delegation.manage", On: thing("Organisation"), Serve: p.delegate},
		{Pattern: "POST /organisations/{id}/delegations/{delegation}/revoke", Action: "delegation.manage", On: thing("Organisation"), Serve: p.revoke},
		{Pattern: "POST /lists", Action: "linkage.run", On: whole, Serve: p.receiveList, Body: listBytes, Time: uploadTime},
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
	var reviewed catalogue.Reviewed
	if err := c.view(func(q store.Querier) error {
		var err error
		if reviewed, err = catalogue.CountReviewed(c.Ctx(), q); err != nil {
			return err
		}
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
	page.Body = append(page.Body, reviewPart(c, reviewed)...)
	page.Body = append(page.Body, ui.Head2{Text: "Opt-outs and objections"}, ui.Text{Text: "Lists of NHS numbers, one a line, in the format of the national check. A list takes effect with the next linkage, and then at every version and every cut."},
		ui.Form{Action: "/lists", Multipart: true, Submit: ui.Button{Text: "Receive the list", Look: "secondary", Off: c.Off("linkage.run", "Ark", "ark")}, Fields: []ui.Field{
			{Kind: "radios", Name: "kind", Label: "What kind of list?", Value: catalogue.ListOptOuts, Options: []ui.Option{{Value: catalogue.ListOptOuts, Text: "National data opt-outs"}, {Value: catalogue.ListChecked, Text: "The answer of the national check", Hint: "The numbers that were sent, without those of people who opted out."}, {Value: catalogue.ListObjections, Text: "Objections: the whole record is left out of every version"}}},
			{Kind: "file", Name: "list", Label: "The list"}}})
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
			ui.Summary{Compact: true, Rows: []ui.Row{{Key: "Without a valid NHS number", Text: number(rep.Quality.NoNHSNumber)}, {Key: "Without a date of birth", Text: number(rep.Quality.NoDateOfBirth)}, {Key: "Without a name", Text: number(rep.Quality.NoName)}, {Key: "With somebody else’s NHS number", Text: number(rep.Quality.NotBelieved)}, {Key: "Model", Text: rep.ModelVersion}}})
		part.Body = append(part.Body, biasTables(rep.Bias)...)
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
	words := map[string]string{"nhs_number+date_of_birth": "NHS number and date of birth agree", "nhs_number+partial": "NHS number agrees, and most of the rest",
		"identical": "Everything is identical", "probabilistic": "The weight of all that agrees and differs", "single": "Not linked: a person of one record"}
	t := ui.Table{Caption: caption, Columns: ui.Cols(head, "#Number"), Empty: &ui.Empty{Text: "None."}}
	for _, n := range names {
		t.Rows = append(t.Rows, []ui.Cell{{Text: orText(words[n], title(n)), Head: true}, {Text: number(counts[n])}})
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
	return p.draw(c, p.newDatasetPage(c))
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
	return p.draw(c, p.myDataPage(c))
}

func (p *Portal) myDataPage(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var ds []catalogue.Dataset
		var ss []catalogue.Source
		var del []governance.Delegation
		var sealKey *trace.OrgKey
		var dir *directory
		if err := c.view(func(q store.Querier) error {
			all, err := catalogue.Datasets(c.Ctx(), q)
			if err != nil {
				return err
			}
			for _, d := range all {
				if slices.Contains(d.Orgs, c.Viewer.Org) {
					ds = append(ds, d)
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
			if del, err = governance.DelegationsOf(c.Ctx(), q, c.Viewer.Org); err != nil {
				return err
			}
			if sealKey, err = trace.KeyOf(c.Ctx(), q, c.Viewer.Org); err != nil {
				return err
			}
			dir, err = readDirectory(c.Ctx(), q)
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		org := c.Viewer.OrgName
		t := ui.Table{Caption: "Datasets with data of " + org, Columns: ui.Cols("Dataset", "Disclosure rules", "Conditions"), Empty: &ui.Empty{Text: "No dataset holds data of " + org + " yet."}}
		for _, d := range ds {
			t.Rows = append(t.Rows, []ui.Cell{{Text: d.Title, Href: "/catalogue/" + d.ID, Head: true}, {Text: d.Profile}, {Text: strings.Join(conditions(d.Conditions), "; ")}})
		}
		u := ui.Table{Caption: "Feeds of " + org, Columns: ui.Cols("Source", "Declared"), Empty: &ui.Empty{Text: "No feed of " + org + " is registered."}}
		for _, s := range ss {
			u.Rows = append(u.Rows, []ui.Cell{{Text: s.Title, Href: "/sources/" + s.ID, Head: true}, {Text: s.Declared}})
		}
		page := ui.Page{Head: "My data", Lead: "What " + org + " gives, under which rules, and who decides.", Errors: wrong, Body: []ui.Block{t, u, ui.Head2{Text: "Who decides for " + org}}}
		page.Body = append(page.Body, p.delegationBlocks(c, del, dir, typed, wrong)...)
		page.Body = append(page.Body, p.keyBlocks(c, sealKey, typed, wrong)...)
		page.Body = append(page.Body, ui.Links{Items: []ui.Link{{Text: "Findings and errors that projects reported", Href: "/traces"}}})
		if !c.Viewer.Has(ark.Custodian) {
			page.Notice = &ui.Notice{Text: "You are not a custodian, so you decide about none of this."}
		}
		return page, nil
	}
}

// delegationBlocks show who decides in the organisation's place, and let its
// custodians change that.
func (p *Portal) delegationBlocks(c *Call, del []governance.Delegation, dir *directory, typed url.Values, wrong []ui.Problem) []ui.Block {
	base := "/organisations/" + c.Viewer.Org + "/delegations"
	off := c.Off("delegation.manage", "Organisation", c.Viewer.Org)
	t := ui.Table{Caption: "Delegations", Columns: ui.Cols("Committee", "For", "Until", "State", "Change"), Empty: &ui.Empty{Text: "Your own custodians decide. You can let a committee decide in their place, until a day and revocably."}}
	for i := len(del) - 1; i >= 0; i-- {
		d := del[i]
		row := []ui.Cell{{Text: dir.org(d.Committee), Head: true}, {Text: d.Scope}, {Text: day(d.Until)}}
		switch {
		case !d.Revoked.IsZero():
			row = append(row, ui.Cell{Tag: &ui.Tag{Text: "Taken back", Colour: ui.Grey}}, ui.Cell{Text: when(d.Revoked)})
		case !d.InForce(c.Now()):
			row = append(row, ui.Cell{Tag: &ui.Tag{Text: "Run out", Colour: ui.Grey}}, ui.Cell{})
		default:
			row = append(row, ui.Cell{Tag: &ui.Tag{Text: "In force", Colour: ui.Green}}, ui.Cell{Button: &ui.Button{Text: "Take it back", Action: base + "/" + d.ID + "/revoke", Look: "secondary", Off: off}})
		}
		t.Rows = append(t.Rows, row)
	}
	committee := ui.Field{Kind: "select", Name: "committee", Label: "Committee"}
	for _, o := range dir.orgs {
		if o.ID != c.Viewer.Org {
			committee.Options = append(committee.Options, ui.Option{Value: o.ID, Text: o.Name})
		}
	}
	sort.Slice(committee.Options, func(i, j int) bool { return committee.Options[i].Text < committee.Options[j].Text })
	fields := []ui.Field{committee, {Kind: "text", Name: "scope", Label: "For which requests", Hint: "For example: all requests for primary care data."}, {Kind: "date", Narrow: true, Name: "until", Label: "Until"}}
	return []ui.Block{t, ui.Details{Summary: "Let a committee decide", Body: []ui.Block{ui.Form{Action: base, Fields: ui.Filled(fields, typed, wrong), Submit: ui.Button{Text: "Delegate", Look: "secondary", Off: off}}}}}
}

func (p *Portal) delegate(c *Call) error {
	return c.Attempt(p.myDataPage(c), func(form url.Values) (string, error) {
		until, err := readDate(form, "until")
		if err != nil {
			return "", err
		}
		_, err = p.cfg.Rooms.Governance.Delegate(c.Ctx(), c.Actor, c.ID(), form.Get("committee"), form.Get("scope"), until)
		return "/my-data", err
	})
}

func (p *Portal) revoke(c *Call) error {
	return c.Attempt(p.myDataPage(c), func(url.Values) (string, error) {
		return "/my-data", p.cfg.Rooms.Governance.RevokeDelegation(c.Ctx(), c.Actor, c.ID(), c.R.PathValue("delegation"))
	})
}

// receiveList takes a list of people who objected or opted out from the page.
func (p *Portal) receiveList(c *Call) error {
	in, err := c.R.MultipartReader()
	if err != nil {
		return ark.Faultf(ark.Invalid, "the upload is not made of files").Do("choose the list and send it again").Because(err)
	}
	kind := ""
	for {
		part, err := in.NextPart()
		if err != nil {
			return ark.Faultf(ark.Invalid, "the list is missing").At("", 0, "list").Do("choose the file that holds it").Because(err)
		}
		if part.FormName() == "kind" {
			b, err := io.ReadAll(io.LimitReader(part, 32))
			if err != nil {
				return broken4xx(err)
			}
			kind = string(b)
		}
		if part.FormName() != "list" || part.FileName() == "" {
			continue
		}
		if err := oneOf("kind", kind, catalogue.ListKinds()...); err != nil {
			return err
		}
		ref, err := p.cfg.Rooms.Objects.LandList(c.Ctx(), kind, part)
		if err != nil {
			return broken4xx(err)
		}
		if ref.Size == 0 {
			return ark.Faultf(ark.Invalid, "the list is empty").At("", 0, "list").Do("send one NHS number a line")
		}
		if err := p.cfg.Rooms.Catalogue.ReceiveList(c.Ctx(), c.Actor, kind, ref); err != nil {
			return err
		}
		return c.Go("/linkage")
	}
}
