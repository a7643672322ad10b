package rederive

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// test is what follows from a coefficient and its standard error.
type test struct{ z, p, low, high float64 }

// tests are the test of a coefficient and its 95 % interval, in each convention
// that tools use: Student's distribution for a linear model, else the normal
// one; a linear model by the normal one too.
func (f *fitted) tests(j int, kind string) []test {
	z := f.coef[j] / f.se[j]
	normal := distuv.UnitNormal
	q := normal.Quantile(0.975)
	out := []test{{z, 2 * normal.CDF(-math.Abs(z)), f.coef[j] - q*f.se[j], f.coef[j] + q*f.se[j]}}
	if kind != "linear" {
		return out
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(f.dof)}
	q = t.Quantile(0.975)
	return append([]test{{z, 2 * t.CDF(-math.Abs(z)), f.coef[j] - q*f.se[j], f.coef[j] + q*f.se[j]}}, out...)
}

// follows reports whether a printed test, level or limit follows from the
// model: it may be of the coefficient or of its ratio.
func (f *fitted) follows(j int, kind string, x modelFigureAt) bool {
	near := func(want, slack float64) bool {
		return math.Abs(x.value-want) <= x.half*(1+1e-9)+slack*(1+math.Abs(want))
	}
	for _, t := range f.tests(j, kind) {
		switch x.what {
		case "z":
			if near(t.z, errorTolerance) {
				return true
			}
		case "p":
			if near(t.p, errorTolerance) {
				return true
			}
		case "below":
			if t.p <= x.value {
				return true
			}
		case "low":
			if near(t.low, errorTolerance) || near(math.Exp(t.low), errorTolerance) {
				return true
			}
		case "high":
			if near(t.high, errorTolerance) || near(math.Exp(t.high), errorTolerance) {
				return true
			}
		}
	}
	return false
}
