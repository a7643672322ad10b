package airlock

import (
	"context"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// Exposure is how much the releases of one dataset tell together, for its
// custodians. The figures about people are rounded by the worker that computes
// them: what is stored and shown is never a small count.
type Exposure struct {
	Dataset string `json:"dataset"`
	Cells   int    `json:"cells"`   // released figures that are compared by the people behind them
	Atom    string `json:"atom"`    // the fewest people whom they tell from all others, in words
	Nearest string `json:"nearest"` // the fewest people by which two of them differ, in words
}

// Concern is a dataset behind a release, with the earlier releases of it.
type Concern struct {
	Dataset string        `json:"dataset"`
	Sets    []objects.Ref `json:"sets,omitempty"`
}

// concerns lists the datasets of a permit with the sets of their releases.
func concerns(ctx context.Context, q store.Querier, permit *governance.Permit) ([]Concern, error) {
	all, err := releases.Where(ctx, q, "id <> $1", "")
	if err != nil {
		return nil, err
	}
	var out []Concern
	for _, g := range permit.Grants {
		if slices.ContainsFunc(out, func(c Concern) bool { return c.Dataset == g.Dataset }) {
			continue
		}
		c := Concern{Dataset: g.Dataset}
		for _, r := range all {
			if r.Contributors.Name == "" {
				continue
			}
			p, err := governance.GetPermit(ctx, q, r.Permit)
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(p.Grants, func(o governance.Grant) bool { return o.Dataset == g.Dataset }) {
				c.Sets = append(c.Sets, r.Contributors)
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// ExposureOf is the newest exposure of a dataset, and when it was computed;
// nil where no release of it has been compared.
func ExposureOf(ctx context.Context, q store.Querier, dataset string) (*Exposure, *Release, error) {
	all, err := releases.Where(ctx, q, "id <> $1", "")
	if err != nil {
		return nil, nil, err
	}
	var found *Exposure
	var of *Release
	for i := range all {
		for k := range all[i].Exposure {
			if s := &all[i].Exposure[k]; s.Dataset == dataset && (of == nil || all[i].At.After(of.At)) {
				found, of = s, &all[i]
			}
		}
	}
	return found, of, nil
}

// Remains is what a closed project leaves behind, for its evidence of deletion.
type Remains struct {
	What    string       `json:"what"`
	Zone    objects.Zone `json:"zone"`
	Objects int          `json:"objects"`
	Until   time.Time    `json:"until"`
	Why     string       `json:"why"`
}

// RemainsOf lists what is kept of a project's releases for the comparison of
// later ones.
func RemainsOf(ctx context.Context, q store.Querier, project string) ([]Remains, error) {
	rs, err := ReleasesOf(ctx, q, project)
	if err != nil {
		return nil, err
	}
	sets, last := 0, time.Time{}
	for _, r := range rs {
		if r.Contributors.Name != "" {
			sets++
			if r.At.After(last) {
				last = r.At
			}
		}
	}
	if sets == 0 {
		return []Remains{}, nil
	}
	return []Remains{{What: "who stands behind the project's released figures, by numbers that only the airlock's worker can make", Zone: objects.Contributors, Objects: sets,
		Until: last.Add(objects.DefaultRules()[objects.Contributors].Retain), Why: "without them later releases could not be compared with these, and a few people could be told by subtraction"}}, nil
}
