package instance

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/folder"
	"github.com/ark-tre/ark/pkg/worker"
)

// TestDamageComesThroughTheSocket: what the airlock's worker finds damaged, on
// opening or on the way, the portal is told as just that; it can't be taken for
// a worker that is away, nor for a short file.
func TestDamageComesThroughTheSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "opener") // short: a socket's path is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(local.Init(filepath.Join(dir, "keys")))
	ring, err := local.Open(filepath.Join(dir, "keys"), time.Now)
	must(err)
	must(ring.Create(t.Context(), worker.OutputsKey))
	must(folder.Init(filepath.Join(dir, "objects"), objects.DefaultRules()))
	back, err := folder.Open(filepath.Join(dir, "objects"), objects.DefaultRules(), time.Now)
	must(err)
	st := objects.New(back, ring, objects.DefaultRules())
	put := func(name string) objects.Ref {
		ref, err := st.Put(t.Context(), objects.Outputs, name, worker.OutputsKey, strings.NewReader(strings.Repeat("0123456789abcdef", 20_000)))
		must(err)
		return ref
	}
	whole, head, tail := put("whole"), put("head"), put("tail")
	for name, at := range map[string]func(int) int{"head": func(int) int { return 8 }, "tail": func(n int) int { return n * 9 / 10 }} {
		path := filepath.Join(dir, "objects", "outputs", name)
		data, err := os.ReadFile(path)
		must(err)
		data[at(len(data))] ^= 1
		must(os.Chmod(path, 0o600))
		must(os.WriteFile(path, data, 0o600))
	}
	config := Config{dir: dir}
	must(os.MkdirAll(filepath.Dir(config.socket("airlock")), 0o700))
	l, err := net.Listen("unix", config.socket("airlock"))
	must(err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		serveObjects(ctx, l, st, openable("airlock"), nil, func(uint32) bool { return true }, slog.New(slog.NewTextHandler(io.Discard, nil)))
		close(done)
	}()
	t.Cleanup(func() { stop(); <-done })
	read := func(ref objects.Ref) (string, error) {
		in, err := (openers{config}).open(t.Context(), ref)
		if err != nil {
			return "", err
		}
		defer in.Close()
		b, err := io.ReadAll(in)
		return string(b), err
	}
	if s, err := read(whole); err != nil || len(s) != 320_000 {
		t.Errorf("a whole object: %d bytes, %v", len(s), err)
	}
	for name, ref := range map[string]objects.Ref{"its head": head, "its tail": tail} {
		if _, err := read(ref); !errors.Is(err, objects.ErrDamaged) {
			t.Errorf("%s is altered: %v", name, err)
		}
	}
	other := whole
	other.SHA256 = head.SHA256[:63] + "0"
	if _, err := read(other); !errors.Is(err, objects.ErrDamaged) {
		t.Errorf("another hash than asked for: %v", err)
	}
}
