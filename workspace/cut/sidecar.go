package cut

import (
	"context"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/objects"
)

// SidecarSchema is the shape of a sidecar, in the order of the extract's rows:
// which person, in the airlock's own keyed numbering, stands behind a row of a
// table. The number is the same in every project and version and is of no use
// without the sidecar's domain key.
var SidecarSchema = columnar.Schema{{Name: "table", Type: cell.String}, {Name: "row", Type: cell.Int64}, {Name: "person", Type: cell.Int64}}

// sidecar is the sidecar being written, row by row beside the extract.
type sidecar struct {
	object *objects.Writer
	table  *columnar.Writer
	row    []columnar.Value
}

func (c *cutting) openSidecar(ctx context.Context) (*sidecar, error) {
	s := &sidecar{object: c.Objects.Writer(ctx, objects.Extracts, c.name("sidecar.parquet"), SidecarKey), row: make([]columnar.Value, 3)}
	var err error
	if s.table, err = columnar.NewWriter(s.object, SidecarSchema, columnar.Options{Behind: true}); err != nil {
		s.object.Abort()
		return nil, err
	}
	return s, nil
}

func (s *sidecar) add(table string, row int64, person columnar.Value) error {
	s.row[0], s.row[1], s.row[2] = cell.Str(table), cell.Int(row), person
	return s.table.Append(s.row)
}

// drop gives up what was not committed.
func (s *sidecar) drop() {
	s.table.Close()
	s.object.Abort()
}

func (s *sidecar) commit() (objects.Ref, error) {
	if err := s.table.Close(); err != nil {
		return objects.Ref{}, err
	}
	return s.object.Commit()
}
