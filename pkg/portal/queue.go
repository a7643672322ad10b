package portal

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) queueRoutes() []Route {
	act := func(name, action string, serve func(*Call) error) Route {
		return Route{Pattern: "POST /queue/{id}/" + name, Action: action, On: thing("Request"), Serve: serve}
	}
	return []Route{
		{Pattern: "GET /queue", Action: "self.read", On: whole, Serve: p.queue},
		{Pattern: "POST /queue/filters", Action: "self.read", On: whole, Serve: p.saveFilter},
		{Pattern: "GET /queue/{id}", Action: "request.vote", On: thing("Request"), Serve: p.checkPage},
		{Pattern: "GET /queue/{id}/release", Action: "request.vote", On: thing("Request"), Serve: p.releasePage},
		act("claim", "request.vote", p.claim),
		act("assign", "request.assign", p.assign),
		act("override", "request.override", p.override),
		act("waive", "request.waive", p.waive),
		act("arbitrate", "request.arbitrate", p.arbitrate),
		act("sign-off", "request.sign-off", p.signOff),
		act("resolve", "request.comment", p.resolve),
		act("vote", "request.vote", p.vote),
		act("finish", "request.vote", p.finish),
		act("comment", "request.comment", p.checkerComment),
		act("return", "request.return", p.returnRequest),
		act("reject", "request.reject", p.reject),
		act("release", "request.release", p.releaseRequest),
	}
}

// mostWaiting is how many requests a checker's home lists: those at the top of
// the queue that are the checker's own, and then those that nobody has taken.
const mostWaiting = 20

func (p *Portal) waitingForChecker(c *Call, q store.Querier) ([]todo, error) {
	var out []todo
	titles := map[string]string{}
	for _, whose := range []string{"mine", "unclaimed"} {
		page, err := p.cfg.Rooms.Airlock.QueuePage(c.Ctx(), q, c.Actor, airlock.QueueFilter{Whose: whose, Limit: mostWaiting})
		if err != nil {
			return nil, err
		}
		for _, l := range page.Lines {
			if l.Yours == "finished" && l.State != "reviewed" || len(out) == mostWaiting {
				continue
			}
			if titles[l.Project] == "" {
				x, err := governance.GetProject(c.Ctx(), q, l.Project)
				if err != nil {
					return nil, err
				}
				titles[l.Project] = x.Title
			}
			out = append(out, todo{Text: "Outputs of " + titles[l.Project], Href: "/queue/" + l.ID, Since: l.Since, What: queueWords(l)})
		}
	}
	return out, nil
}

func queueWords(l airlock.QueueLine) string {
	switch {
	case l.State == "contested":
		return "decide whether a failed check applies"
	case l.State == "appealed":
		return "decide on the author’s appeal"
	case l.State == "reviewed":
		return "settle it and release or return"
	case l.Yours == "started":
		return "go on with your review"
	default:
		return "review " + count(l.Outputs, "file")
	}
}

// queue lists what waits for output checkers: risk and age together. Nothing on
// it was written in a workspace.
func (p *Portal) queue(c *Call) error {
	f := filterOf(c.R.URL.Query())
	var qp airlock.QueuePage
	var saved []airlock.SavedFilter
	var turn airlock.Turnaround
	var agree airlock.Agreement
	titles, purpose := map[string]string{}, map[string]string{}
	var dir *directory
	err := c.view(func(q store.Querier) error {
		var err error
		if qp, err = p.cfg.Rooms.Airlock.QueuePage(c.Ctx(), q, c.Actor, f); err != nil {
			return err
		}
		if dir, err = readDirectory(c.Ctx(), q); err != nil {
			return err
		}
		for _, l := range qp.Lines {
			if _, ok := titles[l.Project]; ok {
				continue
			}
			x, err := governance.GetProject(c.Ctx(), q, l.Project)
			if err != nil {
				return err
			}
			titles[l.Project] = x.Title
			if x.Permit != "" {
				if permit, err := governance.GetPermit(c.Ctx(), q, x.Permit); err == nil {
					purpose[l.Project] = joinMost(append(purposeWords(permit.Purposes), "goes to "+permit.Destination), 4)
				}
			}
		}
		if saved, err = airlock.SavedFilters(c.Ctx(), q, c.Actor.User); err != nil {
			return err
		}
		if agree, err = airlock.ReadAgreement(c.Ctx(), q); err != nil {
			return err
		}
		turn, err = airlock.TurnaroundSince(c.Ctx(), q, c.Now().AddDate(0, 0, -90))
		return err
	})
	if err != nil {
		return err
	}
	t := ui.Table{Caption: "Waiting for output checkers, most pressing first", Columns: ui.Cols("Project", "State", "Risk", "#Files", "#Findings", "#Round", "Due", "Taken by", "You"),
		Empty: &ui.Empty{Text: "Nothing waits here. Requests appear when their automatic checks are done."}}
	for _, l := range qp.Lines {
		yours := l.Yours != "finished" || l.State == "reviewed"
		you := ui.Cell{Text: map[string]string{"": "not started", "started": "started", "finished": "finished"}[l.Yours]}
		taken := "nobody yet"
		if len(l.Claimed) > 0 {
			taken = strings.Join(firstNames(dir, l.Claimed), ", ")
		}
		if l.Yours == "" && !slices.Contains(l.Claimed, c.Actor.User) && l.State != "contested" && l.State != "appealed" {
			you = ui.Cell{Button: &ui.Button{Text: "Take it", Action: "/queue/" + l.ID + "/claim", Look: "secondary"}}
		}
		due := ui.Cell{Text: "in " + wait(l.Due.Sub(c.Now()))}
		if c.Now().After(l.Due) {
			due = ui.Cell{Tag: &ui.Tag{Text: wait(c.Now().Sub(l.Due)) + " late", Colour: ui.Red}}
		}
		title := titles[l.Project]
		if l.Class == airlock.ClassCode {
			title += " (code)"
		}
		t.Rows = append(t.Rows, []ui.Cell{{Text: title, Href: "/queue/" + l.ID, Head: true, Soft: purpose[l.Project]}, {Tag: tag(l.State, yours)}, {Tag: riskTag(l.Risk)}, {Text: fmt.Sprintf("%d", l.Outputs), Soft: supportText(l.Supporting)}, {Text: number(l.Findings)}, {Text: number(l.Round)}, due, {Text: taken}, you})
	}
	page := ui.Page{Head: "Queue", Wide: true, Lead: "Outputs that wait for a second pair of eyes. You never see those of your own projects.", Body: []ui.Block{
		ui.Figures{Items: []ui.Figure{{Number: number(qp.Open), Text: "waiting"}, {Number: number(qp.Late), Text: "past their time"}, {Number: number(qp.Free), Text: "taken by nobody"}, turnFigure(turn)}},
		filterLinks(f, saved), t, queuePager(f, qp), p.loadTable(dir, qp.Load), agreementText(agree), saveFilterForm(f), ui.Links{Items: []ui.Link{{Text: "Published elsewhere: tables that outputs are compared with", Href: "/published"}}}}}
	if !c.Viewer.Has(ark.Checker) {
		page.Notice = &ui.Notice{Text: "Only output checkers have a queue."}
		page.Body = []ui.Block{t}
	}
	return c.Page(page)
}

func supportText(n int) string {
	if n == 0 {
		return ""
	}
	return "and " + number(n) + " supporting"
}

func (p *Portal) claim(c *Call) error {
	return c.Attempt(nil, func(url.Values) (string, error) {
		return "/queue/" + c.ID(), p.cfg.Rooms.Airlock.Claim(c.Ctx(), c.Actor, c.ID())
	})
}

// backToFile keeps the eye where it was after a vote or a comment.
func backToFile(id string, form url.Values) string {
	if f := form.Get("file"); f != "" {
		return "/queue/" + id + "?file=" + url.QueryEscape(f)
	}
	return "/queue/" + id
}

func (p *Portal) vote(c *Call) error {
	return c.Attempt(p.checkForm(c), func(form url.Values) (string, error) {
		return backToFile(c.ID(), form), p.cfg.Rooms.Airlock.Vote(c.Ctx(), c.Actor, c.ID(), form.Get("file"), form.Get("vote"))
	})
}

func (p *Portal) finish(c *Call) error {
	return c.Attempt(p.checkForm(c), func(form url.Values) (string, error) {
		return "/queue/" + c.ID(), p.cfg.Rooms.Airlock.Finish(c.Ctx(), c.Actor, c.ID())
	})
}

func (p *Portal) checkerComment(c *Call) error {
	return c.Attempt(p.checkForm(c), func(form url.Values) (string, error) {
		x := airlock.Comment{Group: -1, File: form.Get("file"), Cell: strings.TrimSpace(form.Get("cell")), Reply: form.Get("reply"), Text: form.Get("text"), Public: form.Get("public") == "yes"}
		return backToFile(c.ID(), form), p.cfg.Rooms.Airlock.Comment(c.Ctx(), c.Actor, c.ID(), x)
	})
}

func (p *Portal) returnRequest(c *Call) error {
	return c.Attempt(p.checkForm(c), func(form url.Values) (string, error) {
		return "/queue", p.cfg.Rooms.Airlock.Return(c.Ctx(), c.Actor, c.ID())
	})
}

func (p *Portal) reject(c *Call) error {
	return c.Attempt(p.checkForm(c), func(form url.Values) (string, error) {
		return "/queue", p.cfg.Rooms.Airlock.Reject(c.Ctx(), c.Actor, c.ID(), form.Get("reason"))
	})
}
