package disclosure

import (
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	typed "github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/filter"
)

// Recomputed is a table made anew from microdata, with who stands behind each
// cell.
type Recomputed struct {
	Spec  Spec
	Cells []RecomputedCell
	units int // column of the unit, or -1: records
	value int // column of the values, or -1
	weigh int // column of the weights, or -1
	frame *Frame
	coded coded   // the units
	met   []int32 // of each unit, 1 + the last cell it was counted in
}

// RecomputedCell is one cell: its labels, records and statistics.
type RecomputedCell struct {
	Row, Col []string
	Margin   bool
	records  []int
	Values   []float64 // per aggregate; NaN: none
	Units    int64     // distinct units with a value
}

// maxTableCells bounds the product of labels.
const maxTableCells = 200_000

// all is the label of margins.
const all = "All"

// Recompute makes the table of a specification from microdata.
func Recompute(f *Frame, s Spec, unit string) (*Recomputed, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.Kind != KindCrosstab {
		return nil, badSpec("only a crosstab has cells")
	}
	r := &Recomputed{Spec: s, frame: f, units: -1, value: -1, weigh: -1}
	for _, name := range slices.Concat(s.Rows, s.Cols) {
		if !f.Has(name) {
			return nil, badSpec("the microdata has no column %q", name)
		}
	}
	if s.Values != nil {
		if r.value = f.at(*s.Values); r.value < 0 {
			return nil, badSpec("the microdata has no column %q", *s.Values)
		}
		if t := f.types[*s.Values]; t != typed.Int64 && t != typed.Float64 && slices.ContainsFunc(s.aggregates(), func(a string) bool { return a != "count" && a != "mode" }) {
			return nil, badSpec("the column %q holds no numbers", *s.Values)
		}
	}
	if s.Weights != "" {
		r.weigh = f.at(s.Weights)
		if r.weigh < 0 || !f.Numeric(s.Weights) {
			return nil, badSpec("the microdata has no column %q of numbers to weigh by", s.Weights)
		}
		for _, row := range f.rows {
			if w := row[r.weigh]; !w.IsNull() && !(w.Float() >= 0 && w.Float() < math.MaxFloat64) {
				return nil, badSpec("a weight is negative or no number")
			}
		}
	}
	if unit != "" {
		if r.units = f.at(unit); r.units < 0 {
			return nil, ark.Faultf(ark.Invalid, "the microdata has no column %q to tell units apart", unit)
		}
	}
	keep, err := f.filtered(s.Filter)
	if err != nil {
		return nil, err
	}
	return r, r.fill(keep)
}

// filtered lists the records a filter keeps.
func (f *Frame) filtered(text string) ([]int, error) {
	var keep []int
	if strings.TrimSpace(text) == "" {
		for i := range f.rows {
			keep = append(keep, i)
		}
		return keep, nil
	}
	e, err := filter.Parse(text)
	if err != nil {
		return nil, err
	}
	c, err := e.Check(filter.Scope{Types: f.types})
	if err != nil {
		return nil, err
	}
	b, err := c.Bind(f.names)
	if err != nil {
		return nil, err
	}
	for i, row := range f.rows {
		if b.Eval(row) == filter.True {
			keep = append(keep, i)
		}
	}
	return keep, nil
}

// labels lists a column's distinct values in order, as printed.
func (f *Frame) labels(col int, keep []int) []string {
	c := f.coded(col)
	met := make([]bool, len(c.values))
	seen := map[string]typed.Value{}
	for _, i := range keep {
		if at := c.at[i]; at >= 0 && !met[at] {
			met[at] = true
			seen[c.values[at].Text()] = c.values[at]
		}
	}
	var out []string
	for s := range seen {
		out = append(out, s)
	}
	sort.Slice(out, func(a, b int) bool {
		c := typed.Compare(seen[out[a]], seen[out[b]])
		return c < 0 || c == 0 && out[a] < out[b]
	})
	return out
}

func (r *Recomputed) fill(keep []int) error {
	f := r.frame
	dims := slices.Concat(r.Spec.Rows, r.Spec.Cols)
	cols := make([]int, len(dims))
	for i, d := range dims {
		cols[i] = f.at(d)
	}
	// 1. Records without a value in a dimension don't count.
	keep = slices.DeleteFunc(slices.Clone(keep), func(i int) bool {
		return slices.ContainsFunc(cols, func(c int) bool { return f.rows[i][c].IsNull() }) || r.Weight(i) == 0
	})
	// 2. The product of the observed labels, in order.
	rowKeys, err := product(f, cols[:len(r.Spec.Rows)], keep)
	if err != nil {
		return err
	}
	colKeys, err := product(f, cols[len(r.Spec.Rows):], keep)
	if err != nil {
		return err
	}
	if (len(rowKeys)+1)*(len(colKeys)+1) > maxTableCells {
		return badSpec("the table has more than %d cells", maxTableCells)
	}
	byCell := make([][]int, len(rowKeys)*len(colKeys))
	byRow, byCol := make([][]int, len(rowKeys)), make([][]int, len(colKeys))
	rowAt, colAt := f.places(cols[:len(r.Spec.Rows)], keep), f.places(cols[len(r.Spec.Rows):], keep)
	for _, i := range keep {
		rk, ck := rowAt(i), colAt(i)
		at := rk*len(colKeys) + ck
		byCell[at] = append(byCell[at], i)
		byRow[rk], byCol[ck] = append(byRow[rk], i), append(byCol[ck], i)
	}
	// 3. The cells, then the margins.
	add := func(row, col []string, margin bool, records []int) {
		r.Cells = append(r.Cells, RecomputedCell{Row: row, Col: col, Margin: margin, records: records})
	}
	margin := func(n int) []string {
		out := make([]string, n)
		if n > 0 {
			out[0] = all
		}
		return out
	}
	for i, rk := range rowKeys {
		for k, ck := range colKeys {
			add(rk, ck, false, byCell[i*len(colKeys)+k])
		}
		if r.Spec.Margins && len(r.Spec.Cols) > 0 {
			add(rk, margin(len(r.Spec.Cols)), true, byRow[i])
		}
	}
	if r.Spec.Margins {
		for k, ck := range colKeys {
			add(margin(len(r.Spec.Rows)), ck, true, byCol[k])
		}
		if len(r.Spec.Cols) > 0 {
			add(margin(len(r.Spec.Rows)), margin(len(r.Spec.Cols)), true, keep)
		}
	}
	if r.units >= 0 {
		r.coded = f.coded(r.units)
		r.met = make([]int32, len(r.coded.values))
	}
	for i := range r.Cells {
		r.measure(i)
	}
	return nil
}

// Weight is how much a record counts: 1 without weights, 0 without one of its
// own.
func (r *Recomputed) Weight(record int) float64 {
	if r.weigh < 0 {
		return 1
	}
	if w := r.frame.rows[record][r.weigh]; !w.IsNull() {
		return w.Float()
	}
	return 0
}

// places gives, for a record, the place of its labels in the product.
func (f *Frame) places(cols []int, keep []int) func(int) int {
	codes, places := make([]coded, len(cols)), make([][]int, len(cols))
	sizes := make([]int, len(cols))
	for d, c := range cols {
		ls := f.labels(c, keep)
		at := make(map[string]int, len(ls))
		for i, l := range ls {
			at[l] = i
		}
		codes[d], sizes[d] = f.coded(c), len(ls)
		places[d] = make([]int, len(codes[d].values))
		for i, v := range codes[d].values {
			places[d][i] = at[v.Text()] // of a value that no kept record has: never asked
		}
	}
	return func(i int) int {
		at := 0
		for d := range cols {
			at = at*sizes[d] + places[d][codes[d].at[i]]
		}
		return at
	}
}

// product is every combination of the labels of columns.
func product(f *Frame, cols []int, keep []int) ([][]string, error) {
	out := [][]string{{}}
	for _, c := range cols {
		ls := f.labels(c, keep)
		if len(out)*max(len(ls), 1) > maxTableCells {
			return nil, badSpec("the table has more than %d cells", maxTableCells)
		}
		var next [][]string
		for _, o := range out {
			for _, l := range ls {
				next = append(next, append(slices.Clone(o), l))
			}
		}
		out = next
	}
	return out, nil
}

// measure computes a cell's statistics and contributors.
func (r *Recomputed) measure(at int) {
	c, cell := &r.Cells[at], int32(at)+1
	var xs []float64
	n, weight, weighed := int64(0), 0.0, 0.0
	for _, i := range c.records {
		if r.value >= 0 && r.frame.rows[i][r.value].IsNull() {
			continue
		}
		n++
		weight += r.Weight(i)
		if r.value >= 0 {
			weighed += r.Weight(i) * r.frame.rows[i][r.value].Float()
			xs = append(xs, r.frame.rows[i][r.value].Float())
		}
		if u := r.Unit(i); u >= 0 && r.met[u] == cell {
			continue
		} else if u >= 0 {
			r.met[u] = cell
		}
		c.Units++ // a record of an unknown unit is its own
	}
	sort.Float64s(xs)
	for _, a := range r.Spec.aggregates() {
		v := math.NaN()
		switch {
		case a == "count" && r.weigh >= 0:
			v = weight
		case a == "count":
			v = float64(n)
		case len(xs) == 0:
		case r.weigh >= 0 && a == "sum":
			v = weighed
		case r.weigh >= 0:
			v = weighed / weight
		default:
			v = statistic(a, xs)
		}
		c.Values = append(c.Values, v)
	}
}

// statistic of sorted values: sd with n−1, median as mid-mean, the smallest
// mode.
func statistic(name string, xs []float64) float64 {
	n := float64(len(xs))
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	switch name {
	case "sum":
		return sum
	case "mean":
		return sum / n
	case "min":
		return xs[0]
	case "max":
		return xs[len(xs)-1]
	case "median":
		return (xs[(len(xs)-1)/2] + xs[len(xs)/2]) / 2
	case "std":
		if len(xs) < 2 {
			return math.NaN()
		}
		ss := 0.0
		for _, x := range xs {
			ss += (x - sum/n) * (x - sum/n)
		}
		return math.Sqrt(ss / (n - 1))
	case "mode":
		best, most, run := xs[0], 0, 0
		for i, x := range xs {
			if i > 0 && x == xs[i-1] {
				run++
			} else {
				run = 1
			}
			if run > most {
				best, most = x, run
			}
		}
		return best
	}
	return math.NaN()
}
