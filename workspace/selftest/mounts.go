package selftest

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

func mounts() []attempt {
	return []attempt{
		{"mount-tmpfs", "mount a memory file system", false, func(t Target) error { return unix.Mount("tmpfs", t.Home, "tmpfs", 0, "") }},
		{"mount-proc", "mount a fresh /proc", false, func(t Target) error { return unix.Mount("proc", t.Home, "proc", 0, "") }},
		{"mount-sysfs", "mount sysfs", false, func(t Target) error { return unix.Mount("sysfs", t.Home, "sysfs", 0, "") }},
		{"mount-cgroup", "mount a cgroup hierarchy", false, func(t Target) error {
			return each([]string{"cgroup", "cgroup2"}, func(kind string) error {
				options := map[string]string{"cgroup": "rdma", "cgroup2": ""}[kind]
				return unix.Mount(kind, t.Home, kind, 0, options)
			})
		}},
		{"mount-disk", "mount a disk of the host", false, func(t Target) error {
			return each([]string{"/dev/vda", "/dev/sda1", "/dev/loop0"}, func(d string) error { return unix.Mount(d, t.Home, "ext4", 0, "") })
		}},
		{"bind-mount", "bind-mount a folder elsewhere", false, func(t Target) error { return unix.Mount("/", t.Home, "", unix.MS_BIND, "") }},
		{"remount-root", "remount the root writable", false, func(Target) error { return unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, "") }},
		{"umount-mask", "take away the mask over /proc/kcore", false, func(Target) error { return unix.Unmount("/proc/kcore", unix.MNT_DETACH) }},
		{"umount-proc", "unmount /proc", false, func(Target) error { return unix.Unmount("/proc", unix.MNT_DETACH) }},
		{"fsopen", "open a file system with the new mount calls", false, func(Target) error { return closing(unix.Fsopen("tmpfs", 0)) }},
		{"open-tree", "clone a mount with the new mount calls", false, func(Target) error {
			return closing(unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE))
		}},
		{"pivot-root", "change the root by pivot_root", false, func(t Target) error { return unix.PivotRoot(t.Home, t.Home) }},
		{"chroot", "change the root by chroot", false, func(t Target) error { return unix.Chroot(t.Home) }},
		{"open-by-handle", "open a file of the host by its handle", false, openByHandle},
	}
}

// openByHandle is the "shocker" escape: the root inode of the file system
// behind a bind mount, by a handle made by hand.
func openByHandle(t Target) error {
	handle := unix.NewFileHandle(1, []byte{2, 0, 0, 0, 0, 0, 0, 0})
	dir, err := os.Open(t.Home)
	if err != nil {
		return err
	}
	defer dir.Close()
	return closing(unix.OpenByHandleAt(int(dir.Fd()), handle, unix.O_RDONLY))
}

func closing(fd int, err error) error {
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// call makes a system call that x/sys has no function for.
func call(number uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, errno := unix.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

func pointer[T any](v *T) uintptr { return uintptr(unsafe.Pointer(v)) }

func text(s string) uintptr {
	b := append([]byte(s), 0)
	return uintptr(unsafe.Pointer(&b[0]))
}
