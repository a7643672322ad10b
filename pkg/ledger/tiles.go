package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ark-tre/ark/pkg/ark"
)

// tileHeight and width are fixed by C2SP tlog-tiles.
const (
	tileHeight = 8
	width      = 1 << tileHeight
)

// number encodes a tile's number as C2SP does: x001/x234/067.
func number(n int64) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	return s
}

func partial(path string, w int) string {
	if w == width {
		return path
	}
	return fmt.Sprintf("%s.p/%d", path, w)
}

// tilePath is the name of a tile of hashes.
func tilePath(level int, n int64, w int) string {
	return partial(fmt.Sprintf("tile/%d/%s", level, number(n)), w)
}

// bundlePath is the name of a bundle of entries.
func bundlePath(n int64, w int) string {
	return partial("tile/entries/"+number(n), w)
}

func pendingPath(first int64) string { return fmt.Sprintf("pending/%d", first) }

// encodeBundle writes entries as C2SP does: each with its length as uint16.
func encodeBundle(entries [][]byte) []byte {
	var b []byte
	for _, e := range entries {
		b = binary.BigEndian.AppendUint16(b, uint16(len(e)))
		b = append(b, e...)
	}
	return b
}

var errBundle = errors.New("not a bundle of entries")

// parseBundle reads all entries of a bundle. Trailing bytes are an error.
func parseBundle(b []byte) ([][]byte, error) {
	var entries [][]byte
	for len(b) > 0 {
		if len(b) < 2 {
			return entries, errBundle
		}
		n := int(binary.BigEndian.Uint16(b))
		if len(b) < 2+n {
			return entries, errBundle
		}
		entries = append(entries, b[2:2+n])
		b = b[2+n:]
	}
	return entries, nil
}

// getter reads a part of the log by name; missing is an Unknown fault.
type getter func(name string) ([]byte, error)

// widest reads a part of the given width, or the wider parts that may have
// taken its place (C2SP allows partial ones to be removed): the full one.
func (get getter) widest(path string, w int) ([]byte, error) {
	data, err := get(partial(path, w))
	if w < width && ark.Is(err, ark.Unknown) {
		return get(path)
	}
	return data, err
}

// hashes reads a tile of hashes.
func (get getter) hashes(level int, n int64, w int) ([]tlog.Hash, error) {
	data, err := get.widest(tilePath(level, n, width), w)
	if err != nil {
		return nil, err
	}
	if len(data) < w*tlog.HashSize || len(data)%tlog.HashSize != 0 {
		return nil, broken("%s is cut short", tilePath(level, n, w))
	}
	hs := make([]tlog.Hash, w)
	for i := range hs {
		hs[i] = tlog.Hash(data[i*tlog.HashSize : (i+1)*tlog.HashSize])
	}
	return hs, nil
}

// bundle reads the first w entries of a bundle.
func (get getter) bundle(n int64, w int) ([][]byte, error) {
	data, err := get.widest(bundlePath(n, width), w)
	if err != nil {
		return nil, err
	}
	entries, err := parseBundle(data)
	if err != nil || len(entries) < w {
		return entries, broken("%s is cut short", bundlePath(n, w))
	}
	return entries[:w], nil
}

// tileReader gives tlog the log's tiles. tlog authenticates what it reads
// against the tree's root.
type tileReader struct{ get getter }

var _ tlog.TileReader = tileReader{}

func (tileReader) Height() int                     { return tileHeight }
func (tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

func (r tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		var err error
		data[i], err = r.get.widest(tilePath(t.L, t.N, width), t.W)
		if err != nil {
			return nil, err
		}
		if len(data[i]) < t.W*tlog.HashSize {
			return nil, broken("%s is cut short", tilePath(t.L, t.N, t.W))
		}
		data[i] = data[i][:t.W*tlog.HashSize]
	}
	return data, nil
}

// hashReader reads the stored hashes of a tree, authenticated by its root.
func (get getter) hashReader(size int64, root tlog.Hash) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, tileReader{get})
}

func (l *Log) getter(ctx context.Context) getter {
	return func(name string) ([]byte, error) { return l.tiles.Get(ctx, name) }
}
