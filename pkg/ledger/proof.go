package ledger

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ark-tre/ark/pkg/ark"
)

// EntryProof shows that an entry is in the log that a checkpoint fixes.
type EntryProof struct {
	Index      int64            `json:"index"`
	Leaf       string           `json:"leaf"` // as encoded in the log
	Hashes     tlog.RecordProof `json:"hashes"`
	Checkpoint string           `json:"checkpoint"` // the signed note
}

// ConsistencyProof shows that the log of a newer checkpoint begins with the
// whole log of an older one.
type ConsistencyProof struct {
	Older  string         `json:"older"`
	Newer  string         `json:"newer"`
	Hashes tlog.TreeProof `json:"hashes"`
}

// ProveEntry makes the proof for the entry at index under the current head.
func (l *Log) ProveEntry(ctx context.Context, index int64) (EntryProof, error) {
	head, _, err := l.stored(ctx)
	if err != nil {
		return EntryProof{}, err
	}
	if index < 0 || index >= head.Size {
		return EntryProof{}, ark.Faultf(ark.Unknown, "the ledger has no entry %d", index).Do("give an index below the checkpoint's size")
	}
	get := l.getter(ctx)
	entries, err := get.bundle(index/width, int(min(width, head.Size-index/width*width)))
	if err != nil {
		return EntryProof{}, err
	}
	hashes, err := tlog.ProveRecord(head.Size, index, get.hashReader(head.Size, head.Root))
	if err != nil {
		return EntryProof{}, broken("the tiles around entry %d don't fit the checkpoint", index)
	}
	p := EntryProof{Index: index, Leaf: string(entries[index%width]), Hashes: hashes, Checkpoint: string(head.Note)}
	if tlog.CheckRecord(p.Hashes, head.Size, head.Root, index, tlog.RecordHash([]byte(p.Leaf))) != nil {
		return EntryProof{}, broken("entry %d is not what the tree holds", index)
	}
	return p, nil
}

// ProveConsistency makes the proof from an older checkpoint to the current head.
func (l *Log) ProveConsistency(ctx context.Context, older Checkpoint) (ConsistencyProof, error) {
	head, _, err := l.stored(ctx)
	if err != nil {
		return ConsistencyProof{}, err
	}
	if older.Size > head.Size {
		return ConsistencyProof{}, broken("a checkpoint of size %d was given out and the log now has %d entries", older.Size, head.Size)
	}
	p := ConsistencyProof{Older: string(older.Note), Newer: string(head.Note)}
	if older.Size > 0 {
		p.Hashes, err = tlog.ProveTree(head.Size, older.Size, l.getter(ctx).hashReader(head.Size, head.Root))
		if err != nil {
			return ConsistencyProof{}, broken("the tiles don't fit the checkpoint")
		}
	}
	if !consistent(p.Hashes, head, older) {
		return ConsistencyProof{}, broken("it was rewritten after the checkpoint of size %d was given out", older.Size)
	}
	return p, nil
}

// Check verifies the proof offline and returns the entry and the checkpoint.
func (p EntryProof) Check(verifierKeys ...string) (Leaf, Checkpoint, error) {
	c, err := OpenCheckpoint([]byte(p.Checkpoint), verifierKeys...)
	if err != nil {
		return Leaf{}, Checkpoint{}, err
	}
	if p.Index < 0 || p.Index >= c.Size || tlog.CheckRecord(p.Hashes, c.Size, c.Root, p.Index, tlog.RecordHash([]byte(p.Leaf))) != nil {
		return Leaf{}, Checkpoint{}, ark.Faultf(ark.Invalid, "the proof does not show that entry in that log").Do("get the proof again from the ledger").Because(errProof)
	}
	leaf, err := ParseLeaf([]byte(p.Leaf))
	return leaf, c, err
}

// Check verifies the proof offline and returns both checkpoints.
func (p ConsistencyProof) Check(verifierKeys ...string) (older, newer Checkpoint, err error) {
	older, err = OpenCheckpoint([]byte(p.Older), verifierKeys...)
	if err != nil {
		return Checkpoint{}, Checkpoint{}, err
	}
	newer, err = OpenCheckpoint([]byte(p.Newer), verifierKeys...)
	if err != nil {
		return Checkpoint{}, Checkpoint{}, err
	}
	if older.Origin != newer.Origin || !consistent(p.Hashes, newer, older) {
		return Checkpoint{}, Checkpoint{}, ark.Faultf(ark.Invalid, "the proof does not show that the newer log begins with the older one").
			Do("keep both checkpoints: they show a rewritten ledger unless the proof was damaged").Because(errProof)
	}
	return older, newer, nil
}

// consistent also settles what tlog leaves to its caller: the empty tree is the
// beginning of every log.
func consistent(p tlog.TreeProof, newer, older Checkpoint) bool {
	if older.Size == 0 {
		empty, err := tlog.TreeHash(0, nil)
		return err == nil && older.Root == empty && len(p) == 0
	}
	return older.Size <= newer.Size && tlog.CheckTree(p, newer.Size, newer.Root, older.Size, older.Root) == nil
}
