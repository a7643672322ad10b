package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/intake"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/portal/edge"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

// uploadTime and uploadBytes bound one upload of a delivery.
var uploadTime = edge.Timing{Read: time.Hour, Write: time.Hour}

const uploadBytes = 64 << 30

func (p *Portal) sourceRoutes() []Route {
	return []Route{
		{Pattern: "GET /sources", Action: "self.read", On: whole, Serve: p.sourceList},
		{Pattern: "GET /sources/new", Action: "source.register", On: whole, Serve: p.newSource},
		{Pattern: "POST /sources", Action: "source.register", On: whole, Serve: p.registerSource, Body: 2 << 20},
		{Pattern: "GET /sources/{id}", Action: "source.read", On: thing("Source"), Serve: p.source},
		{Pattern: "POST /sources/{id}/deliveries", Action: "delivery.receive", On: thing("Source"), Serve: p.deliver, Body: uploadBytes, Time: uploadTime},
		{Pattern: "GET /sources/{id}/deliveries/{delivery}", Action: "delivery.read", On: thing("Source"), Serve: p.delivery},
		{Pattern: "POST /deliveries/{id}/recall", Action: "delivery.recall", On: thing("Delivery"), Serve: p.recall},
	}
}

// sourceList is every source that the viewer may see.
func (p *Portal) sourceList(c *Call) error {
	var ss []catalogue.Source
	last := map[string]catalogue.Delivery{}
	n := map[string]int{}
	var dir *directory
	err := c.view(func(q store.Querier) error {
		all, err := catalogue.Sources(c.Ctx(), q)
		if err != nil {
			return err
		}
		for _, s := range all {
			if p.cfg.Store.CheckIn(c.Ctx(), q, c.Actor, "source.read", store.Resource{Type: "Source", ID: s.ID}) != nil {
				continue
			}
			ss = append(ss, s)
			ds, err := catalogue.Deliveries(c.Ctx(), q, s.ID)
			if err != nil {
				return err
			}
			n[s.ID] = len(ds)
			if len(ds) > 0 {
				last[s.ID] = ds[len(ds)-1]
			}
		}
		dir, err = readDirectory(c.Ctx(), q)
		return err
	})
	if err != nil {
		return err
	}
	add := ui.Button{Text: "Register a source", Href: "/sources/new", Off: c.Off("source.register", "Ark", "ark")}
	t := ui.Table{Caption: "Sources", Columns: ui.Cols("Source", "Organisation", "Declared", "#Deliveries", "Newest", "State"), Empty: &ui.Empty{Text: "No source that you may see is registered yet.", Button: &add}}
	for _, s := range ss {
		row := []ui.Cell{{Text: s.Title, Href: "/sources/" + s.ID, Head: true, Soft: s.Slug}, {Text: dir.org(s.Org)}, {Text: s.Declared}, {Text: number(n[s.ID])}}
		if d, ok := last[s.ID]; ok {
			row = append(row, ui.Cell{Text: when(d.Received)}, ui.Cell{Tag: tag(d.State, d.State == "blocked")})
		} else {
			row = append(row, ui.Cell{Text: "none yet"}, ui.Cell{})
		}
		t.Rows = append(t.Rows, row)
	}
	page := ui.Page{Head: "Sources", Lead: "The feeds of organisations, each with its contract.", Body: []ui.Block{t}}
	if len(ss) > 0 && c.Viewer.Has(ark.DataEngineer) {
		page.Body = append(page.Body, ui.Actions{Buttons: []ui.Button{add}})
	}
	return c.Page(page)
}

func (p *Portal) newSourcePage(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var dir *directory
		if err := c.view(func(q store.Querier) error {
			var err error
			dir, err = readDirectory(c.Ctx(), q)
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		org := ui.Field{Kind: "select", Name: "org", Label: "Organisation"}
		for _, o := range dir.orgs {
			org.Options = append(org.Options, ui.Option{Value: o.ID, Text: o.Name})
		}
		sort.Slice(org.Options, func(i, j int) bool { return org.Options[i].Text < org.Options[j].Text })
		fields := []ui.Field{{Kind: "text", Name: "slug", Label: "Short name", Hint: "Lower-case letters, digits and hyphens, as in the contract.", Narrow: true}, org,
			{Kind: "area", Name: "contract", Label: "Contract", Hint: "YAML: tables, fields, types, code lists, keys, identifier roles, coarse fields, rules.", Rows: 20}}
		return ui.Page{Back: &ui.Link{Text: "Sources", Href: "/sources"}, Head: "Register a source", Errors: wrong, Lead: "The contract says what arrives. What it does not name is not taken in. Registering a known short name again changes its contract; a change that breaks what was built on it is refused unless it is the next major version.",
			Body: []ui.Block{ui.Form{Action: "/sources", Guard: true, Fields: ui.Filled(fields, typed, wrong), Submit: ui.Button{Text: "Register"}, Cancel: &ui.Link{Text: "Cancel", Href: "/sources"}}}}, nil
	}
}

func (p *Portal) newSource(c *Call) error {
	return p.draw(c, p.newSourcePage(c))
}

func (p *Portal) registerSource(c *Call) error {
	return c.Attempt(p.newSourcePage(c), func(form url.Values) (string, error) {
		if strings.TrimSpace(form.Get("slug")) == "" {
			return "", ark.Faultf(ark.Invalid, "the short name is missing").At("", 0, "slug").Do("Give the name that the contract has.")
		}
		s, err := p.cfg.Rooms.Catalogue.RegisterSource(c.Ctx(), c.Actor, catalogue.Source{Slug: strings.TrimSpace(form.Get("slug")), Org: form.Get("org"), Contract: strings.ReplaceAll(form.Get("contract"), "\r\n", "\n")})
		if err != nil {
			return "", err
		}
		return "/sources/" + s.ID, nil
	})
}

// source is one source: its deliveries, an upload, its contract.
func (p *Portal) source(c *Call) error {
	return p.draw(c, p.sourcePage(c))
}

func (p *Portal) sourcePage(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var s *catalogue.Source
		var ds []catalogue.Delivery
		var dir *directory
		if err := c.view(func(q store.Querier) error {
			var err error
			if s, err = catalogue.GetSource(c.Ctx(), q, c.ID()); err != nil {
				return err
			}
			if ds, err = catalogue.Deliveries(c.Ctx(), q, s.ID); err != nil {
				return err
			}
			dir, err = readDirectory(c.Ctx(), q)
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		page := ui.Page{Back: &ui.Link{Text: "Sources", Href: "/sources"}, Above: "Source of " + dir.org(s.Org), Head: s.Title, Errors: wrong, Lead: "Declared " + s.Declared + ". Every delivery is held against its contract; rows that break a rule are set aside with the reason."}
		catalogue.BySending(ds)
		t := ui.Table{Caption: "Deliveries, newest first", Columns: ui.Cols("Delivery", "State", "Sent", "Received", "#Read", "#Accepted", "#Set aside", "#Duplicates"), Empty: &ui.Empty{Text: "Nothing has been delivered yet. Upload the first delivery below."}}
		busy := false
		for i := len(ds) - 1; i >= 0; i-- {
			d := ds[i]
			busy = busy || d.State == "received"
			t.Rows = append(t.Rows, []ui.Cell{{Text: d.Name, Href: "/sources/" + s.ID + "/deliveries/" + d.ID, Head: true}, {Tag: tag(d.State, d.State == "blocked")}, {Text: orText(isoDate(d.Sent), "–")}, {Text: when(d.Received)}, {Text: number(d.Counts.Read)}, {Text: number(d.Counts.Accepted)}, {Text: number(d.Counts.Quarantined)}, {Text: number(d.Counts.Duplicates)}})
		}
		part := ui.Part{ID: "deliveries", Body: []ui.Block{t}}
		if busy {
			part.Refresh = 3
		}
		page.Body = append([]ui.Block{part, ui.Head2{Text: "Quality over time"}}, append(scorecard(s, ds), waitingRows(ds))...)
		page.Body = append(page.Body, ui.Head2{Text: "Deliver files"},
			ui.Form{Action: "/sources/" + s.ID + "/deliveries", Multipart: true, Fields: ui.Filled([]ui.Field{{Kind: "file", Name: "files", Multiple: true, Label: "Data files and their manifest.json", Hint: "Choose all files of the delivery at once. The manifest says how many rows and which SHA-256 each file has."}}, typed, wrong),
				Submit: ui.Button{Text: "Deliver", Off: c.Off("delivery.receive", "Source", s.ID)}},
			brokenContracts(s),
			ui.Details{Summary: "The contract", Body: []ui.Block{ui.Code{Text: s.Contract}}},
			ui.Details{Summary: "Change the contract", Body: []ui.Block{ui.Form{Action: "/sources", Hidden: []ui.Pair{{Name: "slug", Value: s.Slug}, {Name: "org", Value: s.Org}}, Fields: []ui.Field{{Kind: "area", Name: "contract", Label: "Contract", Rows: 20, Value: s.Contract}}, Submit: ui.Button{Text: "Change the contract", Look: "secondary", Off: c.Off("source.register", "Ark", "ark")}}}})
		return page, nil
	}
}

// brokenContracts are the steps of a source's contract to a next major version.
func brokenContracts(s *catalogue.Source) ui.Block {
	t := ui.Table{Caption: "Breaking changes of the contract, newest first", Columns: ui.Cols("Since", "From", "To", "What broke"),
		Empty: &ui.Empty{Text: "The contract has kept its major version: permits for this source’s data fit all versions of their datasets as far as the contract goes."}}
	for i := len(s.Breaks) - 1; i >= 0; i-- {
		b := s.Breaks[i]
		var what []string
		for _, d := range b.What {
			what = append(what, d.String())
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: when(b.At), Head: true}, {Text: b.From}, {Text: b.To}, {Text: strings.Join(what, "; ")}})
	}
	return t
}

// deliver takes an upload in.
func (p *Portal) deliver(c *Call) error {
	d, err := p.receive(c)
	if err == nil {
		return c.Go("/sources/" + c.ID() + "/deliveries/" + d.ID)
	}
	if k := ark.KindOf(err); k != ark.Invalid && k != ark.Conflict && k != ark.TooMuch {
		return err
	}
	page, bad := p.sourcePage(c)(nil, problems(err))
	if bad != nil {
		return err
	}
	return p.print(c, Status(ark.KindOf(err)), page)
}

// receive streams the files of a multipart upload into the landing zone, reads
// the manifest and records the delivery. Nothing is recorded if anything is
// missing; bytes that landed for nothing are swept later.
func (p *Portal) receive(c *Call) (*catalogue.Delivery, error) {
	var slug string
	if err := c.view(func(q store.Querier) error {
		s, err := catalogue.GetSource(c.Ctx(), q, c.ID())
		if err == nil {
			slug = s.Slug
		}
		return err
	}); err != nil {
		return nil, err
	}
	in, err := c.R.MultipartReader()
	if err != nil {
		return nil, ark.Faultf(ark.Invalid, "the upload is not made of files").Do("send multipart/form-data with the files and their manifest.json").Because(err)
	}
	var files []catalogue.DeliveredFile
	var manifest *intake.Manifest
	seen := map[string]bool{}
	for {
		part, err := in.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, broken4xx(err)
		}
		name := part.FileName() // the last element only: the standard library cuts folders off
		if name == "" {
			continue
		}
		if plainFile(name) != name || len(name) > 128 || seen[name] {
			return nil, ark.Faultf(ark.Invalid, "a file name is used twice or holds more than letters, digits, dots, hyphens and underscores").At("", 0, "files").Do("rename the file")
		}
		seen[name] = true
		var from io.Reader = part
		if name == "manifest.json" {
			text, err := io.ReadAll(io.LimitReader(part, 4<<20+1))
			if err != nil {
				return nil, broken4xx(err)
			}
			if manifest, err = intake.ParseManifest(text); err != nil {
				return nil, err
			}
			from = strings.NewReader(string(text))
		}
		ref, err := p.cfg.Rooms.Objects.Land(c.Ctx(), slug, name, from)
		if err != nil {
			return nil, broken4xx(err)
		}
		files = append(files, catalogue.DeliveredFile{Name: name, Ref: ref})
	}
	if manifest == nil {
		return nil, ark.Faultf(ark.Invalid, "the manifest.json is missing").At("", 0, "files").Do("send it with the data files; it says what the delivery holds")
	}
	if manifest.Source != slug {
		return nil, ark.Faultf(ark.Invalid, "the manifest is of another source").At("manifest.json", 0, "source").Do("deliver to the source that the manifest names")
	}
	for _, f := range manifest.Files {
		if !seen[f.Name] {
			return nil, ark.Faultf(ark.Invalid, "the manifest names a file that was not sent").At(f.Name, 0, "").Do("send all files of the delivery at once")
		}
	}
	return p.cfg.Rooms.Catalogue.ReceiveDelivery(c.Ctx(), c.Actor, c.ID(), manifest.Delivery, files)
}

// broken4xx is the fault of an upload that was too large or broke off.
func broken4xx(err error) error {
	var long *http.MaxBytesError
	var f *ark.Fault
	switch {
	case errors.As(err, &long):
		return ark.Faultf(ark.TooMuch, "the upload is larger than %s", bytesText(long.Limit)).Do("split the delivery")
	case errors.As(err, &f):
		return err
	}
	return ark.Faultf(ark.Invalid, "the upload broke off").Do("send it again").Because(err)
}

// delivery is one delivery: what became of it, quality, quarantine.
func (p *Portal) delivery(c *Call) error {
	var s *catalogue.Source
	var d *catalogue.Delivery
	var kept string
	if err := c.view(func(q store.Querier) error {
		var err error
		if s, err = catalogue.GetSource(c.Ctx(), q, c.ID()); err != nil {
			return err
		}
		if d, err = catalogue.GetDelivery(c.Ctx(), q, c.R.PathValue("delivery")); err != nil {
			return err
		}
		kept, err = rawKept(c.Ctx(), q, *d)
		return err
	}); err != nil {
		return err
	}
	if d.Source != s.ID {
		return ark.Faultf(ark.Unknown, "this source has no such delivery")
	}
	page := ui.Page{Back: &ui.Link{Text: s.Title, Href: "/sources/" + s.ID}, Above: "Delivery", Head: d.Name, State: tag(d.State, d.State == "blocked"), Lead: "It is " + p.machines.delivery.States[d.State].Says + "."}
	page.Next = &ui.Next{Tone: tone(d.State, false), When: "received " + when(d.Received)}
	switch d.State {
	case "received":
		page.Next.Text = "The files are held against the contract, and identifiers are parted from everything else."
	case "accepted":
		page.Next.Text = "It is part of the next linkage and the next version."
		page.Next.When += " · checked " + when(d.Checked) + " (" + seconds(d.Checked.Sub(d.Received)) + ")"
	case "blocked":
		page.Next.Text = "Nothing of it was taken in: " + sentence(d.Says)
	}
	c4 := d.Counts
	body := []ui.Block{ui.Figures{Items: []ui.Figure{{Number: number(c4.Read), Text: "rows read"}, {Number: number(c4.Accepted), Text: "accepted"}, {Number: number(c4.Quarantined), Text: "set aside with the reason"}, {Number: number(c4.Duplicates), Text: "exact duplicates removed"}}}}
	files := ui.Table{Caption: "Files", Columns: ui.Cols("File", "#Size", "SHA-256")}
	for _, f := range d.Files {
		files.Rows = append(files.Rows, []ui.Cell{{Text: f.Name, Head: true}, {Text: bytesText(f.Size())}, {Text: hashText(f)}})
	}
	body = append(body, p.quality(c, d)...)
	body = append(body, p.quarantine(c, d), files, ui.Text{Text: kept})
	part := ui.Part{ID: "delivery", Body: body}
	if d.State == "received" {
		part.Refresh = 3
	}
	page.Body = []ui.Block{part}
	switch d.State {
	case "accepted":
		page.Body = append(page.Body, p.recallForm(c, d))
	case "recalled":
		blocks, err := p.recalled(c, d.ID)
		if err != nil {
			return err
		}
		page.Next.Text = sentence(d.Says)
		page.Body = append(blocks, page.Body...)
	}
	return c.Page(page)
}

// rawKept says what becomes of a delivery's files as they came.
func rawKept(ctx context.Context, q store.Querier, d catalogue.Delivery) (string, error) {
	if d.Gone {
		return "The files as they came were removed on " + day(d.Expired) + ", when their retention was over. Their hashes and counts, and what was made of them, stay.", nil
	}
	until, why, told, err := catalogue.RawKept(ctx, q, d)
	switch {
	case err != nil:
		return "", err
	case !told:
		return "The files are kept as they came: the contract has no retention for them.", nil
	case why != "":
		return "The files are kept as they came until " + day(until) + ", and beyond that while " + why + ".", nil
	}
	return "The files are kept as they came until " + day(until) + ", and then removed. Their hashes and counts, and what was made of them, stay.", nil
}

// readObject reads a small object that belongs to a page.
func (p *Portal) readObject(c *Call, ref objects.Ref, limit int64) ([]byte, error) {
	if p.cfg.Rooms.Objects == nil {
		return nil, ark.Faultf(ark.Unavailable, "the object store does not answer")
	}
	in, err := p.cfg.Rooms.Objects.Open(c.Ctx(), ref)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(io.LimitReader(in, limit))
}

func percent(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }

// quality shows the quality report in Kahn's terms. Its figures count rows of a
// feed, for its own engineers and custodians.
func (p *Portal) quality(c *Call, d *catalogue.Delivery) []ui.Block {
	ref, ok := d.Outputs["quality"]
	if !ok {
		return nil
	}
	out := []ui.Block{ui.Head2{Text: "Quality"}}
	raw, err := p.readObject(c, ref, 8<<20)
	var rep intake.Report
	if err == nil {
		err = json.Unmarshal(raw, &rep)
	}
	if err != nil {
		return append(out, ui.Text{Text: "The quality report cannot be read now. " + says(err)})
	}
	t := ui.Table{Caption: "Tables", Columns: ui.Cols("Table", "#Rows", "#Accepted", "#Set aside", "#Duplicates", "#Conformance", "#Completeness", "#Plausibility")}
	for _, x := range rep.Tables {
		t.Rows = append(t.Rows, []ui.Cell{{Text: x.Table, Head: true}, {Text: number(x.Rows)}, {Text: number(x.Accepted)}, {Text: number(x.Quarantined)}, {Text: number(x.Duplicates)}, {Text: percent(x.Scores.Conformance)}, {Text: percent(x.Scores.Completeness)}, {Text: percent(x.Scores.Plausibility)}})
	}
	out = append(out, t)
	for _, x := range rep.Tables {
		f := ui.Table{Columns: ui.Cols("Field", "Goes to", "#Filled", "#Missing", "#Changed", "Rules broken")}
		for _, y := range x.Fields {
			var rules []string
			for _, r := range y.Rules {
				if r.Failed > 0 {
					rules = append(rules, fmt.Sprintf("%s: %s (%s)", r.Rule, number(r.Failed), r.Action))
				}
			}
			f.Rows = append(f.Rows, []ui.Cell{{Text: y.Field, Head: true}, {Text: string(y.To)}, {Text: number(y.Filled)}, {Text: number(y.Missing)}, {Text: number(y.Changed)}, {Text: strings.Join(rules, "; ")}})
		}
		out = append(out, ui.Details{Summary: "Fields of " + x.Table, Body: []ui.Block{f}})
		if c := changeTable(x); len(c.Rows) > 0 {
			out = append(out, ui.Details{Summary: "Values of " + x.Table + " that cleansing changed", Body: []ui.Block{
				ui.Text{Text: "Both values of each are kept in the zone of its field, and shown nowhere. Who sent the files can list them: ark contract try --changes takes the same files in on their own machine."}, c}})
		}
		if len(x.Rules) > 0 {
			out = append(out, ui.Details{Summary: "Rules of " + x.Table, Body: []ui.Block{ruleTable(x)}})
		}
	}
	return out
}

// changeTable counts the values that cleansing changed, by field and rule.
func changeTable(x *intake.TableReport) ui.Table {
	t := ui.Table{Columns: ui.Cols("Field", "Rule", "#Changed", "#Left empty")}
	for _, f := range x.Fields {
		for _, c := range f.Changes {
			t.Rows = append(t.Rows, []ui.Cell{{Text: f.Field, Head: true}, {Text: c.Rule}, {Text: number(c.Changed)}, {Text: number(c.Emptied)}})
		}
	}
	return t
}

// ruleTable are the rules about whole rows, and the conditions between them.
func ruleTable(x *intake.TableReport) ui.Table {
	t := ui.Table{Columns: ui.Cols("Rule", "Kind", "What happens", "#Asked of", "#Broken")}
	for _, r := range x.Rules {
		asked := "every row"
		switch {
		case r.Unjudged:
			asked = "nothing: a table is missing"
		case r.Checked > 0:
			asked = number(r.Checked)
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: r.Rule, Head: true}, {Text: string(r.Kind)}, {Text: string(r.Action)}, {Text: asked}, {Text: number(r.Failed)}})
	}
	return t
}

// quarantine lists the first rows that were set aside: row, field and reason,
// never a value.
func (p *Portal) quarantine(c *Call, d *catalogue.Delivery) ui.Block {
	t := ui.Table{Caption: "Rows set aside", Columns: ui.Cols("File", "#Row", "Field", "Rule", "Reason"), Empty: &ui.Empty{Text: "No row was set aside."}}
	ref, ok := d.Outputs["quarantine"]
	if !ok {
		return t
	}
	raw, err := p.readObject(c, ref, 256<<10)
	if err != nil {
		return ui.Text{Text: "The list of rows set aside cannot be read now. " + says(err)}
	}
	for _, line := range strings.Split(string(raw), "\n") {
		var x struct {
			File   string `json:"file"`
			Row    int64  `json:"row"`
			Field  string `json:"field"`
			Rule   string `json:"rule"`
			Reason string `json:"reason"`
		}
		if json.Unmarshal([]byte(line), &x) != nil {
			continue
		}
		if len(t.Rows) == 200 {
			t.Caption = "Rows set aside: the first 200"
			break
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: x.File}, {Text: number(x.Row)}, {Text: x.Field}, {Text: x.Rule}, {Text: x.Reason}})
	}
	return t
}
