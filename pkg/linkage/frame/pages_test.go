package frame

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// TestEveryEncodingReadsAlike writes the same columns with every encoding,
// version of pages and codec that a writer may choose.
func TestEveryEncodingReadsAlike(t *testing.T) {
	const rows = 9000
	value := func(column, i int) string {
		switch column {
		case 0: // few values, in runs
			return []string{"", "Ann", "Bob", "Cy"}[i/700%4]
		case 1: // a value for each row
			return fmt.Sprint("person ", i)
		case 2: // more than a small dictionary holds
			return fmt.Sprint("town ", i*7919%4001)
		}
		return "same"
	}
	null := func(column, i int) bool { return column == 2 && i%5 == 0 || column == 3 && i%100 < 97 }
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "a", Type: arrow.BinaryTypes.String}, {Name: "b", Type: arrow.BinaryTypes.String},
		{Name: "c", Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "d", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	for name, props := range map[string][]parquet.WriterProperty{
		"dictionary":   {parquet.WithCompression(compress.Codecs.Snappy)},
		"fallen back":  {parquet.WithDictionaryPageSizeLimit(4 << 10), parquet.WithBatchSize(500), parquet.WithDataPageSize(4 << 10)},
		"plain":        {parquet.WithDictionaryDefault(false), parquet.WithDataPageSize(2 << 10)},
		"second pages": {parquet.WithDataPageVersion(parquet.DataPageV2), parquet.WithVersion(parquet.V2_LATEST), parquet.WithCompression(compress.Codecs.Zstd)},
		"differences":  {parquet.WithDictionaryDefault(false), parquet.WithEncoding(parquet.Encodings.DeltaByteArray)},
		"lengths":      {parquet.WithDictionaryDefault(false), parquet.WithEncoding(parquet.Encodings.DeltaLengthByteArray)},
	} {
		t.Run(name, func(t *testing.T) {
			var file bytes.Buffer
			w, err := pqarrow.NewFileWriter(schema, &file, parquet.NewWriterProperties(props...), pqarrow.DefaultWriterProps())
			if err != nil {
				t.Fatal(err)
			}
			for lo := 0; lo < rows; lo += 5000 {
				b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
				for i := lo; i < min(lo+5000, rows); i++ {
					for c := range schema.NumFields() {
						if f := b.Field(c).(*array.StringBuilder); null(c, i) {
							f.AppendNull()
						} else {
							f.Append(value(c, i))
						}
					}
				}
				if err := w.Write(b.NewRecord()); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			for _, each := range []bool{false, true} {
				b := NewBuilder().Rows(func(c string) bool { return each && c != "c" }).Threads(2)
				for _, source := range []string{"one", "two"} {
					if err := b.AddParquet(context.Background(), source, bytes.NewReader(file.Bytes()), int64(file.Len())); err != nil {
						t.Fatal(err)
					}
				}
				f := b.Frame()
				for c, col := range f.Cols {
					last := uint32(0)
					for i := range f.N {
						want := value(c, i%rows)
						if null(c, i%rows) {
							want = ""
						}
						got, there := col.Value(i)
						if got != want || there != (want != "") {
							t.Fatalf("column %s, row %d: %q, want %q", col.Name, i, got, want)
						}
						if id := col.IDs[i]; id > last+1 {
							t.Fatalf("column %s, row %d: number %d before %d", col.Name, i, id, last+1)
						} else {
							last = max(last, id)
						}
					}
					if distinct := len(f.Col("a").Dict.pages); distinct > 1 && !each {
						t.Fatal("a value was numbered more than once")
					}
				}
			}
		})
	}
}
