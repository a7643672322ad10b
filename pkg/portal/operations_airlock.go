package portal

import (
	"context"
	"errors"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/ledger"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/volume"
)

// SubmissionIn names files of the outbox and their context, group by group. A
// submission of one group may name it without the list.
type SubmissionIn struct {
	One
	Body struct {
		Groups     []GroupIn      `json:"groups,omitempty" maxItems:"9"`
		Output     []string       `json:"output,omitempty" maxItems:"25" doc:"Of one group: names in the outbox that are to leave"`
		Supporting []string       `json:"supporting,omitempty" maxItems:"25" doc:"Of one group: names that only checkers see"`
		Group      *airlock.Group `json:"group,omitempty"`
		Class      string         `json:"class,omitempty" enum:",code" doc:"Code has one checker and a day's time"`
		Prepared   bool           `json:"prepared,omitempty" doc:"Take groups, files and context from the outbox itself: request.json, the results of ACRO, or output specifications"`
		Answer     string         `json:"answer,omitempty" maxLength:"20000" doc:"On resubmission: what you changed"`
	}
}

func (in *SubmissionIn) groups() []GroupIn {
	if in.Body.Group == nil {
		return in.Body.Groups
	}
	return append([]GroupIn{{Group: *in.Body.Group, Output: in.Body.Output, Supporting: in.Body.Supporting}}, in.Body.Groups...)
}

type voteIn struct {
	One
	Body struct {
		File string `json:"file" maxLength:"80"`
		Vote string `json:"vote" enum:"approve,changes"`
	}
}

type commentIn struct {
	One
	Body struct {
		Text   string `json:"text" minLength:"1" maxLength:"20000"`
		File   string `json:"file,omitempty" maxLength:"80"`
		Cell   string `json:"cell,omitempty" maxLength:"40" doc:"Of the file: B7, or line 12"`
		Reply  string `json:"reply,omitempty" maxLength:"80" doc:"The comment that it answers"`
		Group  int    `json:"group" default:"-1" minimum:"-1"`
		Public bool   `json:"public,omitempty" doc:"For the author too, after the round"`
	}
}

type releaseIn struct {
	One
	Body struct {
		Partial bool `json:"partial,omitempty" doc:"Release only the approved files"`
	}
}

type decideIn struct {
	One
	Body struct {
		Yes    bool   `json:"yes"`
		Reason string `json:"reason,omitempty" maxLength:"20000"`
	}
}

type assignIn struct {
	One
	Body struct {
		User string `json:"user" maxLength:"80"`
		Take bool   `json:"take,omitempty" doc:"Take it from them instead"`
	}
}

type resolveIn struct {
	One
	Body struct {
		Comment string `json:"comment" maxLength:"80"`
		Open    bool   `json:"open,omitempty" doc:"Open it again"`
	}
}

type settleIn struct {
	One
	Body struct {
		Outcome string `json:"outcome" enum:"near-miss,breach"`
		Lesson  string `json:"lesson" minLength:"1" maxLength:"20000"`
	}
}

// reasoned is an operation that gives a reason; deciding one that decides.
func reasoned(a *API, path, action, on, summary string, do func(context.Context, store.Actor, string, string) error) error {
	return operation(a, Op{Method: post, Path: path, Action: action, On: on, Tag: "Airlock", Summary: summary}, func(c *Call, in *reasonIn) (*struct{}, error) {
		return nil, do(c.Ctx(), c.Actor, in.ID, in.Body.Reason)
	})
}

func deciding(a *API, path, action, summary string, do func(context.Context, store.Actor, string, bool, string) error) error {
	return operation(a, Op{Method: post, Path: path, Action: action, On: "Request", Tag: "Airlock", Summary: summary}, func(c *Call, in *decideIn) (*struct{}, error) {
		return nil, do(c.Ctx(), c.Actor, in.ID, in.Body.Yes, in.Body.Reason)
	})
}

// Entered is the way into a workspace, good once and for seconds.
type Entered struct {
	Address string `json:"address"`
}

func (p *Portal) workspaceOperations(a *API) error {
	w := p.cfg.Rooms.Workspaces
	change := func(op Op, do func(c *Call, id string) error) error {
		op.On = "Workspace"
		return operation(a, op, func(c *Call, in *One) (*struct{}, error) { return nil, do(c, in.ID) })
	}
	return errors.Join(
		operation(a, Op{Method: get, Path: "/workspaces", Action: "self.read", On: "Ark", Tag: "Workspaces", Summary: "Your workspaces"}, func(c *Call, in *Paged) (*Body[List[workspace.Workspace]], error) {
			all, err := read(c, func(ctx context.Context, q store.Querier) ([]workspace.Workspace, error) {
				return workspace.OfUser(ctx, q, c.Actor.User)
			})
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(x workspace.Workspace) string { return x.ID }, *in), nil
		}),
		operation(a, Op{Method: post, Path: "/projects/{id}/workspace", Action: "workspace.create", On: "Project", Tag: "Workspaces", Summary: "Open your workspace in a project, or find the one you have"}, func(c *Call, in *One) (*Body[*workspace.Workspace], error) {
			if p.cfg.Rooms.Enclave == nil {
				return nil, ark.Faultf(ark.Unavailable, "this host cannot isolate workspaces, so it opens none").Do("ask the operator; the system page says what is missing")
			}
			x, err := w.Create(c.Ctx(), c.Actor, in.ID)
			return &Body[*workspace.Workspace]{x}, err
		}),
		operation(a, Op{Method: get, Path: "/workspaces/{id}", Action: "workspace.read", On: "Workspace", Tag: "Workspaces", Summary: "A workspace"}, func(c *Call, in *One) (*Body[*workspace.Workspace], error) {
			return read(c, func(ctx context.Context, q store.Querier) (*workspace.Workspace, error) {
				return workspace.Get(ctx, q, in.ID)
			})
		}),
		operation(a, Op{Method: post, Path: "/workspaces/{id}/enter", Action: "workspace.enter", On: "Workspace", Tag: "Workspaces", Summary: "A way into your workspace, good once and for seconds"}, func(c *Call, in *One) (*Body[Entered], error) {
			if p.cfg.Rooms.Enter == nil {
				return nil, ark.Faultf(ark.Unavailable, "this host has no gateway to workspaces").Do("ask the operator")
			}
			if err := p.cfg.Store.Access(c.Ctx(), c.Actor, "workspace.enter", store.Resource{Type: "Workspace", ID: in.ID}, ""); err != nil {
				return nil, err
			}
			to, err := p.cfg.Rooms.Enter(in.ID, c.Actor.User, c.Actor.Session)
			return &Body[Entered]{Entered{to}}, err
		}),
		change(Op{Method: post, Path: "/workspaces/{id}/start", Action: "workspace.start", Tag: "Workspaces", Summary: "Start a workspace with everything kept"}, func(c *Call, id string) error { return w.Start(c.Ctx(), c.Actor, id) }),
		change(Op{Method: post, Path: "/workspaces/{id}/stop", Action: "workspace.stop", Tag: "Workspaces", Summary: "Stop a workspace; its files are kept"}, func(c *Call, id string) error { return w.Stop(c.Ctx(), c.Actor, id) }),
		change(Op{Method: post, Path: "/workspaces/{id}/destroy", Action: "workspace.destroy", Tag: "Workspaces", Summary: "Destroy a workspace and all in it"}, func(c *Call, id string) error { return w.Destroy(c.Ctx(), c.Actor, id) }),
		operation(a, Op{Method: get, Path: "/workspaces/{id}/outbox", Action: "request.submit", On: "Workspace", Tag: "Workspaces", Summary: "What lies in your outbox"}, func(c *Call, in *One) (*Body[List[volume.Entry]], error) {
			files, err := p.outbox(c, in.ID)
			if files == nil {
				files = []volume.Entry{}
			}
			return &Body[List[volume.Entry]]{List[volume.Entry]{Items: files}}, err
		}),
		operation(a, Op{Method: post, Path: "/workspaces/{id}/requests", Action: "request.submit", On: "Workspace", Tag: "Airlock", Summary: "Submit files of the outbox for release"}, func(c *Call, in *SubmissionIn) (*Body[airlock.View], error) {
			groups, err := p.given(c, in.ID, in)
			if err != nil {
				return nil, err
			}
			s, err := p.submission(c, in.ID, in.Body.Class, groups)
			if err != nil {
				return nil, err
			}
			r, err := p.cfg.Rooms.Airlock.Submit(c.Ctx(), c.Actor, in.ID, s)
			if err != nil {
				return nil, err
			}
			return &Body[airlock.View]{r.View(airlock.Viewer{User: c.Actor.User})}, nil
		}),
	)
}

func (p *Portal) airlockOperations(a *API) error {
	x := p.cfg.Rooms.Airlock
	change := func(op Op, do func(c *Call, id string) error) error {
		op.On, op.Tag = "Request", "Airlock"
		return operation(a, op, func(c *Call, in *One) (*struct{}, error) { return nil, do(c, in.ID) })
	}
	return errors.Join(
		operation(a, Op{Method: get, Path: "/requests", Action: "self.read", On: "Ark", Tag: "Airlock", Summary: "Your own output requests"}, func(c *Call, in *Paged) (*Body[List[airlock.View]], error) {
			all, err := read(c, func(ctx context.Context, q store.Querier) ([]airlock.View, error) {
				return x.RequestsOf(ctx, q, c.Actor.User)
			})
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(v airlock.View) string { return v.ID }, *in), nil
		}),
		operation(a, Op{Method: get, Path: "/queue", Action: "self.read", On: "Ark", Tag: "Airlock", Summary: "Requests that you may check"}, func(c *Call, in *Paged) (*Body[List[airlock.QueueLine]], error) {
			all, err := read(c, func(ctx context.Context, q store.Querier) ([]airlock.QueueLine, error) {
				return x.Queue(ctx, q, c.Actor)
			})
			if err != nil {
				return nil, err
			}
			return page(all.Body, func(l airlock.QueueLine) string { return l.ID }, *in), nil
		}),
		operation(a, Op{Method: get, Path: "/requests/{id}", Action: "request.read", On: "Request", Tag: "Airlock", Summary: "A request as you may see it"}, func(c *Call, in *One) (*Body[airlock.View], error) {
			v, err := x.ViewOf(c.Ctx(), c.Actor, in.ID)
			return &Body[airlock.View]{v}, err
		}),
		operation(a, Op{Method: post, Path: "/requests/{id}/resubmit", Action: "request.resubmit", On: "Request", Tag: "Airlock", Summary: "Answer a returned or blocked request"}, func(c *Call, in *SubmissionIn) (*struct{}, error) {
			v, err := x.ViewOf(c.Ctx(), c.Actor, in.ID)
			if err != nil {
				return nil, err
			}
			ws, err := p.ownWorkspace(c, v)
			if err != nil {
				return nil, err
			}
			groups, err := p.given(c, ws, in)
			if err != nil {
				return nil, err
			}
			s, err := p.submission(c, ws, v.Class, groups)
			if err != nil {
				return nil, err
			}
			return nil, x.Resubmit(c.Ctx(), c.Actor, in.ID, s, in.Body.Answer)
		}),
		change(Op{Method: post, Path: "/requests/{id}/withdraw", Action: "request.withdraw", Summary: "Withdraw your request"}, func(c *Call, id string) error { return x.Withdraw(c.Ctx(), c.Actor, id) }),
		change(Op{Method: post, Path: "/requests/{id}/claim", Action: "request.vote", Summary: "Take a request in hand"}, func(c *Call, id string) error { return x.Claim(c.Ctx(), c.Actor, id) }),
		change(Op{Method: post, Path: "/requests/{id}/finish", Action: "request.vote", Summary: "Finish your review of this round"}, func(c *Call, id string) error { return x.Finish(c.Ctx(), c.Actor, id) }),
		change(Op{Method: post, Path: "/requests/{id}/return", Action: "request.return", Summary: "Return a request for changes"}, func(c *Call, id string) error { return x.Return(c.Ctx(), c.Actor, id) }),
		operation(a, Op{Method: post, Path: "/requests/{id}/vote", Action: "request.vote", On: "Request", Tag: "Airlock", Summary: "Vote on a file"}, func(c *Call, in *voteIn) (*struct{}, error) {
			return nil, x.Vote(c.Ctx(), c.Actor, in.ID, in.Body.File, in.Body.Vote)
		}),
		operation(a, Op{Method: post, Path: "/requests/{id}/comment", Action: "request.comment", On: "Request", Tag: "Airlock", Summary: "Comment on a request, a group or a file"}, func(c *Call, in *commentIn) (*struct{}, error) {
			return nil, x.Comment(c.Ctx(), c.Actor, in.ID, airlock.Comment{Group: in.Body.Group, File: in.Body.File, Cell: in.Body.Cell, Reply: in.Body.Reply, Text: in.Body.Text, Public: in.Body.Public})
		}),
		operation(a, Op{Method: post, Path: "/requests/{id}/reject", Action: "request.reject", On: "Request", Tag: "Airlock", Summary: "Refuse a request for good"}, func(c *Call, in *reasonIn) (*struct{}, error) {
			return nil, x.Reject(c.Ctx(), c.Actor, in.ID, in.Body.Reason)
		}),
		operation(a, Op{Method: post, Path: "/requests/{id}/release", Action: "request.release", On: "Request", Tag: "Airlock", Summary: "Release approved files; needs a fresh second factor"}, func(c *Call, in *releaseIn) (*struct{}, error) {
			return nil, x.Release(c.Ctx(), c.Actor, in.ID, in.Body.Partial)
		}),
		change(Op{Method: post, Path: "/requests/{id}/hold", Action: "request.hold", Summary: "Hold your request; its reviews are kept"}, func(c *Call, id string) error { return x.Hold(c.Ctx(), c.Actor, id) }),
		change(Op{Method: post, Path: "/requests/{id}/resume", Action: "request.resume", Summary: "Give a held request back as it is"}, func(c *Call, id string) error { return x.Resume(c.Ctx(), c.Actor, id) }),
		reasoned(a, "/requests/{id}/contest", "request.contest", "Request", "Say that a failed check does not apply", x.Contest),
		reasoned(a, "/requests/{id}/appeal", "request.appeal", "Request", "Appeal against a return", x.Appeal),
		deciding(a, "/requests/{id}/override", "request.override", "Decide, as an output checker, whether a failed check applies", x.Override),
		deciding(a, "/requests/{id}/waive", "request.waive", "Decide, as the custodian, whether a rule of your contract applies", x.Waive),
		deciding(a, "/requests/{id}/arbitrate", "request.arbitrate", "Decide on an appeal", x.Arbitrate),
		deciding(a, "/requests/{id}/sign-off", "request.sign-off", "Sign off a release, or object to it", x.SignOff),
		operation(a, Op{Method: post, Path: "/requests/{id}/assign", Action: "request.assign", On: "Request", Tag: "Airlock", Summary: "Give a request to an output checker, or take it from them"}, func(c *Call, in *assignIn) (*struct{}, error) {
			return nil, x.Assign(c.Ctx(), c.Actor, in.ID, in.Body.User, !in.Body.Take)
		}),
		operation(a, Op{Method: post, Path: "/requests/{id}/reassign", Action: "request.reassign", On: "Request", Tag: "Airlock", Summary: "Give a request to another author"}, func(c *Call, in *assignIn) (*struct{}, error) {
			return nil, x.Reassign(c.Ctx(), c.Actor, in.ID, in.Body.User)
		}),
		operation(a, Op{Method: post, Path: "/requests/{id}/resolve", Action: "request.comment", On: "Request", Tag: "Airlock", Summary: "Mark a comment as dealt with"}, func(c *Call, in *resolveIn) (*struct{}, error) {
			return nil, x.Resolve(c.Ctx(), c.Actor, in.ID, in.Body.Comment, !in.Body.Open)
		}),
		operation(a, Op{Method: post, Path: "/releases/{id}/calibrate", Action: "release.calibrate", On: "Release", Tag: "Airlock", Summary: "Put a release that should not have left before the checkers once more; it can never leave"}, func(c *Call, in *One) (*struct{}, error) {
			_, err := x.Calibrate(c.Ctx(), c.Actor, in.ID)
			return nil, err
		}),
		operation(a, Op{Method: post, Path: "/requests/{id}/settle", Action: "request.settle", On: "Request", Tag: "Airlock", Summary: "Record what damaged files of a request turned out to be"}, func(c *Call, in *settleIn) (*struct{}, error) {
			return nil, x.SettleDamage(c.Ctx(), c.Actor, in.ID, in.Body.Outcome, in.Body.Lesson)
		}),
		operation(a, Op{Method: post, Path: "/releases/{id}/settle", Action: "release.settle", On: "Release", Tag: "Airlock", Summary: "Record what an incident turned out to be"}, func(c *Call, in *settleIn) (*struct{}, error) {
			return nil, x.Settle(c.Ctx(), c.Actor, in.ID, in.Body.Outcome, in.Body.Lesson)
		}),
		operation(a, Op{Method: get, Path: "/releases/{id}", Action: "release.read", On: "Release", Tag: "Airlock", Summary: "A release"}, func(c *Call, in *One) (*Body[*airlock.Release], error) {
			return read(c, func(ctx context.Context, q store.Querier) (*airlock.Release, error) {
				r, err := airlock.GetRelease(ctx, q, in.ID)
				if err != nil {
					return nil, err
				}
				out := withoutChecker(*r)
				return &out, nil
			})
		}),
		operation(a, Op{Method: post, Path: "/releases/{id}/freeze", Action: "release.freeze", On: "Release", Tag: "Airlock", Summary: "Stop downloads of a release that should not have left"}, func(c *Call, in *reasonIn) (*struct{}, error) {
			return nil, x.Freeze(c.Ctx(), c.Actor, in.ID, in.Body.Reason)
		}),
	)
}

// ActOut is a recorded act as everyone may know it.
type ActOut struct {
	Seq        int64  `json:"seq"`
	ID         string `json:"id"`
	Type       string `json:"type"`
	At         string `json:"at"`
	Commitment string `json:"commitment"`
	Index      int64  `json:"index" doc:"Its place in the ledger, -1 while it has none"`
}

type actsIn struct {
	Before string `query:"before" pattern:"^[0-9]{0,18}$" doc:"Sequence number: give what came before it"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

type entryIn struct {
	Index int64 `path:"index" minimum:"0"`
}

// StageOut is the time of one stage.
type StageOut struct {
	Stage   string    `json:"stage"`
	Who     string    `json:"who"`
	Seconds []float64 `json:"seconds"`
}

func (p *Portal) openOperations(a *API) error {
	return errors.Join(
		operation(a, Op{Method: get, Path: "/acts", Action: "public.read", On: "Ark", Tag: "Open", Summary: "Recorded acts, newest first"}, func(c *Call, in *actsIn) (*Body[List[ActOut]], error) {
			all, err := read(c, func(ctx context.Context, q store.Querier) ([]store.Recorded, error) {
				return p.cfg.Store.Acts(ctx, q, "", atoi(in.Before), in.Limit)
			})
			if err != nil {
				return nil, err
			}
			out := List[ActOut]{Items: []ActOut{}}
			for _, r := range all.Body {
				out.Items = append(out.Items, ActOut{Seq: r.Seq, ID: r.ID, Type: r.Type, At: r.At.UTC().Format("2006-01-02T15:04:05.000000Z"), Commitment: r.Commitment, Index: r.Index})
			}
			return &Body[List[ActOut]]{out}, nil
		}),
		operation(a, Op{Method: get, Path: "/ledger/{index}", Action: "public.read", On: "Ark", Tag: "Open", Summary: "An entry of the ledger with its proof of inclusion"}, func(c *Call, in *entryIn) (*Body[ledger.EntryProof], error) {
			if p.cfg.Rooms.Ledger == nil {
				return nil, ark.Faultf(ark.Unavailable, "the ledger does not answer").Do("try again in a minute")
			}
			proof, err := p.cfg.Rooms.Ledger.ProveEntry(c.Ctx(), in.Index)
			return &Body[ledger.EntryProof]{proof}, err
		}),
		operation(a, Op{Method: get, Path: "/latency", Action: "public.read", On: "Ark", Tag: "Open", Summary: "Data-action latency: seconds of each stage"}, func(c *Call, _ *None) (*Body[List[StageOut]], error) {
			stages, _, err := p.stages(c)
			if err != nil {
				return nil, err
			}
			out := List[StageOut]{}
			for _, s := range stages {
				o := StageOut{Stage: s.name, Who: s.who, Seconds: []float64{}}
				for _, d := range s.times {
					o.Seconds = append(o.Seconds, d.Seconds())
				}
				out.Items = append(out.Items, o)
			}
			return &Body[List[StageOut]]{out}, nil
		}),
	)
}
