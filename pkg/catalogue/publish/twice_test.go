package publish

import (
	"math/rand/v2"
	"testing"
)

// TestTwiceInAnyOrder: what is counted as told by two does not hang on the
// order in which organisations come, which the key of names decides.
func TestTwiceInAnyOrder(t *testing.T) {
	told := []string{"a", "a", "b", "c", "a", "b"}
	for seed := range uint64(50) {
		w := &twice{seen: map[uint64]map[string]int64{}}
		r := rand.New(rand.NewPCG(seed, 1))
		r.Shuffle(len(told), func(i, j int) { told[i], told[j] = told[j], told[i] })
		for _, org := range told {
			w.tell(7, org)
			w.tell(8, "a")
		}
		if w.rows != 3 {
			t.Fatalf("%v: %d rows, want 3: all but those of the organisation that told most", told, w.rows)
		}
	}
}
