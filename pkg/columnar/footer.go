package columnar

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/ark-tre/ark/pkg/ark"
)

var errFooter = errors.New("the footer is not a Thrift compact struct of honest sizes")

// checkFooter reads the footer and walks it without building anything: a list
// or string that claims to be longer than the bytes left would otherwise make
// the decoder allocate what it claims.
func checkFooter(ra io.ReaderAt, size int64, l Limits) error {
	if size < 12 {
		return malformed(errors.New("too short"))
	}
	var tail [8]byte
	if _, err := ra.ReadAt(tail[:], size-8); err != nil && err != io.EOF {
		return ark.Faultf(ark.Unavailable, "the Parquet file can't be read").Because(err)
	}
	if string(tail[4:]) != "PAR1" {
		return malformed(errors.New("no magic"))
	}
	n := int64(binary.LittleEndian.Uint32(tail[:4]))
	if n > l.Footer {
		return ark.Faultf(ark.TooMuch, "the Parquet file's footer is longer than %d bytes", l.Footer)
	}
	if n > size-12 {
		return malformed(errors.New("footer longer than file"))
	}
	buf := make([]byte, n)
	if _, err := ra.ReadAt(buf, size-8-n); err != nil && err != io.EOF {
		return ark.Faultf(ark.Unavailable, "the Parquet file can't be read").Because(err)
	}
	rest, ok := skipStruct(buf, 0)
	if !ok || len(rest) != 0 {
		return malformed(errFooter)
	}
	return nil
}

// The Thrift compact protocol's type numbers.
const (
	tTrue, tFalse, tByte, tI16, tI32, tI64, tDouble = 1, 2, 3, 4, 5, 6, 7
	tBinary, tList, tSet, tMap, tStruct             = 8, 9, 10, 11, 12
)

func skipStruct(b []byte, depth int) ([]byte, bool) {
	if depth > 16 {
		return nil, false
	}
	for {
		if len(b) == 0 {
			return nil, false
		}
		h := b[0]
		b = b[1:]
		if h == 0 {
			return b, true
		}
		if h>>4 == 0 { // long form: the field's number follows
			var ok bool
			if _, b, ok = varint(b); !ok {
				return nil, false
			}
		}
		kind := h & 15
		if kind == tTrue || kind == tFalse {
			continue // the value is in the header
		}
		var ok bool
		if b, ok = skipValue(b, kind, depth); !ok {
			return nil, false
		}
	}
}

func skipValue(b []byte, kind byte, depth int) ([]byte, bool) {
	switch kind {
	case tTrue, tFalse, tByte:
		return drop(b, 1)
	case tI16, tI32, tI64:
		_, rest, ok := varint(b)
		return rest, ok
	case tDouble:
		return drop(b, 8)
	case tBinary:
		n, rest, ok := varint(b)
		if !ok {
			return nil, false
		}
		return drop(rest, n)
	case tList, tSet:
		return skipList(b, depth)
	case tStruct:
		return skipStruct(b, depth+1)
	}
	return nil, false // Parquet's footer has no maps
}

func skipList(b []byte, depth int) ([]byte, bool) {
	if len(b) == 0 || depth > 16 {
		return nil, false
	}
	kind, n := b[0]&15, uint64(b[0]>>4)
	b = b[1:]
	if n == 15 {
		var ok bool
		if n, b, ok = varint(b); !ok {
			return nil, false
		}
	}
	if n > uint64(len(b)) { // every element takes at least a byte
		return nil, false
	}
	for range n {
		var ok bool
		if b, ok = skipValue(b, kind, depth+1); !ok {
			return nil, false
		}
	}
	return b, true
}

func varint(b []byte) (uint64, []byte, bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}

func drop(b []byte, n uint64) ([]byte, bool) {
	if n > uint64(len(b)) {
		return nil, false
	}
	return b[n:], true
}
