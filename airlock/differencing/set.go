package differencing

import (
	"math/bits"

	"github.com/RoaringBitmap/roaring/v2"
)

// set is who stands behind a figure: level k holds the people, by ordinal,
// with more than k records.
type set struct {
	levels []*roaring.Bitmap
}

// maxLevels bounds how many records of one person are told apart.
const maxLevels = 256

// people is the number of distinct people.
func (s set) people() int {
	if len(s.levels) == 0 {
		return 0
	}
	return int(s.levels[0].GetCardinality())
}

// times is how many records of a person are in the set.
func (s set) times(ordinal uint32) int {
	n := 0
	for _, l := range s.levels {
		if !l.Contains(ordinal) {
			break
		}
		n++
	}
	return n
}

// imprint identifies a set: the exclusive or of a hash of each member, so that
// the imprint of a difference of nested sets is the exclusive or of theirs.
type imprint [2]uint64

func (p imprint) xor(q imprint) imprint { return imprint{p[0] ^ q[0], p[1] ^ q[1]} }

// buckets parts people by hash, each part with an imprint of its own: two sets
// that differ in fewer people than there are buckets agree in some.
const buckets = 16

type sketch [buckets]uint32

// agree counts the buckets in which two sets are the same.
func (s *sketch) agree(t *sketch) int {
	n := 0
	for i := range s {
		if s[i] == t[i] {
			n++
		}
	}
	return n
}

// mix is the finaliser of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hash gives both halves of a member's imprint.
func hash(number uint64, level int) imprint {
	a := mix(number ^ bits.RotateLeft64(uint64(level)*0xd6e8feb86659fd93, 17))
	return imprint{a, mix(a ^ 0xa0761d6478bd642f)}
}

// measure computes a set's imprint and sketch. numbers names ordinals.
func (s set) measure(numbers []uint64) (p imprint, k sketch) {
	for level, l := range s.levels {
		it := l.ManyIterator()
		var buf [1024]uint32
		for n := it.NextMany(buf[:]); n > 0; n = it.NextMany(buf[:]) {
			for _, o := range buf[:n] {
				h := hash(numbers[o], level)
				p = p.xor(h)
				k[mix(numbers[o])>>60] ^= uint32(h[1]) // all records of a person in one part
			}
		}
	}
	return p, k
}
