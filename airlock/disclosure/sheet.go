package disclosure

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// Sheet is a sheet of a workbook as whoever opened it read it: the texts of
// its filled cells and where they stand. Disclosure control parses no workbook
// itself; see ReadSheets for the form in which sheets arrive.
type Sheet struct {
	Name  string
	Cells []SheetCell
}

// SheetCell is one filled cell. Text is what the reader of the workbook can
// learn from it: where a number format hides digits, the number in full.
type SheetCell struct {
	Row, Col int // from 1
	Text     string
}

// CheckSheets judges the tables of a workbook's sheets under a profile. A
// sheet may hold several tables, parted by empty rows. Findings carry the
// sheet and the cell's reference in it.
func CheckSheets(ctx context.Context, p policy.Profile, f File, sheets []Sheet) (Verdict, []Finding, error) {
	if err := p.Check(); err != nil && !strings.Contains(p.Name, "+") {
		return Fail, nil, err
	}
	findings := []Finding{}
	for i, s := range sheets {
		if slices.ContainsFunc(sheets[:i], func(o Sheet) bool { return o.Name == s.Name }) {
			return Fail, nil, ark.Faultf(ark.Invalid, "a sheet is given twice")
		}
		tables, err := s.tables(f.Name)
		if err != nil {
			var u *errUnreadable
			if !errors.As(err, &u) {
				return Fail, nil, err
			}
			findings = append(findings, Finding{Rule: "table-unreadable", Severity: SevFail, File: f.Name, Where: Where{Sheet: s.Name, Line: u.line},
				Says: u.says, Repair: "keep one table with one header row to a sheet", Evidence: map[string]string{}})
			continue
		}
		for _, t := range tables {
			got, err := judgeTable(ctx, p, f, t)
			if err != nil {
				return Fail, nil, err
			}
			findings = append(findings, got...)
		}
	}
	if len(sheets) == 0 {
		findings = append(findings, Finding{Rule: "table-unreadable", Severity: SevFail, File: f.Name, Says: "the workbook holds no sheet that can be read", Repair: "save the table as CSV", Evidence: map[string]string{}})
	}
	attribute(p, findings)
	Sort(findings)
	return Judge(findings), findings, nil
}

// blocks are the sheet's rows of filled cells, parted at empty rows.
func (s Sheet) blocks() ([][]SheetCell, error) {
	cells := slices.DeleteFunc(slices.Clone(s.Cells), func(c SheetCell) bool { return strings.TrimSpace(c.Text) == "" })
	slices.SortFunc(cells, func(a, b SheetCell) int { return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Col, b.Col)) })
	bytes := 0
	for i, c := range cells {
		if bytes += len(c.Text); c.Row < 1 || c.Col < 1 || c.Row > 1<<20 || c.Col > 1<<14 || i > 0 && c.Row == cells[i-1].Row && c.Col == cells[i-1].Col {
			return nil, &errUnreadable{says: "a cell stands nowhere, or twice", line: max(c.Row, 0)}
		}
	}
	if bytes > maxBytes {
		return nil, &errUnreadable{says: "the sheet holds more text than a table that people read"}
	}
	if len(cells) == 0 {
		return nil, &errUnreadable{says: "the sheet is empty"}
	}
	var blocks [][]SheetCell
	for i, c := range cells {
		if i == 0 || c.Row > cells[i-1].Row+1 {
			blocks = append(blocks, nil)
		}
		blocks[len(blocks)-1] = append(blocks[len(blocks)-1], c)
	}
	return blocks, nil
}

// aside reports whether a block is text around the tables: of one column or of
// one row.
func aside(rs []record) bool {
	wide := 0
	for _, r := range rs {
		if filled(r.fields) > 1 {
			wide++
		}
	}
	return wide < 2 && (len(rs) == 1 || len(rs[0].fields) == 1)
}

// tables lays a sheet out as its tables.
func (s Sheet) tables(file string) ([]*table, error) {
	blocks, err := s.blocks()
	if err != nil {
		return nil, err
	}
	// A block one column wide, or of one row, is text around the tables.
	var out []*table
	var loose []note
	for _, b := range blocks {
		rs, left, err := blockRecords(b)
		if err != nil {
			return nil, err
		}
		if len(blocks) > 1 && aside(rs) {
			for _, r := range rs {
				loose = append(loose, noteOf(r))
			}
			continue
		}
		t, err := layOut(file, rs)
		if err != nil {
			return nil, err
		}
		t.sheet, t.left = s.Name, left
		t.notes = append(loose, t.notes...)
		loose = nil
		out = append(out, t)
	}
	if len(out) == 0 {
		return nil, &errUnreadable{says: "the sheet holds text but no table"}
	}
	last := out[len(out)-1]
	last.notes = append(last.notes, loose...)
	return out, nil
}

// blockRecords makes rows of fields out of cells sorted by row and column.
func blockRecords(cells []SheetCell) ([]record, int, error) {
	left, right := cells[0].Col, 0
	for _, c := range cells {
		left, right = min(left, c.Col), max(right, c.Col)
	}
	if right-left >= maxFields {
		return nil, 0, &errUnreadable{says: "the sheet has more columns than a table that people read"}
	}
	var out []record
	for _, c := range cells {
		if len(out) == 0 || out[len(out)-1].line != c.Row {
			if len(out) >= maxRecords {
				return nil, 0, &errUnreadable{says: "the sheet has more rows than a table that people read"}
			}
			out = append(out, record{line: c.Row, index: c.Row, fields: make([]string, right-left+1)})
		}
		out[len(out)-1].fields[c.Col-left] = c.Text
	}
	return out, left - 1, nil
}

// SheetTable is one table of a sheet as a file of its own.
type SheetTable struct {
	Sheet    string
	Row, Col int    // where its first field stands, from 1
	Data     []byte // canonical CSV
}

// Texts are the sheet's tables as CSV, without the notes around them: the form
// in which tables are computed again and held against one another. A sheet that
// can't be read has none; CheckSheets fails it.
func (s Sheet) Texts() []SheetTable {
	blocks, err := s.blocks()
	if err != nil {
		return nil
	}
	var out []SheetTable
	for _, b := range blocks {
		rs, left, err := blockRecords(b)
		if err != nil || len(rs) == 0 || len(blocks) > 1 && aside(rs) {
			continue
		}
		var text bytes.Buffer
		w := csv.NewWriter(&text)
		for _, r := range rs {
			for i, f := range r.fields {
				r.fields[i] = strings.ReplaceAll(f, "\n", " ") // a row is a line
			}
			if err := w.Write(r.fields); err != nil {
				return nil
			}
		}
		w.Flush()
		out = append(out, SheetTable{Sheet: s.Name, Row: rs[0].line, Col: left + 1, Data: text.Bytes()})
	}
	return out
}

// Place is where in the sheet a place in the table's CSV is.
func (t SheetTable) Place(w Where) Where {
	w.Sheet = t.Sheet
	if w.Line > 0 {
		w.Line += t.Row - 1
	}
	if letters := strings.TrimRight(w.Ref, "0123456789"); letters != "" && letters != w.Ref {
		if n, err := strconv.Atoi(w.Ref[len(letters):]); err == nil {
			col := 0
			for _, c := range letters {
				col = col*26 + int(c-'A') + 1
			}
			w.Ref = columnLetters(col+t.Col-2) + strconv.Itoa(n+t.Row-1)
		}
	}
	return w
}
