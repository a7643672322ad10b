// Package folder is the object store of one box: a folder per zone, with the
// semantics that the S3 backend has.
//
// Layout:
//
//	<root>/objects              says that this is an object store; without it nothing opens
//	<root>/<zone>/<name>        0440, in a folder that belongs to the zone's group
//	<root>/<zone>/.unfinished/  uploads that have no name yet
//
// An object gets its name by link(2) after fsync, so that it is there whole or
// not at all, and exactly once. Retention is counted from the file's
// modification time: it holds against this program's users, not against root.
//
// The package touches its folder only. It must never overwrite a named file
// except through Replace, and never follow a name out of its zone.
package folder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/durable"
	"github.com/ark-tre/ark/pkg/objects"
)

// Folder is an open object store.
type Folder struct {
	root  string
	rules objects.Rules
	now   func() time.Time
}

var _ objects.Backend = (*Folder)(nil)

const (
	marker     = "objects"
	markerText = "ark objects 1\n"
	unfinished = ".unfinished"
	dirMode    = fs.ModeSetgid | 0o770
	fileMode   = 0o440
)

// Init makes an object store with a folder per zone of rules. root must not be
// one already.
func Init(root string, rules objects.Rules) error {
	err := durable.MkdirAll(root, 0o755)
	if err == nil {
		err = durable.CreateFile(filepath.Join(root, marker), []byte(markerText), 0o644)
	}
	if errors.Is(err, fs.ErrExist) {
		return ark.Faultf(ark.Conflict, "that folder is an object store already").Do("open it instead")
	}
	for z := range rules {
		if err == nil {
			err = durable.MkdirAll(filepath.Join(root, string(z), unfinished), dirMode)
		}
	}
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the object store can't be made").Do("check the folder, its disk and its permissions").Because(err)
	}
	return nil
}

// Open opens an object store made by Init. now decides when retention ends.
func Open(root string, rules objects.Rules, now func() time.Time) (*Folder, error) {
	text, err := os.ReadFile(filepath.Join(root, marker))
	if err == nil && string(text) != markerText {
		err = errors.New("made by another version")
	}
	if err != nil {
		return nil, ark.Faultf(ark.Unavailable, "there is no object store in the configured folder").
			Do("check the folder and that its disk is mounted; a new store is made by an explicit instruction only").Because(err)
	}
	return &Folder{root: root, rules: rules, now: now}, nil
}

// Create implements objects.Backend.
func (f *Folder) Create(_ context.Context, z objects.Zone, name string, r io.Reader) error {
	path, err := f.path(z, name)
	if err != nil {
		return err
	}
	p, err := durable.Begin(f.unfinished(z), fileMode)
	if err != nil {
		return err
	}
	_, err = io.Copy(p, r)
	if err == nil {
		err = durable.MkdirAll(filepath.Dir(path), dirMode)
	}
	if err != nil {
		return errors.Join(err, p.Abort())
	}
	err = p.Create(path)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s", objects.ErrExists, name)
	}
	return err
}

// Replace implements objects.Backend. A lock on the zone's folder orders
// replacements of all processes.
func (f *Folder) Replace(ctx context.Context, z objects.Zone, name string, data []byte, was string) error {
	path, err := f.path(z, name)
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Join(f.root, string(z)))
	if err != nil {
		return err
	}
	defer dir.Close() // releases the lock
	err = unix.Flock(int(dir.Fd()), unix.LOCK_EX)
	if err != nil {
		return err
	}
	meta, err := f.Stat(ctx, z, name)
	if err != nil && !errors.Is(err, objects.ErrNotFound) {
		return err
	}
	if meta.Tag != was {
		return fmt.Errorf("%w: %s", objects.ErrChanged, name)
	}
	err = durable.MkdirAll(filepath.Dir(path), dirMode)
	if err != nil {
		return err
	}
	p, err := durable.Begin(f.unfinished(z), fileMode)
	if err != nil {
		return err
	}
	_, err = p.Write(data)
	if err != nil {
		return errors.Join(err, p.Abort())
	}
	return p.Replace(path)
}

// Read implements objects.Backend.
func (f *Folder) Read(_ context.Context, z objects.Zone, name string, off, n int64) (io.ReadCloser, error) {
	file, err := f.open(z, name)
	if err != nil {
		return nil, err
	}
	_, err = file.Seek(off, io.SeekStart)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if n < 0 {
		return file, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(file, n), file}, nil
}

// Stat implements objects.Backend. The tag of a mutable object is its hash; any
// other object never changes and needs none.
func (f *Folder) Stat(_ context.Context, z objects.Zone, name string) (objects.Meta, error) {
	file, err := f.open(z, name)
	if err != nil {
		return objects.Meta{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return objects.Meta{}, err
	}
	meta := objects.Meta{Name: name, Size: info.Size(), Modified: info.ModTime()}
	for _, mutable := range f.rules[z].Mutable {
		if mutable == name {
			meta.Tag, err = tag(file)
		}
	}
	return meta, err
}

func tag(r io.Reader) (string, error) {
	h := sha256.New()
	_, err := io.Copy(h, r)
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Delete implements objects.Backend.
func (f *Folder) Delete(_ context.Context, z objects.Zone, name string) error {
	path, err := f.path(z, name)
	if err != nil {
		return err
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	if keep := f.rules[z].RetainFor(name); keep > 0 && f.now().Before(info.ModTime().Add(keep)) {
		return fmt.Errorf("%w until %s", objects.ErrRetained, info.ModTime().Add(keep).UTC().Format(time.DateOnly))
	}
	err = durable.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (f *Folder) open(z objects.Zone, name string) (*os.File, error) {
	path, err := f.path(z, name)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil, fmt.Errorf("%w: %s", objects.ErrNotFound, name)
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() { // a folder is a prefix of names, not an object
		err = fmt.Errorf("%w: %s", objects.ErrNotFound, name)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (f *Folder) path(z objects.Zone, name string) (string, error) {
	_, ok := f.rules[z]
	if !ok {
		return "", fmt.Errorf("objects/folder: no zone %q", string(z))
	}
	err := objects.CheckName(name)
	if err != nil {
		return "", err
	}
	return filepath.Join(f.root, string(z), filepath.FromSlash(name)), nil
}

func (f *Folder) unfinished(z objects.Zone) string {
	return filepath.Join(f.root, string(z), unfinished)
}
