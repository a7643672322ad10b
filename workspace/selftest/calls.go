package selftest

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

func calls() []attempt {
	return []attempt{
		{"ptrace", "trace process 1", false, func(Target) error { return unix.PtraceSeize(1) }},
		{"ptrace-self", "ask to be traced", false, func(Target) error { return inFork(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0) }},
		{"process-memory", "read another process's memory", true, func(Target) error {
			b := []byte{0}
			_, err := unix.ProcessVMReadv(os.Getppid(), []unix.Iovec{{Base: &b[0], Len: 1}}, []unix.RemoteIovec{{Base: 0, Len: 1}}, 0)
			if err == unix.EFAULT {
				return nil // allowed, only the address was wrong
			}
			return err
		}},
		{"pidfd-getfd", "take an open file of process 1", false, func(Target) error {
			fd, err := unix.PidfdOpen(1, 0)
			if err != nil {
				return err
			}
			return closing(unix.PidfdGetfd(fd, 0, 0))
		}},
		{"kcmp", "compare kernel objects of two processes", true, func(Target) error {
			pid := uintptr(os.Getpid())
			return call(unix.SYS_KCMP, pid, pid, 0, 0, 0)
		}},
		{"bpf", "load a BPF program or map", true, func(Target) error {
			attr := [4]uint32{2, 4, 4, 1} // a one-entry array map
			fd, _, errno := unix.Syscall(unix.SYS_BPF, 0, pointer(&attr), unsafe.Sizeof(attr))
			return closing(int(fd), asError(errno))
		}},
		{"perf-event", "open a performance counter", false, func(Target) error {
			attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{})), Config: unix.PERF_COUNT_SW_CPU_CLOCK}
			return closing(unix.PerfEventOpen(&attr, 0, -1, -1, 0))
		}},
		{"kexec", "load another kernel", false, func(Target) error { return call(unix.SYS_KEXEC_LOAD, 0, 0, 0, 0) }},
		{"init-module", "load a kernel module", false, func(Target) error { return unix.InitModule([]byte("\x7fELF"), "") }},
		{"finit-module", "load a kernel module from a file", false, func(Target) error { return unix.FinitModule(0, "", 0) }},
		{"delete-module", "unload a kernel module", false, func(Target) error { return unix.DeleteModule("loop", 0) }},
		{"keyctl", "reach the kernel's keyrings", true, func(Target) error {
			_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, true)
			return err
		}},
		{"add-key", "put a key into a keyring", true, func(Target) error {
			_, err := unix.AddKey("user", "ark-selftest", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)
			return err
		}},
		{"request-key", "ask the host for a key", false, func(Target) error {
			_, err := unix.RequestKey("user", "ark-selftest", "x", unix.KEY_SPEC_PROCESS_KEYRING)
			return err
		}},
		{"userfaultfd", "handle page faults of the kernel", true, func(Target) error { return closing(sysFD(unix.SYS_USERFAULTFD, unix.O_CLOEXEC)) }},
		{"io-uring", "set up io_uring", false, func(Target) error {
			var params [120]byte
			return closing(sysFD(unix.SYS_IO_URING_SETUP, 1, pointer(&params)))
		}},
		{"fanotify", "watch a whole file system", true, func(Target) error { return closing(unix.FanotifyInit(unix.FAN_CLASS_NOTIF, unix.O_RDONLY)) }},
		{"syslog", "read the kernel's log", true, func(Target) error {
			_, err := unix.Klogctl(unix.SYSLOG_ACTION_SIZE_BUFFER, nil)
			return err
		}},
		{"set-clock", "set the machine's clock", false, func(Target) error {
			var now unix.Timespec
			if err := unix.ClockGettime(unix.CLOCK_REALTIME, &now); err != nil {
				return err
			}
			return unix.ClockSettime(unix.CLOCK_REALTIME, &now)
		}},
		{"reboot", "halt the machine", false, func(Target) error { return unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF) }},
		{"swap", "add swap space", false, func(t Target) error { return call(unix.SYS_SWAPON, text(t.Home), 0) }},
		{"accounting", "switch process accounting off", false, func(Target) error { return unix.Acct("") }},
		{"quota", "change disk quotas", false, func(Target) error { return call(unix.SYS_QUOTACTL, 0x800001<<8, 0, 0, 0) }},
		{"personality", "run with an unsafe personality", true, func(Target) error { return call(unix.SYS_PERSONALITY, 0x0400000) }},
	}
}

func sysFD(number uintptr, args ...uintptr) (int, error) {
	var a [6]uintptr
	copy(a[:], args)
	fd, _, errno := unix.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
	return int(fd), asError(errno)
}
