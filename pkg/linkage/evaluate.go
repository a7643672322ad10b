package linkage

import (
	"slices"

	"github.com/ark-tre/ark/pkg/linkage/engine"
)

// Measure is a precision, a recall and what they make together.
type Measure struct {
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
}

func measured(right, found, wanted float64) Measure {
	m := Measure{Precision: 1, Recall: 1}
	if found > 0 {
		m.Precision = right / found
	}
	if wanted > 0 {
		m.Recall = right / wanted
	}
	if m.Precision+m.Recall > 0 {
		m.F1 = 2 * m.Precision * m.Recall / (m.Precision + m.Recall)
	}
	return m
}

// PairTruth returns how many pairs of rows are truly of one person: those of
// one truth value other than 0, across sources only when across is given.
func PairTruth(truth []uint32, across []uint16) float64 {
	total := pairsBy(truth, nil)
	if across != nil {
		total -= pairsBy(truth, across)
	}
	return total
}

// pairsBy counts pairs of one truth value, and of one source when given.
func pairsBy(truth []uint32, source []uint16) float64 {
	n := map[uint64]float64{}
	for i, t := range truth {
		if t == 0 {
			continue
		}
		k := uint64(t) << 16
		if source != nil {
			k |= uint64(source[i])
		}
		n[k]++
	}
	sum := 0.0
	for _, c := range n {
		sum += c * (c - 1) / 2
	}
	return sum
}

// EvaluatePairs measures the pairs of weight cut or more against truth.
func EvaluatePairs(edges []engine.Edge, truth []uint32, wanted, cut float64) Measure {
	right, found := 0.0, 0.0
	for _, e := range edges {
		if e.Weight < cut && e.Tier < 0 {
			continue
		}
		found++
		if truth[e.L] != 0 && truth[e.L] == truth[e.R] {
			right++
		}
	}
	return measured(right, found, wanted)
}

// BestPairs finds the weight at which the pairs' F1 is highest.
func BestPairs(edges []engine.Edge, truth []uint32, wanted float64) (cut float64, best Measure) {
	sorted := slices.Clone(edges)
	slices.SortFunc(sorted, func(a, b engine.Edge) int {
		switch {
		case a.Weight > b.Weight:
			return -1
		case a.Weight < b.Weight:
			return 1
		}
		return 0
	})
	right := 0.0
	for i, e := range sorted {
		if truth[e.L] != 0 && truth[e.L] == truth[e.R] {
			right++
		}
		if i+1 < len(sorted) && sorted[i+1].Weight == e.Weight {
			continue
		}
		if m := measured(right, float64(i+1), wanted); m.F1 > best.F1 {
			cut, best = e.Weight, m
		}
	}
	return cut, best
}

// EvaluateClusters measures the pairs that clusters imply, and B-cubed: the
// mean over records of how pure and how whole the record's cluster is.
func EvaluateClusters(clusters, truth []uint32, across []uint16) (pairs, bcubed Measure) {
	type cell struct{ c, t uint32 }
	both, byC, byT := map[cell]float64{}, map[uint32]float64{}, map[uint32]float64{}
	n := 0.0
	for i, c := range clusters {
		if truth[i] == 0 {
			continue
		}
		both[cell{c, truth[i]}]++
		byC[c]++
		byT[truth[i]]++
		n++
	}
	count := func(m map[uint32]float64) float64 {
		s := 0.0
		for _, x := range m {
			s += x * (x - 1) / 2
		}
		return s
	}
	right, pure, whole := 0.0, 0.0, 0.0
	for i, c := range clusters { // by row, so that sums don't depend on the order of a map
		if t := truth[i]; t != 0 {
			x := both[cell{c, t}]
			right += (x - 1) / 2
			pure += x / byC[c]
			whole += x / byT[t]
		}
	}
	found, wanted := count(byC), count(byT)
	if across != nil {
		found, wanted, right = acrossOnly(clusters, truth, across)
	}
	pairs = measured(right, found, wanted)
	if n > 0 {
		bcubed = Measure{Precision: pure / n, Recall: whole / n}
		bcubed.F1 = 2 * bcubed.Precision * bcubed.Recall / (bcubed.Precision + bcubed.Recall)
	}
	return pairs, bcubed
}

// acrossOnly counts pairs of different sources.
func acrossOnly(clusters, truth []uint32, source []uint16) (found, wanted, right float64) {
	both := make([]uint32, len(clusters))
	num := map[uint64]uint32{}
	known := make([]uint32, len(clusters))
	for i, c := range clusters {
		if truth[i] == 0 {
			continue
		}
		known[i] = c + 1
		k := uint64(c)<<32 | uint64(truth[i])
		if num[k] == 0 {
			num[k] = uint32(len(num) + 1)
		}
		both[i] = num[k]
	}
	return PairTruth(known, source), PairTruth(truth, source), PairTruth(both, source)
}
