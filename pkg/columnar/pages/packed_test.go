package pages

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// packed writes numbers as DELTA_BINARY_PACKED: blocks of 128 in 4 parts.
func packed(values []int64) []byte {
	out := binary.AppendUvarint(nil, 128)
	out = binary.AppendUvarint(out, 4)
	out = binary.AppendUvarint(out, uint64(len(values)))
	out = binary.AppendVarint(out, values[0])
	for at := 1; at < len(values); at += 128 {
		block := make([]uint64, 0, 128)
		for i := at; i < min(at+128, len(values)); i++ {
			block = append(block, uint64(values[i]-values[i-1])) // least is 0: a difference below is a great number
		}
		out = binary.AppendVarint(out, 0)
		widths := [4]byte{}
		var body []byte
		for p := 0; p*32 < len(block); p++ {
			part := block[p*32 : min(p*32+32, len(block))]
			if widths[p] = 64; slices.Max(part) < 1<<7 {
				widths[p] = 7
			}
			bytes := make([]byte, int(widths[p])*32/8)
			for i, v := range part {
				for b := range int(widths[p]) {
					bytes[(i*int(widths[p])+b)/8] |= byte(v>>b&1) << ((i*int(widths[p]) + b) % 8)
				}
			}
			body = append(body, bytes...)
		}
		out = append(append(out, widths[:]...), body...)
	}
	return out
}

// What is written as differences is read again, and what stands behind it stays.
func TestDeltas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := rapid.OneOf(rapid.Int64Range(-50, 50), rapid.Int64())
		values := rapid.SliceOfN(one, 1, 400).Draw(t, "values")
		var got []int64
		rest, err := deltas(append(packed(values), "behind"...), int64(len(values)), func(v int64) error { got = append(got, v); return nil })
		if err != nil || string(rest) != "behind" || !slices.Equal(got, values) {
			t.Fatalf("%v of %v, %q, %v", got, values, rest, err)
		}
		cut := packed(values)
		cut = cut[:rapid.IntRange(0, len(cut)-1).Draw(t, "cut")]
		if _, err := deltas(cut, int64(len(values)), func(int64) error { return nil }); err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
	})
}

func TestRuns(t *testing.T) {
	ones := func(src []byte, width uint, n int64) (sum int64, err error) {
		err = runs(src, width, n, func(v uint64, times int64) error { sum += int64(v) * times; return nil })
		return sum, err
	}
	for _, c := range []struct {
		name  string
		src   []byte
		width uint
		n     int64
		sum   int64 // -1: damaged
	}{
		{"one value again and again", []byte{20, 3}, 2, 10, 30},
		{"groups of eight", []byte{3, 0b10101010}, 1, 8, 4},
		{"fewer than a group", []byte{3, 0b10101010}, 1, 3, 1},
		{"one behind the other", []byte{4, 1, 3, 0xff}, 1, 10, 10},
		{"a run of none", []byte{0, 1, 20, 1}, 1, 10, -1},
		{"nothing more", []byte{4, 1}, 1, 3, -1},
		{"a group that is not there", []byte{5, 0xff}, 1, 16, -1},
		{"a value that is not there", []byte{20}, 1, 10, -1},
		{"a head that does not end", []byte{0xff, 0xff}, 1, 10, -1},
		{"nothing", nil, 0, 10, -1},
	} {
		sum, err := ones(c.src, c.width, c.n)
		if c.sum < 0 && !errors.Is(err, ErrDamaged) || c.sum >= 0 && (err != nil || sum != c.sum) {
			t.Errorf("%s: %d, %v", c.name, sum, err)
		}
	}
}
