package linkage

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/ark-tre/ark/pkg/linkage/engine"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

func unpacked(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// historical is the Splink demonstration set of 50,578 records.
func historical(t testing.TB) *frame.Frame {
	t.Helper()
	cols := []string{"unique_id", "first_name", "surname", "dob", "postcode_fake", "birth_place", "occupation"}
	csv := strings.Join(cols, ",") + "\n"
	var b strings.Builder
	b.WriteString(csv)
	for line := range strings.SplitSeq(strings.TrimSuffix(string(unpacked(t, "bench/data/h50k.tsv.zst")), "\n"), "\n") {
		for i, v := range strings.Split(line, "\t") {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + strings.ReplaceAll(v, `"`, `""`) + `"`)
		}
		b.WriteByte('\n')
	}
	fb := frame.NewBuilder()
	if err := fb.AddCSV("h50k", strings.NewReader(b.String())); err != nil {
		t.Fatal(err)
	}
	return fb.Frame()
}

// predictions are the pairs and weights that Splink gave.
func predictions(t testing.TB) []engine.Edge {
	t.Helper()
	b := unpacked(t, "testdata/splink/h50k_predictions.bin.zst")
	n, words := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	sizes := [3]uint32{binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:]), binary.LittleEndian.Uint32(b[16:])}
	r := bytes.NewReader(b[20:])
	next := func(r io.ByteReader) uint64 {
		v, err := binary.ReadUvarint(r)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	dict := make([]float64, words)
	at := int64(0)
	for i := range dict {
		d := int64(next(r))
		if i == 0 {
			d -= 1 << 40
		}
		at += d
		dict[i] = float64(at) / 1e9
	}
	rest := b[len(b)-r.Len():]
	left := bytes.NewReader(rest[:sizes[0]])
	step := bytes.NewReader(rest[sizes[0]:][:sizes[1]])
	weight := bytes.NewReader(rest[sizes[0]+sizes[1]:][:sizes[2]])
	keys := rest[sizes[0]+sizes[1]+sizes[2]:]
	out := make([]engine.Edge, n)
	l := uint32(0)
	for i := range out {
		l += uint32(next(left))
		out[i] = engine.Edge{L: l, R: l + uint32(next(step)), Weight: dict[next(weight)], Rule: keys[i]}
	}
	return out
}

func TestSplinkModelGivesSplinkWeights(t *testing.T) {
	f := historical(t)
	j, err := os.Open("bench/data/h50k_model.json")
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	m, err := model.ReadSplink("h50k_model.json", j)
	if err != nil {
		t.Fatal(err)
	}
	f, err = Prepare(f, m)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(context.Background(), f, m, Options{Threads: 2, Keep: engine.Probability(-12.5)})
	if err != nil {
		t.Fatal(err)
	}
	want := map[uint64]engine.Edge{}
	for _, e := range predictions(t) {
		want[uint64(e.L)<<32|uint64(e.R)] = e
	}
	worst, extra, otherRule := 0.0, 0, 0
	for _, e := range r.Edges {
		k := uint64(e.L)<<32 | uint64(e.R)
		x, ok := want[k]
		if !ok {
			if e.Weight >= -12+1e-6 {
				extra++
			}
			continue
		}
		worst = max(worst, math.Abs(x.Weight-e.Weight))
		if x.Rule != e.Rule {
			otherRule++
		}
		delete(want, k)
	}
	t.Logf("%d pairs, greatest difference of weight %.2g", len(r.Edges), worst)
	if worst > 1e-6 || extra > 0 || len(want) > 0 || otherRule > 0 {
		t.Errorf("greatest difference %.3g; %d pairs that Splink lacks, %d that Ark lacks, %d by another rule", worst, extra, len(want), otherRule)
	}
}
