package frame

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ark-tre/ark/pkg/ark"
)

func TestInternerNumbersDistinctStrings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOf(rapid.StringMatching(`[a-d]{0,4}`)).Draw(t, "words")
		in, at := NewInterner(), map[string]uint32{"": 0}
		for i, w := range words {
			id := in.Bytes([]byte(w))
			if i%2 == 0 {
				id = in.String(w)
			}
			want, seen := at[w]
			if !seen {
				want = uint32(len(at))
				at[w] = want
			}
			if id != want {
				t.Fatalf("%q has number %d, want %d", w, id, want)
			}
		}
		for w, id := range at {
			if in.Dict().At(id) != w {
				t.Fatalf("number %d is %q", id, in.Dict().At(id))
			}
		}
	})
}

func TestColumnsAreMatchedByName(t *testing.T) {
	b := NewBuilder()
	for name, data := range map[string]string{"one": "\xef\xbb\xbfa,b\r\n1, x \r\n2,\r\n"} {
		if err := b.AddCSV(name, strings.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.AddCSV("two", strings.NewReader("b,c\ny,z\n")); err != nil {
		t.Fatal(err)
	}
	f := b.Frame()
	get := func(col string, i int) string { v, _ := f.Col(col).Value(i); return v }
	if f.N != 3 || get("a", 0) != "1" || get("b", 0) != "x" || get("b", 2) != "y" || get("a", 2) != "" || get("c", 0) != "" || get("c", 2) != "z" {
		t.Errorf("rows %d, columns %v", f.N, f.Names())
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n"))
	f.Add([]byte("\xef\xbb\xbfa\n\"x\ny\"\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		bd := NewBuilder()
		if err := bd.AddCSV("f", bytes.NewReader(b)); err != nil {
			if !ark.Is(err, ark.Invalid) {
				t.Fatalf("another error than invalid: %v", err)
			}
			return
		}
		fr := bd.Frame()
		for _, c := range fr.Cols {
			if len(c.IDs) != fr.N {
				t.Fatal("columns of different lengths")
			}
		}
	})
}

func FuzzParquet(f *testing.F) {
	f.Add([]byte("PAR1PAR1"))
	for _, props := range writers {
		f.Add(written(f, 40, props))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := NewBuilder().AddParquet(context.Background(), "f", bytes.NewReader(b), int64(len(b))); err != nil && !ark.Is(err, ark.Invalid) {
			t.Fatalf("another error than invalid: %v", err)
		}
	})
}
