package ledger

import (
	"encoding/hex"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ark-tre/ark/pkg/ark"
)

// bundle checks the w entries of bundle n against the lowest tile beside it,
// and feeds both trees.
func (v *verifier) bundle(n int64, w int) error {
	tiled, err := v.get.hashes(0, n, w)
	if fatal(err) {
		return err
	}
	if err != nil {
		v.report.find(Truncated, partial(tilePath(0, n, width), w), n*width, "the tile of these %d entries is missing or cut short", w)
	}
	entries, err := v.get.bundle(n, w)
	if fatal(err) {
		return err
	}
	if err != nil {
		v.report.find(Truncated, partial(bundlePath(n, width), w), n*width+int64(len(entries)),
			"only %d of the %d entries are there", len(entries), w)
	}
	var hashes []tlog.Hash
	for i, e := range entries {
		hashes = append(hashes, tlog.RecordHash(e))
		v.entry(n*width+int64(i), e)
	}
	if tiled != nil {
		v.compare(n, hashes, tiled)
	}
	v.grow(n, w, hashes, tiled)
	return v.climb(tiled, hashes, w)
}

// grow adds the bundle to both trees; each stands in for the other's gaps.
func (v *verifier) grow(n int64, w int, hashes, tiled []tlog.Hash) {
	for i := range w {
		switch {
		case i < len(hashes):
			v.entries.add(hashes[i])
		case i < len(tiled):
			v.entries.add(tiled[i])
		}
		switch {
		case i < len(tiled):
			v.tiles.add(tiled[i])
		case i < len(hashes):
			v.tiles.add(hashes[i])
		}
		v.hold(n*width + int64(i) + 1)
	}
}

// compare says what happened to the entries, given their hashes as tiled.
func (v *verifier) compare(n int64, hashes, tiled []tlog.Hash) {
	i := 0
	for i < len(hashes) && i < len(tiled) && hashes[i] == tiled[i] {
		i++
	}
	if i == len(tiled) || i == len(hashes) || v.shifted {
		return // all there, or reported as cut short or dropped already
	}
	entry := n*width + int64(i)
	where := fmt.Sprintf("%s entry %d", partial(bundlePath(n, width), len(tiled)), entry)
	count := 0
	for j := i; j < len(hashes); j++ {
		if hashes[j] != tiled[j] {
			count++
		}
	}
	switch {
	case sameSet(hashes, tiled):
		v.report.find(Reordered, where, entry, "%d entries of this file stand in another order than they were logged in", count)
	case i+1 < len(tiled) && hashes[i] == tiled[i+1]:
		v.report.find(Dropped, where, entry, "the entry that was logged here is missing, and those after it have moved up")
		v.shifted = true
	case i+1 < len(hashes) && hashes[i+1] == tiled[i]:
		v.report.find(Altered, where, entry, "an entry that was not logged has been put in here")
		v.shifted = true
	default:
		v.report.find(Altered, where, entry, "it is not the entry that was logged here; %d of this file's entries differ", count)
	}
}

func sameSet(a, b []tlog.Hash) bool {
	less := func(x, y tlog.Hash) int { return slices.Compare(x[:], y[:]) }
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, less)
	slices.SortFunc(b, less)
	return slices.Equal(a, b)
}

// entry checks what one entry says by itself.
func (v *verifier) entry(index int64, e []byte) {
	where := fmt.Sprintf("entry %d", index)
	leaf, err := ParseLeaf(e)
	if err != nil {
		v.report.find(Malformed, where, index, "it is not an entry in canonical form")
		return
	}
	if leaf.Type == RestoredType {
		v.report.Restored = append(v.report.Restored, Restored{index, leaf.Time})
	}
	if v.report.First.IsZero() || leaf.Time.Before(v.report.First) {
		v.report.First = leaf.Time
	}
	if leaf.Time.After(v.report.Last) {
		v.report.Last = leaf.Time
	}
	var id [16]byte
	_, err = hex.Decode(id[:], []byte(leaf.ID[len(ark.PrefixEvent)+1:]))
	if err != nil {
		v.report.find(Malformed, where, index, "its identifier is malformed")
		return
	}
	if first, ok := v.seen[id]; ok {
		v.report.find(Repeated, where, index, "its identifier is also that of entry %d", first)
		return
	}
	v.seen[id] = index
}

// climb passes the root of a full lowest tile up to the tiles above.
func (v *verifier) climb(tiled, hashes []tlog.Hash, w int) error {
	if tiled == nil {
		tiled = hashes
	}
	if w < width || len(tiled) < width {
		return nil
	}
	return v.raise(0, fold(tiled))
}

// raise adds a hash to the tile above level i and checks that tile when full.
func (v *verifier) raise(i int, h tlog.Hash) error {
	if i == len(v.levels) {
		v.levels = append(v.levels, level{})
	}
	v.levels[i].hashes = append(v.levels[i].hashes, h)
	if len(v.levels[i].hashes) < width {
		return nil
	}
	up := fold(v.levels[i].hashes)
	err := v.tile(i)
	if err != nil {
		return err
	}
	return v.raise(i+1, up)
}

// tile compares the tile above level i, as computed, with the exported one,
// and begins the next.
func (v *verifier) tile(i int) error {
	want, n := v.levels[i].hashes, v.levels[i].number
	v.levels[i] = level{number: n + 1}
	if len(want) == 0 {
		return nil
	}
	name := partial(tilePath(i+1, n, width), len(want))
	span := int64(1) << (tileHeight * (i + 1)) // entries under one hash
	got, err := v.get.hashes(i+1, n, len(want))
	if fatal(err) {
		return err
	}
	if err != nil {
		v.report.find(Truncated, name, n*width*span, "the tile is missing or cut short")
		return nil
	}
	for j := range want {
		if got[j] != want[j] {
			first := (n*width + int64(j)) * span
			v.report.find(Altered, name, first, "its hash %d is not that of entries %d to %d", j, first, first+span-1)
		}
	}
	return nil
}

// fold computes the root of a complete tile.
func fold(hashes []tlog.Hash) tlog.Hash {
	hs := slices.Clone(hashes)
	for len(hs) > 1 {
		for i := range len(hs) / 2 {
			hs[i] = tlog.NodeHash(hs[2*i], hs[2*i+1])
		}
		hs = hs[:len(hs)/2]
	}
	return hs[0]
}

// fatal tells an export that can't be read from one that is wrong.
func fatal(err error) bool { return ark.Is(err, ark.Unavailable) }
