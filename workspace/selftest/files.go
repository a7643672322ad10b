package selftest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

func files() []attempt {
	return []attempt{
		{"host-files", "read secret files of the host by their paths", true, func(t Target) error { return each(t.HostFiles, readSome) }},
		{"proc-1-root", "read them through /proc/1/root", true, func(t Target) error {
			return each(t.HostFiles, func(p string) error { return readSome("/proc/1/root" + p) })
		}},
		{"proc-self-root-up", "read them by climbing out of the root", false, func(t Target) error {
			return each(t.HostFiles, func(p string) error { return readSome("/proc/self/root" + strings.Repeat("/..", 20) + p) })
		}},
		{"inherited-handle", "find an open folder left over by the runtime", false, inheritedHandle},
		{"shadow", "read the password file", true, func(Target) error { return readSome("/etc/shadow") }},
		{"write-root", "write to the root file system", true, func(Target) error {
			return each([]string{"/", "/etc", "/usr", "/usr/bin", "/opt", "/var", "/root", "/ark", "/workspace"}, create)
		}},
		{"write-extract", "write to the extract", true, func(t Target) error { return create(t.Extract) }},
		{"chmod-extract", "change the extract's mode", true, func(t Target) error { return os.Chmod(t.Extract, 0o777) }},
		{"proc-sys", "change kernel settings", false, func(Target) error {
			return each([]string{"/proc/sys/kernel/hostname", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/randomize_va_space"},
				func(p string) error { return writeTo(p, "1") })
		}},
		{"core-pattern", "make the host run a program on a crash", false, func(Target) error {
			return writeTo("/proc/sys/kernel/core_pattern", "|/tmp/x")
		}},
		{"modprobe-path", "make the host run a program as a module loader", false, func(Target) error {
			return writeTo("/proc/sys/kernel/modprobe", "/tmp/x")
		}},
		{"binfmt", "register a binary format", false, func(Target) error {
			return writeTo("/proc/sys/fs/binfmt_misc/register", ":x:M::x::/tmp/x:")
		}},
		{"sysrq", "press the magic keys", false, func(Target) error { return writeTo("/proc/sysrq-trigger", "h") }},
		{"uevent-helper", "write to sysfs", false, func(Target) error {
			return each([]string{"/sys/kernel/uevent_helper", "/sys/kernel/mm/ksm/run"}, func(p string) error { return writeTo(p, "") })
		}},
		{"release-agent", "make the host run a program when a cgroup empties", false, func(Target) error {
			paths, _ := filepath.Glob("/sys/fs/cgroup/*/release_agent")
			return each(append(paths, "/sys/fs/cgroup/release_agent"), func(p string) error { return writeTo(p, "/tmp/x") })
		}},
		{"oom-immunity", "become immune to the memory limit", true, func(Target) error { return writeTo("/proc/self/oom_score_adj", "-1000") }},
		{"kernel-memory", "read the kernel's memory", false, func(Target) error {
			return each([]string{"/proc/kcore", "/dev/mem", "/dev/kmem", "/dev/port"}, readSome)
		}},
		{"kernel-log-device", "read /dev/kmsg and /proc/kmsg", false, func(Target) error {
			return each([]string{"/dev/kmsg", "/proc/kmsg"}, readSome)
		}},
		{"raw-disk", "open the host's disks", false, func(Target) error {
			return each([]string{"/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/loop0", "/dev/loop-control", "/dev/mapper/control", "/dev/fuse", "/dev/net/tun", "/dev/kvm", "/dev/vhost-vsock"},
				func(p string) error { f, err := os.OpenFile(p, os.O_RDWR, 0); f.Close(); return err })
		}},
		{"mknod-block", "make a device file of a disk", true, mknod(unix.S_IFBLK, unix.Mkdev(7, 0))},
		{"mknod-char", "make a device file of the kernel's memory", true, mknod(unix.S_IFCHR, unix.Mkdev(1, 1))},
		{"host-shared-memory", "attach a System V segment of the host", true, func(t Target) error {
			_, err := unix.SysvShmGet(t.SharedMemory, 0, 0)
			return err
		}},
		{"setuid-files", "find a set-user-id program", false, setuidFiles},
	}
}

func create(dir string) error {
	path := filepath.Join(dir, FilePrefix)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(path)
}

func mknod(kind uint32, device uint64) func(Target) error {
	return func(t Target) error {
		path := filepath.Join(t.Home, FilePrefix+"-device")
		if err := unix.Mknod(path, kind|0o600, int(device)); err != nil {
			return err
		}
		return os.Remove(path)
	}
}

// inheritedHandle looks for a directory among the open files, as in
// CVE-2024-21626, where the runtime leaked one of the host.
func inheritedHandle(Target) error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := "/proc/self/fd/" + e.Name()
		link, err := os.Readlink(path)
		if err != nil || strings.HasPrefix(link, "/proc/") {
			continue // our own listing
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return nil
		}
	}
	return fmt.Errorf("no folder is open")
}

func setuidFiles(Target) error {
	found := false
	for _, dir := range []string{"/usr", "/opt", "/ark", "/workspace"} {
		_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil
			}
			if info, err := d.Info(); err == nil && info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
				found = true
				return fs.SkipAll
			}
			return nil
		})
	}
	if found {
		return nil
	}
	return fmt.Errorf("there is none")
}
