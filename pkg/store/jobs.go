package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// JobState is where a job stands.
type JobState string

// The job states. Failed needs a person; cancelled was superseded.
const (
	JobQueued    JobState = "queued"
	JobRunning   JobState = "running"
	JobDone      JobState = "done"
	JobFailed    JobState = "failed"
	JobCancelled JobState = "cancelled"
)

// Job is a row of ordered, idempotent steps. Step is the number of steps that
// are done; Carry is what the last of them handed on. A worker that dies leaves
// a lease that runs out; the next one starts at Step again.
type Job struct {
	ID       string
	Kind     string
	Role     string // which worker may take it
	Subject  string // the id of what it works for
	State    JobState
	Step     int
	Input    json.RawMessage
	Carry    json.RawMessage
	Attempts int
	Says     string // why it failed, in words a user may read
	Created  time.Time
	Updated  time.Time
}

// MaxAttempts is how often a job is tried before it waits for a person: over
// two minutes, so that an object store that is away for one costs nobody a job.
const MaxAttempts = 7

// Tries is how often a job is tried before it waits for a person.
func (s *Store) Tries() int { return s.cfg.Tries }

// Enqueue adds a job inside the change that makes it necessary.
func (t *Tx) Enqueue(ctx context.Context, kind, role, subject string, input any) (string, error) {
	in, err := json.Marshal(input)
	if err != nil {
		return "", err
	}
	id := t.NewID(ark.PrefixJob)
	at := t.now.UnixMicro()
	_, err = t.ExecContext(ctx, `INSERT INTO jobs (id, kind, role, subject, state, step, input, carry, lease_owner, lease_until, attempts, not_before, says, created, updated)
		VALUES ($1,$2,$3,$4,'queued',0,$5,'null','',0,0,0,'',$6,$6)`, id, kind, role, subject, string(in), at)
	if err != nil {
		return "", unavailable(err)
	}
	return id, nil
}

// Lease gives owner the oldest job of role that is ready, for d, or nil. A
// lease is no act of anybody on a resource, so it is not recorded: only a
// job's end is, by the change that its result makes.
func (s *Store) Lease(ctx context.Context, role, owner string, d time.Duration) (*Job, error) {
	tx, err := s.begin(ctx, Actor{System: "jobs"}, "lease/"+role)
	if err != nil {
		return nil, err
	}
	defer tx.rollback()
	now := tx.now.UnixMicro()
	var id string
	err = tx.QueryRowContext(ctx, `UPDATE jobs SET state = 'running', lease_owner = $1, lease_until = $2, attempts = attempts + 1, updated = $3
		WHERE id = (SELECT id FROM jobs WHERE role = $4 AND not_before <= $3 AND (state = 'queued' OR (state = 'running' AND lease_until < $3)) ORDER BY id LIMIT 1)
		RETURNING id`, owner, tx.now.Add(d).UnixMicro(), now, role).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, unavailable(err)
	}
	job, err := getJob(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if err := tx.commit(ctx); err != nil {
		return nil, err
	}
	return job, nil
}

// Extend lengthens a lease. A lost lease is an ark.Conflict fault: stop working.
func (s *Store) Extend(ctx context.Context, id, owner string, d time.Duration) error {
	return s.underLease(ctx, "extend", id, owner, func(tx *Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE jobs SET lease_until = $1 WHERE id = $2`, tx.now.Add(d).UnixMicro(), id)
		return err
	})
}

// StepDone notes that the step numbered step (from 0) is done and hands carry
// to the next. Repeating it is harmless; a step out of order is an
// ark.Conflict fault.
func (s *Store) StepDone(ctx context.Context, id, owner string, step int, carry json.RawMessage) error {
	return s.underLease(ctx, "step", id, owner, func(tx *Tx) error {
		job, err := getJob(ctx, tx, id)
		if err != nil {
			return err
		}
		switch {
		case step < job.Step:
			return nil
		case step > job.Step:
			return ark.Faultf(ark.Conflict, "a step was reported before the one that comes before it").Do("lease the job again")
		}
		tx.what = "step/" + job.Kind
		_, err = tx.ExecContext(ctx, `UPDATE jobs SET step = $1, carry = $2, updated = $3 WHERE id = $4`, step+1, string(carry), tx.now.UnixMicro(), id)
		return err
	})
}

// Retry gives the job back, to be tried again after a growing wait. After
// MaxAttempts it is failed: the caller learns so and applies the failure.
func (s *Store) Retry(ctx context.Context, id, owner, says string) (giveUp bool, err error) {
	err = s.underLease(ctx, "retry", id, owner, func(tx *Tx) error {
		job, err := getJob(ctx, tx, id)
		if err != nil {
			return err
		}
		if job.Attempts >= s.cfg.Tries {
			giveUp = true
			return nil
		}
		wait := s.cfg.Retry << min(max(0, job.Attempts-1), 5)
		_, err = tx.ExecContext(ctx, `UPDATE jobs SET state = 'queued', lease_owner = '', lease_until = 0, not_before = $1, says = $2, updated = $3 WHERE id = $4`,
			tx.now.Add(wait).UnixMicro(), says, tx.now.UnixMicro(), id)
		return err
	})
	return giveUp, err
}

func (s *Store) underLease(ctx context.Context, what, id, owner string, fn func(*Tx) error) error {
	tx, err := s.begin(ctx, Actor{System: "jobs"}, what)
	if err != nil {
		return err
	}
	defer tx.rollback()
	if err := tx.holdLease(ctx, id, owner); err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return err
	}
	return tx.commit(ctx)
}

func (t *Tx) holdLease(ctx context.Context, id, owner string) error {
	var has string
	err := t.QueryRowContext(ctx, `SELECT lease_owner FROM jobs WHERE id = $1 AND state = 'running'`, id).Scan(&has)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return unavailable(err)
	}
	if err != nil || has != owner {
		return ark.Faultf(ark.Conflict, "this worker no longer holds that job").Do("drop the work; another worker has it")
	}
	return nil
}

// FinishJob marks the job done or failed inside the change that applies its
// result, if owner still holds it.
func (t *Tx) FinishJob(ctx context.Context, id, owner string, state JobState, says string) error {
	if err := t.holdLease(ctx, id, owner); err != nil {
		return err
	}
	_, err := t.ExecContext(ctx, `UPDATE jobs SET state = $1, says = $2, lease_owner = '', lease_until = 0, updated = $3 WHERE id = $4`, string(state), says, t.now.UnixMicro(), id)
	return err
}

// CancelJobs cancels the jobs of subject that no worker has finished.
func (t *Tx) CancelJobs(ctx context.Context, subject string) error {
	_, err := t.ExecContext(ctx, `UPDATE jobs SET state = 'cancelled', lease_owner = '', updated = $1 WHERE subject = $2 AND state IN ('queued','running')`, t.now.UnixMicro(), subject)
	return err
}

// RequeueJob makes a failed job ready again from the step it stopped at.
func (t *Tx) RequeueJob(ctx context.Context, id string) error {
	res, err := t.ExecContext(ctx, `UPDATE jobs SET state = 'queued', attempts = 0, not_before = 0, says = '', updated = $1 WHERE id = $2 AND state = 'failed'`, t.now.UnixMicro(), id)
	if err != nil {
		return unavailable(err)
	}
	if n, _ := res.RowsAffected(); n != 1 {
		return ark.Faultf(ark.Conflict, "only a failed job can be started again")
	}
	return nil
}

const jobColumns = `id, kind, role, subject, state, step, input, carry, attempts, says, created, updated`

// GetJob returns a job, or an ark.Unknown fault.
func GetJob(ctx context.Context, q Querier, id string) (*Job, error) { return getJob(ctx, q, id) }

func getJob(ctx context.Context, q Querier, id string) (*Job, error) {
	jobs, err := Jobs(ctx, q, `id = $1`, id)
	if err != nil {
		return nil, err
	}
	if len(jobs) == 0 {
		return nil, ark.Faultf(ark.Unknown, "there is no such job")
	}
	return &jobs[0], nil
}

// Jobs returns the jobs that clause selects ("subject = $1"), oldest first.
func Jobs(ctx context.Context, q Querier, clause string, args ...any) ([]Job, error) {
	if clause != "" {
		clause = ` WHERE ` + clause
	}
	rows, err := q.QueryContext(ctx, `SELECT `+jobColumns+` FROM jobs`+clause+` ORDER BY id`, args...)
	if err != nil {
		return nil, unavailable(err)
	}
	defer rows.Close()
	var out []Job
	for rows.Next() {
		var j Job
		var in, carry, state string
		var created, updated int64
		if err := rows.Scan(&j.ID, &j.Kind, &j.Role, &j.Subject, &state, &j.Step, &in, &carry, &j.Attempts, &j.Says, &created, &updated); err != nil {
			return nil, err
		}
		j.State, j.Input, j.Carry = JobState(state), json.RawMessage(in), json.RawMessage(carry)
		j.Created, j.Updated = time.UnixMicro(created).UTC(), time.UnixMicro(updated).UTC()
		out = append(out, j)
	}
	return out, rows.Err()
}
