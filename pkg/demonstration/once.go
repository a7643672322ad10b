package demonstration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/instance"
	"github.com/ark-tre/ark/workspace/enclave"
)

// LoadOnce is Load for an Ark that was not filled yet: it asks the Ark, not a
// note of its own.
func LoadOnce(ctx context.Context, o Options, u *Users) error {
	erin, err := u.As(ctx, "erin")
	if err != nil {
		return err
	}
	ds, err := all[catalogue.Dataset](ctx, erin, "/datasets")
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(o.Tree, "deploy", "demo", "datasets", "*.yaml"))
	if err != nil {
		return err
	}
	published := 0
	for _, d := range ds {
		if d.Latest != "" {
			published++
		}
	}
	if published == len(files) {
		return nil
	}
	return Load(ctx, o, u)
}

// Welcome is what a newcomer reads.
func Welcome(o Options) string {
	_, port, _ := strings.Cut(o.Listen, ":")
	var b strings.Builder
	fmt.Fprintf(&b, "\nYour Ark is open:  http://localhost:%s\n\nSign in as (the sign-in page fills in the rest, codes included):\n", port)
	for _, p := range instance.People {
		fmt.Fprintf(&b, "  %-8s %-15s %s\n", p.UserName, p.Name, p.What)
	}
	fmt.Fprintf(&b, "  password for all of them: %s\n", instance.DemoPassword)
	b.WriteString(`
What to try next:
  1. amina   browse the catalogue, start a project, ask for emergency-care, submit
  2. carol, colin   decide: each sees what is asked of their data
  3. amina   open the workspace: SQL and JupyterLab over the permitted extract; put a table into outbox/ and submit it
  4. chloe, dev   check it, blind to each other; release it
  5. anybody   the register, the ledger and how to verify it, without signing in

Ctrl-C stops it; make demo starts it again with everything kept; make demo-reset starts over.
`)
	return b.String()
}

// Remove removes a demonstration that is not running, and everything in it.
func Remove(ctx context.Context, dir string) error {
	c, err := instance.Load(dir)
	if err != nil {
		if _, statErr := os.Stat(dir); os.IsNotExist(statErr) {
			return nil
		}
		if ark.Is(err, ark.Unknown) && halfMade(dir) {
			return os.RemoveAll(dir)
		}
		return err
	}
	if !c.Demonstration {
		return ark.Faultf(ark.Forbidden, "the Ark in %s is no demonstration, so it is not removed", dir)
	}
	if c.Running() {
		return ark.Faultf(ark.Conflict, "the Ark in %s is running", dir).Do("stop it first: Ctrl-C where it was started")
	}
	if err := c.EndWorkspaces(ctx); err != nil { // ark serve leaves them running for the next one
		return err
	}
	if err := Unmount(dir); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// StopWorkspaces stops the workspaces that run; their files are kept. What does
// not stop is left to the daemon's next start.
func StopWorkspaces(ctx context.Context, c instance.Config) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	e := c.Enclave()
	all, err := e.List(ctx)
	if err != nil {
		return // no enclave on this host
	}
	for _, w := range all {
		if w.State == enclave.Frozen {
			_ = e.Resume(ctx, w.ID)
		}
		_ = e.Stop(ctx, w.ID)
	}
}

// halfMade reports whether a folder without a configuration is what an
// interrupted Init leaves, and nothing else.
func halfMade(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		switch e.Name() {
		case "db", "run", "tmp", "log", "identity", "workspaces", "keys", "objects", "region":
		default:
			return false
		}
	}
	return true
}

// Unmount takes away what the enclave daemon left mounted below a folder.
func Unmount(dir string) error {
	raw, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	lines := strings.Split(string(raw), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if f := strings.Fields(lines[i]); len(f) > 1 && strings.HasPrefix(f[1], dir+"/") {
			if err := syscall.Unmount(f[1], syscall.MNT_DETACH); err != nil {
				return fmt.Errorf("unmount below %s: %w", dir, err)
			}
		}
	}
	return nil
}
