package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/durable"
	"github.com/ark-tre/ark/pkg/objects"
)

// List implements objects.Backend. It holds one folder's entries at a time
// per level.
func (f *Folder) List(ctx context.Context, z objects.Zone, prefix string) iter.Seq2[objects.Meta, error] {
	return func(yield func(objects.Meta, error) bool) {
		_, ok := f.rules[z]
		if !ok {
			yield(objects.Meta{}, fmt.Errorf("objects/folder: no zone %q", string(z)))
			return
		}
		l := lister{ctx: ctx, root: filepath.Join(f.root, string(z)), prefix: prefix, yield: yield}
		l.walk("")
	}
}

type lister struct {
	ctx    context.Context
	root   string
	prefix string
	yield  func(objects.Meta, error) bool
}

// walk lists the folder of the names that begin with under, which is empty or
// ends in a slash. It returns false when listing has ended.
func (l *lister) walk(under string) bool {
	if err := l.ctx.Err(); err != nil {
		l.yield(objects.Meta{}, err)
		return false
	}
	entries, err := os.ReadDir(filepath.Join(l.root, filepath.FromSlash(under)))
	if errors.Is(err, fs.ErrNotExist) && under != "" {
		return true // removed meanwhile
	}
	if err != nil {
		l.yield(objects.Meta{}, err)
		return false
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	for _, e := range entries {
		name := under + e.Name()
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			if compatible(name+"/", l.prefix) && !l.walk(name+"/") {
				return false
			}
		case e.Type().IsRegular() && strings.HasPrefix(name, l.prefix):
			if !l.one(name, e) {
				return false
			}
		}
	}
	return true
}

func (l *lister) one(name string, e fs.DirEntry) bool {
	info, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		l.yield(objects.Meta{}, err)
		return false
	}
	return l.yield(objects.Meta{Name: name, Size: info.Size(), Modified: info.ModTime()}, nil)
}

// sortName orders a folder among its siblings as the names in it sort.
func sortName(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

func compatible(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }

// Unfinished implements objects.Backend. A file's name is not known before it
// is complete.
func (f *Folder) Unfinished(_ context.Context, z objects.Zone, before time.Time) ([]objects.Unfinished, error) {
	entries, err := os.ReadDir(f.unfinished(z))
	if err != nil {
		return nil, err
	}
	var found []objects.Unfinished
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasPrefix(e.Name(), durable.TempPrefix) || !info.ModTime().Before(before) {
			continue // gone, not ours, or still being written
		}
		found = append(found, objects.Unfinished{Zone: z, ID: e.Name(), Begun: info.ModTime()})
	}
	return found, nil
}

// Abort implements objects.Backend.
func (f *Folder) Abort(_ context.Context, u objects.Unfinished) error {
	if _, ok := f.rules[u.Zone]; !ok || !strings.HasPrefix(u.ID, durable.TempPrefix) || strings.ContainsRune(u.ID, filepath.Separator) {
		return fmt.Errorf("objects/folder: %q is not an unfinished upload", u.ID)
	}
	err := durable.Remove(filepath.Join(f.unfinished(u.Zone), u.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
