package pages

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"github.com/apache/arrow/go/v17/parquet/metadata"
)

// mostHeader bounds the header of one page, which may hold a least and a
// greatest value.
const mostHeader = 16 << 20

// header is what is asked of a page's header.
type header struct {
	kind            int64 // 0 data, 2 dictionary, 3 data of the second version
	plain, packed   int64 // bytes
	values          int64
	hasKind, hasLen bool
}

// Chain walks from header to header through a column of a row group of so many
// rows: Arrow goes round and round in some chains of pages that it does not know.
// It looks into no page; Check, which does, walks the chain first.
func Chain(ctx context.Context, at io.ReaderAt, c *metadata.ColumnChunkMetaData, rows int64) error {
	from, left := c.DataPageOffset(), c.TotalCompressedSize()
	if d := c.DictionaryPageOffset(); c.HasDictionaryPage() && d > 0 && d < from {
		from = d
	}
	if from < 0 || left < 0 || c.NumValues() != rows {
		return ErrDamaged
	}
	for first := true; rows > 0; first = false {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, long, err := readHeader(at, from, left)
		if err != nil {
			return err
		}
		switch {
		case !h.hasKind || !h.hasLen || h.packed < 0 || h.plain < 0 || h.packed > left-long:
			return ErrDamaged
		case h.kind == 2 && first:
		case (h.kind == 0 || h.kind == 3) && h.values >= 0 && h.values <= rows:
			rows -= h.values
		default:
			return ErrDamaged
		}
		from, left = from+long+h.packed, left-long-h.packed
	}
	return nil
}

// readHeader reads the header that begins at from and is at most left long.
func readHeader(at io.ReaderAt, from, left int64) (h header, long int64, err error) {
	for size := min(left, 4<<10); ; size = min(left, 8*size) {
		buf := make([]byte, size)
		n, err := at.ReadAt(buf, from)
		if err != nil && (err != io.EOF || n == 0) {
			return h, 0, ErrDamaged
		}
		r := compact{b: buf[:n]}
		h = header{}
		if err := r.header(&h); err == nil {
			return h, int64(r.i), nil
		} else if !errors.Is(err, errShort) || int64(n) < size || size >= left || size >= mostHeader {
			return h, 0, ErrDamaged
		}
	}
}

// errShort says that a header goes on behind what was read of it.
var errShort = errors.New("the header goes on")

// compact reads Thrift's compact protocol, in which headers are written.
type compact struct {
	b []byte
	i int
}

func (r *compact) header(h *header) error {
	return r.record(0, func(field int64, kind byte) (bool, error) {
		number := func(to *int64) (bool, error) {
			v, err := r.number()
			*to = v
			return true, err
		}
		switch {
		case field == 1 && kind == 5:
			h.hasKind = true
			return number(&h.kind)
		case field == 2 && kind == 5:
			return number(&h.plain)
		case field == 3 && kind == 5:
			h.hasLen = true
			return number(&h.packed)
		case (field == 5 || field == 7 || field == 8) && kind == 12: // of a data page, a dictionary, a data page of the second version
			return true, r.record(1, func(field int64, kind byte) (bool, error) {
				if field == 1 && kind == 5 {
					return number(&h.values)
				}
				return false, nil
			})
		}
		return false, nil
	})
}

// record reads the fields of a record; those that take does not read are left out.
func (r *compact) record(depth int, take func(field int64, kind byte) (bool, error)) error {
	field := int64(0)
	for {
		b, err := r.byte()
		if err != nil || b == 0 {
			return err
		}
		if delta := b >> 4; delta != 0 {
			field += int64(delta)
		} else if field, err = r.number(); err != nil {
			return err
		}
		if took, err := take(field, b&15); err != nil {
			return err
		} else if !took {
			if err := r.skip(b&15, depth+1, false); err != nil {
				return err
			}
		}
	}
}

func (r *compact) skip(kind byte, depth int, element bool) error {
	if depth > 8 {
		return ErrDamaged
	}
	switch kind {
	case 1, 2: // a truth value is in the field's head, an element has a byte
		if element {
			return r.jump(1)
		}
		return nil
	case 3:
		return r.jump(1)
	case 4, 5, 6:
		_, err := r.number()
		return err
	case 7:
		return r.jump(8)
	case 8:
		n, err := r.length()
		if err != nil {
			return err
		}
		return r.jump(n)
	case 9, 10:
		b, err := r.byte()
		if err != nil {
			return err
		}
		n := uint64(b >> 4)
		if n == 15 {
			if n, err = r.length(); err != nil {
				return err
			}
		}
		for range n {
			if err := r.skip(b&15, depth+1, true); err != nil {
				return err
			}
		}
		return nil
	case 12:
		return r.record(depth, func(int64, byte) (bool, error) { return false, nil })
	}
	return ErrDamaged // maps among them: no header has one
}

func (r *compact) byte() (byte, error) {
	if r.i >= len(r.b) {
		return 0, errShort
	}
	r.i++
	return r.b[r.i-1], nil
}

func (r *compact) jump(n uint64) error {
	if n > uint64(len(r.b)-r.i) {
		return errShort
	}
	r.i += int(n)
	return nil
}

// number is a signed number, length one that is not.
func (r *compact) number() (int64, error) {
	v, k := binary.Varint(r.b[r.i:])
	if k < 0 {
		return 0, ErrDamaged
	}
	if k == 0 {
		return 0, errShort
	}
	r.i += k
	return v, nil
}

func (r *compact) length() (uint64, error) {
	v, k := binary.Uvarint(r.b[r.i:])
	if k < 0 || v > mostHeader {
		return 0, ErrDamaged
	}
	if k == 0 {
		return 0, errShort
	}
	r.i += k
	return v, nil
}
