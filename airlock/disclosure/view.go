package disclosure

import (
	"slices"
	"strconv"
	"strings"

	policy "github.com/ark-tre/ark/policies/disclosure"
)

// certainty is how sure the reading of a number as a count is.
type certainty int

const (
	maybe  certainty = iota // a whole number of unknown meaning: for a person to tell
	likely                  // a cell of what looks like a cross-tabulation
	sure                    // the heading says so
)

// column is a column as understood.
type column struct {
	path    []string // headings from the top down
	kinds   []kind   // per part of a composite cell; empty when unknown
	label   bool
	numbers int // cells that hold numbers
	whole   bool
	minus   bool // holds a negative
	total   bool
	sure    certainty // of the reading as counts
	values  int       // distinct raw values
	doubt   bool      // headed as a figure of a model, or as a name
}

func (c column) name() string { return strings.Join(c.path, " / ") }

// is reports whether the column's first part is of kind k.
func (c column) is(k kind) bool { return len(c.kinds) > 0 && c.kinds[0] == k }

// site is one printed number and what it means.
type site struct {
	row, col, part int
	kind           kind
	sure           certainty
	v              value
	total          bool // in a total row or column
}

// view is a table as understood, ready for the rules.
type view struct {
	t         *table
	p         policy.Profile
	pseudonym func(string) bool

	populations map[string]int64 // by lower-case label
	bases       map[string]int64 // likewise, from the other tables of the request

	cols     []column
	labels   []int    // label columns
	rowTotal []bool   // rows that total others
	rowKinds [][]kind // what a row's label says its numbers are
	sites    []site
	at       map[[2]int][]int // sites by row and column

	known      *[]sum     // once found
	keys       [][]string // rows by their labels, once asked for
	allRounded *bool

	shares   map[[2]int]bool // answers about whole columns, once asked for
	fraction map[int]bool
	stated   map[int]int64
}

// once gives what find found for a key the first time.
func once[K comparable, V any](known *map[K]V, key K, find func() V) V {
	if x, ok := (*known)[key]; ok {
		return x
	}
	if *known == nil {
		*known = map[K]V{}
	}
	x := find()
	(*known)[key] = x
	return x
}

// understand types a table.
func understand(t *table, p policy.Profile) *view {
	v := &view{t: t, p: p, at: map[[2]int][]int{}}
	v.readColumns()
	v.readRows()
	v.settleUnknown()
	v.readSites()
	return v
}

// readColumns types each column by its heading and its cells.
func (v *view) readColumns() {
	for c, path := range v.t.header {
		col := column{path: path, whole: true}
		text, marks, wholes := 0, 0, 0
		distinct := map[string]bool{}
		for _, r := range v.t.rows {
			x := r.cells[c]
			distinct[x.raw] = true
			switch x.kind {
			case cellText:
				text++
			case cellMark:
				marks++
			case cellNumber:
				col.numbers++
				if x.values[0].whole {
					wholes++
				} else {
					col.whole = false
				}
				if x.values[0].f < 0 {
					col.minus = true
				}
			}
		}
		col.values = len(distinct)
		for i := len(path) - 1; i >= 0 && len(col.kinds) == 0; i-- {
			col.kinds = kindsOf(path[i])
		}
		// A column that is mostly text, or has a label's name, holds labels.
		// Marks alone under a statistic's heading are withheld statistics.
		switch {
		case text > col.numbers, col.numbers == 0 && (marks == 0 || text > 0):
			col.label, col.kinds = true, nil
		case col.is(kLabel), col.is(kYear), col.is(kDate):
			col.label = true
		}
		col.total = len(path) > 0 && isTotal(path[len(path)-1]) && !col.label
		if col.is(kCount) {
			col.sure = sure
			switch {
			case col.whole:
			case wholes > 0:
				col.sure = maybe // decimals are no counts, but they don't hide those beside them
			default:
				col.kinds = nil
			}
		}
		if col.is(kYear) && !v.years(c) {
			col.label, col.kinds = false, nil // "years" of age or of schooling
		}
		v.cols = append(v.cols, col)
	}
	// "Upper limb" is no coefficient: whole numbers under such a heading are
	// read as unknown, unless the table is plainly one of a model.
	model := 0
	for _, col := range v.cols {
		if (col.is(kCoefficient) || col.is(kPValue)) && !col.whole {
			model++
		}
	}
	for c := range v.cols {
		col := &v.cols[c]
		if model < 2 && (col.is(kCoefficient) || col.is(kPValue)) && len(col.kinds) == 1 && col.whole && !col.minus && col.numbers >= 2 && doubtful(col.name()) {
			col.kinds, col.doubt = nil, true
		}
	}
}

// years reports whether a column holds calendar years.
func (v *view) years(c int) bool {
	for _, r := range v.t.rows {
		if x := r.cells[c]; x.kind == cellNumber && (!x.values[0].whole || x.values[0].n < 1900 || x.values[0].n > 2100) {
			return false
		}
	}
	return true
}

// readRows finds totals and what row labels say about their numbers.
func (v *view) readRows() {
	if len(v.cols) > 1 && len(v.cols[0].kinds) == 0 && v.namesRows(0) {
		v.cols[0].label = true
	}
	if n := len(v.cols); n > 1 && !slices.ContainsFunc(v.cols, func(c column) bool { return c.label }) {
		// The leftmost column of a table without any label column names its
		// rows when it has no heading of its own, or counts up in even steps.
		if c := &v.cols[0]; len(c.kinds) == 0 && c.values == len(v.t.rows) && !v.t.headerless && (len(c.path) == 0 || v.evenSteps(0)) {
			c.label = true
		}
	}
	for c := range v.cols {
		if v.cols[c].label {
			v.labels = append(v.labels, c)
		}
	}
	for _, r := range v.t.rows {
		total := false
		var kinds []kind
		for _, c := range v.labels {
			total = total || isTotal(r.cells[c].raw)
			if k := rowLabelKinds(r.cells[c].raw); k != nil {
				kinds = k
			}
		}
		v.rowTotal = append(v.rowTotal, total)
		v.rowKinds = append(v.rowKinds, kinds)
	}
}

// namesRows reports whether a column without a telling heading names rows: one
// of its cells is a text, or all are years.
func (v *view) namesRows(c int) bool {
	years := len(v.t.rows) > 1
	for _, r := range v.t.rows {
		x := r.cells[c]
		if x.kind == cellText {
			return true
		}
		years = years && x.kind == cellNumber && x.values[0].whole && x.values[0].n >= 1900 && x.values[0].n <= 2100
	}
	return years
}

// evenSteps reports whether a column counts up in even steps, over three rows
// at least.
func (v *view) evenSteps(c int) bool {
	step := 0.0
	for r, row := range v.t.rows {
		x := row.cells[c]
		if x.kind != cellNumber {
			return false
		}
		if r == 0 {
			continue
		}
		d := x.values[0].f - v.t.rows[r-1].cells[c].values[0].f
		if d <= 0 || r > 1 && d-step > 1e-9*step || r > 1 && step-d > 1e-9*step {
			return false
		}
		step = d
	}
	return len(v.t.rows) > 2
}

// rowLabelKinds reads only row labels that say plainly what their numbers
// are: "Age, mean (SD)", "p-value", "Median", not "Lower limb".
func rowLabelKinds(label string) []kind {
	if strings.ContainsAny(label, "([") {
		if k := compositeKinds(label); len(k) > 1 {
			return k
		}
	}
	ws := words(label)
	if len(ws) == 0 || len(ws) > 8 {
		return nil
	}
	plain := []string{"mean", "median", "sd", "std", "iqr", "min", "max", "minimum", "maximum", "n", "count", "pct", "percent", "percentage", "pvalue", "rate", "average"}
	if slices.Contains(plain, ws[0]) || slices.Contains(plain, ws[len(ws)-1]) || (ws[0] == "p" && len(ws) <= 2) ||
		(ws[0] == "number" && len(ws) > 1 && ws[1] == "of") || (anyWord(ws, "ci") && anyWord(ws, "pct")) {
		return kindsOf(label)
	}
	return nil
}

// settleUnknown decides what unnamed columns of whole numbers are.
func (v *view) settleUnknown() {
	var unknown []int
	named := false
	for c, col := range v.cols {
		if len(col.kinds) == 0 && !col.label && col.numbers > 0 && col.whole && !col.minus {
			unknown = append(unknown, c)
		}
		named = named || col.is(kCount) && !col.total
	}
	for _, c := range unknown {
		col := &v.cols[c]
		switch {
		case named && col.values*2 <= len(v.t.rows) && len(v.t.rows) >= 4:
			// Beside named counts, a column of few repeated whole numbers
			// classifies rows (arm, flag, score).
			col.label = true
			v.labels = append(v.labels, c)
			continue
		case len(unknown) > 1 && len(v.labels) > 0, v.total(), col.total:
			col.sure = likely
		default:
			col.sure = maybe
		}
		if v.titled() || !v.total() && slices.ContainsFunc(v.cols, func(c column) bool { return c.doubt }) {
			col.sure = maybe // "Median length of stay": the title says what the numbers are
		}
		col.kinds = []kind{kCount}
	}
	slices.Sort(v.labels)
}

// titled reports whether a title above the table names a statistic that is no
// count.
func (v *view) titled() bool {
	for _, n := range v.t.notes {
		if n.line < v.t.rows[0].line {
			if k := kindOfWords(n.text, words(n.text)); k.statistic() && k != kCount {
				return true
			}
		}
	}
	return false
}

// total reports whether the table has a total row or column.
func (v *view) total() bool {
	return slices.Contains(v.rowTotal, true) || slices.ContainsFunc(v.cols, func(c column) bool { return c.total })
}

// readSites lists every printed number with its meaning.
func (v *view) readSites() {
	for r, row := range v.t.rows {
		for c, x := range row.cells {
			col := v.cols[c]
			if col.label || x.kind != cellNumber {
				continue
			}
			kinds, s := col.kinds, col.sure
			if rk := v.rowKinds[r]; rk != nil && (len(kinds) == 0 || kinds[0] == kCount) {
				kinds, s = rk, sure
			}
			if len(kinds) == 0 || kinds[0] == kCount && s != sure {
				if k := v.namesModel(r); k != kUnknown {
					kinds, s = []kind{k}, sure
				}
			}
			if len(kinds) == 0 && v.namesCount(r) {
				kinds, s = []kind{kCount}, sure
			}
			kinds, s = fitParts(kinds, s, x)
			for part, val := range x.values {
				k := kUnknown
				if part < len(kinds) {
					k = kinds[part]
				}
				if val.percent {
					k = kPercent
				}
				if k == kCount && (!val.whole || val.f < 0) {
					k = kUnknown
				}
				v.at[[2]int{r, c}] = append(v.at[[2]int{r, c}], len(v.sites))
				v.sites = append(v.sites, site{row: r, col: c, part: part, kind: k, sure: s, v: val, total: v.rowTotal[r] || col.total})
			}
		}
	}
}

// namesModel reads a row labelled as a figure of a model ("Df Residuals",
// "R-squared") in a column whose heading says nothing.
func (v *view) namesModel(r int) kind {
	for _, l := range v.labels {
		ws := words(v.t.rows[r].cells[l].raw)
		switch {
		case len(ws) > 5:
		case anyWord(ws, "df", "dof"):
			return kDegrees
		case anyWord(ws, "rsquared", "r2", "aic", "bic", "loglik") || anyWord(ws, "r") && anyWord(ws, "squared", "sq"):
			return kCoefficient
		}
	}
	return kUnknown
}

// namesCount reports whether a row is labelled as a count ("Deaths") in a
// column whose heading says nothing.
func (v *view) namesCount(r int) bool {
	for _, l := range v.labels {
		if k := kindsOf(v.t.rows[r].cells[l].raw); len(k) == 1 && k[0] == kCount {
			return true
		}
	}
	return false
}

// fitParts reads composite cells whose heading names fewer parts.
func fitParts(kinds []kind, s certainty, x cell) ([]kind, certainty) {
	if len(x.values) < 2 || len(kinds) >= len(x.values) {
		return kinds, s
	}
	first := x.values[0]
	switch {
	case len(kinds) > 0 && kinds[0] != kCount && kinds[0] != kPercent:
		out := slices.Clone(kinds)
		for len(out) < len(x.values) {
			out = append(out, kinds[len(kinds)-1]) // "1.2 (1.0, 1.4)" under OR: all coefficients
		}
		return out, s
	case first.whole && x.values[1].percent:
		return []kind{kCount, kPercent}, sure
	case first.percent && x.values[1].whole && !x.values[1].percent:
		return []kind{kPercent, kCount}, likely
	case first.whole && x.values[1].whole && strings.Contains(x.raw, "/"):
		return []kind{kCount, kCount, kPercent}, sure
	case first.whole && len(x.values) == 2 && x.values[1].f >= 0 && x.values[1].f <= 100:
		return []kind{kCount, kPercent}, max(s, maybe)
	}
	return []kind{kUnknown}, maybe
}

// each calls f for every number of kind k.
func (v *view) each(k kind, f func(site)) {
	for _, s := range v.sites {
		if s.kind == k {
			f(s)
		}
	}
}

// inRow lists the numbers of kind k printed in row r.
func (v *view) inRow(r int, k kind) []site {
	var out []site
	for c := range v.cols {
		for _, i := range v.at[[2]int{r, c}] {
			if v.sites[i].kind == k {
				out = append(out, v.sites[i])
			}
		}
	}
	return out
}

// where points at a cell, with its labels.
func (v *view) where(r, c int) Where {
	w := v.bare(r, c)
	w.Cell = &CellRef{Row: []string{}, Col: []string{}}
	for _, l := range v.labels {
		if l != c {
			w.Cell.Row = append(w.Cell.Row, v.t.rows[r].cells[l].raw)
		}
	}
	w.Cell.Col = append(w.Cell.Col, v.cols[c].path...)
	return w
}

// bare points at a cell without repeating any label.
func (v *view) bare(r, c int) Where { return v.t.bare(r, c) }

func (t *table) bare(r, c int) Where {
	return Where{Sheet: t.sheet, Ref: columnLetters(t.left+c) + strconv.Itoa(t.rows[r].index), Line: t.rows[r].line}
}

// columnLetters is the spreadsheet name of column c, from 0.
func columnLetters(c int) string {
	s := ""
	for c++; c > 0; c = (c - 1) / 26 {
		s = string(rune('A'+(c-1)%26)) + s
	}
	return s
}

// finding makes a finding at a cell.
func (v *view) finding(sev Severity, w Where, r, c int, says, repair string, evidence ...string) Finding {
	f := Finding{Severity: sev, File: v.t.file, Where: w, Says: says, Repair: repair, Evidence: map[string]string{}, row: r, col: c}
	for i := 0; i+1 < len(evidence); i += 2 {
		f.Evidence[evidence[i]] = evidence[i+1]
	}
	return f
}

// sev lowers fail to review where the reading as a count is a guess.
func (s site) sev(full Severity) Severity {
	if full == SevFail && s.kind == kCount && s.sure == maybe {
		return SevReview
	}
	return full
}
