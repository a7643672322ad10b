package disclosure

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// valuesRecovered: single people's values follow from statistics over few.
func valuesRecovered() Rule {
	return Rule{
		ID: "values-recovered", Effective: "2026-11-22",
		Clause:  "disclosure.md ADV-13 (mean and sd over 2 give both values); Handbook on SDC 4.2; statbarns Shape and Position",
		Applies: "means with deviations, medians and quartiles beside a small count", Needs: "a count in the same row",
		Says: "Over few people, a mean with a deviation, or a quantile, is somebody's value.",
		check: func(v *view) []Finding {
			var out []Finding
			for r := range v.t.rows {
				n, _, ok := v.contributors(r)
				if !ok || n < 1 || n >= min(v.p.Counts.Least(), maxSolved) {
					continue
				}
				if f, ok := v.meanAndDeviation(r, n); ok {
					out = append(out, f)
				}
				if f, ok := v.quantilesOfFew(r, n); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// maxSolved is the largest number of people whose values are looked for.
const maxSolved = 10

// meanAndDeviation solves for the values behind a mean and a deviation: two
// always; more where only one set of whole numbers fits.
func (v *view) meanAndDeviation(r int, n int64) (Finding, bool) {
	means, sds := v.inRow(r, kMean), v.inRow(r, kDeviation)
	if len(means) == 0 || n > 1 && len(sds) == 0 {
		return Finding{}, false
	}
	m := means[0]
	if n == 1 {
		return v.solved(m, n, []float64{m.v.f}), true
	}
	sd := sds[0]
	if sd.v.f == 0 {
		return v.solved(m, n, []float64{m.v.f}), true
	}
	if n == 2 {
		d := sd.v.f / math.Sqrt2 // with n − 1: the values stand s/√2 from the mean
		return v.solved(m, n, []float64{m.v.f - d, m.v.f + d}), true
	}
	// A set and its mirror image have the same mean and deviation.
	if found, many := wholeSets(m.v, sd.v, int(n)); len(found) > 0 && len(found) <= 2 && !many {
		f := v.solved(m, n, found[0])
		if len(found) == 2 {
			f.Says = "the values of all people behind this figure are one of two sets of whole numbers"
			f.Evidence["or"] = v.solved(m, n, found[1]).Evidence["values"]
		}
		return f, true
	}
	return Finding{}, false
}

func (v *view) solved(s site, n int64, xs []float64) Finding {
	var known []string
	for _, x := range xs {
		known = append(known, strconv.FormatFloat(math.Round(x*1e6)/1e6, 'f', -1, 64))
	}
	return v.finding(SevFail, v.where(s.row, s.col), s.row, s.col, "the values of all people behind this figure follow from it",
		"suppress the figures, or combine groups", "people", strconv.FormatInt(n, 10), "values", strings.Join(known, " "))
}

// wholeSets looks for sets of n whole numbers with a mean and a deviation as
// printed; it stops at three.
func wholeSets(mean, sd value, n int) (found [][]float64, many bool) {
	hm, hs := 0.5*math.Pow(10, -float64(mean.decimals))+1e-9, 0.5*math.Pow(10, -float64(sd.decimals))+1e-9
	steps := 0
	for sum := int64(math.Ceil((mean.f - hm) * float64(n))); sum <= int64(math.Floor((mean.f+hm)*float64(n))); sum++ {
		mu := float64(sum) / float64(n)
		lo, hi := math.Max(0, sd.f-hs), sd.f+hs
		ssLo, ssHi := lo*lo*float64(n-1), hi*hi*float64(n-1)
		var walk func(xs []int64, left int64, ss float64)
		walk = func(xs []int64, left int64, ss float64) {
			if steps++; steps > 200_000 || len(found) > 2 {
				many = true
				return
			}
			k := n - len(xs)
			if k == 1 {
				d := float64(left) - mu
				if len(xs) > 0 && left < xs[len(xs)-1] {
					return
				}
				if t := ss + d*d; t >= ssLo-1e-6 && t <= ssHi+1e-6 {
					out := make([]float64, 0, n)
					for _, x := range append(slices.Clone(xs), left) {
						out = append(out, float64(x))
					}
					found = append(found, out)
				}
				return
			}
			from := int64(math.Ceil(mu - math.Sqrt(ssHi)))
			if len(xs) > 0 {
				from = xs[len(xs)-1]
			}
			for x := from; x*int64(k) <= left; x++ {
				d := float64(x) - mu
				if t := ss + d*d; t <= ssHi+1e-6 {
					walk(append(slices.Clone(xs), x), left-x, t)
				} else if d > 0 {
					break
				}
			}
		}
		walk(nil, sum, 0)
	}
	return found, many || steps > 200_000
}

// quantilesOfFew: with an odd number of people the median is one person's
// value, and so are the quartiles of 5 or 9.
func (v *view) quantilesOfFew(r int, n int64) (Finding, bool) {
	var whose []site
	for _, s := range v.inRow(r, kMedian) {
		if n%2 == 1 {
			whose = append(whose, s)
		}
	}
	for _, s := range v.inRow(r, kQuantile) {
		if at := tail(v.cols[s.col].path) * float64(n-1); at == math.Trunc(at) {
			whose = append(whose, s)
		}
	}
	if len(whose) == 0 {
		return Finding{}, false
	}
	s := whose[0]
	return v.finding(SevFail, v.where(s.row, s.col), s.row, s.col, "a quantile over so few people is the value of one of them", "suppress the figures, or combine groups",
		"people", strconv.FormatInt(n, 10), "values_of_one", itoa(len(whose))), true
}
