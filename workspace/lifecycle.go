package workspace

import (
	"context"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// Create opens a workspace of the actor in a project, or returns the one they
// have. A job of the system provisions it.
func (r *Room) Create(ctx context.Context, actor store.Actor, project string) (*Workspace, error) {
	var w Workspace
	err := r.St.Act(ctx, actor, "workspace.create", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		if old, err := workspaces.First(ctx, tx, "project = $1 AND usr = $2 AND state <> 'destroyed'", project, actor.User); err == nil {
			w = *old
			return []store.Event{{Type: "workspace.already-there", Project: project, Subjects: []string{w.ID, project}}}, nil
		}
		p, err := governance.GetProject(ctx, tx, project)
		if err != nil {
			return nil, err
		}
		if p.Extract == "" {
			return nil, ark.Faultf(ark.Conflict, "the extract of this project is not ready yet").Do("wait until it is cut; the project page shows it")
		}
		w = Workspace{ID: tx.NewID(ark.PrefixWorkspace), Project: project, User: actor.User, Permit: p.Permit, Extract: p.Extract,
			State: r.machine.Start, Created: tx.Now(), StateSince: tx.Now()}
		if err := enqueueStart(ctx, tx, &w); err != nil {
			return nil, err
		}
		return []store.Event{w.event("workspace.created")}, workspaces.Insert(ctx, tx, &w)
	})
	if err != nil {
		return nil, err
	}
	return &w, nil
}

func (w *Workspace) event(kind string) store.Event {
	return store.Event{Type: kind, Project: w.Project, Subjects: []string{w.ID, w.Project}}
}

// Start starts a stopped, failed or frozen workspace with everything kept. It
// then holds the project's current permit and extract.
func (r *Room) Start(ctx context.Context, actor store.Actor, id string) error {
	return r.change(ctx, actor, id, "workspace.start", "starting", func(tx *store.Tx, w *Workspace) error {
		p, err := governance.GetProject(ctx, tx, w.Project)
		if err != nil {
			return err
		}
		w.Permit, w.Extract, w.Says, w.Remedy = p.Permit, p.Extract, "", ""
		return enqueueStart(ctx, tx, w)
	})
}

// enqueueStart has the enclave worker bring w up with its extract.
func enqueueStart(ctx context.Context, tx *store.Tx, w *Workspace) error {
	e, err := extracts.Get(ctx, tx, w.Extract)
	if err != nil {
		return err
	}
	if e.State != "ready" {
		return ark.Faultf(ark.Lapsed, "the extract of this project is %s", e.State).Do("wait until it is cut anew; the project page shows it")
	}
	if err := tx.CancelJobs(ctx, w.ID); err != nil { // an old extract that was to be taken out: starting does so too
		return err
	}
	_, err = tx.Enqueue(ctx, "start-workspace", "enclave", w.ID, StartJob{Workspace: w.ID, Project: w.Project, User: w.User, Extract: e.ID, Tables: e.Tables, Database: e.Database})
	return err
}

// Stop stops a workspace; its files are kept.
func (r *Room) Stop(ctx context.Context, actor store.Actor, id string) error {
	return r.change(ctx, actor, id, "workspace.stop", "stopped", nil)
}

// Freeze stops a workspace because something lapsed or somebody decided so.
// says and remedy are what its user reads.
func (r *Room) Freeze(ctx context.Context, actor store.Actor, id, says, remedy string) error {
	return r.change(ctx, actor, id, "workspace.freeze", "frozen", func(tx *store.Tx, w *Workspace) error {
		w.Says, w.Remedy = says, remedy
		return tx.CancelJobs(ctx, w.ID)
	})
}

// Destroy ends a workspace and all that was in it.
func (r *Room) Destroy(ctx context.Context, actor store.Actor, id string) error {
	return r.change(ctx, actor, id, "workspace.destroy", "destroyed", func(tx *store.Tx, w *Workspace) error {
		return tx.CancelJobs(ctx, w.ID)
	})
}

// ApplyStart records inside the change that ends its job whether a workspace
// came up: it is handed over only if its self-test held.
func (r *Room) ApplyStart(ctx context.Context, tx *store.Tx, id string, res StartResult) ([]store.Event, error) {
	w, err := workspaces.Get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if res.Emptied {
		return []store.Event{w.event("workspace.emptied")}, nil
	}
	to, says := "running", ""
	switch {
	case res.Failed != "":
		to, says = "failed", res.Failed
	case !res.SelfTest.Passed():
		to, says = "failed", "the isolation self-test did not hold"
	}
	if err := r.machine.Move(w.State, to, "workspace.apply"); err != nil {
		// Frozen or destroyed meanwhile: the reconciler takes the enclave back.
		return []store.Event{w.event("workspace.start-dropped")}, nil
	}
	w.State, w.StateSince, w.Says, w.Remedy, w.SelfTest = to, tx.Now(), says, "", res.SelfTest
	if to == "failed" {
		w.Remedy = "Start it again; if it fails again, tell the operator."
	}
	e := w.event("workspace." + to)
	e.Body = map[string]int{"attempts": res.SelfTest.Attempts, "held": res.SelfTest.Held}
	return []store.Event{e}, workspaces.Update(ctx, tx, w)
}

func (r *Room) change(ctx context.Context, actor store.Actor, id, action, to string, change func(*store.Tx, *Workspace) error) error {
	return r.St.Act(ctx, actor, action, resource(id), func(tx *store.Tx) ([]store.Event, error) {
		w, err := workspaces.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if err := r.machine.Move(w.State, to, action); err != nil {
			return nil, err
		}
		w.State, w.StateSince = to, tx.Now()
		if change != nil {
			if err := change(tx, w); err != nil {
				return nil, err
			}
		}
		return []store.Event{w.event("workspace." + to)}, workspaces.Update(ctx, tx, w)
	})
}

// Lapsed returns why the user of w may not be in it now, nil if they may: the
// same decision that guards the door, asked again while they work.
func (r *Room) Lapsed(ctx context.Context, q store.Querier, w Workspace) error {
	return r.St.CheckIn(ctx, q, store.Actor{User: w.User}, "workspace.enter", resource(w.ID))
}

// Count adds to the bytes that a workspace has sent to browsers in the window
// that starts at a time, durably, and returns the sum: the gateway's meter.
func (r *Room) Count(ctx context.Context, id string, window time.Time, add int64) (int64, error) {
	var n int64
	if add == 0 {
		err := r.St.View(ctx, func(q store.Querier) error {
			return q.QueryRowContext(ctx, `SELECT COALESCE(SUM(n), 0) FROM meters WHERE workspace = $1 AND start = $2`, id, window.UnixMicro()).Scan(&n)
		})
		return n, err
	}
	err := r.St.Act(ctx, store.Actor{System: "enclave"}, "workspace.apply", resource(id), func(tx *store.Tx) ([]store.Event, error) {
		err := tx.QueryRowContext(ctx, `INSERT INTO meters (workspace, start, n) VALUES ($1,$2,$3)
			ON CONFLICT (workspace, start) DO UPDATE SET n = meters.n + $3 RETURNING n`, id, window.UnixMicro(), add).Scan(&n)
		return []store.Event{{Type: "workspace.metered", Subjects: []string{id}, Body: map[string]int64{"bytes": n}}}, err
	})
	return n, err
}

// Destroyed records that the enclave has destroyed a closing project's workspace.
func (r *Room) Destroyed(ctx context.Context, id string) error {
	return r.change(ctx, store.Actor{System: "enclave"}, id, "workspace.destroy", "destroyed", nil)
}
