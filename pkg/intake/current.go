package intake

import (
	"context"
	"iter"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// Current yields the current rows of one output of a source — a payload table,
// identifiers.parquet or demographics.parquet — over its deliveries, the
// oldest first. Of several rows with one record key the last delivery's counts;
// a row that it withdraws is left out. Rows come by record key, so equal
// inputs give equal rows in one order, whatever the deliveries.
//
// Of a contract that delivers Full give only the last delivery. columns names
// the columns wanted; none means all but the mark of withdrawal. Memory is one
// batch per delivery. The slice yielded is used again for the next row.
func Current(ctx context.Context, deliveries []*columnar.Reader, columns ...string) iter.Seq2[[]columnar.Value, error] {
	return func(yield func([]columnar.Value, error) bool) {
		m, err := newMerge(ctx, deliveries, columns)
		if err != nil {
			yield(nil, err)
			return
		}
		defer m.close()
		if err := m.run(yield); err != nil {
			yield(nil, err)
		}
	}
}

// Withdrawn yields the rows whose last delivery withdraws them, as Current
// yields the others.
func Withdrawn(ctx context.Context, deliveries []*columnar.Reader, columns ...string) iter.Seq2[[]columnar.Value, error] {
	return func(yield func([]columnar.Value, error) bool) {
		m, err := newMerge(ctx, deliveries, columns)
		if err != nil {
			yield(nil, err)
			return
		}
		defer m.close()
		m.marked = true
		if err := m.run(yield); err != nil {
			yield(nil, err)
		}
	}
}

// CurrentSchema returns the columns that Current yields.
func CurrentSchema(deliveries []*columnar.Reader, columns ...string) (columnar.Schema, error) {
	if len(deliveries) == 0 {
		return nil, ark.Faultf(ark.Invalid, "there is no delivery")
	}
	s := deliveries[len(deliveries)-1].Schema()
	if len(columns) == 0 {
		for _, f := range s {
			if f.Name != markColumn {
				columns = append(columns, f.Name)
			}
		}
	}
	out, _, err := s.Pick(columns...)
	return out, err
}

const (
	keyColumn  = "record_key"
	markColumn = "deleted"
	flagColumn = "flags"
)

// cursor is one delivery being read, a batch at a time.
type cursor struct {
	next  func() (arrow.Record, error, bool)
	stop  func()
	batch arrow.Record // nil at the end
	row   int
	at    []int // wanted column → column of the batch
	key   string
}

type currentMerge struct {
	cursors []*cursor
	row     []columnar.Value
	width   int // columns wanted; the key and the mark are behind them
	mark    func(row []columnar.Value) bool
	marked  bool // yield those withdrawn, and no others
}

func newMerge(ctx context.Context, deliveries []*columnar.Reader, columns []string) (*currentMerge, error) {
	schema, err := CurrentSchema(deliveries, columns...)
	if err != nil {
		return nil, err
	}
	m := &currentMerge{width: len(schema), mark: func([]columnar.Value) bool { return false }}
	read := append(schema.Names(), keyColumn)
	all := deliveries[len(deliveries)-1].Schema()
	switch {
	case all.Index(markColumn) >= 0:
		read = append(read, markColumn)
		m.mark = func(row []columnar.Value) bool { return row[m.width+1].Flag() }
	case all.Index(flagColumn) >= 0 && all.Index(string(NHSNumber)) >= 0:
		read = append(read, flagColumn)
		m.mark = func(row []columnar.Value) bool { return row[m.width+1].Str() == flagDeleted }
	}
	for _, d := range deliveries {
		want, _, err := all.Pick(read...)
		if err != nil {
			return nil, err
		}
		got, _, err := d.Schema().Pick(read...)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(want, got) {
			return nil, ark.Faultf(ark.Conflict, "the deliveries were taken in under contracts whose columns differ").Do("take the older ones in again under the present contract")
		}
	}
	for _, d := range deliveries {
		// A column may be wanted and be the key too; each is read once.
		names, at := distinct(read)
		next, stop := iter.Pull2(columnar.Ahead(d.Records(ctx, names...)))
		m.cursors = append(m.cursors, &cursor{next: next, stop: stop, row: -1, at: at})
	}
	m.row = make([]columnar.Value, len(read))
	return m, nil
}

// distinct returns the names once each, and where each of names is in them.
func distinct(names []string) (once []string, at []int) {
	for _, n := range names {
		i := slices.Index(once, n)
		if i < 0 {
			i = len(once)
			once = append(once, n)
		}
		at = append(at, i)
	}
	return once, at
}

func (m *currentMerge) close() {
	for _, c := range m.cursors {
		c.stop()
	}
}

// advance moves a cursor to its next row and refuses one out of order: a file
// that is not sorted would lose corrections unseen.
func (m *currentMerge) advance(c *cursor) error {
	first := c.row < 0 && c.batch == nil
	for c.row++; c.batch == nil || c.row >= int(c.batch.NumRows()); c.row = 0 {
		rec, err, ok := c.next()
		if err != nil {
			return err
		}
		if !ok {
			c.batch = nil
			return nil
		}
		c.batch = rec
	}
	v := columnar.At(c.batch.Column(c.at[m.width]), c.row)
	if key := v.Str(); !first && key <= c.key || v.Type() != cell.String {
		return ark.Faultf(ark.Invalid, "a delivery's rows are not in the order of their record keys").At("", 0, keyColumn)
	}
	c.key = v.Str()
	return nil
}

func (m *currentMerge) run(yield func([]columnar.Value, error) bool) error {
	for _, c := range m.cursors {
		if err := m.advance(c); err != nil {
			return err
		}
	}
	for {
		var last *cursor
		for _, c := range m.cursors { // the last of those with the least key
			if c.batch != nil && (last == nil || c.key <= last.key) {
				last = c
			}
		}
		if last == nil {
			return nil
		}
		for i, col := range last.at {
			m.row[i] = columnar.At(last.batch.Column(col), last.row)
		}
		key := last.key
		for _, c := range m.cursors {
			if c.batch != nil && c.key == key {
				if err := m.advance(c); err != nil {
					return err
				}
			}
		}
		if m.mark(m.row) != m.marked {
			continue
		}
		if !yield(m.row[:m.width], nil) {
			return nil
		}
	}
}
