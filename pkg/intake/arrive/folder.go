package arrive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/intake"
)

// Folders of the drop folder that are no deliveries.
const (
	done    = ".done"
	refused = ".refused"
)

// Drop is a watched folder: each folder in it is a delivery, which is whole when
// its manifest.json is there, every file it names has the hash it says, and
// nothing of it has changed for a while.
type Drop struct {
	Dir     string
	Settled time.Duration // how long nothing may have changed
	Now     func() time.Time
	Log     *slog.Logger
	// Deliver delivers a folder. A fault of the kinds invalid, conflict, too much
	// or forbidden refuses it for good; after any other error it is tried again.
	Deliver func(ctx context.Context, dir string) error
}

// Sweep delivers every delivery that is whole and puts it aside: into .done, or
// into .refused with the reason beside it. One sender's wrong folder stops
// nobody else's. It returns how many were delivered and refused.
func (d Drop) Sweep(ctx context.Context) (delivered, wrong int, err error) {
	entries, err := os.ReadDir(d.Dir)
	if err != nil {
		return 0, 0, ark.Faultf(ark.Unavailable, "the drop folder cannot be read").Because(err)
	}
	for _, e := range entries {
		if ctx.Err() != nil {
			return delivered, wrong, ctx.Err()
		}
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") { // a link is no folder
			continue
		}
		dir := filepath.Join(d.Dir, e.Name())
		whole, err := d.whole(dir)
		if err == nil && !whole {
			continue
		}
		if err == nil {
			err = d.Deliver(ctx, dir)
		}
		switch ark.KindOf(err) {
		case ark.Invalid, ark.Conflict, ark.TooMuch, ark.Forbidden:
			wrong++
			err = d.aside(e.Name(), refused, err)
		default:
			if err == nil {
				delivered++
				err = d.aside(e.Name(), done, nil)
			}
		}
		if err != nil { // tried again at the next sweep
			d.Log.WarnContext(ctx, "a delivery in the drop folder waits", "error", ark.KindOf(err))
		}
	}
	return delivered, wrong, nil
}

// whole reports whether a delivery has arrived. Files that are still coming are
// no fault; a manifest that cannot be read once everything is settled is.
func (d Drop) whole(dir string) (bool, error) {
	newest := time.Time{}
	files, err := os.ReadDir(dir)
	if err != nil {
		return false, nil
	}
	there := map[string]bool{}
	for _, f := range files {
		info, err := f.Info()
		if err != nil || !info.Mode().IsRegular() {
			return false, ark.Faultf(ark.Invalid, "the folder holds something that is no plain file").Do("send plain files alone")
		}
		there[f.Name()] = true
		if info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	if !there["manifest.json"] || d.Now().Sub(newest) < d.Settled {
		return false, nil
	}
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return false, nil
	}
	m, err := intake.ParseManifest(text)
	if err != nil {
		return false, err
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		if !there[f.Name] {
			return false, nil // still coming
		}
		if seen[f.Name] {
			continue
		}
		seen[f.Name] = true
		sum, err := hash(filepath.Join(dir, f.Name))
		if err != nil {
			return false, nil
		}
		if !strings.EqualFold(sum, f.SHA256) {
			return false, ark.Faultf(ark.Conflict, "the file's hash is not the manifest's").At(f.Name, 0, "").Do("send the file and its manifest again")
		}
	}
	return true, nil
}

func hash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// aside moves a delivery out of the way, under a name of its own.
func (d Drop) aside(name, where string, why error) error {
	to := filepath.Join(d.Dir, where, d.Now().UTC().Format("20060102T150405.000000")+"-"+name)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(d.Dir, name), to); err != nil {
		return err
	}
	var f *ark.Fault
	if errors.As(why, &f) {
		return os.WriteFile(to+".txt", []byte(f.Public()+"\n"), 0o600)
	}
	return nil
}

// exists reports whether a path is there.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
