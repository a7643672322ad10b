package volume

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/pkg/ark"
)

// Entry is one thing found in a folder that a workspace writes to. Refused says
// why it can't leave; such an entry is shown and never read.
type Entry struct {
	Name    string    `json:"name"` // slash-separated, below the folder
	Size    int64     `json:"size"`
	ModTime time.Time `json:"modified"`
	Refused string    `json:"refused,omitempty"`
}

// Limits of what is read from a folder that a workspace writes to.
const (
	MaxEntries   = 2000
	MaxDepth     = 8
	MaxFileBytes = 4 << 30
)

// resolve keeps every step of a path below the folder it starts from: no
// symbolic link, no magic link, no other file system.
const resolve = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV

// openBeneath opens name below the folder root, without waiting on a pipe and
// without following anything.
func openBeneath(root int, name string, flags uint64) (int, error) {
	return unix.Openat2(root, name, &unix.OpenHow{Flags: flags | unix.O_CLOEXEC | unix.O_NOFOLLOW | unix.O_NONBLOCK, Resolve: resolve})
}

func openRoot(dir string) (int, error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, ark.Faultf(ark.Conflict, "the folder is not there").Do("start the workspace first").Because(err)
	}
	return fd, nil
}

// List returns what lies in dir and below it, regular files and refused
// things, in name order.
func List(dir string) ([]Entry, error) {
	root, err := openRoot(dir)
	if err != nil {
		return nil, err
	}
	defer unix.Close(root)
	var out []Entry
	if err := walk(root, ".", 0, &out); err != nil {
		return nil, err
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
}

func walk(root int, dir string, depth int, out *[]Entry) error {
	fd, err := openBeneath(root, dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil // gone or replaced since it was listed
	}
	f := os.NewFile(uintptr(fd), dir)
	defer f.Close()
	names, err := f.Readdirnames(MaxEntries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return ark.Faultf(ark.Unavailable, "the folder cannot be listed").Because(err)
	}
	for _, name := range names {
		if len(*out) >= MaxEntries {
			return ark.Faultf(ark.TooMuch, "the folder holds more than %d entries", MaxEntries).Do("put fewer files there, or pack them")
		}
		full := path.Join(dir, name)
		var s unix.Stat_t
		if err := unix.Fstatat(fd, name, &s, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			continue
		}
		if s.Mode&unix.S_IFMT == unix.S_IFDIR && badName(full) == "" && depth < MaxDepth {
			if err := walk(root, full, depth+1, out); err != nil {
				return err
			}
			continue
		}
		*out = append(*out, entry(full, s))
	}
	return nil
}

func entry(name string, s unix.Stat_t) Entry {
	e := Entry{Name: name, Size: s.Size, ModTime: time.Unix(s.Mtim.Unix()).UTC(), Refused: badName(name)}
	if e.Refused == "" {
		e.Refused = badKind(s)
	}
	if e.Refused != "" {
		e.Name = strings.Trim(fmt.Sprintf("%+q", name), `"`)
	}
	return e
}

func badName(name string) string {
	switch {
	case !utf8.ValidString(name):
		return "the name is not valid text"
	case len(name) > 400:
		return "the name is too long"
	case strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\\' }):
		return "the name holds control characters or backslashes"
	case !fs.ValidPath(name):
		return "the name is not a plain path"
	}
	return ""
}

func badKind(s unix.Stat_t) string {
	switch kind := s.Mode & unix.S_IFMT; {
	case kind == unix.S_IFLNK:
		return "a link, not a file"
	case kind == unix.S_IFDIR:
		return "a folder too deep"
	case kind != unix.S_IFREG:
		return "not a regular file"
	case s.Nlink != 1:
		return "a file with more than one name"
	case s.Size > MaxFileBytes:
		return "larger than 4 GiB"
	}
	return ""
}

// OpenFile opens the regular file name below dir, whatever the workspace does to
// the path meanwhile. Reading past its limit fails.
func OpenFile(dir, name string) (*os.File, Entry, error) {
	if why := badName(name); why != "" {
		return nil, Entry{}, ark.Faultf(ark.Invalid, "%s", why)
	}
	root, err := openRoot(dir)
	if err != nil {
		return nil, Entry{}, err
	}
	defer unix.Close(root)
	fd, err := openBeneath(root, name, unix.O_RDONLY|unix.O_NOCTTY)
	if err != nil {
		return nil, Entry{}, ark.Faultf(ark.Unknown, "there is no such regular file").Because(err)
	}
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		unix.Close(fd)
		return nil, Entry{}, ark.Faultf(ark.Unavailable, "the file cannot be read").Because(err)
	}
	if why := badKind(s); why != "" {
		unix.Close(fd)
		return nil, Entry{}, ark.Faultf(ark.Forbidden, "the file is refused: %s", why)
	}
	return os.NewFile(uintptr(fd), path.Base(name)), entry(name, s), nil
}

// Put writes r to the new file name in dir, readable by the workspace and
// owned by the host. Nothing is left of a file whose bytes did not all come, and
// what a crash left of one gives way. It may be repeated: a file that lies there
// with these bytes already was put by the call whose answer was lost.
func Put(dir, name string, r io.Reader) (int64, error) {
	if why := badName(name); why != "" || strings.Contains(name, "/") || strings.HasPrefix(name, ".") {
		return 0, ark.Faultf(ark.Invalid, "the file's name is not a plain name").At(name, 0, "")
	}
	root, err := openRoot(dir)
	if err != nil {
		return 0, err
	}
	defer unix.Close(root)
	const part = ".part"
	_ = unix.Unlinkat(root, "."+name+part, 0) // there is none but after a crash
	how := unix.OpenHow{Flags: unix.O_CREAT | unix.O_EXCL | unix.O_RDWR | unix.O_CLOEXEC | unix.O_NOFOLLOW, Mode: 0o644, Resolve: resolve}
	fd, err := unix.Openat2(root, "."+name+part, &how)
	if err != nil {
		return 0, ark.Faultf(ark.Conflict, "the file cannot be put there").At(name, 0, "").Because(err)
	}
	f := os.NewFile(uintptr(fd), name)
	n, err := io.Copy(f, r)
	if err = errors.Join(err, f.Sync()); err == nil {
		err = unix.Renameat2(root, "."+name+part, root, name, unix.RENAME_NOREPLACE)
	}
	if errors.Is(err, unix.EEXIST) && lies(root, name, f) {
		_ = unix.Unlinkat(root, "."+name+part, 0)
		err = nil
	}
	err = errors.Join(err, f.Close())
	if err != nil {
		_ = unix.Unlinkat(root, "."+name+part, 0)
		if errors.Is(err, unix.ENOSPC) {
			return n, ark.Faultf(ark.TooMuch, "the workspace's disk is full").At(name, 0, "").Because(err)
		}
		return n, ark.Faultf(ark.Conflict, "the file could not be put there whole").At(name, 0, "").Because(err)
	}
	return n, nil
}

// lies reports whether the file name in root holds the bytes of f.
func lies(root int, name string, f *os.File) bool {
	fd, err := unix.Openat2(root, name, &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NOFOLLOW, Resolve: resolve})
	if err != nil {
		return false
	}
	there := os.NewFile(uintptr(fd), name)
	defer there.Close()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false
	}
	a, b := sha256.New(), sha256.New()
	if _, err := io.Copy(a, there); err != nil {
		return false
	}
	if _, err := io.Copy(b, f); err != nil {
		return false
	}
	return bytes.Equal(a.Sum(nil), b.Sum(nil))
}

// Empty removes what lies in dir, or only what begins with one of prefixes.
// Nothing may run in the workspace meanwhile.
func Empty(dir string, prefixes ...string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the folder cannot be emptied").Because(err)
	}
	for _, e := range entries {
		begins := func(prefix string) bool { return strings.HasPrefix(e.Name(), prefix) }
		if len(prefixes) > 0 && !slices.ContainsFunc(prefixes, begins) {
			continue
		}
		if err := os.RemoveAll(path.Join(dir, e.Name())); err != nil {
			return ark.Faultf(ark.Unavailable, "the folder cannot be emptied").Because(err)
		}
	}
	return nil
}
