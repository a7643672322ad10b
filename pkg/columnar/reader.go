package columnar

import (
	"context"
	"fmt"
	"io"
	"iter"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/pages"
)

// BatchRows is how many rows a record has at most.
const BatchRows = 8192

// Reader reads one Parquet table, a batch at a time. Of a file from outside
// (Limits.Foreign) it trusts nothing. It may be read from several goroutines only one after the other.
type Reader struct {
	at     io.ReaderAt
	schema Schema
	file   *file.Reader
	arrow  *pqarrow.FileReader
	mem    *bounded
	limits Limits
	rows   int64
}

// Open reads the footer of the Parquet file of the given size. A file that is
// malformed, nested, encrypted or over the limits is an Invalid or TooMuch
// fault.
func Open(ra io.ReaderAt, size int64, l Limits) (*Reader, error) {
	useCodec()
	l = l.orDefault()
	if err := checkFooter(ra, size, l); err != nil {
		return nil, err
	}
	r := &Reader{at: io.NewSectionReader(ra, 0, size), limits: l, mem: newBounded(l.Memory)}
	return r, guard(func() error { return r.open(ra, size) })
}

func (r *Reader) open(ra io.ReaderAt, size int64) error {
	props := parquet.NewReaderProperties(r.mem)
	props.BufferedStreamEnabled, props.BufferSize = true, 64<<10
	f, err := file.NewParquetReader(io.NewSectionReader(ra, 0, size), file.WithReadProps(props))
	if err != nil {
		return malformed(err)
	}
	r.file = f
	if err := r.checkGroups(size); err != nil {
		return err
	}
	r.arrow, err = pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: BatchRows}, r.mem)
	if err != nil {
		return malformed(err)
	}
	as, err := r.arrow.Schema()
	if err != nil {
		return malformed(err)
	}
	if r.schema, err = FromArrow(as); err != nil {
		return err
	}
	if f.MetaData().Schema.NumColumns() != len(r.schema) {
		return malformed(fmt.Errorf("nested columns"))
	}
	return nil
}

func (r *Reader) checkGroups(size int64) error {
	meta := r.file.MetaData()
	if meta.Schema.NumColumns() > MaxColumns || r.file.NumRowGroups() > r.limits.Groups {
		return ark.Faultf(ark.TooMuch, "the Parquet file has more than %d columns or %d row groups", MaxColumns, r.limits.Groups)
	}
	for g := range r.file.NumRowGroups() {
		rg := meta.RowGroup(g)
		n := rg.NumRows()
		if n < 0 || rg.NumColumns() != meta.Schema.NumColumns() {
			return malformed(fmt.Errorf("row group %d is inconsistent", g))
		}
		if r.rows += n; r.rows > r.limits.Rows {
			return ark.Faultf(ark.TooMuch, "the Parquet file has more than %d rows", r.limits.Rows)
		}
		for c := range rg.NumColumns() {
			chunk, err := rg.ColumnChunk(c)
			if err != nil {
				return malformed(err)
			}
			packed, plain, at := chunk.TotalCompressedSize(), chunk.TotalUncompressedSize(), chunk.DataPageOffset()
			if packed < 0 || plain < 0 || at < 0 || at > size || packed > size || chunk.NumValues() != n {
				return malformed(fmt.Errorf("column chunk %d of row group %d is inconsistent", c, g))
			}
			if plain > r.limits.Chunk {
				return ark.Faultf(ark.TooMuch, "a column chunk of the Parquet file unpacks to more than %d bytes", r.limits.Chunk).Do("write it with smaller row groups")
			}
		}
	}
	if r.rows != r.file.NumRows() {
		return malformed(fmt.Errorf("row groups don't add up"))
	}
	return nil
}

// Schema returns the table's columns.
func (r *Reader) Schema() Schema { return r.schema }

// NumRows returns how many rows the table has.
func (r *Reader) NumRows() int64 { return r.rows }

// Records yields the table in batches of at most BatchRows rows, with the
// named columns in the order asked; none named means all. A record lives until
// the next one is yielded: Retain it to keep it. Iteration ends at the first
// error. It may be started again and again.
func (r *Reader) Records(ctx context.Context, columns ...string) iter.Seq2[arrow.Record, error] {
	return r.records(ctx, r.arrow, columns)
}

// Coded is Records for a caller that takes every cell with At: text columns that
// the file holds by dictionary are left so, which spares the copying of every
// cell where few of them are looked at.
func (r *Reader) Coded(ctx context.Context, columns ...string) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		props := pqarrow.ArrowReadProperties{BatchSize: BatchRows}
		for i, f := range r.schema {
			props.SetReadDict(i, f.dictionary())
		}
		var coded *pqarrow.FileReader
		err := guard(func() (err error) {
			if coded, err = pqarrow.NewFileReader(r.file, props, r.mem); err != nil {
				err = malformed(err)
			}
			return err
		})
		if err != nil {
			yield(nil, err)
			return
		}
		r.records(ctx, coded, columns)(yield)
	}
}

func (r *Reader) records(ctx context.Context, from *pqarrow.FileReader, columns []string) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		if err := r.each(ctx, from, columns, func(rec arrow.Record) bool { return yield(rec, nil) }); err != nil {
			yield(nil, err)
		}
	}
}

func (r *Reader) each(ctx context.Context, from *pqarrow.FileReader, columns []string, yield func(arrow.Record) bool) error {
	schema, at, err := r.schema.Pick(columns...)
	if err != nil {
		return err
	}
	if r.limits.Foreign {
		if err := guard(func() error { return r.hold(ctx, at) }); err != nil {
			return err
		}
	}
	cols := make([]*pqarrow.ColumnReader, 0, len(at))
	defer func() {
		for _, c := range cols {
			_ = guard(func() error { c.Release(); return nil })
		}
	}()
	err = guard(func() error {
		for _, i := range at {
			c, err := from.GetColumn(ctx, i)
			if err != nil {
				return malformed(err)
			}
			cols = append(cols, c)
		}
		return nil
	})
	for left := r.rows; left > 0 && err == nil; {
		if err = ctx.Err(); err != nil {
			break
		}
		var rec arrow.Record
		if rec, err = r.batch(schema, cols, min(left, BatchRows)); err != nil {
			break
		}
		left -= rec.NumRows()
		more := yield(rec)
		rec.Release()
		if !more {
			break
		}
	}
	return err
}

// hold holds pages of a file from outside against what they claim.
func (r *Reader) hold(ctx context.Context, columns []int) error {
	if err := pages.Check(ctx, r.at, r.file, columns...); err != nil && ctx.Err() == nil {
		return malformed(err)
	}
	return ctx.Err()
}

func (r *Reader) batch(s Schema, cols []*pqarrow.ColumnReader, n int64) (rec arrow.Record, err error) {
	err = guard(func() error {
		arrays, fields := make([]arrow.Array, len(cols)), make([]arrow.Field, len(cols))
		defer func() {
			for _, a := range arrays {
				if a != nil {
					a.Release()
				}
			}
		}()
		for i, c := range cols {
			chunks, err := c.NextBatch(n)
			if err != nil {
				return malformed(err)
			}
			if arrays[i], err = r.join(chunks); err != nil {
				return err
			}
			if int64(arrays[i].Len()) != n {
				return malformed(fmt.Errorf("a column ends early"))
			}
			if err := r.checkCells(s[i].Name, arrays[i]); err != nil {
				return err
			}
			fields[i] = arrow.Field{Name: s[i].Name, Type: arrays[i].DataType(), Nullable: s[i].Nullable}
		}
		rec = array.NewRecord(arrow.NewSchema(fields, nil), arrays, n)
		return nil
	})
	return rec, err
}

func (r *Reader) join(c *arrow.Chunked) (arrow.Array, error) {
	if c == nil {
		return nil, malformed(fmt.Errorf("a column ends early"))
	}
	defer c.Release()
	if len(c.Chunks()) == 1 {
		c.Chunk(0).Retain()
		return c.Chunk(0), nil
	}
	if c.DataType().ID() == arrow.DICTIONARY {
		return r.spelled(c)
	}
	out, err := array.Concatenate(c.Chunks(), r.mem)
	if err != nil {
		return nil, malformed(err)
	}
	return out, nil
}

// spelled puts chunks that have a dictionary each, as of two row groups, into one
// array of plain texts: arrow's own joining mixes their words up.
func (r *Reader) spelled(c *arrow.Chunked) (arrow.Array, error) {
	b := array.NewStringBuilder(r.mem)
	defer b.Release()
	for _, chunk := range c.Chunks() {
		d, ok := chunk.(*array.Dictionary)
		if !ok {
			return nil, malformed(fmt.Errorf("a dictionary of another type"))
		}
		if err := r.checkCoded("", d); err != nil {
			return nil, err
		}
		for i := range d.Len() {
			if v := At(d, i); v.IsNull() {
				b.AppendNull()
			} else {
				b.Append(v.Str())
			}
		}
	}
	return b.NewArray(), nil
}

// checkCells refuses strings over the limit or that aren't UTF-8, so that
// nothing after the reader needs to ask again.
func (r *Reader) checkCells(name string, a arrow.Array) error {
	if d, ok := a.(*array.Dictionary); ok {
		return r.checkCoded(name, d)
	}
	s, ok := a.(*array.String)
	if !ok {
		return nil
	}
	for i := range s.Len() {
		if s.IsNull(i) {
			continue
		}
		v := s.Value(i)
		if len(v) > r.limits.Cell {
			return ark.Faultf(ark.TooMuch, "a cell is longer than %d bytes", r.limits.Cell).At("", 0, name)
		}
		if !utf8.ValidString(v) {
			return ark.Faultf(ark.Invalid, "a cell's text is not UTF-8").At("", 0, name)
		}
	}
	return nil
}

// checkCoded checks the words of a dictionary, and that every cell is one.
func (r *Reader) checkCoded(name string, d *array.Dictionary) error {
	words, ok := d.Dictionary().(*array.String)
	indices, fine := d.Indices().(*array.Int32)
	if !ok || !fine {
		return malformed(fmt.Errorf("a dictionary of another type"))
	}
	n := int32(words.Len())
	for i, at := range indices.Int32Values() {
		if (at < 0 || at >= n) && !d.IsNull(i) {
			return malformed(fmt.Errorf("a cell that its dictionary does not hold"))
		}
	}
	return r.checkCells(name, words)
}

// Rows yields the table row by row. The slice is used again for the next row:
// copy it to keep it (its values may be kept).
func (r *Reader) Rows(ctx context.Context, columns ...string) iter.Seq2[[]Value, error] {
	return func(yield func([]Value, error) bool) {
		var row []Value
		for rec, err := range r.Records(ctx, columns...) {
			if err != nil {
				yield(nil, err)
				return
			}
			if row == nil {
				row = make([]Value, rec.NumCols())
			}
			for i := range int(rec.NumRows()) {
				for c, col := range rec.Columns() {
					row[c] = At(col, i)
				}
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}
