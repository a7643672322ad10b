package folder

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/objectstest"
)

func TestContract(t *testing.T) {
	objectstest.Backend(t, func(t *testing.T) objects.Backend {
		_, f := fresh(t, time.Now)
		return f
	})
}

func fresh(t *testing.T, now func() time.Time) (string, *Folder) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "objects")
	if err := Init(root, objectstest.Rules()); err != nil {
		t.Fatal(err)
	}
	f, err := Open(root, objectstest.Rules(), now)
	if err != nil {
		t.Fatal(err)
	}
	return root, f
}

func TestOpenNeverCreates(t *testing.T) {
	root := t.TempDir()
	if _, err := Open(root, objectstest.Rules(), time.Now); !ark.Is(err, ark.Unavailable) {
		t.Fatalf("an empty folder opened as a store: %v", err)
	}
	if entries, err := os.ReadDir(root); err != nil || len(entries) != 0 {
		t.Fatalf("Open wrote %v, %v", entries, err)
	}
}

func TestInitIsALatch(t *testing.T) {
	root, _ := fresh(t, time.Now)
	if err := Init(root, objectstest.Rules()); !ark.Is(err, ark.Conflict) {
		t.Fatalf("second Init: %v", err)
	}
}

func TestRetentionEnds(t *testing.T) {
	now := time.Now()
	_, f := fresh(t, func() time.Time { return now })
	if err := f.Create(t.Context(), objects.Versions, "v", bytes.NewReader([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	now = now.Add(59 * time.Minute)
	if err := f.Delete(t.Context(), objects.Versions, "v"); !errors.Is(err, objects.ErrRetained) {
		t.Fatalf("before: %v", err)
	}
	now = now.Add(2 * time.Minute)
	if err := f.Delete(t.Context(), objects.Versions, "v"); err != nil {
		t.Fatalf("after: %v", err)
	}
}

// A link that someone puts into a zone must not lead out of it.
func TestLinksAreNotFollowed(t *testing.T) {
	root, f := fresh(t, time.Now)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(root, "payload", "link")); err != nil {
		t.Fatal(err)
	}
	if r, err := f.Read(t.Context(), objects.Payload, "link", 0, -1); err == nil {
		r.Close()
		t.Fatal("read through a link")
	}
	for m, err := range f.List(t.Context(), objects.Payload, "") {
		t.Errorf("a link is listed: %v, %v", m, err)
	}
}

func TestAbortStaysInItsFolder(t *testing.T) {
	root, f := fresh(t, time.Now)
	if err := f.Create(t.Context(), objects.Payload, "a", bytes.NewReader([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"../a", ".unfinished-/../../a", "a", ""} {
		if err := f.Abort(t.Context(), objects.Unfinished{Zone: objects.Payload, ID: id}); err == nil {
			t.Errorf("aborted %q", id)
		}
	}
	if _, err := os.Stat(filepath.Join(root, "payload", "a")); err != nil {
		t.Fatal(err)
	}
}

func TestObjectsAreReadOnlyFiles(t *testing.T) {
	root, f := fresh(t, time.Now)
	if err := f.Create(t.Context(), objects.Payload, "a/b", bytes.NewReader([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(root, "payload", "a", "b"))
	if err != nil || info.Mode() != fileMode {
		t.Errorf("mode %v, %v; want %v", info.Mode(), err, fileMode)
	}
}
