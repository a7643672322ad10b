package disclosure

import (
	"math"
	"strconv"
	"strings"
)

// histogramEdge: the outer edge of a histogram is the smallest or largest value.
func histogramEdge() Rule {
	return Rule{
		ID: "histogram-edge", Effective: "2026-11-22",
		Clause:  "disclosure.md ADV-45 (outer edge = the maximum); statbarn Endpoints",
		Applies: "bins of numbers as row labels", Needs: "the table; certain with the microdata",
		Says: "The outer edges of a histogram made from the data are one person's values.",
		check: func(v *view) []Finding {
			for _, l := range v.labels {
				lo, hi, ok := v.bins(l)
				if !ok {
					continue
				}
				n := len(lo)
				step := gridOf(lo[1:])
				var out []Finding
				for _, e := range []struct {
					at   float64
					row  int
					says string
				}{{lo[0], 0, "the lower edge of a histogram can be the smallest value"}, {hi[n-1], n - 1, "the upper edge of a histogram can be the largest value"}} {
					if math.IsInf(e.at, 0) || step > 0 && onGrid(e.at, step) {
						continue
					}
					out = append(out, v.finding(SevFail, v.where(e.row, l), e.row, l, e.says, "leave the outer bins open, or round their edges outward to the step of the others"))
				}
				return out
			}
			return nil
		},
	}
}

// bins reads a label column as adjoining bins of numbers, at least three.
func (v *view) bins(l int) (lo, hi []float64, ok bool) {
	for r, row := range v.t.rows {
		if v.rowTotal[r] {
			continue
		}
		a, b, fine := binOf(row.cells[l].raw)
		if !fine || len(hi) > 0 && a != hi[len(hi)-1] {
			return nil, nil, false
		}
		lo, hi = append(lo, a), append(hi, b)
	}
	return lo, hi, len(lo) >= 3
}

// binOf reads "[10, 20)", "(17.9, 27.8]", "(-inf, 10]". Bands such as 18-24 are
// names people chose, not bins.
func binOf(s string) (lo, hi float64, ok bool) {
	if len(s) < 5 || strings.IndexByte("[(", s[0]) < 0 || strings.IndexByte("])", s[len(s)-1]) < 0 {
		return 0, 0, false
	}
	a, b, found := strings.Cut(s[1:len(s)-1], ",")
	if !found {
		return 0, 0, false
	}
	lo, err := strconv.ParseFloat(strings.TrimSpace(a), 64)
	hi, err2 := strconv.ParseFloat(strings.TrimSpace(b), 64)
	return lo, hi, err == nil && err2 == nil && lo < hi
}

// gridOf is the round step on which all inner edges lie; 0 if there is none:
// edges such as 27.83 were computed from the data.
func gridOf(lo []float64) float64 {
	width := math.Inf(1)
	for i := 1; i < len(lo); i++ {
		width = min(width, lo[i]-lo[i-1])
	}
	for e := 9; e >= -9; e-- {
		for _, m := range []float64{5, 2.5, 2, 1} {
			step := m * math.Pow(10, float64(e))
			if step > width*(1+1e-9) || step < width/10 {
				continue
			}
			all := true
			for _, x := range lo {
				all = all && onGrid(x, step)
			}
			if all {
				return step
			}
		}
	}
	return 0
}

func onGrid(x, step float64) bool {
	k := x / step
	return math.Abs(k-math.Round(k)) < 1e-6
}
