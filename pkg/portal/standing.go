package portal

import (
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) standingRoutes() []Route {
	on := thing("Standing")
	return []Route{
		{Pattern: "GET /standing", Action: "self.read", On: whole, Serve: p.standingList},
		{Pattern: "GET /standing/{id}", Action: "standing.read", On: on, Serve: p.standingPage},
		{Pattern: "POST /standing/{id}/approve", Action: "standing.approve", On: on, Serve: p.approveStanding},
		{Pattern: "POST /standing/{id}/decline", Action: "standing.decline", On: on, Serve: p.declineStanding},
		{Pattern: "POST /standing/{id}/end", Action: "standing.end", On: on, Serve: p.endStanding},
		{Pattern: "POST /standing/{id}/answer", Action: "standing.answer", On: on, Serve: p.answerStanding},
		{Pattern: "GET /releases/{id}/standing", Action: "standing.propose", On: thing("Release"), Serve: p.proposePage},
		{Pattern: "POST /releases/{id}/standing", Action: "standing.propose", On: thing("Release"), Serve: p.propose},
	}
}

// standingFacts are a standing output and what its page needs beside it.
type standingFacts struct {
	s     *airlock.Standing
	runs  []airlock.Run
	lacks []string
	x     *governance.Project
	dir   *directory
}

func (p *Portal) standingOf(c *Call, id string) (f standingFacts, err error) {
	err = c.view(func(q store.Querier) error {
		if f.s, err = airlock.GetStanding(c.Ctx(), q, id); err != nil {
			return err
		}
		if f.runs, err = airlock.RunsOf(c.Ctx(), q, id); err != nil {
			return err
		}
		if f.lacks, err = f.s.Lacks(c.Ctx(), q); err != nil {
			return err
		}
		if f.x, err = governance.GetProject(c.Ctx(), q, f.s.Project); err != nil {
			return err
		}
		f.dir, err = readDirectory(c.Ctx(), q)
		return err
	})
	return f, err
}

// standingList is every standing output that the viewer may see.
func (p *Portal) standingList(c *Call) error {
	var all []airlock.Standing
	titles := map[string]string{}
	latest := map[string]airlock.Run{}
	if err := c.view(func(q store.Querier) error {
		var err error
		if all, err = p.cfg.Rooms.Airlock.StandingsOf(c.Ctx(), q, c.Actor, ""); err != nil {
			return err
		}
		for _, s := range all {
			x, err := governance.GetProject(c.Ctx(), q, s.Project)
			if err != nil {
				return err
			}
			titles[s.Project] = x.Title
			rs, err := airlock.RunsOf(c.Ctx(), q, s.ID)
			if err != nil {
				return err
			}
			if len(rs) > 0 {
				latest[s.ID] = rs[0]
			}
		}
		return nil
	}); err != nil {
		return err
	}
	t := ui.Table{Caption: "Standing outputs, newest first", Columns: ui.Cols("What", "Project", "State", "#Recipients", "Latest run"),
		Empty: &ui.Empty{Text: "There is none that you may see. The author of a released table can ask on the release’s page that it be made again on each new version."}}
	for _, s := range all {
		s = s.For(c.Viewer.User, c.Viewer.Has(ark.Checker))
		run := ui.Cell{Text: "none yet"}
		if r, ok := latest[s.ID]; ok {
			run = ui.Cell{Tag: tag(r.State, false)}
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: s.Title, Href: "/standing/" + s.ID, Head: true}, {Text: titles[s.Project]}, {Tag: tag(s.State, false)}, {Text: number(len(s.Recipients))}, run})
	}
	if len(t.Rows) == 0 {
		t.Caption = "" // the page's own heading says it; a heading of the third level would skip one
	}
	return c.Page(ui.Page{Head: "Standing outputs", Lead: "Released tables that are made again on each new version of their data, checked, confirmed by one output checker, and sent to those who act on them.", Body: []ui.Block{t}})
}

// standingForm is one standing output: what it is, who has to act, its runs
// with their data-action latency, and what came of them.
func (p *Portal) standingForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		f, err := p.standingOf(c, c.ID())
		if err != nil {
			return ui.Page{}, err
		}
		s, base := f.s.For(c.Viewer.User, c.Viewer.Has(ark.Checker)), "/standing/"+f.s.ID
		page := ui.Page{Back: &ui.Link{Text: "Standing outputs", Href: "/standing"}, Above: f.x.Title, Head: s.Title, State: tag(s.State, false), Errors: wrong,
			Lead: "Made again on each new version of its data, checked like any output, confirmed by one output checker, and sent to its recipients."}
		page.Next = p.standingNext(c, f)
		page.Body = append(page.Body, standingFigures(f.runs)...)
		page.Body = append(page.Body, runTable(c, f))
		page.Body = append(page.Body, p.answerBlocks(c, f, typed, wrong)...)
		rows := []ui.Row{{Key: "Who acts on it, and how", Said: s.Use}, {Key: "File", Text: s.Name}, {Key: "Recipients", Lines: f.dir.userNames(s.Recipients)}, {Key: "Goes to", Text: s.Destination},
			{Key: "Disclosure rules", Text: s.Profile}, {Key: "First release", Link: &ui.Link{Text: "what was reviewed", Href: "/releases/" + s.Release}}}
		for _, a := range s.Approvals {
			who := "an output checker"
			if a.As == airlock.AsCustodian {
				who = "a custodian concerned"
			}
			rows = append(rows, ui.Row{Key: "Approved", Text: "by " + who + ", " + when(a.At)})
		}
		page.Body = append(page.Body, ui.Head2{Text: "What was asked for"}, ui.Summary{Rows: rows})
		return page, p.standingEnds(c, f, &page, base, typed, wrong)
	}
}

// standingNext says who has to act.
func (p *Portal) standingNext(c *Call, f standingFacts) *ui.Next {
	s, base := f.s, "/standing/"+f.s.ID
	n := &ui.Next{Tone: "wait", Text: sentence(p.machines.standing.States[s.State].Says), When: since(s.StateSince, c.Now())}
	switch {
	case len(f.lacks) > 0 && s.State != "trying":
		words := map[string]string{airlock.AsChecker: "an output checker who is not on the project", airlock.AsCustodian: "a custodian concerned, since somebody receives it who is not on the permit"}
		n.Text = "It waits for " + words[f.lacks[0]]
		if len(f.lacks) > 1 {
			n.Text += ", and for " + words[f.lacks[1]]
		}
		n.Text += "."
		err := p.cfg.Store.Check(c.Ctx(), c.Actor, "standing.approve", store.Resource{Type: "Standing", ID: s.ID})
		mine := c.Viewer.Has(ark.Checker) && slices.Contains(f.lacks, airlock.AsChecker) || c.Viewer.Has(ark.Custodian) && slices.Contains(f.lacks, airlock.AsCustodian) && s.Reviewed
		if !mine {
			break
		}
		switch {
		case ark.Is(err, ark.Unsigned):
			n.Tone, n.Text, n.Actions = "you", n.Text+" "+asksForStepUp, []ui.Button{{Text: "Approve", Action: base + "/approve"}}
		case err == nil:
			n.Tone, n.Actions = "you", []ui.Button{{Text: "Approve", Action: base + "/approve"}}
		default:
			n.Actions = []ui.Button{{Text: "Approve", Off: says(err)}}
		}
	case s.State == "active":
		n.Tone = "done"
		if len(f.runs) == 0 {
			n.Text += " There has been none since it was approved."
		}
	case s.Says != "":
		n.Tone, n.Text = "stopped", n.Text+" "+sentence(s.Says)
	}
	return n
}

// standingFigures sum up the data-action latency of a series.
func standingFigures(runs []airlock.Run) []ui.Block {
	var times []time.Duration
	acted, answered := 0, 0
	for _, r := range runs {
		if len(r.Answers) > 0 {
			answered++
		}
		if at := r.Acted(); !at.IsZero() {
			acted++
			if !r.Received.IsZero() {
				times = append(times, at.Sub(r.Received))
			}
		}
	}
	if answered == 0 {
		return nil
	}
	items := []ui.Figure{{Number: fmt.Sprintf("%d of %d", acted, answered), Text: "runs were acted on, say their recipients"}}
	if len(times) > 0 {
		sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
		items = append(items, ui.Figure{Number: seconds(times[len(times)/2]), Text: "data-action latency: from the arrival of the data to the action, median"})
	}
	return []ui.Block{ui.Figures{Items: items}}
}

// runTable is the runs with how long each step took since the one before.
func runTable(c *Call, f standingFacts) ui.Block {
	t := ui.Table{Caption: "Runs, newest first: how long after the step before", Columns: ui.Cols("Version", "State", "#Published", "#Made", "#Confirmed", "#Opened", "#Acted on", "#In all"),
		Empty: &ui.Empty{Text: "It has not run yet. It does when the next version of its data is published."}}
	step := func(from, to time.Time) ui.Cell {
		if from.IsZero() || to.IsZero() {
			return ui.Cell{Text: "–"}
		}
		return ui.Cell{Text: seconds(to.Sub(from))}
	}
	for _, r := range f.runs {
		v := ui.Cell{Text: "Version " + number(r.Number), Head: true, Soft: when(r.Published)}
		switch {
		case r.Release != "" && c.Off("release.read", "Release", r.Release) == "":
			v.Href = "/releases/" + r.Release
		case r.Request != "" && r.State == "in-review" && c.Off("request.vote", "Request", r.Request) == "":
			v.Href = "/queue/" + r.Request
		case r.Request != "" && c.Off("request.read", "Request", r.Request) == "" && c.Viewer.User == f.s.Author:
			v.Href = "/outputs/" + r.Request
		}
		state := ui.Cell{Tag: tag(r.State, false)}
		if r.Says != "" {
			state = ui.Cell{Tag: tag(r.State, false), Soft: sentence(r.Says)}
		}
		t.Rows = append(t.Rows, []ui.Cell{v, state, step(r.Received, r.Published), step(r.Published, r.Made), step(r.Made, r.Confirmed), step(r.Confirmed, r.Opened), step(r.Opened, r.Acted()), step(r.Received, r.Acted())})
	}
	return t
}

// answerBlocks are what recipients said, and the question to the viewer.
func (p *Portal) answerBlocks(c *Call, f standingFacts, typed url.Values, wrong []ui.Problem) []ui.Block {
	var out []ui.Block
	var said []ui.Entry
	recipient := slices.Contains(f.s.Recipients, c.Viewer.User)
	var open []ui.Option
	for _, r := range f.runs {
		if r.State != "delivered" && r.State != "answered" {
			continue
		}
		if !slices.ContainsFunc(r.Answers, func(a airlock.Answer) bool { return a.By == c.Viewer.User }) {
			open = append(open, ui.Option{Value: r.ID, Text: "Version " + number(r.Number) + ", sent " + when(r.Confirmed)})
		}
		for _, a := range r.Answers {
			text := "acted on version " + number(r.Number)
			if !a.Acted {
				text = "did not act on version " + number(r.Number)
			}
			e := ui.Entry{When: when(a.At), Who: f.dir.user(a.By), Text: text, Said: a.Says}
			if a.Benefit != "" {
				e.Said += "\n\nWho gained: " + a.Benefit
			}
			said = append(said, e)
		}
	}
	if recipient && len(open) > 0 {
		open[0].Chosen = typed == nil
		out = append(out, ui.Head2{Text: "Did you act on it?", ID: "answer"}, ui.Form{Action: "/standing/" + f.s.ID + "/answer", Fields: ui.Filled([]ui.Field{
			{Kind: "radios", Name: "run", Label: "Which one?", Options: open},
			{Kind: "radios", Name: "acted", Label: "Did you act on it?", Options: []ui.Option{{Value: "yes", Text: "Yes"}, {Value: "no", Text: "No"}}},
			{Kind: "area", Name: "says", Label: "What did you do, or why nothing?", Rows: 3, Max: 2000},
			{Kind: "area", Name: "benefit", Label: "Who gained from it, and how? (if you can say)", Rows: 3, Max: 2000}}, typed, wrong), Submit: ui.Button{Text: "Send your answer"}})
	}
	if len(said) > 0 {
		out = append(out, ui.Head2{Text: "What came of it"}, ui.Timeline{Items: said})
	}
	return out
}

// standingEnds puts the ways to decline or end it at the foot of the page.
func (p *Portal) standingEnds(c *Call, f standingFacts, page *ui.Page, base string, typed url.Values, wrong []ui.Problem) error {
	end := func(what, action, text string) {
		page.Body = append(page.Body, ui.Details{Summary: text, Body: []ui.Block{ui.Form{Action: base + "/" + what, Fields: ui.Filled([]ui.Field{{Kind: "area", Name: "reason", Label: "Why?", Rows: 2, Max: 2000}}, typed, wrong), Submit: ui.Button{Text: text, Look: "warning", Off: c.Off(action, "Standing", f.s.ID)}}}})
	}
	switch f.s.State {
	case "proposed", "paused":
		if c.Off("standing.decline", "Standing", f.s.ID) == "" {
			end("decline", "standing.decline", "Decline it")
			return nil
		}
	case "declined", "ended":
		return nil
	}
	if c.Off("standing.end", "Standing", f.s.ID) == "" {
		end("end", "standing.end", "End it for good")
	}
	return nil
}

func (p *Portal) standingPage(c *Call) error { return p.draw(c, p.standingForm(c)) }

func (p *Portal) approveStanding(c *Call) error {
	return c.Attempt(p.standingForm(c), func(url.Values) (string, error) {
		return "/standing/" + c.ID(), p.cfg.Rooms.Airlock.Approve(c.Ctx(), c.Actor, c.ID())
	})
}

func (p *Portal) declineStanding(c *Call) error {
	return c.Attempt(p.standingForm(c), func(form url.Values) (string, error) {
		return "/standing/" + c.ID(), p.cfg.Rooms.Airlock.Decline(c.Ctx(), c.Actor, c.ID(), form.Get("reason"))
	})
}

func (p *Portal) endStanding(c *Call) error {
	return c.Attempt(p.standingForm(c), func(form url.Values) (string, error) {
		return "/standing/" + c.ID(), p.cfg.Rooms.Airlock.EndStanding(c.Ctx(), c.Actor, c.ID(), form.Get("reason"))
	})
}

func (p *Portal) answerStanding(c *Call) error {
	return c.Attempt(p.standingForm(c), func(form url.Values) (string, error) {
		if a := form.Get("acted"); a != "yes" && a != "no" {
			return "", ark.Faultf(ark.Invalid, "say whether you acted on it").At("", 0, "acted")
		}
		return "/standing/" + c.ID() + "#answer", p.cfg.Rooms.Airlock.Answer(c.Ctx(), c.Actor, c.ID(), form.Get("run"),
			airlock.Answer{Acted: form.Get("acted") == "yes", Says: form.Get("says"), Benefit: form.Get("benefit")})
	})
}

// proposeForm asks what shall be made again, and for whom.
func (p *Portal) proposeForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		var r *airlock.Release
		var x *governance.Project
		var dir *directory
		if err := c.view(func(q store.Querier) error {
			var err error
			if r, err = airlock.GetRelease(c.Ctx(), q, c.ID()); err != nil {
				return err
			}
			if x, err = governance.GetProject(c.Ctx(), q, r.Project); err != nil {
				return err
			}
			dir, err = readDirectory(c.Ctx(), q)
			return err
		}); err != nil {
			return ui.Page{}, err
		}
		file := ui.Field{Kind: "radios", Name: "file", Label: "Which table?", Hint: "One that was submitted with its specification."}
		for i, f := range r.Files {
			file.Options = append(file.Options, ui.Option{Value: strconv.Itoa(f.Ordinal), Text: f.Name, Chosen: typed == nil && i == 0})
		}
		to := ui.Field{Kind: "checks", Name: "recipients", Label: "Who receives it each time?", Hint: "They act on it. Where one of them is not on the permit, a custodian concerned is asked too."}
		for _, u := range dir.users {
			if !u.Suspended && !u.Has(ark.Checker) { // who checks is no recipient, and nobody's to know
				to.Options = append(to.Options, ui.Option{Value: u.ID, Text: u.Name, Hint: dir.org(u.Org)})
			}
		}
		sort.Slice(to.Options, func(i, j int) bool { return to.Options[i].Text < to.Options[j].Text })
		return ui.Page{Back: &ui.Link{Text: "The release", Href: "/releases/" + r.ID}, Above: x.Title, Head: "Make it again on each new version", Errors: wrong,
			Lead: "Each time a version of the data is published, this Ark makes the table again, checks it beside all that left before, has one output checker confirm it, and sends it to the recipients, who are asked whether they acted on it.",
			Body: []ui.Block{ui.Form{Action: "/releases/" + r.ID + "/standing", Guard: true, Fields: ui.Filled([]ui.Field{file,
				{Kind: "text", Name: "title", Label: "What shall it be called?", Hint: "Recipients read this."},
				{Kind: "area", Name: "use", Label: "Who acts on it, and how?", Hint: "What is decided by it, and how often. Approvers and recipients read this.", Rows: 4, Max: 2000}, to}, typed, wrong),
				Submit: ui.Button{Text: "Ask for it"}, Cancel: &ui.Link{Text: "Cancel", Href: "/releases/" + r.ID}}}}, nil
	}
}

func (p *Portal) proposePage(c *Call) error { return p.draw(c, p.proposeForm(c)) }

func (p *Portal) propose(c *Call) error {
	return c.Attempt(p.proposeForm(c), func(form url.Values) (string, error) {
		n, err := strconv.Atoi(form.Get("file"))
		if err != nil {
			return "", ark.Faultf(ark.Invalid, "choose a table").At("", 0, "file")
		}
		s, err := p.cfg.Rooms.Airlock.Propose(c.Ctx(), c.Actor, c.ID(), airlock.Proposal{File: n, Title: form.Get("title"), Use: form.Get("use"), Recipients: form["recipients"]})
		if err != nil {
			return "", err
		}
		return "/standing/" + s.ID, nil
	})
}

// waitingStanding is what of standing outputs waits for the viewer: to be
// approved, or to be answered.
func (p *Portal) waitingStanding(c *Call, q store.Querier) ([]todo, error) {
	var out []todo
	ss, rs, err := p.cfg.Rooms.Airlock.WaitsForAnswer(c.Ctx(), q, c.Viewer.User)
	if err != nil {
		return nil, err
	}
	for i, s := range ss {
		what := "has come; say whether you act on it"
		out = append(out, todo{Text: s.Title, Href: "/standing/" + s.ID, Since: rs[i].Confirmed, What: what})
	}
	if c.Viewer.Role != ark.Checker && c.Viewer.Role != ark.Custodian {
		return out, nil
	}
	all, err := p.cfg.Rooms.Airlock.StandingsOf(c.Ctx(), q, c.Actor, "")
	if err != nil {
		return nil, err
	}
	for i := range all {
		s := &all[i]
		lacks, err := s.Lacks(c.Ctx(), q)
		if err != nil {
			return nil, err
		}
		as := map[ark.Role]string{ark.Checker: airlock.AsChecker, ark.Custodian: airlock.AsCustodian}[c.Viewer.Role]
		if !slices.Contains(lacks, as) || as == airlock.AsCustodian && !s.Reviewed || p.cfg.Store.CheckIn(c.Ctx(), q, c.Actor, "standing.decline", store.Resource{Type: "Standing", ID: s.ID}) != nil {
			continue
		}
		out = append(out, todo{Text: s.For("", false).Title, Href: "/standing/" + s.ID, Since: s.StateSince, What: "asks to be made again on each new version"})
	}
	return out, nil
}
