package look

import (
	"bytes"
	"encoding/csv"
	"math"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
)

// Itoa writes a number as evidence does.
func Itoa(n int) string { return strconv.Itoa(n) }

// Where is the place of a cell: a cell reference in a sheet, a line in a text.
func (t Table) Where(row, col int) disclosure.Where {
	w := disclosure.Where{Sheet: t.Sheet}
	if t.Text {
		w.Line = row + 1
		return w
	}
	w.Ref = Ref(row+t.Row, col+t.Col)
	return w
}

// Ref is a cell reference in the spreadsheet manner, from 0.
func Ref(row, col int) string {
	s := ""
	for c := col + 1; c > 0; c = (c - 1) / 26 {
		s = string(rune('A'+(c-1)%26)) + s
	}
	return s + strconv.Itoa(row+1)
}

// Table judges a table: its size, every text in it, and whether it is rows.
func (s *Scope) Table(r *Report, f File, t Table) {
	width := 0
	for _, row := range t.Rows {
		width = max(width, len(row))
	}
	if len(t.Rows) > s.Rows()+10 || width > 500 {
		r.Add(f, "table-too-long", t.Where(0, 0), "rows", Itoa(len(t.Rows)), "columns", Itoa(width), "most_rows", Itoa(s.Rows()))
	}
	if len(t.Rows) > 4*DefaultRows*10 {
		return
	}
	columns := make(chan shape, 1) // a second core reads the columns meanwhile
	go func() { columns <- newShape(t, width) }()
	c := tally{scope: s, report: r, file: f}
	for i, row := range t.Rows {
		for j, x := range row {
			if x == "" {
				continue
			}
			if h := s.cell(x); h != 0 {
				c.add(h, t.Where(i, j))
			}
			if formula(x) {
				r.Add(f, "table-formula", t.Where(i, j))
			}
		}
	}
	c.finish(true)
	r.shape(f, <-columns)
}

// cell is scan for a cell: short numbers, most of all cells, hold nothing.
func (s *Scope) cell(x string) hit {
	if len(x) < 10 && number(x) {
		if s.Known == nil || len(x) < LeastKnown {
			return 0
		}
	}
	return s.scan(x)
}

// number reports whether s is digits with at most a sign and a point.
func number(s string) bool {
	digits := false
	for i := range len(s) {
		switch c := s[i]; {
		case digit(c):
			digits = true
		case c == '.' || c == '-' || c == '+' || c == '%' || c == ',':
		default:
			return false
		}
	}
	return digits
}

// formula reports whether a spreadsheet would run the cell.
func formula(x string) bool {
	x = strings.TrimLeft(x, " \t\r\n\u00a0\ufeff")
	if x == "" {
		return false
	}
	switch x[0] {
	case '=', '@', '|':
		return len(x) > 1 && !strings.HasPrefix(x, "==")
	case '+', '-':
		if len(x) == 1 || number(x) {
			return false
		}
		if _, err := strconv.ParseFloat(strings.TrimRight(x, "%*"), 64); err == nil {
			return false
		}
		rest := x[1:]
		return strings.ContainsAny(rest, "(!|") || rest[0] == '=' || rest[0] == '@' || rest[0] == '+'
	}
	return false
}

// Float reads a cell as a number, thousands separators and a percent sign
// allowed.
func Float(s string) (float64, bool) {
	s = strings.TrimSuffix(strings.TrimSpace(s), "%")
	if s == "" || !(digit(s[0]) || s[0] == '-' || s[0] == '+' || s[0] == '.' || s[0] == '<') {
		return 0, false
	}
	if strings.IndexByte(s, ',') > 0 {
		s = strings.ReplaceAll(s, ",", "")
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && !math.IsInf(v, 0)
}

// CSV writes a table as canonical CSV: UTF-8, line feeds, quotes only where
// needed. A cell that begins like a formula gets an apostrophe before it.
func CSV(t Table, comma rune) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma = comma
	for _, row := range t.Rows {
		out := make([]string, len(row))
		for i, x := range row {
			if x = Clean(x); formula(x) {
				x = "'" + x
			}
			out[i] = x
		}
		_ = w.Write(out) // a buffer takes it all; a bad delimiter can't be: it is ours
	}
	w.Flush()
	return b.Bytes()
}

// Clean drops what nobody sees from a text: surrounding blanks, carriage
// returns, a byte-order mark.
func Clean(s string) string {
	return strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(s, "\ufeff", ""), "\r", ""))
}
