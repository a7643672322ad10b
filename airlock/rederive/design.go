package rederive

import (
	"math"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
)

// design is the records of a model as numbers.
type design struct {
	names   []string // of the columns; the first is the intercept, but for cox
	x       [][]float64
	y, time []float64
	weight  []float64 // of each record
	records []int     // of the microdata
	ones    []int     // columns of indicators
}

const intercept = "Intercept"

// maxDesign bounds the numbers of a design matrix.
const maxDesign = 50_000_000

// build writes the records that have every value as a design.
func build(f *disclosure.Frame, s Spec) (*design, error) {
	need := append([]string{s.outcome()}, s.Predictors...)
	if s.Time != "" {
		need = append(need, s.Time)
	}
	if s.Weights != "" {
		need = append(need, s.Weights)
	}
	for i, n := range need {
		if !f.Has(n) {
			return nil, bad("the microdata has no column %q", n)
		}
		if (i == 0 || n == s.Time || n == s.Weights) && !f.Numeric(n) {
			return nil, bad("the column %q holds no numbers", n)
		}
	}
	keep, err := f.Keep(s.Filter)
	if err != nil {
		return nil, err
	}
	d := &design{}
	for _, i := range keep {
		if !slices.ContainsFunc(need, func(n string) bool { return f.At(i, n).IsNull() }) {
			w := 1.0
			if s.Weights != "" {
				if w = f.At(i, s.Weights).Float(); !(w >= 0 && w < math.MaxFloat64) {
					return nil, bad("a weight is negative or no number")
				}
			}
			if w > 0 {
				d.records, d.weight = append(d.records, i), append(d.weight, w)
			}
		}
	}
	if s.Kind != "cox" {
		d.names = []string{intercept}
	}
	type column struct {
		term, label string
		numeric     bool
	}
	var cols []column
	for _, t := range s.Predictors {
		if f.Numeric(t) {
			cols, d.names = append(cols, column{t, "", true}), append(d.names, t)
			if two(f, t, d.records) {
				d.ones = append(d.ones, len(d.names)-1)
			}
			continue
		}
		var labels []string
		seen := map[string]bool{}
		for _, i := range d.records {
			if l := f.At(i, t).Text(); !seen[l] {
				seen[l] = true
				labels = append(labels, l)
			}
		}
		slices.Sort(labels)
		for _, l := range labels[min(1, len(labels)):] {
			cols, d.names = append(cols, column{t, l, false}), append(d.names, t+"="+l)
			d.ones = append(d.ones, len(d.names)-1)
		}
	}
	if len(d.records)*len(d.names) > maxDesign {
		return nil, bad("the model has too many records and columns to be fitted again")
	}
	for _, i := range d.records {
		var row []float64
		if s.Kind != "cox" {
			row = append(row, 1)
		}
		for _, c := range cols {
			v := 0.0
			if c.numeric {
				v = f.At(i, c.term).Float()
			} else if f.At(i, c.term).Text() == c.label {
				v = 1
			}
			row = append(row, v)
		}
		d.x, d.y = append(d.x, row), append(d.y, f.At(i, s.outcome()).Float())
		if s.Time != "" {
			d.time = append(d.time, f.At(i, s.Time).Float())
		}
	}
	return d, nil
}

// two reports whether a column of numbers holds two values at most.
func two(f *disclosure.Frame, name string, records []int) bool {
	seen := map[float64]bool{}
	for _, i := range records {
		if seen[f.At(i, name).Float()] = true; len(seen) > 2 {
			return false
		}
	}
	return true
}

// sameTerm reports whether a table's label means a column of the design:
// "sex=M", as pandas and R write it: "sex[T.M]", "sexM", "C(sex)[T.M]".
func sameTerm(label, name string) bool {
	plain := func(s string) string {
		s = strings.ToLower(strings.TrimSpace(s))
		if i := strings.Index(s, "c("); i >= 0 && strings.Contains(s, ")") {
			s = strings.Replace(s[:i]+s[i+2:], ")", "", 1)
		}
		for _, cut := range []string{"[t.", "]", "=", " ", "_", ":"} {
			s = strings.ReplaceAll(s, cut, "")
		}
		return s
	}
	if name == intercept {
		return slices.Contains([]string{"intercept", "(intercept)", "const", "constant", "cons"}, strings.ToLower(strings.Trim(label, " _")))
	}
	return plain(label) == plain(name)
}

func finite(xs []float64) bool {
	return !slices.ContainsFunc(xs, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) })
}
