package disclosure

import (
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
)

func readAll(r io.Reader) ([]byte, error) {
	if r == nil {
		return nil, ark.Faultf(ark.Invalid, "there is nothing to check")
	}
	b, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, ark.Faultf(ark.Unavailable, "the file could not be read").Because(err)
	}
	return b, nil
}

// locate finds each recomputed figure in the given table: labels in the first
// columns, the other dimension and the statistic in the headings; or, in a
// long table, every dimension in a column of its own.
func (m *microCheck) locate(t *table) {
	m.view = understand(t, m.p)
	m.place = map[placeKey]int{}
	index := map[string]int{}
	for i, c := range m.r.Cells {
		index[cellKey(c.Row, c.Col)] = i
	}
	aggs := m.r.Spec.aggregates()
	dims := slices.Concat(m.r.Spec.Rows, m.r.Spec.Cols)
	long := m.longColumns(t, dims)
	nrows := len(m.r.Spec.Rows)
	prev := make([]string, len(t.header))
	for r, row := range t.rows {
		labels := make([]string, 0, len(dims))
		for _, c := range long {
			labels = append(labels, plainLabel(row.cells[c].raw))
		}
		for c := 0; long == nil && c < nrows && c < len(row.cells); c++ {
			s := plainLabel(row.cells[c].raw)
			if s == "" && c < nrows-1 && !isTotalLabel(prev[0]) {
				s = prev[c] // a merged label
			}
			prev[c] = s
			labels = append(labels, s)
		}
		for c, x := range row.cells {
			if long == nil && c < nrows || slices.Contains(long, c) || x.kind == cellBlank {
				continue
			}
			agg, rest := m.readHeading(t.header[c], aggs, long != nil)
			rowKey, colKey := labels, rest
			if long != nil {
				rowKey, colKey = labels[:nrows], labels[nrows:]
			}
			p := printed{row: r, col: c, c: x}
			i, ok := index[cellKey(rowKey, colKey)]
			if !ok || agg < 0 {
				m.extra = append(m.extra, p)
				continue
			}
			m.shown = append(m.shown, p)
			m.place[placeKey{i, agg}] = len(m.shown) - 1
		}
	}
}

func isTotalLabel(s string) bool { return s == all }

func cellKey(row, col []string) string {
	clean := func(xs []string) string {
		var out []string
		for _, x := range xs {
			if x = plainLabel(x); x != "" {
				out = append(out, x)
			}
		}
		return strings.Join(out, "\x1f")
	}
	return clean(row) + "\x1e" + clean(col)
}

// plainLabel drops the ".0" that some tools add to whole numbers.
func plainLabel(s string) string {
	s = strings.TrimSpace(s)
	if t, ok := strings.CutSuffix(s, ".0"); ok && t != "" && strings.Trim(t, "-0123456789") == "" {
		return t
	}
	return s
}

// longColumns finds a column headed by each dimension, if there are any beyond
// the row dimensions.
func (m *microCheck) longColumns(t *table, dims []string) []int {
	if len(m.r.Spec.Cols) == 0 {
		return nil
	}
	var out []int
	for _, d := range dims {
		at := slices.IndexFunc(t.header, func(path []string) bool { return len(path) > 0 && path[len(path)-1] == d })
		if at < 0 {
			return nil
		}
		out = append(out, at)
	}
	return out
}

// readHeading takes the statistic and the name of the values out of a heading;
// what remains are labels.
func (m *microCheck) readHeading(path []string, aggs []string, long bool) (agg int, rest []string) {
	agg = 0
	if len(aggs) > 1 {
		agg = -1
	}
	for _, h := range path {
		if k := slices.Index(aggs, h); k >= 0 && len(path) > len(m.r.Spec.Cols) {
			agg = k
			continue
		}
		if len(m.r.Spec.Cols) == 0 || long {
			for k, a := range aggs {
				if agg < 0 && slices.Contains(words(h), a) {
					agg = k
				}
			}
			continue // a heading of the only dimension's figures names no label
		}
		if m.r.Spec.Values != nil && h == *m.r.Spec.Values && len(path) > len(m.r.Spec.Cols) {
			continue
		}
		if slices.Contains(m.r.Spec.Cols, h) && len(path) > len(m.r.Spec.Cols) {
			continue
		}
		rest = append(rest, h)
	}
	return agg, rest
}

// compare finds printed figures that the microdata doesn't give.
func (m *microCheck) compare() []Finding {
	var out []Finding
	missing := 0
	for i := range m.r.Cells {
		for agg, name := range m.r.Spec.aggregates() {
			k, ok := m.place[placeKey{i, agg}]
			want := m.r.Cells[i].Values[agg]
			if !ok {
				if !math.IsNaN(want) && (name != "count" || want != 0) {
					missing++
				}
				continue
			}
			x := m.shown[k].c
			if x.kind == cellMark && x.bound > 0 && name == "count" && want >= float64(x.bound) {
				out = append(out, m.finding("table-not-reproducible", SevFail, i, agg, "a redaction mark states a bound that is not true", "compute the table again from the same data", "mark", x.raw))
			}
			if x.kind != cellNumber || len(x.values) == 0 {
				continue
			}
			if !m.agrees(x.values[0], want, name) {
				out = append(out, m.finding("table-not-reproducible", SevFail, i, agg, "a printed figure is not what the specification gives on this microdata",
					"compute the table again from the same data, or correct the specification", "printed", x.raw, "recomputed", strconv.FormatFloat(want, 'g', 12, 64)))
			}
		}
	}
	for _, p := range m.extra {
		if p.c.kind == cellMark || p.c.kind == cellNA {
			continue
		}
		f := m.view.finding(SevFail, m.view.where(p.row, p.col), p.row, p.col, "a printed figure belongs to no cell of the specification", "release only what the specification gives")
		f.Rule = "table-not-reproducible"
		out = append(out, f)
	}
	if missing > 0 {
		out = append(out, Finding{Rule: "table-incomplete", Severity: SevReview, File: m.file, Says: "the table lacks cells that the specification gives",
			Repair: "show every cell, withheld ones by a mark", Evidence: map[string]string{"missing": itoa(missing)}})
	}
	return out
}

// agrees: equal within half a unit of the last printed place, or the profile's
// rounding of the true count.
func (m *microCheck) agrees(got value, want float64, agg string) bool {
	if math.IsNaN(want) {
		return false
	}
	if math.Abs(got.f-want) <= 0.5*math.Pow(10, -float64(got.decimals))*(1+1e-9)+1e-9*math.Abs(want) && (agg != "count" || got.f == want) {
		return true
	}
	r := m.p.Rounding
	return agg == "count" && r != nil && got.whole && r.Round(int64(want)) == got.n
}
