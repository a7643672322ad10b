package portal

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) versionRoutes() []Route {
	return []Route{
		{Pattern: "GET /catalogue/{id}/versions/{number}", Action: "dataset.read", On: thing("Dataset"), Serve: p.versionPage},
		{Pattern: "GET /catalogue/{id}/versions/{number}/counts", Action: "marginals.approve", On: thing("Dataset"), Serve: p.countsPage, Record: true},
		{Pattern: "POST /catalogue/{id}/versions/{number}/counts", Action: "marginals.approve", On: thing("Dataset"), Serve: p.approveCounts},
		{Pattern: "POST /catalogue/{id}/versions/{number}/withdraw", Action: "version.withdraw", On: thing("Dataset"), Serve: p.withdrawVersion},
	}
}

// versionFacts are a version, what it came from and what changed with it.
type versionFacts struct {
	dataset *catalogue.Dataset
	version catalogue.Version
	before  *catalogue.Version
	lineage *catalogue.Lineage
	changes *catalogue.Changes
	recall  *catalogue.Recall
	dir     *directory
}

func (p *Portal) readVersion(c *Call, dataset, number string) (*versionFacts, error) {
	f := &versionFacts{}
	n, err := strconv.Atoi(number)
	if err != nil {
		n = 0
	}
	err = c.view(func(q store.Querier) error {
		var err error
		if f.dataset, err = catalogue.GetDataset(c.Ctx(), q, dataset); err != nil {
			return err
		}
		vs, err := catalogue.Versions(c.Ctx(), q, dataset)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(vs, func(v catalogue.Version) bool { return v.Number == n })
		if i < 0 {
			return ark.Faultf(ark.Unknown, "this dataset has no such version").Do("see the page of the dataset")
		}
		f.version, f.before = vs[i], catalogue.Before(vs, vs[i])
		if f.lineage, err = catalogue.LineageOf(c.Ctx(), q, f.version); err != nil {
			return err
		}
		if f.before != nil {
			if f.changes, err = catalogue.Compare(*f.before, f.version); err != nil {
				return err
			}
		}
		if f.recall, err = catalogue.GetRecall(c.Ctx(), q, f.version.ID); ark.Is(err, ark.Unknown) {
			f.recall, err = nil, nil
		}
		if err != nil {
			return err
		}
		f.dir, err = readDirectory(c.Ctx(), q)
		return err
	})
	return f, err
}

// versionPage is one version: what it was made from, what changed with it, and
// how to take it back.
func (p *Portal) versionPage(c *Call) error {
	f, err := p.readVersion(c, c.ID(), c.R.PathValue("number"))
	if err != nil {
		return err
	}
	v := f.version
	page := ui.Page{Back: &ui.Link{Text: f.dataset.Title, Href: "/catalogue/" + f.dataset.ID}, Above: f.dataset.Title, Head: fmt.Sprintf("Version %d", v.Number), State: tag(v.State, false), Lead: sentence(orText(v.Says, "It is "+p.machines.version.States[v.State].Says))}
	rows := []ui.Row{{Key: "Edition", Text: v.Edition() + editionWords(v)}, {Key: "Published", Text: orText(when(v.Published), "not yet")}, {Key: "People", Text: orText(v.People, "not counted") + " (rounded)"}, {Key: "Linkage", Text: fmt.Sprintf("run %d", f.lineage.Linkage)}, {Key: "Named under key", Text: strconv.Itoa(v.Names())}, {Key: "Hash of its signed manifest", Text: v.Hash}}
	for _, t := range v.Tables {
		if t.Twice != "" {
			rows = append(rows, ui.Row{Key: "Told by two organisations", Text: t.Twice + " of " + t.RowText + " rows of " + t.Name + " (rounded): the same person, days and values; they are counted and stay"})
		}
	}
	rows = append(rows, p.syntheticRows(c, f)...)
	page.Body = []ui.Block{ui.Summary{Rows: rows}}
	page.Body = append(page.Body, changesBlocks(f)...)
	t := ui.Table{Caption: "The deliveries it was made from", Columns: ui.Cols("Source", "Organisation", "Delivery", "Received", "State"), Empty: &ui.Empty{Text: "None."}}
	for _, d := range f.lineage.Deliveries {
		t.Rows = append(t.Rows, []ui.Cell{{Text: d.Source, Head: true}, {Text: f.dir.org(d.Org)}, {Text: d.Name}, {Text: when(d.Received)}, {Tag: tag(d.State, false)}})
	}
	page.Body = append(page.Body, t)
	if len(v.Dictionary) > 0 {
		then := *f.dataset
		then.Tables = v.Dictionary
		page.Body = append(page.Body, ui.Details{Summary: "Its dictionary, with what was done to each variable", Body: dictionary(then, &v)})
	}
	if f.recall != nil {
		page.Body = append(page.Body, ui.Head2{Text: "Taken back"}, ui.Text{Text: sentence(f.recall.Why()) + " " + count(len(f.recall.Frozen), "extract") + " of it " + map[bool]string{true: "was", false: "were"}[len(f.recall.Frozen) == 1] + " frozen; what is not cut anew by " + day(f.recall.Due) + " is destroyed."})
	}
	more, err := p.endingBlocks(c, f)
	if err != nil {
		return err
	}
	page.Body = append(page.Body, more...)
	if off := c.Off("version.withdraw", "Dataset", f.dataset.ID); v.State == "published" && off == "" {
		page.Body = append(page.Body, withdrawForm(f))
	}
	return c.Page(page)
}

func withdrawForm(f *versionFacts) ui.Block {
	reason := ui.Field{Kind: "select", Name: "reason", Label: "Why"}
	for _, r := range slices.Sorted(maps.Keys(catalogue.RecallReasons())) {
		reason.Options = append(reason.Options, ui.Option{Value: r, Text: sentence(catalogue.RecallReasons()[r])})
	}
	return ui.Details{Summary: "Take this version back", Body: []ui.Block{
		ui.Text{Text: "Every extract cut from it is frozen with its workspaces. Each is cut anew when the next version is published, and destroyed when that has not happened in time. This cannot be undone: publish again instead."},
		ui.Form{Action: fmt.Sprintf("/catalogue/%s/versions/%d/withdraw", f.dataset.ID, f.version.Number), Fields: []ui.Field{reason, {Kind: "text", Narrow: true, Name: "days", Label: "Days within which frozen extracts have to be cut anew", Hint: "1 to 90", Value: "14"}}, Submit: ui.Button{Text: "Take it back", Look: "warning"}}}}
}

// editionWords say what an edition's number is for.
func editionWords(v catalogue.Version) string {
	if v.Major == 0 {
		return ""
	}
	return fmt.Sprintf(" (every permit for edition %d fits it)", v.Major)
}

// changesBlocks say what differs from the version before.
func changesBlocks(f *versionFacts) []ui.Block {
	if f.changes == nil {
		return []ui.Block{ui.Text{Text: "It is the first version."}}
	}
	ch := f.changes
	head := ui.Head2{Text: fmt.Sprintf("What changed since version %d", f.before.Number)}
	lines := changeLines(ch)
	if len(lines) == 0 && len(ch.Counts) == 0 {
		return []ui.Block{head, ui.Text{Text: "Nothing that rounded figures show."}}
	}
	out := []ui.Block{head}
	if len(lines) > 0 {
		out = append(out, ui.Bullets{Items: lines})
	}
	if len(ch.Counts) > 0 {
		t := ui.Table{Caption: "Counts, each as it was published: rounded", Columns: ui.Cols("What", "#Before", "#Now")}
		for _, x := range ch.Counts {
			t.Rows = append(t.Rows, []ui.Cell{{Text: capital(x.What), Head: true}, {Text: orText(x.Before, "none")}, {Text: orText(x.After, "none")}})
		}
		out = append(out, t)
	}
	return out
}

// changeLines says what changed, but for the counts.
func changeLines(ch *catalogue.Changes) []string {
	lines := slices.Clone(ch.Variables)
	for i := range lines {
		lines[i] = sentence(lines[i])
	}
	if ch.Relinked {
		lines = append(lines, "Records were linked again: some may belong to other persons than before.")
	}
	if n := len(ch.Added); n > 0 {
		lines = append(lines, sentence(count(n, "delivery")+" more"))
	}
	if n := len(ch.Gone); n > 0 {
		lines = append(lines, sentence(count(n, "delivery")+" no longer in it"))
	}
	return lines
}

func (p *Portal) withdrawVersion(c *Call) error {
	return c.Attempt(nil, func(form url.Values) (string, error) {
		f, err := p.readVersion(c, c.ID(), c.R.PathValue("number"))
		if err != nil {
			return "", err
		}
		days, err := strconv.Atoi(strings.TrimSpace(form.Get("days")))
		if err != nil {
			return "", ark.Faultf(ark.Invalid, "the number of days is not a number").At("", 0, "days").Do("give a number from 1 to 90")
		}
		_, err = p.cfg.Rooms.Catalogue.WithdrawVersion(c.Ctx(), c.Actor, c.ID(), f.version.ID, form.Get("reason"), days)
		return fmt.Sprintf("/catalogue/%s/versions/%d", c.ID(), f.version.Number), err
	})
}

type versionIn struct {
	One
	Number string `path:"number" maxLength:"9"`
}

// VersionDetail is a version with what it came from and what changed with it.
type VersionDetail struct {
	VersionOut
	Dictionary []catalogue.Table  `json:"dictionary"`
	Lineage    *catalogue.Lineage `json:"lineage"`
	Changes    *catalogue.Changes `json:"changes,omitempty" doc:"Since the version before"`
	Ending     EndingOut          `json:"ending"`
}

func (p *Portal) versionOperations(a *API) error {
	return errors.Join(
		operation(a, Op{Method: get, Path: "/datasets/{id}/versions/{number}", Action: "dataset.read", On: "Dataset", Tag: "Data", Summary: "A version: its dictionary, the deliveries it was made from, and what changed since the one before"}, func(c *Call, in *versionIn) (*Body[VersionDetail], error) {
			f, err := p.readVersion(c, in.ID, in.Number)
			if err != nil {
				return nil, err
			}
			kept, err := p.readKept(c, f)
			if err != nil {
				return nil, err
			}
			return &Body[VersionDetail]{VersionDetail{publicVersions([]catalogue.Version{f.version})[0], f.version.Dictionary, f.lineage, f.changes, endingOf(f.version, kept)}}, nil
		}),
		p.endingOperations(a),
	)
}
