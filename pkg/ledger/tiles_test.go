package ledger

import (
	"bytes"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

func FuzzParseBundle(f *testing.F) {
	f.Add(encodeBundle([][]byte{[]byte("a"), nil, []byte("bc")}))
	f.Add([]byte{0, 5, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := parseBundle(b)
		if err == nil && !bytes.Equal(encodeBundle(entries), b) {
			t.Errorf("%x parses and encodes to %x", b, encodeBundle(entries))
		}
	})
}

func FuzzParseCheckpointText(f *testing.F) {
	f.Add("ark.test/ledger\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseText(text)
		if err == nil && c.text() != text {
			t.Errorf("%q parses and encodes to %q", text, c.text())
		}
	})
}

// Names as in the examples of C2SP tlog-tiles.
func TestPathsAreC2SP(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{tilePath(0, 0, width), "tile/0/000"},
		{tilePath(0, 1234067, width), "tile/0/x001/x234/067"},
		{tilePath(1, 273, 5), "tile/1/273.p/5"},
		{tilePath(0, 1000, 1), "tile/0/x001/000.p/1"},
		{bundlePath(0, width), "tile/entries/000"},
		{bundlePath(273, 112), "tile/entries/273.p/112"},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
}

// The verifier's own tree is tlog's.
func TestSpineIsTheTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s spine
		var stored []tlog.Hash
		read := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
			out := make([]tlog.Hash, len(at))
			for i, n := range at {
				out[i] = stored[n]
			}
			return out, nil
		})
		for i := range rapid.Int64Range(0, 600).Draw(t, "size") {
			h := tlog.RecordHash([]byte{byte(i), byte(i >> 8)})
			s.add(h)
			more, err := tlog.StoredHashesForRecordHash(i, h, read)
			if err != nil {
				t.Fatal(err)
			}
			stored = append(stored, more...)
			want, err := tlog.TreeHash(i+1, read)
			if err != nil || s.root() != want {
				t.Fatalf("size %d: root %v, want %v, %v", i+1, s.root(), want, err)
			}
		}
	})
}
