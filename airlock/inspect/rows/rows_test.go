package rows

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// people are rows of age, three laboratory values, a day and a flag.
func people(n int, seed uint64) [][]float64 {
	r := rand.New(rand.NewPCG(seed, 7))
	out := make([][]float64, n)
	for i := range out {
		out[i] = []float64{float64(18 + r.IntN(80)), float64(400+r.IntN(900)) / 10, float64(20+r.IntN(180)) / 10, float64(r.IntN(2000)) / 10, float64(15000 + r.IntN(5000)), float64(r.IntN(2))}
	}
	return out
}

func table(rows [][]float64) iter.Seq2[[]float64, error] {
	return func(yield func([]float64, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func narrow(v ...float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

func found(t testing.TB, rows [][]float64, runs ...[]float32) int {
	t.Helper()
	n, err := New(runs).Scan(context.Background(), table(rows))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestARecordIsFound: wherever it stands, however wide its array is, and not
// what only looks like one.
func TestARecordIsFound(t *testing.T) {
	rows := people(20_000, 1)
	r := rand.New(rand.NewPCG(5, 5))
	noise := func(n int) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = r.NormFloat64()
		}
		return out
	}
	one := rows[777]
	some := slices.Concat(rows[3], rows[99], rows[4000], rows[12_345])
	shuffled := slices.Clone(one)
	slices.Reverse(shuffled)
	for name, c := range map[string]struct {
		run  []float64
		want int
	}{
		"alone":                      {one, 1},
		"backwards":                  {shuffled, 1},
		"amid parameters":            {slices.Concat(noise(300), one, noise(300)), 1},
		"four, one after the other":  {some, 4},
		"two columns of it left out": {slices.Concat(noise(50), one[1:5], noise(50)), 1},
		"parameters":                 {noise(5000), 0},
		"noughts between":            {[]float64{one[0], 0, one[1], 0, 0, one[2], one[3], 0, one[4]}, 1},
		"values of six people":       {[]float64{rows[1][0], rows[2][1], rows[3][2], rows[4][3], rows[5][4]}, 0},
		"two values":                 {one[1:3], 0},
		"whole numbers up to a few dozens": {func() (v []float64) {
			for i := range 2000 {
				v = append(v, float64(i%40))
			}
			return
		}(), 0},
	} {
		if got := found(t, rows, narrow(c.run...)); got != c.want {
			t.Errorf("%s: %d records found, want %d", name, got, c.want)
		}
	}
}

// TestCommonValuesTellNothing: three ages and flags that thousands share are
// no record, though somebody has them.
func TestCommonValuesTellNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	rows := make([][]float64, 50_000)
	for i := range rows {
		rows[i] = []float64{float64(r.IntN(90)), float64(r.IntN(10)), float64(r.IntN(5))}
	}
	if n := found(t, rows, narrow(slices.Concat(rows[:200]...)...)); n != 0 {
		t.Errorf("%d records found of values that tell nothing", n)
	}
}

// TestChance: parameters drawn like the data, column by column, but of nobody,
// are hardly ever taken for a record; a record beside them is.
func TestChance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		rows := people(3000, seed)
		r := rand.New(rand.NewPCG(seed, 11))
		var mixed []float64
		for range 300 {
			for c := range rows[0] {
				mixed = append(mixed, rows[r.IntN(len(rows))][c])
			}
		}
		f := New([][]float32{narrow(mixed...)})
		if n, err := f.Scan(context.Background(), table(rows)); err != nil || n > 1 {
			t.Fatalf("%d records found among 300 of nobody: %v", n, err)
		}
		f = New([][]float32{narrow(slices.Concat(mixed, rows[1])...)})
		if n, err := f.Scan(context.Background(), table(rows)); err != nil || n < 1 {
			t.Fatalf("a record beside them is not found: %v", err)
		}
	})
}

// TestATableThatFails: an extract that can't be read is an error, not none
// found.
func TestATableThatFails(t *testing.T) {
	broken := errors.New("broken")
	_, err := New([][]float32{{1, 2, 3}}).Scan(context.Background(), func(yield func([]float64, error) bool) { yield(nil, broken) })
	if !errors.Is(err, broken) {
		t.Fatalf("%v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := New([][]float32{{1, 2, 3}}).Scan(ctx, table(people(10, 1))); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
}
