// Package pages holds the pages of a Parquet file from outside against what
// they claim, before they are decoded: Arrow's decoders make room for the
// largest index of a dictionary before they look whether there is such a value,
// and wait for ever for values that never come. It decodes nothing that is
// kept, opens nothing, and must never say a value of the file.
package pages

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// ErrDamaged says that a page is not what it claims to be.
var ErrDamaged = errors.New("a page is damaged")

// Bounds of a page of texts that begin as the one before them: their lengths are
// held beside each other, and a few bytes may stand for very many. Writers put
// some ten thousand values and a megabyte into a page.
const (
	mostValues = 1 << 24
	mostText   = 256 << 20
)

// Check walks the pages of some columns, given by their places, in every row
// group of the file that is read from at. The columns are flat. An error wraps
// ErrDamaged, what the page reader says, or that of ctx. Panics of the page
// reader are its caller's.
func Check(ctx context.Context, at io.ReaderAt, f *file.Reader, columns ...int) error {
	for g := range f.NumRowGroups() {
		group := f.RowGroup(g)
		for _, i := range columns {
			if err := ctx.Err(); err != nil {
				return err
			}
			meta, err := group.MetaData().ColumnChunk(i)
			if err != nil {
				return err
			}
			if err := Chain(ctx, at, meta, group.NumRows()); err != nil {
				return err
			}
			r, err := group.GetColumnPageReader(i)
			if err != nil {
				return err
			}
			c := chunk{column: f.MetaData().Schema.Column(i), left: group.NumRows(), words: -1}
			if err := c.walk(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// chunk is a column of a row group, as it is walked through.
type chunk struct {
	column *schema.Column
	left   int64 // rows that no page was seen for
	words  int64 // of the dictionary; -1: none was seen
}

func (c *chunk) walk(r file.PageReader) error {
	if c.column.MaxRepetitionLevel() > 0 || c.column.MaxDefinitionLevel() > 1 {
		return ErrDamaged
	}
	for r.Next() {
		var err error
		switch p := r.Page().(type) {
		case *file.DictionaryPage:
			if n := int64(p.NumValues()); c.words >= 0 || n < 0 {
				err = ErrDamaged
			} else {
				c.words = n
				err = c.plain(p.Data(), n)
			}
		case file.DataPage:
			var levels, data []byte
			if levels, data, err = Parts(p, c.column.MaxDefinitionLevel() > 0); err == nil {
				err = c.data(levels, data, int64(p.NumValues()), parquet.Encoding(p.Encoding()))
			}
		default:
			err = ErrDamaged
		}
		if err != nil {
			return err
		}
	}
	if err := r.Err(); err != nil {
		return err
	}
	if c.left != 0 {
		return ErrDamaged
	}
	return nil
}

// Parts are the definition levels of a data page of a flat column, none where it
// is not nullable, and its values.
func Parts(page file.DataPage, nullable bool) (levels, values []byte, err error) {
	data := page.Data()
	switch p := page.(type) {
	case *file.DataPageV1: // its levels say how long they are
		if !nullable {
			return nil, data, nil
		}
		if p.DefinitionLevelEncoding() != parquet.Encodings.RLE || len(data) < 4 {
			return nil, nil, ErrDamaged
		}
		size := binary.LittleEndian.Uint32(data)
		if uint64(size) > uint64(len(data)-4) {
			return nil, nil, ErrDamaged
		}
		return data[4 : 4+size], data[4+size:], nil
	case *file.DataPageV2:
		size := int64(p.DefinitionLevelByteLen())
		if p.RepetitionLevelByteLen() != 0 || size < 0 || size > int64(len(data)) {
			return nil, nil, ErrDamaged
		}
		return data[:size], data[size:], nil
	}
	return nil, nil, ErrDamaged
}

func (c *chunk) data(levels, data []byte, n int64, encoding parquet.Encoding) error {
	if n < 0 || n > c.left {
		return ErrDamaged
	}
	c.left -= n
	there := n
	if c.column.MaxDefinitionLevel() > 0 {
		there = 0
		err := runs(levels, 1, n, func(v uint64, times int64) error {
			if v > 1 {
				return ErrDamaged
			}
			there += int64(v) * times
			return nil
		})
		if err != nil {
			return err
		}
	}
	if there == 0 {
		return nil
	}
	switch encoding {
	case parquet.Encodings.Plain:
		return c.plain(data, there)
	case parquet.Encodings.PlainDict, parquet.Encodings.RLEDict:
		if c.words < 0 || len(data) < 1 || data[0] > 32 {
			return ErrDamaged
		}
		return runs(data[1:], uint(data[0]), there, func(v uint64, _ int64) error {
			if v >= uint64(c.words) {
				return ErrDamaged
			}
			return nil
		})
	case parquet.Encodings.RLE:
		if c.column.PhysicalType() != parquet.Types.Boolean || len(data) < 4 || uint64(binary.LittleEndian.Uint32(data)) > uint64(len(data)-4) {
			return ErrDamaged
		}
		return runs(data[4:4+binary.LittleEndian.Uint32(data)], 1, there, func(v uint64, _ int64) error {
			if v > 1 {
				return ErrDamaged
			}
			return nil
		})
	case parquet.Encodings.DeltaBinaryPacked:
		if t := c.column.PhysicalType(); t != parquet.Types.Int32 && t != parquet.Types.Int64 {
			return ErrDamaged
		}
		_, err := deltas(data, there, func(int64) error { return nil })
		return err
	case parquet.Encodings.DeltaLengthByteArray:
		return c.lengths(data, there, nil)
	case parquet.Encodings.DeltaByteArray:
		return c.prefixes(data, there)
	}
	return ErrDamaged
}

// plain is n values one after the other.
func (c *chunk) plain(data []byte, n int64) error {
	size := int64(0)
	switch c.column.PhysicalType() {
	case parquet.Types.Boolean:
		if (n+7)/8 > int64(len(data)) {
			return ErrDamaged
		}
		return nil
	case parquet.Types.ByteArray:
		for range n {
			if len(data) < 4 {
				return ErrDamaged
			}
			long := uint64(binary.LittleEndian.Uint32(data))
			if long > uint64(len(data)-4) {
				return ErrDamaged
			}
			data = data[4+long:]
		}
		return nil
	case parquet.Types.FixedLenByteArray:
		size = int64(c.column.TypeLength())
	case parquet.Types.Int32, parquet.Types.Float:
		size = 4
	case parquet.Types.Int64, parquet.Types.Double:
		size = 8
	case parquet.Types.Int96:
		size = 12
	}
	if size <= 0 || n > int64(len(data))/size {
		return ErrDamaged
	}
	return nil
}

// lengths is n texts behind their lengths; before are how many bytes each takes
// of the text before it, nil for none.
func (c *chunk) lengths(data []byte, n int64, before []int64) error {
	if c.column.PhysicalType() != parquet.Types.ByteArray {
		return ErrDamaged
	}
	sum, last, text, i := int64(0), int64(0), int64(0), 0
	rest, err := deltas(data, n, func(long int64) error {
		if long < 0 || long > int64(len(data)) {
			return ErrDamaged
		}
		if sum += long; before != nil {
			if before[i] > last {
				return ErrDamaged
			}
			last = before[i] + long
			i++
			if text += last; text > mostText {
				return ErrDamaged
			}
		}
		return nil
	})
	if err == nil && sum > int64(len(rest)) {
		err = ErrDamaged
	}
	return err
}

// prefixes is n texts that each begin as the one before it.
func (c *chunk) prefixes(data []byte, n int64) error {
	if n > mostValues {
		return ErrDamaged
	}
	before := make([]int64, 0, min(n, int64(len(data))))
	rest, err := deltas(data, n, func(long int64) error {
		if long < 0 || long > mostText {
			return ErrDamaged
		}
		before = append(before, long)
		return nil
	})
	if err != nil {
		return err
	}
	return c.lengths(rest, n, before)
}
