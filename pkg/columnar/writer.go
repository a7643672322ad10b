package columnar

import (
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// Compression names a codec. The zero value is zstd.
type Compression string

// The codecs.
const (
	Zstd   Compression = "zstd"
	Snappy Compression = "snappy"
)

// DefaultRowGroup is how many rows a row group has unless Options say else.
const DefaultRowGroup = 1 << 16

// Options are how a file is written. They are part of what decides its bytes:
// a writer that wants the same hash twice uses the same options twice.
type Options struct {
	Compression Compression // default zstd
	RowGroup    int         // rows per row group, default DefaultRowGroup
	// Behind packs and writes each row group in a goroutine of its own while the
	// next one is gathered: two groups are held then, a failure to write comes
	// with a later row or with Close, and Close must be called on every path,
	// before whatever is behind the writer is closed or given up.
	Behind bool
	// Each is called with every row group before it is written, in order and by
	// one goroutine. It must not keep the record.
	Each func(arrow.Record) error
}

// Writer writes one table as Parquet, holding one row group in memory, two
// where Options.Behind is set.
// It is not safe for concurrent use. After the first error every call returns it.
type Writer struct {
	schema Schema
	arrow  *arrow.Schema
	sink   *sink
	file   *file.Writer
	build  *array.RecordBuilder
	opt    Options
	behind chan error // of the row group being written, nil where there is none
	group  int
	held   int
	rows   int64
	err    error
	closed bool
}

// NewWriter begins a table on w. It does not close w.
func NewWriter(w io.Writer, s Schema, o Options) (*Writer, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if o.RowGroup == 0 {
		o.RowGroup = DefaultRowGroup
	}
	if o.RowGroup < 1 || o.RowGroup > 1<<20 {
		return nil, ark.Faultf(ark.Invalid, "a row group has 1 to %d rows", 1<<20)
	}
	useCodec()
	codec, err := codecOf(o.Compression)
	if err != nil {
		return nil, err
	}
	props := []parquet.WriterProperty{
		parquet.WithCompression(codec), parquet.WithCreatedBy("ark"), parquet.WithDictionaryDefault(false),
		parquet.WithMaxRowGroupLength(int64(o.RowGroup)), parquet.WithDictionaryPageSizeLimit(256 << 10),
	}
	for _, f := range s {
		if f.dictionary() { // falls back to plain by itself once a group's dictionary passes its limit
			props = append(props, parquet.WithDictionaryPath(parquet.ColumnPath{f.Name}, true))
		}
	}
	as := s.Arrow()
	var out *file.Writer
	to := &sink{to: w}
	err = guardWrite(func() error {
		p := parquet.NewWriterProperties(props...)
		shape, err := pqarrow.ToParquet(as, p, pqarrow.NewArrowWriterProperties())
		if err == nil {
			out = file.NewParquetWriter(to, shape.Root(), file.WithWriterProps(p), file.WithWriteMetadata(metadata.KeyValueMetadata{}))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("columnar: begin a table: %w", err)
	}
	return &Writer{schema: s, arrow: as, sink: to, file: out, opt: o, group: o.RowGroup, build: array.NewRecordBuilder(memory.NewGoAllocator(), as)}, nil
}

func codecOf(c Compression) (compress.Compression, error) {
	switch c {
	case "", Zstd:
		return compress.Codecs.Zstd, nil
	case Snappy:
		return compress.Codecs.Snappy, nil
	}
	return 0, ark.Faultf(ark.Invalid, "%q is not a compression", string(c)).Do("use zstd or snappy")
}

// Schema returns the table's columns.
func (w *Writer) Schema() Schema { return w.schema }

// Rows returns how many rows were appended.
func (w *Writer) Rows() int64 { return w.rows }

// Append adds one row of typed values, one per column. A value of another
// type, or a null in a column that takes none, is an Invalid fault naming row
// and field, and adds nothing. An int64 is taken for a float64.
func (w *Writer) Append(row []Value) error {
	if err := w.ready(len(row)); err != nil {
		return err
	}
	for i, v := range row {
		if err := w.fits(i, v); err != nil {
			return err
		}
	}
	for i, v := range row {
		appendValue(w.build.Field(i), v)
	}
	return w.endRow()
}

func (w *Writer) ready(cells int) error {
	if w.err != nil {
		return w.err
	}
	if w.closed {
		return ark.Faultf(ark.Conflict, "the table is closed")
	}
	if cells != len(w.schema) {
		return ark.Faultf(ark.Invalid, "the row has %d cells and the table %d columns", cells, len(w.schema)).At("", w.rows+1, "")
	}
	return nil
}

func (w *Writer) fits(i int, v Value) error {
	f := w.schema[i]
	switch t := v.Type(); {
	case v.IsNull() && f.Nullable, t == f.Type, t == Int64 && f.Type == Float64:
		return nil
	case v.IsNull():
		return ark.Faultf(ark.Invalid, "the field is empty and must not be").At("", w.rows+1, f.Name)
	default:
		return ark.Faultf(ark.Invalid, "the field holds a %s and must hold a %s", t, f.Type).At("", w.rows+1, f.Name)
	}
}

func appendValue(b array.Builder, v Value) {
	if v.IsNull() {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(v.Str())
	case *array.Int64Builder:
		b.Append(v.Int())
	case *array.Float64Builder:
		b.Append(v.Float())
	case *array.BooleanBuilder:
		b.Append(v.Flag())
	case *array.Date32Builder:
		b.Append(arrow.Date32(v.Int()))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v.Int()))
	}
}

// AppendText parses one row of text, one cell per column, and adds it. The
// empty text is null. A fault names file and row as given in at, and the
// field; the row is not added, and the writer goes on.
func (w *Writer) AppendText(cells []string, at ark.Where) error {
	if err := w.ready(len(cells)); err != nil {
		return err
	}
	row := make([]Value, len(cells))
	for i, text := range cells {
		v, err := cell.Parse(w.schema[i].Type, text)
		if err == nil {
			err = w.fits(i, v)
		}
		if err != nil {
			return located(err, at, w.schema[i].Name)
		}
		row[i] = v
	}
	return w.Append(row)
}

func located(err error, at ark.Where, field string) error {
	if f, ok := err.(*ark.Fault); ok {
		return f.At(at.File, at.Row, field)
	}
	return err
}

func (w *Writer) endRow() error {
	w.rows++
	if w.held++; w.held == w.group {
		return w.flush()
	}
	return nil
}

func (w *Writer) flush() error {
	if w.held == 0 {
		return w.err
	}
	rec := w.build.NewRecord()
	w.held = 0
	if w.err = w.settle(); w.err != nil {
		rec.Release()
		return w.err
	}
	done := make(chan error, 1)
	write := func() {
		defer rec.Release()
		done <- guardWrite(func() error {
			if err := w.writeGroup(rec); err != nil {
				return fmt.Errorf("columnar: write a row group: %w", err)
			}
			return nil
		})
	}
	if w.opt.Behind {
		w.behind = done
		go write()
		return nil
	}
	write()
	w.err = <-done
	return w.err
}

// settle waits for the row group that is being written behind.
func (w *Writer) settle() error {
	if w.behind != nil {
		err := <-w.behind
		w.behind = nil
		if w.err == nil {
			w.err = err
		}
	}
	return w.err
}

// guardWrite runs f and turns a panic of arrow's writer, which panics where the
// stream behind it fails, into an error.
func guardWrite(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if e, ok := p.(error); ok {
				err = fmt.Errorf("columnar: the Parquet writer failed: %w", e)
				return
			}
			err = fmt.Errorf("columnar: the Parquet writer failed: %T", p) // its text may quote rows
		}
	}()
	return f()
}

// WriteRecord appends every row of an Arrow record whose columns have the
// writer's names and types in order. Row groups are cut at the same rows as by
// Append, so how rows were batched leaves no trace in the file.
func (w *Writer) WriteRecord(rec arrow.Record) error {
	s, err := FromArrow(rec.Schema())
	if err != nil {
		return err
	}
	for i := range s {
		if i >= len(w.schema) || s[i].Name != w.schema[i].Name || s[i].Type != w.schema[i].Type {
			return ark.Faultf(ark.Invalid, "the record's columns are not the table's").At("", 0, s[i].Name)
		}
	}
	row := make([]Value, len(s))
	for r := range int(rec.NumRows()) {
		for i, col := range rec.Columns() {
			row[i] = At(col, r)
		}
		if err := w.Append(row); err != nil {
			return err
		}
	}
	return nil
}

// Close writes what is held and the footer. The file is complete only if
// Close returns nil; a second Close returns the first one's result.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	defer w.build.Release()
	if w.err == nil {
		w.flush()
	}
	w.settle()
	err := guardWrite(func() error { return w.sink.finish(w.file) })
	if w.err == nil && err != nil {
		w.err = fmt.Errorf("columnar: close a table: %w", err)
	}
	return w.err
}
