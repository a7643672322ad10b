package columnar

import (
	"bytes"
	"context"
	"io"
	"testing"
)

// The cost per row should not grow with the number of rows: each benchmark is
// given in rows per second at three sizes.
var sizes = []struct {
	name string
	rows int
}{{"10k", 10_000}, {"100k", 100_000}, {"1M", 1_000_000}}

func each(b *testing.B, run func(b *testing.B, rows [][]Value)) {
	for _, s := range sizes {
		b.Run(s.name, func(b *testing.B) {
			rows := sample(min(s.rows, 100_000), 1)
			for len(rows) < s.rows {
				rows = append(rows, rows[:min(len(rows), s.rows-len(rows))]...)
			}
			b.ResetTimer()
			for b.Loop() {
				run(b, rows)
			}
			b.ReportMetric(float64(s.rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	each(b, func(b *testing.B, rows [][]Value) {
		w, err := NewWriter(io.Discard, allTypes, Options{})
		if err != nil {
			b.Fatal(err)
		}
		for _, row := range rows {
			if err := w.Append(row); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	files := map[int][]byte{}
	each(b, func(b *testing.B, rows [][]Value) {
		if files[len(rows)] == nil {
			b.StopTimer()
			files[len(rows)] = write(b, allTypes, rows, Options{})
			b.StartTimer()
		}
		f := files[len(rows)]
		r, err := Open(bytes.NewReader(f), int64(len(f)), Limits{})
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range r.Rows(context.Background()) {
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSort(b *testing.B) {
	each(b, func(b *testing.B, rows [][]Value) {
		s, err := NewSorter(allTypes, SortOptions{Dir: b.TempDir(), Memory: 16 << 20})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		for _, row := range rows {
			if err := s.Append(row); err != nil {
				b.Fatal(err)
			}
		}
		for _, err := range s.All(context.Background()) {
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
