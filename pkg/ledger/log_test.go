package ledger_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/ledger"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/folder"
)

const origin = "ark.test/ledger"

func config(t testing.TB) ledger.Config {
	t.Helper()
	dir := t.TempDir()
	must(t, local.Init(filepath.Join(dir, "keys")))
	ring, err := local.Open(filepath.Join(dir, "keys"), time.Now)
	must(t, err)
	must(t, ring.Create(context.Background(), "signing/ledger"))
	must(t, folder.Init(filepath.Join(dir, "objects"), objects.DefaultRules()))
	back, err := folder.Open(filepath.Join(dir, "objects"), objects.DefaultRules(), time.Now)
	must(t, err)
	return ledger.Config{
		Tiles: ledger.InStore(objects.New(back, ring, objects.DefaultRules())),
		Keys:  ring, Key: "signing/ledger", Origin: origin,
	}
}

func create(t testing.TB) (ledger.Config, *ledger.Log) {
	t.Helper()
	c := config(t)
	l, err := ledger.Create(context.Background(), c)
	must(t, err)
	return c, l
}

// leaf makes the i-th test entry.
func leaf(i int) ledger.Leaf {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(i) * time.Millisecond)
	random := rand.NewChaCha8([32]byte{byte(i), byte(i >> 8), byte(i >> 16)})
	id := ark.NewID(ark.PrefixEvent, at, random)
	e, err := ledger.NewEntry(id, "project.submit", at, []string{ark.NewID(ark.PrefixProject, at, random)}, fmt.Appendf(nil, "body %d", i), random)
	if err != nil {
		panic(err)
	}
	return e.Leaf
}

func leaves(from, to int) []ledger.Leaf {
	var ls []ledger.Leaf
	for i := from; i < to; i++ {
		ls = append(ls, leaf(i))
	}
	return ls
}

// fill appends n entries in batches of uneven sizes.
func fill(t testing.TB, l *ledger.Log, n int) ledger.Checkpoint {
	t.Helper()
	var head ledger.Checkpoint
	for from, step := 0, 1; from < n; step = step*3%509 + 1 {
		to := min(n, from+step)
		at, c, err := l.Append(context.Background(), leaves(from, to))
		must(t, err)
		if at[0] != int64(from) || c.Size != int64(to) {
			t.Fatalf("appended %d to %d: at %d, size %d", from, to, at[0], c.Size)
		}
		from, head = to, c
	}
	return head
}

func TestAppendProveReopen(t *testing.T) {
	c, l := create(t)
	head := fill(t, l, 700)
	key, err := l.VerifierKey(t.Context())
	must(t, err)
	got, err := ledger.OpenCheckpoint(head.Note, key)
	if err != nil || got.Size != 700 || got.Root != head.Root {
		t.Fatalf("%+v, %v", got, err)
	}
	again, err := ledger.Open(t.Context(), c)
	must(t, err)
	for _, i := range []int64{0, 1, 255, 256, 511, 512, 699} {
		p, err := again.ProveEntry(t.Context(), i)
		must(t, err)
		got, at, err := p.Check(key)
		if err != nil || got.ID != leaf(int(i)).ID || at.Size != 700 {
			t.Errorf("entry %d: %+v, %v", i, got, err)
		}
		p.Index ^= 1
		if _, _, err := p.Check(key); err == nil {
			t.Errorf("the proof of entry %d also proves its neighbour", i)
		}
	}
	if _, err := l.ProveEntry(t.Context(), 700); !ark.Is(err, ark.Unknown) {
		t.Errorf("an entry past the end: %v", err)
	}
}

func TestEveryCheckpointIsConsistentWithTheLast(t *testing.T) {
	c, l := create(t)
	first, err := l.Checkpoint(t.Context())
	must(t, err)
	heads := []ledger.Checkpoint{first}
	for i, n := range []int{1, 1, 253, 1, 1, 300, 7} {
		_, head, err := l.Append(t.Context(), leaves(int(heads[i].Size), int(heads[i].Size)+n))
		must(t, err)
		heads = append(heads, head)
	}
	key, err := l.VerifierKey(t.Context())
	must(t, err)
	l, err = ledger.Open(t.Context(), c)
	must(t, err)
	for _, h := range heads {
		p, err := l.ProveConsistency(t.Context(), h)
		must(t, err)
		older, newer, err := p.Check(key)
		if err != nil || older.Size != h.Size || newer.Size != 564 {
			t.Errorf("from %d: %d to %d, %v", h.Size, older.Size, newer.Size, err)
		}
	}
}

func TestAppendIsIdempotent(t *testing.T) {
	c, l := create(t)
	fill(t, l, 300)
	for _, l := range []*ledger.Log{l, reopen(t, c)} {
		at, head, err := l.Append(t.Context(), leaves(290, 310))
		must(t, err)
		if at[0] != 290 || at[19] != 309 || head.Size != 310 {
			t.Errorf("places %v, size %d", at, head.Size)
		}
	}
	changed := leaf(295)
	changed.Type = "project.withdraw"
	if _, _, err := l.Append(t.Context(), []ledger.Leaf{changed}); !ark.Is(err, ark.Conflict) {
		t.Errorf("another entry under the same identifier: %v", err)
	}
	if _, _, err := l.Append(t.Context(), []ledger.Leaf{leaf(400), leaf(400)}); !ark.Is(err, ark.Conflict) {
		t.Errorf("an entry twice in a batch: %v", err)
	}
}

func TestCreateAndOpenAreLatches(t *testing.T) {
	c := config(t)
	if _, err := ledger.Open(t.Context(), c); !ark.Is(err, ark.Unavailable) {
		t.Fatalf("Open of nothing: %v", err)
	}
	_, err := ledger.Create(t.Context(), c)
	must(t, err)
	if _, err := ledger.Create(t.Context(), c); !ark.Is(err, ark.Conflict) {
		t.Fatalf("second Create: %v", err)
	}
	must(t, c.Keys.Create(t.Context(), "signing/other"))
	other := c
	other.Key = "signing/other"
	if _, err := ledger.Open(t.Context(), other); err == nil {
		t.Fatal("opened with another key")
	}
	other = c
	other.Origin = "ark.test/other"
	if _, err := ledger.Open(t.Context(), other); err == nil {
		t.Fatal("opened as another log")
	}
}

func TestKeyRotation(t *testing.T) {
	c, l := create(t)
	old := fill(t, l, 3)
	oldKey, err := l.VerifierKey(t.Context())
	must(t, err)
	_, err = c.Keys.Rotate(t.Context(), c.Key)
	must(t, err)
	l = reopen(t, c)
	_, head, err := l.Append(t.Context(), leaves(3, 5))
	must(t, err)
	newKey, err := l.VerifierKey(t.Context())
	must(t, err)
	if _, err := ledger.OpenCheckpoint(head.Note, oldKey); err == nil {
		t.Error("the old key verifies what the new one signed")
	}
	for _, h := range []ledger.Checkpoint{old, head} {
		if _, err := ledger.OpenCheckpoint(h.Note, oldKey, newKey); err != nil {
			t.Error(err)
		}
	}
}

func TestConcurrentSequencersLoseNothing(t *testing.T) {
	c, _ := create(t)
	const each, writers = 40, 3
	errs := make(chan error, writers)
	for w := range writers {
		l := reopen(t, c)
		go func() {
			for i := range each {
				_, _, err := l.Append(context.Background(), leaves(w*1000+i*3, w*1000+i*3+3))
				if err != nil {
					errs <- fmt.Errorf("writer %d, batch %d: %w", w, i, err)
					return
				}
			}
			errs <- nil
		}()
	}
	for range writers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	l := reopen(t, c)
	report := verified(t, l)
	if !report.OK() || report.Size != writers*each*3 {
		t.Errorf("%+v", report)
	}
}

func TestCommitment(t *testing.T) {
	random := rand.NewChaCha8([32]byte{7})
	at := time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.FixedZone("x", 3600))
	e, err := ledger.NewEntry(ark.NewID(ark.PrefixEvent, at, random), "permit.issue", at, nil, []byte("body"), random)
	must(t, err)
	if !e.Leaf.Opens(e.Salt, []byte("body")) {
		t.Error("the commitment does not open")
	}
	if e.Leaf.Opens(e.Salt, []byte("other")) || e.Leaf.Opens(make([]byte, 32), []byte("body")) || e.Leaf.Opens(nil, []byte("body")) {
		t.Error("the commitment opens to something else")
	}
	if e.Leaf.Time.Nanosecond() != 123456000 || e.Leaf.Time.Location() != time.UTC {
		t.Errorf("time %v", e.Leaf.Time)
	}
}

func TestLeafRefusesWhatMayNotBeSaid(t *testing.T) {
	good := leaf(1)
	digest := "sha256:" + string(bytes.Repeat([]byte("a"), 64))
	for name, change := range map[string]func(*ledger.Leaf){
		"free text type": func(l *ledger.Leaf) { l.Type = "Anna Schmidt" },
		"file name":      func(l *ledger.Leaf) { l.Subjects = []string{"table_anna.csv"} },
		"bare hash":      func(l *ledger.Leaf) { l.Subjects = []string{digest} },
		"bare hex":       func(l *ledger.Leaf) { l.Subjects = []string{digest[7:]} },
		"empty subject":  func(l *ledger.Leaf) { l.Subjects = []string{""} },
		"not an event":   func(l *ledger.Leaf) { l.ID = l.Subjects[0] },
		"no commitment":  func(l *ledger.Leaf) { l.Commit = [32]byte{} },
		"nanoseconds":    func(l *ledger.Leaf) { l.Time = l.Time.Add(1) },
		"local time":     func(l *ledger.Leaf) { l.Time = l.Time.In(time.FixedZone("x", 3600)) },
		"zero time":      func(l *ledger.Leaf) { l.Time = time.Time{} },
		"too many":       func(l *ledger.Leaf) { l.Subjects = slices.Repeat(l.Subjects, 65) },
	} {
		l := good
		l.Subjects = slices.Clone(good.Subjects)
		change(&l)
		if _, err := l.Encode(); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s: %v; want Invalid", name, err)
		}
	}
	release := good
	release.Type, release.Subjects = "release.sign", []string{digest}
	if _, err := release.Encode(); err != nil {
		t.Errorf("a release may name content: %v", err)
	}
}

func FuzzParseLeaf(f *testing.F) {
	doc, err := leaf(1).Encode()
	must(f, err)
	f.Add(doc)
	f.Add(bytes.Replace(doc, []byte(`"id"`), []byte(` "id"`), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ledger.ParseLeaf(b)
		if err != nil {
			return
		}
		again, err := l.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%q parses and encodes to %q, %v", b, again, err)
		}
	})
}

func FuzzOpenCheckpoint(f *testing.F) {
	_, l := create(f)
	head := fill(f, l, 3)
	key, err := l.VerifierKey(context.Background())
	must(f, err)
	f.Add(head.Note)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ledger.OpenCheckpoint(b, key)
		if err == nil && (c.Size != 3 && c.Size != 0 || c.Origin != origin) {
			t.Errorf("%q opens to %+v", b, c)
		}
	})
}

func reopen(t testing.TB, c ledger.Config) *ledger.Log {
	t.Helper()
	l, err := ledger.Open(context.Background(), c)
	must(t, err)
	return l
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
