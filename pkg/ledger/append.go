package ledger

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ark-tre/ark/pkg/ark"
)

// Append puts leaves at the end, in order, and returns the index of each and
// the checkpoint that covers them, signed and stored. A leaf that is in the
// log's last MaxBatch entries keeps its place, so that a batch may be given
// again after a crash or an error; the same identifier with another content is
// a Conflict fault. After an error the log's state is in doubt until the next
// call, which reads it anew and completes what was begun.
func (l *Log) Append(ctx context.Context, leaves []Leaf) ([]int64, Checkpoint, error) {
	if len(leaves) > MaxBatch {
		return nil, Checkpoint{}, ark.Faultf(ark.TooMuch, "too many ledger entries at once").Do("append them in smaller batches")
	}
	encoded := make([][]byte, len(leaves))
	for i, leaf := range leaves {
		var err error
		encoded[i], err = leaf.Encode()
		if err != nil {
			return nil, Checkpoint{}, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for round := range maxRounds { // each ends here or finds another sequencer's batch complete
		err := pause(ctx, round)
		if err != nil {
			return nil, Checkpoint{}, err
		}
		err = l.attempt(ctx, leaves, encoded)
		if err == nil {
			return l.places(leaves), l.head, nil
		}
		l.ok = false
		if !errors.Is(err, errRace) {
			return nil, Checkpoint{}, err
		}
	}
	return nil, Checkpoint{}, ark.Faultf(ark.Unavailable, "other sequencers keep appending to the ledger").Do("run one sequencer; then try again")
}

// maxRounds is how often Append lets others go first before it gives up.
const maxRounds = 100

// pause lets a sequencer that lost a race wait a little, at random.
func pause(ctx context.Context, round int) error {
	if round == 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(rand.N(time.Duration(min(round, 25)) * 4 * time.Millisecond)):
		return nil
	}
}

// errRace says that another sequencer went first: read the head again.
var errRace = errors.New("ledger: another sequencer went first")

// attempt appends what is not there yet.
func (l *Log) attempt(ctx context.Context, leaves []Leaf, encoded [][]byte) error {
	if !l.ok {
		err := l.load(ctx)
		if err != nil {
			return err
		}
	}
	fresh, err := l.fresh(leaves, encoded)
	if err != nil || len(fresh) == 0 {
		return err
	}
	err = l.tiles.Put(ctx, pendingPath(l.head.Size), encodeBundle(fresh))
	if ark.Is(err, ark.Conflict) {
		return errRace // someone else's batch stands here: complete it first
	}
	if err != nil {
		return err
	}
	err = l.unmoved(ctx)
	if errors.Is(err, errRace) {
		_ = l.tiles.Prune(ctx, pendingPath(l.head.Size)) // it lies below the head and means nothing
	}
	if err != nil {
		return err
	}
	return l.integrate(ctx, fresh)
}

// fresh returns the encodings of the leaves that the log does not hold yet.
func (l *Log) fresh(leaves []Leaf, encoded [][]byte) ([][]byte, error) {
	var fresh [][]byte
	seen := make(map[string]bool)
	for i, leaf := range leaves {
		p, there := l.tail[leaf.ID]
		if seen[leaf.ID] || there && p.hash != tlog.RecordHash(encoded[i]) {
			return nil, ark.Faultf(ark.Conflict, "the ledger entry %s is given twice with different content", leaf.ID).
				Do("an entry is written once; record a correction as an entry of its own")
		}
		seen[leaf.ID] = true
		if !there {
			fresh = append(fresh, encoded[i])
		}
	}
	return fresh, nil
}

func (l *Log) places(leaves []Leaf) []int64 {
	at := make([]int64, len(leaves))
	for i, leaf := range leaves {
		at[i] = l.tail[leaf.ID].index
	}
	return at
}

// integrate adds entries that are safe as the pending batch of this size:
// bundles, tiles, checkpoint, in this order. Everything it writes is a
// function of the tree and the batch alone, so that doing it twice, by two
// processes even, writes the same bytes.
func (l *Log) integrate(ctx context.Context, entries [][]byte) error {
	old, size := l.head, l.head.Size+int64(len(entries))
	err := l.writeBundles(ctx, old.Size, entries)
	if err != nil {
		return err
	}
	grown := &grownTree{base: l.getter(ctx).hashReader(old.Size, old.Root), from: tlog.StoredHashCount(old.Size)}
	for i, e := range entries {
		hashes, err := tlog.StoredHashesForRecordHash(old.Size+int64(i), tlog.RecordHash(e), grown)
		if err != nil {
			return broken("its tiles don't fit the checkpoint at size %d: %v", old.Size, err)
		}
		grown.added = append(grown.added, hashes...)
	}
	for _, t := range tlog.NewTiles(tileHeight, old.Size, size) {
		data, err := tlog.ReadTileData(t, grown)
		if err != nil {
			return broken("its tiles don't fit the checkpoint at size %d: %v", old.Size, err)
		}
		err = l.put(ctx, tilePath(t.L, t.N, t.W), data)
		if err != nil {
			return err
		}
	}
	root, err := tlog.TreeHash(size, grown)
	if err != nil {
		return broken("its tiles don't fit the checkpoint at size %d: %v", old.Size, err)
	}
	head, err := l.sign(ctx, size, root)
	if err != nil {
		return err
	}
	err = l.tiles.SetHead(ctx, head.Note, l.tag)
	if ark.Is(err, ark.Conflict) {
		return errRace
	}
	if err != nil {
		return err
	}
	return l.advance(ctx, old, head, entries)
}

// put stores a part that is a function of the tree. Another content under its
// name means that the store was tampered with.
func (l *Log) put(ctx context.Context, name string, data []byte) error {
	err := l.tiles.Put(ctx, name, data)
	if ark.Is(err, ark.Conflict) {
		return broken("%s exists with other content", name)
	}
	return err
}

// advance makes the stored head the one in memory and removes the pending
// batch and the partial parts that full ones have replaced; those are copies,
// so failing to remove one is no error.
func (l *Log) advance(ctx context.Context, old, head Checkpoint, entries [][]byte) error {
	data, tag, err := l.tiles.Head(ctx)
	if err != nil {
		return err
	}
	if string(data) != string(head.Note) {
		return errRace // someone has gone on already; our entries are in theirs
	}
	l.head, l.tag = head, tag
	l.remember(old.Size, entries)
	_ = l.tiles.Prune(ctx, pendingPath(old.Size))
	for level, n := 0, old.Size; n > 0; level, n = level+1, n/width {
		w, full := int(n%width), (head.Size>>(tileHeight*level))/width > n/width
		if w == 0 || !full {
			continue
		}
		_ = l.tiles.Prune(ctx, tilePath(level, n/width, w))
		if level == 0 {
			_ = l.tiles.Prune(ctx, bundlePath(n/width, w))
		}
	}
	return nil
}

func (l *Log) writeBundles(ctx context.Context, from int64, entries [][]byte) error {
	n := from / width
	var bundle [][]byte
	if w := int(from % width); w > 0 {
		var err error
		bundle, err = l.checkedBundle(ctx, l.getter(ctx), n, w)
		if err != nil {
			return err
		}
	}
	for len(entries) > 0 {
		take := min(width-len(bundle), len(entries))
		bundle = append(bundle, entries[:take]...)
		entries = entries[take:]
		err := l.put(ctx, bundlePath(n, len(bundle)), encodeBundle(bundle))
		if err != nil {
			return err
		}
		n, bundle = n+1, nil
	}
	return nil
}

// grownTree reads the hashes of a tree that is being extended: the old ones
// from tiles, the new ones from memory.
type grownTree struct {
	base  tlog.HashReader
	from  int64 // index of the first new hash
	added []tlog.Hash
}

func (g *grownTree) ReadHashes(at []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(at))
	var old, where []int64
	for i, n := range at {
		switch {
		case n < g.from:
			old, where = append(old, n), append(where, int64(i))
		case n-g.from < int64(len(g.added)):
			out[i] = g.added[n-g.from]
		default:
			return nil, errProof
		}
	}
	if len(old) == 0 {
		return out, nil
	}
	hashes, err := g.base.ReadHashes(old)
	if err != nil {
		return nil, err
	}
	for i, h := range hashes {
		out[where[i]] = h
	}
	return out, nil
}
