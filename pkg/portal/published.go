package portal

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/portal/viewer"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) publishedRoutes() []Route {
	return []Route{
		{Pattern: "GET /published", Action: "published.read", On: whole, Serve: p.publishedList},
		{Pattern: "POST /published", Action: "published.add", On: whole, Serve: p.addPublished, Body: airlock.MaxPublished + 1<<20, Time: downloadTime},
		{Pattern: "GET /published/{id}", Action: "published.read", On: whole, Serve: p.publishedPage},
		{Pattern: "POST /published/{id}/withdraw", Action: "published.withdraw", On: whole, Serve: p.withdrawPublished},
	}
}

// publishedInPage is how many published tables a page lists.
const publishedInPage = 50

// publishedLines are the published tables and the datasets that they are about.
func (p *Portal) publishedLines(c *Call) (all []airlock.PublishedTable, of []catalogue.Dataset, err error) {
	err = c.view(func(q store.Querier) error {
		if all, err = airlock.PublishedTables(c.Ctx(), q); err != nil {
			return err
		}
		of, err = catalogue.Datasets(c.Ctx(), q)
		return err
	})
	return all, of, err
}

// publishedForm lists the published tables, and asks for another.
func (p *Portal) publishedForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		all, of, err := p.publishedLines(c)
		if err != nil {
			return ui.Page{}, err
		}
		titles, about := map[string]string{}, ui.Field{Kind: "select", Name: "dataset", Label: "Dataset that it is about"}
		for _, d := range of {
			titles[d.ID] = d.Title
			about.Options = append(about.Options, ui.Option{Value: d.ID, Text: d.Title})
		}
		at, err := strconv.Atoi(c.Query("page"))
		if err != nil || at < 1 || (at-1)*publishedInPage >= len(all) {
			at = 1
		}
		pager := ui.Pager{Summary: count(len(all), "table")}
		if at > 1 {
			pager.Previous = "/published?page=" + strconv.Itoa(at-1)
		}
		if at*publishedInPage < len(all) {
			pager.Next = "/published?page=" + strconv.Itoa(at+1)
		}
		t := ui.Table{Caption: "Published tables, the one added last first", Columns: ui.Cols("Table", "Published", "Dataset", "State", "#Figures", "Added"), Empty: &ui.Empty{Text: "No table has been added yet."}}
		for _, x := range all[(at-1)*publishedInPage : min(len(all), at*publishedInPage)] {
			t.Rows = append(t.Rows, []ui.Cell{{Text: x.Title, Href: "/published/" + x.ID, Head: true}, {Text: isoText(x.On)}, {Text: titles[x.Dataset]}, {Tag: tag(x.State, false)}, {Text: number(x.Figures)}, {Text: day(x.Added)}})
		}
		fields := []ui.Field{{Kind: "text", Name: "title", Label: "What it shows"}, {Kind: "text", Name: "cited", Label: "Where it was published", Hint: "A citation or an address that others find it by."},
			{Kind: "date", Narrow: true, Name: "on", Label: "Published on"}, about,
			{Kind: "text", Narrow: true, Name: "unit", Label: "What a figure counts", Hint: "For example: people, admissions, euros."},
			{Kind: "area", Name: "population", Label: "Who is counted", Hint: "The population, the period and what was left out, as it was published.", Rows: 3, Max: 2000},
			{Kind: "file", Name: "file", Label: "The table", Hint: "CSV, TSV, XLSX or ODS with a heading, at most " + number(airlock.MaxPublished>>20) + " MB.", Accept: "." + strings.Join(airlock.PublishedEndings(), ",.")}}
		return ui.Page{Back: &ui.Link{Text: "Queue", Href: "/queue"}, Head: "Published elsewhere", Errors: wrong, Wide: true,
			Lead: "Tables about the same people that left by other ways: in papers, or on an office’s pages. Every new output is compared with their figures, as with earlier releases.",
			Body: []ui.Block{t, pager, ui.Head2{Text: "Add a table"}, ui.Form{Action: "/published", Multipart: true, Guard: true, Fields: ui.Filled(fields, typed, wrong), Submit: ui.Button{Text: "Add", Off: c.Off("published.add", "Ark", "ark")}}}}, nil
	}
}

// isoText writes a day that is stored as 2026-03-31.
func isoText(iso string) string {
	t, err := time.Parse(time.DateOnly, iso)
	if err != nil {
		return iso
	}
	return day(t)
}

func (p *Portal) publishedList(c *Call) error { return p.draw(c, p.publishedForm(c)) }

// takenTable reads the table that is added; its file is sealed as it comes.
func (p *Portal) takenTable(c *Call) (form url.Values, g airlock.Given, err error) {
	form, files, err := c.sealed(publishedFolder, 1)
	for _, f := range files {
		g.Name, g.File = f.Name, f.Ref
	}
	g.Title, g.Cited, g.On, g.Dataset, g.Unit, g.Population = form.Get("title"), form.Get("cited"), form.Get("on"), form.Get("dataset"), form.Get("unit"), form.Get("population")
	return form, g, err
}

// publishedFolder is where the files of published tables lie, which are of no
// project.
const publishedFolder = "published"

func (p *Portal) addPublished(c *Call) error {
	form, g, err := p.takenTable(c)
	var next string
	if err == nil {
		var x *airlock.PublishedTable
		if x, err = p.cfg.Rooms.Airlock.AddPublished(c.Ctx(), c.Actor, g); err == nil {
			next = "/published/" + x.ID
		}
	}
	return c.answer(p.publishedForm(c), form, next, err)
}

// publishedOne is one published table, and how it is taken back.
func (p *Portal) publishedOne(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var x *airlock.PublishedTable
		var d *catalogue.Dataset
		var dir *directory
		if err := c.view(func(q store.Querier) (err error) {
			if x, err = airlock.GetPublished(c.Ctx(), q, c.ID()); err != nil {
				return err
			}
			if d, err = catalogue.GetDataset(c.Ctx(), q, x.Dataset); err != nil {
				return err
			}
			dir, err = readDirectory(c.Ctx(), q)
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		base := "/published/" + x.ID
		page := ui.Page{Back: &ui.Link{Text: "Published elsewhere", Href: "/published"}, Above: d.Title, Head: x.Title, State: tag(x.State, false), Errors: wrong, Lead: "A table that was published elsewhere. Output checkers read its identifier where an output conflicts with it; authors do not."}
		page.Next = &ui.Next{Tone: "wait", Text: sentence(p.machines.published.States[x.State].Says), When: since(x.StateSince, c.Now())}
		switch x.State {
		case "kept":
			page.Next.Tone = "done"
		case "refused":
			page.Next.Tone, page.Next.Text = "stopped", sentence(x.Says)
		}
		rows := []ui.Row{{Key: "Where it was published", Text: x.Cited}, {Key: "On", Text: isoText(x.On)}, {Key: "What a figure counts", Text: x.Unit}, {Key: "Who is counted", Text: x.Population}, {Key: "Figures that outputs are compared with", Text: number(x.Figures)},
			{Key: "Added", Text: when(x.Added) + " by " + dir.user(x.By)}, {Key: "Identifier", Text: x.ID}}
		if len(x.WithdrawnBy) > 0 {
			var who []string
			for _, id := range x.WithdrawnBy {
				who = append(who, dir.user(id))
			}
			rows = append(rows, ui.Row{Key: "Taken back by", Text: strings.Join(who, ", ")}, ui.Row{Key: "Because", Text: x.Says})
		}
		page.Body = append(page.Body, ui.Summary{Rows: rows})
		if x.State != "refused" && p.cfg.FileViewer != nil && p.cfg.Rooms.Outputs != nil {
			src, err := p.cfg.FileViewer.Ticket(viewer.File{Name: x.Name, Size: x.File.Size, Pages: p.pagesOf(x.File),
				Damaged: func(ctx context.Context) {
					p.cfg.Log.ErrorContext(ctx, "the stored file of a published table is damaged", "table", x.ID)
				},
				Open: func(ctx context.Context) (io.ReadCloser, error) {
					return p.cfg.Rooms.Outputs.Open(ctx, publishedFolder, x.File)
				}})
			if err != nil {
				return page, err
			}
			page.Body = append(page.Body, ui.Head2{Text: "The table"}, ui.Viewer{Title: "The table as it was added", Src: src})
		}
		off := c.Off("published.withdraw", "Ark", "ark")
		switch {
		case off != "":
		case x.State == "kept":
			page.Body = append(page.Body, ui.Details{Summary: "Take it back", Body: []ui.Block{ui.Text{Text: "Another output checker has to agree. Until then outputs are compared with it."},
				ui.Form{Action: base + "/withdraw", Fields: ui.Filled([]ui.Field{{Kind: "area", Name: "reason", Label: "Why was it a mistake?", Rows: 2, Max: 2000}}, typed, wrong), Submit: ui.Button{Text: "Ask to take it back", Look: "warning"}}}})
		case x.State == "withdrawing":
			page.Body = append(page.Body, ui.Form{Action: base + "/withdraw", Submit: ui.Button{Text: "Agree to take it back", Look: "warning"}})
		}
		return page, nil
	}
}

func (p *Portal) publishedPage(c *Call) error { return p.draw(c, p.publishedOne(c)) }

func (p *Portal) withdrawPublished(c *Call) error {
	return c.Attempt(p.publishedOne(c), func(form url.Values) (string, error) {
		return "/published/" + c.ID(), p.cfg.Rooms.Airlock.WithdrawPublished(c.Ctx(), c.Actor, c.ID(), form.Get("reason"))
	})
}

type withdrawPublishedIn struct {
	One
	Body struct {
		Reason string `json:"reason,omitempty" maxLength:"20000" doc:"Why it was a mistake; the second who agrees need not say"`
	}
}

func (p *Portal) publishedOperations(a *API) error {
	x, tag := p.cfg.Rooms.Airlock, "Published elsewhere"
	return errors.Join(
		operation(a, Op{Method: get, Path: "/published", Action: "published.read", On: "Ark", Tag: tag, Summary: "The tables published elsewhere that outputs are compared with"}, func(c *Call, in *Paged) (*Body[List[airlock.PublishedTable]], error) {
			all, err := read(c, airlock.PublishedTables)
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(x airlock.PublishedTable) string { return x.ID }, *in), nil
		}),
		operation(a, Op{Method: get, Path: "/published/{id}", Action: "published.read", On: "Ark", Tag: tag, Summary: "A table published elsewhere"}, func(c *Call, in *One) (*Body[*airlock.PublishedTable], error) {
			return read(c, func(ctx context.Context, q store.Querier) (*airlock.PublishedTable, error) {
				return airlock.GetPublished(ctx, q, in.ID)
			})
		}),
		operation(a, Op{Method: post, Path: "/published", Action: "published.add", On: "Ark", Tag: tag, Summary: "Add a table published elsewhere, as multipart/form-data: title, cited, on, dataset, unit, population, and a part files", Body: airlock.MaxPublished + 1<<20, Stream: true}, func(c *Call, in *None) (*Body[*airlock.PublishedTable], error) {
			_, g, err := p.takenTable(c)
			if err != nil {
				return nil, err
			}
			t, err := x.AddPublished(c.Ctx(), c.Actor, g)
			return &Body[*airlock.PublishedTable]{t}, err
		}),
		operation(a, Op{Method: post, Path: "/published/{id}/withdraw", Action: "published.withdraw", On: "Ark", Tag: tag, Summary: "Ask that a published table be taken back, or agree as the second output checker"}, func(c *Call, in *withdrawPublishedIn) (*struct{}, error) {
			return nil, x.WithdrawPublished(c.Ctx(), c.Actor, in.ID, in.Body.Reason)
		}),
	)
}
