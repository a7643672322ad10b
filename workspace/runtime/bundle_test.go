package runtime

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	oci "github.com/opencontainers/runtime-spec/specs-go"
	"pgregory.net/rapid"

	"github.com/ark-tre/ark/pkg/ark"
)

var update = flag.Bool("update", false, "rewrite the golden file")

func sample() Spec {
	return Spec{
		ID: "wsp_sample", RootFS: "/run/ark-enclave/root", Args: []string{"/ark/enclaved", "init", "[]"}, Env: []string{"PATH=/usr/bin:/bin"},
		IDBase: MinIDBase + IDRange, User: 1000,
		Mounts: []Mount{
			{Source: "/ws/extract", Target: "/workspace/extract"},
			{Source: "/ws/home", Target: "/workspace/home", Writable: true, Executable: true},
		},
		Scratch: []Scratch{{Target: "/tmp", Bytes: 64 << 20}},
		Limits:  Limits{MemoryBytes: 1 << 30, CPUMillis: 1500, Processes: 256},
	}
}

// TestTheBundleIsAsReviewed holds the whole configuration: a change of the
// sandbox is a change of this file, for a reviewer to see.
func TestTheBundleIsAsReviewed(t *testing.T) {
	got, err := json.MarshalIndent(config(sample(), "amd64"), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "config.golden.json")
	if *update {
		if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
		t.Errorf("the bundle changed (run with -update and have it reviewed):\n%s", diff)
	}
}

func TestASpecThatCouldWeakenIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*Spec){
		"empty":             func(s *Spec) { *s = Spec{} },
		"id with a slash":   func(s *Spec) { s.ID = "../x" },
		"root of the host":  func(s *Spec) { s.IDBase = 0 },
		"range in between":  func(s *Spec) { s.IDBase++ },
		"root inside":       func(s *Spec) { s.User = 0 },
		"no memory limit":   func(s *Spec) { s.Limits.MemoryBytes = 0 },
		"no CPU limit":      func(s *Spec) { s.Limits.CPUMillis = 0 },
		"no process limit":  func(s *Spec) { s.Limits.Processes = 0 },
		"mount over root":   func(s *Spec) { s.Mounts[0].Target = "/" },
		"mount over proc":   func(s *Spec) { s.Mounts[0].Target = "/proc" },
		"mount in proc":     func(s *Spec) { s.Mounts[0].Target = "/proc/sys" },
		"mount over dev":    func(s *Spec) { s.Mounts[0].Target = "/dev" },
		"climbing mount":    func(s *Spec) { s.Mounts[0].Target = "/workspace/../proc" },
		"relative source":   func(s *Spec) { s.Mounts[0].Source = "etc" },
		"relative root":     func(s *Spec) { s.RootFS = "root" },
		"no program":        func(s *Spec) { s.Args = nil },
		"relative program":  func(s *Spec) { s.Args = []string{"sh"} },
		"unbounded scratch": func(s *Spec) { s.Scratch[0].Bytes = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			s := sample()
			spoil(&s)
			if err := s.Check(); !ark.Is(err, ark.Invalid) {
				t.Errorf("got %v, want invalid", err)
			}
		})
	}
	if err := sample().Check(); err != nil {
		t.Errorf("the sample itself is refused: %v", err)
	}
}

// TestEverySpecKeepsTheWalls draws specs and checks what no spec may change.
func TestEverySpecKeepsTheWalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := sample()
		s.Env = rapid.SliceOf(rapid.String()).Draw(t, "env")
		s.Args = append([]string{"/ark/enclaved"}, rapid.SliceOf(rapid.String()).Draw(t, "args")...)
		s.Mounts = append(s.Mounts, Mount{Source: "/a", Target: "/b", Writable: rapid.Bool().Draw(t, "w"), Executable: rapid.Bool().Draw(t, "x")})
		c := config(s, "amd64")
		p := c.Process
		if !c.Root.Readonly || !p.NoNewPrivileges || p.User.UID == 0 || len(p.User.AdditionalGids) > 0 {
			t.Fatal("root writable, new privileges or root user")
		}
		caps := p.Capabilities
		if len(caps.Bounding)+len(caps.Effective)+len(caps.Permitted)+len(caps.Inheritable)+len(caps.Ambient) > 0 {
			t.Fatal("a capability")
		}
		for _, kind := range []oci.LinuxNamespaceType{oci.UserNamespace, oci.MountNamespace, oci.NetworkNamespace, oci.PIDNamespace, oci.IPCNamespace, oci.UTSNamespace, oci.CgroupNamespace} {
			if !slices.Contains(c.Linux.Namespaces, oci.LinuxNamespace{Type: kind}) {
				t.Fatalf("no %s namespace of its own", kind)
			}
		}
		if c.Linux.Seccomp.DefaultAction != oci.ActErrno || len(c.Linux.Devices) > 0 || c.Hooks != nil {
			t.Fatal("seccomp open, a device or a hook")
		}
		for _, m := range c.Mounts {
			if !slices.Contains(m.Options, "nosuid") || m.Type == "bind" && !slices.Contains(m.Options, "nodev") {
				t.Fatalf("%s is mounted with %v", m.Destination, m.Options)
			}
		}
	})
}

func TestDangerousCallsAreNotAllowed(t *testing.T) {
	names := strings.Fields(allowed)
	for _, name := range strings.Fields(`mount umount2 pivot_root chroot unshare setns ptrace process_vm_readv process_vm_writev bpf perf_event_open
		kexec_load kexec_file_load init_module finit_module delete_module open_by_handle_at name_to_handle_at keyctl add_key request_key userfaultfd
		io_uring_setup io_uring_enter io_uring_register fsopen fsmount fsconfig open_tree move_mount mount_setattr pidfd_getfd kcmp fanotify_init
		syslog clock_settime settimeofday adjtimex reboot swapon acct quotactl iopl ioperm modify_ldt sethostname setdomainname mknod mknodat
		clone clone3 socket socketpair ioctl personality vhangup lookup_dcookie nfsservctl uselib ustat sysfs _sysctl memfd_secret`) {
		if slices.Contains(names, name) {
			t.Errorf("%s is allowed whatever its arguments", name)
		}
	}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			t.Errorf("%s is listed twice", name)
		}
		seen[name] = true
	}
}
