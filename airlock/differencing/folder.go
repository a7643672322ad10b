package differencing

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/durable"
)

// Folder is a history kept by hand: one file per release, and the key under
// which units became numbers. Whoever has both, and the units, can tell who is
// in a set; keep the folder as the data itself is kept.
type Folder struct {
	dir string
	key []byte
}

const keyFile = "key"

// OpenFolder opens a history. With create it is made if it isn't there.
func OpenFolder(dir string, create bool) (*Folder, error) {
	if create {
		if err := durable.MkdirAll(dir, 0o700); err != nil {
			return nil, ark.Faultf(ark.Unavailable, "the history's folder could not be made").Because(err)
		}
	}
	path := filepath.Join(dir, keyFile)
	key, err := os.ReadFile(path)
	if info, statErr := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && statErr == nil && info.IsDir() {
		if names, err := releaseFiles(dir); err != nil || len(names) > 0 {
			return nil, ark.Faultf(ark.Unavailable, "the history has lost its key").Do("restore the folder from its backup").Because(err)
		}
		key = make([]byte, 32)
		if _, err := rand.Read(key); err != nil {
			return nil, err
		}
		err = nil
		if create { // else nothing is kept yet, and any key will do
			err = durable.CreateFile(path, key, 0o600)
		}
		if errors.Is(err, fs.ErrExist) { // another process was first
			key, err = os.ReadFile(path)
		}
		if err != nil {
			return nil, ark.Faultf(ark.Unavailable, "the history's key could not be kept").Because(err)
		}
	} else if err != nil {
		return nil, ark.Faultf(ark.Invalid, "there is no history in that folder").Do("make one with ark disclose history add").Because(err)
	}
	if len(key) != 32 {
		return nil, damaged()
	}
	return &Folder{dir: dir, key: key}, nil
}

// Number is the person, or other unit, behind a name: keyed, the same for the
// same name in every table of this history.
func (f *Folder) Number(name string) uint64 { return Keyed(f.key)(name) }

// Keyed numbers units under a key.
func Keyed(key []byte) func(name string) uint64 {
	return func(name string) uint64 {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(name))
		return binary.BigEndian.Uint64(m.Sum(nil)) >> 1
	}
}

func releaseFiles(dir string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.release"))
	slices.Sort(names)
	return names, err
}

// History reads every release.
func (f *Folder) History(ctx context.Context) (*History, error) {
	names, err := releaseFiles(f.dir)
	if err != nil {
		return nil, err
	}
	h := New()
	for _, n := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b, err := os.ReadFile(n)
		if err != nil {
			return nil, ark.Faultf(ark.Unavailable, "a kept release could not be read").Because(err)
		}
		if err := h.Load(b); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// Add keeps a release, durable on return.
func (f *Folder) Add(ctx context.Context, r Release) error {
	if strings.TrimSpace(r.ID) == "" || len(r.ID) > 200 {
		return ark.Faultf(ark.Invalid, "a release needs an id of at most 200 characters")
	}
	h, err := f.History(ctx)
	if err != nil {
		return err
	}
	if h.Has(r.ID) {
		return ark.Faultf(ark.Conflict, "the history has a release of that id").Do("give another --id: what has left can't be taken back or changed")
	}
	b, err := r.Marshal()
	if err != nil {
		return err
	}
	for n := len(h.releases) + 1; ; n++ {
		err := durable.CreateFile(filepath.Join(f.dir, fmt.Sprintf("%06d.release", n)), b, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return ark.Faultf(ark.Unavailable, "the release could not be kept").Because(err)
		}
		return nil
	}
}
