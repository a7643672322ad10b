package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCreateRefusesAnExistingName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := CreateFile(path, []byte("one"), 0o640); err != nil {
		t.Fatal(err)
	}
	err := CreateFile(path, []byte("two"), 0o640)
	if !errors.Is(err, fs.ErrExist) {
		t.Fatalf("second create: %v, want fs.ErrExist", err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != "one" {
		t.Fatalf("content %q, %v", got, err)
	}
	noLeftovers(t, filepath.Dir(path))
}

func TestWriteFileReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	for _, want := range []string{"one", "two"} {
		if err := WriteFile(path, []byte(want), 0o604); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Fatalf("content %q, %v", got, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o604 {
		t.Fatalf("mode %v, %v: the umask must not apply", info.Mode(), err)
	}
	noLeftovers(t, filepath.Dir(path))
}

func TestAbortLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	p, err := Begin(dir, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := p.Abort(); err != nil {
		t.Fatal(err)
	}
	if err := p.Create(filepath.Join(dir, "a")); err == nil {
		t.Fatal("an aborted file was given a name")
	}
	noLeftovers(t, dir)
}

func TestMkdirAllKeepsModeAndIsRepeatable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	for range 2 {
		if err := MkdirAll(path, fs.ModeSetgid|0o770); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != fs.ModeDir|fs.ModeSetgid|0o770 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
}

func noLeftovers(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), TempPrefix) {
			t.Errorf("left over: %s", e.Name())
		}
	}
}
