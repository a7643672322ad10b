package backup

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fresh(t *testing.T) (*Folder, *age.X25519Identity) {
	t.Helper()
	f, err := Make(t.TempDir())
	must(t, err)
	id, err := age.GenerateX25519Identity()
	must(t, err)
	return f, id
}

func TestMakeIsALatch(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir); !ark.Is(err, ark.Unavailable) {
		t.Errorf("an empty folder opened: %v", err)
	}
	_, err := Make(dir)
	must(t, err)
	if _, err := Make(dir); !ark.Is(err, ark.Conflict) {
		t.Errorf("made twice: %v", err)
	}
	if _, err := Make(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("a folder that is not there was made")
	}
}

// TestADestroyedKeyStaysDestroyed: its copy goes, and none is taken again, in
// whatever order.
func TestADestroyedKeyStaysDestroyed(t *testing.T) {
	f, id := fresh(t)
	to, with := []age.Recipient{id.Recipient()}, []age.Identity{id}
	files := map[string][]byte{"v1.secret": []byte("a secret")}
	must(t, f.KeepKey("project/a", files, to))
	got, err := f.Key("project/a", with)
	if err != nil || !bytes.Equal(got["v1.secret"], files["v1.secret"]) {
		t.Fatalf("%q, %v", got, err)
	}
	ev := keys.Evidence{Name: "project/a", Time: time.Now(), Method: "test"}
	must(t, f.DestroyKey(ev))
	must(t, f.DestroyKey(ev))
	must(t, f.KeepKey("project/a", files, to))
	if _, err := f.Key("project/a", with); !ark.Is(err, ark.Unknown) {
		t.Errorf("the copy is there: %v", err)
	}
	if was, gone, err := f.Destroyed("project/a"); err != nil || !gone || was.Method != "test" {
		t.Errorf("%+v, %v, %v", was, gone, err)
	}
	if _, gone, err := f.Destroyed("project/b"); gone || err != nil {
		t.Errorf("%v, %v", gone, err)
	}
}

// TestEveryByteCounts flips each byte of a bundle in turn: none passes. Without
// its record a bundle gets no name.
func TestEveryByteCounts(t *testing.T) {
	f, id := fresh(t)
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "file"), []byte("what is in it"), 0o600))
	to, with := []age.Recipient{id.Recipient()}, []age.Identity{id}
	m := &Manifest{Name: "1"}
	refused := errors.New("not recorded")
	if err := f.Write(m, dir, to, func(string) error { return refused }); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if names, err := f.Names(); err != nil || len(names) > 0 {
		t.Fatalf("%v, %v", names, err)
	}
	noted := ""
	must(t, f.Write(m, dir, to, func(sum string) error { noted = sum; return nil }))
	out := t.TempDir()
	if _, sum, err := f.Unpack("1", filepath.Join(out, "whole"), with); err != nil || sum != noted {
		t.Fatalf("%s, not %s, %v", sum, noted, err)
	}
	path := filepath.Join(f.root, "bundles", "1.age")
	whole, err := os.ReadFile(path)
	must(t, err)
	must(t, os.Chmod(path, 0o600))
	for i := 0; i < len(whole); i += 7 {
		bad := bytes.Clone(whole)
		bad[i] ^= 1
		must(t, os.WriteFile(path, bad, 0o600))
		if _, _, err := f.Unpack("1", filepath.Join(out, "bad"), with); err == nil {
			t.Fatalf("byte %d was changed and nobody saw it", i)
		}
		must(t, os.RemoveAll(filepath.Join(out, "bad")))
	}
	for _, n := range []int{0, 10, len(whole) / 2, len(whole) - 1} {
		must(t, os.WriteFile(path, whole[:n], 0o600))
		if _, _, err := f.Unpack("1", filepath.Join(out, "cut"), with); err == nil {
			t.Fatalf("it was cut to %d bytes and nobody saw it", n)
		}
		must(t, os.RemoveAll(filepath.Join(out, "cut")))
	}
}

// TestKeepOnce: the same bytes take place once, zeros none, and changed ones
// are not handed out as whole.
func TestKeepOnce(t *testing.T) {
	f, _ := fresh(t)
	data := append(make([]byte, 1<<20), "the end"...)
	sum, n, err := f.Keep(bytes.NewReader(data))
	must(t, err)
	again, _, err := f.Keep(bytes.NewReader(data))
	if err != nil || again != sum || n != int64(len(data)) {
		t.Fatalf("%s, %s, %d, %v", sum, again, n, err)
	}
	read := func() ([]byte, error) {
		r, err := f.Open(sum)
		must(t, err)
		defer r.Close()
		return io.ReadAll(r)
	}
	if got, err := read(); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	must(t, os.Chmod(f.object(sum), 0o600))
	data[5] = 1
	must(t, os.WriteFile(f.object(sum), data, 0o600))
	if _, err := read(); err == nil {
		t.Error("changed bytes were handed out")
	}
	if _, err := f.Open("../../etc/passwd"); !ark.Is(err, ark.Unknown) {
		t.Errorf("a name that is no hash: %v", err)
	}
}
