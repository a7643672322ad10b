package instance

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"sync"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/pkg/work"
	"github.com/ark-tre/ark/pkg/worker"
)

// The crash tests break every write to the object store and every word of a
// worker to the queue twice: once so that it is not stored, once so that it is
// stored and its answer is lost. Outside a crash test nothing is wrapped.

// Each point is broken when the failpoint file lists it; see ArmCrashes.
const (
	notStored = ":not-stored" // the fault comes before
	stored    = ":stored"     // the fault comes after: done, and nobody was told
)

func broken(what string) error {
	return ark.Faultf(ark.Unavailable, "broken by a crash test: %s", what)
}

// BrokenWrites are the points of breakingBackend and BrokenWords those of
// breakingQueue.
func BrokenWrites() []string {
	var out []string
	for _, z := range zoneNames() {
		if objects.Zone(z) != objects.Public { // nothing is written there yet
			out = append(out, "create/"+z+notStored, "create/"+z+stored)
		}
	}
	return out
}

// BrokenWords are the points of breakingQueue.
func BrokenWords() []string {
	var out []string
	for _, kinds := range (worker.Bench{}).Roles() {
		for kind := range kinds {
			for _, word := range []string{"step", "done"} {
				out = append(out, word+"/"+kind+notStored, word+"/"+kind+stored)
			}
		}
	}
	return out
}

func failpoints() work.Failpoint { return work.Failpoint{File: os.Getenv(failpointEnv)} }

type breakingStore struct {
	objects.Backend
	fail work.Failpoint
}

func breakingBackend(b objects.Backend) objects.Backend {
	if f := failpoints(); f.File != "" {
		return breakingStore{b, f}
	}
	return b
}

// Create implements objects.Backend.
func (b breakingStore) Create(ctx context.Context, z objects.Zone, name string, r io.Reader) error {
	if b.fail.Take("create/" + string(z) + notStored) {
		return broken("an object was not stored")
	}
	err := b.Backend.Create(ctx, z, name, r)
	if err == nil && b.fail.Take("create/"+string(z)+stored) {
		return broken("an object was stored")
	}
	return err
}

type breakingWords struct {
	work.Queue
	fail work.Failpoint

	mu    sync.Mutex
	kinds map[string]string // job → kind
}

func breakingQueue(q work.Queue) work.Queue {
	if f := failpoints(); f.File != "" {
		return &breakingWords{Queue: q, fail: f, kinds: map[string]string{}}
	}
	return q
}

// Lease implements work.Queue.
func (b *breakingWords) Lease(ctx context.Context, role, owner string) (*store.Job, error) {
	j, err := b.Queue.Lease(ctx, role, owner)
	if err == nil && j != nil {
		b.mu.Lock()
		b.kinds[j.ID] = j.Kind
		b.mu.Unlock()
	}
	return j, err
}

func (b *breakingWords) around(word, id string, say func() error) error {
	b.mu.Lock()
	point := word + "/" + b.kinds[id]
	b.mu.Unlock()
	if b.fail.Take(point + notStored) {
		return broken("a word to the queue was lost")
	}
	err := say()
	if err == nil && b.fail.Take(point+stored) {
		return broken("an answer of the queue was lost")
	}
	return err
}

// Step implements work.Queue.
func (b *breakingWords) Step(ctx context.Context, id, owner string, step int, carry json.RawMessage) error {
	return b.around("step", id, func() error { return b.Queue.Step(ctx, id, owner, step, carry) })
}

// Done implements work.Queue.
func (b *breakingWords) Done(ctx context.Context, id, owner string, output json.RawMessage) error {
	return b.around("done", id, func() error { return b.Queue.Done(ctx, id, owner, output) })
}
