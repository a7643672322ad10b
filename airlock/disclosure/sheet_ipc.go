package disclosure

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ark-tre/ark/pkg/ark"
)

// The form in which sheets pass from the process that opens workbooks: one
// Arrow IPC stream whose records have the columns
//
//	sheet string, row int32, col int32, text string
//
// one row per filled cell, rows and columns from 1, sheets one after another,
// in the order of the workbook.
func sheetSchema() *arrow.Schema {
	return arrow.NewSchema([]arrow.Field{
		{Name: "sheet", Type: arrow.BinaryTypes.String}, {Name: "row", Type: arrow.PrimitiveTypes.Int32},
		{Name: "col", Type: arrow.PrimitiveTypes.Int32}, {Name: "text", Type: arrow.BinaryTypes.String}}, nil)
}

// maxSheetCells and maxSheetBytes bound a stream of sheets.
const (
	maxSheetCells = 2_000_000
	maxSheetBytes = 128 << 20
)

// WriteSheets writes sheets as an Arrow IPC stream.
func WriteSheets(w io.Writer, sheets []Sheet) error {
	out := ipc.NewWriter(w, ipc.WithSchema(sheetSchema()), ipc.WithAllocator(memory.DefaultAllocator))
	b := array.NewRecordBuilder(memory.DefaultAllocator, sheetSchema())
	defer b.Release()
	for _, s := range sheets {
		for _, c := range s.Cells {
			b.Field(0).(*array.StringBuilder).Append(s.Name)
			b.Field(1).(*array.Int32Builder).Append(int32(c.Row))
			b.Field(2).(*array.Int32Builder).Append(int32(c.Col))
			b.Field(3).(*array.StringBuilder).Append(c.Text)
		}
		rec := b.NewRecord()
		err := out.Write(rec)
		rec.Release()
		if err != nil {
			return err
		}
	}
	return out.Close()
}

// ReadSheets reads an Arrow IPC stream of sheets. The bytes may be hostile:
// what is not exactly the expected form is refused.
func ReadSheets(r io.Reader) (sheets []Sheet, err error) {
	bad := func(cause error) error {
		return ark.Faultf(ark.Invalid, "the sheets are not in the expected Arrow form").Because(cause)
	}
	defer func() {
		if x := recover(); x != nil { // the library panics on some malformed streams
			sheets, err = nil, bad(errors.New("malformed"))
		}
	}()
	b, err := io.ReadAll(io.LimitReader(r, maxSheetBytes+1))
	if err != nil || len(b) > maxSheetBytes {
		return nil, bad(err)
	}
	if err := framed(b); err != nil {
		return nil, bad(err)
	}
	in, err := ipc.NewReader(bytes.NewReader(b), ipc.WithAllocator(&bounded{left: 4 * maxSheetBytes}))
	if err != nil {
		return nil, bad(err)
	}
	defer in.Release()
	if !in.Schema().Equal(sheetSchema()) {
		return nil, bad(nil)
	}
	cells := 0
	for in.Next() {
		rec := in.Record()
		name, row := rec.Column(0).(*array.String), rec.Column(1).(*array.Int32)
		col, text := rec.Column(2).(*array.Int32), rec.Column(3).(*array.String)
		if cells += int(rec.NumRows()); cells > maxSheetCells {
			return nil, bad(nil)
		}
		for i := range int(rec.NumRows()) {
			if name.IsNull(i) || row.IsNull(i) || col.IsNull(i) || text.IsNull(i) {
				return nil, bad(nil)
			}
			if len(sheets) == 0 || sheets[len(sheets)-1].Name != name.Value(i) {
				sheets = append(sheets, Sheet{Name: string([]byte(name.Value(i)))})
			}
			s := &sheets[len(sheets)-1]
			s.Cells = append(s.Cells, SheetCell{Row: int(row.Value(i)), Col: int(col.Value(i)), Text: string([]byte(text.Value(i)))})
		}
	}
	if err := in.Err(); err != nil && !errors.Is(err, io.EOF) {
		return nil, bad(err)
	}
	return sheets, nil
}

// framed checks what the library would believe before it reads: that the
// stream begins with exactly the schema, and that no message claims more bytes
// than there are.
func framed(b []byte) error {
	var own bytes.Buffer
	if err := WriteSheets(&own, nil); err != nil {
		return err
	}
	schema, ok := bytes.CutSuffix(own.Bytes(), []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	if !ok || !bytes.HasPrefix(b, schema) {
		return errors.New("another schema")
	}
	long := errors.New("a message is longer than the stream")
	for b = b[len(schema):]; len(b) > 0; {
		if len(b) < 8 || binary.LittleEndian.Uint32(b) != 1<<32-1 {
			return errors.New("no message where one should be")
		}
		n := int64(binary.LittleEndian.Uint32(b[4:]))
		if n == 0 {
			return nil
		}
		if b = b[8:]; n > int64(len(b)) {
			return long
		}
		body, ok := bodyLength(b[:n])
		if !ok || body < 0 || body > int64(len(b))-n {
			return long
		}
		b = b[n+body:]
	}
	return errors.New("the stream doesn't end")
}

// bodyLength reads the field of that name, the fourth, of the flatbuffer table
// Message.
func bodyLength(m []byte) (int64, bool) {
	u32 := func(at int64) (int64, bool) {
		if at < 0 || at+4 > int64(len(m)) {
			return 0, false
		}
		return int64(binary.LittleEndian.Uint32(m[at:])), true
	}
	table, ok := u32(0)
	back, ok2 := u32(table)
	vtable := table - int64(int32(back))
	if !ok || !ok2 || vtable < 0 || vtable+12 > int64(len(m)) {
		return 0, false
	}
	if binary.LittleEndian.Uint16(m[vtable:]) < 12 {
		return 0, true
	}
	at := int64(binary.LittleEndian.Uint16(m[vtable+10:]))
	if at == 0 {
		return 0, true
	}
	if at += table; at+8 > int64(len(m)) {
		return 0, false
	}
	return int64(binary.LittleEndian.Uint64(m[at:])), true
}

// bounded allocates so much and no more: a stream may claim buffers of any
// size.
type bounded struct {
	memory.GoAllocator
	left int
}

// Allocate panics past the bound; ReadSheets turns that into a refusal.
func (a *bounded) Allocate(size int) []byte {
	if size < 0 || size > a.left {
		panic("too much")
	}
	a.left -= size
	return a.GoAllocator.Allocate(size)
}

// Reallocate counts the whole of the new size.
func (a *bounded) Reallocate(size int, b []byte) []byte {
	if size < 0 || size > a.left {
		panic("too much")
	}
	a.left -= size
	return a.GoAllocator.Reallocate(size, b)
}
