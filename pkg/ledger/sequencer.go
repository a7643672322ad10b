package ledger

import (
	"context"
	"log/slog"
	"time"
)

// Outbox is where acts leave their leaves, in the transaction of the change.
type Outbox interface {
	// Pending returns up to max leaves that are not acknowledged yet, always in
	// the same order and from the beginning.
	Pending(ctx context.Context, max int) ([]Leaf, error)
	// Sequenced acknowledges leaves: each has its index, and the checkpoint, which
	// is signed and durable, covers them. It may be told the same again.
	Sequenced(ctx context.Context, placed []Placed, head Checkpoint) error
}

// Placed is a leaf's place in the log.
type Placed struct {
	ID    string
	Index int64
}

// Sequencer moves leaves from an outbox into a log. Wherever it is stopped, by
// whatever means, starting it again continues: the outbox gives the leaves
// again, and the log recognises them.
type Sequencer struct {
	Log    *Log
	Outbox Outbox
	Every  time.Duration   // how often to look when not woken; 0: every second
	Wake   <-chan struct{} // look at once; may be nil
	Logger *slog.Logger    // nil: no logs
}

// Step moves one batch and returns how many leaves it moved.
func (s *Sequencer) Step(ctx context.Context) (int, error) {
	leaves, err := s.Outbox.Pending(ctx, MaxBatch)
	if err != nil || len(leaves) == 0 {
		return 0, err
	}
	at, head, err := s.Log.Append(ctx, leaves)
	if err != nil {
		return 0, err
	}
	placed := make([]Placed, len(leaves))
	for i, leaf := range leaves {
		placed[i] = Placed{ID: leaf.ID, Index: at[i]}
	}
	return len(leaves), s.Outbox.Sequenced(ctx, placed, head)
}

// Run steps until ctx ends, and then returns nil. An error is logged and tried
// again, more slowly each time: acts go on being recorded in the outbox.
func (s *Sequencer) Run(ctx context.Context) error {
	every := s.Every
	if every <= 0 {
		every = time.Second
	}
	logger := s.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for wait := every; ; timer.Reset(wait) {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-s.Wake:
		}
		n, err := s.Step(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			logger.ErrorContext(ctx, "the ledger did not take its entries; trying again", "err", err, "wait", wait)
			wait = min(2*wait, time.Minute)
		case n == MaxBatch:
			wait = 0
		default:
			wait = every
		}
	}
}
