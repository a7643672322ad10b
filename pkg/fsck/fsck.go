// Package fsck reads the parts of an Ark independently of the rooms that wrote
// them, and finds where they disagree: rows against rows, rows against objects
// and back, the recorded acts against the ledger, keys against projects,
// volumes and sandboxes against workspaces.
//
// It may read everything that it is given and change nothing, but for Mend,
// which removes leftovers that no row knows. It must never use the rooms'
// own code to read: an error shared with them would be seen by neither.
package fsck

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/objects"
)

// Kind says between which parts a disagreement is.
type Kind string

// The kinds. A leftover is what a crash left and nothing refers to: no
// disagreement about what is so.
const (
	Row      Kind = "row"      // a row that contradicts itself or another
	Work     Kind = "work"     // something waits for a job that is not there
	Missing  Kind = "missing"  // a row names an object that is not there or not what it was
	Leftover Kind = "leftover" // an object, upload, key, volume or sandbox that no row knows
	Log      Kind = "log"      // the ledger and the recorded acts
	Key      Kind = "key"
	Volume   Kind = "volume"
)

// Finding is one disagreement. It holds ids and names of objects, no values.
type Finding struct {
	Kind  Kind
	Where string
	Says  string
}

func (f Finding) String() string { return fmt.Sprintf("%s: %s: %s", f.Kind, f.Where, f.Says) }

// Report is what was looked at and what was found.
type Report struct {
	Findings []Finding
	Rows     int // documents read
	Objects  int // objects read whole and compared
	Acts     int // recorded acts compared with the ledger
	Busy     int // jobs under way: what they are making is no leftover
	Mended   int
}

// OK reports whether nothing was found.
func (r Report) OK() bool { return len(r.Findings) == 0 }

func (r *Report) find(k Kind, where, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{k, where, fmt.Sprintf(format, args...)})
}

// Ark is what fsck reads.
type Ark struct {
	DB *sql.DB
	// Stores reach a zone, tried in turn: the first that can open an object
	// reads it whole.
	Stores map[objects.Zone][]*objects.Store
	// Ledger exports the log to a folder and names its key.
	Ledger func(ctx context.Context, dir string) (verifierKey string, err error)
	// Body opens the sealed body of a recorded act.
	Body func(id, sealed string) ([]byte, error)
	// ProjectKey says whether a project's key lives ("live"), was destroyed
	// ("destroyed") or never was ("").
	ProjectKey func(ctx context.Context, project string) (string, error)
	// ProjectKeys lists the projects that have keys; nil where nobody may list.
	ProjectKeys func(ctx context.Context) ([]string, error)
	// VersionKeys lists what versions have keys of their own, and whether each
	// was destroyed; nil where nobody may list.
	VersionKeys func(ctx context.Context) (map[string]bool, error)
	// Enclave is what the host holds; nil where no workspaces can be.
	Enclave func(ctx context.Context) (Enclave, error)
	Now     func() time.Time
	Temp    string // where the ledger is exported to
	Mend    bool   // remove leftovers in zones whose objects are not retained
}

// Enclave is what of workspaces is on the host, by workspace.
type Enclave struct {
	Up                                  bool // the daemon runs: what should run, runs
	Volumes, Records, Sandboxes, Mounts []string
}

// Check reads everything and reports. An error means that it could not look.
func Check(ctx context.Context, a Ark) (Report, error) {
	c := &check{Ark: a, tables: map[string]map[string]*row{}, refs: map[string][]*pin{}}
	for _, part := range []func(context.Context) error{c.rows, c.jobs, c.recorded, c.objects, c.keys, c.enclave} {
		if err := part(ctx); err != nil {
			return c.Report, err
		}
	}
	slices.SortFunc(c.Findings, func(x, y Finding) int { return strings.Compare(x.String(), y.String()) })
	return c.Report, nil
}

type check struct {
	Ark
	Report
	tables map[string]map[string]*row
	refs   map[string][]*pin // by zone/name
}
