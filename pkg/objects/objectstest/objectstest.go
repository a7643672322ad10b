// Package objectstest is the contract of objects.Backend, run by every
// implementation's tests. It may use nothing that the interface does not
// offer, and must never be linked into a program.
package objectstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ark-tre/ark/pkg/objects"
)

// The zones that the suite uses; Rules says how.
const (
	free   = objects.Payload
	other  = objects.Index
	locked = objects.Versions
	heads  = objects.Ledger
)

// Rules are the rules that a backend under test must be opened with.
func Rules() objects.Rules {
	rules := objects.DefaultRules()
	rule := rules[locked]
	rule.Retain = time.Hour
	rules[locked] = rule
	rule = rules[heads]
	rule.Retain = 0
	rules[heads] = rule
	return rules
}

// Large is more than any backend sends in one request.
const Large = 20<<20 + 12345

// Backend holds the backends that open returns to the contract. Each call of
// open gets a fresh, empty one.
func Backend(t *testing.T, open func(t *testing.T) objects.Backend) {
	for _, c := range []struct {
		name string
		test func(*testing.T, objects.Backend)
	}{
		{"CreateThenRead", createThenRead},
		{"CreateIsOnceOnly", createOnce},
		{"ConcurrentCreateHasOneWinner", createRace},
		{"LargeObjectStreams", large},
		{"LargeCreateIsOnceOnly", largeOnce},
		{"FailingReaderStoresNothing", failingReader},
		{"EndedContextStoresNothing", endedContext},
		{"Ranges", ranges},
		{"MissingIsNotFound", missing},
		{"ZonesAreApart", zones},
		{"ListByPrefixInOrder", list},
		{"DeleteIsRepeatable", deletes},
		{"RetentionRefusesDelete", retention},
		{"ReplaceComparesTags", replace},
		{"ConcurrentReplaceHasOneWinner", replaceRace},
		{"UnfinishedIsListedAndAborted", unfinished},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

func createThenRead(t *testing.T, b objects.Backend) {
	for _, size := range []int{0, 1, 100_000} {
		name := fmt.Sprintf("a/%d.bin", size)
		data := noise(size)
		create(t, b, free, name, data)
		if got := read(t, b, free, name, 0, -1); !bytes.Equal(got, data) {
			t.Errorf("%s: read %d bytes, not what was stored", name, len(got))
		}
		meta, err := b.Stat(t.Context(), free, name)
		if err != nil || meta.Name != name || meta.Size != int64(size) || time.Since(meta.Modified).Abs() > time.Hour {
			t.Errorf("Stat %s: %+v, %v", name, meta, err)
		}
	}
}

func createOnce(t *testing.T, b objects.Backend) {
	create(t, b, free, "a", []byte("one"))
	for _, data := range []string{"two", "one", ""} {
		err := b.Create(t.Context(), free, "a", bytes.NewReader([]byte(data)))
		wantErr(t, "second Create", err, objects.ErrExists)
	}
	if got := read(t, b, free, "a", 0, -1); string(got) != "one" {
		t.Errorf("content is now %q", got)
	}
}

func createRace(t *testing.T, b objects.Backend) {
	const n = 8
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			errs[i] = b.Create(t.Context(), free, "race", bytes.NewReader(bytes.Repeat([]byte{byte('a' + i)}, 1000)))
		})
	}
	wg.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Fatalf("writers %d and %d both won", winner, i)
		case err == nil:
			winner = i
		default:
			wantErr(t, "loser", err, objects.ErrExists)
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	if got := read(t, b, free, "race", 0, -1); !bytes.Equal(got, bytes.Repeat([]byte{byte('a' + winner)}, 1000)) {
		t.Error("the content is not the winner's")
	}
}

func large(t *testing.T, b objects.Backend) {
	data := noise(Large)
	create(t, b, free, "large", data)
	if got := read(t, b, free, "large", 0, -1); !bytes.Equal(got, data) {
		t.Errorf("read %d bytes, not what was stored", len(got))
	}
	if got := read(t, b, free, "large", Large-10, 10); !bytes.Equal(got, data[Large-10:]) {
		t.Error("the end is not what was stored")
	}
	nothingUnfinished(t, b)
}

func largeOnce(t *testing.T, b objects.Backend) {
	create(t, b, free, "large", []byte("one"))
	err := b.Create(t.Context(), free, "large", bytes.NewReader(noise(Large)))
	wantErr(t, "second Create", err, objects.ErrExists)
	if got := read(t, b, free, "large", 0, -1); string(got) != "one" {
		t.Errorf("content is now %d other bytes", len(got))
	}
	nothingUnfinished(t, b)
}

var errBroken = errors.New("reader broke")

func failingReader(t *testing.T, b objects.Backend) {
	for _, size := range []int{10, Large} {
		err := b.Create(t.Context(), free, "broken", io.MultiReader(bytes.NewReader(noise(size)), brokenReader{}))
		wantErr(t, "Create", err, errBroken)
		_, err = b.Stat(t.Context(), free, "broken")
		wantErr(t, "Stat", err, objects.ErrNotFound)
	}
	nothingUnfinished(t, b)
	create(t, b, free, "broken", []byte("whole"))
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errBroken }

func endedContext(t *testing.T, b objects.Backend) {
	ctx, cancel := context.WithCancel(t.Context())
	r := io.MultiReader(bytes.NewReader(noise(Large)), readerFunc(func([]byte) (int, error) {
		cancel()
		return 0, ctx.Err()
	}))
	if err := b.Create(ctx, free, "ended", r); err == nil {
		t.Error("Create succeeded")
	}
	_, err := b.Stat(t.Context(), free, "ended")
	wantErr(t, "Stat", err, objects.ErrNotFound)
	nothingUnfinished(t, b)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func ranges(t *testing.T, b objects.Backend) {
	data := []byte("0123456789")
	create(t, b, free, "a", data)
	for _, c := range []struct {
		off, n int64
		want   string
	}{{0, -1, "0123456789"}, {0, 3, "012"}, {3, 4, "3456"}, {3, -1, "3456789"}, {9, 1, "9"}, {8, 100, "89"}} {
		if got := read(t, b, free, "a", c.off, c.n); string(got) != c.want {
			t.Errorf("%d bytes from %d: %q, want %q", c.n, c.off, got, c.want)
		}
	}
}

func missing(t *testing.T, b objects.Backend) {
	create(t, b, free, "a/b", []byte("x"))
	for _, name := range []string{"nothing", "a", "a/b/c", "a/bb"} {
		_, err := b.Stat(t.Context(), free, name)
		wantErr(t, "Stat "+name, err, objects.ErrNotFound)
		r, err := b.Read(t.Context(), free, name, 0, -1)
		if err == nil {
			r.Close()
		}
		wantErr(t, "Read "+name, err, objects.ErrNotFound)
	}
}

func zones(t *testing.T, b objects.Backend) {
	create(t, b, free, "a", []byte("one"))
	_, err := b.Stat(t.Context(), other, "a")
	wantErr(t, "Stat in another zone", err, objects.ErrNotFound)
	create(t, b, other, "a", []byte("two"))
	if got := read(t, b, free, "a", 0, -1); string(got) != "one" {
		t.Errorf("content is now %q", got)
	}
	if err := b.Create(t.Context(), "nosuch", "a", bytes.NewReader(nil)); err == nil {
		t.Error("an unknown zone took an object")
	}
	if err := b.Create(t.Context(), free, "../index/b", bytes.NewReader(nil)); err == nil {
		t.Error("a name led out of its zone")
	}
}

func list(t *testing.T, b objects.Backend) {
	names := []string{"a-b", "a.b", "a/b", "a/c/d", "a0", "b/x", "c"}
	for _, n := range names {
		create(t, b, free, n, []byte(n))
	}
	for _, c := range []struct {
		prefix string
		want   []string
	}{{"", names}, {"a", names[:5]}, {"a/", []string{"a/b", "a/c/d"}}, {"a/c", []string{"a/c/d"}}, {"a/c/d", []string{"a/c/d"}}, {"nothing", nil}} {
		var got []string
		for m, err := range b.List(t.Context(), free, c.prefix) {
			if err != nil {
				t.Fatal(err)
			}
			if m.Size != int64(len(m.Name)) {
				t.Errorf("%s: size %d", m.Name, m.Size)
			}
			got = append(got, m.Name)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("prefix %q: -want +got\n%s", c.prefix, diff)
		}
	}
	for range b.List(t.Context(), free, "") {
		break // stopping early must not hang or leak
	}
}

func deletes(t *testing.T, b objects.Backend) {
	create(t, b, free, "a/b", []byte("x"))
	for range 2 {
		if err := b.Delete(t.Context(), free, "a/b"); err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.Stat(t.Context(), free, "a/b")
	wantErr(t, "Stat", err, objects.ErrNotFound)
	create(t, b, free, "a/b", []byte("again")) // the name is free again
}

func retention(t *testing.T, b objects.Backend) {
	create(t, b, locked, "v1", []byte("x"))
	wantErr(t, "Delete", b.Delete(t.Context(), locked, "v1"), objects.ErrRetained)
	if got := read(t, b, locked, "v1", 0, -1); string(got) != "x" {
		t.Errorf("content is now %q", got)
	}
	err := b.Create(t.Context(), locked, "v1", bytes.NewReader([]byte("y")))
	wantErr(t, "Create over it", err, objects.ErrExists)
	create(t, b, locked, "large", noise(Large))
	wantErr(t, "Delete of a large one", b.Delete(t.Context(), locked, "large"), objects.ErrRetained)
}

func replace(t *testing.T, b objects.Backend) {
	ctx := t.Context()
	wantErr(t, "Replace of nothing by tag", b.Replace(ctx, heads, "checkpoint", []byte("x"), "tag"), objects.ErrChanged)
	if err := b.Replace(ctx, heads, "checkpoint", []byte("one"), ""); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "Replace of something as nothing", b.Replace(ctx, heads, "checkpoint", []byte("two"), ""), objects.ErrChanged)
	first, err := b.Stat(ctx, heads, "checkpoint")
	if err != nil || first.Tag == "" {
		t.Fatalf("%+v, %v: no tag", first, err)
	}
	if err := b.Replace(ctx, heads, "checkpoint", []byte("two"), first.Tag); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "Replace by an old tag", b.Replace(ctx, heads, "checkpoint", []byte("three"), first.Tag), objects.ErrChanged)
	if got := read(t, b, heads, "checkpoint", 0, -1); string(got) != "two" {
		t.Errorf("content is %q", got)
	}
}

func replaceRace(t *testing.T, b objects.Backend) {
	if err := b.Replace(t.Context(), heads, "checkpoint", []byte("start"), ""); err != nil {
		t.Fatal(err)
	}
	meta, err := b.Stat(t.Context(), heads, "checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			errs[i] = b.Replace(t.Context(), heads, "checkpoint", []byte{'0' + byte(i)}, meta.Tag)
		})
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
			if got := read(t, b, heads, "checkpoint", 0, -1); string(got) != string([]byte{'0' + byte(i)}) {
				t.Errorf("writer %d won and the content is %q", i, got)
			}
			continue
		}
		wantErr(t, "loser", err, objects.ErrChanged)
	}
	if won != 1 {
		t.Errorf("%d writers won", won)
	}
}

// unfinished reads half an object, looks from outside, and lets it finish.
func unfinished(t *testing.T, b objects.Backend) {
	stop, reached := make(chan struct{}), make(chan struct{})
	r := io.MultiReader(bytes.NewReader(noise(Large)), readerFunc(func([]byte) (int, error) {
		close(reached)
		<-stop
		return 0, errBroken
	}))
	done := make(chan error)
	go func() { done <- b.Create(t.Context(), free, "half", r) }()
	<-reached
	for m, err := range b.List(t.Context(), free, "") {
		t.Errorf("half an object is listed: %v, %v", m, err)
	}
	young, err := b.Unfinished(t.Context(), free, time.Now().Add(-time.Hour))
	if err != nil || len(young) != 0 {
		t.Errorf("a young upload counts as left over: %v, %v", young, err)
	}
	found, err := b.Unfinished(t.Context(), free, time.Now().Add(time.Hour))
	if err != nil || len(found) != 1 {
		t.Fatalf("unfinished uploads: %v, %v; want one", found, err)
	}
	for range 2 {
		if err := b.Abort(t.Context(), found[0]); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	if err := <-done; err == nil {
		t.Error("an aborted upload succeeded")
	}
	nothingUnfinished(t, b)
}

func nothingUnfinished(t *testing.T, b objects.Backend) {
	t.Helper()
	found, err := b.Unfinished(t.Context(), free, time.Now().Add(time.Hour))
	if err != nil || len(found) != 0 {
		t.Errorf("left over: %v, %v", found, err)
	}
}

func create(t *testing.T, b objects.Backend, z objects.Zone, name string, data []byte) {
	t.Helper()
	// An io.MultiReader hides the length and the ReadAt that a file would have.
	if err := b.Create(t.Context(), z, name, io.MultiReader(bytes.NewReader(data))); err != nil {
		t.Fatalf("Create %s: %v", name, err)
	}
}

func read(t *testing.T, b objects.Backend, z objects.Zone, name string, off, n int64) []byte {
	t.Helper()
	r, err := b.Read(t.Context(), z, name, off, n)
	if err != nil {
		t.Fatalf("Read %s: %v", name, err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("Read %s: %v", name, err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close %s: %v", name, err)
	}
	return slices.Clip(data)
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v; want %v", what, err, want)
	}
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
}
