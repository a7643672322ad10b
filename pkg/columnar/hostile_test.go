package columnar

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

func TestLimits(t *testing.T) {
	zeros := make([][]Value, 200000)
	for i := range zeros {
		zeros[i] = []Value{cell.Int(0), cell.Str("")}
	}
	s := Schema{{"n", Int64, false}, {"s", String, false}}
	bomb := write(t, s, zeros, Options{})
	long := write(t, s, [][]Value{{cell.Int(1), cell.Str(strings.Repeat("x", 5000))}}, Options{})
	for _, tt := range []struct {
		name string
		file []byte
		l    Limits
	}{
		{"rows", bomb, Limits{Rows: 1000}},
		{"groups", bomb, Limits{Groups: 1}},
		{"chunk", bomb, Limits{Chunk: 1000}},
		{"memory", bomb, Limits{Memory: 10000}},
		{"footer", bomb, Limits{Footer: 10}},
		{"cell", long, Limits{Cell: 4999}},
	} {
		if _, _, err := readAll(tt.file, tt.l); !ark.Is(err, ark.TooMuch) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, _, err := readAll(bomb, Limits{}); err != nil {
		t.Errorf("within the defaults: %v", err)
	}
}

// A footer that claims a list of a billion row groups is refused before
// anything believes it.
func TestLyingFooter(t *testing.T) {
	footer := []byte{0x15, 0x02, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00}
	b := append([]byte("PAR1"), footer...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(footer)))
	b = append(b, "PAR1"...)
	if _, err := Open(bytes.NewReader(b), int64(len(b)), Limits{}); !ark.Is(err, ark.Invalid) {
		t.Errorf("got %v", err)
	}
}

// Every truncation and a thousand flips give rows or a fault, never a panic,
// and the fault never quotes the file.
func TestDamage(t *testing.T) {
	good := write(t, allTypes, sample(300, 8), Options{RowGroup: 100})
	check := func(b []byte) {
		t.Helper()
		if _, _, err := readAll(b, Limits{Memory: 64 << 20}); err != nil {
			if k := ark.KindOf(err); k != ark.Invalid && k != ark.TooMuch {
				t.Fatalf("kind %s: %v", k, err)
			}
		}
	}
	for n := 0; n < len(good); n += 7 {
		check(good[:n])
	}
	r := rand.New(rand.NewPCG(3, 3))
	for range 1000 {
		bad := bytes.Clone(good)
		for range 1 + r.IntN(3) {
			bad[r.IntN(len(bad))] ^= byte(1 + r.IntN(255))
		}
		check(bad)
	}
}

// others are the ways in which files from elsewhere are written.
var others = [][]parquet.WriterProperty{
	nil,
	{parquet.WithDictionaryDefault(false)},
	{parquet.WithDataPageVersion(parquet.DataPageV2)},
	{parquet.WithDictionaryDefault(false), parquet.WithEncodingFor("a", parquet.Encodings.DeltaByteArray), parquet.WithEncodingFor("c", parquet.Encodings.DeltaLengthByteArray),
		parquet.WithEncodingFor("n", parquet.Encodings.DeltaBinaryPacked), parquet.WithEncodingFor("m", parquet.Encodings.DeltaBinaryPacked)},
}

// foreign is a small file as others write it, not compressed: what is changed in
// it reaches the decoder.
func foreign(t testing.TB, props []parquet.WriterProperty) []byte {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.BinaryTypes.String}, {Name: "c", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "m", Type: arrow.PrimitiveTypes.Int64},
		{Name: "b", Type: arrow.FixedWidthTypes.Boolean, Nullable: true}, {Name: "f", Type: arrow.PrimitiveTypes.Float64}}, nil)
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &out, parquet.NewWriterProperties(props...), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := range 40 {
		b.Field(0).(*array.StringBuilder).Append(fmt.Sprint("v", i))
		if i%3 == 0 {
			b.Field(1).AppendNull()
			b.Field(2).AppendNull()
			b.Field(4).AppendNull()
		} else {
			b.Field(1).(*array.StringBuilder).Append(fmt.Sprint("w", i%5))
			b.Field(2).(*array.Int64Builder).Append(int64(i))
			b.Field(4).(*array.BooleanBuilder).Append(i%2 == 0)
		}
		b.Field(3).(*array.Int64Builder).Append(int64(i))
		b.Field(5).(*array.Float64Builder).Append(float64(i) / 4)
	}
	if err := w.Write(b.NewRecord()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Of a file from outside that somebody changed, reading comes to an end, within
// bounds: without Foreign some of these keep Arrow's decoders waiting for ever,
// and others have them ask for all memory there is.
func TestDamageOfForeignFiles(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	l := Limits{Memory: 32 << 20, Rows: 1 << 16, Chunk: 8 << 20, Foreign: true}
	for k := range 2500 {
		good := foreign(t, others[k%len(others)])
		if k < len(others) {
			if _, rows, err := readAll(good, l); err != nil || len(rows) != 40 {
				t.Fatalf("writer %d: %d rows, %v", k, len(rows), err)
			}
		}
		for range 1 + r.IntN(4) {
			good[r.IntN(len(good))] = byte(r.IntN(256))
		}
		done := make(chan error, 1)
		go func() {
			_, _, err := readAll(good, l)
			done <- err
		}()
		select {
		case err := <-done:
			if k := ark.KindOf(err); err != nil && k != ark.Invalid && k != ark.TooMuch {
				t.Fatalf("kind %s: %v", k, err)
			}
		case <-time.After(2 * time.Minute):
			t.Fatalf("change %d: reading does not end", k)
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, props := range others {
		f.Add(foreign(f, props))
	}
	f.Add(write(f, allTypes, sample(20, 1), Options{RowGroup: 8}))
	f.Add(write(f, Schema{{"a", String, true}}, nil, Options{Compression: Snappy}))
	f.Add([]byte("PAR1\x00\x00\x00\x00PAR1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		r, err := Open(bytes.NewReader(b), int64(len(b)), Limits{Memory: 32 << 20, Rows: 1 << 16, Chunk: 8 << 20, Foreign: true})
		if err != nil {
			return
		}
		n := int64(0)
		for _, err := range r.Rows(context.Background()) {
			if err != nil {
				return
			}
			n++
		}
		if n != r.NumRows() {
			t.Errorf("%d rows read, %d promised", n, r.NumRows())
		}
		n = 0
		for rec, err := range r.Coded(context.Background()) {
			if err != nil {
				return
			}
			for i := range int(rec.NumRows()) {
				for _, col := range rec.Columns() {
					At(col, i)
				}
				n++
			}
		}
		if n != r.NumRows() {
			t.Errorf("%d rows read by dictionary, %d promised", n, r.NumRows())
		}
	})
}
