package store_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/ledger"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/folder"
	"github.com/ark-tre/ark/pkg/store"
)

func newLog(t *testing.T) *ledger.Log {
	t.Helper()
	dir := t.TempDir()
	must(t, local.Init(filepath.Join(dir, "keys")))
	ring, err := local.Open(filepath.Join(dir, "keys"), time.Now)
	must(t, err)
	must(t, ring.Create(t.Context(), "signing/ledger"))
	must(t, folder.Init(filepath.Join(dir, "objects"), objects.DefaultRules()))
	back, err := folder.Open(filepath.Join(dir, "objects"), objects.DefaultRules(), time.Now)
	must(t, err)
	l, err := ledger.Create(t.Context(), ledger.Config{Tiles: ledger.InStore(objects.New(back, ring, objects.DefaultRules())),
		Keys: ring, Key: "signing/ledger", Origin: "ark.test/ledger"})
	must(t, err)
	return l
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestOutboxReachesTheLedger: every act, in its order, once, into a real log
// that verifies; every body opens its leaf's commitment; an erased body leaves
// the log verifiable.
func TestOutboxReachesTheLedger(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		for range 5 {
			w.write(t, "a", 1)
		}
		log := newLog(t)
		seq := ledger.Sequencer{Log: log, Outbox: store.Outbox{Store: w.Store}}
		n, err := seq.Step(t.Context())
		if err != nil || n != 5 {
			t.Fatalf("sequenced %d, %v", n, err)
		}
		w.write(t, "b", 1)
		for want := 1; want >= 0; want-- {
			if n, err := seq.Step(t.Context()); err != nil || n != want {
				t.Fatalf("sequenced %d, %v; want %d", n, err, want)
			}
		}
		for _, a := range w.acts(t) {
			if a.Index != a.Seq-1 {
				t.Errorf("act %d is at %d in the ledger", a.Seq, a.Index)
			}
			must(t, w.View(t.Context(), func(q store.Querier) error {
				salt, body, err := w.Body(t.Context(), q, a.ID)
				must(t, err)
				raw, err := hex.DecodeString(salt)
				must(t, err)
				leaf, err := a.Leaf()
				must(t, err)
				if !leaf.Opens(raw, body) || leaf.Opens(raw, append(body, ' ')) {
					t.Errorf("act %d: the body does not open the commitment, or another one does", a.Seq)
				}
				p, err := log.ProveEntry(t.Context(), a.Index)
				must(t, err)
				key, err := log.VerifierKey(t.Context())
				must(t, err)
				if got, _, err := p.Check(key); err != nil || got.ID != a.ID || got.Commit != leaf.Commit {
					t.Errorf("act %d: %v", a.Seq, err)
				}
				return nil
			}))
		}
		dir := t.TempDir()
		_, err = log.Export(t.Context(), dir)
		must(t, err)
		key, err := log.VerifierKey(t.Context())
		must(t, err)
		report, err := ledger.Verify(os.DirFS(dir), []string{key})
		if err != nil || !report.OK() {
			t.Errorf("the exported log: %v %v", report.Findings, err)
		}
	})
}

// TestSequencedAgreesOrStops: told the same again it agrees; told another
// place for the same act it refuses, and nothing of that batch stays.
func TestSequencedAgreesOrStops(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		w.write(t, "a", 1)
		w.write(t, "a", 1)
		box := store.Outbox{Store: w.Store}
		leaves, err := box.Pending(t.Context(), 10)
		must(t, err)
		if len(leaves) != 2 {
			t.Fatalf("%d pending", len(leaves))
		}
		at := []ledger.Placed{{ID: leaves[0].ID, Index: 0}}
		for range 2 {
			must(t, box.Sequenced(t.Context(), at, ledger.Checkpoint{}))
		}
		if err := box.Sequenced(t.Context(), []ledger.Placed{{ID: leaves[1].ID, Index: 1}, {ID: leaves[0].ID, Index: 5}}, ledger.Checkpoint{}); err == nil {
			t.Error("a moved act was accepted")
		}
		if left, err := box.Pending(t.Context(), 10); err != nil || len(left) != 1 || left[0].ID != leaves[1].ID {
			t.Errorf("pending after the disagreement: %d, %v", len(left), err)
		}
		if err := box.Sequenced(t.Context(), []ledger.Placed{{ID: "evt_00000000000070008000000000000009", Index: 2}}, ledger.Checkpoint{}); err == nil {
			t.Error("an act that was never recorded was accepted")
		}
	})
}

// TestBodiesAreSealed: what was done is not readable in the database file.
func TestBodiesAreSealed(t *testing.T) {
	dir := t.TempDir()
	w := open(t, "sqlite:"+filepath.Join(dir, "ark.db"))
	const canary = "CANARY-BODY-7731"
	must(t, w.Act(t.Context(), founder, "user.manage", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		return []store.Event{{Type: "note.added", Body: canary}}, nil
	}))
	w.Close()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	for _, f := range files {
		raw, err := os.ReadFile(f)
		must(t, err)
		if strings.Contains(string(raw), canary) {
			t.Errorf("%s holds the body in clear", filepath.Base(f))
		}
	}
}
