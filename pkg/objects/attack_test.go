package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/objectstest"
)

// In these tests the attacker owns the object store: any stored byte may be
// changed. In none of them may a byte of wrong plaintext be accepted.

// refused reads ref in every way there is and expects ErrDamaged.
func (b bench) refused(t *testing.T, what string, ref objects.Ref) {
	t.Helper()
	for how, open := range map[string]func(context.Context, objects.Ref) (io.ReadCloser, error){"Open": b.Open, "OpenBulk": b.OpenBulk} {
		for _, size := range []int{8 << 10, 256 << 10} { // less than a chunk, and several
			r, err := open(t.Context(), ref)
			if err == nil {
				_, err = readBy(r, size)
				_ = r.Close()
			}
			if !errors.Is(err, objects.ErrDamaged) || !ark.Is(err, ark.Internal) {
				t.Errorf("%s: %s by %d bytes: %v; want ErrDamaged", what, how, size, err)
			}
		}
	}
	unpinned := ref
	unpinned.Seal = ""
	for _, ref := range []objects.Ref{ref, unpinned} {
		f, err := b.OpenAt(t.Context(), ref)
		if err == nil {
			_, err = io.Copy(io.Discard, f)
		}
		if !errors.Is(err, objects.ErrDamaged) {
			t.Errorf("%s: OpenAt (seal %t): %v; want ErrDamaged", what, ref.Seal != "", err)
		}
	}
}

// readBy reads to the end, so many bytes at a time.
func readBy(r io.Reader, size int) (all []byte, err error) {
	buf := make([]byte, size)
	for {
		n, err := r.Read(buf)
		all = append(all, buf[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

// However much is asked for at a time, it is what was stored.
func TestReadBySizes(t *testing.T) {
	s := open(t)
	for _, length := range []int{0, 1, 1<<16 - 1, 1 << 16, 1<<16 + 1, 200_000} {
		want := noise(length, 7)
		ref := s.put(t, fmt.Sprintf("n%d", length), want)
		for _, size := range []int{1000, 1<<16 - 1, 1 << 16, 1<<16 + 1, 1 << 20} {
			r, err := s.OpenBulk(t.Context(), ref)
			must(t, err)
			if got, err := readBy(r, size); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes by %d: %d bytes, %v", length, size, len(got), err)
			}
			must(t, r.Close())
		}
	}
}

func (b bench) raw(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(b.path(objects.Payload, name))
	must(t, err)
	return raw
}

func (b bench) overwrite(t *testing.T, name string, raw []byte) {
	t.Helper()
	path := b.path(objects.Payload, name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	_ = os.Remove(path) // it may not exist
	must(t, os.WriteFile(path, raw, 0o440))
}

// TestAttackByAHolderOfTheDataKey seals other bytes under an object's own data
// key, as a role that may open it could if it might write the zone: Open still
// refuses them, by the hash that its caller keeps.
func TestAttackByAHolderOfTheDataKey(t *testing.T) {
	s := open(t)
	ref, err := s.Put(t.Context(), objects.Payload, "a/forged", key, strings.NewReader("what was stored"))
	must(t, err)
	sealed, at, err := objects.ForgeChunk(t.Context(), s.Store, ref, []byte("what was forged"))
	must(t, err)
	raw := s.raw(t, "a/forged")
	copy(raw[at:], sealed)
	s.overwrite(t, "a/forged", raw)
	if _, err := s.Get(t.Context(), ref); !errors.Is(err, objects.ErrDamaged) {
		t.Errorf("Get: %v; want ErrDamaged", err)
	}
	r, err := s.OpenBulk(t.Context(), ref)
	must(t, err)
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != "what was forged" {
		t.Errorf("OpenBulk: %q, %v: the forgery is none, so that this test looks at nothing", got, err)
	}
}

func TestAttackFlippedBit(t *testing.T) {
	s := open(t)
	ref := s.put(t, "a", noise(150_000, 1))
	raw := s.raw(t, "a")
	at := []int{0, 8, 11, 12, 14, 20, 40, 60, 100, 65_000, 66_000, len(raw) / 2, len(raw) - 89, len(raw) - 88, len(raw) - 52, len(raw) - 33}
	for _, i := range at {
		bad := bytes.Clone(raw)
		bad[i] ^= 0x10
		s.overwrite(t, "a", bad)
		r, err := s.Open(t.Context(), ref)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
			_ = r.Close()
		}
		if err == nil {
			t.Errorf("byte %d of %d flipped: accepted", i, len(raw))
		}
	}
	bad := bytes.Clone(raw)
	bad[70_000] ^= 1
	s.overwrite(t, "a", bad)
	s.refused(t, "flipped bit in the second chunk", ref)
}

func TestAttackTruncated(t *testing.T) {
	s := open(t)
	ref := s.put(t, "a", noise(200_000, 1))
	raw := s.raw(t, "a")
	const sealedChunk = 65536 + 16
	for _, n := range []int{1, 31, 32, 33, 87, 88, 89, sealedChunk, 2 * sealedChunk, len(raw) - 10, len(raw)} {
		s.overwrite(t, "a", raw[:len(raw)-n])
		s.refused(t, "cut short", ref)
	}
}

// Whole chunks cut out before the trailer: every piece is genuine.
func TestAttackChunksDropped(t *testing.T) {
	s := open(t)
	ref := s.put(t, "a", noise(4*65536, 1))
	raw := s.raw(t, "a")
	const sealedChunk = 65536 + 16
	tail := len(raw) - 88
	s.overwrite(t, "a", append(bytes.Clone(raw[:tail-sealedChunk]), raw[tail:]...))
	s.refused(t, "last chunk dropped", ref)
	head := tail - 4*sealedChunk
	s.overwrite(t, "a", append(bytes.Clone(raw[:head+sealedChunk]), raw[head+2*sealedChunk:]...))
	s.refused(t, "second chunk dropped", ref)
}

func TestAttackChunksReordered(t *testing.T) {
	s := open(t)
	ref := s.put(t, "a", noise(4*65536, 1))
	raw := s.raw(t, "a")
	const sealedChunk = 65536 + 16
	head := len(raw) - 88 - 4*sealedChunk
	bad := bytes.Clone(raw)
	copy(bad[head:], raw[head+sealedChunk:head+2*sealedChunk])
	copy(bad[head+sealedChunk:], raw[head:head+sealedChunk])
	s.overwrite(t, "a", bad)
	s.refused(t, "chunks reordered", ref)
}

func TestAttackAppended(t *testing.T) {
	s := open(t)
	ref := s.put(t, "a", noise(1000, 1))
	raw := s.raw(t, "a")
	s.overwrite(t, "a", append(bytes.Clone(raw), raw...))
	s.refused(t, "appended", ref)
}

func TestAttackRenamed(t *testing.T) {
	s := open(t)
	ref := s.put(t, "a", noise(1000, 1))
	s.overwrite(t, "b", s.raw(t, "a"))
	moved := ref
	moved.Name = "b"
	s.refused(t, "renamed", moved)
	if _, err := s.Stat(t.Context(), objects.Payload, "b"); !errors.Is(err, objects.ErrDamaged) {
		t.Errorf("Stat of a renamed object: %v", err)
	}
}

func TestAttackMovedToAnotherZone(t *testing.T) {
	s := open(t)
	ref := s.put(t, "a", noise(1000, 1))
	must(t, os.WriteFile(s.path(objects.Index, "a"), s.raw(t, "a"), 0o440))
	ref.Zone = objects.Index
	s.refused(t, "moved to another zone", ref)
}

func TestAttackSwapped(t *testing.T) {
	s := open(t)
	refA, refB := s.put(t, "a", noise(1000, 1)), s.put(t, "b", noise(1000, 2))
	a, b := s.raw(t, "a"), s.raw(t, "b")
	s.overwrite(t, "a", b)
	s.overwrite(t, "b", a)
	s.refused(t, "swapped", refA)
	s.refused(t, "swapped", refB)
}

// The attacker can also seal: everybody with the public half can. A genuine
// object of other content under the same name, put in place of the first.
func TestAttackReplacedByAGenuineObject(t *testing.T) {
	s := open(t)
	ref := s.put(t, "a", noise(1000, 1))
	must(t, os.Remove(s.path(objects.Payload, "a")))
	s.put(t, "a", noise(1000, 2))
	s.refused(t, "replaced", ref)
}

// The same, with the old version of an object that was deleted and made anew.
func TestAttackRolledBack(t *testing.T) {
	s := open(t)
	s.put(t, "a", noise(1000, 1))
	old := s.raw(t, "a")
	must(t, os.Remove(s.path(objects.Payload, "a")))
	ref := s.put(t, "a", noise(1000, 2))
	s.overwrite(t, "a", old)
	s.refused(t, "rolled back", ref)
}

// The forger knows the hash that the Ref demands and writes it into a trailer
// over other content. Reading from front to back finds it by the hash, random
// access by the pinned seal or by reading it all first.
func TestAttackForgedTrailer(t *testing.T) {
	s := open(t)
	ref := s.put(t, "a", noise(200_000, 1))
	forged := objects.ForgeForTest(t, s.ring, objects.Payload, "a", key, noise(200_000, 9), ref.SHA256)
	s.overwrite(t, "a", forged)
	s.refused(t, "forged trailer", ref)
}

func TestAttackPlainZone(t *testing.T) {
	s := open(t)
	ref, err := s.Put(t.Context(), objects.Public, "a", "", bytes.NewReader([]byte("true")))
	must(t, err)
	for _, bad := range []string{"false", "True", "", "truer"} {
		path := s.path(objects.Public, "a")
		must(t, os.Remove(path))
		must(t, os.WriteFile(path, []byte(bad), 0o440))
		s.refused(t, "changed to "+bad, ref)
	}
}

func TestAttackUnpinnedRef(t *testing.T) {
	s := open(t)
	ref := s.put(t, "a", []byte("x"))
	for _, bad := range []objects.Ref{{}, {Zone: ref.Zone, Name: ref.Name}, {Zone: ref.Zone, Name: ref.Name, SHA256: ref.SHA256, Size: -1}, {Zone: ref.Zone, Name: "../payload/a", SHA256: ref.SHA256, Size: 1}} {
		if r, err := s.Open(t.Context(), bad); !ark.Is(err, ark.Invalid) {
			t.Errorf("%+v opened: %v, %v", bad, r, err)
		}
	}
}

func TestFaultsNameTheObjectAndNotItsContent(t *testing.T) {
	s := open(t)
	ref := s.put(t, "a", []byte("9434765919 9434765919"))
	raw := s.raw(t, "a")
	raw[len(raw)-33] ^= 1
	s.overwrite(t, "a", raw)
	_, err := s.Get(t.Context(), ref)
	if err == nil || bytes.Contains([]byte(err.Error()), []byte("9434765919")) || !bytes.Contains([]byte(err.Error()), []byte(`"a"`)) {
		t.Errorf("%v", err)
	}
}

// The attacker exchanges a fingerprint, or all but the fingerprint. A writer
// that can't open may be led to believe that its object is there; whoever opens
// by the Ref that it keeps is not.
func TestAttackForgedFingerprint(t *testing.T) {
	s := open(t)
	portal := objects.New(s.back, keys.Confine(s.ring, keys.Rights{keys.Payload: {keys.MaySeal}}), objectstest.Rules())
	data := noise(1000, 1)
	s.put(t, "a", data)
	s.put(t, "b", noise(1000, 2))
	a, b := s.raw(t, "a"), s.raw(t, "b")
	s.overwrite(t, "a", append(bytes.Clone(a[:len(a)-32]), b[len(b)-32:]...))
	if ref, err := portal.Put(t.Context(), objects.Payload, "a", key, bytes.NewReader(data)); !ark.Is(err, ark.Conflict) {
		t.Errorf("another object's fingerprint: %+v, %v; want Conflict", ref, err)
	}
	s.overwrite(t, "a", append(bytes.Clone(b[:len(b)-32]), a[len(a)-32:]...))
	ref, err := portal.Put(t.Context(), objects.Payload, "a", key, bytes.NewReader(data))
	must(t, err)
	s.refused(t, "another object under the fingerprint", ref)
	for _, n := range []int{0, 5, 40, 100} {
		s.overwrite(t, "a", a[:n])
		if ref, err := portal.Put(t.Context(), objects.Payload, "a", key, bytes.NewReader(data)); err == nil {
			t.Errorf("an object of %d bytes was recognised: %+v", n, ref)
		}
	}
}
