package selftest

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func namespaces() []attempt {
	return []attempt{
		{"unshare-user", "make a user namespace", true, func(Target) error { return inFork(unix.SYS_UNSHARE, unix.CLONE_NEWUSER, 0) }},
		{"unshare-others", "make mount, network, PID or other namespaces", false, func(Target) error {
			return each([]int{unix.CLONE_NEWNS, unix.CLONE_NEWNET, unix.CLONE_NEWPID, unix.CLONE_NEWIPC, unix.CLONE_NEWUTS, unix.CLONE_NEWCGROUP}, unix.Unshare)
		}},
		{"clone-user", "start a process in a user namespace", false, func(Target) error { return cloneWith(unix.CLONE_NEWUSER) }},
		{"clone3", "the same by clone3, whose flags no filter sees", false, func(Target) error {
			args := [11]uint64{0: unix.CLONE_NEWUSER, 4: uint64(unix.SIGCHLD)}
			pid, _, errno := unix.RawSyscall(unix.SYS_CLONE3, pointer(&args), 88, 0)
			if errno == 0 && pid == 0 {
				unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
			}
			return asError(errno)
		}},
		{"setns", "join the namespaces of process 1", false, func(Target) error {
			return each([]string{"user", "mnt", "net", "pid", "cgroup"}, func(ns string) error {
				f, err := os.Open("/proc/1/ns/" + ns)
				if err != nil {
					return err
				}
				defer f.Close()
				return unix.Setns(int(f.Fd()), 0)
			})
		}},
		{"host-process", "signal a process of the host", true, func(t Target) error {
			if t.HostProcess == 0 {
				return nil
			}
			return unix.Kill(t.HostProcess, 0)
		}},
		{"host-process-proc", "see a process of the host in /proc", true, func(t Target) error {
			return readSome(fmt.Sprintf("/proc/%d/status", t.HostProcess))
		}},
		{"hostname", "rename the machine", false, func(Target) error { return unix.Sethostname([]byte("x")) }},
	}
}

// inFork makes a call that a threaded process may not make, or that binds the
// thread that made it: the raw call is made in a fork, which has one thread.
func inFork(number, a, b uintptr) error {
	pid, err := forkDoing(number, a, b)
	if err != nil {
		return err
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil {
		return err
	}
	if status.Exited() && status.ExitStatus() == 0 {
		return nil
	}
	return fmt.Errorf("refused in the child (%w)", unix.Errno(status.ExitStatus()))
}

// cloneWith makes a process with flags that leaves at once.
func cloneWith(flags uintptr) error {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, flags|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno == 0 && pid == 0 {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return asError(errno)
}

// forkDoing forks; the child makes one call with two arguments and exits with
// its errno. Between fork and exit only raw calls are made: the Go runtime of
// the child has no threads.
//
//go:norace
func forkDoing(number, a, b uintptr) (int, error) {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	if pid == 0 {
		_, _, e := unix.RawSyscall(number, a, b, 0)
		for {
			unix.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(e), 0, 0)
		}
	}
	return int(pid), nil
}

func asError(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errors.Join(errno)
}
