package rederive

import (
	"encoding/hex"
	"math"

	"github.com/ark-tre/ark/airlock/differencing"
	"github.com/ark-tre/ark/airlock/disclosure"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// Numbers gives the unit behind a name its number in the history's domain.
type Numbers func(name string) uint64

// Release says what a table shows and who is behind each figure. tied is false
// where the microdata can't tell units apart, so that people are known by
// their records' contents alone. name tells tables of one release apart.
func Release(p policy.Profile, m disclosure.Microdata, f *disclosure.File, numbers Numbers, name string) (figures []differencing.Figure, tied bool, err error) {
	r, shown, err := disclosure.Figures(p, m, f)
	if err != nil {
		return nil, false, err
	}
	unit := unitsOf(m.Frame, r, numbers)
	rounding := m.Spec.Rounds(p)
	rounded := roundedTable(rounding, r, shown)
	for _, s := range shown {
		if !s.Shown {
			continue
		}
		c := r.Cells[s.Cell]
		out := differencing.Figure{Table: name, Row: c.Row, Col: c.Col, Statistic: s.Statistic, Printed: s.Printed}
		if m.Spec.Values != nil && s.Statistic != "count" {
			out.Of = *m.Spec.Values
		}
		behind := r.Behind(s.Cell)
		out.Times = make(map[uint64]int, c.Units)
		// A weighted count is the sum of the weights, a weighted sum that of the
		// weighted values: systems of their own.
		if m.Spec.Weights != "" {
			out.Of += " × " + m.Spec.Weights
			if s.Statistic == "count" {
				out.Statistic = "sum"
			}
		}
		if out.Statistic == "sum" || out.Statistic == "mean" {
			out.Worth = map[uint64]float64{}
		}
		weight := 0.0
		for _, i := range behind {
			u := unit(i)
			out.Times[u]++
			weight += r.Weight(i)
			switch {
			case out.Worth == nil:
			case s.Statistic == "count":
				out.Worth[u] += r.Weight(i)
			default:
				out.Worth[u] += r.Weight(i) * r.Value(i)
			}
		}
		for _, w := range out.Worth {
			out.Scale = max(out.Scale, math.Abs(w))
		}
		out.Lo, out.Hi = leaves(rounding, s, c.Values[s.Agg], weight, rounded)
		out.Random = rounded && s.Statistic == "count" && (rounding.Mode == policy.Random || rounding.Mode == policy.Controlled)
		figures = append(figures, out)
	}
	return figures, r.ByUnit(), nil
}

// unitsOf numbers the unit behind each record; a record of no known unit is
// known by its contents.
func unitsOf(frame *disclosure.Frame, r *disclosure.Recomputed, numbers Numbers) func(int) uint64 {
	var contents [][32]byte
	known, numbered := make([]uint64, r.Units()), make([]bool, r.Units())
	return func(record int) uint64 {
		at := r.Unit(record)
		if at < 0 {
			if contents == nil {
				contents = frame.Contents()
			}
			return numbers("record\x1f" + hex.EncodeToString(contents[record][:]))
		}
		if !numbered[at] {
			known[at], numbered[at] = numbers("unit\x1f"+r.UnitName(at)), true
		}
		return known[at]
	}
}

// roundedTable reports whether a table's counts were rounded: every one could
// be, margins aside, and at least one is not the true count.
func roundedTable(rd *policy.Rounding, r *disclosure.Recomputed, shown []disclosure.Figure) bool {
	if rd == nil {
		return false
	}
	differ := false
	for _, s := range shown {
		c := r.Cells[s.Cell]
		if !s.Shown || s.Statistic != "count" {
			continue
		}
		if !c.Margin && (s.Printed != math.Trunc(s.Printed) || !rd.Rounded(int64(s.Printed))) {
			return false
		}
		differ = differ || s.Printed != c.Values[s.Agg]
	}
	return differ
}

// leaves is what a printed figure leaves open of its count or sum.
func leaves(rd *policy.Rounding, s disclosure.Figure, truth, records float64, rounded bool) (lo, hi float64) {
	v := s.Printed
	switch s.Statistic {
	case "count":
		if rounded {
			a, b := rd.Interval(int64(v))
			return min(float64(a), truth), max(float64(b), truth)
		}
		d := max(math.Abs(v-truth), s.Half) // as far open as it is wrong, or printed
		return truth - d, truth + d
	case "sum":
		return v - s.Half, v + s.Half
	case "mean":
		return (v - s.Half) * records, (v + s.Half) * records
	default:
		return v, v
	}
}
