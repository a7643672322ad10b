package frame

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/pages"
)

// writers are the encodings, versions of pages and codecs that a writer may choose.
var writers = map[string][]parquet.WriterProperty{
	"dictionary":   {parquet.WithCompression(compress.Codecs.Snappy)},
	"fallen back":  {parquet.WithDictionaryPageSizeLimit(4 << 10), parquet.WithBatchSize(500), parquet.WithDataPageSize(4 << 10)},
	"plain":        {parquet.WithDictionaryDefault(false), parquet.WithDataPageSize(2 << 10)},
	"second pages": {parquet.WithDataPageVersion(parquet.DataPageV2), parquet.WithVersion(parquet.V2_LATEST), parquet.WithCompression(compress.Codecs.Zstd)},
	"differences":  {parquet.WithDictionaryDefault(false), parquet.WithEncoding(parquet.Encodings.DeltaByteArray)},
	"lengths":      {parquet.WithDictionaryDefault(false), parquet.WithEncoding(parquet.Encodings.DeltaLengthByteArray)},
}

// value is what the columns of written files hold, unless they hold nothing.
func value(column, i int) string {
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

func null(column, i int) bool { return column == 2 && i%5 == 0 || column == 3 && i%100 < 97 }

// written is a file of four columns in groups of up to 5,000 rows.
func written(t testing.TB, rows int, props []parquet.WriterProperty) []byte {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "a", Type: arrow.BinaryTypes.String}, {Name: "b", Type: arrow.BinaryTypes.String},
		{Name: "c", Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "d", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
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
	return file.Bytes()
}

// TestEveryEncodingReadsAlike reads the same columns as every writer leaves them.
func TestEveryEncodingReadsAlike(t *testing.T) {
	const rows = 9000
	for name, props := range writers {
		t.Run(name, func(t *testing.T) {
			file := written(t, rows, props)
			for _, each := range []bool{false, true} {
				b := NewBuilder().Rows(func(c string) bool { return each && c != "c" }).Threads(2)
				for _, source := range []string{"one", "two"} {
					if err := b.AddParquet(context.Background(), source, bytes.NewReader(file), int64(len(file))); err != nil {
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

// Of a file that somebody changed reading comes to an end.
func TestDamagedFilesComeToAnEnd(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	names := slices.Sorted(maps.Keys(writers))
	for k := range 1500 {
		file := written(t, 40, writers[names[k%len(names)]])
		for range 1 + r.IntN(4) {
			file[r.IntN(len(file))] = byte(r.IntN(256))
		}
		done := make(chan error, 1)
		go func() {
			done <- NewBuilder().AddParquet(context.Background(), "f", bytes.NewReader(file), int64(len(file)))
		}()
		select {
		case err := <-done:
			if err != nil && !ark.Is(err, ark.Invalid) && !ark.Is(err, ark.TooMuch) {
				t.Fatalf("another error than invalid: %v", err)
			}
		case <-time.After(2 * time.Minute):
			t.Fatalf("change %d: reading does not end", k)
		}
	}
}

// A page that claims more values than its group has rows is refused before room
// is made for them, and so is one that says of a value more than that it is there.
func TestPagesThatClaimTooMuch(t *testing.T) {
	plain := []byte{1, 0, 0, 0, 'x'}
	for name, p := range map[string]func(p *stringPages) error{
		"more than the rows": func(p *stringPages) error { return p.data(nil, plain, 1<<31-1, parquet.Encodings.Plain) },
		"fewer than none":    func(p *stringPages) error { return p.data(nil, plain, -1, parquet.Encodings.Plain) },
		"more in the next page": func(p *stringPages) error {
			_ = p.data(nil, plain, 1, parquet.Encodings.Plain)
			return p.data(nil, plain, 1, parquet.Encodings.Plain)
		},
		"a level of 255": func(p *stringPages) error {
			p.nullable = true
			return p.data([]byte{2, 255}, plain, 1, parquet.Encodings.Plain)
		},
		"a dictionary of less":   func(p *stringPages) error { return p.dictionary(plain, -1) },
		"a dictionary of more":   func(p *stringPages) error { return p.dictionary(plain, 1<<30) },
		"a place behind its end": func(p *stringPages) error { return p.data(nil, []byte{3, 2, 7}, 1, parquet.Encodings.RLEDict) },
	} {
		in := &stringPages{c: NewBuilder().column("a"), left: 1}
		if err := p(in); !errors.Is(err, pages.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		if cap(in.c.ids) > 64 || cap(in.index) > 64 {
			t.Errorf("%s: room was made for %d values", name, cap(in.c.ids))
		}
	}
}
