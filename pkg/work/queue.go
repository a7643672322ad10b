package work

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// Lease times. A worker that says nothing for leaseFor has lost its job.
const (
	leaseFor    = 60 * time.Second
	extendEvery = 15 * time.Second
)

// Queue gives jobs out and takes results. Local is it in the control plane,
// Client on the other end of the socket.
type Queue interface {
	// Lease returns the next job of the role, or nil when there is none.
	Lease(ctx context.Context, role, owner string) (*store.Job, error)
	// Extend keeps a lease; an ark.Conflict fault says it is lost.
	Extend(ctx context.Context, id, owner string) error
	// Step notes that a step is done and what it hands on. Idempotent.
	Step(ctx context.Context, id, owner string, step int, carry json.RawMessage) error
	// Done applies the job's result through the door and ends the job.
	Done(ctx context.Context, id, owner string, output json.RawMessage) error
	// Fail reports that the job could not be done. Unless final it is tried
	// again later, and after some tries it is failed for good.
	Fail(ctx context.Context, id, owner, says string, final bool) error
}

// Kind is how the control plane applies the result of one kind of job.
type Kind struct {
	Part     string                             // which part of the system records it: "worker" unless said otherwise
	Action   string                             // the policy action of applying it
	Resource func(job store.Job) store.Resource // what it is applied to
	Apply    func(ctx context.Context, tx *store.Tx, job store.Job, output json.RawMessage) ([]store.Event, error)
	// Failed applies a failure for good. nil leaves the job failed, for an
	// operator to start again.
	Failed func(ctx context.Context, tx *store.Tx, job store.Job, says string) ([]store.Event, error)
}

// actor is the part of the system that records the result.
func (k Kind) actor() store.Actor {
	if k.Part == "" {
		return workerActor
	}
	return store.Actor{System: k.Part}
}

// Local is the queue inside the control plane.
type Local struct {
	St    *store.Store
	Kinds map[string]Kind
	// LeaseFor is how long a lease holds without a word; 0: a minute.
	LeaseFor time.Duration
}

func (l Local) leaseFor() time.Duration {
	if l.LeaseFor > 0 {
		return l.LeaseFor
	}
	return leaseFor
}

var _ Queue = Local{}
var workerActor = store.Actor{System: "worker"}

// Lease implements Queue. A job that took its worker down at every attempt is
// failed for good instead of being handed out once more.
func (l Local) Lease(ctx context.Context, role, owner string) (*store.Job, error) {
	for {
		job, err := l.St.Lease(ctx, role, owner, l.leaseFor())
		if err != nil || job == nil || job.Attempts <= l.St.Tries() {
			return job, err
		}
		if err := l.Fail(ctx, job.ID, owner, "the worker stopped each time it did this", true); err != nil {
			return nil, err
		}
	}
}

// Extend implements Queue.
func (l Local) Extend(ctx context.Context, id, owner string) error {
	return l.St.Extend(ctx, id, owner, l.leaseFor())
}

// Step implements Queue.
func (l Local) Step(ctx context.Context, id, owner string, step int, carry json.RawMessage) error {
	return l.St.StepDone(ctx, id, owner, step, carry)
}

// Done implements Queue.
func (l Local) Done(ctx context.Context, id, owner string, output json.RawMessage) error {
	job, kind, err := l.find(ctx, id)
	if err != nil {
		return err
	}
	return l.St.Act(ctx, kind.actor(), kind.Action, kind.Resource(*job), func(tx *store.Tx) ([]store.Event, error) {
		if err := tx.FinishJob(ctx, id, owner, store.JobDone, ""); err != nil {
			return nil, err
		}
		return kind.Apply(ctx, tx, *job, output)
	})
}

// Fail implements Queue.
func (l Local) Fail(ctx context.Context, id, owner, says string, final bool) error {
	if !final {
		giveUp, err := l.St.Retry(ctx, id, owner, says)
		if err != nil || !giveUp {
			return err
		}
	}
	job, kind, err := l.find(ctx, id)
	if err != nil {
		return err
	}
	if kind.Failed == nil {
		return l.St.Act(ctx, workerActor, "job.fail", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
			return []store.Event{{Type: "job.failed", Subjects: []string{id, job.Subject}}}, tx.FinishJob(ctx, id, owner, store.JobFailed, says)
		})
	}
	return l.St.Act(ctx, kind.actor(), kind.Action, kind.Resource(*job), func(tx *store.Tx) ([]store.Event, error) {
		if err := tx.FinishJob(ctx, id, owner, store.JobFailed, says); err != nil {
			return nil, err
		}
		return kind.Failed(ctx, tx, *job, says)
	})
}

func (l Local) find(ctx context.Context, id string) (*store.Job, Kind, error) {
	var job *store.Job
	err := l.St.View(ctx, func(q store.Querier) error {
		var err error
		job, err = store.GetJob(ctx, q, id)
		return err
	})
	if err != nil {
		return nil, Kind{}, err
	}
	kind, ok := l.Kinds[job.Kind]
	if !ok {
		return nil, Kind{}, ark.Faultf(ark.Internal, "nobody knows what to do with the result of a %q job", job.Kind)
	}
	return job, kind, nil
}
