package intake

import (
	"errors"
	"io"

	"github.com/ark-tre/ark/pkg/columnar"
)

// Reading a file and judging its rows are two halves of one work, and so are
// merging sorted rows and packing them; each pair runs side by side. What comes
// out does not depend on it: batches keep their order.

// batchRows and batchBytes bound a batch; a row larger than that goes alone.
const (
	batchRows  = 512
	batchBytes = 256 << 10
	batchAhead = 4
)

// rawBatch is a run of rows as read, copied out of the reader's buffer.
type rawBatch struct {
	text  []byte
	ends  []int   // of each field in text, row by row; -1: nothing is there
	rows  []int64 // their numbers
	bad   []*badRow
	last  error // io.EOF, or what ended the reading
	width int
}

func (b *rawBatch) add(fields [][]byte, row int64, bad *badRow) {
	b.rows, b.bad = append(b.rows, row), append(b.bad, bad)
	for _, f := range fields {
		if f == nil || bad != nil {
			b.ends = append(b.ends, -1)
			continue
		}
		b.text = append(b.text, f...)
		b.ends = append(b.ends, len(b.text))
	}
}

// row gives the fields of row i; rows are asked for in order, and from is
// where the last one ended.
func (b *rawBatch) row(i, from int, fields [][]byte) (end int) {
	for k := range b.width {
		e := b.ends[i*b.width+k]
		if e < 0 {
			fields[k] = nil
			continue
		}
		fields[k] = b.text[from:e:e]
		from = e
	}
	return from
}

// readAhead reads rows in a goroutine of its own. The channel ends with a
// batch whose last is set; stop ends the reading early, and waits for it.
func readAhead(rows record, width int) (batches <-chan *rawBatch, stop func()) {
	out, quit, done := make(chan *rawBatch, batchAhead), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		fields := make([][]byte, width)
		for {
			b := &rawBatch{width: width, text: make([]byte, 0, batchBytes/4)}
			for len(b.rows) < batchRows && len(b.text) < batchBytes {
				err := rows.next(fields)
				var bad *badRow
				if err != nil && !errors.As(err, &bad) {
					b.last = err
					break
				}
				b.add(fields, rows.row(), bad)
			}
			select {
			case out <- b:
			case <-quit:
				return
			}
			if b.last != nil {
				return
			}
		}
	}()
	return out, func() { close(quit); <-done }
}

// eachRow calls take with every row of a file and refuse with every bad one.
func eachRow(rows record, width int, take func(row int64, fields [][]byte) error, refuse func(row int64, bad *badRow) error) error {
	batches, stop := readAhead(rows, width)
	defer stop()
	fields := make([][]byte, width)
	for b := range batches {
		from := 0
		for i, row := range b.rows {
			var err error
			from = b.row(i, from, fields)
			if b.bad[i] != nil {
				err = refuse(row, b.bad[i])
			} else {
				err = take(row, fields)
			}
			if err != nil {
				return err
			}
		}
		if b.last == io.EOF {
			return nil
		}
		if b.last != nil {
			return b.last
		}
	}
	return nil
}

// packer appends rows to a Parquet writer in a goroutine of its own.
type packer struct {
	out   chan []columnar.Value // rows laid end to end
	done  chan error
	batch []columnar.Value
	width int
}

func newPacker(w *columnar.Writer, width int) *packer {
	p := &packer{out: make(chan []columnar.Value, batchAhead), done: make(chan error, 1), width: width}
	go func() {
		var err error
		for batch := range p.out {
			for at := 0; at < len(batch) && err == nil; at += width {
				err = w.Append(batch[at : at+width])
			}
		}
		p.done <- err
	}()
	return p
}

// add hands a row on. A failure of the writer comes out of finish.
func (p *packer) add(row []columnar.Value) {
	if p.batch == nil {
		p.batch = make([]columnar.Value, 0, batchRows*p.width)
	}
	if p.batch = append(p.batch, row...); len(p.batch) >= batchRows*p.width {
		p.out <- p.batch
		p.batch = nil
	}
}

// finish waits until everything is written.
func (p *packer) finish() error {
	if len(p.batch) > 0 {
		p.out <- p.batch
	}
	close(p.out)
	return <-p.done
}
