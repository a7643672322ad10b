package columnar

import (
	"fmt"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ark-tre/ark/pkg/ark"
)

// Limits bound what a Parquet file may make its reader do. A zero field takes
// the default; there is no way to say "unlimited".
type Limits struct {
	Footer int64 // bytes of the footer, default 16 MiB
	Groups int   // row groups, default 1<<17
	Rows   int64 // rows in the file, default 1<<33
	Chunk  int64 // uncompressed bytes of one column in one row group, default 1 GiB
	Memory int64 // bytes the decoder may hold at once, default 1 GiB
	Cell   int   // bytes of one string, default 1 MiB

	// Foreign says that the file was written outside the Ark: the pages of the
	// columns that are read are held against what they claim first, which takes
	// another pass over them. What is sealed was written by the Ark.
	Foreign bool
}

func (l Limits) orDefault() Limits {
	set := func(p *int64, d int64) {
		if *p <= 0 {
			*p = d
		}
	}
	set(&l.Footer, 16<<20)
	set(&l.Rows, 1<<33)
	set(&l.Chunk, 1<<30)
	set(&l.Memory, 1<<30)
	if l.Groups <= 0 {
		l.Groups = 1 << 17
	}
	if l.Cell <= 0 {
		l.Cell = 1 << 20
	}
	return l
}

// overLimit is what the allocator panics with; guard turns it into a fault.
type overLimit struct{ limit int64 }

// bounded is an Arrow allocator that refuses to hold more than limit bytes:
// a page header may claim any size, and the decoder believes it.
type bounded struct {
	memory.Allocator
	limit int64
	held  atomic.Int64
}

func newBounded(limit int64) *bounded {
	return &bounded{Allocator: memory.NewGoAllocator(), limit: limit}
}

func (b *bounded) take(n int) {
	if n < 0 || b.held.Add(int64(n)) > b.limit {
		panic(overLimit{b.limit})
	}
}

func (b *bounded) Allocate(size int) []byte {
	b.take(size)
	return b.Allocator.Allocate(size)
}

func (b *bounded) Reallocate(size int, old []byte) []byte {
	if size < 0 {
		panic(overLimit{b.limit})
	}
	if b.held.Add(int64(size-len(old))) > b.limit {
		panic(overLimit{b.limit})
	}
	return b.Allocator.Reallocate(size, old)
}

func (b *bounded) Free(old []byte) {
	b.held.Add(-int64(len(old)))
	b.Allocator.Free(old)
}

// guard runs f and turns a panic of the decoder, which trusts its input, into
// a fault.
func guard(f func() error) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case overLimit:
			err = ark.Faultf(ark.TooMuch, "the Parquet file wants more than %d bytes of memory", p.limit).Do("write it with smaller row groups")
		default:
			err = malformed(fmt.Errorf("decoder panicked: %T", p)) // the text of p may quote the file
		}
	}()
	return f()
}

func malformed(cause error) *ark.Fault {
	return ark.Faultf(ark.Invalid, "the file is not a Parquet table that can be read").Do("write it again; if it was copied, check its hash").Because(cause)
}
