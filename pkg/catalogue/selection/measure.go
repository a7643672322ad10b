package selection

import (
	"context"
	"fmt"
	"strings"

	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/policies/disclosure"
)

// Measure is how many people cuts reach and how identifiable they would be,
// as texts that have passed the profile.
type Measure struct {
	People   string
	Coverage string // share of the people in the version
	Unique   string // share of people unique on the quasi-identifiers of the person table
}

// People counts the persons a cut reaches: those the filter on the person
// table keeps who have a row in every other table that has a filter.
func (r Reader) People(ctx context.Context) (map[string]bool, error) {
	reached, err := r.Persons(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range r.Cut.Tables {
		if t.Name == catalogue.PersonTable || t.Filter == "" {
			continue
		}
		has := map[string]bool{}
		if err := r.Rows(ctx, t.Name, reached, func(row []columnar.Value) error {
			has[row[0].Str()] = true
			return nil
		}); err != nil {
			return nil, err
		}
		reached = has
	}
	return reached, nil
}

// Measure measures the cut under the profile. all is the number of people in
// the version.
func (r Reader) Measure(ctx context.Context, profile disclosure.Profile, quasi []string) (Measure, error) {
	reached, err := r.People(ctx)
	if err != nil {
		return Measure{}, err
	}
	everybody := r
	everybody.Cut.Tables = nil
	for _, t := range r.Cut.Tables {
		t.Filter = ""
		everybody.Cut.Tables = append(everybody.Cut.Tables, t)
	}
	all, err := everybody.Persons(ctx)
	if err != nil {
		return Measure{}, err
	}
	unique, err := r.unique(ctx, reached, quasi)
	if err != nil {
		return Measure{}, err
	}
	n := int64(len(reached))
	return Measure{
		People:   disclosure.RoundCount(profile, n).Text,
		Coverage: share(profile, n, int64(len(all))),
		Unique:   share(profile, unique, n),
	}, nil
}

// unique counts the persons alone in their combination of quasi-identifiers,
// named "person.variable".
func (r Reader) unique(ctx context.Context, reached map[string]bool, quasi []string) (int64, error) {
	t, ok := r.table(catalogue.PersonTable)
	if !ok {
		return 0, nil
	}
	var at []int
	for i, v := range t.Variables {
		for _, q := range quasi {
			if q == catalogue.PersonTable+"."+v.Name {
				at = append(at, i+1)
			}
		}
	}
	if len(at) == 0 {
		return 0, nil
	}
	groups := map[string]int{}
	err := r.Rows(ctx, catalogue.PersonTable, reached, func(row []columnar.Value) error {
		var key strings.Builder
		for _, i := range at {
			fmt.Fprintf(&key, "%q|", row[i].Text())
		}
		groups[key.String()]++
		return nil
	})
	var n int64
	for _, size := range groups {
		if size == 1 {
			n++
		}
	}
	return n, err
}

// share is part of whole as a text, from counts as the profile shows them.
func share(p disclosure.Profile, part, whole int64) string {
	a, b := disclosure.RoundCount(p, part), disclosure.RoundCount(p, whole)
	switch {
	case b.Masked || b.Value == 0:
		return "too few people to say"
	case a.Masked || a.Value == 0:
		return "none, or too few to say"
	case a.Value >= b.Value:
		return "all, or nearly all"
	}
	return fmt.Sprintf("about %d %%", max(1, a.Value*100/b.Value))
}
