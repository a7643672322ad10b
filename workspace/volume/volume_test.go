package volume_test

import (
	"bytes"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/volume"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("CI must run this as root")
	}
	t.Skip("needs root for loop devices and mounts")
}

func key(t *testing.T) []byte {
	k := make([]byte, volume.KeySize)
	if _, err := rand.Read(k); err != nil {
		t.Fatal(err)
	}
	return k
}

func openNew(t *testing.T, bytes int64, k []byte) volume.Volume {
	t.Helper()
	needRoot(t)
	dir := t.TempDir()
	image := filepath.Join(dir, "image")
	if err := volume.Create(t.Context(), image, bytes); err != nil {
		t.Fatal(err)
	}
	v, err := volume.Open(t.Context(), image, filepath.Join(dir, "mount"), k, volume.MinBytes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(t.Context()); err != nil {
			_ = unix.Unmount(v.Mount, unix.MNT_DETACH)
		}
	})
	return v
}

func TestNoPlaintextInTheImageAfterClosing(t *testing.T) {
	k := key(t)
	v := openNew(t, 32<<20, k)
	mark := []byte("patient-level-plaintext-marker-0123456789")
	for _, folder := range []string{volume.Extract, volume.Home, volume.Outbox, volume.Inbox, volume.Shared} {
		if err := os.WriteFile(filepath.Join(v.Path(folder), "telling-file-name.csv"), bytes.Repeat(mark, 1000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(v.Image)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range [][]byte{mark, []byte("telling-file-name"), k, k[:16]} {
		if bytes.Contains(raw, secret) {
			t.Errorf("the closed image holds plaintext of %d bytes", len(secret))
		}
	}

	// The control: the same scan does find what is written outside the encrypted folder.
	again, err := volume.Open(t.Context(), v.Image, v.Mount, k, volume.MinBytes)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(again.Path(volume.Home), "telling-file-name.csv")); err != nil || !bytes.HasPrefix(got, mark) {
		t.Fatalf("the file is not there on reopening: %v", err)
	}
	if err := os.WriteFile(filepath.Join(again.Mount, "control"), mark, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := again.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if raw, _ = os.ReadFile(v.Image); !bytes.Contains(raw, mark) {
		t.Error("the scan finds nothing even where there is plaintext")
	}
}

func TestAnotherKeyIsRefused(t *testing.T) {
	v := openNew(t, volume.MinBytes, key(t))
	if err := v.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := volume.Open(t.Context(), v.Image, v.Mount, key(t), volume.MinBytes); !ark.Is(err, ark.Forbidden) {
		t.Errorf("another key gave %v, want forbidden", err)
	}
	if volume.IsMounted(v.Mount) {
		t.Error("the volume stayed mounted after a refused key")
	}
}

func TestTheQuotaIsHard(t *testing.T) {
	v := openNew(t, volume.MinBytes, key(t))
	_, err := volume.Put(v.Path(volume.Extract), "big.parquet", io.LimitReader(rand.Reader, 2*volume.MinBytes))
	if !ark.Is(err, ark.TooMuch) {
		t.Fatalf("writing twice the quota gave %v, want too-much", err)
	}
	if left, _ := os.ReadDir(v.Path(volume.Extract)); len(left) != 0 {
		t.Errorf("a half file was left: %v", left)
	}
}

// TestTheReaderIsNotTricked plants in the outbox what a hostile workspace would.
func TestTheReaderIsNotTricked(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(t.TempDir(), "secret")
	outbox := filepath.Join(dir, "outbox")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(secret, []byte("host secret"), 0o600))
	must(os.Mkdir(outbox, 0o700))
	must(os.WriteFile(filepath.Join(outbox, "good.csv"), []byte("a,b\n"), 0o600))
	must(os.Mkdir(filepath.Join(outbox, "sub"), 0o700))
	must(os.WriteFile(filepath.Join(outbox, "sub", "good.csv"), []byte("a,b\n"), 0o600))
	must(os.Symlink(secret, filepath.Join(outbox, "link.csv")))
	must(os.Symlink(filepath.Dir(secret), filepath.Join(outbox, "folder")))
	must(os.Link(secret, filepath.Join(outbox, "hard.csv")))
	must(unix.Mkfifo(filepath.Join(outbox, "pipe.csv"), 0o600))
	must(os.WriteFile(filepath.Join(outbox, "new\nline.csv"), nil, 0o600))
	must(os.WriteFile(filepath.Join(outbox, "bad\xff.csv"), nil, 0o600))
	planted := []string{"link.csv", "folder/secret", "hard.csv", "pipe.csv", "new\nline.csv", "bad\xff.csv", "../../etc/passwd", "/etc/passwd", "sub/../../secret", "sub", "", "."}
	if os.Geteuid() == 0 {
		must(unix.Mknod(filepath.Join(outbox, "device.csv"), unix.S_IFBLK|0o600, int(unix.Mkdev(7, 0))))
		planted = append(planted, "device.csv")
	}

	entries, err := volume.List(outbox)
	must(err)
	var good []string
	for _, e := range entries {
		if e.Refused == "" {
			good = append(good, e.Name)
		}
	}
	if got := strings.Join(good, " "); got != "good.csv sub/good.csv" {
		t.Errorf("readable are %q, want only the two good files", got)
	}
	for _, name := range planted {
		if f, _, err := volume.OpenFile(outbox, name); err == nil {
			f.Close()
			t.Errorf("%q was opened", name)
		}
	}
	f, e, err := volume.OpenFile(outbox, "sub/good.csv")
	must(err)
	defer f.Close()
	if text, _ := io.ReadAll(f); string(text) != "a,b\n" || e.Size != 4 {
		t.Errorf("the good file reads %q with size %d", text, e.Size)
	}
}

// TestASwappedFolderIsNotFollowed races a reader against a workspace that
// swaps a folder for a link to the host.
func TestASwappedFolderIsNotFollowed(t *testing.T) {
	outbox, host := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(host, "f"), []byte("host"), 0o600); err != nil {
		t.Fatal(err)
	}
	real, link, dir := filepath.Join(outbox, "real"), filepath.Join(outbox, "link"), filepath.Join(outbox, "d")
	if err := os.Mkdir(real, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(real, "f"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(host, link); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20000 {
			_ = os.Rename(real, dir)
			_ = os.Rename(dir, real)
			_ = os.Rename(link, dir)
			_ = os.Rename(dir, link)
		}
	}()
	for {
		if f, _, err := volume.OpenFile(outbox, "d/f"); err == nil {
			text, _ := io.ReadAll(f)
			f.Close()
			if string(text) != "mine" {
				t.Fatalf("the reader got %q of the host", text)
			}
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func TestProbe(t *testing.T) {
	needRoot(t)
	if err := volume.Probe(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
}
