package runtime

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/pkg/ark"
)

// killOrphans ends every process in the control groups called id, which are
// there without the runtime knowing when its state folder was lost. It returns
// once they are gone.
func killOrphans(id string) error {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		groups := Groups(id)
		left := 0
		for _, group := range groups {
			// A frozen process dies only when it is thawed (cgroup v1).
			_ = os.WriteFile(filepath.Join(group, "freezer.state"), []byte("THAWED"), 0)
			text, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
			if err != nil {
				continue
			}
			for _, line := range strings.Fields(string(text)) {
				if pid, err := strconv.Atoi(line); err == nil && pid > 1 {
					left++
					if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
						return err
					}
				}
			}
		}
		if left == 0 {
			for _, group := range groups {
				_ = os.Remove(group)
			}
			return nil
		}
		if time.Now().After(deadline) {
			return ark.Faultf(ark.Unavailable, "processes of the sandbox do not end")
		}
	}
}

// Groups returns the control groups of a sandbox on v2, v1 and hybrid hosts.
func Groups(id string) []string {
	var out []string
	for _, top := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
		found, err := filepath.Glob(top + CgroupParent + "/" + id)
		if err == nil {
			out = append(out, found...)
		}
	}
	return out
}
