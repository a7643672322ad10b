package store_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

func (w world) enqueue(t testing.TB, role string) string {
	t.Helper()
	var id string
	err := w.Act(t.Context(), founder, "user.manage", store.Whole, func(tx *store.Tx) (_ []store.Event, err error) {
		id, err = tx.Enqueue(t.Context(), "kind", role, userID, map[string]int{"n": 7})
		return []store.Event{{Type: "job.added"}}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (w world) lease(t testing.TB, role, owner string) *store.Job {
	t.Helper()
	j, err := w.Lease(t.Context(), role, owner, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func (w world) finish(t testing.TB, id, owner string, state store.JobState) error {
	t.Helper()
	return w.Act(t.Context(), worker, "job.finish", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		return []store.Event{{Type: "job.done", Subjects: []string{id}}}, tx.FinishJob(t.Context(), id, owner, state, "")
	})
}

func (w world) job(t testing.TB, id string) (j *store.Job) {
	t.Helper()
	if err := w.View(t.Context(), func(q store.Querier) (err error) {
		j, err = store.GetJob(t.Context(), q, id)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return j
}

func TestJobLife(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		id := w.enqueue(t, "intake")
		if j := w.lease(t, "linkage", "linkage:1"); j != nil {
			t.Fatal("another role got the job")
		}
		j := w.lease(t, "intake", "intake:1")
		if j == nil || j.ID != id || j.State != store.JobRunning || j.Attempts != 1 || string(j.Input) != `{"n":7}` || string(j.Carry) != "null" {
			t.Fatalf("leased %+v", j)
		}
		if w.lease(t, "intake", "intake:2") != nil {
			t.Error("a leased job was leased again")
		}
		// Steps: in order, repeated harmlessly, and no gap.
		for range 2 {
			if err := w.StepDone(t.Context(), id, "intake:1", 0, json.RawMessage(`{"a":1}`)); err != nil {
				t.Error(err)
			}
		}
		if err := w.StepDone(t.Context(), id, "intake:1", 0, json.RawMessage(`{"a":2}`)); err != nil {
			t.Error(err)
		}
		if got := w.job(t, id); got.Step != 1 || string(got.Carry) != `{"a":1}` {
			t.Errorf("a repeated step changed what it handed on: %+v", got)
		}
		if err := w.StepDone(t.Context(), id, "intake:1", 3, json.RawMessage(`{}`)); !ark.Is(err, ark.Conflict) {
			t.Errorf("a skipped step: %v", err)
		}
		for name, err := range map[string]error{
			"extend": w.Extend(t.Context(), id, "intake:2", time.Minute),
			"step":   w.StepDone(t.Context(), id, "intake:2", 1, json.RawMessage(`{}`)),
			"finish": w.finish(t, id, "intake:2", store.JobDone),
			"empty":  w.finish(t, id, "", store.JobDone),
			"retry":  func() error { _, err := w.Retry(t.Context(), id, "intake:2", ""); return err }(),
		} {
			if !ark.Is(err, ark.Conflict) {
				t.Errorf("%s by one who does not hold the job: %v", name, err)
			}
		}
		if got := w.job(t, id); got.Step != 1 || got.State != store.JobRunning {
			t.Errorf("another's attempts changed the job: %+v", got)
		}
		if err := w.finish(t, id, "intake:1", store.JobDone); err != nil {
			t.Error(err)
		}
		if err := w.finish(t, id, "intake:1", store.JobDone); !ark.Is(err, ark.Conflict) {
			t.Errorf("finished twice: %v", err)
		}
	})
}

func TestLeaseRunsOut(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		id := w.enqueue(t, "intake")
		w.lease(t, "intake", "intake:1")
		if err := w.StepDone(t.Context(), id, "intake:1", 0, json.RawMessage(`"kept"`)); err != nil {
			t.Fatal(err)
		}
		w.clock.Move(50 * time.Second)
		if err := w.Extend(t.Context(), id, "intake:1", time.Minute); err != nil {
			t.Fatal(err)
		}
		w.clock.Move(50 * time.Second)
		if w.lease(t, "intake", "intake:2") != nil {
			t.Fatal("an extended lease was taken away")
		}
		w.clock.Move(11 * time.Second)
		j := w.lease(t, "intake", "intake:2")
		if j == nil || j.Step != 1 || string(j.Carry) != `"kept"` || j.Attempts != 2 {
			t.Fatalf("after the lease ran out: %+v", j)
		}
		if err := w.finish(t, id, "intake:1", store.JobDone); !ark.Is(err, ark.Conflict) {
			t.Errorf("the one who lost the lease finished it: %v", err)
		}
	})
}

func TestRetryWaitsLongerAndGivesUp(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		id := w.enqueue(t, "intake")
		var last time.Duration
		for attempt := 1; ; attempt++ {
			var waited time.Duration
			for w.lease(t, "intake", "intake:1") == nil {
				w.clock.Move(time.Second)
				if waited += time.Second; waited > time.Hour {
					t.Fatal("never ready again")
				}
			}
			if attempt > 1 && waited <= last {
				t.Errorf("attempt %d waited %s after %s", attempt, waited, last)
			}
			last = waited
			giveUp, err := w.Retry(t.Context(), id, "intake:1", "the key service does not answer")
			if err != nil {
				t.Fatal(err)
			}
			if giveUp {
				if attempt != store.MaxAttempts {
					t.Errorf("gave up after %d attempts, want %d", attempt, store.MaxAttempts)
				}
				break
			}
			if got := w.job(t, id); got.State != store.JobQueued || got.Says == "" {
				t.Errorf("given back: %+v", got)
			}
		}
		if err := w.finish(t, id, "intake:1", store.JobFailed); err != nil {
			t.Fatal(err)
		}
		requeue := func() error {
			return w.Act(t.Context(), founder, "user.manage", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
				return []store.Event{{Type: "job.retried"}}, tx.RequeueJob(t.Context(), id)
			})
		}
		if err := requeue(); err != nil {
			t.Fatal(err)
		}
		if err := requeue(); !ark.Is(err, ark.Conflict) {
			t.Errorf("a queued job was started again: %v", err)
		}
		if j := w.lease(t, "intake", "intake:9"); j == nil || j.Attempts != 1 {
			t.Errorf("started again: %+v", j)
		}
	})
}

func TestCancelledJobIsLost(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		id := w.enqueue(t, "intake")
		w.lease(t, "intake", "intake:1")
		err := w.Act(t.Context(), founder, "user.manage", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
			return []store.Event{{Type: "job.cancelled"}}, tx.CancelJobs(t.Context(), userID)
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Extend(t.Context(), id, "intake:1", time.Minute); !ark.Is(err, ark.Conflict) {
			t.Errorf("a cancelled job was kept: %v", err)
		}
		w.clock.Move(time.Hour)
		if w.lease(t, "intake", "intake:2") != nil {
			t.Error("a cancelled job was leased")
		}
	})
}

// TestEveryJobIsLeasedOnce: many workers at once, each job to exactly one.
func TestEveryJobIsLeasedOnce(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		for range 30 {
			w.enqueue(t, "intake")
		}
		var mu sync.Mutex
		got := map[string]int{}
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				for {
					j, err := w.Lease(t.Context(), "intake", fmt.Sprintf("intake:%d", i), time.Minute)
					if err != nil {
						t.Error(err)
					}
					if j == nil {
						return
					}
					mu.Lock()
					got[j.ID]++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(got) != 30 {
			t.Errorf("%d jobs leased, want 30", len(got))
		}
		for id, n := range got {
			if n != 1 {
				t.Errorf("%s leased %d times", id, n)
			}
		}
	})
}

func TestIdempotencyReplies(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		if r, err := w.Replied(t.Context(), userID, "k", "h"); r != nil || err != nil {
			t.Fatalf("before: %v %v", r, err)
		}
		first := store.Reply{Status: 201, Type: "application/json", Body: `{"id":1}`}
		for _, r := range []store.Reply{first, {Status: 500, Body: "later"}} {
			if err := w.KeepReply(t.Context(), userID, "k", "h", r); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := w.Replied(t.Context(), userID, "k", "h"); err != nil || r == nil || *r != first {
			t.Errorf("the reply is %+v, %v; want the first", r, err)
		}
		if _, err := w.Replied(t.Context(), userID, "k", "other"); !ark.Is(err, ark.Conflict) {
			t.Errorf("the same key for another request: %v", err)
		}
		if r, err := w.Replied(t.Context(), gone, "k", "h"); r != nil || err != nil {
			t.Errorf("another user's key: %v %v", r, err)
		}
		w.clock.Move(25 * time.Hour)
		if err := w.KeepReply(t.Context(), userID, "k2", "h", first); err != nil {
			t.Fatal(err)
		}
		if r, err := w.Replied(t.Context(), userID, "k", "h"); r != nil || err != nil {
			t.Errorf("after a day: %v %v", r, err)
		}
	})
}
