// Package sheet looks at workbooks, XLSX and ODS, part by part, and writes new
// ones that hold the visible values and nothing else.
//
// Every part of a workbook is on a list with what to think of it; a part that
// is not on the list refuses the file. That is why no spreadsheet library
// stands here: they skip what they don't know, and what they don't know is
// where things hide.
//
// It judges bytes it is given and may touch nothing else. It must never
// calculate a formula.
package sheet

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/pack"
)

// maxCells bounds the cells of one sheet that are read.
const maxCells = 2_000_000

// cells is a sheet as it is read: values by row and column from 0.
type cells struct {
	name string
	at   []cell
}

type cell struct {
	row, col int
	text     string
	number   bool
}

// table lays cells out without the empty edge.
func (c *cells) table() (t look.Table) {
	t.Sheet = c.name
	if len(c.at) == 0 {
		return t
	}
	row0, col0 := c.at[0].row, c.at[0].col
	rowN, colN := 0, 0
	for _, x := range c.at {
		row0, col0, rowN, colN = min(row0, x.row), min(col0, x.col), max(rowN, x.row), max(colN, x.col)
	}
	if (rowN-row0+1)*(colN-col0+1) > 4*maxCells {
		return t
	}
	t.Row, t.Col = row0, col0
	t.Rows = make([][]string, rowN-row0+1)
	for i := range t.Rows {
		t.Rows[i] = make([]string, 0, colN-col0+1)
	}
	slices.SortStableFunc(c.at, func(a, b cell) int { return cmp.Or(cmp.Compare(a.row, b.row), cmp.Compare(a.col, b.col)) })
	for _, x := range c.at {
		r := &t.Rows[x.row-row0]
		for len(*r) < x.col-col0 {
			*r = append(*r, "")
		}
		*r = append(*r, x.text)
	}
	return t
}

// far reports whether cells lie away from the block that people see: past more
// than 40 empty rows or 20 empty columns.
func (c *cells) far() (cell, bool) {
	rows, cols := map[int]cell{}, map[int]cell{}
	for _, x := range c.at {
		if _, ok := rows[x.row]; !ok {
			rows[x.row] = x
		}
		if _, ok := cols[x.col]; !ok {
			cols[x.col] = x
		}
	}
	gap := func(m map[int]cell, most int) (cell, bool) {
		keys := make([]int, 0, len(m))
		for k := range m {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for i, k := range keys {
			if i > 0 && k-keys[i-1] > most || i == 0 && k > 4*most {
				return m[k], true
			}
		}
		return cell{}, false
	}
	if x, ok := gap(rows, 40); ok {
		return x, true
	}
	return gap(cols, 20)
}

// clean is a sheet of a rebuilt workbook.
type clean struct {
	name string
	at   []cell
}

// title makes a sheet's name one that every program takes.
func title(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]:*?/\'`, r) || r < 0x20 {
			return '_'
		}
		return r
	}, look.Clean(s))
	if rs := []rune(s); len(rs) > 31 {
		s = string(rs[:31])
	}
	if s == "" {
		return "Sheet" + look.Itoa(n)
	}
	return s
}

// part is a member of the workbook's archive.
type part = pack.Member
