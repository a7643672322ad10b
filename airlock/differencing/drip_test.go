package differencing

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ark-tre/ark/airlock/suppress/highs"
)

// drips are ways to spread one disclosure over n releases: each figure is of
// many people, no two differ by few, and all of them with the last one leave
// few people.
func drips(r *rand.Rand, n int) map[string][][]uint64 {
	pieces := make([][]uint64, n)
	next := uint64(0)
	for i := range pieces {
		size := uint64(12 + r.IntN(10))
		pieces[i] = span(next, next+size)
		next += size
	}
	target := span(next, next+uint64(1+r.IntN(8)))
	all := slices.Concat(append(slices.Clone(pieces), target)...)
	// Parts of a whole.
	whole := append(slices.Clone(pieces), all)
	// Windows over two parts; with an odd number of them every other adds up.
	var windows [][]uint64
	for i := 0; i+1 < n; i += 2 {
		windows = append(windows, slices.Concat(pieces[i], pieces[i+1]))
	}
	if n%2 == 1 {
		windows = append(windows, pieces[n-1])
	}
	// A telescope: each starts where the one before ends, in turn added and taken away.
	var telescope [][]uint64
	for i := range n - 1 {
		telescope = append(telescope, slices.Concat(pieces[i], pieces[i+1]))
	}
	ends := slices.Concat(pieces[0], pieces[n-1], target)
	if n%2 == 1 { // + - + - … leaves the first less the last
		telescope = append(telescope, pieces[n-1])
		ends = append(slices.Clone(pieces[0]), target...)
	}
	return map[string][][]uint64{"parts of a whole": whole, "windows": append(windows, all), "telescope": append(telescope, ends)}
}

// TestASlowDripDoesNotPass: up to the bound it is found; beyond it, and where
// other releases part people finely, it is at least not passed.
func TestASlowDripDoesNotPass(t *testing.T) {
	lp, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{6, 7, 64, 150} {
		for _, decoys := range []int{0, 20} {
			for name := range drips(rand.New(rand.NewPCG(1, 1)), n) {
				found, looked, runs := 0, 0, 1
				for i := range runs {
					f, l := drip(t, lp, name, n, decoys, uint64(i))
					found, looked = found+f, looked+l
				}
				t.Logf("%-18s over %3d releases among %2d others: %d found, %d for review, %d pass", name, n, decoys, found, looked, runs-found-looked)
				if found+looked < runs {
					t.Errorf("%s over %d releases among %d others passes", name, n, decoys)
				}
			}
		}
	}
}

func drip(t *testing.T, lp *highs.Solver, name string, n, decoys int, seed uint64) (found, looked int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	sets := drips(r, n)[name]
	h := New()
	h.lp = lp
	last := sets[len(sets)-1]
	releases := sets[:len(sets)-1]
	for range decoys { // others release figures about half of the same people
		var who []uint64
		for _, p := range last {
			if r.IntN(2) == 0 {
				who = append(who, p)
			}
		}
		releases = append(releases, who)
	}
	r.Shuffle(len(releases), func(i, j int) { releases[i], releases[j] = releases[j], releases[i] })
	for i, who := range releases {
		load(t, h, release(fmt.Sprint(i), count(0, who...)))
	}
	rep, err := h.Compare(context.Background(), release("n", count(0, last...)), 10, DefaultWork())
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case len(rep.Conflicts) > 0:
		return 1, 0
	case rep.Cut || rep.Left > 0:
		return 0, 1
	}
	return 0, 0
}
