package worker

import (
	"context"
	"errors"
	"slices"

	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/pkg/objects"
)

// Pages draws pages of submitted PDFs for those who look at them: one document
// at a time, each by an ark-inspect of its own. It keeps the newest pictures,
// and remembers what can't be drawn. Make it with NewPages.
type Pages struct {
	bench Bench
	turn  chan struct{} // holds one token: whose turn it is guards kept
	kept  []keptPages   // the newest last
}

type keptPages struct {
	sum   string // of the document's bytes
	from  int
	drawn inspect.Drawn
	err   error // inspect.ErrNotDrawn or nil
	size  int
}

// What is kept of pictures.
const (
	mostKept     = 64 // answers
	mostKeptSize = 64 << 20
)

// NewPages draws with what b holds.
func NewPages(b Bench) *Pages { return &Pages{bench: b, turn: make(chan struct{}, 1)} }

// Draw draws pages of the document at ref, from the one numbered from on. What
// can't be drawn is inspect.ErrNotDrawn.
func (p *Pages) Draw(ctx context.Context, ref objects.Ref, from int) (inspect.Drawn, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return inspect.Drawn{}, ctx.Err()
	}
	// The bytes are read every time: those that changed are not to be shown.
	data, err := p.bench.bytes(ctx, ref)
	if err != nil {
		return inspect.Drawn{}, err
	}
	is := func(k keptPages) bool { return k.sum == ref.SHA256 && k.from == from }
	if i := slices.IndexFunc(p.kept, is); i >= 0 {
		k := p.kept[i]
		p.kept = append(slices.Delete(p.kept, i, i+1), k)
		return k.drawn, k.err
	}
	k := keptPages{sum: ref.SHA256, from: from}
	k.drawn, k.err = p.bench.Inspect.Draw(ctx, data, from)
	if k.err != nil && !errors.Is(k.err, inspect.ErrNotDrawn) {
		return inspect.Drawn{}, k.err
	}
	for _, x := range k.drawn.Pages {
		k.size += len(x.PNG)
	}
	p.kept = append(p.kept, k)
	total := 0
	for _, x := range p.kept {
		total += x.size
	}
	for len(p.kept) > 1 && (len(p.kept) > mostKept || total > mostKeptSize) {
		total -= p.kept[0].size
		p.kept = slices.Delete(p.kept, 0, 1)
	}
	return k.drawn, k.err
}
