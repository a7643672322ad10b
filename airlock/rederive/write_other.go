package rederive

import (
	"encoding/csv"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// Write makes an output of any kind from its specification, as CSV. With safe,
// what the profile asks of tables is applied as WriteTable says, and a curve
// is shown at times between which enough people leave.
func Write(w io.Writer, o Output, p policy.Profile, safe bool) error {
	s := o.spec()
	switch {
	case s.Kind == "figure":
		return bad("a figure is drawn, and its table made by its own specification")
	case s.IsModel():
		return writeModel(w, o)
	case s.Kind == disclosure.KindCrosstab:
		return WriteTable(w, *o.Micro, p, safe)
	case s.Kind == disclosure.KindSurvival:
		return writeCurve(w, o.withUnit(p), p, safe)
	case s.Kind == disclosure.KindHistogram:
		return writeBins(w, o, p, safe)
	}
	return bad("a regression is written as kind linear or logistic")
}

// writeModel fits a model and writes its coefficients.
func writeModel(w io.Writer, o Output) error {
	d, err := build(o.Micro.Frame, *o.Spec)
	if err != nil {
		return err
	}
	f, err := o.Spec.fit(d, true)
	if err != nil {
		return err
	}
	head := []string{"term", "coef", "se", "lower", "upper", "p", "n"}
	ratio := map[string]string{"logistic": "OR", "poisson": "RR", "cox": "HR"}[o.Spec.Kind]
	if ratio != "" {
		head = append(head, ratio)
	}
	out := csv.NewWriter(w)
	if err := out.Write(head); err != nil {
		return err
	}
	say := func(x float64) string { return strconv.FormatFloat(x, 'f', 4, 64) }
	for j, name := range d.names {
		t := f.tests(j, o.Spec.Kind)[0]
		line := []string{name, say(f.coef[j]), say(f.se[j]), say(t.low), say(t.high), say(t.p), strconv.Itoa(len(d.records))}
		if ratio != "" {
			line = append(line, say(math.Exp(f.coef[j])))
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// writeCurve writes survival curves: time, how many are at risk, survival.
func writeCurve(w io.Writer, o Output, p policy.Profile, safe bool) error {
	curves, err := disclosure.Curves(*o.Micro)
	if err != nil {
		return err
	}
	s := o.spec()
	out := csv.NewWriter(w)
	if err := out.Write(append(slices.Clone(s.Rows), s.Time, "at_risk", "survival")); err != nil {
		return err
	}
	for _, c := range curves {
		for _, x := range c.Shown(p, safe) {
			risk := x.Risk
			if r := s.Rounds(p); safe && r != nil {
				risk = r.Round(risk)
			}
			if err := out.Write(append(slices.Clone(c.Group), strconv.FormatFloat(x.Time, 'g', -1, 64), strconv.FormatInt(risk, 10), strconv.FormatFloat(x.Survival, 'f', 4, 64))); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// writeBins writes the counts of a histogram's bins.
func writeBins(w io.Writer, o Output, p policy.Profile, safe bool) error {
	s, f := o.spec(), o.Micro.Frame
	if !f.Has(*s.Values) || !f.Numeric(*s.Values) {
		return bad("the microdata has no column %q of numbers", *s.Values)
	}
	keep, err := f.Keep(s.Filter)
	if err != nil {
		return err
	}
	counts := make([]int64, len(s.Edges)-1)
	for _, i := range keep {
		if v := f.At(i, *s.Values); !v.IsNull() {
			if b := bin(s.Edges, v.Float()); b >= 0 {
				counts[b]++
			}
		}
	}
	out := csv.NewWriter(w)
	if err := out.Write([]string{"bin", "count"}); err != nil {
		return err
	}
	edge := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	for b, n := range counts {
		if r := s.Rounds(p); safe && r != nil {
			n = r.Round(n)
		}
		end := ")"
		if b == len(counts)-1 {
			end = "]"
		}
		if err := out.Write([]string{"[" + strings.Join([]string{edge(s.Edges[b]), edge(s.Edges[b+1])}, "; ") + end, strconv.FormatInt(n, 10)}); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
