package workspace

import (
	"context"

	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// EndExtract begins, inside a change of another room, to destroy an extract:
// its objects are deleted by the publishing worker, and the copy in the volume
// of every workspace that still holds it is taken out. Homes stay: what their
// users made of it is theirs to answer for, and the recall lists them.
func (r *Room) EndExtract(ctx context.Context, tx *store.Tx, id, why string) ([]store.Event, error) {
	e, err := extracts.Get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if err := r.extract.Move(e.State, "ending", "extract.end"); err != nil {
		return nil, err
	}
	job := EndJob{Extract: e.ID}
	for _, t := range e.Tables {
		job.Refs = append(job.Refs, t.Ref)
	}
	for _, ref := range []objects.Ref{e.Database, e.Sidecar, e.Aliases, e.Manifest} {
		if ref.Name != "" {
			job.Refs = append(job.Refs, ref)
		}
	}
	e.State, e.Ended = "ending", &Ended{Why: why}
	ws, err := workspaces.Where(ctx, tx, "project = $1 AND state <> 'destroyed'", e.Project)
	if err != nil {
		return nil, err
	}
	for _, w := range ws {
		if w.Extract != e.ID || w.State == "running" || w.State == "starting" {
			continue
		}
		e.Ended.Homes = append(e.Ended.Homes, w.ID)
		if _, err := tx.Enqueue(ctx, "start-workspace", "enclave", w.ID, StartJob{Workspace: w.ID, Project: w.Project, User: w.User, Extract: e.ID, Empty: true}); err != nil {
			return nil, err
		}
	}
	if _, err := tx.Enqueue(ctx, "end-extract", "publish", e.ID, job); err != nil {
		return nil, err
	}
	return []store.Event{{Type: "extract.ending", Project: e.Project, Subjects: []string{e.ID, e.Permit, e.Project}, Body: map[string]any{"why": why, "objects": len(job.Refs)}}}, extracts.Update(ctx, tx, e)
}

// ApplyEnd records inside the change that ends its job that an extract is
// destroyed: the record of deletion, and no reference to what is gone.
func (r *Room) ApplyEnd(ctx context.Context, tx *store.Tx, id string, res EndResult) ([]store.Event, error) {
	e, err := extracts.Get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if err := r.extract.Move(e.State, "destroyed", "extract.apply"); err != nil {
		return nil, err
	}
	sums := make([]string, 0, len(e.Tables))
	for i := range e.Tables {
		sums = append(sums, e.Tables[i].Ref.SHA256)
		e.Tables[i].Ref = objects.Ref{}
	}
	e.State, e.Database, e.Sidecar, e.Aliases, e.Manifest = "destroyed", objects.Ref{}, objects.Ref{}, objects.Ref{}, objects.Ref{}
	e.Ended.At, e.Ended.Objects, e.Ended.Bytes = tx.Now(), res.Objects, res.Bytes
	return []store.Event{{Type: "extract.destroyed", Project: e.Project, Subjects: []string{e.ID, e.Permit, e.Project},
		Body: map[string]any{"why": e.Ended.Why, "objects": res.Objects, "bytes": res.Bytes, "tables": sums}}}, extracts.Update(ctx, tx, e)
}

// ExtractState is what became of an extract.
func (r *Room) ExtractState(ctx context.Context, q store.Querier, id string) (string, error) {
	e, err := extracts.Get(ctx, q, id)
	if err != nil {
		return "", err
	}
	return e.State, nil
}

// EndAll begins to destroy every extract of a project that has one.
func (r *Room) EndAll(ctx context.Context, project, why string) error {
	var left []string
	err := r.St.View(ctx, func(q store.Querier) error {
		es, err := extracts.Where(ctx, q, "project = $1 AND state IN ('ready', 'frozen', 'failed')", project)
		for _, e := range es {
			left = append(left, e.ID)
		}
		return err
	})
	for _, id := range left {
		if err == nil {
			err = r.St.Act(ctx, store.Actor{System: "governance"}, "extract.end", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
				return r.EndExtract(ctx, tx, id, why)
			})
		}
	}
	return err
}
