package portal

import (
	"context"
	"errors"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// StandingOut is a standing output with its runs. What was said of it to
// checkers alone is not in it.
type StandingOut struct {
	ID          string        `json:"id"`
	Project     string        `json:"project"`
	Release     string        `json:"release"`
	State       string        `json:"state"`
	Says        string        `json:"says,omitempty"`
	Title       string        `json:"title"`
	Use         string        `json:"use"`
	Name        string        `json:"name"`
	Destination string        `json:"destination"`
	Recipients  []string      `json:"recipients"`
	Waits       []string      `json:"waits_for" doc:"Whose approval it lacks: checker, custodian"`
	Created     time.Time     `json:"created"`
	Runs        []airlock.Run `json:"runs"`
}

// standingOut is a standing output as who asks may read it.
func standingOut(ctx context.Context, q store.Querier, c *Call, whole *airlock.Standing) (*StandingOut, error) {
	s := whole.For(c.Viewer.User, c.Viewer.Has(ark.Checker))
	out := &StandingOut{ID: s.ID, Project: s.Project, Release: s.Release, State: s.State, Says: s.Says, Title: s.Title, Use: s.Use, Name: s.Name, Destination: s.Destination, Recipients: s.Recipients, Created: s.Created, Runs: []airlock.Run{}}
	rs, err := airlock.RunsOf(ctx, q, s.ID)
	if err != nil {
		return nil, err
	}
	out.Runs = append(out.Runs, rs...)
	out.Waits, err = s.Lacks(ctx, q)
	if out.Waits == nil {
		out.Waits = []string{}
	}
	return out, err
}

type proposeIn struct {
	One
	Body airlock.Proposal
}

type answerIn struct {
	One
	Body struct {
		Run     string `json:"run" maxLength:"80"`
		Acted   bool   `json:"acted"`
		Says    string `json:"says" minLength:"1" maxLength:"20000" doc:"What was done, or why nothing"`
		Benefit string `json:"benefit,omitempty" maxLength:"20000" doc:"Who gained from it, and how"`
	}
}

func (p *Portal) standingOperations(a *API) error {
	x := p.cfg.Rooms.Airlock
	return errors.Join(
		operation(a, Op{Method: get, Path: "/standing", Action: "self.read", On: "Ark", Tag: "Standing outputs", Summary: "The standing outputs that you may see"}, func(c *Call, in *Paged) (*Body[List[*StandingOut]], error) {
			all, err := read(c, func(ctx context.Context, q store.Querier) ([]*StandingOut, error) {
				ss, err := x.StandingsOf(ctx, q, c.Actor, "")
				if err != nil {
					return nil, err
				}
				var out []*StandingOut
				for i := range ss {
					o, err := standingOut(ctx, q, c, &ss[i])
					if err != nil {
						return nil, err
					}
					out = append(out, o)
				}
				return out, nil
			})
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(s *StandingOut) string { return s.ID }, *in), nil
		}),
		operation(a, Op{Method: get, Path: "/standing/{id}", Action: "standing.read", On: "Standing", Tag: "Standing outputs", Summary: "A standing output with its runs"}, func(c *Call, in *One) (*Body[*StandingOut], error) {
			return read(c, func(ctx context.Context, q store.Querier) (*StandingOut, error) {
				s, err := airlock.GetStanding(ctx, q, in.ID)
				if err != nil {
					return nil, err
				}
				return standingOut(ctx, q, c, s)
			})
		}),
		operation(a, Op{Method: post, Path: "/releases/{id}/standing", Action: "standing.propose", On: "Release", Tag: "Standing outputs", Summary: "Ask that a released table be made again on each new version"}, func(c *Call, in *proposeIn) (*Body[*StandingOut], error) {
			s, err := x.Propose(c.Ctx(), c.Actor, in.ID, in.Body)
			if err != nil {
				return nil, err
			}
			return read(c, func(ctx context.Context, q store.Querier) (*StandingOut, error) { return standingOut(ctx, q, c, s) })
		}),
		operation(a, Op{Method: post, Path: "/standing/{id}/approve", Action: "standing.approve", On: "Standing", Tag: "Standing outputs", Summary: "Approve a standing output; needs a fresh second factor"}, func(c *Call, in *One) (*struct{}, error) {
			return nil, x.Approve(c.Ctx(), c.Actor, in.ID)
		}),
		reasonedOn(a, "/standing/{id}/decline", "standing.decline", "Decline a standing output", x.Decline),
		reasonedOn(a, "/standing/{id}/end", "standing.end", "End a standing output for good", x.EndStanding),
		operation(a, Op{Method: post, Path: "/standing/{id}/answer", Action: "standing.answer", On: "Standing", Tag: "Standing outputs", Summary: "Say whether you acted on a run"}, func(c *Call, in *answerIn) (*struct{}, error) {
			return nil, x.Answer(c.Ctx(), c.Actor, in.ID, in.Body.Run, airlock.Answer{Acted: in.Body.Acted, Says: in.Body.Says, Benefit: in.Body.Benefit})
		}),
	)
}

func reasonedOn(a *API, path, action, summary string, do func(context.Context, store.Actor, string, string) error) error {
	return operation(a, Op{Method: post, Path: path, Action: action, On: "Standing", Tag: "Standing outputs", Summary: summary}, func(c *Call, in *reasonIn) (*struct{}, error) {
		return nil, do(c.Ctx(), c.Actor, in.ID, in.Body.Reason)
	})
}
