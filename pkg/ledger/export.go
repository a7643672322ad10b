package ledger

import (
	"context"
	"os"
	"path/filepath"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/durable"
)

// Export writes the log of the current head into dir, which must be empty or
// not exist: its checkpoint, tiles and entry bundles under their C2SP names.
// That is all Verify needs besides the public key, which must reach the
// verifier another way. It returns the checkpoint written.
func (l *Log) Export(ctx context.Context, dir string) (Checkpoint, error) {
	head, _, err := l.stored(ctx)
	if err != nil {
		return Checkpoint{}, err
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		return Checkpoint{}, ark.Faultf(ark.Conflict, "the folder to export into is not empty").Do("give a new or empty folder")
	}
	return head, export(l.getter(ctx), head, dir)
}

func export(get getter, head Checkpoint, dir string) error {
	for _, part := range parts(head.Size) {
		data, err := get.widest(part.path, part.width)
		if err != nil {
			return err
		}
		if data, err = part.cut(data); err != nil {
			return err
		}
		if err := writePart(dir, partial(part.path, part.width), data); err != nil {
			return err
		}
	}
	return writePart(dir, headName, head.Note)
}

// Fetch copies a log that somebody publishes into dir, which must be empty or
// not exist, for Verify: get returns a part by its C2SP path. Nothing of it is
// trusted; the key that checks the checkpoint has to come another way.
func Fetch(get func(path string) ([]byte, error), dir string, verifierKeys ...string) (Checkpoint, error) {
	signed, err := get(headName)
	if err != nil {
		return Checkpoint{}, err
	}
	head, err := OpenCheckpoint(signed, verifierKeys...)
	if err != nil {
		return Checkpoint{}, err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return Checkpoint{}, ark.Faultf(ark.Conflict, "the folder to fetch into is not empty").Do("give a new or empty folder")
	}
	return head, export(get, head, dir)
}

func writePart(dir, name string, data []byte) error {
	path := filepath.Join(dir, filepath.FromSlash(name))
	err := durable.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = durable.WriteFile(path, data, 0o644)
	}
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the export can't be written").Do("check the folder and its disk").Because(err)
	}
	return nil
}

// part is a tile or bundle of a tree of some size.
type part struct {
	path   string // of the full part
	level  int    // -1: a bundle of entries
	number int64
	width  int
}

// parts lists what a tree of the given size consists of.
func parts(size int64) []part {
	var ps []part
	for n := int64(0); n*width < size; n++ {
		ps = append(ps, part{bundlePath(n, width), -1, n, int(min(width, size-n*width))})
	}
	for level, count := 0, size; count > 0; level, count = level+1, count/width {
		for n := int64(0); n*width < count; n++ {
			ps = append(ps, part{tilePath(level, n, width), level, n, int(min(width, count-n*width))})
		}
	}
	return ps
}

// cut takes the part's width from data, which may be wider.
func (p part) cut(data []byte) ([]byte, error) {
	short := broken("%s is cut short", partial(p.path, p.width))
	if p.level >= 0 {
		if len(data) < p.width*32 {
			return nil, short
		}
		return data[:p.width*32], nil
	}
	entries, err := parseBundle(data)
	if err != nil || len(entries) < p.width {
		return nil, short
	}
	return encodeBundle(entries[:p.width]), nil
}
