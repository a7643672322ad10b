package ledger

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
)

// MaxBatch is the most leaves one Append takes. A sequencer has at most one
// batch appended and not yet acknowledged, so this is also how far back Append
// recognises a leaf that it is given again.
const MaxBatch = 1024

// Log is an open log. It is safe for concurrent use. Several processes may
// append to one log, too: the pending object and the checkpoint's tag settle
// who goes first, and nobody's entries are lost.
type Log struct {
	tiles  Tiles
	ring   keys.Keyring
	key    keys.Name
	origin string

	mu   sync.Mutex
	ok   bool // the fields below are what the store holds
	head Checkpoint
	tag  string
	tail map[string]placed // the last entries, by identifier
}

type placed struct {
	index int64
	hash  tlog.Hash
}

// Config says which log: its origin is its name for ever, a schema-less URL
// such as "ark.example.org/ledger"; its key is of the class signing.
type Config struct {
	Tiles  Tiles
	Keys   keys.Keyring
	Key    keys.Name
	Origin string
}

// Create begins a new, empty log where there is none: an explicit instruction,
// never what Open falls back to.
func Create(ctx context.Context, c Config) (*Log, error) {
	l := newLog(c)
	_, _, err := c.Tiles.Head(ctx)
	if err == nil {
		return nil, ark.Faultf(ark.Conflict, "there is a ledger already").Do("open it instead; a ledger is never begun anew")
	}
	if !ark.Is(err, ark.Unknown) {
		return nil, err
	}
	root, err := tlog.TreeHash(0, nil)
	if err != nil {
		return nil, broken("the empty tree has no root")
	}
	first, err := l.sign(ctx, 0, root)
	if err != nil {
		return nil, err
	}
	err = c.Tiles.SetHead(ctx, first.Note, "")
	if err != nil {
		return nil, err
	}
	err = l.load(ctx)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Open opens a log, checks its head's signature and completes what a crash
// interrupted. A missing log or a head by another key is refused.
func Open(ctx context.Context, c Config) (*Log, error) {
	l := newLog(c)
	for round := range maxRounds { // another sequencer may be at work
		err := pause(ctx, round)
		if err == nil {
			err = l.load(ctx)
		}
		if err == nil {
			return l, nil
		}
		if !errors.Is(err, errRace) {
			return nil, err
		}
	}
	return nil, ark.Faultf(ark.Unavailable, "another sequencer keeps changing the ledger").Do("run one sequencer; then try again")
}

func newLog(c Config) *Log {
	return &Log{tiles: c.Tiles, ring: c.Keys, key: c.Key, origin: c.Origin}
}

// Checkpoint returns the head as the store has it now.
func (l *Log) Checkpoint(ctx context.Context) (Checkpoint, error) {
	c, _, err := l.stored(ctx)
	return c, err
}

// VerifierKey returns the public key as a line for OpenCheckpoint and Verify.
func (l *Log) VerifierKey(ctx context.Context) (string, error) {
	return verifierKey(ctx, l.ring, l.key, l.origin)
}

func (l *Log) stored(ctx context.Context) (Checkpoint, string, error) {
	data, tag, err := l.tiles.Head(ctx)
	if ark.Is(err, ark.Unknown) {
		return Checkpoint{}, "", ark.Faultf(ark.Unavailable, "there is no ledger in the configured store").
			Do("check the store; a new ledger is begun by an explicit instruction only").Because(err)
	}
	if err != nil {
		return Checkpoint{}, "", err
	}
	c, err := openCheckpoint(data, ringKey{ctx: ctx, ring: l.ring, key: l.key, origin: l.origin})
	return c, tag, err
}

// load reads the head, completes pending batches and reads the tail.
func (l *Log) load(ctx context.Context) error {
	var err error
	l.ok = false
	l.head, l.tag, err = l.stored(ctx)
	if err != nil {
		return err
	}
	l.tail = make(map[string]placed)
	first := max(0, l.head.Size-MaxBatch) / width * width
	get := l.getter(ctx)
	for n := first / width; n*width < l.head.Size; n++ {
		entries, err := l.checkedBundle(ctx, get, n, int(min(width, l.head.Size-n*width)))
		if err != nil {
			return err
		}
		l.remember(n*width, entries)
	}
	err = l.rollForward(ctx)
	l.ok = err == nil
	return err
}

// rollForward completes every batch that was stored as pending and not yet
// signed: a crash's, or another sequencer's that is at work right now.
func (l *Log) rollForward(ctx context.Context) error {
	for {
		data, err := l.tiles.Get(ctx, pendingPath(l.head.Size))
		if ark.Is(err, ark.Unknown) {
			return nil
		}
		if err != nil {
			return err
		}
		err = l.unmoved(ctx)
		if err != nil {
			return err
		}
		entries, err := parseBundle(data)
		if err != nil || len(entries) == 0 {
			return broken("%s is not a batch", pendingPath(l.head.Size))
		}
		err = l.integrate(ctx, entries)
		if err != nil {
			return err
		}
	}
}

// unmoved returns errRace if the head is no longer the one in memory. A pending
// object is created once and removed only after the head has moved past it: one
// that was read or stored while the head had not moved is the one and only
// batch for that place; any other is a late-comer's and means nothing.
func (l *Log) unmoved(ctx context.Context) error {
	_, tag, err := l.tiles.Head(ctx)
	if err == nil && tag != l.tag {
		err = errRace
	}
	return err
}

// checkedBundle reads a bundle and holds each entry to the tree.
func (l *Log) checkedBundle(ctx context.Context, get getter, n int64, w int) ([][]byte, error) {
	entries, err := get.bundle(n, w)
	if err != nil {
		return nil, err
	}
	at := make([]int64, w)
	for i := range at {
		at[i] = tlog.StoredHashIndex(0, n*width+int64(i))
	}
	hashes, err := get.hashReader(l.head.Size, l.head.Root).ReadHashes(at)
	if err != nil {
		return nil, broken("the tiles of entries %d to %d don't fit the checkpoint", n*width, n*width+int64(w)-1)
	}
	for i, e := range entries {
		if tlog.RecordHash(e) != hashes[i] {
			return nil, broken("entry %d is not what the tree holds", n*width+int64(i))
		}
	}
	return entries, nil
}

// remember puts entries into the tail and forgets what is too old.
func (l *Log) remember(first int64, entries [][]byte) {
	for i, e := range entries {
		leaf, err := ParseLeaf(e)
		if err != nil {
			continue // not ours to mend; Verify reports it
		}
		l.tail[leaf.ID] = placed{first + int64(i), tlog.RecordHash(e)}
	}
	end := first + int64(len(entries))
	if len(l.tail) > 4*MaxBatch {
		for id, p := range l.tail {
			if p.index < end-2*MaxBatch {
				delete(l.tail, id)
			}
		}
	}
}
