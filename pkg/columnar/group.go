package columnar

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// A row group is encoded and packed column by column, several at a time, in
// memory, and its bytes are laid down in the columns' order: the file is the
// same however many work on it.

// levels are the definition levels of one column, used again.
type levels struct{ held []int16 }

// of returns the levels of a nullable column: 1 where there is a value.
func (l *levels) of(col arrow.Array) []int16 {
	n := col.Len()
	if cap(l.held) < n {
		l.held = make([]int16, n)
	}
	out := l.held[:n]
	none := col.NullN() == 0
	for i := range out {
		out[i] = 1
		if !none && col.IsNull(i) {
			out[i] = 0
		}
	}
	return out
}

// writeGroup writes a record as one row group, and gives it to Each beside.
func (w *Writer) writeGroup(rec arrow.Record) error {
	group := w.file.AppendBufferedRowGroup()
	tasks := int(rec.NumCols())
	if w.opt.Each != nil {
		tasks++ // the last one, and begun first: it is the longest
	}
	errs := make([]error, tasks)
	var next atomic.Int64
	next.Store(int64(tasks))
	work := func() {
		var scratch levels
		ctx := pqarrow.NewArrowWriteContext(context.Background(), nil)
		for {
			i := int(next.Add(-1))
			if i < 0 {
				return
			}
			errs[i] = guardWrite(func() error {
				if i == int(rec.NumCols()) {
					return w.opt.Each(rec)
				}
				return w.writeColumn(ctx, group, i, rec.Column(i), &scratch)
			})
		}
	}
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), tasks, 8) - 1 {
		all.Go(work)
	}
	work()
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return group.Close()
}

// flushable is how many rows a group may have for its dictionary indices to
// fit one page for certain.
const flushable = 1 << 17

func (w *Writer) writeColumn(ctx context.Context, group file.BufferedRowGroupWriter, i int, col arrow.Array, scratch *levels) error {
	to, err := group.Column(i)
	if err != nil {
		return err
	}
	var defined []int16
	if w.schema[i].Nullable {
		defined = scratch.of(col)
	}
	if err := pqarrow.WriteArrowToColumn(ctx, to, col, defined, nil, w.schema[i].Nullable); err != nil {
		return err
	}
	page, ok := to.(interface {
		FlushCurrentPage() error
		FlushBufferedDataPages() error
	})
	switch {
	case !ok || col.Len() == 0 || col.Len() > flushable: // packed when the group is closed
		return nil
	case w.schema[i].dictionary() && to.TotalBytesWritten() == 0: // the dictionary comes first, when the group is closed
		return page.FlushCurrentPage()
	}
	return page.FlushBufferedDataPages()
}
