// Package enclavetest starts a real enclave daemon for tests: real sandboxes,
// real volumes. It needs root, the built root file system and a runtime; where
// one is missing the test is skipped with the reason, or fails if CI is set.
package enclavetest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/workspace/enclave"
)

// Daemon is a running enclave daemon with folders of its own.
type Daemon struct {
	*enclave.Client
	Dir, Socket, Program string
	Engine               string // the ark-engine it gives to workspaces
	t                    testing.TB
	command              *exec.Cmd
	log                  syncBuffer
	args                 []string
}

// Start builds the daemon and starts it in folders of its own; the test's end
// destroys every workspace it made.
func Start(t testing.TB) *Daemon {
	t.Helper()
	top := topOfTree(t)
	rootfs := need(t, "ARK_ROOTFS", filepath.Join(top, ".cache/rootfs/current/rootfs.squashfs"), "deploy/rootfs/build.sh")
	runc := need(t, "ARK_RUNC", filepath.Join(top, ".cache/tools/runc"), "deploy/tools/runc/build.sh")
	engine := need(t, "ARK_ENGINE", filepath.Join(top, "bin/ark-engine"), "make build")
	if os.Geteuid() != 0 {
		missing(t, "root")
	}
	dir, err := os.MkdirTemp("", "ark-enclave-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	// Programs may lie where only root can go, as in root's own home.
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	d := &Daemon{Engine: engine, Dir: dir, Socket: filepath.Join(dir, "s"), Program: filepath.Join(dir, "bin/ark-enclaved"), t: t}
	build := exec.Command("go", "build", "-o", d.Program, "./cmd/ark-enclaved")
	build.Dir, build.Env = top, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the daemon: %v\n%s", err, out)
	}
	d.args = []string{"--socket", d.Socket, "--state", filepath.Join(dir, "state"), "--run", filepath.Join(dir, "run"), "--runc", runc, "--rootfs", rootfs}
	d.args = append(d.args, "--engine", d.Engine, "--tools", filepath.Dir(d.Engine))
	d.Client = enclave.NewClient(d.Socket)
	t.Cleanup(d.end)
	d.Launch()
	return d
}

// Launch starts the program and waits until it answers.
func (d *Daemon) Launch() {
	d.t.Helper()
	d.command = exec.Command(d.Program, d.args...)
	d.command.Stderr = &d.log
	if err := d.command.Start(); err != nil {
		d.t.Fatal(err)
	}
	for range 400 {
		if _, err := d.List(d.t.Context()); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	d.t.Fatalf("the daemon does not answer:\n%s", d.Log())
}

// Kill ends the daemon as a crash would.
func (d *Daemon) Kill() {
	_ = d.command.Process.Signal(syscall.SIGKILL)
	_ = d.command.Wait()
}

// Log is what the daemon wrote so far.
func (d *Daemon) Log() string { return d.log.String() }

func (d *Daemon) end() {
	ctx := context.Background()
	all, err := d.List(ctx)
	if err != nil {
		d.t.Errorf("the daemon is gone at the end of the test: %v\n%s", err, d.Log())
	}
	for _, info := range all {
		if err := d.Destroy(ctx, info.ID); err != nil {
			d.t.Errorf("destroying %s: %v", info.ID, err)
		}
	}
	_ = d.command.Process.Signal(syscall.SIGTERM)
	_ = d.command.Wait()
	_ = unix.Unmount(filepath.Join(d.Dir, "run/root"), unix.MNT_DETACH)
	if mounts, err := os.ReadFile("/proc/self/mounts"); err == nil && strings.Contains(string(mounts), d.Dir) {
		d.t.Error("the daemon left mounts behind")
	}
	if d.t.Failed() {
		d.t.Logf("the daemon's log:\n%s", d.Log())
	}
	_ = os.RemoveAll(d.Dir)
}

func topOfTree(t testing.TB) string {
	_, file, _, _ := runtime.Caller(0)
	top := filepath.Join(filepath.Dir(file), "../../..")
	if !exists(filepath.Join(top, "go.mod")) {
		t.Fatal("the tests must run in the source tree")
	}
	return filepath.Clean(top)
}

// need returns the first of $variable and path that exists.
func need(t testing.TB, variable, path, how string) string {
	t.Helper()
	if set := os.Getenv(variable); set != "" {
		path = set
	}
	if !exists(path) {
		missing(t, path+" (made by "+how+")")
	}
	return path
}

func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("CI needs %s", what)
	}
	t.Skipf("needs %s", what)
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends to the buffer.
func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
