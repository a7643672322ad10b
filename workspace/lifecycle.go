package workspace

import (
	"context"

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
		if _, err := tx.Enqueue(ctx, "start-workspace", "control", w.ID, map[string]string{"workspace": w.ID}); err != nil {
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
		_, err = tx.Enqueue(ctx, "start-workspace", "control", w.ID, map[string]string{"workspace": w.ID})
		return err
	})
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

// Running records that the enclave has a workspace up and its self-test held.
func (r *Room) Running(ctx context.Context, id string, test SelfTest) error {
	if !test.Passed() {
		return ark.Faultf(ark.Conflict, "a workspace whose self-test did not pass cannot be handed over")
	}
	return r.change(ctx, store.Actor{System: "enclave"}, id, "workspace.apply", "running", func(tx *store.Tx, w *Workspace) error {
		w.SelfTest = test
		return nil
	})
}

// Failed records that the enclave could not make or keep a workspace.
func (r *Room) Failed(ctx context.Context, id, says string, test SelfTest) error {
	return r.change(ctx, store.Actor{System: "enclave"}, id, "workspace.apply", "failed", func(tx *store.Tx, w *Workspace) error {
		w.Says, w.Remedy, w.SelfTest = says, "Start it again; if it fails again, tell the operator.", test
		return nil
	})
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

// Meter adds bytes sent to the browser and returns the sum of the window. It
// is a counter of the gateway, no act of anybody: it is not recorded.
func (r *Room) Meter(ctx context.Context, id string, bytes int64) error {
	return r.St.Act(ctx, store.Actor{System: "enclave"}, "workspace.apply", resource(id), func(tx *store.Tx) ([]store.Event, error) {
		w, err := workspaces.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		w.Sent += bytes
		if w.SentSince.IsZero() {
			w.SentSince = tx.Now()
		}
		return []store.Event{w.event("workspace.metered")}, workspaces.Update(ctx, tx, w)
	})
}
