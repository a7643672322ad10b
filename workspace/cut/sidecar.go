package cut

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/pseudonym"
)

// SidecarSchema is the shape of a sidecar, in the order of the extract's rows:
// which person, in the airlock's own keyed numbering, stands behind the rows of
// a table from this one (the first is 0) to before the next of the sidecar or
// the table's end. The number is the same in every project and version and is
// of no use without the sidecar's domain key.
var SidecarSchema = columnar.Schema{{Name: "table", Type: cell.String}, {Name: "row", Type: cell.Int64}, {Name: "person", Type: cell.Int64}}

// sidecar is the sidecar being written beside the extract: a row for each run
// of rows of one person, since an extract's rows are in the order of persons.
type sidecar struct {
	object *objects.Writer
	table  *columnar.Writer
	row    []columnar.Value // the last run
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
	if row > 0 && s.row[2].Int() == person.Int() {
		return nil
	}
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

// number is the airlock's number of a person, by the name under the first key.
func (c *cutting) number(first string) int64 {
	return int64(c.sidecar.Order(pseudonym.Person, first) >> 1)
}

// AliasSchema is the shape of the table of aliases: every number of a person
// whom linkage ever joined with another or parted, and the number that stands
// for all of them, in order.
var AliasSchema = columnar.Schema{{Name: "number", Type: cell.Int64}, {Name: "person", Type: cell.Int64}}

// putAliases stores the numbers of whom linkage joined or parted, if anybody.
func (c *cutting) putAliases(ctx context.Context) (objects.Ref, error) {
	if len(c.job.Joined) == 0 {
		return objects.Ref{}, nil
	}
	var rows [][2]int64
	for _, ids := range c.job.Joined {
		var numbers []int64
		for _, id := range ids {
			numbers = append(numbers, c.number(c.first.Name(pseudonym.Person, id)))
		}
		for _, n := range numbers {
			rows = append(rows, [2]int64{n, slices.Min(numbers)})
		}
	}
	slices.SortFunc(rows, func(a, b [2]int64) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	var out bytes.Buffer
	w, err := columnar.NewWriter(&out, AliasSchema, columnar.Options{})
	if err != nil {
		return objects.Ref{}, err
	}
	defer w.Close()
	for _, r := range rows {
		if err := w.Append([]columnar.Value{cell.Int(r[0]), cell.Int(r[1])}); err != nil {
			return objects.Ref{}, err
		}
	}
	if err := w.Close(); err != nil {
		return objects.Ref{}, err
	}
	return c.Objects.Put(ctx, objects.Extracts, c.name("aliases.parquet"), SidecarKey, &out)
}
