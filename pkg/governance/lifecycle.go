package governance

import (
	"context"

	"github.com/ark-tre/ark/pkg/store"
)

// SuspendProject stops a project for now; its workspaces are frozen by the
// workspace room, which watches for it.
func (r *Room) SuspendProject(ctx context.Context, actor store.Actor, project, reason string) error {
	if err := required("reason", reason); err != nil {
		return err
	}
	return r.St.Act(ctx, actor, "project.suspend", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		return r.move(ctx, tx, project, "suspended", "project.suspend", reason)
	})
}

// ResumeProject makes a suspended project active again.
func (r *Room) ResumeProject(ctx context.Context, actor store.Actor, project string) error {
	return r.St.Act(ctx, actor, "project.resume", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		return r.move(ctx, tx, project, "active", "project.resume", "")
	})
}

// CloseProject begins the closing of a project: a job of the system destroys
// its workspaces, extract and key, and then closes it.
func (r *Room) CloseProject(ctx context.Context, actor store.Actor, project, reason string) error {
	return r.St.Act(ctx, actor, "project.close", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		events, err := r.move(ctx, tx, project, "closing", "project.close", reason)
		if err != nil {
			return nil, err
		}
		_, err = tx.Enqueue(ctx, "close-project", "control", project, map[string]string{"project": project})
		return events, err
	})
}

// Activate notes inside the change that ends its cut that the project's
// extract is ready, so that its members can work.
func (r *Room) Activate(ctx context.Context, tx *store.Tx, project, extract string) error {
	p, err := projects.Get(ctx, tx, project)
	if err != nil {
		return err
	}
	p.Extract = extract
	if p.State == "approved" {
		if err := r.project.Move(p.State, "active", "extract.apply"); err != nil {
			return err
		}
		p.State, p.StateSince = "active", tx.Now()
	}
	return projects.Update(ctx, tx, p)
}

// Closed ends the closing of a project: its workspaces and its key are
// destroyed, of which evidence is kept in the ledger's body. It runs as a job
// of the system and is idempotent.
func (r *Room) Closed(ctx context.Context, project string, evidence any) error {
	return r.St.Act(ctx, store.Actor{System: "governance"}, "project.close", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		p, err := projects.Get(ctx, tx, project)
		if err != nil {
			return nil, err
		}
		if p.State == "closed" {
			return []store.Event{{Type: "project.already-closed", Project: project, Subjects: []string{project}}}, nil
		}
		events, err := r.move(ctx, tx, project, "closed", "project.close", p.Reason)
		if err == nil {
			events[0].Body = evidence
		}
		return events, err
	})
}
