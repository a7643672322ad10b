package catalogue

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/ark-tre/ark/pkg/store"
)

// Joined are the person ids of the index that were ever one person's, by what
// every linkage that has ended says it joined or parted, and how many these
// are. None are counted if what one of them did can't be told.
func Joined(ctx context.Context, q store.Querier) (groups [][]string, linked int, err error) {
	all, err := linkages.Where(ctx, q, "state = 'done'")
	if err != nil {
		return nil, 0, err
	}
	groups, linked = joined(all)
	return groups, linked, nil
}

func joined(all []Linkage) (groups [][]string, linked int) {
	up := map[string]string{}
	find := func(id string) string {
		for up[id] != id && up[id] != "" {
			id = up[id]
		}
		up[id] = id
		return id
	}
	for _, l := range all {
		if len(l.Report) == 0 {
			continue
		}
		var report struct {
			Events []struct{ From, Into []string }
		}
		if json.Unmarshal(l.Report, &report) != nil {
			return nil, 0
		}
		for _, e := range report.Events {
			ids := slices.Concat(e.From, e.Into)
			for i := range ids {
				a, b := find(ids[0]), find(ids[i])
				up[max(a, b)] = min(a, b)
			}
		}
	}
	at := map[string]int{}
	for _, id := range slices.Sorted(maps.Keys(up)) {
		one := find(id)
		i, ok := at[one]
		if !ok {
			i = len(groups)
			at[one] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], id)
	}
	return groups, len(all)
}
