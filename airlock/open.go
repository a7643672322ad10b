package airlock

import (
	"context"
	"time"

	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// OpenRequest is a request that is not settled, for those who may give it to
// another author: nothing that its author wrote, and nothing of a review.
type OpenRequest struct {
	ID      string    `json:"id"`
	State   string    `json:"state"`
	Author  string    `json:"author"`
	Round   int       `json:"round"`
	Outputs int       `json:"outputs"`
	Created time.Time `json:"created"`
}

// OpenOf lists a project's requests that can be given to another author and that
// actor may give, oldest first.
func (x *Room) OpenOf(ctx context.Context, q store.Querier, actor store.Actor, project string) ([]OpenRequest, error) {
	all, err := requests.Where(ctx, q, "project = $1 AND state NOT IN ('released','rejected','withdrawn','approved')", project)
	if err != nil {
		return nil, err
	}
	var out []OpenRequest
	for _, r := range all {
		if x.machine.Final(r.State) || x.St.CheckIn(ctx, q, actor, "request.reassign", resource(r.ID)) != nil {
			continue
		}
		o := OpenRequest{ID: r.ID, Author: r.Author, Round: r.Round, Created: r.Created}
		o.State, _ = r.shown(nil)
		for _, f := range r.Files {
			if f.Kind == KindOutput {
				o.Outputs++
			}
		}
		out = append(out, o)
	}
	return out, nil
}

// Reassignable is what a page needs to give a request to another author: who it
// is of, its project, and the permit that names who could take it.
func (x *Room) Reassignable(ctx context.Context, q store.Querier, request string) (OpenRequest, *governance.Project, *governance.Permit, error) {
	r, err := requests.Get(ctx, q, request)
	if err != nil {
		return OpenRequest{}, nil, nil, err
	}
	p, err := governance.GetProject(ctx, q, r.Project)
	if err != nil {
		return OpenRequest{}, nil, nil, err
	}
	permit, err := governance.GetPermit(ctx, q, r.Permit)
	return OpenRequest{ID: r.ID, Author: r.Author}, p, permit, err
}
