package objects_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/ark-tre/ark/pkg/objects"
)

const benchSize = 64 << 20

func BenchmarkPut(b *testing.B) {
	s := open(b)
	b.SetBytes(benchSize)
	for i := 0; b.Loop(); i++ {
		name := fmt.Sprint("a", i)
		if _, err := s.Put(b.Context(), objects.Payload, name, key, &counted{n: benchSize, each: func() {}}); err != nil {
			b.Fatal(err)
		}
		if err := s.Delete(b.Context(), objects.Payload, name); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	s := open(b)
	ref, err := s.Put(b.Context(), objects.Payload, "a", key, &counted{n: benchSize, each: func() {}})
	must(b, err)
	b.SetBytes(benchSize)
	for b.Loop() {
		r, err := s.Open(b.Context(), ref)
		must(b, err)
		_, err = io.Copy(io.Discard, r)
		must(b, err)
		must(b, r.Close())
	}
}

// Small reads at random, as a Parquet reader's.
func BenchmarkOpenAt(b *testing.B) {
	s := open(b)
	ref, err := s.Put(b.Context(), objects.Payload, "a", key, &counted{n: benchSize, each: func() {}})
	must(b, err)
	f, err := s.OpenAt(b.Context(), ref)
	must(b, err)
	p := make([]byte, 4096)
	b.SetBytes(int64(len(p)))
	off := int64(0)
	for b.Loop() {
		off = (off*6364136223846793005 + 1442695040888963407) & (benchSize - 1)
		if _, err := f.ReadAt(p, min(off, benchSize-4096)); err != nil {
			b.Fatal(err)
		}
	}
}
