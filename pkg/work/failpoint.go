package work

import (
	"os"
	"slices"
	"strings"
	"syscall"
)

// Failpoint kills the process at declared points, for the crash tests: the file
// it names lists points, one a line, and a point's line is taken out before the
// kill, so that each fires once and the next start goes on. The zero Failpoint
// never fires.
type Failpoint struct{ File string }

// At kills this process with SIGKILL if the failpoint file lists the point.
func (f Failpoint) At(point string) {
	if f.File == "" || !f.take(point) {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the kill is on its way
}

// Take reports whether the failpoint file lists the point, and takes it out:
// for faults other than a kill, which the caller brings about.
func (f Failpoint) Take(point string) bool { return f.File != "" && f.take(point) }

// take removes the point from the file and reports whether it was there. A
// lock keeps two workers from taking from one file at once.
func (f Failpoint) take(point string) bool {
	file, err := os.OpenFile(f.File, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return false
	}
	text, err := os.ReadFile(f.File)
	if err != nil {
		return false
	}
	lines := strings.Fields(string(text))
	i := slices.Index(lines, point)
	if i < 0 {
		return false
	}
	left := strings.Join(slices.Delete(lines, i, i+1), "\n")
	if left == "" && os.Remove(f.File) == nil {
		return true
	}
	if err := file.Truncate(0); err != nil {
		return false
	}
	_, err = file.WriteAt([]byte(left), 0)
	return err == nil
}
