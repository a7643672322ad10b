package viewer

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How much of a file is drawn at once.
const (
	maxRows  = 2000
	maxCols  = 200
	maxLines = 5000
	maxCell  = 500
)

type page struct {
	Name    string
	CSS     string
	Note    string
	Picture string
	Head    []cell
	Rows    []row
	Lines   []line
	Columns []column
	Book    []bookCell
	AsText  string // the address of the same file as text
	Drawn   []drawnPage
	Before  string // the address of the pages before those drawn
	After   string // and of those after them
	Claims  bool   // marks of the author's own tool are among the marks

	against map[[2]int]string // cells of the file that this one is held against
}

type row struct {
	Number int
	Cells  []cell
}

type cell struct {
	Text   string
	Marks  []Mark
	Worst  string
	Number bool
	Was    string // what stood there in the file it is held against
	Moved  bool   // it differs from it
}

type line struct {
	Number int
	Text   string
	Marks  []Mark
	Worst  string
}

// draw turns bytes into a table where they are one, else into lines of text.
func (p *page) draw(data []byte, cut bool, marks []Mark) {
	if cut {
		p.Note = "The file is large: its beginning is shown."
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		p.Note = "This file is neither a table, a text nor a picture, so it is not shown. Decide by its kind, or return it."
		return
	}
	if sep, ok := tabular(p.Name, data); ok && p.table(data, sep, marks) {
		return
	}
	p.text(data, marks)
}

// tabular reports whether a file is a delimited table, and by what.
func tabular(name string, data []byte) (rune, bool) {
	lower := strings.ToLower(name)
	switch {
	case strings.HasSuffix(lower, ".tsv"):
		return '\t', true
	case strings.HasSuffix(lower, ".csv"):
		first, _, _ := bytes.Cut(data, []byte("\n"))
		if bytes.Count(first, []byte(";")) > bytes.Count(first, []byte(",")) {
			return ';', true
		}
		return ',', true
	}
	return 0, false
}

// table draws a delimited table; false if it can't be read as one.
func (p *page) table(data []byte, sep rune, marks []Mark) bool {
	in := csv.NewReader(bytes.NewReader(data))
	in.Comma, in.FieldsPerRecord, in.LazyQuotes = sep, -1, true
	sums := newSummaries()
	at := map[[2]int][]Mark{}
	for _, m := range marks {
		at[[2]int{m.Row, m.Col}] = append(at[[2]int{m.Row, m.Col}], m)
	}
	for n := 1; ; n++ {
		rec, err := in.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			p.Head, p.Rows = nil, nil
			return false
		}
		if n > maxRows {
			p.Note = fmt.Sprintf("The first %d rows are shown.", maxRows)
			break
		}
		sums.add(n, rec)
		if len(rec) > maxCols {
			rec = rec[:maxCols]
			p.Note = fmt.Sprintf("The first %d columns are shown.", maxCols)
		}
		r := row{Number: n}
		for c, text := range rec {
			ms := append(append([]Mark(nil), at[[2]int{n, c + 1}]...), at[[2]int{0, c + 1}]...)
			if c == 0 {
				ms = append(ms, at[[2]int{n, 0}]...)
			}
			r.Cells = append(r.Cells, cell{Text: visible(clip(text)), Marks: ms, Worst: worst(ms), Number: numeric(text)})
			if p.against != nil {
				was, had := p.against[[2]int{n, c + 1}]
				last := &r.Cells[len(r.Cells)-1]
				last.Moved, last.Was = !had || was != text, visible(clip(was))
			}
		}
		if n == 1 {
			p.Head = r.Cells
			continue
		}
		p.Rows = append(p.Rows, r)
	}
	p.Columns = sums.columns(p.Head)
	p.Claims = slices.ContainsFunc(marks, func(m Mark) bool { return m.Severity == Claim })
	return p.Head != nil
}

func (p *page) text(data []byte, marks []Mark) {
	at := map[int][]Mark{}
	for _, m := range marks {
		n := m.Line
		if n == 0 {
			n = m.Row
		}
		at[n] = append(at[n], m)
	}
	for i, l := range strings.Split(string(data), "\n") {
		if i == maxLines {
			p.Note = fmt.Sprintf("The first %d lines are shown.", maxLines)
			return
		}
		if len(l) > 4000 {
			l = l[:4000] + "…"
		}
		p.Lines = append(p.Lines, line{Number: i + 1, Text: visible(strings.TrimSuffix(l, "\r")), Marks: at[i+1], Worst: worst(at[i+1])})
	}
}

func clip(s string) string {
	if len(s) <= maxCell {
		return s
	}
	for n := maxCell; n > 0; n-- {
		if utf8.RuneStart(s[n]) {
			return s[:n] + "…"
		}
	}
	return "…"
}

// visible shows characters that would hide text or turn it around: a checker
// must see what the file holds.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' {
			return r
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) || unicode.Is(unicode.Variation_Selector, r) {
			return '␦'
		}
		return r
	}, s)
}

func worst(ms []Mark) string {
	w := ""
	for _, m := range ms {
		if m.Severity == "fail" {
			return "fail"
		}
		if m.Severity == "review" || w == "" || w == Claim {
			w = m.Severity
		}
	}
	return w
}

func numeric(s string) bool {
	s = strings.TrimSpace(s)
	if s == "" {
		return false
	}
	for _, r := range s {
		if (r < '0' || r > '9') && !strings.ContainsRune(".,-+%<> ", r) {
			return false
		}
	}
	return true
}
