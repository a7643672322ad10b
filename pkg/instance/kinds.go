package instance

import (
	"context"
	"encoding/json"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/ingress"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/pkg/work"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/trace"
)

// kinds says for every kind of job which act records its result, and on what.
func (c *Control) kinds() map[string]work.Kind {
	return map[string]work.Kind{
		"intake": {Action: "delivery.apply", Resource: c.sourceOf,
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r catalogue.IntakeResult) ([]store.Event, error) {
				return c.Catalogue.ApplyIntake(ctx, tx, j.Subject, r)
			}),
			Failed: func(ctx context.Context, tx *store.Tx, j store.Job, says string) ([]store.Event, error) {
				return c.Catalogue.ApplyIntake(ctx, tx, j.Subject, catalogue.IntakeResult{Blocked: says})
			}},
		"link": {Action: "linkage.apply", Resource: whole,
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r catalogue.LinkResult) ([]store.Event, error) {
				return c.Catalogue.ApplyLinkage(ctx, tx, j.Subject, r)
			}),
			Failed: func(ctx context.Context, tx *store.Tx, j store.Job, says string) ([]store.Event, error) {
				return c.Catalogue.ApplyLinkage(ctx, tx, j.Subject, catalogue.LinkResult{Failed: says})
			}},
		"publish": {Action: "version.apply", Resource: c.datasetOfVersion,
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r catalogue.PublishResult) ([]store.Event, error) {
				events, err := c.Catalogue.ApplyVersion(ctx, tx, j.Subject, r)
				if err != nil {
					return nil, err
				}
				more, err := c.versionPublished(ctx, tx, j.Subject)
				return append(events, more...), err
			}),
			Failed: func(ctx context.Context, tx *store.Tx, j store.Job, says string) ([]store.Event, error) {
				return c.Catalogue.ApplyVersion(ctx, tx, j.Subject, catalogue.PublishResult{Failed: says})
			}},
		"synthesize": {Action: "version.apply", Resource: c.datasetOfVersion,
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r catalogue.SynthesisResult) ([]store.Event, error) {
				return c.Catalogue.ApplySynthesis(ctx, tx, j.Subject, r)
			}),
			Failed: func(ctx context.Context, tx *store.Tx, j store.Job, says string) ([]store.Event, error) {
				return c.Catalogue.ApplySynthesis(ctx, tx, j.Subject, catalogue.SynthesisResult{Failed: says})
			}},
		"feasibility": {Action: "feasibility.apply", Resource: c.datasetOfQuestion,
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r catalogue.FeasibilityResult) ([]store.Event, error) {
				return c.Catalogue.ApplyFeasibility(ctx, tx, j.Subject, r)
			}),
			Failed: func(ctx context.Context, tx *store.Tx, j store.Job, says string) ([]store.Event, error) {
				return c.Catalogue.ApplyFeasibility(ctx, tx, j.Subject, catalogue.FeasibilityResult{Failed: says})
			}},
		"assess": {Action: "application.assess", Resource: on("Project"),
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r governance.Assessment) ([]store.Event, error) {
				var in governance.AssessJob
				if err := json.Unmarshal(j.Input, &in); err != nil {
					return nil, err
				}
				return c.Governance.ApplyAssessment(ctx, tx, j.Subject, in.Application, r)
			})},
		"cut": {Action: "extract.apply", Resource: c.projectOfExtract,
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r workspace.CutResult) ([]store.Event, error) {
				return c.extractCut(ctx, tx, j.Subject, r)
			}),
			Failed: func(ctx context.Context, tx *store.Tx, j store.Job, says string) ([]store.Event, error) {
				return c.extractCut(ctx, tx, j.Subject, workspace.CutResult{Failed: says})
			}},
		"make": {Action: "standing.apply", Resource: standingOf,
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r airlock.MakeResult) ([]store.Event, error) {
				return c.made(ctx, tx, j, r)
			}),
			Failed: func(ctx context.Context, tx *store.Tx, j store.Job, says string) ([]store.Event, error) {
				return c.made(ctx, tx, j, airlock.MakeResult{Failed: says})
			}},
		"end-extract": {Action: "extract.apply", Resource: c.projectOfExtract,
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r workspace.EndResult) ([]store.Event, error) {
				return c.Workspaces.ApplyEnd(ctx, tx, j.Subject, r)
			})},
		"certify-version": {Action: "version.apply", Resource: c.datasetOfVersion,
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r catalogue.EndVersionResult) ([]store.Event, error) {
				return c.Catalogue.ApplyEnd(ctx, tx, j.Subject, r)
			})},
		"rotate-names": {Action: "names.apply", Resource: whole,
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r catalogue.NameKeyResult) ([]store.Event, error) {
				return c.Catalogue.ApplyRotation(ctx, tx, j.Subject, r)
			}),
			Failed: func(ctx context.Context, tx *store.Tx, j store.Job, says string) ([]store.Event, error) {
				return c.Catalogue.ApplyRotation(ctx, tx, j.Subject, catalogue.NameKeyResult{Failed: says})
			}},
		"trace": {Action: "trace.apply", Resource: on("Trace"),
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r trace.FindResult) ([]store.Event, error) {
				return c.Traces.ApplyFound(ctx, tx, j.Subject, r)
			}),
			Failed: func(ctx context.Context, tx *store.Tx, j store.Job, _ string) ([]store.Event, error) {
				return c.Traces.Failed(ctx, tx, j.Subject)
			}},
		"identify": {Action: "trace.apply", Resource: on("Trace"),
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r trace.IdentifyResult) ([]store.Event, error) {
				return c.Traces.ApplySealed(ctx, tx, j.Subject, r)
			}),
			Failed: func(ctx context.Context, tx *store.Tx, j store.Job, _ string) ([]store.Event, error) {
				return c.Traces.Failed(ctx, tx, j.Subject)
			}},
		"start-workspace": {Part: "enclave", Action: "workspace.apply", Resource: on("Workspace"),
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r workspace.StartResult) ([]store.Event, error) {
				return c.Workspaces.ApplyStart(ctx, tx, j.Subject, r)
			}),
			Failed: func(ctx context.Context, tx *store.Tx, j store.Job, says string) ([]store.Event, error) {
				return c.Workspaces.ApplyStart(ctx, tx, j.Subject, workspace.StartResult{Failed: says})
			}},
		"check": {Action: "request.apply", Resource: on("Request"),
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r airlock.CheckResult) ([]store.Event, error) {
				var in airlock.CheckJob
				if err := json.Unmarshal(j.Input, &in); err != nil {
					return nil, err
				}
				return c.Airlock.ApplyChecks(ctx, tx, j.Subject, in.Round, r)
			})},
		"check-input": {Action: "input.apply", Resource: on("Input"),
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r ingress.CheckResult) ([]store.Event, error) {
				return c.Ingress.ApplyChecks(ctx, tx, j.Subject, r)
			}),
			Failed: func(ctx context.Context, tx *store.Tx, j store.Job, _ string) ([]store.Event, error) {
				return c.Ingress.ApplyChecks(ctx, tx, j.Subject, ingress.CheckResult{})
			}},
		"release": {Action: "release.apply", Resource: on("Request"),
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r airlock.ReleaseResult) ([]store.Event, error) {
				var in airlock.ReleaseJob
				if err := json.Unmarshal(j.Input, &in); err != nil {
					return nil, err
				}
				return c.Airlock.ApplyRelease(ctx, tx, in, r)
			})},
		"type-published": {Action: "published.apply", Resource: whole,
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r airlock.PublishedResult) ([]store.Event, error) {
				return c.Airlock.ApplyPublished(ctx, tx, j.Subject, r)
			}),
			Failed: func(ctx context.Context, tx *store.Tx, j store.Job, says string) ([]store.Event, error) {
				return c.Airlock.ApplyPublished(ctx, tx, j.Subject, airlock.PublishedResult{Refused: says})
			}},
		"sample": {Action: "request.apply", Resource: on("Request"),
			Apply: apply(func(ctx context.Context, tx *store.Tx, j store.Job, r airlock.SampleResult) ([]store.Event, error) {
				var in airlock.SampleJob
				if err := json.Unmarshal(j.Input, &in); err != nil {
					return nil, err
				}
				return c.Airlock.ApplySample(ctx, tx, in, r)
			})},
		"issue-permit":    finishOnly(),
		"run-standing":    finishOnly(),
		"start-cut":       finishOnly(),
		"close-project":   finishOnly(),
		"destroy-version": finishOnly(),
	}
}

// steps are the jobs of the control plane itself: each calls a room's function
// that is idempotent and goes through the door by itself.
func (c *Control) steps() map[string][]work.Step {
	one := func(name string, do func(ctx context.Context, in map[string]string) error) []work.Step {
		return []work.Step{{Name: name, Do: func(ctx context.Context, raw, _ json.RawMessage) (any, error) {
			var in map[string]string
			if err := json.Unmarshal(raw, &in); err != nil {
				return nil, err
			}
			return nil, do(ctx, in)
		}}}
	}
	return map[string][]work.Step{
		"issue-permit": one("issue", func(ctx context.Context, in map[string]string) error {
			return c.Governance.IssuePermit(ctx, in["project"])
		}),
		"start-cut": one("start", func(ctx context.Context, in map[string]string) error { return c.Workspaces.StartCut(ctx, in["permit"]) }),
		"run-standing": one("begin", func(ctx context.Context, in map[string]string) error {
			return c.Airlock.Begin(ctx, in["run"], c.Workspaces.CutForRun)
		}),
		"destroy-version": one("shred", func(ctx context.Context, in map[string]string) error { return c.shred(ctx, in["version"]) }),
		"close-project":   one("close", func(ctx context.Context, in map[string]string) error { return c.closeProject(ctx, in["project"]) }),
	}
}

func apply[T any](do func(context.Context, *store.Tx, store.Job, T) ([]store.Event, error)) func(context.Context, *store.Tx, store.Job, json.RawMessage) ([]store.Event, error) {
	return func(ctx context.Context, tx *store.Tx, j store.Job, raw json.RawMessage) ([]store.Event, error) {
		var out T
		if err := json.Unmarshal(raw, &out); err != nil {
			return nil, err
		}
		return do(ctx, tx, j, out)
	}
}

func finishOnly() work.Kind {
	return work.Kind{Action: "job.finish", Resource: whole, Apply: func(ctx context.Context, tx *store.Tx, j store.Job, _ json.RawMessage) ([]store.Event, error) {
		return []store.Event{{Type: "job.done", Subjects: []string{j.ID, j.Subject}}}, nil
	}}
}

func whole(store.Job) store.Resource { return store.Whole }

func on(kind string) func(store.Job) store.Resource {
	return func(j store.Job) store.Resource { return store.Resource{Type: kind, ID: j.Subject} }
}

// look finds the resource of a job whose subject belongs to something else. An
// error leaves an id that nothing has, which the door refuses.
func (c *Control) look(kind string, find func(context.Context, store.Querier) (string, error)) store.Resource {
	ctx := context.Background()
	r := store.Resource{Type: kind}
	_ = c.Store.View(ctx, func(q store.Querier) error {
		id, err := find(ctx, q)
		r.ID = id
		return err
	})
	return r
}

func (c *Control) sourceOf(j store.Job) store.Resource {
	return c.look("Source", func(ctx context.Context, q store.Querier) (string, error) {
		d, err := catalogue.GetDelivery(ctx, q, j.Subject)
		if err != nil {
			return "", err
		}
		return d.Source, nil
	})
}

func (c *Control) datasetOfVersion(j store.Job) store.Resource {
	return c.look("Dataset", func(ctx context.Context, q store.Querier) (string, error) {
		v, err := catalogue.GetVersion(ctx, q, j.Subject)
		if err != nil {
			return "", err
		}
		return v.Dataset, nil
	})
}

func (c *Control) datasetOfQuestion(j store.Job) store.Resource {
	return c.look("Dataset", func(ctx context.Context, q store.Querier) (string, error) {
		f, err := catalogue.GetFeasibility(ctx, q, j.Subject)
		if err != nil {
			return "", err
		}
		return f.Dataset, nil
	})
}

func (c *Control) projectOfExtract(j store.Job) store.Resource {
	return c.look("Project", func(ctx context.Context, q store.Querier) (string, error) {
		e, err := workspace.GetExtract(ctx, q, j.Subject)
		if err != nil {
			return "", err
		}
		return e.Project, nil
	})
}
