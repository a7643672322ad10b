package box

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/airlock/inspect/wire"
	"github.com/ark-tre/ark/pkg/engine/walls"
)

// Attributes puts a child in namespaces of its own; alone says whether also a
// user namespace. With one, no privilege of ours is needed for the others.
func Attributes(user bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true,
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS | syscall.CLONE_NEWPID | unix.CLONE_NEWCGROUP}
	if !user {
		return a
	}
	a.Cloneflags |= syscall.CLONE_NEWUSER
	if os.Getuid() == 0 { // root for as long as it takes to become User
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}, {ContainerID: User, HostID: User, Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}, {ContainerID: User, HostID: User, Size: 1}}
		a.GidMappingsEnableSetgroups = true
		return a
	}
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: User, HostID: os.Getuid(), Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: User, HostID: os.Getgid(), Size: 1}}
	return a
}

// Enter drops every power, for all threads. After an error some walls may
// stand and some not: the caller must exit.
func Enter(l Limits) (wire.Hello, error) {
	l = l.OrDefault()
	var h wire.Hello
	if os.Getuid() == 0 {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setresgid(User, User, User), syscall.Setresuid(User, User, User)); err != nil {
			return h, fmt.Errorf("box: stop being root: %w", err)
		}
	}
	h.User = os.Getuid()
	if h.User == 0 {
		return h, errors.New("box: still root")
	}
	debug.SetMemoryLimit(int64(l.Memory / 4 * 3))
	set := func(what int, n uint64) error { return unix.Setrlimit(what, &unix.Rlimit{Cur: n, Max: n}) }
	if err := errors.Join(set(unix.RLIMIT_CPU, l.Seconds), set(unix.RLIMIT_FSIZE, 0), set(unix.RLIMIT_NPROC, 64), set(unix.RLIMIT_MEMLOCK, 0), set(unix.RLIMIT_MSGQUEUE, 0)); err != nil {
		return h, fmt.Errorf("box: limits: %w", err)
	}
	stand, err := walls.Raise(walls.Plan{Data: l.Memory, Strict: true, BestEffort: l.Weak})
	h.Walls = stand
	if err != nil {
		return h, err
	}
	if !stand.NoNetwork && !l.Weak {
		return h, errors.New("box: the network is in sight: no namespace of its own")
	}
	return h, nil
}
