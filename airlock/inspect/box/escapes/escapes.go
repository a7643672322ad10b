//go:build linux

// Package escapes tries to get out of the walls around ark-inspect. It is run
// inside them, by `ark-inspect escape`, so that a test sees them hold.
//
// It may touch whatever it can reach: nothing, if the walls hold. It must
// never be called by what looks at files.
package escapes

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// Outcome is one attempt.
type Outcome struct {
	Name    string `json:"name"`
	Stopped bool   `json:"stopped"`
}

// Try makes every attempt. An attempt is stopped only by a refusal of the
// walls: "connection refused" would mean that the socket was made.
func Try() []Outcome {
	var out []Outcome
	for _, a := range attempts {
		err := a.try()
		out = append(out, Outcome{a.name, err != nil && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.ENOMEM))})
	}
	return out
}

func number(n uintptr, a ...uintptr) error {
	for len(a) < 6 {
		a = append(a, 0)
	}
	if _, _, e := unix.RawSyscall6(n, a[0], a[1], a[2], a[3], a[4], a[5]); e != 0 {
		return e
	}
	return nil
}

var attempts = []struct {
	name string
	try  func() error
}{
	{"read-passwd", func() error { _, err := os.ReadFile("/etc/passwd"); return err }},
	{"read-own-program", func() error { _, err := os.Open("/proc/self/exe"); return err }},
	{"read-environment", func() error { _, err := os.ReadFile("/proc/self/environ"); return err }},
	{"list-root", func() error { _, err := os.ReadDir("/"); return err }},
	{"read-memory", func() error { _, err := os.Open("/proc/self/mem"); return err }},
	{"write-temporary", func() error { return os.WriteFile("/tmp/ark-inspect-escape", []byte("x"), 0o600) }},
	{"make-folder", func() error { return os.Mkdir("/tmp/ark-inspect-escape", 0o700) }},
	{"remove-file", func() error { return os.Remove("/etc/hostname") }},
	{"memory-file", func() error { _, err := unix.MemfdCreate("x", 0); return err }},
	{"tcp", func() error { _, err := net.Dial("tcp", "127.0.0.1:1"); return err }},
	{"udp", func() error { _, err := net.Dial("udp", "127.0.0.1:53"); return err }},
	{"unix-socket", func() error { _, err := net.Dial("unix", "@bus"); return err }},
	{"listen", func() error { _, err := net.Listen("tcp", "127.0.0.1:0"); return err }},
	{"raw-socket", func() error { _, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, 1); return err }},
	{"netlink", func() error { _, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, 0); return err }},
	{"socketpair", func() error { _, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err }},
	{"run-program", func() error { return exec.Command("/bin/true").Run() }},
	{"exec", func() error { return unix.Exec("/bin/true", []string{"true"}, nil) }},
	{"fork", func() error { return number(unix.SYS_CLONE, uintptr(unix.SIGCHLD)) }},
	{"clone3", func() error { return number(unix.SYS_CLONE3) }},
	{"ptrace", func() error { return unix.PtraceAttach(1) }},
	{"trace-me", func() error { return number(unix.SYS_PTRACE, 0) }},
	{"kill", func() error { return unix.Kill(-1, 0) }},
	{"process-memory", func() error { return number(unix.SYS_PROCESS_VM_READV, 1) }},
	{"user-namespace", func() error { return unix.Unshare(unix.CLONE_NEWUSER) }},
	{"join-namespace", func() error { return unix.Setns(0, 0) }},
	{"mount", func() error { return unix.Mount("none", "/tmp", "tmpfs", 0, "") }},
	{"change-root", func() error { return unix.Chroot("/tmp") }},
	{"become-root", func() error { return number(unix.SYS_SETUID, 0) }},
	{"take-capability", func() error { return number(unix.SYS_CAPSET) }},
	{"bpf", func() error { return number(unix.SYS_BPF) }},
	{"io-uring", func() error { return number(unix.SYS_IO_URING_SETUP, 1) }},
	{"keyring", func() error { return number(unix.SYS_KEYCTL) }},
	{"userfault", func() error { return number(unix.SYS_USERFAULTFD) }},
	{"performance", func() error { return number(unix.SYS_PERF_EVENT_OPEN) }},
	{"shared-memory", func() error { return number(unix.SYS_SHMGET, 0, 4096, 0o1600) }},
	{"terminal-input", func() error { return number(unix.SYS_IOCTL, 0, unix.TIOCSTI, 0) }},
	{"set-clock", func() error { return number(unix.SYS_CLOCK_SETTIME) }},
	{"raise-limit", func() error {
		return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY})
	}},
	{"memory-beyond-limit", func() error {
		var held [][]byte
		for range 64 {
			b, err := unix.Mmap(-1, 0, 128<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
			if err != nil {
				for _, h := range held {
					_ = unix.Munmap(h) // given back, whether it works or not
				}
				return err
			}
			held = append(held, b)
		}
		return nil
	}},
}
