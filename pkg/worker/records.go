package worker

import (
	"context"
	"errors"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/inspect/rows"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue/selection"
)

// recordsAmong counts the records of the pinned extract among the numbers of a
// model. An extract that is there no more holds none: what was made of it is
// for people, as every model is.
func (b Bench) recordsAmong(ctx context.Context, d airlock.Data, numbers [][]float32) (int, error) {
	finder, n := rows.New(numbers), 0
	for _, t := range d.Tables {
		k, err := b.scan(ctx, finder, t)
		switch ark.KindOf(err) {
		case ark.Unknown, ark.Lapsed:
			continue
		}
		if err != nil {
			return 0, err
		}
		n += k
	}
	return n, nil
}

func (b Bench) scan(ctx context.Context, finder *rows.Finder, t airlock.DataTable) (n int, err error) {
	r, c, err := selection.Objects(b.Objects)(ctx, t.Ref)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return finder.Scan(ctx, rows.Of(ctx, r))
}
