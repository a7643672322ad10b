package columnar

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

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

func FuzzOpen(f *testing.F) {
	f.Add(write(f, allTypes, sample(20, 1), Options{RowGroup: 8}))
	f.Add(write(f, Schema{{"a", String, true}}, nil, Options{Compression: Snappy}))
	f.Add([]byte("PAR1\x00\x00\x00\x00PAR1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		r, err := Open(bytes.NewReader(b), int64(len(b)), Limits{Memory: 32 << 20, Rows: 1 << 16, Chunk: 8 << 20})
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
