package intake

import (
	"encoding/csv"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func readAllCSV(r io.Reader, delim byte) (rows [][]string, err error) {
	c := newCSVReader(r, delim, "f", Limits{}.orDefault())
	for {
		if err := c.next(); err == io.EOF {
			return rows, nil
		} else if err != nil {
			return rows, err
		}
		row := make([]string, len(c.cells))
		for i, cell := range c.cells {
			row[i] = string(cell)
		}
		rows = append(rows, row)
	}
}

func TestCSVForms(t *testing.T) {
	for text, want := range map[string][][]string{
		"a,b\n1,2\n":            {{"a", "b"}, {"1", "2"}},
		"a,b\r\n1,2\r\n":        {{"a", "b"}, {"1", "2"}},
		"a,b\n1,2":              {{"a", "b"}, {"1", "2"}},
		"a,b\n\n\n1,2\n\n":      {{"a", "b"}, {"1", "2"}},
		"\"a\",\"b,c\"\n":       {{"a", "b,c"}},
		"\"a\"\"b\",c\n":        {{`a"b`, "c"}},
		"\"line\nend\",c\n":     {{"line\nend", "c"}},
		"\"line\r\nend\",c\r\n": {{"line\r\nend", "c"}},
		",\n":                   {{"", ""}},
		"\"\",\"\"\n":           {{"", ""}},
		"a\"b\"c,d\n":           {{`a"b"c`, "d"}},
		"":                      nil,
		"é,ü\n":                 {{"é", "ü"}},
	} {
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
			got, err := readAllCSV(r, ',')
			if err != nil {
				t.Errorf("%q: %v", text, err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%q: %s", text, d)
			}
		}
	}
}

func TestTextBehindAQuoteIsMalformed(t *testing.T) {
	for text, want := range map[string]bool{"\"a\"b,c\n": true, "\"a\" ,c\n": true, "\"a\",c\n": false, "a\"b\",c\n": false, "\"a\"\"\",c\n": false} {
		c := newCSVReader(strings.NewReader(text), ',', "f", Limits{}.orDefault())
		if err := c.next(); err != nil || c.malformed != want {
			t.Errorf("%q: malformed %v (%v), want %v", text, c.malformed, err, want)
		}
	}
}

// What the standard library reads, this reads alike; it never fails otherwise
// than by a fault.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "\"a\"\"b\",c\n", "\"x\ny\",z\r\n", "a;b", "\"", "\"\"\"\n\",", "a\"b,c\"d\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := readAllCSV(strings.NewReader(text), ',')
		if err != nil {
			return
		}
		std := csv.NewReader(strings.NewReader(text))
		std.FieldsPerRecord = -1
		want, err := std.ReadAll()
		if err != nil || !utf8.ValidString(text) || strings.ContainsRune(text, '\r') {
			return // the library is stricter on stray quotes and rewrites line ends
		}
		if len(want) == 0 && len(got) == 0 {
			return
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	})
}
