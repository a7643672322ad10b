package bench

import (
	"bytes"
	"context"
	"testing"

	"github.com/ark-tre/ark/pkg/linkage/canon"
	"github.com/ark-tre/ark/pkg/linkage/frame"
)

func TestGeneratedPeople(t *testing.T) {
	var a, b bytes.Buffer
	n, err := Generate(&a, 5000, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Generate(&b, 5000, 1); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same seed gave other bytes")
	}
	fb := frame.NewBuilder()
	if err := fb.AddParquet(context.Background(), "p", bytes.NewReader(a.Bytes()), int64(a.Len())); err != nil {
		t.Fatal(err)
	}
	f := fb.Frame()
	if int64(f.N) != n || f.Col("person").Dict.Len()-1 < 4900 || n < 8000 || n > 10000 {
		t.Errorf("%d records of %d people", n, f.Col("person").Dict.Len()-1)
	}
}

func TestGeneratedNumbersAreDistinctAndValid(t *testing.T) {
	seen := map[string]bool{}
	for n := range uint64(200_000) {
		s := NHSNumber(n)
		if seen[s] || canon.NHSNumber(s) != s {
			t.Fatalf("number %d is repeated or invalid", n)
		}
		seen[s] = true
	}
}
