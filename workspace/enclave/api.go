package enclave

import (
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/runtime"
	"github.com/ark-tre/ark/workspace/selftest"
)

// State is what a workspace is doing. The zero value is no state.
type State string

// The states, and how they follow each other: provisioning → ready ⇄ running
// ⇄ frozen; any → gone when destroyed. In ready the volume is closed and no key
// is in the kernel.
const (
	Provisioning State = "provisioning"
	Ready        State = "ready"
	Running      State = "running"
	Frozen       State = "frozen"
)

// Limits of one workspace. All are hard.
type Limits struct {
	runtime.Limits
	DiskBytes    int64 `json:"disk_bytes"`
	ScratchBytes int64 `json:"scratch_bytes"` // /tmp, in memory; counts as memory
}

// DefaultLimits suit a laptop-sized workspace on one box.
func DefaultLimits() Limits {
	return Limits{
		Limits:    runtime.Limits{MemoryBytes: 2 << 30, CPUMillis: 1000, Processes: 512},
		DiskBytes: 1 << 30, ScratchBytes: 256 << 20,
	}
}

// Request asks for a workspace: one per project and user.
type Request struct {
	ID      string `json:"id"`
	Project string `json:"project"`
	User    string `json:"user"`
	Limits  Limits `json:"limits"`
	Key     []byte `json:"key"` // of the volume, 32 bytes; never kept
}

// Info is what the daemon knows of one workspace. It holds nothing that began
// in it.
type Info struct {
	ID      string          `json:"id"`
	Project string          `json:"project"`
	User    string          `json:"user"`
	State   State           `json:"state"`
	Limits  Limits          `json:"limits"`
	Apps    []string        `json:"apps,omitempty"`     // those started
	AppsUp  map[string]bool `json:"apps_up,omitempty"`  // which of them listen
	Extract []string        `json:"extract,omitempty"`  // names of the extract's files
	Since   time.Time       `json:"since"`              // of the state
	Checked time.Time       `json:"checked,omitzero"`   // when the self-test passed
	Tried   int             `json:"attempts,omitempty"` // attempts it refused
}

// Usage is what a workspace uses. CPU and memory are zero unless it runs; disk
// is zero unless its volume is open.
type Usage struct {
	runtime.Usage
	DiskBytes int64 `json:"disk_bytes"`
	DiskSize  int64 `json:"disk_size_bytes"`
}

// kindStatus maps what went wrong to the HTTP status that carries it.
func kindStatus(k ark.Kind) int {
	switch k {
	case ark.Invalid:
		return 400
	case ark.Forbidden, ark.Lapsed:
		return 403
	case ark.Unknown, ark.Withheld:
		return 404
	case ark.Conflict:
		return 409
	case ark.TooMuch:
		return 413
	case ark.Unavailable:
		return 503
	}
	return 500
}

// fault is ark.Fault on the wire, without its cause.
type fault struct {
	Kind   ark.Kind `json:"kind"`
	Says   string   `json:"says"`
	Remedy string   `json:"remedy,omitempty"`
	File   string   `json:"file,omitempty"`

	Report *selftest.Report `json:"report,omitempty"` // of a self-test that failed
}
