package worker

import (
	"context"
	"slices"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/airlock/inspect/known"
	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/pseudonym"
)

// leastName is the shortest name of a person that is looked for: shorter ones
// would be found by chance.
const leastName = 8

// pseudonyms makes a set of all pseudonyms of an extract, for ark-inspect to
// look for; nil: there are none, or the extract is there no more.
func (b Bench) pseudonyms(ctx context.Context, d airlock.Data) (inspect.Known, error) {
	var sums []uint64
	for _, t := range d.Tables {
		more, err := b.pseudonymsOf(ctx, t)
		switch ark.KindOf(err) {
		case ark.Unknown, ark.Lapsed: // of a closed project: their form is looked for all the same
			continue
		}
		if err != nil {
			return nil, err
		}
		sums = append(sums, more...)
	}
	if len(sums) == 0 {
		return nil, nil
	}
	f, _, err := known.MakeSums(b.Tmp, sums)
	return f, err
}

func (b Bench) pseudonymsOf(ctx context.Context, t airlock.DataTable) ([]uint64, error) {
	f, err := b.Objects.OpenAt(ctx, t.Ref)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := columnar.Open(f, t.Ref.Size, columnar.Limits{})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, c := range r.Schema() {
		if c.Type == cell.String {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	var sums []uint64
	for row, err := range r.Rows(ctx, names...) {
		if err != nil {
			return nil, err
		}
		for i, v := range row {
			if v.IsNull() {
				continue
			}
			if s := v.Str(); pseudonym.IsPseudonym(s) || names[i] == person && len(s) >= leastName {
				sums = append(sums, known.Sum([]byte(look.Fold(s))))
			}
		}
	}
	slices.Sort(sums)
	return slices.Compact(sums), nil
}
