package instance

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/linkage"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
)

// extractData names the tables and the sidecar of an extract: what the airlock's
// worker needs to compute an output again. The two rooms meet here. What was
// taken back or destroyed is refused, so that nothing made of it is submitted,
// computed again or released.
func extractData(ctx context.Context, q store.Querier, extract string) (airlock.Data, error) {
	e, err := workspace.GetExtract(ctx, q, extract)
	if err != nil {
		return airlock.Data{}, err
	}
	if err := e.Stands(ctx, q); err != nil {
		return airlock.Data{}, err
	}
	d := airlock.Data{Sidecar: e.Sidecar, Aliases: e.Aliases}
	var linked []string
	for _, id := range e.Versions {
		v, err := catalogue.GetVersion(ctx, q, id)
		if err != nil {
			return d, err
		}
		linked = append(linked, v.Linkage)
	}
	slices.Sort(linked)
	d.Linked = strings.Join(slices.Compact(linked), "+")
	if e.Linkages == 0 { // an older Ark cut it, or what linkage did can't be told
		runs, err := catalogue.Linkages(ctx, q)
		if err != nil {
			return d, err
		}
		for _, l := range runs {
			d.Relinked += relinked(l.Report)
		}
	}
	for _, t := range e.Tables {
		d.Tables = append(d.Tables, airlock.DataTable{Name: t.Name, Ref: t.Ref})
	}
	return d, nil
}

// relinked counts the people that a linkage joined or parted, by its report:
// before and after they have other numbers in the sidecar.
func relinked(report json.RawMessage) (n int) {
	var r struct {
		Events []linkage.Event `json:"events"`
	}
	if len(report) == 0 {
		return 0
	}
	if json.Unmarshal(report, &r) != nil {
		return 1 << 20 // can't tell: it may be anybody
	}
	for _, e := range r.Events {
		n += len(e.From) + len(e.Into)
	}
	return n
}
