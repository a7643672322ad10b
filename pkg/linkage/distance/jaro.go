// Package distance holds the string comparisons of record linkage: Jaro,
// Jaro-Winkler, Levenshtein and Damerau-Levenshtein, on bytes, as DuckDB
// computes them, without allocation for values of ordinary length.
//
// It imports the standard library only and never sees a record.
package distance

import "math/bits"

// Jaro returns the Jaro similarity of a and b, in [0, 1]. Two empty strings
// are equal; an empty and a non-empty one share nothing.
func Jaro(a, b string) float64 {
	if a == b {
		return 1
	}
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	if len(a) > 64 || len(b) > 64 {
		return jaroLong(a, b)
	}
	window := max(len(a), len(b))/2 - 1
	if window < 0 {
		window = 0
	}
	// 1. Match each byte of a with the first free equal byte of b in the window.
	var seenA, seenB uint64
	for i := 0; i < len(a); i++ {
		lo, hi := max(0, i-window), min(len(b)-1, i+window)
		c := a[i]
		for j := lo; j <= hi; j++ {
			if b[j] == c && seenB&(1<<uint(j)) == 0 {
				seenA |= 1 << uint(i)
				seenB |= 1 << uint(j)
				break
			}
		}
	}
	m := bits.OnesCount64(seenA)
	if m == 0 {
		return 0
	}
	// 2. Count matched bytes that stand in another order.
	out := 0
	for x, y := seenA, seenB; x != 0; x, y = x&(x-1), y&(y-1) {
		if a[bits.TrailingZeros64(x)] != b[bits.TrailingZeros64(y)] {
			out++
		}
	}
	return jaroOf(m, out/2, len(a), len(b))
}

func jaroOf(m, transposed, la, lb int) float64 {
	f := float64(m)
	return (f/float64(la) + f/float64(lb) + (f-float64(transposed))/f) / 3
}

func jaroLong(a, b string) float64 {
	window := max(len(a), len(b))/2 - 1
	seenA, seenB := make([]bool, len(a)), make([]bool, len(b))
	m := 0
	for i := range len(a) {
		for j := max(0, i-window); j <= min(len(b)-1, i+window); j++ {
			if b[j] == a[i] && !seenB[j] {
				seenA[i], seenB[j] = true, true
				m++
				break
			}
		}
	}
	if m == 0 {
		return 0
	}
	out, j := 0, 0
	for i := range len(a) {
		if !seenA[i] {
			continue
		}
		for !seenB[j] {
			j++
		}
		if a[i] != b[j] {
			out++
		}
		j++
	}
	return jaroOf(m, out/2, len(a), len(b))
}

// JaroWinkler returns the Jaro similarity raised by a common prefix of up to
// four bytes, when the Jaro similarity is above 0.7.
func JaroWinkler(a, b string) float64 {
	s := Jaro(a, b)
	if s <= 0.7 {
		return s
	}
	p := 0
	for p < 4 && p < len(a) && p < len(b) && a[p] == b[p] {
		p++
	}
	return s + float64(p)*0.1*(1-s)
}

// Letters returns a set of the bytes of s, folded into 64 bits. Values whose
// sets are far apart cannot be similar.
func Letters(s string) uint64 {
	var m uint64
	for i := 0; i < len(s); i++ {
		m |= 1 << (s[i] & 63)
	}
	return m
}

// JaroWinklerBound returns a number that JaroWinkler of two strings with these
// letter sets and lengths cannot exceed: a byte value of a that is absent from
// b leaves at least one byte of a unmatched.
func JaroWinklerBound(la, lb int, ma, mb uint64) float64 {
	if la == 0 || lb == 0 {
		return 1
	}
	m := min(la-bits.OnesCount64(ma&^mb), lb-bits.OnesCount64(mb&^ma))
	if m <= 0 {
		return 0
	}
	f := float64(m)
	s := (f/float64(la) + f/float64(lb) + 1) / 3
	if s <= 0.7 {
		return s
	}
	return s + 0.4*(1-s)
}
