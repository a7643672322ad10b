package built

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Provider returns the folder of npm's certified oidc-provider, installing it
// from its lock file into .cache if it is not there yet.
func Provider(t testing.TB) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			Missing(t, tool+" is not installed")
		}
	}
	source := filepath.Join(toolsDir(t), "oidc-provider")
	lock, err := os.ReadFile(filepath.Join(source, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(lock)
	cache := filepath.Join(toolsDir(t), "..", "..", ".cache", "oidc-provider-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(filepath.Join(cache, "node_modules")); errors.Is(err, os.ErrNotExist) {
		install(t, source, cache)
	}
	copyFile(t, filepath.Join(source, "server.mjs"), filepath.Join(cache, "server.mjs"))
	return cache
}

// install works beside and renames, so that a broken install is never used.
func install(t testing.TB, source, cache string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(cache), 0o755); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(cache), ".installing-*")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(fresh)
	for _, name := range []string{"package.json", "package-lock.json"} {
		copyFile(t, filepath.Join(source, name), filepath.Join(fresh, name))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = fresh
	if out, err := npm.CombinedOutput(); err != nil {
		Missing(t, fmt.Sprintf("the provider can't be installed: %v: %.400s", err, out))
	}
	if err := os.Rename(fresh, cache); err != nil && !errors.Is(err, os.ErrExist) {
		if _, there := os.Stat(cache); there != nil {
			t.Fatal(err)
		}
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// StartProvider runs the provider in folder with settings (server.mjs says
// which) until stop is called, and returns once it is ready.
func StartProvider(t testing.TB, folder string, settings map[string]any) (stop func()) {
	t.Helper()
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	node := exec.Command("node", "server.mjs")
	node.Dir, node.Env = folder, append(os.Environ(), "ARK_PROVIDER="+string(text))
	in, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() { _ = in.Close(); _ = node.Process.Kill(); _ = node.Wait() }
	ready := make(chan bool, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if lines.Text() == "ready" {
				ready <- true
			}
		}
	}()
	select {
	case <-ready:
	case <-time.After(30 * time.Second):
		stop()
		t.Fatal("the provider does not start")
	}
	return stop
}
