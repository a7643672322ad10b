package frame

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/ark-tre/ark/pkg/ark"
)

// AddParquet reads a Parquet file of flat columns. Values that are not strings
// are taken in their usual written form.
func (b *Builder) AddParquet(ctx context.Context, name string, r io.ReaderAt, size int64) (err error) {
	bad := func(cause error) error {
		return ark.Faultf(ark.Invalid, "the file can't be read as Parquet").At(name, 0, "").
			Do("give a Parquet file of flat columns, or CSV").Because(cause)
	}
	defer func() { // the decoder panics on some damaged files
		if p := recover(); p != nil {
			err = bad(fmt.Errorf("decoder: %v", p))
		}
	}()
	pf, err := file.NewParquetReader(io.NewSectionReader(r, 0, size))
	if err != nil {
		return bad(err)
	}
	defer pf.Close()
	props := pqarrow.ArrowReadProperties{BatchSize: 1 << 16}
	schema := pf.MetaData().Schema
	for i := range schema.NumColumns() {
		if schema.Column(i).PhysicalType() == parquet.Types.ByteArray {
			props.SetReadDict(i, true)
		}
	}
	fr, err := pqarrow.NewFileReader(pf, props, memory.DefaultAllocator)
	if err != nil {
		return bad(err)
	}
	rr, err := fr.GetRecordReader(ctx, nil, nil)
	if err != nil {
		return bad(err)
	}
	defer rr.Release()
	cols := make([]*building, rr.Schema().NumFields())
	for i, f := range rr.Schema().Fields() {
		if arrow.IsNested(f.Type.ID()) {
			return ark.Faultf(ark.Invalid, "the column is nested").At(name, 0, f.Name).Do("flatten the column or leave it out")
		}
		cols[i] = b.column(f.Name)
	}
	rows := 0
	for rr.Next() {
		rec := rr.Record()
		for i, c := range cols {
			c.add(rec.Column(i))
		}
		rows += int(rec.NumRows())
	}
	if err := rr.Err(); err != nil && !errors.Is(err, io.EOF) {
		return bad(err)
	}
	b.finish(name, rows)
	return nil
}

// add appends the values of a chunk.
func (c *building) add(a arrow.Array) {
	switch a := a.(type) {
	case *array.Dictionary:
		words, ok := a.Dictionary().(*array.String)
		if !ok {
			break
		}
		renumber := make([]uint32, words.Len())
		for i := range renumber {
			if words.IsValid(i) {
				renumber[i] = c.in.copied(words.Value(i))
			}
		}
		for i := range a.Len() {
			if a.IsNull(i) {
				c.ids = append(c.ids, 0)
				continue
			}
			c.ids = append(c.ids, renumber[a.GetValueIndex(i)])
		}
		return
	case *array.String:
		for i := range a.Len() {
			if a.IsNull(i) {
				c.ids = append(c.ids, 0)
				continue
			}
			c.ids = append(c.ids, c.in.copied(a.Value(i)))
		}
		return
	}
	for i := range a.Len() {
		if a.IsNull(i) {
			c.ids = append(c.ids, 0)
			continue
		}
		c.ids = append(c.ids, c.in.String(a.ValueStr(i)))
	}
}
