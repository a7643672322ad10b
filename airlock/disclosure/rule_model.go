package disclosure

import "strconv"

// modelFewDegrees: a model or test with too few residual degrees of freedom.
func modelFewDegrees() Rule {
	return Rule{
		ID: "model-few-degrees", Effective: "2026-11-22",
		Clause:  "profile models.degrees_of_freedom; ACRO v1.0.1 (9 fails, 10 passes); ESSnet output guidelines",
		Applies: "residual degrees of freedom, and numbers of observations of models", Needs: "the table",
		Says: "A model with as many parameters as records describes the records.",
		check: func(v *view) []Finding {
			var out []Finding
			v.each(kDegrees, func(s site) {
				if !v.residual(s) || s.v.f >= float64(v.p.Models.DegreesOfFreedom) {
					return
				}
				out = append(out, v.finding(SevFail, v.where(s.row, s.col), s.row, s.col, "a model has too few residual degrees of freedom",
					"fit fewer parameters, or to more records", "least", strconv.FormatInt(v.p.Models.DegreesOfFreedom, 10)))
			})
			return out
		},
	}
}

// residual reports whether degrees of freedom are those left over: said by the
// heading or by a row's label ("Residual").
func (v *view) residual(s site) bool {
	if anyWord(words(v.cols[s.col].name()), "resid", "residual", "residuals", "error") {
		return true
	}
	for _, l := range v.labels {
		if anyWord(words(v.t.rows[s.row].cells[l].raw), "resid", "residual", "residuals", "error") {
			return true
		}
	}
	return false
}

// modelPerfectFit: a model that leaves nothing unexplained.
func modelPerfectFit() Rule {
	return Rule{
		ID: "model-perfect-fit", Effective: "2026-11-22",
		Clause: "saturated models, R² = 1: disclosure.md 1.3 and 3", Applies: "R² of models", Needs: "the table",
		Says: "A model that fits perfectly gives the values it was fitted to.",
		check: func(v *view) []Finding {
			var out []Finding
			v.each(kCoefficient, func(s site) {
				if s.part > 0 || s.v.f != 1 || !v.rSquared(s) {
					return
				}
				out = append(out, v.finding(SevReview, v.where(s.row, s.col), s.row, s.col, "a model has an R² of 1", "fit fewer parameters, or print more digits to show that it is not exactly 1"))
			})
			return out
		},
	}
}

func (v *view) rSquared(s site) bool {
	is := func(text string) bool {
		ws := words(text)
		return anyWord(ws, "r2", "rsquared", "rsq") || anyWord(ws, "r") && anyWord(ws, "squared", "sq", "square")
	}
	if is(v.cols[s.col].name()) {
		return true
	}
	for _, l := range v.labels {
		if is(v.t.rows[s.row].cells[l].raw) {
			return true
		}
	}
	return false
}
