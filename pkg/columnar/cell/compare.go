package cell

import (
	"cmp"
	"math"
	"strings"
)

// Compare orders two values totally: null first, then by value. Numbers
// compare as numbers across int64 and float64, exactly; NaN is greater than
// every other number. Values of types that don't compare are ordered by type.
func Compare(a, b Value) int {
	switch {
	case a.k == integer && b.k == float:
		return compareIntFloat(a.n, b.Float())
	case a.k == float && b.k == integer:
		return -compareIntFloat(b.n, a.Float())
	case a.k != b.k:
		return cmp.Compare(a.k, b.k)
	}
	switch a.k {
	case str:
		return strings.Compare(a.s, b.s)
	case float:
		return compareFloat(a.Float(), b.Float())
	}
	return cmp.Compare(a.n, b.n)
}

func compareFloat(a, b float64) int {
	switch {
	case math.IsNaN(a) && math.IsNaN(b):
		return 0
	case math.IsNaN(a):
		return 1
	case math.IsNaN(b):
		return -1
	}
	return cmp.Compare(a, b)
}

func compareIntFloat(n int64, f float64) int {
	switch {
	case math.IsNaN(f) || f >= 1<<63:
		return -1
	case f < -(1 << 63):
		return 1
	}
	whole := math.Trunc(f)
	if c := cmp.Compare(n, int64(whole)); c != 0 {
		return c
	}
	return cmp.Compare(0, f-whole)
}
