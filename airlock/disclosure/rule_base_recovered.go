package disclosure

import (
	"math"
	"strconv"
	"strings"
)

// baseRecovered: shares that only a small base can give.
func baseRecovered() Rule {
	return Rule{
		ID: "base-recovered", Effective: "2026-11-22",
		Clause:  "indirect disclosure: OpenSAFELY sdc.md (directly or indirectly); HESA rounding and suppression (percentages on small bases withheld)",
		Applies: "percentages, proportions and means without their base", Needs: "the table",
		Says: "Shares printed to enough digits tell the number of people they are of: 14.3, 28.6 and 57.1 are sevenths.",
		check: func(v *view) []Finding {
			var out []Finding
			if v.baseInNotes() {
				return nil
			}
			for _, g := range v.shareGroups() {
				if f, ok := v.solveBase(g); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// shareGroups lists shares that are of one base: rows or columns of shares that
// add up to the whole, else every share by itself; none with a base beside it.
func (v *view) shareGroups() [][]site {
	var out [][]site
	taken := map[[3]int]bool{}
	group := func(ss []site) {
		sum, whole := 0.0, 100.0
		for _, s := range ss {
			sum += s.v.f
		}
		if len(ss) > 0 && v.fractions(ss[0].col) && !ss[0].v.percent {
			whole = 1
		}
		if len(ss) < 2 || math.Abs(sum-whole) > whole/200*math.Sqrt(float64(len(ss))) {
			return
		}
		for _, s := range ss {
			taken[[3]int{s.row, s.col, s.part}] = true
		}
		out = append(out, ss)
	}
	bare := func(s site) bool {
		return s.kind == kPercent && !s.total && !v.rowHasCount(s.row) && !v.baseInColumn(s.col)
	}
	for c := range v.cols {
		var ss []site
		for r := range v.t.rows {
			for _, i := range v.at[[2]int{r, c}] {
				if bare(v.sites[i]) {
					ss = append(ss, v.sites[i])
				}
			}
		}
		group(ss)
	}
	for r := range v.t.rows {
		var ss []site
		for _, s := range v.inRow(r, kPercent) {
			if bare(s) {
				ss = append(ss, s)
			}
		}
		group(ss)
	}
	for _, s := range v.sites {
		if (bare(s) || s.kind == kMean && !v.rowHasCount(s.row) && !v.baseInColumn(s.col)) && !taken[[3]int{s.row, s.col, s.part}] {
			out = append(out, []site{s})
		}
	}
	return out
}

// maxBase bounds the bases tried.
const maxBase = 60

// solveBase finds the smallest base that gives all shares of a group, and how
// likely some base up to it would by chance.
func (v *view) solveBase(g []site) (Finding, bool) {
	chance := 0.0
	for n := int64(1); n <= maxBase; n++ {
		fits, luck, telling, mean := true, 1.0, 0, false
		var smallest, second int64 = 1 << 60, 1 << 60
		for i, s := range g {
			per := 100.0
			if s.kind == kMean {
				per, mean = 1, true
			} else if !s.v.percent && v.fractions(s.col) {
				per = 1
			}
			half := 0.5*math.Pow(10, -float64(s.v.decimals)) + 1e-12
			k := math.Round(s.v.f / per * float64(n))
			if math.Abs(k/float64(n)*per-s.v.f) > half*(1+1e-9) {
				fits = false
				break
			}
			if int64(k) > 0 {
				if int64(k) < smallest {
					smallest, second = int64(k), smallest
				} else {
					second = min(second, int64(k))
				}
			}
			if s.v.f != 0 && s.v.f != per && i < len(g)-1 || len(g) == 1 { // the last follows from the others
				luck *= min(1, float64(n+1)*2*half/per)
				telling++
			}
		}
		if telling == 0 {
			luck = 1
		}
		if !fits {
			chance += luckOf(g, n, v)
			continue
		}
		chance += luck
		if chance > 0.02 || n == 1 {
			return Finding{}, false // any base would do, or all of one class
		}
		small := v.p.Counts.Small(n) || !mean && (v.p.Counts.Small(smallest) && n < 2*v.p.Counts.Least())
		if !small {
			return Finding{}, false
		}
		s := g[0]
		sev, says := SevReview, "these figures can be those of few people"
		if chance < 1e-3 && !mean {
			sev, says = SevFail, "these shares are those of few people: hardly any other number of people gives them"
		}
		return v.finding(sev, v.where(s.row, s.col), s.row, s.col, says, "suppress them, or print fewer digits and the rounded base",
			"base", strconv.FormatInt(n, 10), "smallest_group", strconv.FormatInt(smallest, 10), "figures", itoa(len(g)), "by_chance", strconv.FormatFloat(chance, 'g', 2, 64)), true
	}
	return Finding{}, false
}

// luckOf is how likely a base n would give shares printed to these digits.
func luckOf(g []site, n int64, v *view) float64 {
	luck := 1.0
	for i, s := range g {
		per := 100.0
		if s.kind == kMean || !s.v.percent && v.fractions(s.col) {
			per = 1
		}
		if i < len(g)-1 || len(g) == 1 {
			luck *= min(1, float64(n+1)*math.Pow(10, -float64(s.v.decimals))/per)
		}
	}
	return luck
}

// tail is the share of people on the smaller side of a quantile, read out of
// its heading: "p90", "95th percentile", "q0.05", "lower quartile", "IQR".
func tail(path []string) float64 {
	for i := len(path) - 1; i >= 0; i-- {
		h := strings.ToLower(path[i])
		digits := strings.FieldsFunc(h, func(r rune) bool { return !(r >= '0' && r <= '9' || r == '.') })
		for _, d := range digits {
			f, err := strconv.ParseFloat(strings.Trim(d, "."), 64)
			if err != nil {
				continue
			}
			if f > 1 || !strings.Contains(d, ".") {
				f /= 100
			}
			if strings.Contains(h, "decile") && f < 0.1 {
				f *= 10
			}
			if f > 0 && f < 1 && !strings.Contains(h, "q1") && !strings.Contains(h, "q3") {
				return min(f, 1-f)
			}
		}
		if strings.Contains(h, "quart") || strings.Contains(h, "iqr") || strings.Contains(h, "q1") || strings.Contains(h, "q3") || strings.Contains(h, "lq") || strings.Contains(h, "uq") {
			return 0.25
		}
	}
	return 0.5
}
