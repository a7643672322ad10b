//go:build !linux

package engine

import "syscall"

func isolation(bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
