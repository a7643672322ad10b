package selftest

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

func limits() []attempt {
	return []attempt{
		{"fork-bomb", "start more processes than allowed", false, forkBomb},
		{"memory", "use more memory than allowed", false, hog},
		{"disk", "use more disk than allowed", false, func(t Target) error { return fill(t.Home, t.DiskBytes) }},
		{"scratch", "use more scratch memory than allowed", false, func(t Target) error { return fill(t.Scratch, t.ScratchBytes) }},
		{"run-folder", "fill the folder shared with the daemon", false, func(Target) error { return fill("/run/ark", 64<<20) }},
		{"core-dump", "raise the limit on core dumps", false, func(Target) error {
			return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20})
		}},
	}
}

// forkBomb forks until the kernel says no; the sandbox's driver ends the group.
func forkBomb(t Target) error {
	pids := []int{}
	defer func() {
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
			_, _ = unix.Wait4(pid, nil, 0, nil)
		}
	}()
	for range t.Processes + 8 {
		pid, err := forkDoing(unix.SYS_PAUSE, 0, 0)
		if err != nil {
			return fmt.Errorf("after %d processes: %w", len(pids), err)
		}
		pids = append(pids, pid)
	}
	return nil
}

// hog touches more pages than the limit; the kernel should end it.
func hog(t Target) error {
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0); err != nil {
		return err
	}
	const chunk = 16 << 20
	for held := int64(0); held < t.MemoryBytes+4*chunk; held += chunk {
		page, err := unix.Mmap(-1, 0, chunk, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			return err
		}
		for i := 0; i < chunk; i += 4096 {
			page[i] = 1
		}
	}
	return nil
}

// fill reserves more than limit bytes in dir.
func fill(dir string, limit int64) error {
	path := filepath.Join(dir, FilePrefix+"-fill")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	defer f.Close()
	const chunk = 8 << 20
	for at := int64(0); at < limit+2*chunk; at += chunk {
		if err := unix.Fallocate(int(f.Fd()), 0, at, chunk); err != nil {
			return fmt.Errorf("after %d MiB: %w", at>>20, err)
		}
	}
	return nil
}
