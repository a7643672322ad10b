package synthetic

import (
	"strconv"

	"github.com/ark-tre/ark/pkg/nhsnumber"
)

// The counts of numbers in the ranges used. A range below 999 is used nine
// numbers in ten, which lets the nth be found without a table.
const (
	testRange  = 909_090 // 999…, without 9999999999
	perPrefix  = 900_000 // 900… to 998… each
	numbersMax = testRange + 99*perPrefix
)

// numbers gives the nth NHS number of a region: the 999 test range first, then
// 900 to 998.
type numbers struct {
	test []uint32 // the six free digits of each valid number of the test range
	seed uint64
}

func newNumbers(seed uint64) *numbers {
	n := &numbers{seed: seed, test: make([]uint32, 0, testRange)}
	for i := range uint32(1_000_000) {
		if s, ok := complete(999, i); ok && nhsnumber.Valid(s) {
			n.test = append(n.test, i)
		}
	}
	return n
}

// complete adds the check digit to a prefix and six digits.
func complete(prefix, six uint32) (string, bool) {
	s := strconv.Itoa(int(prefix)*1_000_000 + int(six))
	d, ok := nhsnumber.CheckDigit(s)
	return s + string(d), ok
}

// at returns the ith number, "" past the last. Neighbours in i are not
// neighbours in number: i is spread over its range by a multiplication.
func (n *numbers) at(i uint64) string {
	if i < testRange {
		s, _ := complete(999, n.test[spread(i, testRange, n.seed)])
		return s
	}
	i -= testRange
	if i >= 99*perPrefix {
		return ""
	}
	j := spread(i%perPrefix, perPrefix, n.seed)
	prefix, tens, k := uint32(998-i/perPrefix), uint32(j/9), uint32(j%9)
	for d := range uint32(10) { // the kth valid number of ten
		if s, ok := complete(prefix, tens*10+d); ok {
			if k == 0 {
				return s
			}
			k--
		}
	}
	return ""
}

// spread permutes 0…n-1: a multiplication by a number that shares no factor
// with n, and a shift.
func spread(i, n, seed uint64) uint64 {
	a := mix(seed)%(n-3) + 2
	for gcd(a, n) != 1 {
		a++
	}
	return (i*a + mix(seed+1)) % n
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
