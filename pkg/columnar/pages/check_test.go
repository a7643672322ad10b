package pages

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

func column(t parquet.Type, nullable bool) *schema.Column {
	repetition, level := parquet.Repetitions.Required, int16(0)
	if nullable {
		repetition, level = parquet.Repetitions.Optional, 1
	}
	return schema.NewColumn(schema.MustPrimitive(schema.NewPrimitiveNode("a", repetition, t, -1, -1)), level, 0)
}

// Pages that a hostile sender could write are refused by what they claim.
func TestPagesThatClaimTooMuch(t *testing.T) {
	text := func(s string) []byte { return append(binary.LittleEndian.AppendUint32(nil, uint32(len(s))), s...) }
	long := make([]byte, 1<<20)
	for name, c := range map[string]struct {
		in       chunk
		levels   []byte
		data     []byte
		n        int64
		encoding parquet.Encoding
	}{
		"an index far behind the dictionary": {chunk{column(parquet.Types.ByteArray, false), 8, 3}, nil, []byte{32, 16, 0xff, 0xff, 0xff, 0x7f}, 8, parquet.Encodings.RLEDict},
		"an index without a dictionary":      {chunk{column(parquet.Types.ByteArray, false), 8, -1}, nil, []byte{1, 16, 0}, 8, parquet.Encodings.RLEDict},
		"more values than rows":              {chunk{column(parquet.Types.Int32, false), 8, -1}, nil, make([]byte, 36), 9, parquet.Encodings.Plain},
		"fewer values than it says":          {chunk{column(parquet.Types.Int64, false), 8, -1}, nil, make([]byte, 60), 8, parquet.Encodings.Plain},
		"levels that end early":              {chunk{column(parquet.Types.Int32, true), 8, -1}, []byte{4, 1}, make([]byte, 32), 8, parquet.Encodings.Plain},
		"a level that is none":               {chunk{column(parquet.Types.Int32, true), 8, -1}, []byte{16, 7}, make([]byte, 512), 8, parquet.Encodings.Plain},
		"a text longer than the page":        {chunk{column(parquet.Types.ByteArray, false), 1, -1}, nil, text("x")[:4], 1, parquet.Encodings.Plain},
		"lengths beyond the page":            {chunk{column(parquet.Types.ByteArray, false), 2, -1}, nil, append(packed([]int64{5, 5}), "123456789"...), 2, parquet.Encodings.DeltaLengthByteArray},
		"a length below nothing":             {chunk{column(parquet.Types.ByteArray, false), 2, -1}, nil, append(packed([]int64{5, -5}), "12345"...), 2, parquet.Encodings.DeltaLengthByteArray},
		"more of the text before than it had": {chunk{column(parquet.Types.ByteArray, false), 2, -1}, nil,
			append(append(packed([]int64{0, 9}), packed([]int64{3, 0})...), "abc"...), 2, parquet.Encodings.DeltaByteArray},
		"a megabyte said again a thousand times": {chunk{column(parquet.Types.ByteArray, false), 1000, -1}, nil,
			append(append(packed(append([]int64{0}, repeated(1<<20, 999)...)), packed(append([]int64{1 << 20}, repeated(0, 999)...))...), long...), 1000, parquet.Encodings.DeltaByteArray},
		"an encoding that is none": {chunk{column(parquet.Types.Int32, false), 1, -1}, nil, make([]byte, 4), 1, parquet.Encodings.BitPacked},
	} {
		if err := c.in.data(c.levels, c.data, c.n, c.encoding); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := chunk{column(parquet.Types.ByteArray, false), 2, -1}
	if err := good.data(nil, append(append(packed([]int64{0, 3}), packed([]int64{3, 1})...), "abcd"...), 2, parquet.Encodings.DeltaByteArray); err != nil || good.left != 0 {
		t.Errorf("a sound page: %v", err)
	}
}

func repeated(v int64, n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = v
	}
	return out
}
