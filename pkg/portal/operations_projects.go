package portal

import (
	"context"
	"errors"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
)

type titleIn struct {
	Body struct {
		Title string `json:"title" minLength:"1" maxLength:"300"`
	}
}

type applicationIn struct {
	One
	Body governance.Application
}

type reasonIn struct {
	One
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"20000"`
	}
}

type verdictIn struct {
	One
	Body governance.Verdict
}

// ProjectOut is a project with its application, reviews and permit.
type ProjectOut struct {
	governance.Project
	Answers *governance.Application `json:"answers"`
	Reviews []governance.Review     `json:"reviews"`
	Held    *governance.Permit      `json:"permit_in_force,omitempty"`
}

func (p *Portal) projectOperations(a *API) error {
	g := p.cfg.Rooms.Governance
	change := func(op Op, do func(c *Call, id string) error) error {
		op.On = "Project"
		return operation(a, op, func(c *Call, in *One) (*struct{}, error) { return nil, do(c, in.ID) })
	}
	withReason := func(op Op, do func(c *Call, id, reason string) error) error {
		op.On = "Project"
		return operation(a, op, func(c *Call, in *reasonIn) (*struct{}, error) { return nil, do(c, in.ID, in.Body.Reason) })
	}
	return errors.Join(
		operation(a, Op{Method: get, Path: "/projects", Action: "self.read", On: "Ark", Tag: "Projects", Summary: "Projects you may see"}, func(c *Call, in *Paged) (*Body[List[governance.Project]], error) {
			all, err := read(c, func(ctx context.Context, q store.Querier) ([]governance.Project, error) {
				return p.visibleProjects(c, q)
			})
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(x governance.Project) string { return x.ID }, *in), nil
		}),
		operation(a, Op{Method: post, Path: "/projects", Action: "project.create", On: "Ark", Tag: "Projects", Summary: "Start a project"}, func(c *Call, in *titleIn) (*Body[*governance.Project], error) {
			x, err := g.CreateProject(c.Ctx(), c.Actor, in.Body.Title)
			return &Body[*governance.Project]{x}, err
		}),
		operation(a, Op{Method: get, Path: "/projects/{id}", Action: "project.read", On: "Project", Tag: "Projects", Summary: "A project, its application, reviews and permit"}, func(c *Call, in *One) (*Body[ProjectOut], error) {
			f, err := p.readProject(c, in.ID)
			if err != nil {
				return nil, err
			}
			out := ProjectOut{Project: *f.project, Answers: f.app, Reviews: p.visibleReviews(c, f), Held: f.permit}
			return &Body[ProjectOut]{out}, nil
		}),
		operation(a, Op{Method: put, Path: "/projects/{id}/application", Action: "application.edit", On: "Project", Tag: "Projects", Summary: "Replace the answers of the open application"}, func(c *Call, in *applicationIn) (*struct{}, error) {
			return nil, g.EditApplication(c.Ctx(), c.Actor, in.ID, in.Body)
		}),
		change(Op{Method: post, Path: "/projects/{id}/submit", Action: "application.submit", Tag: "Projects", Summary: "Submit the application to the custodians"}, func(c *Call, id string) error { return g.Submit(c.Ctx(), c.Actor, id) }),
		withReason(Op{Method: post, Path: "/projects/{id}/withdraw", Action: "application.withdraw", Tag: "Projects", Summary: "Withdraw the application"}, func(c *Call, id, why string) error { return g.Withdraw(c.Ctx(), c.Actor, id, why) }),
		withReason(Op{Method: post, Path: "/projects/{id}/suspend", Action: "project.suspend", Tag: "Projects", Summary: "Suspend a project; its work is kept"}, func(c *Call, id, why string) error { return g.SuspendProject(c.Ctx(), c.Actor, id, why) }),
		change(Op{Method: post, Path: "/projects/{id}/resume", Action: "project.resume", Tag: "Projects", Summary: "Resume a suspended project"}, func(c *Call, id string) error { return g.ResumeProject(c.Ctx(), c.Actor, id) }),
		withReason(Op{Method: post, Path: "/projects/{id}/close", Action: "project.close", Tag: "Projects", Summary: "Close a project; its key and data are destroyed"}, func(c *Call, id, why string) error { return g.CloseProject(c.Ctx(), c.Actor, id, why) }),
		operation(a, Op{Method: get, Path: "/projects/{id}/permit", Action: "permit.read", On: "Project", Tag: "Projects", Summary: "The permit in force"}, func(c *Call, in *One) (*Body[*governance.Permit], error) {
			return read(c, func(ctx context.Context, q store.Querier) (*governance.Permit, error) {
				x, err := governance.GetProject(ctx, q, in.ID)
				if err != nil {
					return nil, err
				}
				return governance.GetPermit(ctx, q, x.Permit)
			})
		}),
		operation(a, Op{Method: get, Path: "/projects/{id}/extracts", Action: "project.read", On: "Project", Tag: "Projects", Summary: "Extracts of a project, without their bytes"}, func(c *Call, in *PagedOne) (*Body[List[ExtractOut]], error) {
			all, err := read(c, func(ctx context.Context, q store.Querier) ([]ExtractOut, error) {
				es, err := workspace.ExtractsOf(ctx, q, in.ID)
				var out []ExtractOut
				for _, e := range es {
					o := ExtractOut{ID: e.ID, Permit: e.Permit, State: e.State, Says: e.Says, Tables: map[string][]string{}, Renamed: e.Renamed}
					for _, t := range e.Tables {
						o.Tables[t.Name] = t.Variables
					}
					out = append(out, o)
				}
				return out, err
			})
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(e ExtractOut) string { return e.ID }, in.Paged), nil
		}),
		operation(a, Op{Method: get, Path: "/projects/{id}/releases", Action: "project.read", On: "Project", Tag: "Projects", Summary: "Releases of a project"}, func(c *Call, in *PagedOne) (*Body[List[airlock.Release]], error) {
			all, err := read(c, func(ctx context.Context, q store.Querier) ([]airlock.Release, error) {
				rs, err := airlock.ReleasesOf(ctx, q, in.ID)
				for i := range rs {
					rs[i] = withoutChecker(rs[i])
				}
				return rs, err
			})
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(r airlock.Release) string { return r.ID }, in.Paged), nil
		}),
		operation(a, Op{Method: get, Path: "/reviews", Action: "self.read", On: "Ark", Tag: "Reviews", Summary: "Reviews that wait for your organisation"}, func(c *Call, in *Paged) (*Body[List[governance.Review]], error) {
			all, err := read(c, func(ctx context.Context, q store.Querier) ([]governance.Review, error) {
				return governance.ReviewsWaitingFor(ctx, q, c.Viewer.Org)
			})
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(r governance.Review) string { return r.ID }, *in), nil
		}),
		operation(a, Op{Method: get, Path: "/reviews/{id}", Action: "review.decide", On: "Review", Tag: "Reviews", Summary: "A review that you may decide"}, func(c *Call, in *One) (*Body[*governance.Review], error) {
			return read(c, func(ctx context.Context, q store.Querier) (*governance.Review, error) {
				return governance.GetReview(ctx, q, in.ID)
			})
		}),
		operation(a, Op{Method: post, Path: "/reviews/{id}/decision", Action: "review.decide", On: "Review", Tag: "Reviews", Summary: "Decide for your organisation"}, func(c *Call, in *verdictIn) (*struct{}, error) {
			if err := oneOf("decision", in.Body.Decision, "approved", "changes-requested", "refused"); err != nil {
				return nil, err
			}
			return nil, g.Decide(c.Ctx(), c.Actor, in.ID, in.Body)
		}),
	)
}

// visibleReviews hides what others decided from a custodian who still has to.
func (p *Portal) visibleReviews(c *Call, f *projectFacts) []governance.Review {
	out := []governance.Review{}
	for _, r := range f.reviews {
		if !isMember(f.project, c.Actor.User) && r.State != "waiting" && p.hideOthers(c, f, r) {
			r.State, r.Reason, r.Conditions, r.By = "hidden", "", nil, ""
		}
		out = append(out, r)
	}
	return out
}

// ExtractOut is an extract without its objects.
type ExtractOut struct {
	ID     string              `json:"id"`
	Permit string              `json:"permit"`
	State  string              `json:"state"`
	Says   string              `json:"says,omitempty"`
	Tables map[string][]string `json:"tables"`

	Renamed []string `json:"renamed,omitempty" doc:"Datasets whose keys of things other than people are not those of the extract before"`
}

// withoutChecker hides which checker released: authors know "checker 1"; and
// what is kept of who stands behind it.
func withoutChecker(r airlock.Release) airlock.Release {
	r.By, r.Contributors, r.Exposure = "", objects.Ref{}, nil
	return r
}
