package runtime

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	oci "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/workspace/selftest"
	"github.com/ark-tre/ark/workspace/volume"
)

// TestTheSelfTestNoticesAWeakerSandbox takes one wall away at a time: the
// attempts that it stopped must then succeed. It shows that each wall is tried
// and that the attempts are able to get out.
func TestTheSelfTestNoticesAWeakerSandbox(t *testing.T) {
	b := newBench(t)
	for name, c := range map[string]struct {
		weaken func(*oci.Spec)
		escape []string // attempts of which each must get out
	}{
		"none": {func(*oci.Spec) {}, nil},
		"no seccomp": {func(c *oci.Spec) { c.Linux.Seccomp = nil },
			[]string{"tcp-listen", "netlink-route", "unshare-user", "clone-user", "keyctl", "add-key", "kcmp", "no-filter", "ptrace-self", "personality"}},
		"no seccomp, host's network": {func(c *oci.Spec) { c.Linux.Seccomp = nil; without(c, oci.NetworkNamespace) },
			[]string{"tcp-host-loopback", "udp-host-loopback", "abstract-socket"}},
		"new privileges": {func(c *oci.Spec) { c.Process.NoNewPrivileges = false }, []string{"new-privileges"}},
		"host's IPC":     {func(c *oci.Spec) { without(c, oci.IPCNamespace) }, []string{"host-shared-memory"}},
		"capabilities": {func(c *oci.Spec) {
			all := []string{"CAP_SYS_ADMIN", "CAP_CHOWN", "CAP_SETUID", "CAP_SETGID", "CAP_DAC_OVERRIDE", "CAP_SYS_CHROOT"}
			c.Process.Capabilities = &oci.LinuxCapabilities{Bounding: all, Effective: all, Permitted: all, Inheritable: all, Ambient: all}
		}, []string{"capabilities", "become-root", "chown-root", "other-groups", "raise-capability"}},
		"root inside":   {func(c *oci.Spec) { c.Process.User = oci.User{} }, []string{"be-root"}},
		"writable root": {func(c *oci.Spec) { c.Root.Readonly = false }, []string{"write-root"}},
		"writable extract": {func(c *oci.Spec) {
			for i, m := range c.Mounts {
				if m.Destination == "/workspace/extract" {
					c.Mounts[i].Options = []string{"bind"}
				}
			}
		}, []string{"write-extract"}},
		"host's files": {func(c *oci.Spec) {
			c.Mounts = append(c.Mounts, oci.Mount{Destination: b.bait, Type: "bind", Source: b.bait, Options: []string{"bind", "ro"}})
		}, []string{"host-files", "proc-1-root", "proc-self-root-up", "other-sockets"}},
		"no process limit": {func(c *oci.Spec) { c.Linux.Resources.Pids = nil }, []string{"fork-bomb"}},
		"no memory limit":  {func(c *oci.Spec) { c.Linux.Resources.Memory = nil }, []string{"memory"}},
		"core dumps":       {func(c *oci.Spec) { c.Process.Rlimits = c.Process.Rlimits[1:] }, []string{"core-dump"}},
	} {
		t.Run(name, func(t *testing.T) {
			report := b.attempt(t, c.weaken)
			got := map[string]selftest.Outcome{}
			for _, r := range report.Results {
				got[r.Attempt] = r.Outcome
			}
			for _, attempt := range c.escape {
				if got[attempt] != selftest.Succeeded {
					t.Errorf("%s was %q in the weaker sandbox", attempt, got[attempt])
				}
			}
			if whole := len(c.escape) == 0; report.Passed() != whole {
				t.Errorf("the report passed: %t; failures %+v", report.Passed(), report.Failures())
			}
		})
	}
}

func without(c *oci.Spec, kind oci.LinuxNamespaceType) {
	var kept []oci.LinuxNamespace
	for _, ns := range c.Linux.Namespaces {
		if ns.Type != kind {
			kept = append(kept, ns)
		}
	}
	c.Linux.Namespaces = kept
}

// bench is a sandbox without root file system or volume: just the attempts.
type bench struct {
	runc Runc
	spec Spec
	bait string
	run  string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	program, err := filepath.Abs("../../.cache/tools/runc")
	if set := os.Getenv("ARK_RUNC"); set != "" {
		program, err = set, nil
	}
	if _, statErr := os.Stat(program); err != nil || statErr != nil || os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("CI needs root and the runtime (deploy/tools/runc/build.sh)")
		}
		t.Skip("needs root and the runtime (deploy/tools/runc/build.sh)")
	}
	dir, err := os.MkdirTemp("", "ark-bench-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	self := filepath.Join(dir, "enclaved")
	build := exec.Command("go", "build", "-o", self, "../../cmd/ark-enclaved")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	root := filepath.Join(dir, "root")
	for _, d := range []string{"proc", "dev/shm", "tmp", "etc", "usr", "ark", "run/ark", "workspace/extract", "workspace/home", "workspace/outbox"} {
		must(t, os.MkdirAll(filepath.Join(root, d), 0o777))
		must(t, os.Chmod(filepath.Join(root, d), 0o777))
	}
	must(t, os.WriteFile(filepath.Join(root, "ark/enclaved"), nil, 0o755))
	b := &bench{runc: Runc{Program: program, State: filepath.Join(dir, "state")}, run: filepath.Join(dir, "run"), bait: filepath.Join(dir, "bait")}
	must(t, os.Mkdir(b.bait, 0o755))
	s := Spec{
		ID: strings.ToLower(filepath.Base(dir)), RootFS: root, Args: []string{"/ark/enclaved"}, IDBase: MinIDBase, User: 1000,
		Mounts:  []Mount{{Source: self, Target: "/ark/enclaved", Executable: true}},
		Scratch: []Scratch{{Target: "/tmp", Bytes: 16 << 20}},
		Limits:  Limits{MemoryBytes: 128 << 20, CPUMillis: 1000, Processes: 128},
	}
	for _, m := range []struct {
		name, target string
		writable     bool
	}{{"run", "/run/ark", true}, {"extract", "/workspace/extract", false}, {"home", "/workspace/home", true}, {"outbox", "/workspace/outbox", true}} {
		at := filepath.Join(dir, m.name)
		must(t, volume.MountRun(at, 4<<20, MinIDBase+1000))
		must(t, os.Chmod(at, 0o777))
		t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) })
		s.Mounts = append(s.Mounts, Mount{Source: at, Target: m.target, Writable: m.writable})
	}
	b.spec = s
	return b
}

func (b *bench) attempt(t *testing.T, weaken func(*oci.Spec)) selftest.Report {
	t.Helper()
	for _, name := range []string{"run", "outbox", "home", "extract"} {
		must(t, volume.Empty(filepath.Join(filepath.Dir(b.run), name)))
	}
	bait, err := selftest.NewBait(b.bait)
	must(t, err)
	defer bait.Close()
	for _, s := range bait.Target.Sockets {
		must(t, os.Chmod(s, 0o666))
	}
	target := bait.Target
	target.MemoryBytes, target.Processes, target.DiskBytes, target.ScratchBytes = b.spec.Limits.MemoryBytes, b.spec.Limits.Processes, 4<<20, 16<<20
	args, err := target.Args()
	must(t, err)
	s := b.spec
	s.Args = append(s.Args, args...)
	c := config(s, goruntime.GOARCH)
	weaken(c)
	defer func() { must(t, b.runc.Delete(t.Context(), s.ID)) }()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	must(t, b.runc.start(ctx, s.ID, c))
	must(t, b.runc.Wait(ctx, s.ID))
	report, err := selftest.ReadReport(b.run)
	must(t, err)
	return report
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
