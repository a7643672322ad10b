package engine

import (
	"os"
	"syscall"
)

// isolation puts the child in namespaces of its own (alone) and ties its life
// to ours. With a user namespace of its own the child needs no privilege of
// ours for the others; without an interface, its network is empty. There is no
// PID namespace: Landlock for all threads finds them by /proc, which would show
// another namespace's numbers; Landlock itself keeps signals inside.
func isolation(alone bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if alone {
		a.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	}
	return a
}
