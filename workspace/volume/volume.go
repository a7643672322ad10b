package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/pkg/ark"
)

// KeySize is the size of a volume's key in bytes.
const KeySize = 32

// MinBytes is the smallest volume that holds a file system worth having.
const MinBytes = 16 << 20

// Folders are what every volume holds, inside its encrypted folder.
const (
	Extract = "extract" // the permitted data; read-only in the workspace
	Home    = "home"    // the researcher's own, kept between starts
	Outbox  = "outbox"  // what is meant to leave through the airlock
	Inbox   = "inbox"   // what came in through the airlock; read-only in the workspace
	Shared  = "shared"  // the project's folder
)

// sealed is the one encrypted folder of the file system.
const sealed = "sealed"

// Create makes the image file of a new volume, of exactly bytes. It fails if
// there is one, or if the disk could not hold it when full.
func Create(ctx context.Context, image string, bytes int64) error {
	if bytes < MinBytes {
		return ark.Faultf(ark.Invalid, "a volume needs at least %d MiB", MinBytes>>20)
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(image), &disk); err != nil {
		return ark.Faultf(ark.Unavailable, "the folder for volumes cannot be read").Because(err)
	}
	if free := int64(disk.Bavail) * disk.Bsize; free < bytes {
		return ark.Faultf(ark.TooMuch, "the disk has %d MiB left and the volume needs %d MiB", free>>20, bytes>>20).
			Do("free disk space or give the workspace a smaller disk limit")
	}
	f, err := os.OpenFile(image, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return ark.Faultf(ark.Conflict, "the volume cannot be made").Because(err)
	}
	err = errors.Join(f.Truncate(bytes), f.Close())
	if err == nil {
		err = tool(ctx, "mkfs.ext4", "-q", "-F", "-O", "encrypt", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", image)
	}
	if err != nil {
		_ = os.Remove(image)
		return ark.Faultf(ark.Unavailable, "the volume's file system could not be made").
			Do("the Debian package e2fsprogs is needed").Because(err)
	}
	return nil
}

// Volume is an open one: mounted at Mount, its key in the kernel.
type Volume struct {
	Image string
	Mount string
}

// Open mounts the image at mount and gives the kernel its key. The first
// opening fixes the key; any other key is refused. Folders that are not there
// are made: those the workspace writes belong to owner.
func Open(ctx context.Context, image, mount string, key []byte, owner int) (Volume, error) {
	v := Volume{Image: image, Mount: mount}
	if len(key) != KeySize {
		return v, ark.Faultf(ark.Invalid, "a volume's key has %d bytes", KeySize)
	}
	if err := os.MkdirAll(mount, 0o711); err != nil {
		return v, ark.Faultf(ark.Unavailable, "the volume's mount point cannot be made").Because(err)
	}
	if IsMounted(mount) {
		return v, ark.Faultf(ark.Conflict, "the volume is open already")
	}
	if err := tool(ctx, "mount", "-t", "ext4", "-o", "loop,nosuid,nodev,noatime,errors=remount-ro", image, mount); err != nil {
		return v, ark.Faultf(ark.Unavailable, "the volume could not be mounted").
			Do("the kernel needs loop devices and ext4").Because(err)
	}
	if err := v.unlock(key, owner); err != nil {
		_ = v.Close(context.WithoutCancel(ctx))
		return v, err
	}
	return v, nil
}

func (v Volume) unlock(key []byte, owner int) error {
	id, err := addKey(v.Mount, key)
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the kernel does not take the volume's key").
			Do("the kernel needs fscrypt (CONFIG_FS_ENCRYPTION)").Because(err)
	}
	top := filepath.Join(v.Mount, sealed)
	if err := os.Mkdir(top, 0o711); err == nil {
		if err := setPolicy(top, id); err != nil {
			return ark.Faultf(ark.Unavailable, "the volume's folder cannot be encrypted").Because(err)
		}
	}
	has, err := policyKey(top)
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the volume's folder is not encrypted").Because(err)
	}
	if has != id {
		return ark.Faultf(ark.Forbidden, "this is not the key of the volume")
	}
	return v.folders(owner)
}

func (v Volume) folders(owner int) error {
	for name, uid := range map[string]int{Extract: 0, Inbox: 0, Home: owner, Outbox: owner, Shared: owner} {
		dir := v.Path(name)
		mode := os.FileMode(0o755)
		if uid != 0 {
			mode = 0o700
		}
		if err := os.Mkdir(dir, mode); errors.Is(err, os.ErrExist) {
			continue
		} else if err != nil {
			return ark.Faultf(ark.Unavailable, "the volume's folders cannot be made").Because(err)
		}
		if err := os.Lchown(dir, uid, uid); err != nil {
			return ark.Faultf(ark.Unavailable, "the volume's folders cannot be handed over").Because(err)
		}
	}
	return nil
}

// Path is the host's path of one of the volume's folders.
func (v Volume) Path(folder string) string { return filepath.Join(v.Mount, sealed, folder) }

// Used returns the bytes in use and the size of the volume.
func (v Volume) Used() (used, size int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(v.Mount, &s); err != nil {
		return 0, 0, ark.Faultf(ark.Unavailable, "the volume cannot be measured").Because(err)
	}
	return int64(s.Blocks-s.Bfree) * s.Bsize, int64(s.Blocks) * s.Bsize, nil
}

// Sync brings everything written so far to the disk.
func (v Volume) Sync() error {
	f, err := os.Open(v.Mount)
	if err == nil {
		defer f.Close()
		err = unix.Syncfs(int(f.Fd()))
	}
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the volume could not be brought to the disk").Because(err)
	}
	return nil
}

// Close takes the key out of the kernel and unmounts. It is not done until the
// mount is gone; closing what is not open is fine.
func (v Volume) Close(ctx context.Context) error {
	if !IsMounted(v.Mount) {
		return nil
	}
	// A process that is just ending may hold the mount for a moment.
	var err error
	for wait := 5 * time.Millisecond; wait < 3*time.Second; wait *= 2 {
		removeKeys(v.Mount, v.Path(""))
		if err = unix.Unmount(v.Mount, unix.UMOUNT_NOFOLLOW); err == nil || errors.Is(err, unix.EINVAL) {
			return os.Remove(v.Mount)
		}
		select {
		case <-ctx.Done():
			return ark.Faultf(ark.Unavailable, "the volume is still in use").Because(ctx.Err())
		case <-time.After(wait):
		}
	}
	return ark.Faultf(ark.Unavailable, "the volume is still in use").Do("stop the workspace first").Because(err)
}

// IsMounted says whether something is mounted at exactly path.
func IsMounted(path string) bool {
	var s unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &s) != nil {
		return false
	}
	return s.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}

func tool(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// MountReadOnly shows a squashfs image, or a folder, at mount, read-only and
// without set-user-id or device files.
func MountReadOnly(source, mount string, folder bool) error {
	const flags = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV
	if !folder {
		return tool(context.Background(), "mount", "-t", "squashfs", "-o", "loop,ro,nosuid,nodev", source, mount)
	}
	if err := unix.Mount(source, mount, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	return unix.Mount("", mount, "", unix.MS_REMOUNT|unix.MS_BIND|flags, "")
}

// MountRun makes a small memory file system for sockets at mount, which only
// owner may enter. One that is there already is left.
func MountRun(mount string, bytes int64, owner int) error {
	if err := os.MkdirAll(mount, 0o700); err != nil {
		return err
	}
	if IsMounted(mount) {
		return nil
	}
	options := fmt.Sprintf("size=%d,nr_inodes=256,mode=700,uid=%d,gid=%d", bytes, owner, owner)
	return unix.Mount("tmpfs", mount, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, options)
}
