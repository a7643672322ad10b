package columnar

import (
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
)

// Ahead yields what batches yields, reading the next ones in a goroutine of its
// own meanwhile. A record lives until the next one is yielded.
func Ahead(batches iter.Seq2[arrow.Record, error]) iter.Seq2[arrow.Record, error] {
	type item struct {
		rec arrow.Record
		err error
	}
	return func(yield func(arrow.Record, error) bool) {
		out, quit := make(chan item, 2), make(chan struct{})
		go func() {
			defer close(out)
			for rec, err := range batches {
				if rec != nil {
					rec.Retain()
				}
				select {
				case out <- item{rec, err}:
				case <-quit:
					if rec != nil {
						rec.Release()
					}
					return
				}
			}
		}()
		defer func() {
			close(quit)
			for i := range out { // until the reading has ended: what is behind it may be closed now
				if i.rec != nil {
					i.rec.Release()
				}
			}
		}()
		for i := range out {
			more := yield(i.rec, i.err)
			if i.rec != nil {
				i.rec.Release()
			}
			if !more {
				return
			}
		}
	}
}
