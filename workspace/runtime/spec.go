package runtime

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
)

// Spec is everything that defines one sandbox. There is no field that could
// give it a network, a capability or a device.
type Spec struct {
	ID      string   // name of the sandbox, cgroup and bundle
	RootFS  string   // host folder of the read-only root
	Args    []string // the first process, absolute path first
	Env     []string // KEY=value
	Cwd     string   // absolute; "/" if empty
	IDBase  uint32   // host id of the sandbox's uid and gid 0; its range is IDRange
	User    uint32   // uid and gid of the first process inside, never 0
	Mounts  []Mount
	Scratch []Scratch
	Limits  Limits
}

// IDRange is how many host ids each sandbox owns, and MinIDBase the lowest id
// a range may start at: ranges never touch the ids of real accounts.
const (
	IDRange   = 1 << 16
	MinIDBase = 0x70000000
)

// Mount shows one host folder or file inside. It is read-only, and nothing on
// it can be executed, unless said otherwise.
type Mount struct {
	Source, Target string
	Writable       bool
	Executable     bool
}

// Scratch is a memory file system; its pages count against Limits.MemoryBytes.
type Scratch struct {
	Target     string
	Bytes      int64
	Executable bool
}

// Limits are hard. Disk is bounded by the volume behind the mounts.
type Limits struct {
	MemoryBytes int64 `json:"memory_bytes"`
	CPUMillis   int64 `json:"cpu_millis"` // thousandths of one core
	Processes   int64 `json:"processes"`  // threads count
}

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{2,80}$`)

// Check refuses a Spec that is incomplete or could weaken the sandbox.
func (s Spec) Check() error {
	bad := func(format string, args ...any) error {
		return ark.Faultf(ark.Invalid, "sandbox spec: "+format, args...)
	}
	switch {
	case !idPattern.MatchString(s.ID):
		return bad("the id is not of the form [a-z0-9_-]")
	case !filepath.IsAbs(s.RootFS):
		return bad("the root file system needs an absolute path")
	case len(s.Args) == 0 || !filepath.IsAbs(s.Args[0]):
		return bad("the first process needs an absolute path")
	case s.IDBase < MinIDBase || s.IDBase%IDRange != 0:
		return bad("the id range must start at a multiple of %d from %d on", IDRange, MinIDBase)
	case s.User == 0 || s.User >= IDRange:
		return bad("the user inside must lie between 1 and %d", IDRange-1)
	case s.Limits.MemoryBytes < 16<<20 || s.Limits.CPUMillis < 10 || s.Limits.Processes < 4:
		return bad("limits on memory, CPU and processes are all needed (at least 16 MiB, 10, 4)")
	}
	for _, m := range s.Mounts {
		if !cleanAbs(m.Source) || !cleanAbs(m.Target) {
			return bad("mount paths must be absolute and clean")
		}
		if m.Target == "/" || m.Target == "/proc" || m.Target == "/dev" || strings.HasPrefix(m.Target, "/proc/") {
			return bad("nothing may be mounted over %s", m.Target)
		}
	}
	for _, t := range s.Scratch {
		if !cleanAbs(t.Target) || t.Bytes < 4096 {
			return bad("scratch space needs a clean absolute path and a size")
		}
	}
	return nil
}

func cleanAbs(p string) bool { return filepath.IsAbs(p) && filepath.Clean(p) == p }
