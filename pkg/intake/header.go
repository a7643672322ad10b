package intake

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
)

// delimiters are those that are looked for.
var delimiters = []byte{',', ';', '\t', '|'}

var delimiterNames = map[byte]string{',': "comma", ';': "semicolon", '\t': "tab", '|': "bar"}

// record is the source of a table's rows: for each field its raw bytes, nil
// where there are none.
type record interface {
	// next reads a row into the slice given, which has a place per field of
	// the table. It returns io.EOF after the last. A bad row that does not
	// end the file is a *badRow.
	next(fields [][]byte) error
	row() int64
}

// badRow is a row that has to be quarantined before its fields are known.
type badRow struct {
	rule, reason string
	kind         Kahn
}

func (b *badRow) Error() string { return b.reason }

// csvRecords reads a table's fields out of a CSV file by its header.
type csvRecords struct {
	csv    *csvReader
	at     []int // field → column, -1 where the file lacks it, atRow for the row's number
	width  int
	number []byte
}

// rowHeader is the header of a field that is no column but the row's number in
// its file: the only key there is in data sets that carry none. It tells rows
// apart in one delivery and says nothing about the next.
const rowHeader = "#row"

const atRow = -2

func appendNumber(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

// openCSV finds the delimiter, reads the header and maps it to the table's
// fields.
func openCSV(o *opened, t *Table, f Format, l Limits) (*csvRecords, error) {
	first, err := o.text.Peek(32 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, readFault(err).At(o.report.Name, 0, "")
	}
	if i := bytes.IndexAny(first, "\r\n"); i >= 0 {
		first = first[:i]
	}
	if len(bytes.TrimSpace(first)) == 0 {
		return nil, ark.Faultf(ark.Invalid, "the file is empty: it has no header line").At(o.report.Name, 0, "").Do("send it with its header, even where there are no rows")
	}
	if bytes.IndexByte(first, 0) >= 0 {
		return nil, ark.Faultf(ark.Invalid, "the file is not text").At(o.report.Name, 0, "").Do("export it as CSV in UTF-8")
	}
	found := bestDelimiter(first, t)
	delim := f.Delimiter[0]
	if f.Delimiter == "auto" {
		delim = found
	} else if found != delim && known(first, found, t) > known(first, delim, t) {
		return nil, ark.Faultf(ark.Invalid, "the columns are separated by a %s, and the contract says %s", delimiterNames[found], delimiterNames[delim]).
			At(o.report.Name, 0, "").Do("export the file with the contract's delimiter, or declare delimiter: auto")
	}
	o.report.Delimiter = delimiterNames[delim]
	r := &csvRecords{csv: newCSVReader(o.text, delim, o.report.Name, l)}
	if err := r.csv.next(); err != nil {
		if err == io.EOF {
			err = ark.Faultf(ark.Invalid, "the file has no header line").At(o.report.Name, 0, "")
		}
		return nil, err
	}
	if r.csv.malformed {
		return nil, ark.Faultf(ark.Invalid, "the header line's quotes do not close").At(o.report.Name, 0, "").Do("export the file again")
	}
	r.csv.header = true
	return r, r.match(o.report, t)
}

// known counts the columns of a header line that the table declares.
func known(line []byte, delim byte, t *Table) (n int) {
	for _, cell := range bytes.Split(line, []byte{delim}) {
		if t.byHeader(headerName(cell)) >= 0 {
			n++
		}
	}
	return n
}

func bestDelimiter(line []byte, t *Table) byte {
	best, most, cut := byte(','), -1, -1
	for _, d := range delimiters {
		if n, c := known(line, d, t), bytes.Count(line, []byte{d}); n > most || n == most && c > cut {
			best, most, cut = d, n, c
		}
	}
	return best
}

func headerName(cell []byte) string { return strings.Trim(string(bytes.TrimSpace(cell)), `"`) }

// byHeader returns the field a sender's column name stands for, -1 if none.
func (t *Table) byHeader(name string) int {
	for i, f := range t.Fields {
		if f.Header == name {
			return i
		}
	}
	for i, f := range t.Fields { // senders are not asked to keep capitals
		if strings.EqualFold(f.Header, name) {
			return i
		}
	}
	return -1
}

// match maps columns to fields. Two columns of one name, and a declared column
// that is not there, are faults; a column nobody declared is dropped and
// counted, and its name is repeated nowhere.
func (r *csvRecords) match(report *FileReport, t *Table) error {
	r.at, r.width = make([]int, len(t.Fields)), len(r.csv.cells)
	for i := range r.at {
		r.at[i] = -1
	}
	seen := map[string]int{}
	for col, cell := range r.csv.cells {
		name := headerName(cell)
		i := t.byHeader(name)
		if before, twice := seen[strings.ToLower(name)]; twice {
			f := ark.Faultf(ark.Invalid, "columns %d and %d have the same name", before+1, col+1).Do("rename or remove one of them")
			if i >= 0 {
				return f.At(report.Name, 0, t.Fields[i].Name)
			}
			return f.At(report.Name, 0, "")
		}
		seen[strings.ToLower(name)] = col
		if i < 0 {
			report.Undeclared++
			continue
		}
		if r.at[i] >= 0 {
			return ark.Faultf(ark.Invalid, "columns %d and %d are the same field", r.at[i]+1, col+1).At(report.Name, 0, t.Fields[i].Name).Do("rename or remove one of them")
		}
		r.at[i] = col
	}
	for i, f := range t.Fields {
		if f.Header == rowHeader {
			r.at[i] = atRow
			continue
		}
		if r.at[i] >= 0 {
			continue
		}
		if !f.Optional {
			return ark.Faultf(ark.Invalid, "the contract names this field and the file has no such column").At(report.Name, 0, f.Name).
				Do("send the column, or agree a new version of the contract")
		}
		report.Absent++
	}
	return nil
}

func (r *csvRecords) row() int64 { return r.csv.rows }

func (r *csvRecords) next(fields [][]byte) error {
	if err := r.csv.next(); err != nil {
		return err
	}
	if r.csv.malformed {
		return &badRow{"quotes", "a quoted field goes on behind its closing quote", Conformance}
	}
	if len(r.csv.cells) != r.width {
		return &badRow{"columns", "the row has more or fewer columns than the header", Conformance}
	}
	for i, col := range r.at {
		fields[i] = nil
		if col == atRow {
			r.number = appendNumber(r.number[:0], r.csv.rows)
			fields[i] = r.number
		} else if col >= 0 {
			fields[i] = r.csv.cells[col]
		}
	}
	return nil
}
