package work

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// Step is one idempotent step. in is the job's input; carry is what the step
// before returned, null for the first. What the last step returns is the
// job's output.
type Step struct {
	Name string
	Do   func(ctx context.Context, in, carry json.RawMessage) (any, error)
}

// Worker takes the jobs of one role and does them, one at a time.
type Worker struct {
	Queue Queue
	Role  string
	Owner string // unique per process
	Kinds map[string][]Step
	Fail  Failpoint
	Log   *slog.Logger
	Idle  time.Duration // how long to wait when there is nothing to do
	Every time.Duration // how often to extend a lease; 0: every 15 s
}

// Run works until ctx ends. A job in hand is then dropped; its lease runs out
// and it is done again from its last finished step.
func (w *Worker) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		job, err := w.Queue.Lease(ctx, w.Role, w.Owner)
		if err != nil || job == nil {
			if err != nil && ctx.Err() == nil {
				w.Log.WarnContext(ctx, "no job: the queue does not answer", "role", w.Role, "err", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(w.Idle):
			}
			continue
		}
		w.do(ctx, *job)
	}
	return ctx.Err()
}

// do does one job and reports how it ended.
func (w *Worker) do(ctx context.Context, job store.Job) {
	log := w.Log.With("job", job.ID, "kind", job.Kind, "subject", job.Subject)
	start := time.Now()
	ctx, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	go w.keep(ctx, job.ID, lost)

	output, err := w.steps(ctx, job)
	if err == nil {
		err = w.Queue.Done(ctx, job.ID, w.Owner, output)
	}
	if err == nil {
		log.InfoContext(ctx, "job done", "seconds", time.Since(start).Seconds())
		return
	}
	if ctx.Err() != nil {
		log.WarnContext(context.WithoutCancel(ctx), "job dropped", "why", context.Cause(ctx))
		return
	}
	final := permanent(err)
	log.ErrorContext(ctx, "job failed", "final", final, "err", err)
	if err := w.Queue.Fail(ctx, job.ID, w.Owner, says(err), final); err != nil {
		log.ErrorContext(ctx, "the failure could not be reported", "err", err)
	}
}

// keep extends the lease until ctx ends, and cancels the work when it is lost.
func (w *Worker) keep(ctx context.Context, id string, lost context.CancelCauseFunc) {
	every := w.Every
	if every <= 0 {
		every = extendEvery
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
		if err := w.Queue.Extend(ctx, id, w.Owner); ark.Is(err, ark.Conflict) {
			lost(err)
			return
		}
	}
}

func (w *Worker) steps(ctx context.Context, job store.Job) (out json.RawMessage, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a step panicked: %v\n%s", r, debug.Stack())
		}
	}()
	steps, ok := w.Kinds[job.Kind]
	if !ok {
		return nil, ark.Faultf(ark.Internal, "this worker does not know jobs of the kind %q", job.Kind)
	}
	carry := job.Carry
	for i := job.Step; i < len(steps); i++ {
		point := job.Kind + "/" + steps[i].Name
		w.Fail.At(point + ":before")
		v, err := steps[i].Do(ctx, job.Input, carry)
		if err != nil {
			return nil, fmt.Errorf("step %s: %w", steps[i].Name, err)
		}
		w.Fail.At(point + ":after")
		if carry, err = json.Marshal(v); err != nil {
			return nil, err
		}
		if err := w.Queue.Step(ctx, job.ID, w.Owner, i, carry); err != nil {
			return nil, err
		}
		w.Fail.At(point + ":noted")
	}
	return carry, nil
}

// permanent reports whether trying again cannot help: the input itself is
// wrong, or a rule refuses.
func permanent(err error) bool {
	switch ark.KindOf(err) {
	case ark.Invalid, ark.Unknown, ark.Withheld, ark.Forbidden, ark.Conflict, ark.Lapsed, ark.TooMuch:
		return true
	}
	return false
}

// says is what a user may read of err.
func says(err error) string {
	return ark.Public(err, "something went wrong on our side; the operator's log has the details")
}

// Points lists the failpoints of the worker's steps, for the crash tests.
func (w *Worker) Points() []string {
	var out []string
	for kind, steps := range w.Kinds {
		for _, s := range steps {
			for _, at := range []string{"before", "after", "noted"} {
				out = append(out, kind+"/"+s.Name+":"+at)
			}
		}
	}
	return out
}
