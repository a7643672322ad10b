package disclosure

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// Limits on a table that is read at all. Beyond them a person, or nobody,
// must look: a table of that size is not one people read.
const (
	maxBytes   = 16 << 20
	maxRecords = 200_000
	maxFields  = 2_000
)

// table is a file as laid out: header paths, rows of cells, loose lines.
type table struct {
	file, sheet string
	left        int        // columns of the sheet left of the table
	header      [][]string // per column, the header from the top down
	rows        []row
	notes       []note // titles and footnotes around the table
	headerless  bool
	ragged      []int // lines whose number of fields differs
}

type row struct {
	line  int // in the file, from 1
	index int // record in the file, from 1, for spreadsheet references
	cells []cell
}

type note struct {
	line int
	text string
}

// errUnreadable is why a file could not be read as a table.
type errUnreadable struct {
	says string
	line int
}

func (e *errUnreadable) Error() string { return e.says }

// readDelimited reads the records of delimited text. The delimiter is the one
// of , ; tab and | that gives the most even records.
func readDelimited(b []byte) ([]record, error) {
	if len(b) > maxBytes {
		return nil, &errUnreadable{says: "the file is larger than 16 MiB"}
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if bytes.IndexByte(b, 0) >= 0 {
		return nil, &errUnreadable{says: "the file is not text: it holds zero bytes"}
	}
	if !utf8.Valid(b) {
		return nil, &errUnreadable{says: "the file is not UTF-8 text"}
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, &errUnreadable{says: "the file is empty"}
	}
	var best []record
	var bestErr error
	bestScore := -1
	for _, comma := range []rune{',', '\t', ';', '|'} {
		if comma != ',' && !bytes.ContainsRune(b, comma) {
			continue
		}
		records, err := records(b, comma)
		if err != nil {
			if comma == ',' {
				bestErr = err
			}
			continue
		}
		if s := evenness(records); s > bestScore {
			best, bestScore = records, s
		}
	}
	if best == nil {
		if bestErr == nil {
			bestErr = &errUnreadable{says: "the file cannot be read as delimited text"}
		}
		return nil, bestErr
	}
	return best, nil
}

type record struct {
	line   int // in a text file, or the row of a sheet, from 1
	index  int // the row a spreadsheet shows it in, from 1
	fields []string
}

func records(b []byte, comma rune) ([]record, error) {
	r := csv.NewReader(bytes.NewReader(b))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = comma, -1, false
	var out []record
	index, next := 0, 1 // next: the line after the last record
	for {
		f, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			line := 0
			var p *csv.ParseError
			if errors.As(err, &p) {
				line = p.Line
			}
			return nil, &errUnreadable{says: "the file is not well-formed CSV", line: line}
		}
		if len(out) >= maxRecords || len(f) > maxFields {
			return nil, &errUnreadable{says: "the file has more rows or columns than a table that people read"}
		}
		line, _ := r.FieldPos(0)
		index += 1 + max(line-next, 0) // blank lines are rows of a spreadsheet
		next = line + 1
		for _, x := range f {
			next += strings.Count(x, "\n")
		}
		out = append(out, record{line, index, f})
	}
}

// evenness scores a delimiter: fields in records of the commonest width.
func evenness(rs []record) int {
	count := map[int]int{}
	best := 0
	for _, r := range rs {
		if w := len(r.fields); w > 1 {
			count[w]++
			best = max(best, count[w]*w)
		}
	}
	return best
}

func filled(fields []string) int {
	n := 0
	for _, f := range fields {
		if strings.TrimSpace(f) != "" {
			n++
		}
	}
	return n
}

// layOut finds notes, header and body.
func layOut(file string, rs []record) (*table, error) {
	t := &table{file: file}
	width := 0
	for _, r := range rs {
		width = max(width, len(r.fields))
	}
	// 1. Lines with one filled field around a wider table are notes.
	if width > 1 {
		for len(rs) > 0 && filled(rs[0].fields) <= 1 && !(len(rs[0].fields) == width && len(rs) > 1 && filled(rs[1].fields) > 1 && headerish(rs[0])) {
			t.notes = append(t.notes, noteOf(rs[0]))
			rs = rs[1:]
		}
		for len(rs) > 0 && filled(rs[len(rs)-1].fields) <= 1 && parseCell(last(rs).fields[0]).kind == cellText && len(strings.TrimSpace(strings.Join(last(rs).fields, ""))) > 0 && len(last(rs).fields) < width {
			t.notes = append(t.notes, noteOf(last(rs)))
			rs = rs[:len(rs)-1]
		}
	}
	if len(rs) == 0 {
		return nil, &errUnreadable{says: "the file holds text but no table"}
	}
	// 2. The header: the first record, and further ones without data.
	heads, named := 1, namedAxes(rs)
	switch {
	case named > 0:
		heads = named
		for _, r := range rs[:named-1] {
			t.headerless = t.headerless || isData(r) && !yearsOrSteps(r.fields)
		}
	case isData(rs[0]) && !yearsOrSteps(rs[0].fields) && !mostlyText(rs[0]):
		t.headerless = true
		if !codes(rs[0].fields) {
			heads = 0
		}
	}
	for heads > 0 && named == 0 && heads < 4 && heads < len(rs)-1 && headerish(rs[heads]) && bodyFollows(rs[heads+1:]) {
		heads++
	}
	t.header = make([][]string, width)
	for _, r := range rs[:heads] {
		prev := ""
		for c := range t.header {
			s := ""
			if c < len(r.fields) {
				s = strings.TrimSpace(r.fields[c])
			}
			if heads > 1 && s == "" && c > 0 && r.line == rs[0].line {
				s = prev // a merged heading spans the blanks after it
			}
			prev = s
			if s != "" {
				t.header[c] = append(t.header[c], s)
			}
		}
	}
	// 3. The body.
	for _, r := range rs[heads:] {
		if filled(r.fields) == 0 {
			continue
		}
		if len(r.fields) != width {
			t.ragged = append(t.ragged, r.line)
		}
		cells := make([]cell, width)
		for c, f := range r.fields {
			cells[c] = parseCell(f)
		}
		t.rows = append(t.rows, row{line: r.line, index: r.index, cells: cells})
	}
	if len(t.rows) == 0 {
		return nil, &errUnreadable{says: "the table has a header and no rows"}
	}
	return t, nil
}

func last(rs []record) record { return rs[len(rs)-1] }

func noteOf(r record) note { return note{r.line, strings.TrimSpace(strings.Join(r.fields, " "))} }

// isData reports whether a record holds numbers or redaction marks.
func isData(r record) bool {
	for i, f := range r.fields {
		k := parseCell(f).kind
		if k == cellNumber && (i > 0 || len(r.fields) == 1) || (k == cellMark && i > 0 && len(strings.TrimSpace(f)) > 1) {
			return true
		}
	}
	return false
}

// mostlyText: numbers in a heading such as "[0.025" are few beside words.
func mostlyText(r record) bool {
	text, numbers := 0, 0
	for _, f := range r.fields {
		switch parseCell(f).kind {
		case cellText:
			text++
		case cellNumber:
			numbers++
		}
	}
	return text > 2*numbers || text > numbers && text >= 4
}

// headerish: no numbers, no marks, some text.
func headerish(r record) bool {
	text := 0
	for _, f := range r.fields {
		switch parseCell(f).kind {
		case cellNumber, cellMark:
			return false
		case cellText:
			text++
		}
	}
	return text > 0
}

// bodyFollows reports whether the next records hold data: a text-only table
// keeps its first row out of the header.
func bodyFollows(rs []record) bool {
	for _, r := range rs[:min(len(rs), 3)] {
		if isData(r) {
			return true
		}
	}
	return false
}

// namedAxes finds the record of axis names that pandas writes under several
// levels of headings ("region,,,"), and gives how many records head the table;
// 0 if there is none.
func namedAxes(rs []record) int {
	for k := 1; k < min(len(rs)-1, 6); k++ {
		f := rs[k].fields
		n := filled(f)
		if n == 0 || n*2 > len(f) || len(f) < 2 || len(rs[0].fields) != len(f) || len(rs[k+1].fields) != len(f) {
			continue
		}
		leading := true
		for i, s := range f {
			leading = leading && (strings.TrimSpace(s) != "") == (i < n)
		}
		if leading && parseCell(f[0]).kind == cellText && isData(rs[k+1]) && filled(rs[k-1].fields) > 1 {
			return k + 1
		}
	}
	return 0
}

// codes reports whether a first record reads as a name and ascending codes
// ("smoker,0,1"): more likely a heading than data, but nobody can tell.
func codes(fields []string) bool {
	if len(fields) < 3 || parseCell(fields[0]).kind == cellNumber || isTotal(fields[0]) {
		return false
	}
	prev, n := -1.0, 0
	for _, f := range fields[1:] {
		c := parseCell(f)
		if c.kind == cellText && isTotal(f) {
			continue
		}
		if c.kind != cellNumber || len(c.values) != 1 || c.values[0].f <= prev {
			return false
		}
		prev, n = c.values[0].f, n+1
	}
	return n > 1
}

// yearsOrSteps reports whether the numbers of a first record look like column
// names: years, or steps that ascend.
func yearsOrSteps(fields []string) bool {
	prev, years, steps, n := -1.0, true, true, 0
	for _, f := range fields {
		c := parseCell(f)
		if c.kind != cellNumber {
			continue
		}
		n++
		v := c.values[0]
		years = years && v.whole && v.n >= 1900 && v.n <= 2100
		steps = steps && v.whole && (n == 1 || v.f == prev+1) && len(c.values) == 1
		prev = v.f
	}
	return n > 0 && (years || steps && n > 2)
}
