package worker

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/objects"
)

// A file that came in parts reads as the whole, from its beginning and at any
// place; a damaged part fails the reading.
func TestFilesInParts(t *testing.T) {
	b := bench(t)
	must(t, b.Keys.Create(t.Context(), LandingKey))
	var whole []byte
	f := catalogue.DeliveredFile{Name: "a.csv"}
	for i, n := range []int{70_000, 1, 200_000} {
		part := make([]byte, n)
		rand.NewChaCha8([32]byte{byte(i)}).Read(part)
		ref, err := b.Objects.Put(t.Context(), objects.Landing, fmt.Sprintf("parts/%d", i), LandingKey, bytes.NewReader(part))
		must(t, err)
		whole, f.Parts = append(whole, part...), append(f.Parts, ref)
	}
	in := b.input(t.Context(), f)
	r, err := in.Open()
	must(t, err)
	got, err := io.ReadAll(r)
	must(t, err)
	must(t, r.Close())
	if !bytes.Equal(got, whole) || in.SHA256 != "" || f.Size() != int64(len(whole)) {
		t.Error("the whole is not its parts")
	}
	at, size, c, err := in.At()
	must(t, err)
	defer c.Close()
	if size != int64(len(whole)) {
		t.Errorf("%d bytes", size)
	}
	for range 200 {
		from := rand.IntN(len(whole))
		to := make([]byte, rand.IntN(len(whole)-from)+1)
		if n, err := at.ReadAt(to, int64(from)); err != nil || n != len(to) || !bytes.Equal(to, whole[from:from+len(to)]) {
			t.Fatalf("%d bytes at %d: %d, %v", len(to), from, n, err)
		}
	}
	if n, err := at.ReadAt(make([]byte, 10), size-4); n != 4 || err != io.EOF {
		t.Errorf("over the end: %d, %v", n, err)
	}
	f.Parts[1].SHA256 = f.Parts[0].SHA256
	r, err = b.input(t.Context(), f).Open()
	must(t, err)
	if _, err := io.ReadAll(r); err == nil {
		t.Error("a part with another hash was read")
	}
}
