package frame

import (
	"math/bits"
	"slices"
)

// Marks are numbers of rows that are marked, a bit each. The zero value has none
// and room for none.
type Marks []uint64

// NewMarks returns marks for the numbers below n.
func NewMarks(n int) Marks { return make(Marks, n/64+1) }

// Set marks i.
func (m Marks) Set(i uint32) { m[i/64] |= 1 << (i % 64) }

// Has reports whether i is marked.
func (m Marks) Has(i uint32) bool { return int(i/64) < len(m) && m[i/64]&(1<<(i%64)) != 0 }

// All are the numbers that are marked, in order.
func (m Marks) All() []uint32 {
	var out []uint32
	for i, w := range m {
		for ; w != 0; w &= w - 1 {
			out = append(out, uint32(i*64+bits.TrailingZeros64(w)))
		}
	}
	return slices.Clip(out)
}
