// Package rows finds records of an extract among the numbers of a model: what
// a fitted object should know of people is what they have in common, and the
// numbers of one record beside each other are one person.
//
// What it is given are numbers in the order they are stored. A run of
// neighbours that all stand in one row of the extract is that row when so many
// equal values could hardly meet by chance: the number of rows, times the share
// of rows that hold each of the distinct values, times the number of places
// tried, is what chance would find (the Bonferroni bound), and it must be below
// [ByChance]. Rows that were scaled or shuffled before they were stored are not
// found; they are counted by the rules on how long an array may be.
//
// The package may touch the numbers it is given and nothing else. It must never
// name a value or a row: it counts.
package rows

import (
	"context"
	"iter"
	"math"
	"slices"
)

// ByChance is how many runs chance may find in a file before a run is taken
// for a record.
const ByChance = 0.001

// The shortest run that can be a record, and the longest looked for.
const (
	leastRun = 3
	mostRun  = 64
)

// held bounds how many places of values in the extract are remembered. A value
// with too many is common, and tells little.
const held = 16_000_000

// Finder looks for rows among numbers. Make one by New, give it each table of
// the extract by Scan.
type Finder struct {
	runs   [][]float32
	tried  int
	number map[float32]int // of each distinct value
	most   int             // places remembered of a value
}

// New is a finder of rows among runs of numbers.
func New(runs [][]float32) *Finder {
	f := &Finder{runs: runs, number: map[float32]int{}}
	for _, r := range runs {
		f.tried += len(r)
		for _, v := range r {
			if _, ok := f.number[v]; !ok && !odd(v) {
				f.number[v] = len(f.number)
			}
		}
	}
	f.most = max(4096, held/max(1, len(f.number)))
	return f
}

// odd are values that say nothing: missing, infinite, and nought, with which
// arrays are filled.
func odd(v float32) bool {
	return v == 0 || math.IsNaN(float64(v)) || math.IsInf(float64(v), 0)
}

// Scan counts the runs that are rows of one table, given by the numbers of each
// row. A row's slice may be used again.
func (f *Finder) Scan(ctx context.Context, table iter.Seq2[[]float64, error]) (found int, err error) {
	if len(f.number) < leastRun {
		return 0, nil
	}
	places := make([][]uint32, len(f.number))
	counts := make([]int, len(f.number))
	n := uint32(0)
	for row, err := range table {
		if err != nil {
			return 0, err
		}
		if n%65536 == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		for _, v := range row {
			i, ok := f.number[float32(v)]
			if !ok || len(places[i]) > 0 && places[i][len(places[i])-1] == n {
				continue
			}
			if counts[i]++; len(places[i]) < f.most {
				places[i] = append(places[i], n)
			}
		}
		n++
	}
	if n == 0 {
		return 0, nil
	}
	t := index{f, places, counts, float64(n)}
	for _, r := range f.runs {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		for i := 0; i < len(r); {
			k := t.record(r[i:])
			if k > 0 {
				found++
			}
			i += max(1, k)
		}
	}
	return found, nil
}

// index is where the values stand in one table.
type index struct {
	*Finder
	places [][]uint32
	counts []int
	rows   float64
}

// record is how many numbers at the start of r are a record; 0: none are. A
// number that says nothing, or is too common to be looked up, is passed over.
func (t index) record(r []float32) int {
	var rows []uint32
	var seen []int
	chance := t.rows * float64(t.tried)
	for k, v := range r[:min(len(r), mostRun)] {
		i, ok := t.number[v]
		if !ok { // it says nothing
			if k == 0 {
				return 0
			}
			continue
		}
		switch {
		case t.counts[i] == 0:
			return 0
		case t.counts[i] > len(t.places[i]), slices.Contains(seen, i):
			continue
		case rows == nil:
			rows = t.places[i]
		default:
			rows = both(rows, t.places[i])
		}
		if len(rows) == 0 {
			return 0
		}
		seen = append(seen, i)
		chance *= float64(t.counts[i]) / t.rows
		if len(seen) >= leastRun && chance < ByChance {
			return k + 1
		}
	}
	return 0
}

// both are the numbers in two sorted lists.
func both(a, b []uint32) []uint32 {
	if len(a) > len(b) {
		a, b = b, a
	}
	var out []uint32
	for _, x := range a {
		if _, ok := slices.BinarySearch(b, x); ok {
			out = append(out, x)
		}
	}
	return out
}
