package instance

import (
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/work"
	"github.com/ark-tre/ark/pkg/worker"
)

// The crash tests tell an Ark's processes by environment where to die and how
// short leases are. Neither can make a worker do more than it may.
const (
	failpointEnv = "ARK_FAILPOINT_FILE"
	leaseEnv     = "ARK_LEASE_SECONDS"
)

// testLease is the length of leases in a crash test, 0 outside one.
func testLease() time.Duration {
	n, err := strconv.Atoi(os.Getenv(leaseEnv))
	if err != nil || n < 1 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// testTries is how often a job is tried in a crash test, which may break one job
// more often than anything else ever would; 0 outside one.
func testTries() int {
	if testLease() > 0 {
		return 30
	}
	return 0
}

// CrashPoints are the declared points of every job of every worker. The point
// after a step is noted is the same moment as before the next step, so only
// steps of one-step jobs have it: a job is given up after five lost leases.
func CrashPoints() []string {
	var out []string
	for _, kinds := range (worker.Bench{}).Roles() {
		for kind, steps := range kinds {
			for _, p := range (&work.Worker{Kinds: map[string][]work.Step{kind: steps}}).Points() {
				if len(steps) == 1 || !strings.HasSuffix(p, ":noted") {
					out = append(out, p)
				}
			}
		}
	}
	sort.Strings(out)
	return out
}

// ShortLeases makes leases of everything that this process starts short, so
// that a crash test does not wait.
func ShortLeases() error { return os.Setenv(leaseEnv, "2") }

// ArmCrashes makes every worker that this process starts from now on die once
// at each point. It returns a function that lists the points that have not
// fired yet.
func ArmCrashes(dir string, points []string) (left func() []string, err error) {
	file := filepath.Join(dir, "failpoints")
	if err := os.WriteFile(file, []byte(strings.Join(points, "\n")), 0o666); err != nil {
		return nil, err
	}
	// Every role writes to it, whatever the umask says.
	if err := os.Chmod(file, 0o666); err != nil {
		return nil, err
	}
	if err := os.Setenv(failpointEnv, file); err != nil {
		return nil, err
	}
	if err := ShortLeases(); err != nil {
		return nil, err
	}
	return func() []string {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil
		}
		return strings.Fields(string(text))
	}, nil
}
