package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/ark-tre/ark/pkg/ledger"
)

// breaking fails the n-th write, either before it is stored or after.
type breaking struct {
	ledger.Tiles
	n      int
	stored bool
}

var errBroke = errors.New("broke")

func (b *breaking) write(store func() error) error {
	b.n--
	if b.n != 0 {
		return store()
	}
	if b.stored {
		if err := store(); err != nil {
			return err
		}
	}
	return errBroke
}

func (b *breaking) Put(ctx context.Context, name string, data []byte) error {
	return b.write(func() error { return b.Tiles.Put(ctx, name, data) })
}

func (b *breaking) SetHead(ctx context.Context, data []byte, tag string) error {
	return b.write(func() error { return b.Tiles.SetHead(ctx, data, tag) })
}

func (b *breaking) Prune(ctx context.Context, name string) error {
	return b.write(func() error { return b.Tiles.Prune(ctx, name) })
}

// Every write of an append, broken twice: failed and not stored, failed but
// stored after all. Afterwards the outbox gives the same leaves again, perhaps
// with more behind them, to a new process or to the same one.
func TestEveryWriteBrokenTwice(t *testing.T) {
	const before, batch = 250, 300 // crosses a full tile
	base := config(t)
	for _, stored := range []bool{false, true} {
		for _, restart := range []bool{false, true} {
			for n, broke := 1, true; broke; n++ {
				name := fmt.Sprintf("write%d_stored=%t_restart=%t", n, stored, restart)
				t.Run(name, func(t *testing.T) {
					c, l := inMemory(t, base)
					_, _, err := l.Append(t.Context(), leaves(0, before))
					must(t, err)
					b := &breaking{Tiles: c.Tiles, n: n, stored: stored}
					bc := c
					bc.Tiles = b
					l = reopen(t, bc)
					_, _, err = l.Append(t.Context(), leaves(before, before+batch))
					broke, b.n = b.n <= 0, -1
					if err == nil && broke {
						return // a copy could not be removed: no harm
					}
					if !broke {
						must(t, err)
					} else if !errors.Is(err, errBroke) {
						t.Fatalf("%v; want the error of the store", err)
					}
					if restart {
						l = reopen(t, c)
					}
					at, head, err := l.Append(t.Context(), leaves(before, before+batch+5))
					must(t, err)
					if at[0] != before || head.Size != before+batch+5 {
						t.Errorf("first at %d, size %d", at[0], head.Size)
					}
					if report := c.Tiles.(*memory).verify(t, reopen(t, c)); !report.OK() || report.Size != head.Size {
						t.Errorf("%+v", report.Findings)
					}
				})
			}
		}
	}
}

// A crash after the batch is pending, and then the outbox's order differs (it
// must not, but if it does nothing may be lost or doubled).
func TestPendingBatchGoesFirst(t *testing.T) {
	c, l := create(t)
	fill(t, l, 10)
	bc := c
	bc.Tiles = &breaking{Tiles: c.Tiles, n: 1, stored: true}
	if _, _, err := reopen(t, bc).Append(t.Context(), leaves(10, 13)); !errors.Is(err, errBroke) {
		t.Fatal(err)
	}
	at, head, err := l.Append(t.Context(), leaves(12, 20)) // the old process, its state stale
	must(t, err)
	if at[0] != 12 || head.Size != 20 {
		t.Errorf("places %v, size %d", at, head.Size)
	}
	if report := verified(t, reopen(t, c)); !report.OK() || report.Size != 20 {
		t.Errorf("%+v", report)
	}
}

// outbox is a consumer's, in memory, with a knob for each way to fail.
type outbox struct {
	all       []ledger.Leaf
	placed    map[string]int64
	failAck   int // acknowledgements still to fail
	failAfter bool
}

func (o *outbox) Pending(_ context.Context, n int) ([]ledger.Leaf, error) {
	var ls []ledger.Leaf
	for _, l := range o.all {
		if _, done := o.placed[l.ID]; !done && len(ls) < n {
			ls = append(ls, l)
		}
	}
	return ls, nil
}

func (o *outbox) Sequenced(_ context.Context, placed []ledger.Placed, _ ledger.Checkpoint) error {
	if o.failAck--; o.failAck >= 0 && !o.failAfter {
		return errBroke
	}
	for _, p := range placed {
		if at, done := o.placed[p.ID]; done && at != p.Index {
			return fmt.Errorf("%s moved from %d to %d", p.ID, at, p.Index)
		}
		o.placed[p.ID] = p.Index
	}
	if o.failAck >= 0 {
		return errBroke
	}
	return nil
}

func TestSequencerAcknowledgesOnce(t *testing.T) {
	for _, after := range []bool{false, true} {
		c, l := create(t)
		o := &outbox{all: leaves(0, 2500), placed: make(map[string]int64), failAck: 2, failAfter: after}
		s := ledger.Sequencer{Log: l, Outbox: o}
		for {
			n, err := s.Step(t.Context())
			if errors.Is(err, errBroke) {
				s.Log = reopen(t, c) // the process dies and comes back
				continue
			}
			must(t, err)
			if n == 0 {
				break
			}
		}
		for i, l := range o.all {
			if at, ok := o.placed[l.ID]; !ok || at != int64(i) {
				t.Fatalf("leaf %d is at %d, %t", i, at, ok)
			}
		}
		if report := verified(t, s.Log); !report.OK() || report.Size != 2500 {
			t.Errorf("%+v", report)
		}
	}
}

func TestSequencerRunsUntilTold(t *testing.T) {
	_, l := create(t)
	o := &outbox{all: leaves(0, 20), placed: make(map[string]int64)}
	ctx, cancel := context.WithCancel(t.Context())
	wake, done := make(chan struct{}), make(chan error)
	go func() { done <- (&ledger.Sequencer{Log: l, Outbox: o, Wake: wake}).Run(ctx) }()
	for range 2 {
		wake <- struct{}{} // taken only between steps: the first has ended when the second is
	}
	cancel()
	must(t, <-done)
	if len(o.placed) != 20 {
		t.Errorf("%d of 20 leaves moved", len(o.placed))
	}
}

// hooked calls before once, ahead of the first Get of name.
type hooked struct {
	ledger.Tiles
	name   string
	before func()
}

func (h *hooked) Get(ctx context.Context, name string) ([]byte, error) {
	if name == h.name && h.before != nil {
		h.before()
		h.before = nil
	}
	return h.Tiles.Get(ctx, name)
}

// A sequencer has read the head. Before it looks for a pending batch, a second
// one completes its batch and removes it, and a third, that had read the same
// head, stores another batch in its place. That one must not be completed.
func TestLateComersBatchIsNotCompleted(t *testing.T) {
	c, l := create(t)
	fill(t, l, 10)
	hc := c
	hc.Tiles = &hooked{Tiles: c.Tiles, name: "pending/10", before: func() {
		_, _, err := l.Append(t.Context(), leaves(10, 13))
		must(t, err)
		var other []byte // of the same number of entries, so that its parts have the same names
		for i := range 3 {
			doc, err := leaf(90 + i).Encode()
			must(t, err)
			other = append(append(other, byte(len(doc)>>8), byte(len(doc))), doc...)
		}
		must(t, c.Tiles.Put(t.Context(), "pending/10", other))
	}}
	at, head, err := reopen(t, hc).Append(t.Context(), leaves(13, 15))
	must(t, err)
	if at[0] != 13 || head.Size != 15 {
		t.Errorf("places %v, size %d", at, head.Size)
	}
	if report := verified(t, reopen(t, c)); !report.OK() || report.Size != 15 {
		t.Errorf("%+v", report.Findings)
	}
}
