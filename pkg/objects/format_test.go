package objects

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"testing"

	"pgregory.net/rapid"

	"github.com/ark-tre/ark/pkg/keys"
)

// ForgeForTest makes what an attacker with the right to seal can make: a
// well-formed object whose trailer claims a hash that is not its content's.
func ForgeForTest(t *testing.T, kr keys.Keyring, z Zone, name string, key keys.Name, content []byte, claim string) []byte {
	t.Helper()
	data, wrapped, err := kr.NewDataKey(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	head := header{chunk: chunkSize, key: key, wrapped: wrapped}.encode()
	b, err := newBox(data, head, z, name)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := hex.DecodeString(claim)
	if err != nil {
		t.Fatal(err)
	}
	out, index := bytes.Clone(head), int64(0)
	for rest := content; ; index++ {
		if len(rest) <= chunkSize {
			out = b.seal(out, rest, index, flagLast)
			out = b.seal(out, trailer(sum, int64(len(content))), index+1, flagTrailer)
			f, err := kr.Fingerprint(context.Background(), key, fingerData(z, name, sum, int64(len(content))))
			if err != nil {
				t.Fatal(err)
			}
			return append(out, f...)
		}
		out = b.seal(out, rest[:chunkSize], index, flagChunk)
		rest = rest[chunkSize:]
	}
}

func TestShapeInvertsSealing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.Int64Range(0, 1<<40).Draw(t, "plain")
		chunk := rapid.IntRange(1, maxChunk).Draw(t, "chunk")
		head := rapid.IntRange(0, headMax).Draw(t, "head")
		chunks := max(1, (plain+int64(chunk)-1)/int64(chunk))
		stored := int64(head) + plain + chunks*tagSize + tailSize
		gotChunks, gotPlain, ok := shape(stored, head, chunk)
		if !ok || gotChunks != chunks || gotPlain != plain {
			t.Fatalf("shape: %d chunks, %d bytes, %t; want %d and %d", gotChunks, gotPlain, ok, chunks, plain)
		}
	})
}

func TestShapeRefusesImpossibleSizes(t *testing.T) {
	for _, stored := range []int64{0, 1, tailSize, tailSize + tagSize - 1, tailSize + 100 + tagSize + 1, tailSize + 100 + 2*tagSize} {
		if _, _, ok := shape(stored, 0, 100); ok {
			t.Errorf("%d bytes have a shape", stored)
		}
	}
}

// However the plaintext arrives, what is sealed has the shape and the hash.
func TestSealerTakesAnyReadSizes(t *testing.T) {
	key := keys.RandomSecret()
	b, err := newBox(key, []byte("head"), Payload, "a")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		plain := bytes.Repeat([]byte("x"), rapid.SampledFrom([]int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize}).Draw(t, "n"))
		in := &stutter{r: bytes.NewReader(plain), next: rapid.IntRange(1, chunkSize+1)}
		in.t = t
		out := &stutter{r: newSealer(newDigest(in), b, []byte("head"), func([]byte, int64) ([]byte, error) { return make([]byte, fingerSize), nil }), next: rapid.IntRange(1, chunkSize+100), t: t}
		sealed, err := io.ReadAll(out)
		if err != nil {
			t.Fatal(err)
		}
		chunks, size, ok := shape(int64(len(sealed)), 4, chunkSize)
		if !ok || size != int64(len(plain)) {
			t.Fatalf("%d sealed bytes for %d plain ones", len(sealed), len(plain))
		}
		got, err := b.open(nil, sealed[len(sealed)-tailSize:len(sealed)-fingerSize], chunks, flagTrailer)
		sum := sha256.Sum256(plain)
		if err != nil || !bytes.Equal(got, trailer(sum[:], size)) {
			t.Fatalf("trailer %x, %v", got, err)
		}
	})
}

type stutter struct {
	r    io.Reader
	next *rapid.Generator[int]
	t    *rapid.T
}

func (s *stutter) Read(p []byte) (int, error) {
	return s.r.Read(p[:min(len(p), s.next.Draw(s.t, "read"))])
}

func FuzzParseHeader(f *testing.F) {
	f.Add(header{chunk: chunkSize, key: "payload/a", wrapped: []byte("wrapped")}.encode())
	f.Add([]byte(magic))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := parseHeader(b)
		if err != nil {
			return
		}
		if n > len(b) || !bytes.Equal(h.encode(), b[:n]) {
			t.Errorf("%x parses to %+v (%d bytes) and encodes to %x", b, h, n, h.encode())
		}
	})
}

func TestNames(t *testing.T) {
	for _, good := range []string{"a", "a/b", "tile/0/x001/234.p/8", "versions/dst_1/ver_2/table.parquet", "A_b-c=d+e"} {
		if err := CheckName(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "/", "a/", "/a", "a//b", ".", "..", "a/../b", ".a", "a/.b", "a b", "a\\b", "a\x00", "ä", "-a", string(make([]byte, 600))} {
		if CheckName(bad) == nil {
			t.Errorf("%q passes", bad)
		}
	}
}
