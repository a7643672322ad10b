// Package box takes every power away from ark-inspect before it reads a byte:
// its user, its capabilities, files, network, other processes, and all but a
// few system calls; and bounds its memory and time.
//
// It may touch the calling process only. It must never report a wall that does
// not stand.
package box

import (
	"github.com/ark-tre/ark/airlock/inspect/wire"
)

// User is the user id that ark-inspect is, where it was started as root: no
// account has it.
const User = 65532

// Limits bound one ark-inspect. Zero fields take the default.
type Limits struct {
	Memory  uint64 // bytes of private memory, default 1.5 GiB
	Seconds uint64 // of processor time over all files, default 900
	// Weak goes on where the kernel has no Landlock or grants no namespaces. It
	// must be declared; what is missing is in the report.
	Weak bool
}

// OrDefault fills the zero fields.
func (l Limits) OrDefault() Limits {
	if l.Memory == 0 {
		l.Memory = 3 << 29
	}
	if l.Seconds == 0 {
		l.Seconds = 900
	}
	return l
}

// Stands reports whether everything that must stand does.
func Stands(h wire.Hello) bool {
	return h.Fault == "" && h.User != 0 && h.Walls.NoNewPrivs && h.Walls.Seccomp && h.Walls.NoNetwork && h.Walls.Landlock > 0
}
