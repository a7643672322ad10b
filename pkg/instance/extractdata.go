package instance

import (
	"context"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
)

// extractData names the tables and the sidecar of an extract: what the airlock's
// worker needs to compute an output again. The two rooms meet here.
func extractData(ctx context.Context, q store.Querier, extract string) (airlock.Data, error) {
	e, err := workspace.GetExtract(ctx, q, extract)
	if err != nil {
		return airlock.Data{}, err
	}
	d := airlock.Data{Sidecar: e.Sidecar}
	for _, t := range e.Tables {
		d.Tables = append(d.Tables, airlock.DataTable{Name: t.Name, Ref: t.Ref})
	}
	return d, nil
}
