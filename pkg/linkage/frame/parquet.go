package frame

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/pages"
)

// rowsForByte is how many rows a byte of a file may stand for: rows that are told
// apart take far more.
const rowsForByte = 4096

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
	at := io.NewSectionReader(r, 0, size)
	pf, err := file.NewParquetReader(at)
	if err != nil {
		return bad(err)
	}
	defer pf.Close()
	names, err := b.columnsOf(pf, name)
	if err != nil {
		return err
	}
	rows := int(pf.NumRows())
	if rows < 0 || rows > math.MaxInt32 {
		return ark.Faultf(ark.TooMuch, "the file has too many rows").At(name, 0, "").Do("split the file")
	}
	if int64(rows) > rowsForByte*size { // room is made for the rows of a group at once
		return bad(errors.New("the file claims more rows than its bytes can tell of"))
	}
	cols := make([]*building, len(names))
	for i, n := range names {
		if b.wanted(n) {
			cols[i] = b.column(n)
		}
	}
	if err := b.readColumns(ctx, at, pf, cols); err != nil {
		return bad(err)
	}
	for _, c := range cols {
		if c != nil && len(c.ids) != b.n+rows {
			return bad(errors.New("columns of different lengths"))
		}
	}
	b.finish(name, rows)
	return nil
}

// columnsOf returns the names of the file's columns, which must be flat and
// distinct.
func (b *Builder) columnsOf(pf *file.Reader, name string) ([]string, error) {
	schema := pf.MetaData().Schema
	seen := map[string]bool{}
	var out []string
	for i := range schema.NumColumns() {
		c := schema.Column(i)
		if len(c.ColumnPath()) != 1 || c.MaxRepetitionLevel() > 0 {
			return nil, ark.Faultf(ark.Invalid, "the column is nested").At(name, 0, c.ColumnPath()[0]).Do("flatten the column or leave it out")
		}
		if seen[c.Name()] || c.Name() == "" {
			return nil, ark.Faultf(ark.Invalid, "a column has no name or the name of another column").At(name, 0, c.Name()).
				Do("give each column a name of its own")
		}
		seen[c.Name()] = true
		out = append(out, c.Name())
	}
	return out, nil
}

// readColumns reads the columns that are not nil, some at a time.
func (b *Builder) readColumns(ctx context.Context, at io.ReaderAt, pf *file.Reader, cols []*building) error {
	var wg sync.WaitGroup
	gate := make(chan struct{}, max(1, b.threads))
	errs := make([]error, len(cols))
	for i, c := range cols {
		if c == nil {
			continue
		}
		wg.Add(1)
		gate <- struct{}{}
		go func() {
			defer wg.Done()
			defer func() { <-gate }()
			defer func() { // the decoder panics on some damaged files
				if p := recover(); p != nil {
					errs[i] = fmt.Errorf("decoder: %v", p)
				}
			}()
			c.ids = slices.Grow(c.ids, int(min(pf.NumRows(), 1<<24)))
			if pf.MetaData().Schema.Column(i).PhysicalType() == parquet.Types.ByteArray {
				errs[i] = c.readBytes(ctx, at, pf, i)
			} else {
				errs[i] = c.readOther(ctx, at, pf, i)
			}
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}

// readBytes reads a column of strings.
func (c *building) readBytes(ctx context.Context, at io.ReaderAt, pf *file.Reader, column int) error {
	p := &stringPages{c: c, nullable: pf.MetaData().Schema.Column(column).MaxDefinitionLevel() > 0}
	held := false
	for g := range pf.NumRowGroups() {
		if err := ctx.Err(); err != nil {
			return err
		}
		group := pf.RowGroup(g)
		chunk, err := group.MetaData().ColumnChunk(column)
		if err != nil {
			return err
		}
		if err := pages.Chain(ctx, at, chunk, group.NumRows()); err != nil {
			return err
		}
		before := len(c.ids)
		if readable(chunk.Encodings()) {
			r, err := group.GetColumnPageReader(column)
			if err != nil {
				return err
			}
			err = p.chunk(r, group.NumRows())
			if err != nil {
				return err
			}
		} else {
			if !held {
				if err := pages.Check(ctx, at, pf, column); err != nil {
					return err
				}
				held = true
			}
			if err := c.readChunk(group, column); err != nil {
				return err
			}
		}
		if int64(len(c.ids)-before) != group.NumRows() {
			return errors.New("a row group has fewer values than rows")
		}
	}
	return nil
}

// readChunk reads strings of encodings that pages does not know.
func (c *building) readChunk(group *file.RowGroupReader, column int) error {
	cr, err := group.Column(column)
	if err != nil {
		return err
	}
	r, ok := cr.(*file.ByteArrayColumnChunkReader)
	if !ok {
		return errors.New("a column is not of bytes")
	}
	values, levels := make([]parquet.ByteArray, 4096), make([]int16, 4096)
	for r.HasNext() {
		n, got, err := r.ReadBatch(int64(len(values)), values, levels, nil)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		at := 0
		for i := range int(n) {
			if cr.Descriptor().MaxDefinitionLevel() > 0 && levels[i] == 0 {
				c.ids = append(c.ids, 0)
				continue
			}
			if at >= got {
				return pages.ErrDamaged
			}
			c.word(bytesString(values[at]))
			at++
		}
	}
	return r.Err()
}

// readOther reads a column of another type, in its usual written form.
func (c *building) readOther(ctx context.Context, at io.ReaderAt, pf *file.Reader, column int) error {
	if err := pages.Check(ctx, at, pf, column); err != nil {
		return err
	}
	fr, err := pqarrow.NewFileReader(pf, pqarrow.ArrowReadProperties{BatchSize: 1 << 16}, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	rr, err := fr.GetRecordReader(ctx, []int{column}, nil)
	if err != nil {
		return err
	}
	defer rr.Release()
	for rr.Next() {
		c.add(rr.Record().Column(0))
	}
	if err := rr.Err(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// add appends the values of a chunk.
func (c *building) add(a arrow.Array) {
	for i := range a.Len() {
		if a.IsNull(i) {
			c.ids = append(c.ids, 0)
			continue
		}
		c.word(a.ValueStr(i))
	}
}

// word appends the number of s.
func (c *building) word(s string) {
	if c.each {
		c.ids = append(c.ids, c.own(s))
		return
	}
	c.ids = append(c.ids, c.in.String(s))
}
