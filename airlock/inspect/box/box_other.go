//go:build !linux

package box

import (
	"errors"
	"syscall"

	"github.com/ark-tre/ark/airlock/inspect/wire"
)

// Attributes are none: there are no namespaces but Linux's.
func Attributes(bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

// Enter refuses: there are no walls but Linux's.
func Enter(Limits) (wire.Hello, error) {
	return wire.Hello{}, errors.New("box: this system has no walls; use Linux")
}
