package catalogue

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// Lineage is what a version was made from.
type Lineage struct {
	Linkage    int           `json:"linkage"` // its number
	Linked     time.Time     `json:"linked,omitzero"`
	Deliveries []LineageItem `json:"deliveries"`
}

// LineageItem is one delivery behind a version.
type LineageItem struct {
	Delivery string    `json:"delivery"`
	Name     string    `json:"name"`
	Source   string    `json:"source"`
	Org      string    `json:"org"`
	Contract string    `json:"contract"` // hash of the source's contract now
	Received time.Time `json:"received"`
	State    string    `json:"state"`
}

// LineageOf leads a version back to its deliveries and its linkage.
func LineageOf(ctx context.Context, q store.Querier, v Version) (*Lineage, error) {
	l, err := linkages.Get(ctx, q, v.Linkage)
	if err != nil {
		return nil, err
	}
	out := Lineage{Linkage: l.Number, Linked: l.Finished, Deliveries: []LineageItem{}}
	for _, id := range v.Deliveries {
		d, err := deliveries.Get(ctx, q, id)
		if err != nil {
			return nil, err
		}
		s, err := sources.Get(ctx, q, d.Source)
		if err != nil {
			return nil, err
		}
		out.Deliveries = append(out.Deliveries, LineageItem{Delivery: d.ID, Name: d.Name, Source: s.Slug, Org: s.Org, Contract: s.ContractHash, Received: d.Received, State: d.State})
	}
	return &out, nil
}

// Changes are what differs between two versions of a dataset. Counts are the
// texts that each version was published with: their difference is taken of
// rounded figures only.
type Changes struct {
	From      string   `json:"from"`
	To        string   `json:"to"`
	Relinked  bool     `json:"relinked"`  // by another linkage
	Added     []string `json:"added"`     // deliveries
	Gone      []string `json:"gone"`      // deliveries
	Variables []string `json:"variables"` // what became of variables, in words
	Counts    []Count  `json:"counts"`    // of people and of rows
}

// Count is a rounded figure before and after.
type Count struct {
	What   string `json:"what"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Compare says what differs from one version to a later one of one dataset.
func Compare(a, b Version) (*Changes, error) {
	if a.Dataset != b.Dataset {
		return nil, ark.Faultf(ark.Invalid, "the versions are of two datasets").Do("compare versions of one dataset")
	}
	c := Changes{From: a.ID, To: b.ID, Relinked: a.Linkage != b.Linkage, Added: without(b.Deliveries, a.Deliveries), Gone: without(a.Deliveries, b.Deliveries), Variables: []string{}, Counts: []Count{}}
	if a.People != b.People {
		c.Counts = append(c.Counts, Count{"people", a.People, b.People})
	}
	for _, t := range b.Tables {
		old, ok := a.Table(t.Name)
		switch {
		case !ok:
			c.Counts = append(c.Counts, Count{"rows of " + t.Name, "", t.RowText})
		case old.RowText != t.RowText:
			c.Counts = append(c.Counts, Count{"rows of " + t.Name, old.RowText, t.RowText})
		}
	}
	for _, t := range a.Tables {
		if _, ok := b.Table(t.Name); !ok {
			c.Counts = append(c.Counts, Count{"rows of " + t.Name, t.RowText, ""})
		}
	}
	before, after := dictionaryOf(a), dictionaryOf(b)
	if before == nil || after == nil {
		return &c, nil // from before versions kept their dictionary
	}
	for _, name := range sortedKeys(after) {
		x, y := before[name], after[name]
		switch {
		case x.Name == "":
			c.Variables = append(c.Variables, name+" is new")
		case x.Type != y.Type:
			c.Variables = append(c.Variables, fmt.Sprintf("%s was of the type %s and is %s", name, x.Type, y.Type))
		case x.Transform != y.Transform:
			c.Variables = append(c.Variables, fmt.Sprintf("%s was transformed by %q and is by %q", name, x.Transform, y.Transform))
		case x.Sensitivity != y.Sensitivity:
			c.Variables = append(c.Variables, fmt.Sprintf("%s was %s and is %s", name, x.Sensitivity, y.Sensitivity))
		case x.Meaning != y.Meaning:
			c.Variables = append(c.Variables, name+" has another description")
		}
	}
	for _, name := range sortedKeys(before) {
		if after[name].Name == "" {
			c.Variables = append(c.Variables, name+" is gone")
		}
	}
	return &c, nil
}

func without(xs, gone []string) []string {
	out := []string{}
	for _, x := range xs {
		if !slices.Contains(gone, x) {
			out = append(out, x)
		}
	}
	return out
}

func dictionaryOf(v Version) map[string]Variable {
	if len(v.Dictionary) == 0 {
		return nil
	}
	out := map[string]Variable{}
	for _, t := range v.Dictionary {
		for _, x := range t.Variables {
			out[t.Name+"."+x.Name] = x
		}
	}
	return out
}

func sortedKeys(m map[string]Variable) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// Before is the newest published or withdrawn version before v, nil if v is
// the first.
func Before(vs []Version, v Version) *Version {
	var out *Version
	for i, x := range vs {
		if x.Number < v.Number && !x.Published.IsZero() && (out == nil || x.Number > out.Number) {
			out = &vs[i]
		}
	}
	return out
}
