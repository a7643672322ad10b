package work

import (
	"os"
	"strings"
	"syscall"
)

// Failpoint kills the process at a declared point, for the crash tests: the
// file it names holds the point's name, and is removed before the kill so that
// the next start goes on. The zero Failpoint never fires.
type Failpoint struct{ File string }

// At kills this process with SIGKILL if the failpoint file names the point.
func (f Failpoint) At(point string) {
	if f.File == "" {
		return
	}
	want, err := os.ReadFile(f.File)
	if err != nil || strings.TrimSpace(string(want)) != point {
		return
	}
	if err := os.Remove(f.File); err != nil {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the kill is on its way
}
