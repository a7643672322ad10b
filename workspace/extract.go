package workspace

import (
	"context"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// StartCut has a permit's extract cut. It runs as a job of the system and is
// idempotent: a permit has one extract.
func (r *Room) StartCut(ctx context.Context, permit string) error {
	var project string
	if err := r.St.View(ctx, func(q store.Querier) error {
		p, err := governance.GetPermit(ctx, q, permit)
		if err == nil {
			project = p.Project
		}
		return err
	}); err != nil {
		return err
	}
	return r.St.Act(ctx, store.Actor{System: "governance"}, "extract.cut", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		if old, err := r.first(ctx, tx, permit); err == nil {
			return []store.Event{{Type: "extract.already-started", Project: project, Subjects: []string{old.ID}}}, nil
		}
		p, err := governance.GetPermit(ctx, tx, permit)
		if err != nil {
			return nil, err
		}
		e, err := r.cut(ctx, tx, p, pinned, "")
		if err != nil {
			return nil, err
		}
		return []store.Event{{Type: "extract.started", Project: project, Subjects: []string{e.ID, permit, project}}}, nil
	})
}

// first is the first extract that was cut for a permit's workspaces.
func (r *Room) first(ctx context.Context, q store.Querier, permit string) (*Extract, error) {
	all, err := extracts.Where(ctx, q, "permit = $1", permit)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Run == "" {
			return &all[i], nil
		}
	}
	return nil, ark.Faultf(ark.Unknown, "there is no such extract")
}

// Which version of a grant's dataset is cut: the one that the permit names, or
// the newest, which is the empty one.
func pinned(g governance.Grant) string { return g.Version }
func newest(governance.Grant) string   { return "" }

// cut adds an extract of a permit and has it cut, from the versions that pick
// says. One to which the permit does not fit is refused. run is that of a
// standing output which it is for, empty for the project's workspaces.
func (r *Room) cut(ctx context.Context, tx *store.Tx, p *governance.Permit, pick func(governance.Grant) string, run string) (*Extract, error) {
	optOuts, err := r.Catalogue.OptOuts(ctx, tx, p.OptOut)
	if err != nil {
		return nil, err
	}
	e := Extract{ID: tx.NewID(ark.PrefixExtract), Project: p.Project, Permit: p.ID, State: r.extract.Start, Started: tx.Now(), Run: run}
	job := CutJob{Extract: e.ID, Project: p.Project, Permit: p.ID, PermitHash: p.Hash, OptOut: p.OptOut, OptOuts: optOuts}
	for _, g := range p.Grants {
		version := pick(g)
		if version == "" {
			d, err := catalogue.GetDataset(ctx, tx, g.Dataset)
			if err != nil {
				return nil, err
			}
			version = d.Latest
		}
		if version != "" {
			if err := catalogue.Fits(ctx, tx, g.Version, version, g.Variables, g.Filters); err != nil {
				return nil, err
			}
		}
		cut, err := r.Catalogue.PlanGrant(ctx, tx, g.Dataset, version, g.Variables, g.Filters, g.Without, p.Restricted)
		if err != nil {
			return nil, err
		}
		job.Cuts = append(job.Cuts, *cut)
		e.Versions = append(e.Versions, cut.Version)
	}
	if err := r.named(ctx, tx, &e, &job); err != nil {
		return nil, err
	}
	if job.Joined, e.Linkages, err = catalogue.Joined(ctx, tx); err != nil {
		return nil, err
	}
	if _, err := tx.Enqueue(ctx, "cut", "publish", e.ID, job); err != nil {
		return nil, err
	}
	return &e, extracts.Insert(ctx, tx, &e)
}

// CutForRun has the newest versions of a permit's data cut for a run of a
// standing output, inside the change that begins it.
func (r *Room) CutForRun(ctx context.Context, tx *store.Tx, permit, run string) (string, error) {
	p, err := governance.GetPermit(ctx, tx, permit)
	if err != nil {
		return "", err
	}
	e, err := r.cut(ctx, tx, p, newest, run)
	if err != nil {
		return "", err
	}
	return e.ID, nil
}

// ApplyCut records a cut inside the change that ends its job, and makes its
// project active.
func (r *Room) ApplyCut(ctx context.Context, tx *store.Tx, id string, res CutResult) ([]store.Event, error) {
	e, err := extracts.Get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if e.State == frozen {
		// A delivery in it was taken back while it was cut: what was made counts for nothing.
		return []store.Event{{Type: "extract.dropped", Project: e.Project, Subjects: []string{e.ID, e.Permit, e.Project}}}, nil
	}
	to := "ready"
	if res.Failed != "" {
		to = "failed"
	}
	if err := r.extract.Move(e.State, to, "extract.apply"); err != nil {
		return nil, err
	}
	e.State, e.Says, e.Cut = to, res.Failed, tx.Now()
	e.Tables, e.Database, e.Sidecar, e.Aliases, e.Manifest, e.OptedOut = res.Tables, res.Database, res.Sidecar, res.Aliases, res.Manifest, res.OptedOut
	if to == "ready" && e.Run == "" {
		if err := r.Governance.Activate(ctx, tx, e.Project, e.ID); err != nil {
			return nil, err
		}
	}
	return []store.Event{{Type: "extract." + to, Project: e.Project, Subjects: []string{e.ID, e.Permit, e.Project}, Body: map[string]string{"manifest": e.Manifest.SHA256}}}, extracts.Update(ctx, tx, e)
}
