package disclosure

import (
	"math"
	"strconv"
)

// statisticFewContributors: a mean, sum, median … over too few units.
func statisticFewContributors() Rule {
	return Rule{
		ID: "statistic-few-contributors", Effective: "2026-11-22",
		Clause:  "profile contributors; UK LLC (mean, median, mode, sd need n of at least 10); HES (mean, median on 1 to 7); OpenSAFELY sdc.md",
		Applies: "means, sums, medians, quantiles, deviations, modes and ratios beside a count", Needs: "a count in the same row",
		Says: "A statistic over few people tells about each of them.",
		check: func(v *view) []Finding {
			var out []Finding
			for r := range v.t.rows {
				n, masked, ok := v.contributors(r)
				if !ok && !masked {
					continue
				}
				for c := range v.cols {
					for _, i := range v.at[[2]int{r, c}] {
						s := v.sites[i]
						least, applies := v.least(s.kind)
						if s.kind == kQuantile {
							least = int64(math.Ceil(float64(v.p.Contributors.Quantile)/tail(v.cols[c].path) - 1e-9))
						}
						if !applies || s.part > 0 || (ok && n >= least) {
							continue
						}
						says := "a statistic is shown over fewer units than the profile asks"
						if masked {
							says = "a statistic is shown beside its suppressed count"
						}
						out = append(out, v.finding(SevFail, v.where(r, c), r, c, says,
							"suppress the statistic with its count, or combine groups", "smallest_allowed", strconv.FormatInt(least, 10)))
					}
				}
			}
			return out
		},
	}
}

// least is the profile's minimum of contributors for a kind of statistic.
func (v *view) least(k kind) (int64, bool) {
	c := v.p.Contributors
	switch k {
	case kMean:
		return c.Mean, true
	case kSum:
		return c.Sum, true
	case kMedian:
		return c.Median, true
	case kQuantile:
		return 2 * c.Quantile, true // on both sides
	case kDeviation:
		return c.Deviation, true
	case kMode:
		return c.Mode, true
	case kRatio:
		return c.Ratio, true
	}
	return 0, false
}

// contributors is the one count of row r whose heading says it is one, or
// whether that count is masked. With several counts the smallest surely named
// one in the same group of headings would be a guess: not told.
func (v *view) contributors(r int) (n int64, masked, ok bool) {
	found := 0
	for c, col := range v.cols {
		if !col.is(kCount) || col.sure != sure {
			continue
		}
		found++
		x := v.t.rows[r].cells[c]
		if x.kind == cellMark {
			masked = true
		}
		for _, i := range v.at[[2]int{r, c}] {
			if s := v.sites[i]; s.kind == kCount {
				n, ok = s.v.n, true
			}
		}
	}
	if found != 1 {
		return 0, false, false
	}
	return n, masked, ok
}
