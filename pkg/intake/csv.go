package intake

import (
	"bytes"
	"io"
	"unicode/utf8"

	"github.com/ark-tre/ark/pkg/ark"
)

// csvReader reads separated values row by row in bounded memory: it never
// holds more than one row, and a row no longer than the limit. It follows RFC
// 4180: a field in double quotes may hold delimiters, line ends and doubled
// quotes.
type csvReader struct {
	r         io.Reader
	delim     byte
	limit     Limits
	file      string
	buf       []byte // what was read; buf[from:to] is not yet used
	from      int
	to        int
	eof       bool
	rows      int64    // rows given out, the header not counted
	cells     [][]byte // of the last row; valid until the next
	spare     []byte   // where quoted fields are unescaped
	crlf      bool
	header    bool // the header was read
	plain     bool // lines are records: quotes mean nothing
	malformed bool // the last row has text behind a closing quote
}

func newCSVReader(r io.Reader, delim byte, file string, l Limits) *csvReader {
	return &csvReader{r: r, delim: delim, limit: l, file: file, buf: make([]byte, 512<<10)} // so large that readers with buffers of their own leave them out
}

// next reads one row into c.cells. It returns io.EOF after the last row and
// skips lines that are wholly empty.
func (c *csvReader) next() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			continue
		}
		if c.header {
			c.rows++
		}
		if !utf8.Valid(line) {
			return c.notUTF8(line)
		}
		return c.split(line)
	}
}

func (c *csvReader) fault(k ark.Kind, field string, format string, args ...any) *ark.Fault {
	return ark.Faultf(k, format, args...).At(c.file, c.rows, field)
}

func (c *csvReader) notUTF8(line []byte) error {
	if c.plain {
		return c.fault(ark.Invalid, "", "the text is not UTF-8").Do("save the file as UTF-8")
	}
	field := 1 + bytes.Count(line[:firstBad(line)], []byte{c.delim})
	return c.fault(ark.Invalid, "", "the text is not UTF-8, first in column %d", field).
		Do("save the file as UTF-8, or declare its encoding in the contract (windows-1252)")
}

func firstBad(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return len(b)
}

// line returns the next record without its line end. A line end inside quotes
// belongs to the record.
func (c *csvReader) line() ([]byte, error) {
	at := 0 // how much of the window was looked at
	quotes := 0
	for {
		window := c.buf[c.from:c.to]
		if i := bytes.IndexByte(window[at:], '\n'); i >= 0 {
			quotes += c.quotes(window[at : at+i])
			end := at + i
			at = end + 1
			if quotes%2 == 1 {
				continue
			}
			c.from += at
			if end > 0 && window[end-1] == '\r' {
				end--
				c.crlf = true
			}
			if end > c.limit.Row {
				return nil, c.tooLong(window[:end])
			}
			return window[:end], nil
		}
		quotes += c.quotes(window[at:])
		at = len(window)
		if at > c.limit.Row {
			return nil, c.tooLong(window)
		}
		if c.eof {
			return c.last(window, quotes)
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

func (c *csvReader) quotes(b []byte) int {
	if c.plain {
		return 0
	}
	return bytes.Count(b, []byte{'"'})
}

// last returns the record at the end of the file, which may lack its line end.
func (c *csvReader) last(window []byte, quotes int) ([]byte, error) {
	c.from = c.to
	if quotes%2 == 1 {
		return nil, ark.Faultf(ark.Invalid, "the file ends inside a quoted field").At(c.file, c.rows+1, "").Do("send it again: it was cut off, or a double quote is not closed")
	}
	if len(window) == 0 {
		return nil, io.EOF
	}
	return bytes.TrimSuffix(window, []byte{'\r'}), nil
}

// tooLong names the row, the column and what is too long about it.
func (c *csvReader) tooLong(window []byte) error {
	row := c.rows
	if c.header {
		row++
	}
	if c.plain {
		return ark.Faultf(ark.TooMuch, "the line is longer than %d bytes", c.limit.Row).At(c.file, row, "").
			Do("send one resource a line, without documents and images in it")
	}
	column := 1 + bytes.Count(window, []byte{c.delim})
	return ark.Faultf(ark.TooMuch, "the row is longer than %d bytes, at column %d", c.limit.Row, column).At(c.file, row, "").
		Do("check the line ends and the quotes of the file, and leave documents and images out")
}

// fill reads more into the buffer, moving or growing it as needed.
func (c *csvReader) fill() error {
	if c.from > 0 {
		copy(c.buf, c.buf[c.from:c.to])
		c.to -= c.from
		c.from = 0
	}
	if c.to == len(c.buf) {
		grown := make([]byte, min(len(c.buf)*2, c.limit.Row+256<<10))
		copy(grown, c.buf[:c.to])
		c.buf = grown
	}
	n, err := c.r.Read(c.buf[c.to:])
	c.to += n
	if err == io.EOF {
		c.eof = true
		return nil
	}
	if err != nil {
		return readFault(err).At(c.file, c.rows, "")
	}
	return nil
}

// split cuts a record into cells.
func (c *csvReader) split(line []byte) error {
	c.cells, c.malformed = c.cells[:0], false
	if bytes.IndexByte(line, '"') < 0 {
		for {
			i := bytes.IndexByte(line, c.delim)
			if i < 0 {
				return c.add(line)
			}
			if err := c.add(line[:i]); err != nil {
				return err
			}
			line = line[i+1:]
		}
	}
	c.spare = c.spare[:0]
	if cap(c.spare) < len(line) {
		c.spare = make([]byte, 0, 2*len(line))
	}
	for {
		cell, rest, more := c.quoted(line)
		if err := c.add(cell); err != nil {
			return err
		}
		if !more {
			return nil
		}
		line = rest
	}
}

func (c *csvReader) add(cell []byte) error {
	c.cells = append(c.cells, cell)
	if len(cell) > c.limit.Field {
		return c.fault(ark.TooMuch, "", "the field in column %d is longer than %d bytes", len(c.cells), c.limit.Field).
			Do("leave documents and images out of the delivery")
	}
	if len(c.cells) > maxColumns {
		return c.fault(ark.TooMuch, "", "the row has more than %d columns", maxColumns)
	}
	return nil
}

const maxColumns = 10_000

// quoted cuts the first cell of line. Quotes inside an unquoted cell stand for
// themselves, as spreadsheets write them.
func (c *csvReader) quoted(line []byte) (cell, rest []byte, more bool) {
	if len(line) == 0 || line[0] != '"' {
		i := bytes.IndexByte(line, c.delim)
		if i < 0 {
			return line, nil, false
		}
		return line[:i], line[i+1:], true
	}
	start := len(c.spare)
	line = line[1:]
	for {
		i := bytes.IndexByte(line, '"')
		if i < 0 {
			c.malformed = true
			c.spare = append(c.spare, line...)
			return c.spare[start:], nil, false
		}
		c.spare = append(c.spare, line[:i]...)
		line = line[i+1:]
		switch {
		case len(line) == 0:
			return c.spare[start:], nil, false
		case line[0] == '"':
			c.spare = append(c.spare, '"')
			line = line[1:]
		case line[0] == c.delim:
			return c.spare[start:], line[1:], true
		default: // text behind a closing quote: what the sender meant is a guess
			c.malformed = true
			c.spare = append(c.spare, '"')
		}
	}
}
