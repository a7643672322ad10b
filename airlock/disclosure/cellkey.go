package disclosure

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strings"
)

// The cell key method: a count's noise is looked up by its cell key, the
// fractional part of the sum of the keys of the records behind it, so that the
// same people get the same noise in whatever table they stand; a zero stays
// zero. Handbook on SDC 5.4.

// noiseOf is the noise of a count n for a cell key in [0, 1): at most most
// either way, none of it below zero or to zero, and nothing on average.
func noiseOf(n, most int64, key float64) int64 {
	if n == 0 || most <= 0 {
		return 0
	}
	lo := -min(most, n-1)
	// Weights exp(−x²/most − t·x): t is chosen so that the mean is nothing. From
	// n = 1 there is no way down, so that the least noise is upward.
	weight := func(t float64) (ws []float64, mean float64) {
		sum := 0.0
		for x := lo; x <= most; x++ {
			w := math.Exp(-float64(x*x)/float64(most) - t*float64(x))
			ws = append(ws, w)
			sum += w
			mean += w * float64(x)
		}
		for i := range ws {
			ws[i] /= sum
		}
		return ws, mean / sum
	}
	a, b := 0.0, 50.0
	if lo < 0 {
		for range 60 {
			if _, m := weight((a + b) / 2); m > 0 {
				a = (a + b) / 2
			} else {
				b = (a + b) / 2
			}
		}
	} else {
		b = 1
	}
	ws, _ := weight(b)
	for i, w := range ws {
		if key -= w; key < 0 {
			return lo + int64(i)
		}
	}
	return lo
}

// labelKey is a cell's key where the records are not at hand: of its labels,
// whatever their order, and its true count.
func labelKey(seed int64, name string, n int64) float64 {
	h := sha256.New()
	_ = binary.Write(h, binary.BigEndian, []int64{seed, n})
	h.Write([]byte(name))
	return fraction(h.Sum(nil))
}

func fraction(b []byte) float64 { return float64(binary.BigEndian.Uint64(b)>>11) / (1 << 53) }

// recordKeys gives every cell of a recomputed table its key: the sum of the
// keys of its units, or of its records where units are not told apart.
func (r *Recomputed) recordKeys(seed int64) []float64 {
	out := make([]float64, len(r.Cells))
	for i, c := range r.Cells {
		seen := map[string]bool{}
		sum := 0.0
		for _, rec := range c.records {
			name := "record " + itoa(rec)
			if r.units >= 0 && !r.frame.rows[rec][r.units].IsNull() {
				name = "unit " + r.frame.rows[rec][r.units].Text()
			}
			if seen[name] {
				continue
			}
			seen[name] = true
			sum += labelKey(seed, name, 0)
		}
		out[i] = sum - math.Floor(sum)
	}
	return out
}

// coarsen prints a figure with as many digits as every count that may stand
// behind the shown one gives: a mean or share with more tells which it was.
func coarsen(raw string, v value, n int64) string {
	digits := 0
	for k := int64(10); k <= n && digits < v.decimals; k *= 10 {
		digits++
	}
	if digits >= v.decimals {
		return raw
	}
	s := trimFloat(v.f, digits)
	if v.percent && strings.HasSuffix(raw, "%") {
		s += "%"
	}
	return s
}
