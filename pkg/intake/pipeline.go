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
// batch whose last is set; batches that nobody looks at any more may be given
// back to spare; stop ends the reading early, and waits for it.
func readAhead(rows record, width int) (batches <-chan *rawBatch, spare chan<- *rawBatch, stop func()) {
	out, used, quit, done := make(chan *rawBatch, batchAhead), make(chan *rawBatch, batchAhead+2), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		fields := make([][]byte, width)
		for {
			var b *rawBatch
			select {
			case b = <-used:
				b.text, b.ends, b.rows, b.bad = b.text[:0], b.ends[:0], b.rows[:0], b.bad[:0]
			default:
				b = &rawBatch{width: width, text: make([]byte, 0, batchBytes/4), ends: make([]int, 0, batchRows*min(width, 64)), rows: make([]int64, 0, batchRows), bad: make([]*badRow, 0, batchRows)}
			}
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
	return out, used, func() { close(quit); <-done }
}

// eachRow calls take with every row of a file and refuse with every bad one.
func eachRow(rows record, width int, take func(row int64, fields [][]byte) error, refuse func(row int64, bad *badRow) error) error {
	batches, spare, stop := readAhead(rows, width)
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
		select {
		case spare <- b:
		default:
		}
	}
	return nil
}

// packer appends sorted rows to a Parquet writer in a goroutine of its own.
type packer struct {
	out   chan packed
	spare chan packed
	done  chan error
	batch packed
}

// packed is a run of sorted rows' keys laid end to end.
type packed struct {
	keys []byte
	ends []int
}

func newPacker(w *columnar.Writer, s *columnar.Sorter) *packer {
	p := &packer{out: make(chan packed, batchAhead), spare: make(chan packed, batchAhead+2), done: make(chan error, 1)}
	go func() {
		var err error
		for b := range p.out {
			from := 0
			for _, end := range b.ends {
				if err == nil {
					err = w.AppendRow(s.Row(b.keys[from:end]))
				}
				from = end
			}
			select {
			case p.spare <- packed{b.keys[:0], b.ends[:0]}:
			default:
			}
		}
		p.done <- err
	}()
	return p
}

// add hands a row on. A failure of the writer comes out of finish.
func (p *packer) add(key []byte) {
	p.batch.keys = append(p.batch.keys, key...)
	p.batch.ends = append(p.batch.ends, len(p.batch.keys))
	if len(p.batch.ends) < batchRows && len(p.batch.keys) < batchBytes {
		return
	}
	p.out <- p.batch
	select {
	case p.batch = <-p.spare:
	default:
		p.batch = packed{make([]byte, 0, len(p.batch.keys)+len(p.batch.keys)/8), make([]int, 0, batchRows)}
	}
}

// finish waits until everything is written.
func (p *packer) finish() error {
	if len(p.batch.ends) > 0 {
		p.out <- p.batch
	}
	close(p.out)
	return <-p.done
}
