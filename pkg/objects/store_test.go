package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/folder"
	"github.com/ark-tre/ark/pkg/objects/objectstest"
)

const key = keys.Name("payload/main")

type bench struct {
	*objects.Store
	root string
	ring *local.Keyring
	back objects.Backend
}

func (b bench) path(z objects.Zone, name string) string {
	return filepath.Join(b.root, string(z), name)
}

func open(t testing.TB) bench {
	t.Helper()
	dir := t.TempDir()
	must(t, local.Init(filepath.Join(dir, "keys")))
	ring, err := local.Open(filepath.Join(dir, "keys"), time.Now)
	must(t, err)
	for _, n := range []keys.Name{key, "payload/other", "landing/portal", "index/main", "versions/main"} {
		must(t, ring.Create(context.Background(), n))
	}
	root := filepath.Join(dir, "objects")
	must(t, folder.Init(root, objectstest.Rules()))
	back, err := folder.Open(root, objectstest.Rules(), time.Now)
	must(t, err)
	return bench{objects.New(back, ring, objectstest.Rules()), root, ring, back}
}

// sizes around every boundary of the format.
var sizes = []int{0, 1, 100, 65535, 65536, 65537, 131072, 131073, 400_000}

func TestPutThenOpen(t *testing.T) {
	s := open(t)
	for _, n := range sizes {
		data := noise(n, byte(n))
		ref, err := s.Put(t.Context(), objects.Payload, fmt.Sprintf("a/%d", n), key, bytes.NewReader(data))
		must(t, err)
		got, err := s.Get(t.Context(), ref)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: read %d, %v", n, len(got), err)
		}
		if stat, err := s.Stat(t.Context(), objects.Payload, ref.Name); err != nil || stat != ref {
			t.Errorf("%d bytes: Stat %+v, %v; want %+v", n, stat, err, ref)
		}
	}
}

func TestOpenAtReadsAnywhere(t *testing.T) {
	s := open(t)
	data := noise(400_000, 1)
	ref := s.put(t, "a", data)
	unpinned := ref
	unpinned.Seal = ""
	for _, ref := range []objects.Ref{ref, unpinned} {
		f, err := s.OpenAt(t.Context(), ref)
		must(t, err)
		if f.Size() != int64(len(data)) {
			t.Fatalf("size %d", f.Size())
		}
		rapid.Check(t, func(t *rapid.T) {
			off := rapid.IntRange(0, len(data)).Draw(t, "off")
			p := make([]byte, rapid.IntRange(1, 200_000).Draw(t, "n"))
			n, err := f.ReadAt(p, int64(off))
			want := min(len(p), len(data)-off)
			if n != want || !bytes.Equal(p[:n], data[off:off+n]) || (n < len(p)) != errors.Is(err, io.EOF) {
				t.Fatalf("%d bytes from %d: %d, %v", len(p), off, n, err)
			}
		})
		must(t, f.Close())
		if _, err := f.ReadAt(make([]byte, 1), 0); err == nil {
			t.Error("read from a closed file")
		}
	}
}

func TestNoPlaintextOnDisk(t *testing.T) {
	s := open(t)
	canary := []byte("canary-9434765919-canary")
	s.put(t, "a", bytes.Repeat(canary, 10_000))
	must(t, filepath.WalkDir(s.root, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, canary) {
			t.Errorf("%s shows the plaintext", path)
		}
		return err
	}))
}

func TestPutIsIdempotent(t *testing.T) {
	s := open(t)
	data := noise(100_000, 1)
	first := s.put(t, "a", data)
	again, err := s.Put(t.Context(), objects.Payload, "a", key, bytes.NewReader(data))
	if err != nil || again != first {
		t.Fatalf("again: %+v, %v; want %+v", again, err, first)
	}
	for _, other := range [][]byte{nil, data[:len(data)-1], append(bytes.Clone(data), 0), noise(100_000, 2)} {
		if ref, err := s.Put(t.Context(), objects.Payload, "a", key, bytes.NewReader(other)); !ark.Is(err, ark.Conflict) {
			t.Errorf("other content: %+v, %v; want a Conflict", ref, err)
		}
	}
	if got, err := s.Get(t.Context(), first); err != nil || !bytes.Equal(got, data) {
		t.Errorf("the content has changed: %v", err)
	}
}

func TestPutOfAFailingReaderStoresNothing(t *testing.T) {
	s := open(t)
	broken := errors.New("broken")
	_, err := s.Put(t.Context(), objects.Payload, "a", key, io.MultiReader(bytes.NewReader(noise(100_000, 1)), iotestErr{broken}))
	if !errors.Is(err, broken) {
		t.Fatalf("%v", err)
	}
	if _, err := s.Stat(t.Context(), objects.Payload, "a"); !ark.Is(err, ark.Unknown) {
		t.Fatalf("something was stored: %v", err)
	}
}

type iotestErr struct{ err error }

func (r iotestErr) Read([]byte) (int, error) { return 0, r.err }

func TestWriter(t *testing.T) {
	s := open(t)
	w := s.Writer(t.Context(), objects.Payload, "a", key)
	for i := range 100 {
		_, err := fmt.Fprintf(w, "line %d\n", i)
		must(t, err)
	}
	ref, err := w.Commit()
	must(t, err)
	w.Abort() // after Commit: nothing
	if got, err := s.Get(t.Context(), ref); err != nil || !bytes.HasSuffix(got, []byte("line 99\n")) {
		t.Errorf("%q, %v", got, err)
	}
	w = s.Writer(t.Context(), objects.Payload, "b", key)
	_, err = w.Write([]byte("x"))
	must(t, err)
	w.Abort()
	if _, err := s.Stat(t.Context(), objects.Payload, "b"); !ark.Is(err, ark.Unknown) {
		t.Errorf("an aborted object was stored: %v", err)
	}
	w = s.Writer(t.Context(), objects.Payload, "c", "payload/nosuch")
	if _, err := w.Commit(); !ark.Is(err, ark.Unknown) {
		t.Errorf("without a key: %v", err)
	}
}

func TestRotationAndDestruction(t *testing.T) {
	s := open(t)
	ref := s.put(t, "a", []byte("old"))
	_, err := s.ring.Rotate(t.Context(), key)
	must(t, err)
	if got, err := s.Get(t.Context(), ref); err != nil || string(got) != "old" {
		t.Errorf("after rotation: %q, %v", got, err)
	}
	_, err = s.ring.Destroy(t.Context(), key)
	must(t, err)
	if _, err := s.Get(t.Context(), ref); !ark.Is(err, ark.Lapsed) {
		t.Errorf("after destruction: %v; want Lapsed", err)
	}
}

// The portal's situation: it may seal into landing and open nothing.
func TestSealOnlyWriter(t *testing.T) {
	s := open(t)
	portal := objects.New(s.back, keys.Confine(s.ring, keys.Rights{keys.Landing: {keys.MaySeal}}), objectstest.Rules())
	ref, err := portal.Put(t.Context(), objects.Landing, "dlv/1", "landing/portal", bytes.NewReader([]byte("rows")))
	must(t, err)
	if _, err := portal.Get(t.Context(), ref); !ark.Is(err, ark.Forbidden) {
		t.Errorf("the portal read: %v", err)
	}
	again, err := portal.Put(t.Context(), objects.Landing, "dlv/1", "landing/portal", bytes.NewReader([]byte("rows")))
	if err != nil || again != ref {
		t.Errorf("the portal does not recognise its object: %+v, %v; want %+v", again, err, ref)
	}
	for _, other := range []string{"rowz", "row", ""} {
		if _, err := portal.Put(t.Context(), objects.Landing, "dlv/1", "landing/portal", bytes.NewReader([]byte(other))); !ark.Is(err, ark.Conflict) {
			t.Errorf("other content %q: %v; want Conflict", other, err)
		}
	}
	if got, err := s.Get(t.Context(), ref); err != nil || string(got) != "rows" {
		t.Errorf("intake: %q, %v", got, err)
	}
}

func TestZonesTakeTheirOwnKeysOnly(t *testing.T) {
	s := open(t)
	for _, c := range []struct {
		zone objects.Zone
		key  keys.Name
	}{
		{objects.Identifiers, key}, {objects.Payload, "index/main"}, {objects.Payload, ""}, {objects.Payload, "signing/a"},
		{objects.Public, key}, {objects.Ledger, key}, {"nosuch", key}, {"", ""},
	} {
		if _, err := s.Put(t.Context(), c.zone, "a", c.key, bytes.NewReader(nil)); !ark.Is(err, ark.Invalid) {
			t.Errorf("zone %q, key %q: %v; want Invalid", c.zone, c.key, err)
		}
	}
	if _, err := new(objects.Store).Put(t.Context(), objects.Payload, "a", key, bytes.NewReader(nil)); err == nil {
		t.Error("the zero Store took an object")
	}
}

func TestPlainZone(t *testing.T) {
	s := open(t)
	ref, err := s.Put(t.Context(), objects.Public, "register.json", "", bytes.NewReader([]byte("{}")))
	must(t, err)
	if raw, err := os.ReadFile(s.path(objects.Public, "register.json")); err != nil || string(raw) != "{}" {
		t.Errorf("stored as %q, %v", raw, err)
	}
	f, err := s.OpenAt(t.Context(), ref)
	must(t, err)
	if got, err := io.ReadAll(f); err != nil || string(got) != "{}" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestDeleteRespectsRetention(t *testing.T) {
	s := open(t)
	_, err := s.Put(t.Context(), objects.Versions, "v", "versions/main", bytes.NewReader([]byte("x")))
	must(t, err)
	if err := s.Delete(t.Context(), objects.Versions, "v"); !ark.Is(err, ark.Conflict) {
		t.Errorf("%v; want Conflict", err)
	}
	s.put(t, "a", nil)
	must(t, s.Delete(t.Context(), objects.Payload, "a"))
}

func TestReplace(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	if _, _, err := s.Current(ctx, objects.Ledger, "checkpoint"); !ark.Is(err, ark.Unknown) {
		t.Fatalf("%v", err)
	}
	must(t, s.Replace(ctx, objects.Ledger, "checkpoint", []byte("1"), ""))
	data, tag, err := s.Current(ctx, objects.Ledger, "checkpoint")
	must(t, err)
	must(t, s.Replace(ctx, objects.Ledger, "checkpoint", append(data, '2'), tag))
	if err := s.Replace(ctx, objects.Ledger, "checkpoint", []byte("3"), tag); !ark.Is(err, ark.Conflict) {
		t.Errorf("by an old tag: %v", err)
	}
	for _, c := range []struct {
		z    objects.Zone
		name string
	}{{objects.Ledger, "tile/0/000"}, {objects.Payload, "checkpoint"}, {objects.Public, "checkpoint"}} {
		if err := s.Replace(ctx, c.z, c.name, nil, ""); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s/%s was replaced: %v", c.z, c.name, err)
		}
	}
}

func TestSweepRemovesHalfUploads(t *testing.T) {
	s := open(t)
	must(t, os.WriteFile(s.path(objects.Payload, ".unfinished/.unfinished-1"), []byte("half"), 0o600))
	found, err := s.Sweep(t.Context(), objects.Payload, time.Now().Add(-time.Hour))
	if err != nil || len(found) != 0 {
		t.Errorf("swept a young upload: %v, %v", found, err)
	}
	found, err = s.Sweep(t.Context(), objects.Payload, time.Now().Add(time.Hour))
	if err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
	found, err = s.Sweep(t.Context(), objects.Payload, time.Now().Add(time.Hour))
	if err != nil || len(found) != 0 {
		t.Errorf("still there: %v, %v", found, err)
	}
}

// A gigabyte through Put and Open in bounded memory.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 256 MiB")
	}
	s := open(t)
	const size = 256 << 20
	var peak uint64
	probe := func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc)
	}
	runtime.GC()
	probe()
	base := peak
	ref, err := s.Put(t.Context(), objects.Payload, "big", key, &counted{n: size, each: probe})
	must(t, err)
	r, err := s.Open(t.Context(), ref)
	must(t, err)
	n, err := io.Copy(io.Discard, r)
	must(t, err)
	must(t, r.Close())
	probe()
	if n != size || peak > base+16<<20 {
		t.Errorf("read %d bytes; the heap grew by %d MiB, want less than 16", n, (peak-base)>>20)
	}
}

type counted struct {
	n    int
	i    int
	each func()
}

func (c *counted) Read(p []byte) (int, error) {
	if c.n == 0 {
		return 0, io.EOF
	}
	if c.i++; c.i%1000 == 0 {
		c.each()
	}
	n := min(len(p), c.n)
	c.n -= n
	return n, nil
}

func (b bench) put(t *testing.T, name string, data []byte) objects.Ref {
	t.Helper()
	ref, err := b.Put(t.Context(), objects.Payload, name, key, bytes.NewReader(data))
	must(t, err)
	return ref
}

func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	x := uint32(seed) + 1
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// However writing ends, the goroutine behind a Writer ends with it.
func TestWriterLeavesNoGoroutine(t *testing.T) {
	s := open(t)
	before := runtime.NumGoroutine()
	for i := range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		w := s.Writer(ctx, objects.Payload, fmt.Sprint("a", i), key)
		_, err := w.Write([]byte("x"))
		must(t, err)
		switch i % 3 {
		case 0:
			_, err = w.Commit()
			must(t, err)
		case 1:
			w.Abort()
		case 2:
			cancel()
			_, _ = w.Write(make([]byte, 1<<20)) // may fail: Put has seen the end of ctx
			if _, err := w.Commit(); err == nil {
				t.Error("committed after its context had ended")
			}
		}
		cancel()
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}
