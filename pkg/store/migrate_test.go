package store_test

import (
	"testing"
	"testing/fstest"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

func TestMigrations(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		w.write(t, "a", 1)
		w.Close()
		again, err := store.Open(t.Context(), w.cfg) // repeated: nothing to do
		if err != nil {
			t.Fatal(err)
		}
		again.Close()

		second := w.cfg
		second.Schemas = []store.Schema{{Room: "notes", Files: fstest.MapFS{
			"001_notes.sql":  notes().Files.(fstest.MapFS)["001_notes.sql"],
			"002_colour.sql": {Data: []byte("ALTER TABLE notes ADD COLUMN colour TEXT NOT NULL DEFAULT 'red';")},
		}}}
		s, err := store.Open(t.Context(), second)
		if err != nil {
			t.Fatal(err)
		}
		got := world{Store: s}
		if n := got.count(t, `SELECT COUNT(*) FROM notes WHERE colour = 'red'`); n != 1 {
			t.Errorf("%d rows after the second file, want 1", n)
		}
		s.Close()

		if s, err := store.Open(t.Context(), w.cfg); !ark.Is(err, ark.Conflict) {
			s.Close()
			t.Errorf("an older program on a newer database: %v", err)
		}
		changed := second
		changed.Schemas = []store.Schema{{Room: "notes", Files: fstest.MapFS{
			"001_notes.sql":  {Data: []byte("CREATE TABLE notes (id TEXT PRIMARY KEY);")},
			"002_colour.sql": second.Schemas[0].Files.(fstest.MapFS)["002_colour.sql"],
		}}}
		if s, err := store.Open(t.Context(), changed); !ark.Is(err, ark.Conflict) {
			s.Close()
			t.Errorf("a changed table file: %v", err)
		}
	})
}

// TestBrokenTableFileLeavesNothing: a file is applied whole or not at all, and
// can be mended.
func TestBrokenTableFileLeavesNothing(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		w.Close()
		cfg := w.cfg
		cfg.Schemas = append(cfg.Schemas, store.Schema{Room: "broken", Files: fstest.MapFS{
			"001.sql": {Data: []byte("CREATE TABLE half (id TEXT); CREATE TABLE half (id TEXT);")}}})
		if _, err := store.Open(t.Context(), cfg); err == nil {
			t.Fatal("a table file that cannot be applied was accepted")
		}
		cfg.Schemas[len(cfg.Schemas)-1].Files = fstest.MapFS{"001.sql": {Data: []byte("CREATE TABLE half (id TEXT);")}}
		s, err := store.Open(t.Context(), cfg)
		if err != nil {
			t.Fatalf("mended: %v", err)
		}
		s.Close()
	})
}
