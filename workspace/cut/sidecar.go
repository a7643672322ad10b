package cut

import (
	"bytes"
	"context"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/objects"
)

// sideRow says which person, in the airlock's own keyed numbering, stands
// behind a row of a table of the extract. The number is the same in every
// project and version and is of no use without the sidecar's domain key.
type sideRow struct {
	table  string
	row    int64
	person int64
}

// SidecarSchema is the shape of a sidecar, in the order of the extract's rows.
var SidecarSchema = columnar.Schema{{Name: "table", Type: cell.String}, {Name: "row", Type: cell.Int64}, {Name: "person", Type: cell.Int64}}

func (c *cutting) putSidecar(ctx context.Context) (objects.Ref, error) {
	var buf bytes.Buffer
	w, err := columnar.NewWriter(&buf, SidecarSchema, columnar.Options{})
	if err != nil {
		return objects.Ref{}, err
	}
	for _, p := range c.people {
		if err := w.Append([]columnar.Value{cell.Str(p.table), cell.Int(p.row), cell.Int(p.person)}); err != nil {
			return objects.Ref{}, err
		}
	}
	if err := w.Close(); err != nil {
		return objects.Ref{}, err
	}
	return c.Objects.Put(ctx, objects.Extracts, c.name("sidecar.parquet"), SidecarKey, &buf)
}
