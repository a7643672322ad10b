package portal

import (
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// todo is one thing that waits for the user.
type todo struct {
	Text  string
	Href  string
	Since time.Time
	What  string
}

// waiting lists what waits for the user in the role in hand, oldest first. It
// is drawn on every page, so a failure to read it shows as nothing waiting.
func (p *Portal) waiting(c *Call) []todo {
	if c.Viewer == nil {
		return nil
	}
	if c.todos != nil {
		return *c.todos
	}
	var out, pairs []todo
	err := c.view(func(q store.Querier) error {
		var err error
		if c.Viewer.Role == ark.Custodian || c.Viewer.Role == ark.DataEngineer {
			if pairs, err = p.waitingPairs(c, q); err != nil {
				return err
			}
			traces, err := p.waitingTraces(c, q)
			if err != nil {
				return err
			}
			pairs = append(traces, pairs...)
		}
		switch c.Viewer.Role {
		case ark.Researcher:
			out, err = p.waitingForResearcher(c, q)
		case ark.Custodian, ark.LayReviewer:
			out, err = p.waitingForCustodian(c, q)
		case ark.Checker:
			out, err = p.waitingForChecker(c, q)
		case ark.DataEngineer:
			out, err = p.waitingForEngineer(c, q)
		case ark.Operator:
			out, err = p.waitingForOperator(c, q)
		}
		if err != nil {
			return err
		}
		more, err := p.waitingIncidents(c, q)
		if err != nil {
			return err
		}
		standing, err := p.waitingStanding(c, q)
		if err != nil {
			return err
		}
		in, err := p.waitingInputs(c, q)
		out = append(append(append(more, out...), standing...), in...)
		return err
	})
	if err != nil {
		p.cfg.Log.WarnContext(c.Ctx(), "what waits could not be read", "err", err)
	}
	out = append(out, pairs...)
	c.todos = &out
	return out
}

func (p *Portal) waitingForResearcher(c *Call, q store.Querier) ([]todo, error) {
	ps, err := governance.ProjectsOf(c.Ctx(), q, c.Viewer.User)
	if err != nil {
		return nil, err
	}
	var out []todo
	for _, x := range ps {
		if x.Lead == c.Viewer.User && p.machines.project.States[x.State].Owner == "lead" {
			out = append(out, todo{Text: x.Title, Href: "/projects/" + x.ID, Since: x.StateSince, What: p.machines.project.States[x.State].Says})
		}
	}
	more, err := p.waitingOutputs(c, q)
	return append(out, more...), err
}

func (p *Portal) waitingForCustodian(c *Call, q store.Querier) ([]todo, error) {
	rs, err := governance.ReviewsWaitingFor(c.Ctx(), q, c.Viewer.Org)
	if err != nil {
		return nil, err
	}
	var out []todo
	for _, r := range rs {
		pr, err := governance.GetProject(c.Ctx(), q, r.Project)
		if err != nil {
			return nil, err
		}
		if pr.State != "in-review" {
			continue
		}
		out = append(out, todo{Text: pr.Title, Href: "/reviews/" + r.ID, Since: r.Asked, What: "asks for your data"})
	}
	counts, err := p.waitingCounts(c, q)
	if err != nil {
		return nil, err
	}
	ends, err := p.waitingEnds(c, q)
	if err != nil {
		return nil, err
	}
	more, err := p.waitingSigns(c, q)
	return slices.Concat(out, counts, ends, more), err
}
