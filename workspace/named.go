package workspace

import (
	"context"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// named says on which key of names an extract rests, and what its cut needs to
// keep people's names where a version is named under another. Things other than
// people cannot be followed over a change of the key: an extract whose datasets
// would call one kind of thing by two keys is refused, and one in which they
// are not called as in the extract before says so.
func (r *Room) named(ctx context.Context, tx *store.Tx, e *Extract, job *CutJob) error {
	before, err := extracts.Where(ctx, tx, "project = $1", e.Project)
	if err != nil {
		return err
	}
	if len(before) > 0 {
		e.Named = max(1, before[0].Named)
	} else if e.Named, err = catalogue.CurrentNames(ctx, tx); err != nil {
		return err
	}
	job.Named = e.Named
	kinds := map[string]int{} // kind of thing → key
	for _, c := range job.Cuts {
		if e.Named > 1 || c.Names > 1 {
			if job.Indexes == nil {
				job.Indexes = map[string]objects.Ref{}
			}
			if job.Indexes[c.Version], err = catalogue.IndexOf(ctx, tx, c.Version); err != nil {
				return err
			}
		}
		things := 0
		for _, t := range c.Tables {
			for _, v := range t.Variables {
				if v.Transform != "entity" {
					continue
				}
				things++
				if k := kinds[v.Name]; k != 0 && k != c.Names {
					return ark.Faultf(ark.Conflict, "the datasets of this permit call %q by different keys of names, so that their rows could not be joined", v.Name).
						Do("publish a version of the older one, under the key in use now, and cut again")
				}
				kinds[v.Name] = c.Names
			}
		}
		if things == 0 {
			continue
		}
		was, err := namesBefore(ctx, tx, before, c.Dataset)
		if err != nil {
			return err
		}
		if was != 0 && was != c.Names && !slices.Contains(e.Renamed, c.Slug) {
			e.Renamed = append(e.Renamed, c.Slug)
		}
	}
	return nil
}

// namesBefore is the key under which the last ready extract's version of a
// dataset is named, 0 where there is none.
func namesBefore(ctx context.Context, q store.Querier, before []Extract, dataset string) (int, error) {
	for i := len(before) - 1; i >= 0; i-- {
		if before[i].Run != "" || before[i].Cut.IsZero() {
			continue
		}
		for _, id := range before[i].Versions {
			v, err := catalogue.GetVersion(ctx, q, id)
			if err != nil {
				return 0, err
			}
			if v.Dataset == dataset {
				return v.Names(), nil
			}
		}
	}
	return 0, nil
}
