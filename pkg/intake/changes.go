package intake

import (
	"context"
	"io"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/nhsnumber"
)

// ChangesName is the file of values that cleansing changed, of a zone. No table
// can have its name.
const ChangesName = "_changes.parquet"

// rawText bounds the raw text that is kept of a value, in bytes.
const rawText = 128

// changesSchema is the shape of a file of changed values: where the value
// stood, which rule changed it, and both values; clean is null where nothing
// is left. Rows are in the order of the delivery.
func changesSchema() columnar.Schema {
	return columnar.Schema{{Name: "file", Type: cell.String}, {Name: "row", Type: cell.Int64}, {Name: "table", Type: cell.String}, {Name: "field", Type: cell.String},
		{Name: "rule", Type: cell.String}, {Name: "raw", Type: cell.String}, {Name: "clean", Type: cell.String, Nullable: true}}
}

// change is a value of the row in hand that is not what was sent.
type change struct {
	field *fieldRun
	rule  string
	raw   []byte // valid until the next row
	clean cell.Value
}

// changedPerson is the column behind what is written that says whose value it
// is, where somebody may be left out as a whole; the order of the delivery
// stands behind it.
const changedPerson = 7

// changes gathers changed values by zone; they are written when it is known who
// is left out.
type changes struct {
	p     *process
	zones map[Zone]*columnar.Sorter
	row   []cell.Value
	n     int64
}

func (c *changes) sorter(zone Zone) (*columnar.Sorter, error) {
	if s := c.zones[zone]; s != nil {
		return s, nil
	}
	shape := append(changesSchema(), columnar.Field{Name: "person", Type: cell.String, Nullable: true}, columnar.Field{Name: "number", Type: cell.Int64})
	s, err := columnar.NewSorter(shape, columnar.SortOptions{By: []string{"number"}, Dir: c.p.job.Scratch, Memory: c.p.limits.Sort / 4, Pool: c.p.pool})
	if err != nil {
		return nil, err
	}
	c.zones[zone], c.row = s, make([]cell.Value, len(shape))
	return s, nil
}

// add keeps a changed value in the zone where it belongs: that of its field,
// and for a text that holds a person's number, wherever it was written, that of
// identifiers.
func (c *changes) add(file string, row int64, table string, person cell.Value, x change) error {
	zone := ZonePayload
	if x.field.To == ToIdentifier || holdsNumber(x.raw) {
		zone = ZoneIdentifiers
	}
	s, err := c.sorter(zone)
	if err != nil {
		return err
	}
	raw, clean := x.raw, x.clean
	if len(raw) > rawText {
		raw = raw[:rawText]
	}
	if !clean.IsNull() && clean.Type() != cell.String {
		clean = cell.Str(clean.Text())
	}
	x.field.report.change(x.rule, clean.IsNull())
	c.n++
	copy(c.row, []cell.Value{cell.Str(file), cell.Int(row), cell.Str(table), cell.Str(x.field.Name), cell.Str(x.rule), cell.Str(printable(raw)), clean, person, cell.Int(c.n)})
	return s.Append(c.row)
}

// printable is a text without what is not UTF-8.
func printable(raw []byte) string { return string([]rune(string(raw))) }

// holdsNumber reports whether a text holds a valid NHS number, in one piece or
// written in three.
func holdsNumber(raw []byte) bool {
	var digits [10]byte
	n := 0
	for i, b := range raw {
		switch {
		case b >= '0' && b <= '9':
			copy(digits[:], digits[1:])
			digits[9] = b
			n++
			next := i + 1
			if n >= 10 && (next == len(raw) || raw[next] < '0' || raw[next] > '9') && nhsnumber.Valid(string(digits[:])) {
				return true
			}
		case b != ' ' && b != '-':
			n = 0
		}
	}
	return false
}

// write writes the files, without the values of people who are left out.
func (c *changes) write(ctx context.Context) error {
	for _, zone := range []Zone{ZoneIdentifiers, ZonePayload} {
		s := c.zones[zone]
		if s == nil {
			continue
		}
		err := c.p.output(zone, ChangesName, func(w io.Writer) (int64, error) {
			return parquet(w, changesSchema(), func(out *columnar.Writer) error {
				for row, err := range s.Sorted(ctx) {
					if err != nil {
						return err
					}
					if person := row.Cell(changedPerson); !person.IsNull() && c.p.left[person] {
						continue
					}
					if err := out.AppendRow(row); err != nil {
						return err
					}
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *changes) close() {
	for _, s := range c.zones {
		s.Close()
	}
}
