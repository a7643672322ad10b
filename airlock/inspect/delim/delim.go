// Package delim looks at delimited text, JSON tables and Parquet: tables that
// are not workbooks.
//
// It judges bytes it is given and may touch nothing else. It must never guess:
// what is not well formed is refused.
package delim

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect/look"
)

// CSV looks at delimited text.
func CSV(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "text/csv"}
	if f.Ext() == "tsv" {
		r.Media = "text/tab-separated-values"
	}
	data := bytes.TrimPrefix(f.Data, []byte("\ufeff"))
	if len(bytes.TrimSpace(data)) == 0 {
		r.Add(f, "file-empty", look.Nowhere)
		return r
	}
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		r.Add(f, "table-unreadable", look.Nowhere)
		return r
	}
	rows, comma, line := best(data, f.Ext())
	if rows == nil {
		r.Add(f, "table-unreadable", disclosure.Where{Line: line})
		return r
	}
	t := look.Table{Rows: rows, Text: true}
	widths := map[int]int{}
	for _, row := range rows {
		widths[len(row)]++
	}
	if len(widths) > 4 {
		r.Add(f, "table-ragged", look.Nowhere)
	}
	trailing(&r, f, data)
	s.Table(&r, f, t)
	r.Tables = []look.Table{t}
	if comma != '\t' || f.Ext() != "tsv" {
		comma = ','
	}
	if s.Anyway || !r.Hopeless() {
		r.Rebuilt = look.CSV(t, comma)
	}
	return r
}

// best reads the text under the delimiter that gives the most even records.
func best(data []byte, ext string) ([][]string, rune, int) {
	var out [][]string
	comma, score, line := ',', -1, 0
	commas := []rune{',', '\t', ';', '|'}
	if ext == "tsv" {
		commas = []rune{'\t'}
	}
	head := data[:min(len(data), 64<<10)]
	for _, c := range commas {
		if c != commas[0] && !bytes.ContainsRune(head, c) {
			continue
		}
		if n := evenness(head, c); n > score {
			score, comma = n, c
		}
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = comma, -1, false
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, comma, 0
		}
		if err != nil {
			var p *csv.ParseError
			if errors.As(err, &p) {
				line = p.Line
			}
			return nil, comma, line
		}
		if out = append(out, rec); len(out) > 400_000 {
			return out, comma, 0
		}
	}
}

// evenness scores a delimiter on the beginning of a text.
func evenness(head []byte, c rune) int {
	if i := bytes.LastIndexByte(head, '\n'); i > 0 {
		head = head[:i]
	}
	r := csv.NewReader(bytes.NewReader(head))
	r.Comma, r.FieldsPerRecord = c, -1
	count := map[int]int{}
	for {
		rec, err := r.Read()
		if err != nil {
			break
		}
		count[len(rec)]++
	}
	n := 0
	for w, k := range count {
		if w > 1 {
			n = max(n, w*k)
		}
	}
	return n
}

// trailing finds lines that end in varying blanks.
func trailing(r *look.Report, f look.File, data []byte) {
	kinds, n := map[string]bool{}, 0
	for line := range bytes.Lines(data) {
		line = bytes.TrimRight(line, "\r\n")
		if end := line[len(bytes.TrimRight(line, " \t")):]; len(end) > 0 && bytes.IndexByte(end, ' ') >= 0 && len(kinds) < 64 {
			kinds[string(end)] = true
			n++
		}
	}
	if n >= 8 && len(kinds) >= 2 {
		r.Add(f, "text-spaces", look.Nowhere, "lines", look.Itoa(n))
	}
}
