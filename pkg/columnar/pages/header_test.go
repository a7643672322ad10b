package pages

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// A chain of headers leads to the last row, or is refused: whichever byte of it
// is another one, walking it ends.
func TestChain(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	rows := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := range 3000 {
		rows.Field(0).(*array.StringBuilder).Append(string(rune('a' + i%26)))
	}
	var b bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &b, parquet.NewWriterProperties(parquet.WithDataPageSize(200), parquet.WithBatchSize(100)), pqarrow.DefaultWriterProps())
	if err == nil {
		err = errors.Join(w.Write(rows.NewRecord()), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := file.NewParquetReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	meta, err := f.RowGroup(0).MetaData().ColumnChunk(0)
	if err != nil {
		t.Fatal(err)
	}
	chain := func(b []byte, rows int64) error { return Chain(context.Background(), bytes.NewReader(b), meta, rows) }
	if err := chain(b.Bytes(), 3000); err != nil {
		t.Errorf("as it was written: %v", err)
	}
	if err := chain(b.Bytes(), 2999); !errors.Is(err, ErrDamaged) {
		t.Errorf("a group of fewer rows: %v", err)
	}
	refused := 0
	for at := range int(meta.TotalCompressedSize()) + 4 {
		for _, now := range []byte{0, 1, 0x15, 0x7f, 0xff} {
			changed := bytes.Clone(b.Bytes())
			changed[at] = now
			if err := chain(changed, 3000); err != nil {
				if refused++; !errors.Is(err, ErrDamaged) {
					t.Fatal(err)
				}
			}
		}
	}
	if refused < 100 {
		t.Errorf("only %d changes were refused: the headers are not looked at", refused)
	}
	for n := range 40 {
		if err := chain(b.Bytes()[:n*b.Len()/100], 3000); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut off: %v", err)
		}
	}
	if err := Check(context.Background(), bytes.NewReader(b.Bytes()), f, 0); err != nil {
		t.Error(err)
	}
}
