package columnar

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"runtime"
	"slices"
	"sync"
)

// entry is a row's key as a sorter holds it: its first bytes as a number, with
// which most comparisons end, and where the key lies in a pile. It has no
// pointer: millions of them cost the garbage collector nothing.
type entry struct{ head, at uint64 }

// headOf is a key's first bytes as a number. The first byte of all marks a
// value and is left out.
func headOf(key []byte) uint64 {
	if len(key) == 0 || key[0] == markNull { // before every value
		return 0
	}
	if len(key) > 8 {
		return binary.BigEndian.Uint64(key[1:])
	}
	var b [8]byte
	copy(b[:], key[1:])
	return binary.BigEndian.Uint64(b[:])
}

// slabSize is the unit in which row keys are allocated.
const slabSize = 1 << 20

// prefix is how many bytes before a key in a slab say how long it is.
const prefix = 4

// pile is row keys laid end to end in slabs. A slab that is in use never moves,
// and a key in it never changes: what was put in may be read while more is.
type pile struct {
	slabs  [][]byte // each as long as it ever gets
	first  uint64   // the number of the first of them
	used   int      // bytes of the last one
	spare  [][]byte // slabs of slabSize to use again
	warmed byte     // of no meaning: it keeps what warm does from being left out
}

// put copies a key in.
func (p *pile) put(key []byte) entry {
	last := len(p.slabs) - 1
	if last < 0 || len(p.slabs[last])-p.used < prefix+len(key) {
		p.slabs, p.used = append(p.slabs, p.slab(prefix+len(key))), 0
		last++
	}
	slab := p.slabs[last]
	binary.LittleEndian.PutUint32(slab[p.used:], uint32(len(key)))
	at := p.used + prefix
	p.used = at + copy(slab[at:], key)
	return entry{headOf(key), (p.first+uint64(last))<<32 | uint64(at)}
}

func (p *pile) slab(n int) []byte {
	if n > slabSize {
		return make([]byte, n)
	}
	if k := len(p.spare) - 1; k >= 0 {
		b := p.spare[k]
		p.spare = p.spare[:k]
		return b
	}
	return make([]byte, slabSize)
}

// key is the key of an entry, where it lies.
func (p *pile) key(e entry) []byte {
	slab, at := p.slabs[e.at>>32-p.first], uint32(e.at)
	n := binary.LittleEndian.Uint32(slab[at-prefix:])
	return slab[at : at+n : at+n]
}

// warm looks at the keys that come after the one at i, several at a time: they
// lie all over memory, and looked at one by one each would have to be waited for.
func (p *pile) warm(keys []entry, i int) {
	const ahead = 16
	if i%ahead != 0 {
		return
	}
	for _, e := range keys[i:min(i+2*ahead, len(keys))] {
		slab, at := p.slabs[e.at>>32-p.first], int(uint32(e.at))
		p.warmed ^= slab[at-prefix] ^ slab[min(at+64, len(slab)-1)] ^ slab[min(at+128, len(slab)-1)]
	}
}

// part splits off the slabs before the one in which e lies; they are shared
// with what is returned, which also has e's own slab.
func (p *pile) part(e entry) (before pile) {
	n := e.at>>32 - p.first
	before = pile{slabs: slices.Clone(p.slabs[:n+1]), first: p.first}
	p.slabs, p.first = slices.Clone(p.slabs[n:]), p.first+n
	return before
}

// all splits off everything.
func (p *pile) all() (before pile) {
	before = pile{slabs: p.slabs, first: p.first}
	p.first, p.slabs, p.used = p.first+uint64(len(p.slabs)), nil, 0
	return before
}

// reuse takes slabs back of which no key is read any more.
func (p *pile) reuse(slabs [][]byte) {
	for _, b := range slabs {
		if len(b) == slabSize {
			p.spare = append(p.spare, b)
		}
	}
}

func (p *pile) compare(a, b entry) int {
	if a.head != b.head {
		return cmp.Compare(a.head, b.head)
	}
	return bytes.Compare(p.key(a), p.key(b))
}

// sorted returns the entries in order; keys is used up. They are first dealt
// into buckets by the highest bits in which their heads differ, so that each
// bucket is sorted within the processor's caches, half of them beside the other.
func (p *pile) sorted(keys []entry) []entry {
	const few = 1 << 11
	var differ uint64
	for _, e := range keys {
		differ |= e.head ^ keys[0].head
	}
	if len(keys) < few || differ == 0 {
		slices.SortFunc(keys, p.compare)
		return keys
	}
	wide := min(16, bits.Len(uint(len(keys)))-2)
	shift := max(bits.Len64(differ)-wide, 0)
	mask := uint64(1)<<wide - 1
	ends := make([]int32, 1<<wide)
	for _, e := range keys {
		ends[e.head>>shift&mask]++
	}
	var sum int32
	for i, n := range ends {
		ends[i] = sum
		sum += n
	}
	out := make([]entry, len(keys))
	for _, e := range keys {
		at := &ends[e.head>>shift&mask]
		out[*at] = e
		*at++
	}
	half, _ := slices.BinarySearch(ends, int32(len(keys)/2))
	sort := func(ends []int32, from int32) {
		for _, end := range ends {
			if end-from > 1 {
				slices.SortFunc(out[from:end], p.compare)
			}
			from = end
		}
	}
	var beside sync.WaitGroup
	if half > 0 && runtime.GOMAXPROCS(0) > 1 {
		beside.Go(func() { sort(ends[half:], ends[half-1]) })
		sort(ends[:half], 0)
	} else {
		sort(ends, 0)
	}
	beside.Wait()
	return out
}
