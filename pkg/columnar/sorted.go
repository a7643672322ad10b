package columnar

import (
	"bytes"
	"context"
	"iter"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// Row is a sorted row as its sorter holds it: the cells of the leading columns,
// then the others, each written so that it compares and reads back. It is valid
// until the next one is yielded.
type Row struct {
	sorter *Sorter
	Key    []byte
}

// Sorted yields the rows in order without reading their cells; Append is
// refused from then on, and it can be called once. It costs a fraction of All.
func (s *Sorter) Sorted(ctx context.Context) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		if s.done {
			yield(Row{}, ark.Faultf(ark.Conflict, "the sorted rows were read already"))
			return
		}
		m, err := s.merged()
		n := 0
		for err == nil {
			for key := range m.keys() {
				if n++; n%4096 == 0 && ctx.Err() != nil {
					yield(Row{}, ctx.Err())
					return
				}
				if !yield(Row{s, key}, nil) {
					return
				}
			}
			if err = m.err; err == nil {
				return
			}
		}
		yield(Row{}, err)
	}
}

// Encode appends the key of a row of values to dst.
func (s *Sorter) Encode(dst []byte, row []Value) []byte {
	for _, c := range s.order {
		dst = appendKey(dst, s.schema[c].Type, row[c])
	}
	return dst
}

// Row is the row of a key that was copied out of one.
func (s *Sorter) Row(key []byte) Row { return Row{s, key} }

// Split cuts the row's key behind the first n columns of the sort.
func (r Row) Split(n int) (head, rest []byte) {
	rest = r.Key
	for _, c := range r.sorter.order[:n] {
		rest = skipCell(rest, r.sorter.schema[c].Type)
	}
	return r.Key[:len(r.Key)-len(rest)], rest
}

// Cell reads one column of the row.
func (r Row) Cell(column int) Value {
	b := r.Key
	for _, c := range r.sorter.order {
		if c == column {
			v, _, err := cutKey(b, r.sorter.schema[c].Type)
			if err != nil {
				return cell.Null
			}
			return v
		}
		b = skipCell(b, r.sorter.schema[c].Type)
	}
	return cell.Null
}

// Values reads the whole row into into, which has a place per column.
func (r Row) Values(into []Value) error {
	b, err := r.Key, error(nil)
	for _, c := range r.sorter.order {
		if into[c], b, err = cutKey(b, r.sorter.schema[c].Type); err != nil {
			return err
		}
	}
	return nil
}

// AppendRow adds a sorted row. The writer's columns are the sorter's first
// ones; what the sorter has behind them is left out.
func (w *Writer) AppendRow(r Row) error {
	if w.err != nil {
		return w.err
	}
	key, s := r.Key, r.sorter
	for _, c := range s.order {
		t := s.schema[c].Type
		if c >= len(w.schema) {
			key = skipCell(key, t)
			continue
		}
		if len(key) > 0 && key[0] == markNull && !w.schema[c].Nullable {
			return ark.Faultf(ark.Invalid, "the field is empty and must not be").At("", w.rows+1, w.schema[c].Name)
		}
		var err error
		if key, err = appendCell(w.build.Field(c), t, key); err != nil {
			return err
		}
	}
	return w.endRow()
}

// skipCell returns what follows the first cell of a key; nothing where the key
// is damaged.
func skipCell(b []byte, t Type) []byte {
	switch {
	case len(b) == 0:
		return nil
	case b[0] == markNull:
		return b[1:]
	case t == Bool:
		return b[min(2, len(b)):]
	case t != String:
		return b[min(9, len(b)):]
	}
	for i := 1; i < len(b); {
		j := bytes.IndexByte(b[i:], 0)
		if j < 0 || i+j+1 >= len(b) {
			return nil
		}
		if b[i+j+1] == 1 {
			return b[i+j+2:]
		}
		i += j + 2
	}
	return nil
}
