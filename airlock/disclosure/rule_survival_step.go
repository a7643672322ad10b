package disclosure

import (
	"math"
	"strconv"
)

// survivalStep: a step of a survival curve, or a loss between its times, is of
// few people.
func survivalStep() Rule {
	return Rule{
		ID: "survival-step", Effective: "2026-11-22",
		Clause:  "disclosure.md ADV-49; OpenSAFELY sdc.md (Kaplan-Meier: midpoint rounding of cumulative events); statbarn HazardSurvival",
		Applies: "survival curves with the number at risk", Needs: "the table; certain with the microdata",
		Says: "Each step of a survival curve is the people who had the event then, and each fall of the number at risk those who left.",
		check: func(v *view) []Finding {
			surv, risk := -1, -1
			for c, col := range v.cols {
				ws := words(col.name())
				switch {
				case anyWord(ws, "survival", "surv", "km") && !anyWord(ws, "lower", "upper", "ci", "lcl", "ucl", "se", "std", "time") && !col.label && surv < 0:
					surv = c
				case anyWord(ws, "risk") && col.numbers > 0 && risk < 0:
					risk = c
				}
			}
			if surv < 0 {
				return nil
			}
			if risk < 0 {
				return v.curveAlone(surv)
			}
			var out []Finding
			for r := 1; r < len(v.t.rows); r++ {
				before, ok := v.whole(r-1, risk)
				now, ok2 := v.whole(r, risk)
				if !ok || !ok2 || now > before {
					continue // another curve begins
				}
				if left := before - now; v.p.Counts.Small(left) && !v.roundedPair(before, now) {
					out = append(out, v.finding(SevFail, v.where(r, risk), r, risk, "the number at risk falls by few people between two times", "print fewer times, or round the numbers at risk",
						"people", strconv.FormatInt(left, 10)))
					continue
				}
				s0, s1, ok := v.pair(r, surv)
				if !ok || s1.f > s0.f || s0.f == 0 {
					continue
				}
				d := (1 - s1.f/s0.f) * float64(before)
				slack := float64(before) * math.Pow(10, -float64(s1.decimals)) / s0.f
				if lo, hi := math.Ceil(d-slack-1e-9), math.Floor(d+slack+1e-9); hi >= 1 && lo >= 1 && v.p.Counts.Small(int64(hi)) {
					out = append(out, v.finding(SevFail, v.where(r, surv), r, surv, "a step of the survival curve is of few people", "print fewer times, or round the curve as the counts are rounded",
						"people_from", number(lo), "people_to", number(hi)))
				}
			}
			return out
		},
	}
}

// roundedPair reports whether two counts are both rounded as the profile asks:
// their difference then tells little.
func (v *view) roundedPair(a, b int64) bool {
	r := v.p.Rounding
	return r != nil && r.Order != "round-only" && r.Rounded(a) && r.Rounded(b) && v.rounded()
}

func (v *view) pair(r, c int) (a, b value, ok bool) {
	x, y := v.t.rows[r-1].cells[c], v.t.rows[r].cells[c]
	if x.kind != cellNumber || y.kind != cellNumber {
		return a, b, false
	}
	return x.values[0], y.values[0], true
}

// curveAlone: many steps without the numbers at risk may be steps of one.
func (v *view) curveAlone(c int) []Finding {
	steps := 0
	for r := 1; r < len(v.t.rows); r++ {
		if a, b, ok := v.pair(r, c); ok && b.f < a.f {
			steps++
		}
	}
	if steps < 20 {
		return nil
	}
	return []Finding{v.finding(SevReview, v.where(0, c), 0, c, "a survival curve of many steps is shown without the numbers at risk: each step may be one person",
		"print the numbers at risk, and fewer times", "steps", itoa(steps))}
}
