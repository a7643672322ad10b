package disclosure

import (
	"math"
	"strconv"
)

// countRecovered: a sum with its mean, or a share with its rounded counts,
// gives the true count away.
func countRecovered() Rule {
	return Rule{
		ID: "count-recovered", Effective: "2026-11-22",
		Clause:  "indirect disclosure: Handbook on SDC 5.7 (means of perturbed tables); OpenSAFELY sdc.md (rates from rounded counts)",
		Applies: "sums beside means, percentages beside rounded counts", Needs: "the table",
		Says: "A sum divided by its mean is the number of people; a percentage with decimals tells which of the rounded counts are true.",
		check: func(v *view) []Finding {
			var out []Finding
			for r := range v.t.rows {
				out = append(out, v.sumOverMean(r)...)
				out = append(out, v.unroundedShare(r)...)
			}
			return out
		},
	}
}

// sumOverMean solves n = sum / mean.
func (v *view) sumOverMean(r int) []Finding {
	sums, means := v.inRow(r, kSum), v.inRow(r, kMean)
	if len(sums) != 1 || len(means) != 1 || means[0].v.f == 0 {
		return nil
	}
	s, m := sums[0].v, means[0].v
	hs, hm := 0.5*math.Pow(10, -float64(s.decimals)), 0.5*math.Pow(10, -float64(m.decimals))
	if math.Abs(m.f) <= hm {
		return nil
	}
	lo := math.Ceil((math.Abs(s.f)-hs)/(math.Abs(m.f)+hm) - 1e-9)
	hi := math.Floor((math.Abs(s.f)+hs)/(math.Abs(m.f)-hm) + 1e-9)
	if lo < 1 || hi < lo || hi > 1e12 {
		return nil
	}
	w := v.where(r, means[0].col)
	evidence := []string{"count_from", strconv.FormatFloat(lo, 'f', 0, 64), "count_to", strconv.FormatFloat(hi, 'f', 0, 64)}
	switch {
	case v.p.Counts.Small(int64(hi)):
		return []Finding{v.finding(SevFail, w, r, means[0].col, "the sum divided by the mean gives a count below the threshold", "suppress both", evidence...)}
	case lo == hi && v.p.Rounding != nil && v.p.Rounding.Order != "round-only" && !v.p.Rounding.Rounded(int64(lo)):
		return []Finding{v.finding(SevFail, w, r, means[0].col, "the sum divided by the mean gives the exact count, which the profile asks to round",
			"compute the mean from the rounded count, or print fewer digits", evidence...)}
	}
	return nil
}

// unroundedShare looks for the one pair of true counts, within the rounding of
// the two printed ones, that gives the printed percentage.
func (v *view) unroundedShare(r int) []Finding {
	rd := v.p.Rounding
	if rd == nil || rd.Order == "round-only" {
		return nil
	}
	counts, shares := v.inRow(r, kCount), v.inRow(r, kPercent)
	if len(counts) != 2 || len(shares) != 1 || shares[0].v.decimals == 0 {
		return nil
	}
	a, b := counts[0].v.n, counts[1].v.n
	if a > b {
		a, b = b, a
	}
	p := shares[0].v
	if a == 0 || a == b || !rd.Rounded(a) || !rd.Rounded(b) {
		return nil
	}
	per := 100.0
	if !p.percent && v.fractions(shares[0].col) {
		per = 1
	}
	half := 0.5*math.Pow(10, -float64(p.decimals)) + 1e-9
	if math.Abs(float64(a)/float64(b)*per-p.f) <= half {
		return nil // made of the rounded counts
	}
	alo, ahi := rd.Interval(a)
	blo, bhi := rd.Interval(b)
	fits, fa := 0, int64(0)
	for x := alo; x <= ahi; x++ {
		for y := blo; y <= bhi; y++ {
			if y > 0 && math.Abs(float64(x)/float64(y)*per-p.f) <= half {
				fits++
				fa = x
			}
		}
	}
	c := shares[0].col
	switch {
	case fits == 0:
		return nil // a share of something else
	case fits == 1 && v.p.Counts.Small(fa):
		return []Finding{v.finding(SevFail, v.where(r, c), r, c, "the percentage tells the true count behind a rounded one, and it is below the threshold", "compute percentages from the rounded counts")}
	default:
		return []Finding{v.finding(SevReview, v.where(r, c), r, c, "the percentage was computed from counts before rounding, and narrows what they can be",
			"compute percentages from the rounded counts", "pairs_left", itoa(fits))}
	}
}
