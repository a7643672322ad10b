package synthetic

import (
	"math"
	"math/rand/v2"
)

// dice is a random stream with the draws the generator needs.
type dice struct{ *rand.Rand }

// throw returns the stream number n of a seed. Streams of different n are
// independent: n is mixed by SplitMix64 before it seeds PCG.
func throw(seed, n uint64) dice {
	return dice{rand.New(rand.NewPCG(mix(seed), mix(n^0x9e3779b97f4a7c15)))}
}

func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (d dice) chance(p float64) bool { return d.Float64() < p }

func (d dice) between(lo, hi int) int { return lo + d.IntN(hi-lo+1) }

func (d dice) normal(mean, sd float64) float64 { return mean + sd*d.NormFloat64() }

// poisson draws a count with the given mean, by multiplication: means here are
// small, and large ones are cut at 30.
func (d dice) poisson(mean float64) int {
	limit, n, p := math.Exp(-min(mean, 30)), 0, d.Float64()
	for p > limit {
		n++
		p *= d.Float64()
	}
	return n
}

// of picks one of the choices evenly.
func of[T any](d dice, choices ...T) T { return choices[d.IntN(len(choices))] }

// weighted is a choice with weights, drawn by binary search.
type weighted[T any] struct {
	items []T
	upto  []float64
}

func (w *weighted[T]) add(item T, weight float64) {
	last := 0.0
	if n := len(w.upto); n > 0 {
		last = w.upto[n-1]
	}
	w.items, w.upto = append(w.items, item), append(w.upto, last+weight)
}

func (w *weighted[T]) draw(d dice) T {
	x := d.Float64() * w.upto[len(w.upto)-1]
	lo, hi := 0, len(w.upto)-1
	for lo < hi {
		if mid := (lo + hi) / 2; w.upto[mid] <= x {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return w.items[lo]
}
