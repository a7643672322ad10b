package known

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"unsafe"

	"github.com/FastFilter/xorfilter"
	"github.com/zeebo/xxh3"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

// Set is a set of known values. The zero Set is not usable: Open one.
type Set struct {
	filter xorfilter.BinaryFuse[uint16]
	hashes io.ReaderAt
	from   int64 // where the hashes begin
	n      int64
	err    error
}

const magic = "ARKKNOWN1\n"

// Sum is the hash of a folded value.
func Sum(folded []byte) uint64 { return xxh3.Hash(folded) }

// Write makes a set of the values in r, one a line, and writes it to w. Lines
// that fold to less than look.LeastKnown characters are left out; it returns
// how many values the set holds.
func Write(w io.Writer, r io.Reader) (int, error) {
	var sums []uint64
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), 1<<20)
	for lines.Scan() {
		if f := look.Fold(lines.Text()); len(f) >= look.LeastKnown {
			sums = append(sums, Sum([]byte(f)))
		}
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("known: read the values: %w", err)
	}
	return WriteSums(w, sums)
}

// WriteSums makes a set of hashes and writes it to w.
func WriteSums(w io.Writer, sums []uint64) (int, error) {
	slices.Sort(sums)
	sums = slices.Compact(sums)
	var f xorfilter.BinaryFuse[uint16]
	if len(sums) > 0 {
		built, err := xorfilter.NewBinaryFuse[uint16](sums)
		if err != nil {
			return 0, fmt.Errorf("known: build the filter: %w", err)
		}
		f = *built
	}
	b := bufio.NewWriterSize(w, 1<<20)
	_, err := b.WriteString(magic)
	err = errors.Join(err, binary.Write(b, binary.LittleEndian, header{f.Seed, f.SegmentLength, f.SegmentLengthMask, f.SegmentCount, f.SegmentCountLength, uint64(len(f.Fingerprints)), uint64(len(sums))}))
	err = errors.Join(err, binary.Write(b, binary.LittleEndian, f.Fingerprints), binary.Write(b, binary.LittleEndian, sums), b.Flush())
	return len(sums), err
}

type header struct {
	Seed                                                               uint64
	SegmentLength, SegmentLengthMask, SegmentCount, SegmentCountLength uint32
	Fingerprints, Values                                               uint64
}

// most bounds what a set's header may claim: a hundred million values.
const most = 100_000_000

// Open reads a set's filter into memory; the hashes stay in r.
func Open(r io.ReaderAt) (*Set, error) {
	var h header
	in := bufio.NewReaderSize(io.NewSectionReader(r, 0, 1<<62), 1<<16)
	m := make([]byte, len(magic))
	if _, err := io.ReadFull(in, m); err != nil || string(m) != magic {
		return nil, errors.New("known: this is not a set of known values")
	}
	if err := binary.Read(in, binary.LittleEndian, &h); err != nil {
		return nil, fmt.Errorf("known: read the header: %w", err)
	}
	if h.Values > most || h.Fingerprints > 2*most {
		return nil, errors.New("known: the set is larger than it may be")
	}
	s := &Set{hashes: r, n: int64(h.Values), from: int64(len(magic)+binary.Size(h)) + 2*int64(h.Fingerprints)}
	s.filter = xorfilter.BinaryFuse[uint16]{Seed: h.Seed, SegmentLength: h.SegmentLength, SegmentLengthMask: h.SegmentLengthMask, SegmentCount: h.SegmentCount, SegmentCountLength: h.SegmentCountLength,
		Fingerprints: make([]uint16, h.Fingerprints)}
	if h.Fingerprints > 0 {
		raw := unsafe.Slice((*byte)(unsafe.Pointer(&s.filter.Fingerprints[0])), 2*h.Fingerprints)
		if _, err := io.ReadFull(in, raw); err != nil {
			return nil, fmt.Errorf("known: read the filter: %w", err)
		}
	}
	if s.n > 0 && (h.SegmentLength == 0 || h.SegmentLengthMask != h.SegmentLength-1 || uint64(h.SegmentCountLength)+2*uint64(h.SegmentLength) > h.Fingerprints) {
		return nil, errors.New("known: the set is damaged")
	}
	return s, nil
}

// Len is how many values the set holds.
func (s *Set) Len() int64 { return s.n }

// Has reports whether the folded value is known. A set that can't be read any
// more knows everything: it fails closed.
func (s *Set) Has(folded []byte) bool {
	if s.n == 0 || s.err != nil {
		return s.err != nil
	}
	sum := Sum(folded)
	return s.filter.Contains(sum) && s.confirm(sum)
}

// confirm looks a hash up in the sorted file, guessing its place first: hashes
// spread evenly.
func (s *Set) confirm(sum uint64) bool {
	const block = 128
	var buf [8 * block]byte
	lo, hi := int64(0), s.n // the hash is in [lo, hi)
	guess := int64(float64(sum) / (1 << 64) * float64(s.n))
	for lo < hi {
		at := min(max(guess-block/2, lo), max(hi-block, lo))
		n := min(block, hi-at)
		if _, err := s.hashes.ReadAt(buf[:8*n], s.from+8*at); err != nil && !errors.Is(err, io.EOF) {
			s.err = err
			return true
		}
		first, last := binary.LittleEndian.Uint64(buf[:]), binary.LittleEndian.Uint64(buf[8*(n-1):])
		switch {
		case sum < first:
			hi = at
		case sum > last:
			lo = at + n
		default:
			for i := range n {
				if binary.LittleEndian.Uint64(buf[8*i:]) == sum {
					return true
				}
			}
			return false
		}
		guess = (lo + hi) / 2
	}
	return false
}

// Make writes the set of the values in r to a file that has no name any more,
// to be handed to ark-inspect.
func Make(dir string, r io.Reader) (*os.File, int, error) {
	return nameless(dir, func(w io.Writer) (int, error) { return Write(w, r) })
}

// MakeSums is Make with the hashes of folded values.
func MakeSums(dir string, sums []uint64) (*os.File, int, error) {
	return nameless(dir, func(w io.Writer) (int, error) { return WriteSums(w, sums) })
}

func nameless(dir string, write func(io.Writer) (int, error)) (*os.File, int, error) {
	f, err := os.CreateTemp(dir, "known-")
	if err != nil {
		return nil, 0, fmt.Errorf("known: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, 0, errors.Join(fmt.Errorf("known: %w", err), f.Close())
	}
	n, err := write(f)
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, n, nil
}
