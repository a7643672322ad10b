package disclosure

import (
	"math"
	"strconv"
	"strings"
)

// countDerivedSmall: a percentage or rate with its base gives a small count.
func countDerivedSmall() Rule {
	return Rule{
		ID: "count-derived-small", Effective: "2026-11-22",
		Clause:  "indirect disclosure: OpenSAFELY sdc.md (directly or indirectly), CMS (not derivable from percentages)",
		Applies: "percentages and rates beside the count they are of, rates of areas with published populations", Needs: "the table",
		Says: "A percentage times its base, or a rate times its population, is a count.",
		check: func(v *view) []Finding {
			var out []Finding
			for r := range v.t.rows {
				counts := v.inRow(r, kCount)
				for _, k := range []kind{kPercent, kRate} {
					for _, s := range v.inRow(r, k) {
						base, sureBase, ok := v.baseOf(s, counts)
						if !ok {
							continue
						}
						per := 100.0
						if k == kRate {
							if per = perOf(v.cols[s.col].path); per == 0 {
								continue
							}
						} else if !s.v.percent && v.fractions(s.col) {
							per = 1
						}
						lo, hi := derived(s.v, per, base)
						small := func(n int64) bool { return v.p.Counts.Small(n) }
						what := ""
						switch {
						case small(lo) && small(hi):
							what = "the count behind this figure is below the threshold"
						case k == kPercent && small(base-lo) && small(base-hi):
							what = "the count of those not in this share is below the threshold"
						default:
							continue
						}
						sev := SevFail
						if !sureBase {
							sev = SevReview
						}
						out = append(out, v.finding(sev, v.where(s.row, s.col), s.row, s.col, what,
							"suppress the figure, or print it with a base so wide that the count cannot be worked out",
							"base", strconv.FormatInt(base, 10), "count_from", strconv.FormatInt(lo, 10), "count_to", strconv.FormatInt(hi, 10)))
					}
				}
			}
			return out
		},
	}
}

// derived is the range of whole counts that print as v per `per` of base.
func derived(v value, per float64, base int64) (lo, hi int64) {
	half := 0.5 * math.Pow(10, -float64(v.decimals))
	eps := 1e-9 * (1 + math.Abs(v.f))
	lo = int64(math.Ceil((v.f - half - eps) / per * float64(base)))
	hi = int64(math.Floor((v.f + half + eps) / per * float64(base)))
	if hi < lo { // the base isn't exact; take the nearest
		lo = int64(math.Round(v.f / per * float64(base)))
		hi = lo
	}
	return max(lo, 0), max(hi, 0)
}

// baseOf finds the count a percentage or rate is of. Not found when a count
// in the row is its numerator: then nothing new can be worked out.
func (v *view) baseOf(s site, counts []site) (base int64, sureBase, ok bool) {
	per := 100.0
	if !s.v.percent && v.fractions(s.col) {
		per = 1
	}
	if s.kind == kRate {
		per = perOf(v.cols[s.col].path)
	}
	// 1. A pair of counts explains the figure: its numerator is printed.
	for _, a := range counts {
		for _, b := range counts {
			if a != b && b.v.n > 0 && per > 0 && math.Abs(float64(a.v.n)/float64(b.v.n)*per-s.v.f) <= 0.5001*math.Pow(10, -float64(s.v.decimals)) {
				return 0, false, false
			}
		}
	}
	// 2. "12 (3.4%)": the count in the same cell is the numerator.
	for _, a := range counts {
		if a.row == s.row && a.col == s.col {
			return 0, false, false
		}
	}
	// 3. A count headed as a base; else, if alone, one that may be.
	var one *site
	for i, a := range counts {
		ws := words(v.cols[a.col].name())
		if anyWord(ws, "base", "denominator", "denom", "population", "pop", "total", "totals", "cohort", "list", "risk") {
			return a.v.n, true, a.v.n > 0
		}
		if one != nil {
			return 0, false, false
		}
		one = &counts[i]
	}
	if n := v.population(s.row); one == nil && s.kind == kRate && n > 0 {
		return n, true, true
	}
	if n := v.baseElsewhere(s.row); one == nil && s.kind == kPercent && n > 0 && v.statedBase(s.col) == 0 {
		return n, true, true
	}
	if one == nil {
		// 4. A base stated in the heading or a note: no group is larger.
		n := v.statedBase(s.col)
		return n, true, n > 0 && s.kind == kPercent
	}
	if one.v.n <= 0 || v.sharesOfColumn(one.col, s.col) {
		return 0, false, false
	}
	return one.v.n, false, true
}

// baseElsewhere is the count that another table of the request shows of a row's
// label; 0 if none does.
func (v *view) baseElsewhere(r int) int64 {
	for _, l := range v.labels {
		if n, ok := v.bases[strings.ToLower(v.t.rows[r].cells[l].raw)]; ok {
			return n
		}
	}
	return 0
}

// population is the published population of the area a row is of, where one is
// known; 0 if none is.
func (v *view) population(r int) int64 {
	for _, l := range v.labels {
		if n, ok := v.populations[strings.ToLower(v.t.rows[r].cells[l].raw)]; ok {
			return n
		}
	}
	return 0
}

// statedBase is the n of "n = 40" in a column's heading, else in a note; 0 if
// none is stated, or several.
func (v *view) statedBase(c int) int64 {
	return once(&v.stated, c, func() int64 { return v.readBase(c) })
}

func (v *view) readBase(c int) int64 {
	for _, h := range v.cols[c].path {
		if n := baseIn(h); n > 0 {
			return n
		}
	}
	found := int64(0)
	for _, x := range v.t.notes {
		if n := baseIn(x.text); n > 0 {
			if found > 0 && found != n {
				return 0
			}
			found = n
		}
	}
	return found
}

// baseIn reads the number of "n = 1,250" or "base: 300" out of a text.
func baseIn(s string) int64 {
	ws := words(strings.ReplaceAll(s, ",", ""))
	for i := 0; i+1 < len(ws); i++ {
		if ws[i] == "n" || ws[i] == "base" || ws[i] == "denominator" {
			if n, err := strconv.ParseInt(ws[i+1], 10, 64); err == nil {
				return n
			}
		}
	}
	return 0
}

// sharesOfColumn reports whether column pct prints each row's share of the
// sum of column n: then n is the numerator.
func (v *view) sharesOfColumn(n, pct int) bool {
	return once(&v.shares, [2]int{n, pct}, func() bool { return v.shareOf(n, pct) })
}

func (v *view) shareOf(n, pct int) bool {
	sum := 0.0
	for r := range v.t.rows {
		for _, i := range v.at[[2]int{r, n}] {
			if s := v.sites[i]; s.kind == kCount && !v.rowTotal[r] {
				sum += s.v.f
			}
		}
	}
	agree, all := 0, 0
	for r := range v.t.rows {
		a, b := v.at[[2]int{r, n}], v.at[[2]int{r, pct}]
		if len(a) == 0 || len(b) == 0 || v.rowTotal[r] || sum == 0 {
			continue
		}
		all++
		x, y := v.sites[a[0]].v.f/sum, v.sites[b[0]].v.f
		if math.Abs(x*100-y) < 1 || math.Abs(x-y) < 0.01 {
			agree++
		}
	}
	return all > 0 && agree*2 > all
}

// fractions reports whether a share column is printed as fractions of one.
func (v *view) fractions(c int) bool {
	return once(&v.fraction, c, func() bool { return v.asFractions(c) })
}

func (v *view) asFractions(c int) bool {
	top := 0.0
	for r := range v.t.rows {
		for _, i := range v.at[[2]int{r, c}] {
			if v.sites[i].kind == kPercent {
				if v.sites[i].v.percent {
					return false
				}
				top = max(top, v.sites[i].v.f)
			}
		}
	}
	ws := words(strings.Join(v.cols[c].path, " "))
	return top <= 1 && !anyWord(ws, "pct", "percent", "percentage")
}

// perOf reads "per 100,000" out of a heading; 0 when it doesn't say.
func perOf(path []string) float64 {
	h := strings.ToLower(strings.ReplaceAll(strings.Join(path, " "), ",", ""))
	for _, u := range []struct {
		s string
		f float64
	}{{"1000000", 1e6}, {"million", 1e6}, {"100000", 1e5}, {"100 000", 1e5}, {"100k", 1e5}, {"10000", 1e4}, {"1000", 1e3}, {"100", 100}} {
		if strings.Contains(h, u.s) {
			return u.f
		}
	}
	return 0
}
