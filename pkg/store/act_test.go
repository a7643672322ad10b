package store_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

func TestActKeepsTheChangeAndItsEventTogether(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		w.write(t, "a", 3)
		if got := w.notes(t, "a"); len(got) != 3 {
			t.Errorf("%d notes, want 3", len(got))
		}
		acts := w.acts(t)
		if len(acts) != 1 || acts[0].Type != "note.added" || acts[0].Actor != "system:founder" || !acts[0].At.Equal(start) || acts[0].Index != -1 {
			t.Errorf("recorded %+v", acts)
		}
	})
}

// TestActLeavesNothingBehind: whatever stops a change, neither it nor an event stays.
func TestActLeavesNothingBehind(t *testing.T) {
	boom := errors.New("boom")
	for name, change := range map[string]func(t *testing.T, tx *store.Tx) ([]store.Event, error){
		"error":           func(*testing.T, *store.Tx) ([]store.Event, error) { return nil, boom },
		"error-and-event": func(*testing.T, *store.Tx) ([]store.Event, error) { return []store.Event{{Type: "note.added"}}, boom },
		"no-event":        func(*testing.T, *store.Tx) ([]store.Event, error) { return nil, nil },
		"panic":           func(*testing.T, *store.Tx) ([]store.Event, error) { panic("boom") },
		"body-that-cannot-be-written": func(*testing.T, *store.Tx) ([]store.Event, error) {
			return []store.Event{{Type: "note.added", Body: make(chan int)}}, nil
		},
		"type-no-ledger-takes": func(*testing.T, *store.Tx) ([]store.Event, error) {
			return []store.Event{{Type: "note.added"}, {Type: "A Free Text"}}, nil
		},
		"broken-statement": func(t *testing.T, tx *store.Tx) ([]store.Event, error) {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO nowhere VALUES (1)`)
			return []store.Event{{Type: "note.added"}}, err
		},
		"swallowed-second-key": func(t *testing.T, tx *store.Tx) ([]store.Event, error) {
			n := note{ID: "x", Topic: "a"}
			if err := noteDocs.Insert(t.Context(), tx, &n); err != nil {
				return nil, err
			}
			return []store.Event{{Type: "note.added"}}, noteDocs.Insert(t.Context(), tx, &n)
		},
	} {
		t.Run(name, func(t *testing.T) {
			on(t, func(t *testing.T, dsn string) {
				w := open(t, dsn)
				err := func() (err error) {
					defer func() {
						if r := recover(); r != nil {
							err = fmt.Errorf("panic: %v", r)
						}
					}()
					return w.Act(t.Context(), founder, "user.manage", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
						if err := noteDocs.Insert(t.Context(), tx, &note{ID: "n", Topic: "a"}); err != nil {
							t.Fatal(err)
						}
						if _, err := tx.Enqueue(t.Context(), "k", "r", "s", nil); err != nil {
							t.Fatal(err)
						}
						return change(t, tx)
					})
				}()
				if err == nil {
					t.Fatal("no error")
				}
				if n := len(w.notes(t, "a")); n != 0 {
					t.Errorf("%d notes stayed", n)
				}
				if n := len(w.acts(t)); n != 0 {
					t.Errorf("%d acts stayed", n)
				}
				if n := w.count(t, `SELECT COUNT(*) FROM jobs`) + w.count(t, `SELECT COUNT(*) FROM outbox_bodies`); n != 0 {
					t.Errorf("%d jobs or bodies stayed", n)
				}
				w.write(t, "a", 1) // the door still opens
				if got := w.acts(t); len(got) != 1 || got[0].Seq != 1 {
					t.Errorf("the next act is %+v, want number 1: a lost number looks like a lost act", got)
				}
			})
		})
	}
}

const crashEnv = "ARK_TEST_STORE_CRASH"

// TestKillInsideAnActLeavesNothing kills a process with SIGKILL inside a change.
func TestKillInsideAnActLeavesNothing(t *testing.T) {
	if dsn := os.Getenv(crashEnv); dsn != "" {
		w := open(t, dsn)
		_ = w.Act(t.Context(), founder, "user.manage", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
			for i := range 500 {
				if err := noteDocs.Insert(t.Context(), tx, &note{fmt.Sprint(i), "killed", i}); err != nil {
					t.Error(err)
				}
			}
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		})
		return
	}
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		w.write(t, "before", 2)
		c := exec.Command(os.Args[0], "-test.run=^TestKillInsideAnActLeavesNothing$")
		c.Env = append(os.Environ(), crashEnv+"="+dsn)
		out, err := c.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the child was not killed: %v\n%s", err, out)
		}
		again := open(t, dsn)
		if n := len(again.notes(t, "killed")); n != 0 {
			t.Errorf("%d notes of the killed change stayed", n)
		}
		again.write(t, "after", 1)
		if got := again.acts(t); len(got) != 2 || got[0].Seq != 2 {
			t.Errorf("acts after the kill: %+v", got)
		}
	})
}

func TestRefusalsAreRecorded(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		never := func(*store.Tx) ([]store.Event, error) {
			t.Error("a refused change ran")
			return nil, nil
		}
		user := store.Actor{User: userID}
		if err := w.Act(t.Context(), user, "user.manage", store.Whole, never); !ark.Is(err, ark.Forbidden) {
			t.Errorf("a researcher manages users: %v", err)
		}
		acts := w.acts(t)
		if len(acts) != 1 || acts[0].Type != "refused" || acts[0].Actor != userID {
			t.Fatalf("recorded %+v", acts)
		}
		err := w.View(t.Context(), func(q store.Querier) error {
			_, body, err := w.Body(t.Context(), q, acts[0].ID)
			if s := string(body); !strings.Contains(s, `"action":"user.manage"`) || !strings.Contains(s, "default-deny") {
				t.Errorf("the refusal's body is %s", s)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if err := w.Act(t.Context(), worker, "user.manage", store.Whole, never); err == nil || len(w.acts(t)) != 2 {
			t.Errorf("a worker's refusal: %v, %d acts", err, len(w.acts(t)))
		}
		if err := w.Act(t.Context(), user, "no.such", store.Whole, never); !ark.Is(err, ark.Forbidden) {
			t.Errorf("an unknown action: %v", err)
		}
		if err := w.Act(t.Context(), user, "user.manage", store.Resource{Type: "Moon", ID: "x"}, never); !ark.Is(err, ark.Forbidden) {
			t.Errorf("an unknown kind of thing: %v", err)
		}
		if err := w.Act(t.Context(), store.Actor{User: gone}, "self.read", store.Whole, never); !ark.Is(err, ark.Unsigned) {
			t.Errorf("an account that is gone: %v", err)
		}
		before := len(w.acts(t))
		if err := w.Act(t.Context(), user, "project.read", store.Resource{Type: "Project", ID: "prj_none"}, never); !ark.Is(err, ark.Unknown) {
			t.Errorf("a thing that is not there: %v", err)
		}
		if len(w.acts(t)) != before {
			t.Error("looking for what is not there grew the ledger")
		}
		if err := w.Check(t.Context(), user, "user.manage", store.Whole); !ark.Is(err, ark.Forbidden) || len(w.acts(t)) != before {
			t.Errorf("Check: %v; it may record nothing", err)
		}
	})
}

// TestAnonymousRefusalsAreCounted: nobody can grow the ledger from outside.
func TestAnonymousRefusalsAreCounted(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		for range 50 {
			if err := w.Act(t.Context(), nobody, "user.manage", store.Whole, nil); !ark.Is(err, ark.Unsigned) {
				t.Fatalf("nobody manages users: %v", err)
			}
		}
		if n := len(w.acts(t)); n != 0 {
			t.Errorf("%d acts recorded of people who are not signed in", n)
		}
		if n := w.count(t, `SELECT n FROM anonymous_refusals WHERE action = 'user.manage' AND day = '2026-03-04'`); n != 50 {
			t.Errorf("counted %d refusals, want 50", n)
		}
	})
}

// TestConcurrentActsAreSerial: a decision never races the change it allowed,
// and the numbers of acts have no gap.
func TestConcurrentActsAreSerial(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		w.write(t, "counter", 1)
		const workers, rounds = 8, 10
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range rounds {
					err := w.Act(t.Context(), founder, "user.manage", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
						n, err := noteDocs.First(t.Context(), tx, "topic = $1", "counter")
						if err != nil {
							return nil, err
						}
						n.N++
						return []store.Event{{Type: "note.counted"}, {Type: "note.counted-again"}}, noteDocs.Update(t.Context(), tx, n)
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n := w.notes(t, "counter")[0].N; n != workers*rounds {
			t.Errorf("counted to %d, want %d", n, workers*rounds)
		}
		acts := w.acts(t)
		if len(acts) != 1+2*workers*rounds {
			t.Errorf("%d acts", len(acts))
		}
		for i, a := range acts {
			if a.Seq != int64(len(acts)-i) {
				t.Fatalf("act %d has the number %d", len(acts)-i, a.Seq)
			}
		}
	})
}

func TestAccessIsRecorded(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		if err := w.Access(t.Context(), founder, "user.manage", store.Whole, "", userID, "free text", "../etc"); err != nil {
			t.Fatal(err)
		}
		a := w.acts(t)[0]
		if a.Type != "access.user.manage" || len(a.Subjects) != 1 || a.Subjects[0] != userID {
			t.Errorf("recorded %+v: subjects may be identifiers only", a)
		}
	})
}

func TestDocs(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		w.write(t, "a", 2)
		err := w.Act(t.Context(), founder, "user.manage", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
			return []store.Event{{Type: "note.changed"}}, noteDocs.Update(t.Context(), tx, &note{ID: "not there"})
		})
		if !ark.Is(err, ark.Unknown) {
			t.Errorf("updating what is not there: %v", err)
		}
		err = w.View(t.Context(), func(q store.Querier) error {
			if _, err := noteDocs.Get(t.Context(), q, "x' OR '1'='1"); !ark.Is(err, ark.Unknown) {
				t.Errorf("an injected id: %v", err)
			}
			_, err := noteDocs.First(t.Context(), q, "topic = $1", "none")
			return err
		})
		if !ark.Is(err, ark.Unknown) {
			t.Errorf("First of nothing: %v", err)
		}
	})
}

// TestViewCannotWrite: a view is handed to readers, so the database itself refuses.
func TestViewCannotWrite(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		w.write(t, "a", 1)
		_ = w.View(t.Context(), func(q store.Querier) error {
			rows, err := q.QueryContext(t.Context(), `DELETE FROM notes RETURNING id`)
			if err == nil {
				for rows.Next() {
				}
				err = rows.Err()
				rows.Close()
			}
			if err == nil {
				t.Error("a view deleted a row")
			}
			return nil
		})
		if len(w.notes(t, "a")) != 1 {
			t.Error("the row is gone")
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	w := open(t, "sqlite:"+filepath.Join(t.TempDir(), "ark.db"))
	for name, change := range map[string]func(*store.Config){
		"no policies": func(c *store.Config) { c.Decider = nil },
		"no sealer":   func(c *store.Config) { c.Bodies = nil },
		"no address":  func(c *store.Config) { c.DSN = "" },
		"no file":     func(c *store.Config) { c.DSN = "sqlite:" },
		"other kind":  func(c *store.Config) { c.DSN = "mysql://x" },
	} {
		cfg := w.cfg
		change(&cfg)
		if s, err := store.Open(t.Context(), cfg); err == nil {
			s.Close()
			t.Errorf("%s: opened", name)
		}
	}
}
