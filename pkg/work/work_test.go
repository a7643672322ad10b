package work_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/durable"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/pkg/store/storetest"
	"github.com/ark-tre/ark/pkg/work"
	"github.com/ark-tre/ark/policies"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

const subject = "dlv_00000000000070008000000000000001"

type world struct {
	work.Local
	clock *storetest.Clock
}

func open(t testing.TB, dsn string, at time.Time) world {
	t.Helper()
	access, err := policies.LoadAccess()
	must(t, err)
	w := world{clock: storetest.NewClock(at)}
	w.St = storetest.Open(t, store.Config{DSN: dsn, Decider: access, Now: w.clock.Now, Entities: map[string]store.Loader{
		"Ark": func(context.Context, store.Querier, string) (store.Entity, error) {
			return store.Entity{Attrs: map[string]any{"empty": true}}, nil
		}}})
	whole := func(store.Job) store.Resource { return store.Whole }
	w.Kinds = map[string]work.Kind{
		"copy": {Action: "job.finish", Resource: whole, Apply: func(ctx context.Context, tx *store.Tx, j store.Job, out json.RawMessage) ([]store.Event, error) {
			return []store.Event{{Type: "copy.done", Subjects: []string{j.Subject}, Body: out}}, nil
		}},
		"refused": {Action: "user.manage", Resource: whole, Apply: func(context.Context, *store.Tx, store.Job, json.RawMessage) ([]store.Event, error) {
			return []store.Event{{Type: "never"}}, nil
		}},
	}
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w world) enqueue(t testing.TB, kind, role string, in any) (id string) {
	t.Helper()
	must(t, w.St.Act(t.Context(), store.Actor{System: "worker"}, "job.finish", store.Whole, func(tx *store.Tx) (_ []store.Event, err error) {
		id, err = tx.Enqueue(t.Context(), kind, role, subject, in)
		return []store.Event{{Type: "job.added"}}, err
	}))
	return id
}

func (w world) job(t testing.TB, id string) (j *store.Job) {
	t.Helper()
	must(t, w.St.View(t.Context(), func(q store.Querier) (err error) { j, err = store.GetJob(t.Context(), q, id); return err }))
	return j
}

func (w world) acts(t testing.TB) (types []string) {
	t.Helper()
	must(t, w.St.View(t.Context(), func(q store.Querier) error {
		acts, err := w.St.Acts(t.Context(), q, "", 0, 100)
		for _, a := range acts {
			types = append(types, a.Type)
		}
		return err
	}))
	return types
}

// steps write two files in a folder, the second from the first: idempotent,
// under names that the input fixes.
func steps(dir string) map[string][]work.Step {
	write := func(name string, text string) (any, error) {
		return text, durable.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)
	}
	return map[string][]work.Step{"copy": {
		{Name: "first", Do: func(_ context.Context, in, _ json.RawMessage) (any, error) { return write("one", "1:"+string(in)) }},
		{Name: "second", Do: func(_ context.Context, _, carry json.RawMessage) (any, error) {
			return write("two", "2:"+string(carry))
		}},
	}}
}

const childEnv = "ARK_TEST_WORK_CHILD" // folder|minutes after noon

// TestKillAtEveryPoint kills a worker with SIGKILL at every declared point of a
// real job, starts it again, and holds the end against that of an undisturbed one.
func TestKillAtEveryPoint(t *testing.T) {
	if env := os.Getenv(childEnv); env != "" {
		dir, minutes, _ := strings.Cut(env, "|")
		after, err := time.ParseDuration(minutes)
		must(t, err)
		w := open(t, "sqlite:"+filepath.Join(dir, "ark.db"), noon.Add(after))
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for ctx.Err() == nil {
				if w.countDone(ctx) == 1 {
					cancel()
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
		wk := work.Worker{Queue: w, Role: "intake", Owner: fmt.Sprintf("intake:%d", os.Getpid()), Kinds: steps(dir), Fail: work.Failpoint{File: filepath.Join(dir, "failpoint")}, Log: slog.New(slog.DiscardHandler), Idle: 5 * time.Millisecond}
		_ = wk.Run(ctx)
		return
	}
	run := func(point string) map[string]string {
		dir := t.TempDir()
		w := open(t, "sqlite:"+filepath.Join(dir, "ark.db"), noon)
		id := w.enqueue(t, "copy", "intake", map[string]string{"file": "x"})
		kills := 0
		if point != "" {
			must(t, os.WriteFile(filepath.Join(dir, "failpoint"), []byte(point), 0o600))
		}
		for try := 0; ; try++ {
			c := exec.Command(os.Args[0], "-test.run=^TestKillAtEveryPoint$")
			c.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%dm", childEnv, dir, 2*try))
			out, err := c.CombinedOutput()
			if err == nil {
				break
			}
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL || try > 2 {
				t.Fatalf("%s: %v\n%s", point, err, out)
			}
			kills++
		}
		if want := map[bool]int{true: 1}[point != ""]; kills != want {
			t.Errorf("%s: killed %d times, want %d: the point was never reached", point, kills, want)
		}
		j := w.job(t, id)
		end := map[string]string{"state": string(j.State), "step": fmt.Sprint(j.Step), "carry": string(j.Carry), "acts": strings.Join(w.acts(t), " ")}
		for _, name := range []string{"one", "two"} {
			raw, err := os.ReadFile(filepath.Join(dir, name))
			must(t, err)
			end[name] = string(raw)
		}
		left, err := filepath.Glob(filepath.Join(dir, "*"))
		must(t, err)
		for _, f := range left {
			if n := filepath.Base(f); n != "one" && n != "two" && !strings.HasPrefix(n, "ark.db") {
				t.Errorf("%s: %s was left behind", point, n)
			}
		}
		return end
	}
	undisturbed := run("")
	if undisturbed["state"] != "done" || undisturbed["acts"] != "copy.done job.added" {
		t.Fatalf("undisturbed: %v", undisturbed)
	}
	points := (&work.Worker{Kinds: steps("")}).Points()
	if len(points) != 6 {
		t.Fatalf("points: %v", points)
	}
	for _, p := range points {
		if got := run(p); !cmp.Equal(undisturbed, got) {
			t.Errorf("killed at %s: %s", p, cmp.Diff(undisturbed, got))
		}
	}
}

func (w world) countDone(ctx context.Context) (n int) {
	_ = w.St.View(ctx, func(q store.Querier) error {
		return q.QueryRowContext(ctx, `SELECT COUNT(*) FROM jobs WHERE state = 'done'`).Scan(&n)
	})
	return n
}

// serve serves the queue on a socket to peers of a role.
func serve(t *testing.T, q work.Queue, role string) *work.Client {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	uid := uint32(os.Getuid())
	go func() {
		done <- work.Serve(ctx, l, q, func(peer uint32) string {
			if peer != uid {
				return ""
			}
			return role
		}, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() { cancel(); must(t, <-done) })
	return work.Dial(socket)
}

// TestSocketAdmitsByRole: who is at the other end is known by the socket, and
// what they say of themselves changes nothing.
func TestSocketAdmitsByRole(t *testing.T) {
	w := open(t, storetest.SQLite(t), noon)
	id := w.enqueue(t, "copy", "intake", nil)
	intake, linkage, nobody := serve(t, w, "intake"), serve(t, w, "linkage"), serve(t, w, "")
	ctx := t.Context()
	for name, c := range map[string]*work.Client{"linkage": linkage, "nobody": nobody} {
		for _, owner := range []string{"intake:1", "linkage:1", "", ":"} {
			j, err := c.Lease(ctx, "intake", owner)
			if j != nil || !ark.Is(err, ark.Forbidden) {
				t.Errorf("%s as %q leased an intake job: %v %v", name, owner, j, err)
			}
		}
	}
	if _, err := intake.Lease(ctx, "intake", "linkage:1"); !ark.Is(err, ark.Forbidden) {
		t.Errorf("leased under another role's name: %v", err)
	}
	j, err := intake.Lease(ctx, "intake", "intake:1")
	if err != nil || j == nil || j.ID != id {
		t.Fatalf("its own job: %v %v", j, err)
	}
	for name, c := range map[string]*work.Client{"linkage": linkage, "nobody": nobody} {
		for _, owner := range []string{"intake:1", "linkage:1", "linkage:1:intake:1"} {
			for what, err := range map[string]error{
				"extend": c.Extend(ctx, id, owner), "step": c.Step(ctx, id, owner, 0, json.RawMessage(`1`)),
				"done": c.Done(ctx, id, owner, json.RawMessage(`1`)), "fail": c.Fail(ctx, id, owner, "x", true),
			} {
				if !ark.Is(err, ark.Forbidden) && !ark.Is(err, ark.Conflict) {
					t.Errorf("%s of an intake job by %s as %q: %v", what, name, owner, err)
				}
			}
		}
	}
	if err := intake.Done(ctx, id, "intake:2", json.RawMessage(`1`)); !ark.Is(err, ark.Conflict) {
		t.Errorf("another process of the role finished it: %v", err)
	}
	if got := w.job(t, id); got.State != store.JobRunning || got.Step != 0 {
		t.Errorf("after all that the job is %+v", got)
	}
	must(t, intake.Step(ctx, id, "intake:1", 0, json.RawMessage(`"c"`)))
	must(t, intake.Done(ctx, id, "intake:1", json.RawMessage(`"c"`)))
	if j, err := intake.Lease(ctx, "intake", "intake:1"); j != nil || err != nil {
		t.Errorf("nothing to do: %v %v", j, err)
	}
}

// TestResultsGoThroughTheDoor: a worker's result is an act like any other.
func TestResultsGoThroughTheDoor(t *testing.T) {
	w := open(t, storetest.SQLite(t), noon)
	id := w.enqueue(t, "refused", "intake", nil)
	_, err := w.Lease(t.Context(), "intake", "intake:1")
	must(t, err)
	if err := w.Done(t.Context(), id, "intake:1", nil); !ark.Is(err, ark.Forbidden) {
		t.Errorf("a result that workers may not make: %v", err)
	}
	if s := w.job(t, id).State; s != store.JobRunning {
		t.Errorf("the job is %s", s)
	}
	id = w.enqueue(t, "unheard-of", "linkage", nil)
	_, err = w.Lease(t.Context(), "linkage", "linkage:1")
	must(t, err)
	if err := w.Done(t.Context(), id, "linkage:1", nil); err == nil {
		t.Error("a kind of job that nobody knows was applied")
	}
}

// TestLostLeaseCancelsTheWork: who lost the job is stopped, and changes nothing.
func TestLostLeaseCancelsTheWork(t *testing.T) {
	w := open(t, storetest.SQLite(t), noon)
	id := w.enqueue(t, "copy", "intake", nil)
	started, stopped := make(chan struct{}), make(chan error, 1)
	wk := work.Worker{Queue: w, Role: "intake", Owner: "intake:1", Every: 5 * time.Millisecond, Idle: time.Hour, Log: slog.New(slog.DiscardHandler),
		Kinds: map[string][]work.Step{"copy": {{Name: "long", Do: func(ctx context.Context, _, _ json.RawMessage) (any, error) {
			close(started)
			<-ctx.Done()
			stopped <- context.Cause(ctx)
			return "late", nil // it goes on regardless
		}}}}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- wk.Run(ctx) }()
	<-started
	must(t, w.St.Act(t.Context(), store.Actor{System: "worker"}, "job.finish", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		return []store.Event{{Type: "job.cancelled"}}, tx.CancelJobs(t.Context(), subject)
	}))
	select {
	case err := <-stopped:
		if !ark.Is(err, ark.Conflict) {
			t.Errorf("stopped because of %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the work goes on without its lease")
	}
	cancel()
	<-done
	if got := w.job(t, id); got.State != store.JobCancelled || got.Step != 0 {
		t.Errorf("the job is %+v", got)
	}
}

// TestFailures: what cannot help is not tried again; what may is, seven times;
// a step that panics or takes its worker down does not go round for ever.
func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		do    func() (any, error)
		tries int32
		says  string
	}{
		"a rule refuses": {func() (any, error) { return nil, ark.Faultf(ark.Invalid, "row 3 has no date") }, 1, "row 3 has no date"},
		"no key service": {func() (any, error) { return nil, ark.Faultf(ark.Unavailable, "the keys do not answer") }, store.MaxAttempts, "the keys do not answer"},
		"a panic":        {func() (any, error) { panic("secret value 4711") }, store.MaxAttempts, "something went wrong on our side"},
	} {
		w := open(t, storetest.SQLite(t), noon)
		id := w.enqueue(t, "copy", "intake", nil)
		var tries atomic.Int32
		wk := work.Worker{Queue: w, Role: "intake", Owner: "intake:1", Idle: time.Millisecond, Log: slog.New(slog.DiscardHandler),
			Kinds: map[string][]work.Step{"copy": {{Name: "s", Do: func(context.Context, json.RawMessage, json.RawMessage) (any, error) { tries.Add(1); return c.do() }}}}}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		go func() {
			for ctx.Err() == nil && w.job(t, id).State != store.JobFailed {
				w.clock.Move(time.Second)
				time.Sleep(2 * time.Millisecond)
			}
			cancel()
		}()
		_ = wk.Run(ctx)
		j := w.job(t, id)
		if waited := w.clock.Now().Sub(noon); c.tries > 1 && waited < 2*time.Minute {
			t.Errorf("%s: given up after %s: a store that is away for a minute would cost the job", name, waited)
		}
		if j.State != store.JobFailed || tries.Load() != c.tries || !strings.Contains(j.Says, c.says) || strings.Contains(j.Says, "4711") {
			t.Errorf("%s: tried %d times, want %d: %+v", name, tries.Load(), c.tries, j)
		}
	}
	w := open(t, storetest.SQLite(t), noon)
	id := w.enqueue(t, "copy", "intake", nil)
	leases := 0
	for range 10 { // each worker that takes it dies without a word
		j, err := w.Lease(t.Context(), "intake", fmt.Sprintf("intake:%d", leases))
		must(t, err)
		if j == nil {
			break
		}
		leases++
		w.clock.Move(2 * time.Minute)
	}
	if j := w.job(t, id); leases != store.MaxAttempts || j.State != store.JobFailed {
		t.Errorf("a job that kills its worker was handed out %d times and is %s", leases, j.State)
	}
}
