package store_test

import (
	"context"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/pkg/store/storetest"
	"github.com/ark-tre/ark/policies"
)

var server storetest.Server

func TestMain(m *testing.M) {
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// on runs a test on SQLite and on PostgreSQL: one suite for both.
func on(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, storetest.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, server.DSN(t)) })
}

// notes is a room with one table, as small as a room can be.
func notes() store.Schema {
	return store.Schema{Room: "notes", Files: fstest.MapFS{
		"001_notes.sql": {Data: []byte(`CREATE TABLE notes (id TEXT PRIMARY KEY, topic TEXT NOT NULL, doc TEXT NOT NULL);`)},
	}}
}

type note struct {
	ID, Topic string
	N         int
}

var noteDocs = store.Docs[note]{Table: "notes", Noun: "note", Keys: []string{"topic"},
	Of: func(n *note) (string, []any) { return n.ID, []any{n.Topic} }}

var (
	founder = store.Actor{System: "founder"} // may user.manage on an empty Ark
	worker  = store.Actor{System: "worker"}  // may job.finish
	nobody  = store.Actor{}
	start   = time.Date(2026, 3, 4, 5, 6, 7, 891_234_000, time.UTC)
)

const (
	userID = "usr_00000000000070008000000000000001"
	gone   = "usr_00000000000070008000000000000002"
)

type world struct {
	*store.Store
	clock *storetest.Clock
	cfg   store.Config
}

// open opens a store with the real policies.
func open(t testing.TB, dsn string) world {
	t.Helper()
	access, err := policies.LoadAccess()
	if err != nil {
		t.Fatal(err)
	}
	clock := storetest.NewClock(start)
	cfg := store.Config{DSN: dsn, Decider: access, Bodies: storetest.NewSealer(t), Now: clock.Now, Schemas: []store.Schema{notes()},
		Entities: map[string]store.Loader{
			"Ark": func(context.Context, store.Querier, string) (store.Entity, error) {
				return store.Entity{Attrs: map[string]any{"empty": true}}, nil
			},
			"User": func(_ context.Context, _ store.Querier, id string) (store.Entity, error) {
				if id != userID {
					return store.Entity{}, ark.Faultf(ark.Unknown, "there is no such user")
				}
				return store.Entity{Attrs: map[string]any{"roles": []string{"researcher"}, "human": "h", "org": "o", "suspended": false, "trainingUntil": int64(0), "termsUntil": int64(0)}}, nil
			},
			"Project": func(_ context.Context, q store.Querier, id string) (store.Entity, error) {
				_, err := noteDocs.Get(context.Background(), q, id)
				return store.Entity{Attrs: map[string]any{"members": []string{}, "orgs": []string{}, "lead": "", "humans": []string{}, "state": "draft"}}, err
			},
		}}
	return world{storetest.Open(t, cfg), clock, cfg}
}

// write adds n notes as the founder in one act.
func (w world) write(t testing.TB, topic string, n int) {
	t.Helper()
	err := w.Act(t.Context(), founder, "user.manage", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		for i := range n {
			if err := noteDocs.Insert(t.Context(), tx, &note{tx.NewID(ark.PrefixProject), topic, i}); err != nil {
				return nil, err
			}
		}
		return []store.Event{{Type: "note.added"}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w world) notes(t testing.TB, topic string) []note {
	t.Helper()
	var out []note
	err := w.View(t.Context(), func(q store.Querier) error {
		var err error
		out, err = noteDocs.Where(t.Context(), q, "topic = $1", topic)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (w world) acts(t testing.TB) []store.Recorded {
	t.Helper()
	var out []store.Recorded
	err := w.View(t.Context(), func(q store.Querier) error {
		var err error
		out, err = w.Acts(t.Context(), q, "", 0, 1000)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (w world) count(t testing.TB, query string, args ...any) int {
	t.Helper()
	var n int
	err := w.View(t.Context(), func(q store.Querier) error { return q.QueryRowContext(t.Context(), query, args...).Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}
