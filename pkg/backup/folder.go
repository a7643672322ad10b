package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/durable"
)

// Folder is an open folder of backups.
type Folder struct{ root string }

const (
	marker     = "ark-backups"
	markerText = "ark backups 1\n"
	suffix     = ".age"
)

// Make makes a folder of backups of dir, which is there and empty: a disk that
// is not mounted must not become one by mistake.
func Make(dir string) (*Folder, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, unreachable(err)
	}
	for _, e := range entries {
		if e.Name() != "lost+found" {
			return nil, ark.Faultf(ark.Conflict, "the folder for backups is not empty").Do("give an empty one, or leave out --first if it holds backups already")
		}
	}
	for _, d := range []string{"bundles", "objects", "keys"} {
		if err := durable.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, unreachable(err)
		}
	}
	if err := durable.CreateFile(filepath.Join(dir, marker), []byte(markerText), 0o644); err != nil {
		return nil, unreachable(err)
	}
	return Open(dir)
}

// Open opens a folder that Make made.
func Open(dir string) (*Folder, error) {
	text, err := os.ReadFile(filepath.Join(dir, marker))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ark.Faultf(ark.Unavailable, "there are no backups in %s", dir).
			Do("check that its disk is mounted; the first backup into an empty folder is taken with --first")
	}
	if err != nil {
		return nil, unreachable(err)
	}
	if string(text) != markerText {
		return nil, ark.Faultf(ark.Unavailable, "the folder of backups is of a kind that this program does not know").Do("use the version of Ark that made it")
	}
	return &Folder{dir}, nil
}

// Names lists the bundles, oldest first.
func (f *Folder) Names() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(f.root, "bundles"))
	if err != nil {
		return nil, unreachable(err)
	}
	var out []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok && !strings.HasPrefix(name, ".") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Newest is the name of the newest whole backup.
func (f *Folder) Newest() (string, error) {
	names, err := f.Names()
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return "", ark.Faultf(ark.Unknown, "there is no whole backup in %s", f.root)
	}
	return names[len(names)-1], nil
}

// Keep stores what r gives once, under its SHA-256, and returns that and the
// size. Runs of zeros take no place.
func (f *Folder) Keep(r io.Reader) (sum string, size int64, err error) {
	tmp := filepath.Join(f.root, "objects")
	p, err := durable.Begin(tmp, 0o440)
	if err != nil {
		return "", 0, unreachable(err)
	}
	defer p.Abort()
	h := sha256.New()
	if size, err = p.Sparse(io.TeeReader(r, h)); err != nil {
		return "", 0, err
	}
	sum = hex.EncodeToString(h.Sum(nil))
	path := f.object(sum)
	if f.Has(sum, size) {
		return sum, size, nil
	}
	if err := durable.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", 0, unreachable(err)
	}
	if err := p.Replace(path); err != nil { // what is there under that name and is not so long is broken
		return "", 0, unreachable(err)
	}
	return sum, size, nil
}

// Has reports whether something of that hash and size is kept.
func (f *Folder) Has(sum string, size int64) bool {
	info, err := os.Stat(f.object(sum))
	return err == nil && info.Mode().IsRegular() && info.Size() == size
}

// Open returns what was kept under a hash. Its reader ends with an error when
// the bytes are not those.
func (f *Folder) Open(sum string) (io.ReadCloser, error) {
	file, err := os.Open(f.object(sum))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ark.Faultf(ark.Unknown, "the backup lacks the object %.12s…", sum).Do("use another backup, or another copy of this folder")
	}
	if err != nil {
		return nil, unreachable(err)
	}
	return &held{file: file, h: sha256.New(), want: sum}, nil
}

func (f *Folder) object(sum string) string {
	if !hashForm.MatchString(sum) {
		return filepath.Join(f.root, "objects", "not-a-hash", "none") // which is never there
	}
	return filepath.Join(f.root, "objects", sum[:2], sum)
}

var hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

func unreachable(err error) error {
	return ark.Faultf(ark.Unavailable, "the folder of backups can't be read or written").Do("check that its disk is mounted and has room, and its permissions").Because(err)
}

// changed says that bytes are not what a manifest vouches for.
func changed(what string) *ark.Fault {
	return ark.Faultf(ark.Internal, "%s in the backup is not what was put there", what).
		Do("don't use it: find out who changed it; use another backup, or another copy of this folder")
}

// Lock holds the folder against another backup until unlock.
func (f *Folder) Lock() (unlock func(), err error) {
	file, err := os.Open(filepath.Join(f.root, marker))
	if err != nil {
		return nil, unreachable(err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(ark.Faultf(ark.Conflict, "another backup is being taken into this folder").Do("wait for it").Because(err), file.Close())
	}
	f.tidy()
	return func() { file.Close() }, nil // closing releases the lock
}

// tidy removes what a killed backup left without a name. The folder is locked.
func (f *Folder) tidy() {
	for _, dir := range []string{"bundles", "objects", "keys/*"} {
		left, _ := filepath.Glob(filepath.Join(f.root, dir, durable.TempPrefix+"*"))
		for _, path := range left {
			_ = os.Remove(path)
		}
	}
}
