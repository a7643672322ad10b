// Package ledger is the append-only record of every act, as a Merkle log that
// anyone can verify.
//
// The tree is RFC 6962's, on golang.org/x/mod/sumdb/tlog; tiles, entry bundles
// and checkpoints are C2SP tlog-tiles and tlog-checkpoint, so that other
// people's tools read them. A leaf is RFC 8785 JSON of identifiers, a type, a
// time and a salted commitment to a body that is kept elsewhere, encrypted and
// erasable: the log proves that something was recorded, when, and about which
// things, and lets whoever is given body and salt prove what.
//
// Order of a change: the act writes its leaf into the outbox in its own
// transaction; one Sequencer takes leaves from there and appends them; a batch
// is first stored as a pending object (once only: this is what settles a race),
// then bundles, then tiles, and last the signed checkpoint. Whatever crash
// comes between, the next Append finds the pending batch and completes it to
// the same bytes. Permits, releases and digests carry the checkpoint of their
// day; Verify holds the log against it.
//
// The package may read and write one plain zone and sign with one key. It must
// never put free text, a file name or a bare content hash into a leaf: Leaf's
// check refuses them.
package ledger

import (
	"bytes"
	"context"
	"errors"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
)

// Tiles is where a log lives. Every method is safe for concurrent use, and
// what it reports as done is durable.
type Tiles interface {
	// Put stores data under name. The same data again is no error; other data
	// is a Conflict fault.
	Put(ctx context.Context, name string, data []byte) error
	// Get returns what is under name. Nothing there is an Unknown fault.
	Get(ctx context.Context, name string) ([]byte, error)
	// Prune removes what a later object has made superfluous. It may refuse.
	Prune(ctx context.Context, name string) error
	// Head returns the checkpoint and its tag. None there is an Unknown fault.
	Head(ctx context.Context) (data []byte, tag string, err error)
	// SetHead replaces the checkpoint that has the tag; "" if there is none yet.
	// If someone else was faster it is a Conflict fault.
	SetHead(ctx context.Context, data []byte, tag string) error
}

// InStore keeps a log in the ledger zone of an object store.
func InStore(s *objects.Store) Tiles { return stored{s} }

type stored struct{ store *objects.Store }

func (t stored) Put(ctx context.Context, name string, data []byte) error {
	for {
		_, err := t.store.Put(ctx, objects.Ledger, name, "", bytes.NewReader(data))
		if !ark.Is(err, ark.Unknown) {
			return err
		}
		// It was there, and another sequencer pruned it before it could be compared.
	}
}

func (t stored) Get(ctx context.Context, name string) ([]byte, error) {
	return t.store.Raw(ctx, objects.Ledger, name)
}

func (t stored) Prune(ctx context.Context, name string) error {
	return t.store.Delete(ctx, objects.Ledger, name)
}

func (t stored) Head(ctx context.Context) ([]byte, string, error) {
	return t.store.Current(ctx, objects.Ledger, headName)
}

func (t stored) SetHead(ctx context.Context, data []byte, tag string) error {
	return t.store.Replace(ctx, objects.Ledger, headName, data, tag)
}

// headName is the name of the checkpoint, fixed by C2SP tlog-tiles.
const headName = "checkpoint"

// errProof is in the chain of every error about a log that contradicts itself.
var errProof = errors.New("ledger: proof fails")

func broken(format string, args ...any) error {
	return ark.Faultf(ark.Internal, "the ledger contradicts itself: "+format, args...).
		Do("stop, keep a copy of the ledger's store as it is, and verify an export against the checkpoints that permits and releases carry").
		Because(errProof)
}
