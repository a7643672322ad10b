package disclosure

import (
	"fmt"
	"strconv"
)

// Shown is a count as it may be shown.
type Shown struct {
	Masked bool   `json:"masked"`
	Value  int64  `json:"value"` // meaningless when Masked
	Text   string `json:"text"`  // "1,235" or "fewer than 10"
}

// String is the text to show.
func (s Shown) String() string { return s.Text }

// RoundCount is how a true count n may be shown under p: suppressed when
// small, then rounded. Zero is shown only where the profile allows zeros.
// Negative counts, and any count under the zero Profile, are masked.
func RoundCount(p Profile, n int64) Shown {
	if n < 0 || p.Counts.Small(n) || (n == 0 && (p.Counts.Zeros != Allow || p.Counts.Threshold <= 0)) {
		return Shown{Masked: true, Text: p.Counts.maskText()}
	}
	v := n
	if p.Rounding != nil {
		v = p.Rounding.Round(n)
	}
	return Shown{Value: v, Text: thousands(v)}
}

// maskText is what stands in place of a small count.
func (c Counts) maskText() string {
	switch {
	case c.Threshold <= 0:
		return "not shown"
	case c.Strictness == Below:
		return fmt.Sprintf("fewer than %d", c.Threshold)
	default:
		return fmt.Sprintf("%d or fewer", c.Threshold)
	}
}

// MaskText is what stands in place of a count too small to show.
func (p Profile) MaskText() string { return p.Counts.maskText() }

// BaseFor is the multiple that a count of size n is rounded to.
func (r *Rounding) BaseFor(n int64) int64 {
	base := r.Base
	for _, b := range r.Bands {
		if n >= b.From {
			base = b.Base
		}
	}
	if r.Significant > 0 {
		digits := len(strconv.FormatInt(n, 10))
		pow := int64(1)
		for i := r.Significant; i < digits; i++ {
			pow *= 10
		}
		base = max(base, pow)
	}
	return max(base, 1)
}

// Round rounds a count that may be shown. The random mode has no seed here
// and rounds to nearest; use the table rounding of the airlock for it.
func (r *Rounding) Round(n int64) int64 {
	if r == nil || n == 0 {
		return n
	}
	b := r.BaseFor(n)
	switch r.Mode {
	case NearestEven:
		q, m := n/b, n%b
		if 2*m > b || (2*m == b && q%2 == 1) {
			q++
		}
		return q * b
	case Midpoint:
		return (n+b-1)/b*b - b/2
	default:
		return (n + b/2) / b * b // ties up: 2*(n mod b) >= b for even b
	}
}

// Rounded reports whether v can be the result of this rounding.
func (r *Rounding) Rounded(v int64) bool {
	if r == nil || v == 0 {
		return true
	}
	b := r.BaseFor(v)
	if r.Mode == CellKey {
		return v > 0 // noise leaves any count
	}
	if r.Mode == Midpoint {
		return v > 0 && (v+b/2)%b == 0
	}
	return v%b == 0
}

// Interval is the range of true counts that may stand behind a shown v.
func (r *Rounding) Interval(v int64) (lo, hi int64) {
	if r == nil || v == 0 {
		return v, v
	}
	b := r.BaseFor(v)
	switch r.Mode {
	case Midpoint:
		top := v + b/2
		return top - b + 1, top
	case Random, Controlled:
		return max(v-b+1, 0), v + b - 1
	case CellKey:
		return max(v-b, 1), v + b
	default:
		return max(v-b/2, 0), v + b/2
	}
}

// thousands writes n with commas between groups of three digits.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
