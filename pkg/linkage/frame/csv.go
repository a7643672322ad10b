package frame

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
)

// AddCSV reads a CSV file with a header line. Header names and values lose
// surrounding white space. Byte order marks and CRLF are accepted; a row of
// another length than the header, a repeated or an empty column name are not.
func (b *Builder) AddCSV(name string, r io.Reader) error {
	br := bufio.NewReaderSize(r, 1<<18)
	if mark, _ := br.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		if _, err := br.Discard(3); err != nil {
			return ark.Faultf(ark.Invalid, "the file can't be read").At(name, 0, "").Because(err)
		}
	}
	c := csv.NewReader(br)
	c.ReuseRecord = true
	header, err := c.Read()
	if errors.Is(err, io.EOF) {
		return ark.Faultf(ark.Invalid, "the file is empty").At(name, 0, "").Do("give a CSV file with a header line")
	}
	if err != nil {
		return csvFault(name, 0, err)
	}
	cols := make([]*building, len(header))
	seen := map[string]bool{}
	for i, h := range header {
		h = strings.Clone(strings.TrimSpace(h))
		if h == "" || seen[h] {
			return ark.Faultf(ark.Invalid, "column %d of the header has no name or the name of another column", i+1).
				At(name, 0, h).Do("give each column a name of its own")
		}
		seen[h] = true
		if b.wanted(h) {
			cols[i] = b.column(h)
		}
	}
	rows := 0
	for {
		rec, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return csvFault(name, int64(rows)+1, err)
		}
		rows++
		for i, v := range rec {
			if cols[i] == nil {
				continue
			}
			c := cols[i]
			if v = strings.TrimSpace(v); c.each && v != "" {
				c.ids = append(c.ids, c.in.dict.add([]byte(v)))
				continue
			}
			c.ids = append(c.ids, c.in.copied(v))
		}
	}
	b.finish(name, rows)
	return nil
}

// copied numbers s, whose bytes belong to a buffer that is written again.
func (t *Interner) copied(s string) uint32 {
	if s == "" {
		return 0
	}
	return t.Bytes([]byte(s))
}

func csvFault(name string, row int64, err error) error {
	says := "the row can't be read as CSV"
	var pe *csv.ParseError
	if errors.As(err, &pe) {
		if errors.Is(pe.Err, csv.ErrFieldCount) {
			says = "the row has not as many fields as the header"
		} else if errors.Is(pe.Err, csv.ErrQuote) || errors.Is(pe.Err, csv.ErrBareQuote) {
			says = "the row has a stray or missing quotation mark"
		}
	}
	return ark.Faultf(ark.Invalid, "%s", says).At(name, row, "").Do("repair the file and try again")
}
