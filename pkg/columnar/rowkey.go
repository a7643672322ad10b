package columnar

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// A row key is a row written so that comparing two keys as bytes compares the
// rows column by column (null first, false before true, text by bytes, numbers
// by value, NaN last), and so that the key reads back as the row. Sorting keys
// is therefore a total order on rows.

var errRowKey = errors.New("columnar: a row key is damaged")

const (
	markNull  = 0
	markValue = 1
)

func appendKey(b []byte, t Type, v Value) []byte {
	if v.IsNull() {
		return append(b, markNull)
	}
	b = append(b, markValue)
	switch t {
	case String:
		return appendText(b, v.Str())
	case Float64:
		u := math.Float64bits(v.Float())
		if u>>63 == 1 {
			u = ^u
		} else {
			u |= 1 << 63
		}
		return binary.BigEndian.AppendUint64(b, u)
	case Bool:
		if v.Flag() {
			return append(b, 1)
		}
		return append(b, 0)
	}
	return binary.BigEndian.AppendUint64(b, uint64(v.Int())^1<<63)
}

// appendText writes a zero byte as 0,255 and the end as 0,1: the end of a
// shorter text comes before anything a longer one goes on with.
func appendText(b []byte, s string) []byte {
	if strings.IndexByte(s, 0) < 0 {
		return append(append(b, s...), 0, 1)
	}
	for i := 0; i < len(s); i++ {
		if b = append(b, s[i]); s[i] == 0 {
			b = append(b, 0xff)
		}
	}
	return append(b, 0, 1)
}

func cutKey(b []byte, t Type) (Value, []byte, error) {
	if len(b) == 0 {
		return cell.Null, nil, errRowKey
	}
	mark := b[0]
	b = b[1:]
	switch {
	case mark == markNull:
		return cell.Null, b, nil
	case mark != markValue:
		return cell.Null, nil, errRowKey
	case t == String:
		return cutText(b)
	case t == Bool && len(b) >= 1:
		return cell.Flag(b[0] == 1), b[1:], nil
	case t == Bool || len(b) < 8:
		return cell.Null, nil, errRowKey
	}
	u := binary.BigEndian.Uint64(b)
	b = b[8:]
	switch t {
	case Float64:
		if u>>63 == 1 {
			u &^= 1 << 63
		} else {
			u = ^u
		}
		return cell.Float(math.Float64frombits(u)), b, nil
	case Int64:
		return cell.Int(int64(u ^ 1<<63)), b, nil
	case Date:
		return cell.Day(int32(u ^ 1<<63)), b, nil
	}
	return cell.Micros(int64(u ^ 1<<63)), b, nil
}

// appendCell appends the first cell of a key to a builder, without a Value in
// between, and returns the rest of the key.
func appendCell(to array.Builder, t Type, b []byte) ([]byte, error) {
	if len(b) == 0 || b[0] > markValue {
		return nil, errRowKey
	}
	if b[0] == markNull {
		to.AppendNull()
		return b[1:], nil
	}
	if s, ok := to.(*array.StringBuilder); ok && t == String {
		if i := bytes.IndexByte(b, 0); i > 0 && i+1 < len(b) && b[i+1] == 1 {
			s.BinaryBuilder.Append(b[1:i])
			return b[i+2:], nil
		}
	}
	v, rest, err := cutKey(b, t)
	if err == nil {
		appendValue(to, v)
	}
	return rest, err
}

func cutText(b []byte) (Value, []byte, error) {
	if i := bytes.IndexByte(b, 0); i >= 0 && i+1 < len(b) && b[i+1] == 1 {
		return cell.Str(string(b[:i])), b[i+2:], nil
	}
	out := make([]byte, 0, 24)
	for i := 0; i < len(b); i++ {
		if b[i] != 0 {
			out = append(out, b[i])
			continue
		}
		if i+1 == len(b) {
			break
		}
		if b[i+1] == 1 {
			return cell.Str(string(out)), b[i+2:], nil
		}
		out = append(out, 0)
		i++
	}
	return cell.Null, nil, errRowKey
}
