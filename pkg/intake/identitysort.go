package intake

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// eventColumn is the position of event_date in an identity row.
var eventColumn = identitySchema().Index(string(EventDate))

// identitySorts gather identity and demographics of every table of a delivery,
// in two sorts that are written to two zones.
type identitySorts struct {
	p                      *process
	names, coarse          *columnar.Sorter
	identity, demographics bool // a table of the delivery has them
}

func newIdentitySorts(p *process) (*identitySorts, error) {
	s := &identitySorts{p: p}
	number := columnar.Field{Name: rowColumn, Type: columnar.Int64}
	var err error
	s.names, err = columnar.NewSorter(append(identitySchema(p.encoded...), number),
		columnar.SortOptions{By: []string{"record_key", string(EventDate), rowColumn}, Dir: p.job.Scratch, Memory: p.limits.Sort, Pool: p.pool})
	if err != nil {
		return nil, err
	}
	event := columnar.Field{Name: string(EventDate), Type: columnar.Date, Nullable: true}
	s.coarse, err = columnar.NewSorter(append(demographicsSchema(), event, number),
		columnar.SortOptions{By: []string{"record_key", string(EventDate), rowColumn}, Dir: p.job.Scratch, Memory: p.limits.Sort, Pool: p.pool})
	return s, err
}

func (s *identitySorts) close() {
	for _, one := range []*columnar.Sorter{s.names, s.coarse} {
		if one != nil {
			one.Close()
		}
	}
}

// write writes identifiers.parquet and demographics.parquet: one row per
// person's record, of several the latest.
func (s *identitySorts) write(ctx context.Context) error {
	report := &IdentityReport{Flags: map[string]int64{}}
	if s.identity {
		err := s.p.output(ZoneIdentifiers, "identifiers.parquet", func(w io.Writer) (int64, error) {
			schema := identitySchema(s.p.encoded...)
			return parquet(w, schema, func(out *columnar.Writer) error {
				return s.latest(ctx, s.names, func(row []cell.Value) error {
					if s.p.left[row[0]] {
						clear(row[2:])
						row[len(schema)-1] = cell.Str(flagDeleted)
					}
					report.Records++
					for _, f := range strings.Fields(row[len(schema)-1].Str()) {
						report.Flags[f]++
					}
					return out.Append(row[:len(schema)])
				}, false)
			})
		})
		if err != nil {
			return err
		}
		s.p.report.Identifiers = report
	}
	if !s.demographics {
		return nil
	}
	return s.p.output(ZoneIndex, "demographics.parquet", func(w io.Writer) (int64, error) {
		schema := demographicsSchema()
		return parquet(w, schema, func(out *columnar.Writer) error {
			return s.latest(ctx, s.coarse, func(row []cell.Value) error {
				if s.p.left[row[0]] {
					return nil
				}
				return out.Append(row[:len(schema)])
			}, true)
		})
	})
}

// latest gives the last row of each record key to f. Rows that were refused
// when the payload was written are left out. With fill, a missing value is
// taken from the row before.
func (s *identitySorts) latest(ctx context.Context, sorted *columnar.Sorter, f func([]cell.Value) error, fill bool) error {
	var held []cell.Value
	for row, err := range sorted.All(ctx) {
		if err != nil {
			return err
		}
		if s.p.late[row[len(row)-1].Int()] {
			continue
		}
		same := held != nil && row[0] == held[0]
		if held != nil && !same {
			if err := f(held); err != nil {
				return err
			}
		}
		old := held
		held = slices.Clone(row)
		if fill && same {
			for i := range held {
				if held[i].IsNull() {
					held[i] = old[i]
				}
			}
		}
	}
	if held == nil {
		return nil
	}
	return f(held)
}
