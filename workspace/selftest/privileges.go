package selftest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

func privileges() []attempt {
	return []attempt{
		{"be-root", "be the root user already", true, func(Target) error {
			if os.Geteuid() == 0 || os.Getegid() == 0 {
				return nil
			}
			return fmt.Errorf("user %d", os.Geteuid())
		}},
		{"become-root", "become the root user", true, func(Target) error {
			return each([]error{unix.Setuid(0), unix.Setresuid(0, 0, 0), unix.Setgid(0)}, func(err error) error { return err })
		}},
		{"other-groups", "join the groups of the host", true, func(Target) error { return unix.Setgroups([]int{0, 6}) }},
		{"capabilities", "hold any capability", true, func(Target) error {
			return statusLine("CapPrm", "0000000000000000", "CapEff", "0000000000000000", "CapBnd", "0000000000000000", "CapAmb", "0000000000000000", "CapInh", "0000000000000000")
		}},
		{"raise-capability", "raise a capability", true, func(Target) error {
			header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			data := [2]unix.CapUserData{{Effective: 1 << unix.CAP_CHOWN, Permitted: 1 << unix.CAP_CHOWN}}
			return unix.Capset(&header, &data[0])
		}},
		{"new-privileges", "run without no_new_privs", true, func(Target) error { return statusLine("NoNewPrivs", "1") }},
		{"no-filter", "run without a seccomp filter", true, func(Target) error { return statusLine("Seccomp", "2") }},
		{"chown-root", "give a file to root", true, func(t Target) error {
			path := filepath.Join(t.Home, FilePrefix+"-chown")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return err
			}
			defer os.Remove(path)
			return os.Chown(path, 0, 0)
		}},
		{"type-ahead", "fake key presses on a terminal", false, func(Target) error {
			f, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			b := []byte("x")
			return call(unix.SYS_IOCTL, f.Fd(), 0x5412, pointer(&b[0]))
		}},
		{"realtime", "take the processor by realtime priority", true, func(Target) error {
			param := int32(50)
			return call(unix.SYS_SCHED_SETSCHEDULER, 0, 1, pointer(&param))
		}},
	}
}

// statusLine refuses if every named field of /proc/self/status has the value
// it has in a sandbox.
func statusLine(pairs ...string) error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil // unreadable: not a refusal
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(status), pairs[i]+":\t"+pairs[i+1]+"\n") {
			return nil
		}
	}
	return fmt.Errorf("%s is %s", pairs[0], pairs[1])
}
