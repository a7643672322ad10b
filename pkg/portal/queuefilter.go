package portal

import (
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/portal/ui"
)

// filterOf reads a filter of the queue from an address. What it does not know
// it leaves out.
func filterOf(q url.Values) airlock.QueueFilter {
	one := func(name string, allowed ...string) string {
		if v := q.Get(name); slices.Contains(allowed, v) {
			return v
		}
		return ""
	}
	f := airlock.QueueFilter{State: one("state", "submitted", "reviewed", "contested", "appealed"), Class: one("class", "output", "code", "standing"), Risk: one("risk", "high", "medium", "low"),
		Whose: one("whose", "mine", "unclaimed"), Overdue: q.Get("overdue") == "yes", Offset: int(min(atoi(q.Get("from")), 1_000_000))}
	if id := q.Get("project"); ark.CheckID(ark.PrefixProject, id) == nil {
		f.Project = id
	}
	f.Offset = max(f.Offset, 0)
	return f
}

// query writes a filter into an address.
func filterQuery(f airlock.QueueFilter) string {
	v := url.Values{}
	for name, x := range map[string]string{"project": f.Project, "state": f.State, "class": f.Class, "risk": f.Risk, "whose": f.Whose} {
		if x != "" {
			v.Set(name, x)
		}
	}
	if f.Overdue {
		v.Set("overdue", "yes")
	}
	if f.Offset > 0 {
		v.Set("from", fmt.Sprint(f.Offset))
	}
	if len(v) == 0 {
		return "/queue"
	}
	return "/queue?" + v.Encode()
}

// filterLinks are the usual filters and the viewer's own.
func filterLinks(f airlock.QueueFilter, saved []airlock.SavedFilter) ui.Block {
	f.Offset = 0
	links := []ui.Link{}
	add := func(text string, x airlock.QueueFilter) {
		links = append(links, ui.Link{Text: text, Href: filterQuery(x), Current: x == f})
	}
	add("Everything", airlock.QueueFilter{})
	add("Mine", airlock.QueueFilter{Whose: "mine"})
	add("Taken by nobody", airlock.QueueFilter{Whose: "unclaimed"})
	add("Past their time", airlock.QueueFilter{Overdue: true})
	add("High risk", airlock.QueueFilter{Risk: "high"})
	add("Code", airlock.QueueFilter{Class: "code"})
	add("To settle", airlock.QueueFilter{State: "reviewed"})
	for _, s := range saved {
		add(s.Name, s.Filter)
	}
	return ui.Links{Items: links, Row: true}
}

func queuePager(f airlock.QueueFilter, qp airlock.QueuePage) ui.Block {
	pg := ui.Pager{Summary: count(qp.Open, "request")}
	if qp.Next > 0 {
		next := f
		next.Offset = qp.Next
		pg.Next = filterQuery(next)
	}
	if f.Offset > 0 {
		prev := f
		prev.Offset = max(0, f.Offset-50)
		pg.Previous = filterQuery(prev)
	}
	return pg
}

// loadTable says what each checker has in hand.
func (p *Portal) loadTable(dir *directory, load map[string]int) ui.Block {
	var who []string
	for id, u := range dir.users {
		if slices.Contains(u.Roles, ark.Checker) && !u.Suspended {
			who = append(who, id)
		}
	}
	sort.Slice(who, func(i, j int) bool {
		if load[who[i]] != load[who[j]] {
			return load[who[i]] > load[who[j]]
		}
		return dir.user(who[i]) < dir.user(who[j])
	})
	t := ui.Table{Caption: "What each output checker has taken", Columns: ui.Cols("Output checker", "#Requests")}
	for _, id := range who {
		t.Rows = append(t.Rows, []ui.Cell{{Text: dir.user(id), Head: true}, {Text: number(load[id])}})
	}
	return ui.Details{Summary: "Load of each output checker", Body: []ui.Block{t}}
}

func saveFilterForm(f airlock.QueueFilter) ui.Block {
	return ui.Details{Summary: "Keep this filter under a name", Body: []ui.Block{ui.Form{Action: "/queue/filters", Hidden: []ui.Pair{{Name: "filter", Value: strings.TrimPrefix(strings.TrimPrefix(filterQuery(f), "/queue"), "?")}},
		Fields: []ui.Field{{Kind: "text", Name: "name", Label: "Name", Narrow: true, Hint: "Everything under the name of one you keep takes that one away."}}, Submit: ui.Button{Text: "Keep it", Look: "secondary"}}}}
}

func (p *Portal) saveFilter(c *Call) error {
	return c.Attempt(nil, func(form url.Values) (string, error) {
		q, err := url.ParseQuery(form.Get("filter"))
		if err != nil {
			q = url.Values{}
		}
		f := filterOf(q)
		return filterQuery(f), p.cfg.Rooms.Airlock.SaveFilter(c.Ctx(), c.Actor, form.Get("name"), f)
	})
}

func riskTag(risk string) *ui.Tag {
	return map[string]*ui.Tag{"high": {Text: "High", Colour: ui.Red}, "medium": {Text: "Look closely", Colour: ui.Yellow}, "low": {Text: "Low", Colour: ui.Green}}[risk]
}

func turnFigure(t airlock.Turnaround) ui.Figure {
	if t.Rounds == 0 {
		return ui.Figure{Number: "–", Text: "no round decided in 90 days"}
	}
	return ui.Figure{Number: wait(t.Median), Text: "median round of 90 days; 9 of 10 within " + wait(t.P90)}
}

func firstNames(dir *directory, ids []string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = dir.user(id)
	}
	return out
}

// decided reads a yes or no with its reason from a form.
func decided(form url.Values) (bool, string, error) {
	d := form.Get("decision")
	if err := oneOf("decision", d, "yes", "no"); err != nil {
		return false, "", err
	}
	return d == "yes", form.Get("reason"), nil
}

func (p *Portal) override(c *Call) error {
	return c.Attempt(p.checkForm(c), func(form url.Values) (string, error) {
		yes, why, err := decided(form)
		if err != nil {
			return "", err
		}
		return "/queue", p.cfg.Rooms.Airlock.Override(c.Ctx(), c.Actor, c.ID(), yes, why)
	})
}

func (p *Portal) waive(c *Call) error {
	return c.Attempt(p.signForm(c), func(form url.Values) (string, error) {
		yes, why, err := decided(form)
		if err != nil {
			return "", err
		}
		return "/sign-offs", p.cfg.Rooms.Airlock.Waive(c.Ctx(), c.Actor, c.ID(), yes, why)
	})
}

func (p *Portal) arbitrate(c *Call) error {
	return c.Attempt(p.checkForm(c), func(form url.Values) (string, error) {
		yes, why, err := decided(form)
		if err != nil {
			return "", err
		}
		return "/queue", p.cfg.Rooms.Airlock.Arbitrate(c.Ctx(), c.Actor, c.ID(), yes, why)
	})
}

func (p *Portal) signOff(c *Call) error {
	return c.Attempt(p.signForm(c), func(form url.Values) (string, error) {
		yes, why, err := decided(form)
		if err != nil {
			return "", err
		}
		return "/sign-offs", p.cfg.Rooms.Airlock.SignOff(c.Ctx(), c.Actor, c.ID(), yes, why)
	})
}

func (p *Portal) resolve(c *Call) error {
	return c.Attempt(p.checkForm(c), func(form url.Values) (string, error) {
		return backToFile(c.ID(), form), p.cfg.Rooms.Airlock.Resolve(c.Ctx(), c.Actor, c.ID(), form.Get("comment"), form.Get("done") == "yes")
	})
}

func (p *Portal) assign(c *Call) error {
	return c.Attempt(p.checkForm(c), func(form url.Values) (string, error) {
		return "/queue", p.cfg.Rooms.Airlock.Assign(c.Ctx(), c.Actor, c.ID(), form.Get("user"), form.Get("give") != "no")
	})
}

// assignForm gives the request to another output checker.
func (p *Portal) assignForm(c *Call, v airlock.View, dir *directory) ui.Block {
	pick := ui.Field{Kind: "select", Name: "user", Label: "Output checker"}
	for id, u := range dir.users {
		if slices.Contains(u.Roles, ark.Checker) && !u.Suspended && id != c.Actor.User {
			pick.Options = append(pick.Options, ui.Option{Value: id, Text: u.Name + ", " + dir.org(u.Org)})
		}
	}
	slices.SortFunc(pick.Options, func(a, b ui.Option) int { return strings.Compare(a.Text, b.Text) })
	return ui.Details{Summary: "Give it to another output checker", Body: []ui.Block{ui.Form{Action: "/queue/" + v.ID + "/assign", Fields: []ui.Field{pick}, Submit: ui.Button{Text: "Give it", Look: "secondary", Off: c.Off("request.assign", "Request", v.ID)}}}}
}

// agreementText says how far checkers vote alike, each on their own.
func agreementText(a airlock.Agreement) ui.Block {
	if a.Pairs < 10 {
		return ui.Details{Summary: "Agreement of output checkers", Body: []ui.Block{ui.Text{Text: "It is shown once ten pairs of votes have been cast."}}}
	}
	text := fmt.Sprintf("Of %s pairs of votes on one file, each cast without knowing the other, %d in 100 were alike.", number(a.Pairs), 100*a.Same/a.Pairs)
	if a.Seen > 0 {
		text += fmt.Sprintf(" Outputs known to be bad were put before checkers %s; they were stopped %s.", count(a.Seen, "time"), count(a.Stopped, "time"))
	}
	return ui.Details{Summary: "Agreement of output checkers", Body: []ui.Block{ui.Text{Text: text}}}
}
