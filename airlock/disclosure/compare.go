package disclosure

import (
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
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
// long table, every dimension in a column of its own. How many records head
// the table is what places the most of its figures.
func (m *microCheck) locate(file string, rs []record) {
	best := -1 << 60
	for heads := 1; heads <= 6 && heads < len(rs); heads++ {
		t := headed(file, rs, heads)
		try := &microCheck{p: m.p, r: m.r}
		try.place1(t)
		score := len(try.place) - 2*len(try.extra)
		if score > best {
			best = score
			m.table, m.place, m.shown, m.extra = try.table, try.place, try.shown, try.extra
		}
	}
	if best == -1<<60 {
		m.place1(headed(file, rs, 0))
	}
}

// headed lays records out under a given number of heading records.
func headed(file string, rs []record, heads int) *table {
	t := &table{file: file}
	width := 0
	for _, r := range rs {
		width = max(width, len(r.fields))
	}
	t.header = make([][]string, width)
	for _, r := range rs[:heads] {
		for c := range t.header {
			if c < len(r.fields) {
				if s := strings.TrimSpace(strings.TrimPrefix(r.fields[c], "\ufeff")); s != "" {
					t.header[c] = append(t.header[c], s)
				}
			}
		}
	}
	for _, r := range rs[heads:] {
		if filled(r.fields) == 0 {
			continue
		}
		cells := make([]cell, width)
		for c, f := range r.fields {
			cells[c] = parseCell(f)
		}
		t.rows = append(t.rows, row{line: r.line, index: r.index, cells: cells})
	}
	return t
}

// place1 finds the figures of a table laid out one way.
func (m *microCheck) place1(t *table) {
	m.table = t
	m.place, m.shown, m.extra = map[placeKey]int{}, nil, nil
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
			if ok && agg >= 0 {
				if _, again := m.place[placeKey{i, agg}]; again {
					ok = false // a cell has one place
				}
			}
			if !ok || agg < 0 {
				m.extra = append(m.extra, p)
				continue
			}
			m.shown = append(m.shown, p)
			m.place[placeKey{i, agg}] = len(m.shown) - 1
		}
	}
}

// labelsAt names a printed cell by the table's own labels.
func (m *microCheck) labelsAt(p printed) *CellRef {
	ref := &CellRef{Row: []string{}, Col: append([]string{}, m.table.header[p.col]...)}
	for c := range min(len(m.r.Spec.Rows), len(m.table.rows[p.row].cells)) {
		ref.Row = append(ref.Row, m.table.rows[p.row].cells[c].raw)
	}
	return ref
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
	named := false
	for _, h := range path {
		if k := slices.Index(aggs, h); k >= 0 && !named && (len(aggs) > 1 || len(path) > len(m.r.Spec.Cols)) {
			agg, named = k, true
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
			if !m.agrees(i, agg, x.values[0], want, name) {
				out = append(out, m.finding("table-not-reproducible", SevFail, i, agg, "a printed figure is not what the specification gives on this microdata",
					"compute the table again from the same data, or correct the specification", "printed", x.raw, "recomputed", strconv.FormatFloat(want, 'g', 12, 64)))
			}
		}
	}
	for _, p := range m.extra {
		if p.c.kind == cellMark || p.c.kind == cellNA {
			continue
		}
		w := m.table.bare(p.row, p.col)
		w.Cell = m.labelsAt(p)
		out = append(out, Finding{Rule: "table-not-reproducible", Severity: SevFail, File: m.file, Where: w, Says: "a printed figure belongs to no cell of the specification, or is printed twice",
			Repair: "release only what the specification gives", Evidence: map[string]string{}, row: p.row, col: p.col})
	}
	if missing > 0 {
		out = append(out, Finding{Rule: "table-incomplete", Severity: SevReview, File: m.file, Says: "the table lacks cells that the specification gives",
			Repair: "show every cell, withheld ones by a mark", Evidence: map[string]string{"missing": itoa(missing)}})
	}
	return out
}

// agrees: equal within half a unit of the last printed place; in a table all of
// whose counts are rounded, the profile's rounding of the true count, or, for a
// margin, the sum of what is shown of its parts.
func (m *microCheck) agrees(i, agg int, got value, want float64, name string) bool {
	if math.IsNaN(want) {
		return name == "sum" && got.f == 0 // the sum of no values, as pandas prints it
	}
	if name != "count" || m.r.weigh >= 0 {
		if math.Abs(got.f-want) <= 0.5*math.Pow(10, -float64(got.decimals))*(1+1e-9)+1e-9*math.Abs(want) {
			return true
		}
		if name != "count" {
			return false
		}
		want = math.Round(want) // a weighted count, rounded
	}
	if got.f == want {
		return true
	}
	r := m.p.Rounding
	if r == nil || !got.whole || !m.rounded(agg) {
		return false
	}
	if r.Round(int64(want)) == got.n {
		return true
	}
	lo, hi := r.Interval(got.n)
	if r.Mode == policy.Random || r.Mode == policy.Controlled {
		return lo <= int64(want) && int64(want) <= hi
	}
	return m.r.Cells[i].Margin && r.Totals == "of-rounded" && m.sumOfShown(i, agg) == got.n
}

// rounded reports whether every count the table shows is rounded.
func (m *microCheck) rounded(agg int) bool {
	if m.allRounded == nil {
		all := true
		for k, at := range m.place {
			x := m.shown[at].c
			if k.agg == agg && x.kind == cellNumber {
				all = all && x.values[0].whole && (m.r.Cells[k.cell].Margin || m.p.Rounding.Rounded(x.values[0].n))
			}
		}
		m.allRounded = &all
	}
	return *m.allRounded
}

// sumOfShown adds the shown counts that a margin totals.
func (m *microCheck) sumOfShown(i, agg int) int64 {
	of := m.r.Cells[i]
	sum := int64(0)
	for k, c := range m.r.Cells {
		if c.Margin || of.Row[0] != all && !slices.Equal(c.Row, of.Row) || len(of.Col) > 0 && of.Col[0] != all && !slices.Equal(c.Col, of.Col) {
			continue
		}
		if at, ok := m.place[placeKey{k, agg}]; ok && m.shown[at].c.kind == cellNumber {
			sum += m.shown[at].c.values[0].n
		}
	}
	return sum
}
