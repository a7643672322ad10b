package portal

import (
	"context"
	"errors"

	"github.com/ark-tre/ark/airlock/ingress"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) inputOperations(a *API) error {
	x := p.cfg.Rooms.Ingress
	return errors.Join(
		operation(a, Op{Method: get, Path: "/inputs", Action: "self.read", On: "Ark", Tag: "Bringing in", Summary: "The inputs that you may see"}, func(c *Call, in *Paged) (*Body[List[ingress.Input]], error) {
			all, err := read(c, func(ctx context.Context, q store.Querier) ([]ingress.Input, error) { return x.Seen(ctx, q, c.Actor) })
			if err != nil {
				return nil, err
			}
			for i := range all.Body {
				all.Body[i] = withoutApprovers(all.Body[i], c.Actor.User)
			}
			return page(all.Body, func(i ingress.Input) string { return i.ID }, *in), nil
		}),
		operation(a, Op{Method: get, Path: "/inputs/{id}", Action: "input.read", On: "Input", Tag: "Bringing in", Summary: "An input, what its checks found and what it waits for"}, func(c *Call, in *One) (*Body[ingress.Input], error) {
			return read(c, func(ctx context.Context, q store.Querier) (ingress.Input, error) {
				i, err := ingress.Get(ctx, q, in.ID)
				if err != nil {
					return ingress.Input{}, err
				}
				return withoutApprovers(*i, c.Actor.User), nil
			})
		}),
		operation(a, Op{Method: post, Path: "/workspaces/{id}/inputs", Action: "input.submit", On: "Workspace", Tag: "Bringing in", Summary: "Ask that files be brought in, as multipart/form-data: title, kind, origin, why, people, and parts files", Body: ingress.MaxBytes + 1<<20, Stream: true}, func(c *Call, in *One) (*Body[*ingress.Input], error) {
			_, asked, err := p.taken(c)
			if err != nil {
				return nil, err
			}
			i, err := x.Submit(c.Ctx(), c.Actor, in.ID, asked)
			return &Body[*ingress.Input]{i}, err
		}),
		operation(a, Op{Method: post, Path: "/inputs/{id}/approve", Action: "input.approve", On: "Input", Tag: "Bringing in", Summary: "Let an input in; needs a fresh second factor"}, func(c *Call, in *One) (*struct{}, error) {
			return nil, x.Approve(c.Ctx(), c.Actor, in.ID)
		}),
		operation(a, Op{Method: post, Path: "/inputs/{id}/reject", Action: "input.reject", On: "Input", Tag: "Bringing in", Summary: "Refuse an input for good"}, func(c *Call, in *reasonIn) (*struct{}, error) {
			return nil, x.Reject(c.Ctx(), c.Actor, in.ID, in.Body.Reason)
		}),
		operation(a, Op{Method: post, Path: "/inputs/{id}/settle", Action: "input.settle", On: "Input", Tag: "Bringing in", Summary: "Record what damaged files of an input turned out to be"}, func(c *Call, in *settleIn) (*struct{}, error) {
			return nil, x.SettleDamage(c.Ctx(), c.Actor, in.ID, in.Body.Outcome, in.Body.Lesson)
		}),
		operation(a, Op{Method: post, Path: "/inputs/{id}/withdraw", Action: "input.withdraw", On: "Input", Tag: "Bringing in", Summary: "Take an input back"}, func(c *Call, in *One) (*struct{}, error) {
			return nil, x.Withdraw(c.Ctx(), c.Actor, in.ID)
		}),
	)
}

// withoutApprovers is an input without who approved it, but for oneself.
func withoutApprovers(i ingress.Input, me string) ingress.Input {
	out := i.Approvals[:0:0]
	for _, a := range i.Approvals {
		if a.Human = ""; a.By != me {
			a.By = ""
		}
		out = append(out, a)
	}
	i.Approvals = out
	return i
}
