package portal

import (
	"fmt"
	"net/url"

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
		{Pattern: "GET /queue/{id}", Action: "request.vote", On: thing("Request"), Serve: p.checkPage},
		{Pattern: "GET /queue/{id}/release", Action: "request.vote", On: thing("Request"), Serve: p.releasePage},
		act("claim", "request.vote", p.claim),
		act("vote", "request.vote", p.vote),
		act("finish", "request.vote", p.finish),
		act("comment", "request.comment", p.checkerComment),
		act("return", "request.return", p.returnRequest),
		act("reject", "request.reject", p.reject),
		act("release", "request.release", p.releaseRequest),
	}
}

func (p *Portal) waitingForChecker(c *Call, q store.Querier) ([]todo, error) {
	qs, err := p.cfg.Rooms.Airlock.Queue(c.Ctx(), q, c.Actor)
	if err != nil {
		return nil, err
	}
	var out []todo
	for _, l := range qs {
		if l.Yours == "finished" && l.State != "reviewed" {
			continue
		}
		x, err := governance.GetProject(c.Ctx(), q, l.Project)
		if err != nil {
			return nil, err
		}
		out = append(out, todo{Text: "Outputs of " + x.Title, Href: "/queue/" + l.ID, Since: l.Since, What: queueWords(l)})
	}
	return out, nil
}

func queueWords(l airlock.QueueLine) string {
	switch {
	case l.State == "reviewed":
		return "settle it and release or return"
	case l.Yours == "started":
		return "go on with your review"
	default:
		return "review " + count(l.Outputs, "file")
	}
}

// queue lists what waits for output checkers: risk first, then age. Nothing on
// it was written in a workspace.
func (p *Portal) queue(c *Call) error {
	var qs []airlock.QueueLine
	titles, purpose := map[string]string{}, map[string][]string{}
	err := c.view(func(q store.Querier) error {
		var err error
		if qs, err = p.cfg.Rooms.Airlock.Queue(c.Ctx(), q, c.Actor); err != nil {
			return err
		}
		for _, l := range qs {
			x, err := governance.GetProject(c.Ctx(), q, l.Project)
			if err != nil {
				return err
			}
			titles[l.Project] = x.Title
			if x.Permit != "" {
				if permit, err := governance.GetPermit(c.Ctx(), q, x.Permit); err == nil {
					purpose[l.Project] = purposeWords(permit.Purposes)
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	t := ui.Table{Caption: "Waiting for output checkers", Columns: ui.Cols("Project", "State", "Risk", "#Files", "#Findings", "#Round", "#Waiting", "You"),
		Empty: &ui.Empty{Text: "The queue is empty. Requests appear here when their automatic checks are done."}}
	for _, l := range qs {
		yours := l.Yours != "finished" || l.State == "reviewed"
		soft := ""
		if len(purpose[l.Project]) > 0 {
			soft = purpose[l.Project][0]
		}
		you := map[string]string{"": "not started", "started": "started", "finished": "finished"}[l.Yours]
		t.Rows = append(t.Rows, []ui.Cell{{Text: titles[l.Project], Href: "/queue/" + l.ID, Head: true, Soft: soft}, {Tag: tag(l.State, yours)}, {Tag: verdictTag(l.Worst)}, {Text: fmt.Sprintf("%d", l.Outputs), Soft: supportText(l.Supporting)}, {Text: number(l.Findings)}, {Text: number(l.Round)}, {Text: wait(c.Now().Sub(l.Since))}, {Text: you}})
	}
	page := ui.Page{Head: "Queue", Lead: "Outputs that wait for a second pair of eyes. You never see those of your own projects.", Body: []ui.Block{t}}
	if !c.Viewer.Has(ark.Checker) {
		page.Notice = &ui.Notice{Text: "Only output checkers have a queue."}
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
		x := airlock.Comment{Group: -1, File: form.Get("file"), Text: form.Get("text"), Public: form.Get("public") == "yes"}
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
