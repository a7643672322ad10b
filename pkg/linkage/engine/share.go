package engine

import (
	"iter"
	"sync"
	"sync/atomic"
)

// share has n pieces of work done by as many goroutines as the plan may use:
// each calls work once, with the numbers of the pieces that come to it, so that
// what it needs for them is made once.
func (p *Plan) share(n int, work func(pieces iter.Seq[int])) {
	var next atomic.Int64
	pieces := func(yield func(int) bool) {
		for i := next.Add(1) - 1; i < int64(n) && yield(int(i)); i = next.Add(1) - 1 {
		}
	}
	var wg sync.WaitGroup
	for range min(p.threads, n) {
		wg.Go(func() { work(pieces) })
	}
	wg.Wait()
}
