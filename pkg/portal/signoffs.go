package portal

import (
	"fmt"
	"net/url"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) signOffRoutes() []Route {
	return []Route{
		{Pattern: "GET /sign-offs", Action: "self.read", On: whole, Serve: p.signOffList},
		{Pattern: "GET /sign-offs/{id}", Action: "request.read", On: thing("Request"), Serve: p.signOffPage},
	}
}

// signOffList is what waits for the sign-off or the waiver of the viewer.
func (p *Portal) signOffList(c *Call) error {
	var vs []airlock.View
	var titles map[string]string
	if err := c.view(func(q store.Querier) error {
		var err error
		if vs, err = p.cfg.Rooms.Airlock.WaitsForSign(c.Ctx(), q, c.Actor); err != nil {
			return err
		}
		titles, err = projectTitles(c, q, vs)
		return err
	}); err != nil {
		return err
	}
	t := ui.Table{Caption: "Waiting for you", Columns: ui.Cols("Project", "What", "#Files", "#Waiting"), Empty: &ui.Empty{Text: "No release waits for your sign-off. You are asked where a permit says so."}}
	for _, v := range vs {
		what := "sign off the release"
		if v.State == "contested" {
			what = "say whether a rule of your contract applies"
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: titles[v.Project], Href: "/sign-offs/" + v.ID, Head: true}, {Text: what}, {Text: number(len(v.Files))}, {Text: wait(c.Now().Sub(v.StateSince))}})
	}
	return c.Page(ui.Page{Head: "Sign-offs", Lead: "Releases that need your consent before they leave, beside the output checkers’.", Body: []ui.Block{t}})
}

// signForm shows a custodian or lay reviewer what is to leave and asks for
// consent.
func (p *Portal) signForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		v, x, err := p.requestAndProject(c)
		if err != nil {
			return ui.Page{}, err
		}
		page := ui.Page{Back: &ui.Link{Text: "Sign-offs", Href: "/sign-offs"}, Above: x.Title, Head: "Sign off a release", State: tag(v.State, true), Wide: true, Errors: wrong,
			Lead: fmt.Sprintf("The output checkers have finished. With your consent the files go to: %s.", v.Destination)}
		contested := v.State == "contested" && v.Contest != nil
		if contested {
			page.Head, page.Lead = "A rule of your contract", "An automatic check failed under a rule that only you may waive."
		}
		in := fileInHand(v, c.Query("file"), typed)
		t := ui.Table{Caption: "Files", Columns: ui.Cols("#No.", "File", "Kind", "#Size", "Automatic checks")}
		for _, f := range v.Files {
			t.Rows = append(t.Rows, []ui.Cell{{Text: number(f.Ordinal)}, {Text: f.Name, Href: "/sign-offs/" + v.ID + "?file=" + f.ID, Head: true}, {Text: f.Kind}, {Text: bytesText(f.Ref.Size)}, {Tag: verdictTag(f.Verdict)}})
		}
		page.Body = []ui.Block{t}
		if in != nil {
			page.Body = append(page.Body, ui.Head2{Text: fmt.Sprintf("File %d", in.Ordinal)})
			if src, err := p.showFile(c, v, *in, nil); err != nil {
				page.Body = append(page.Body, ui.Text{Text: says(err)})
			} else {
				page.Body = append(page.Body, ui.Viewer{Title: fmt.Sprintf("File %d", in.Ordinal), Src: src})
			}
			if in.Group >= 0 && in.Group < len(v.Groups) {
				page.Body = append(page.Body, ui.Head2{Text: "What the author says"}, contextSummary(v.Groups[in.Group]))
			}
		}
		page.Body = append(page.Body, findingBlocks(v)...)
		if contested {
			page.Body = append(page.Body, p.decideBeside(c, v)...)
			return page, nil
		}
		page.Body = append(page.Body, ui.Form{Action: "/queue/" + v.ID + "/sign-off", Fields: ui.Filled([]ui.Field{
			{Kind: "radios", Name: "decision", Label: "Your decision", Options: []ui.Option{{Value: "yes", Text: "I consent to the release"}, {Value: "no", Text: "I object"}}},
			{Kind: "area", Name: "reason", Label: "Why? (needed for an objection)", Rows: 3}}, typed, wrong), Submit: ui.Button{Text: "Decide", Off: c.Off("request.sign-off", "Request", v.ID)}})
		return page, nil
	}
}

func (p *Portal) signOffPage(c *Call) error { return p.draw(c, p.signForm(c)) }

// waitingSigns are the sign-offs on the home page of who has to give them.
func (p *Portal) waitingSigns(c *Call, q store.Querier) ([]todo, error) {
	vs, err := p.cfg.Rooms.Airlock.WaitsForSign(c.Ctx(), q, c.Actor)
	if err != nil {
		return nil, err
	}
	var out []todo
	for _, v := range vs {
		x, err := governance.GetProject(c.Ctx(), q, v.Project)
		if err != nil {
			return nil, err
		}
		what := "asks for your consent to a release"
		if v.State == "contested" {
			what = "asks whether a rule of your contract applies"
		}
		out = append(out, todo{Text: x.Title, Href: "/sign-offs/" + v.ID, Since: v.StateSince, What: what})
	}
	return out, nil
}

// waitingIncidents are the open incidents that the viewer has to know of.
func (p *Portal) waitingIncidents(c *Call, q store.Querier) ([]todo, error) {
	all, err := airlock.IncidentsFor(c.Ctx(), q, c.Actor.User)
	if err != nil {
		return nil, err
	}
	var out []todo
	for _, i := range all {
		if i.Input != "" {
			href := "/inputs/" + i.Input + "/incident"
			if c.Off("input.settle", "Input", i.Input) != "" {
				href = "/inputs/" + i.Input
			}
			out = append(out, todo{Text: "A file to be brought in was found damaged", Href: href, Since: i.At, What: "it does not come in; what it was is decided by " + when(i.ReportBy)})
			continue
		}
		if i.Request != "" {
			href := "/incidents/" + i.Request
			if c.Off("request.settle", "Request", i.Request) != "" {
				href = "/outputs/" + i.Request
			}
			out = append(out, todo{Text: "A submitted file was found damaged", Href: href, Since: i.At, What: "it cannot leave; what it was is decided by " + when(i.ReportBy)})
			continue
		}
		out = append(out, todo{Text: "A release should not have left", Href: "/releases/" + i.Release, Since: i.At, What: "stop using it; what it turns out to be is decided by " + when(i.ReportBy)})
	}
	return out, nil
}
