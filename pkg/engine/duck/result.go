package duck

import (
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"io"
	"math"
	"os"
	"regexp"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Screen is a result as it is shown: capped in rows, in bytes of a cell and in
// bytes altogether.
type Screen struct {
	Columns   []TableColumn `json:"columns"`
	Rows      [][]any       `json:"rows"`
	Truncated bool          `json:"truncated"` // there are more rows
	Clipped   bool          `json:"clipped"`   // some cell is cut short
	ElapsedMS int64         `json:"elapsed_ms"`
}

// maxScreen bounds the bytes of a result on screen.
const maxScreen = 4 << 20

func (s *session) query(ctx context.Context, text string, limit int) (*Screen, error) {
	if limit <= 0 || limit > s.cfg.MaxRows {
		limit = s.cfg.MaxRows
	}
	start := time.Now()
	out := &Screen{Columns: []TableColumn{}, Rows: [][]any{}}
	err := s.rows(ctx, text, limit+1, func(rows *sql.Rows) error { return s.show(rows, limit, out) })
	out.ElapsedMS = time.Since(start).Milliseconds()
	return out, err
}

func (s *session) show(rows *sql.Rows, limit int, out *Screen) error {
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	for _, t := range types {
		out.Columns = append(out.Columns, TableColumn{t.Name(), t.DatabaseTypeName()})
	}
	for size := 0; rows.Next(); {
		if len(out.Rows) == limit || size > maxScreen {
			out.Truncated = true
			return nil
		}
		row, err := scan(rows, len(types))
		if err != nil {
			return err
		}
		for i, v := range row {
			if row[i] = screenValue(v, types[i].DatabaseTypeName()); row[i] == nil {
				continue
			}
			size += 8
			if t, ok := row[i].(string); ok {
				t, cut := clip(t, s.cfg.MaxCell)
				row[i], out.Clipped, size = t, out.Clipped || cut, size+len(t)
			}
		}
		out.Rows = append(out.Rows, row)
	}
	return rows.Err()
}

// screenValue is a value as JSON for a browser: numbers that it can't hold
// exactly go as text.
func screenValue(v any, dbType string) any {
	switch v := v.(type) {
	case nil, bool, int8, int16, int32, uint8, uint16, uint32:
		return v
	case int64:
		if v > -1<<53 && v < 1<<53 {
			return v
		}
	case uint64:
		if v < 1<<53 {
			return v
		}
	case float32:
		if f := float64(v); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return v
		}
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v
		}
	}
	return text(v, dbType)
}

// Saved says what was written to the outbox.
type Saved struct {
	Name  string `json:"name"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
}

// maxSaved bounds the rows and bytes of a file in the outbox: what leaves is
// results, not data.
const (
	maxSavedRows  = 1_000_000
	maxSavedBytes = 256 << 20
)

var csvName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}\.csv$`)

// save runs text and writes its rows to the outbox as CSV. A file of that name
// is replaced whole or not at all.
func (s *session) save(ctx context.Context, text, name string) (Saved, error) {
	if !csvName.MatchString(name) {
		return Saved{}, ark.Faultf(ark.Invalid, "that is not a name a file in the outbox may have").Do("use letters, digits, _ and -, and end in .csv")
	}
	if s.cfg.Outbox == "" {
		return Saved{}, ark.Faultf(ark.Unavailable, "this workspace has no outbox")
	}
	root, err := os.OpenRoot(s.cfg.Outbox) // no link in the outbox leads out of it
	if err != nil {
		return Saved{}, ark.Faultf(ark.Unavailable, "the outbox can't be reached").Because(err)
	}
	defer root.Close()
	part := "." + name + ".part"
	root.Remove(part)
	f, err := root.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o660)
	if err != nil {
		return Saved{}, ark.Faultf(ark.Unavailable, "the outbox can't be written to").Because(err)
	}
	out := Saved{Name: name}
	counted := &counter{w: f}
	err = s.rows(ctx, text, maxSavedRows+1, func(rows *sql.Rows) (err error) { out.Rows, err = writeCSV(counted, rows); return err })
	out.Bytes = counted.n
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = root.Rename(part, name)
	}
	if err != nil {
		root.Remove(part)
		var own *ark.Fault
		if errors.As(err, &own) {
			return Saved{}, own
		}
		return Saved{}, ark.Faultf(ark.TooMuch, "the file could not be written; the outbox may be full").Because(err)
	}
	return out, nil
}

func writeCSV(w io.Writer, rows *sql.Rows) (int64, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return 0, err
	}
	out := csv.NewWriter(w)
	cells := make([]string, len(types))
	for i, t := range types {
		cells[i] = t.Name()
	}
	if err := out.Write(cells); err != nil {
		return 0, err
	}
	n := int64(0)
	for ; rows.Next(); n++ {
		if n == maxSavedRows {
			return n, ark.Faultf(ark.TooMuch, "the result has more than %d rows", maxSavedRows).Do("aggregate it; the outbox is for results")
		}
		row, err := scan(rows, len(types))
		if err != nil {
			return n, err
		}
		for i, v := range row {
			if cells[i] = ""; v != nil {
				cells[i] = text(v, types[i].DatabaseTypeName())
			}
		}
		if err := out.Write(cells); err != nil {
			return n, err
		}
	}
	out.Flush()
	return n, errors.Join(rows.Err(), out.Error())
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	if c.n += int64(len(p)); c.n > maxSavedBytes {
		return 0, ark.Faultf(ark.TooMuch, "the file would be larger than %d MB", maxSavedBytes>>20).Do("aggregate it; the outbox is for results")
	}
	return c.w.Write(p)
}
