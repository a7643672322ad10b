package disclosure

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
	typed "github.com/ark-tre/ark/pkg/columnar/cell"
)

// Frame is microdata in memory: the records behind a table.
type Frame struct {
	names []string
	types map[string]typed.Type
	rows  [][]typed.Value

	mu     sync.Mutex
	coding map[int]coded // by column, of those that were asked for
}

// coded is a column whose distinct values are numbered in the order met.
type coded struct {
	at     []int32 // of each record; -1: null
	values []typed.Value
}

// coded numbers the values of a column, once for a frame.
func (f *Frame) coded(col int) coded {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, ok := f.coding[col]; ok {
		return c
	}
	c, known := coded{at: make([]int32, len(f.rows))}, map[typed.Value]int32{}
	for i, row := range f.rows {
		v := row[col]
		if v.IsNull() {
			c.at[i] = -1
			continue
		}
		if i > 0 && c.at[i-1] >= 0 && v == c.values[c.at[i-1]] {
			c.at[i] = c.at[i-1] // records often come in runs
			continue
		}
		n, ok := known[v]
		if !ok {
			n = int32(len(c.values))
			known[v], c.values = n, append(c.values, v)
		}
		c.at[i] = n
	}
	if f.coding == nil {
		f.coding = map[int]coded{}
	}
	f.coding[col] = c
	return c
}

// maxRecordsHeld bounds the microdata that a check holds in memory.
const maxRecordsHeld = 5_000_000

// missing reports whether a field of a CSV file means no value, as the usual
// tools read it.
func missing(s string) bool {
	return slices.Contains([]string{"", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>", "#N/A"}, s)
}

// ReadFrame reads microdata from CSV, or from Parquet when it begins as such.
func ReadFrame(ctx context.Context, ra io.ReaderAt, size int64) (*Frame, error) {
	magic := make([]byte, 4)
	if _, err := ra.ReadAt(magic, 0); err == nil && bytes.Equal(magic, []byte("PAR1")) {
		return readParquet(ctx, ra, size)
	}
	return readCSVFrame(io.NewSectionReader(ra, 0, size))
}

func readParquet(ctx context.Context, ra io.ReaderAt, size int64) (*Frame, error) {
	r, err := columnar.Open(ra, size, columnar.Limits{Rows: maxRecordsHeld, Foreign: true})
	if err != nil {
		return nil, err
	}
	f := &Frame{names: r.Schema().Names(), types: r.Schema().Types()}
	for row, err := range r.Rows(ctx, f.names...) {
		if err != nil {
			return nil, err
		}
		f.rows = append(f.rows, slices.Clone(row))
	}
	return f, nil
}

func badData(says string) error {
	return ark.Faultf(ark.Invalid, "the microdata can't be read: %s", says).Do("give CSV with a header row, or Parquet")
}

func readCSVFrame(r io.Reader) (*Frame, error) {
	c := csv.NewReader(r)
	c.ReuseRecord = true
	head, err := c.Read()
	if err != nil {
		return nil, badData("there is no header row")
	}
	f := &Frame{types: map[string]typed.Type{}}
	for i, h := range head {
		if i == 0 {
			h = string(bytes.TrimPrefix([]byte(h), []byte("\ufeff")))
		}
		if h == "" || f.types[h] != "" {
			return nil, badData("a column has no name, or one used before")
		}
		f.names, f.types[h] = append(f.names, h), typed.Int64
	}
	var text [][]string
	for {
		rec, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, badData("a record is malformed")
		}
		if len(text) >= maxRecordsHeld {
			return nil, ark.Faultf(ark.TooMuch, "the microdata has more than %d records", maxRecordsHeld)
		}
		text = append(text, slices.Clone(rec))
	}
	// Each column takes the narrowest type that all its values have.
	ladder := []typed.Type{typed.Int64, typed.Float64, typed.Date, typed.String}
	for i, name := range f.names {
		level := 0
		for _, rec := range text {
			for !missing(rec[i]) && level < len(ladder)-1 {
				if v, err := typed.Parse(ladder[level], rec[i]); err == nil && (ladder[level] != typed.Int64 || v.Text() == rec[i]) {
					break
				}
				level++
			}
		}
		f.types[name] = ladder[level]
	}
	for _, rec := range text {
		row := make([]typed.Value, len(rec))
		for i, s := range rec {
			if missing(s) {
				continue
			}
			v, err := typed.Parse(f.types[f.names[i]], s)
			if err != nil {
				return nil, badData("a value changed its type")
			}
			row[i] = v
		}
		f.rows = append(f.rows, row)
	}
	return f, nil
}

// at is the place of a column, or -1.
func (f *Frame) at(name string) int { return slices.Index(f.names, name) }

// Has reports whether the microdata has a column.
func (f *Frame) Has(name string) bool { return f.at(name) >= 0 }

// NewFrame makes microdata of rows in memory.
func NewFrame(names []string, types map[string]typed.Type, rows [][]typed.Value) *Frame {
	return &Frame{names: names, types: types, rows: rows}
}

// Names lists the columns.
func (f *Frame) Names() []string { return slices.Clone(f.names) }

// Len is the number of records.
func (f *Frame) Len() int { return len(f.rows) }

// At is a record's value of a column; null if there is no such column.
func (f *Frame) At(record int, name string) typed.Value {
	c := f.at(name)
	if c < 0 {
		return typed.Value{}
	}
	return f.rows[record][c]
}

// Numeric reports whether a column holds numbers.
func (f *Frame) Numeric(name string) bool {
	return f.types[name] == typed.Int64 || f.types[name] == typed.Float64
}

// Keep lists the records that a filter keeps, in order.
func (f *Frame) Keep(filter string) ([]int, error) { return f.filtered(filter) }
