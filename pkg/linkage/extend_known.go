package linkage

import (
	"encoding/binary"
	"math"

	"github.com/ark-tre/ark/pkg/linkage/frame"
)

// identities are those of the index that an extension looks at, by column:
// there are hundreds of thousands, so none has memory of its own.
type identities struct {
	cols   []*valued
	keys   []byte // the smallest record key of each, end to end
	ends   []int
	size   []uint64 // records
	person []uint64

	cells [][]byte // of the rows that have yet to be numbered
	said  []int32
	wait  int
}

// valued is a column of identities: the number of each one's value, and how
// many records of the index hold that value.
type valued struct {
	in     *frame.Interner
	ids    []uint32
	counts []int32
}

// together is how many identities are numbered at a time, column by column.
const together = 1024

func newIdentities(columns, n int) *identities {
	k := &identities{ends: make([]int, 1, n+1), size: make([]uint64, 0, n), person: make([]uint64, 0, n)}
	for range columns {
		k.cols = append(k.cols, &valued{in: frame.NewInterner(), ids: make([]uint32, 0, n), counts: []int32{0}})
	}
	k.cells, k.said = make([][]byte, columns*together), make([]int32, columns*together)
	return k
}

// len is how many there are.
func (k *identities) len() int { return len(k.size) }

// least is the smallest record key of those that say what identity i says.
func (k *identities) least(i uint32) string { return string(k.keys[k.ends[i]:k.ends[i+1]]) }

// add takes an identity as its row in a state says it, which must stay until
// flush was called; it reports whether the row could be read.
func (k *identities) add(b []byte, person uint64) bool {
	number := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			b = nil
			return 0
		}
		b = b[n:]
		return v
	}
	word := func() ([]byte, bool) {
		n := number()
		if n > uint64(len(b)) {
			return nil, false
		}
		v := b[:n]
		b = b[n:]
		return v, true
	}
	for j := range k.cols {
		v, ok := word()
		if !ok {
			return false
		}
		at, said := j*together+k.wait, int32(0)
		if len(v) > 0 {
			said = int32(min(number(), math.MaxInt32))
		}
		k.cells[at], k.said[at] = v, said
	}
	least, ok := word()
	if !ok {
		return false
	}
	k.keys = append(k.keys, least...)
	k.ends = append(k.ends, len(k.keys))
	k.size, k.person = append(k.size, number()), append(k.person, person)
	if k.wait++; k.wait == together {
		k.flush()
	}
	return true
}

// flush numbers the values of the rows that wait.
func (k *identities) flush() {
	for j, c := range k.cols {
		for i, v := range k.cells[j*together : j*together+k.wait] {
			id := c.in.Bytes(v)
			c.ids = append(c.ids, id)
			c.count(id, k.said[j*together+i])
		}
	}
	k.wait = 0
}

// count says that n records or more hold a value.
func (c *valued) count(id uint32, n int32) {
	if int(id) == len(c.counts) {
		c.counts = append(c.counts, n)
	}
	c.counts[id] = max(c.counts[id], n)
}

// sieve refuses most hashes that were not put into it at one look.
type sieve struct {
	bits  []uint64
	shift uint
}

// newSieve returns an empty sieve for n hashes, of which so many others as
// there are bits to each one let one pass.
func newSieve(n, each int) *sieve {
	width := uint(10)
	for 1<<width < each*n {
		width++
	}
	return &sieve{bits: make([]uint64, 1<<width/64), shift: 64 - width}
}

func (s *sieve) put(h uint64) { h >>= s.shift; s.bits[h/64] |= 1 << (h % 64) }

func (s *sieve) may(h uint64) bool { h >>= s.shift; return s.bits[h/64]&(1<<(h%64)) != 0 }
