package browsertest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const tree = "../../.."

// TestWalk walks the ten steps of the main job through the pages. With
// ARK_PICTURES set it makes the README's pictures anew; with ARK_SHOTS set the
// pictures of every page are left in that folder.
func TestWalk(t *testing.T) {
	need(t)
	people, pictures := "600", ""
	if os.Getenv("ARK_PICTURES") != "" {
		people, pictures = "4000", absolute(t, filepath.Join(tree, "docs", "pictures"))
	}
	shots := os.Getenv("ARK_SHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	origin := demonstration(t, people)
	ctx, stop := context.WithTimeout(t.Context(), 12*time.Minute)
	defer stop()
	args := []string{"walk.mjs", origin, absolute(t, shots)}
	if pictures != "" {
		args = append(args, pictures)
	}
	out, err := exec.CommandContext(ctx, "node", args...).CombinedOutput()
	t.Logf("\n%s", out)
	if err != nil {
		t.Errorf("the walk: %v (set ARK_SHOTS to a folder to see its pictures)", err)
	}
}

// need skips where the real parts are missing; in CI that is a failure.
func need(t *testing.T) {
	t.Helper()
	missing := ""
	if os.Geteuid() != 0 {
		missing = "workspaces need root"
	}
	for _, x := range []struct{ path, says string }{
		{tree + "/bin/ark", "bin/ark is not built: run make build"},
		{tree + "/.cache/rootfs/current", "the root file system of workspaces is not built: run make rootfs"},
	} {
		if _, err := os.Stat(x.path); err != nil && missing == "" {
			missing = x.says
		}
	}
	if missing != "" {
		lacks(t, missing)
	}
	needBrowser(t)
}

// needBrowser is need for a test that takes a browser alone.
func needBrowser(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/usr/bin/chromium"); err != nil {
		lacks(t, "chromium is not installed")
	}
	if err := Tools("."); err != nil {
		lacks(t, err.Error())
	}
}

func lacks(t *testing.T, missing string) {
	t.Helper()
	switch {
	case os.Getenv("CI") != "":
		t.Fatal(missing)
	default:
		t.Skip(missing)
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// demonstration starts one on a free port and returns the portal's origin. It is
// stopped as Ctrl-C stops it.
func demonstration(t *testing.T, people string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := l.Addr().String()
	l.Close()
	home, err := os.MkdirTemp("", "ark-walk-") // not t.TempDir: its path is too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(home, 0o711); err != nil { // roles run as users of their own
		t.Fatal(err)
	}
	dir := filepath.Join(home, "ark")
	cmd := exec.Command(absolute(t, tree+"/bin/ark"), "demo", "--dir", dir, "--listen", listen, "--people", people)
	cmd.Dir = absolute(t, tree)
	said := &bytes.Buffer{}
	log, err := os.Create(filepath.Join(home, "said"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		select {
		case <-ended:
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			t.Error("the demonstration did not stop within a minute of Ctrl-C")
		}
		log.Close()
		reset := exec.Command(absolute(t, tree+"/bin/ark"), "demo", "--dir", dir, "--reset")
		if out, err := reset.CombinedOutput(); err != nil {
			t.Errorf("the demonstration was not removed: %v\n%s", err, out)
		}
		_ = os.RemoveAll(home)
		left := ""
		for range 40 { // the kernel lets go a moment later
			left = ""
			loops, _ := filepath.Glob("/sys/block/loop*/loop/backing_file")
			for _, l := range loops {
				if raw, _ := os.ReadFile(l); strings.HasPrefix(string(raw), home+"/") {
					left = l + " holds " + string(raw)
				}
			}
			if left == "" {
				return
			}
			time.Sleep(250 * time.Millisecond)
		}
		t.Errorf("a workspace outlived its demonstration: %s", left)
	})
	for end := time.Now().Add(4 * time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		raw, _ := os.ReadFile(log.Name())
		said.Reset()
		said.Write(raw)
		if strings.Contains(said.String(), "Your Ark is open") {
			_, port, _ := net.SplitHostPort(listen)
			return fmt.Sprintf("http://localhost:%s", port)
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the demonstration ended: %v\n%s", err, said)
		default:
		}
	}
	t.Fatalf("the demonstration did not open:\n%s", said)
	return ""
}
