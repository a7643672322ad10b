package workspace

import (
	"context"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// frozen is a workspace's state when something lapsed or was taken back.
const frozen = "frozen"

// FreezeExtracts freezes, inside a change of another room, every extract cut from one
// of the versions, with the workspaces that hold it. Of an extract from before
// its versions were noted, any grant of one of the datasets counts.
func (r *Room) FreezeExtracts(ctx context.Context, tx *store.Tx, versions, datasets []string, says, remedy string) ([]catalogue.FrozenIn, []store.Event, error) {
	out, events := []catalogue.FrozenIn{}, []store.Event{}
	all, err := extracts.Where(ctx, tx, "state = 'ready' OR state = 'cutting'")
	if err != nil {
		return nil, nil, err
	}
	for _, e := range all {
		holds, err := e.holds(ctx, tx, versions, datasets)
		if err != nil {
			return nil, nil, err
		}
		if !holds {
			continue
		}
		if err := r.extract.Move(e.State, frozen, "delivery.recall"); err != nil {
			return nil, nil, err
		}
		if err := tx.CancelJobs(ctx, e.ID); err != nil {
			return nil, nil, err
		}
		e.State, e.Says = frozen, says
		if err := extracts.Update(ctx, tx, &e); err != nil {
			return nil, nil, err
		}
		events = append(events, store.Event{Type: "extract.frozen", Project: e.Project, Subjects: []string{e.ID, e.Permit, e.Project}})
		f := catalogue.FrozenIn{Project: e.Project, Extract: e.ID, Homes: []string{}}
		ws, err := workspaces.Where(ctx, tx, "project = $1 AND state <> 'destroyed'", e.Project)
		if err != nil {
			return nil, nil, err
		}
		for _, w := range ws {
			f.Homes = append(f.Homes, w.ID)
			if w.Extract != e.ID || w.State == frozen || w.State == "failed" {
				continue
			}
			if err := r.machine.Move(w.State, frozen, "workspace.freeze"); err != nil {
				return nil, nil, err
			}
			w.State, w.StateSince, w.Says, w.Remedy = frozen, tx.Now(), says, remedy
			if err := tx.CancelJobs(ctx, w.ID); err != nil {
				return nil, nil, err
			}
			if err := workspaces.Update(ctx, tx, &w); err != nil {
				return nil, nil, err
			}
			events = append(events, w.event("workspace.frozen"))
		}
		out = append(out, f)
	}
	return out, events, nil
}

// Pinned are the projects that keep a version: with an extract of it that is not
// destroyed, or with a permit for it whose extract is not cut yet.
func (r *Room) Pinned(ctx context.Context, q store.Querier, version, dataset string) ([]string, error) {
	var out []string
	pin := func(project string) {
		if !slices.Contains(out, project) {
			out = append(out, project)
		}
	}
	es, err := extracts.Where(ctx, q, "state IN ('cutting', 'ready', 'frozen')")
	if err != nil {
		return nil, err
	}
	for _, e := range es {
		holds, err := e.holds(ctx, q, []string{version}, []string{dataset})
		if err != nil {
			return nil, err
		}
		if holds {
			pin(e.Project)
		}
	}
	ps, err := governance.Projects(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, p := range ps {
		if p.Permit == "" || p.State != "approved" {
			continue
		}
		permit, err := governance.GetPermit(ctx, q, p.Permit)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(permit.Grants, func(g governance.Grant) bool { return g.Version == version }) {
			pin(p.ID)
		}
	}
	return out, nil
}

// holds reports whether an extract was cut from one of the versions.
func (e *Extract) holds(ctx context.Context, q store.Querier, versions, datasets []string) (bool, error) {
	if len(e.Versions) > 0 {
		return slices.ContainsFunc(e.Versions, func(v string) bool { return slices.Contains(versions, v) }), nil
	}
	p, err := governance.GetPermit(ctx, q, e.Permit)
	if err != nil {
		return false, err
	}
	for _, g := range p.Grants {
		if slices.Contains(datasets, g.Dataset) {
			return true, nil
		}
	}
	return false, nil
}

// RecutExtracts starts to cut anew those of the frozen extracts whose permitted data
// can be had from published versions: the version a permit names may be the one
// that was withdrawn, so the newest takes its place. The permit grants the same
// variables and rows as before. What cannot be cut yet stays frozen.
func (r *Room) RecutExtracts(ctx context.Context, tx *store.Tx, ids []string) (map[string]string, []store.Event, error) {
	out, events := map[string]string{}, []store.Event{}
	for _, id := range ids {
		old, err := extracts.Get(ctx, tx, id)
		if err != nil {
			return nil, nil, err
		}
		p, err := governance.GetPermit(ctx, tx, old.Permit)
		if err != nil {
			return nil, nil, err
		}
		project, err := governance.GetProject(ctx, tx, old.Project)
		if err != nil {
			return nil, nil, err
		}
		if old.Run != "" || old.State != frozen || project.Permit != old.Permit || project.State == "closed" || project.State == "closing" {
			continue // what it was for has ended, or an amendment has its own cut
		}
		e, err := r.cut(ctx, tx, p, newest, "")
		if ark.Is(err, ark.Conflict) || ark.Is(err, ark.Invalid) || ark.Is(err, ark.Lapsed) {
			continue // no version, another dictionary, a stale list: not yet
		}
		if err != nil {
			return nil, nil, err
		}
		out[id] = e.ID
		events = append(events, store.Event{Type: "extract.started", Project: e.Project, Subjects: []string{e.ID, e.Permit, e.Project}})
	}
	return out, events, nil
}
