package frame

import (
	"encoding/binary"
	"slices"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"

	"github.com/ark-tre/ark/pkg/columnar/pages"
)

// stringPages reads the pages of a column of strings: a value of a dictionary is
// looked up once for each dictionary and not for each row.
type stringPages struct {
	c        *building
	nullable bool

	dict   []byte   // values one after the other, each after its length
	starts []uint32 // of each in dict
	number []uint32 // by place in dict; unread before it is looked up
	levels []uint32
	index  []uint32
	left   int64 // rows of the group that no page was read for
}

// unread is the number of a value of a dictionary that was not asked for yet;
// asked that of one which is about to be looked up.
const (
	unread = ^uint32(0)
	asked  = unread - 1
)

// readable reports whether all pages of a column have encodings that stringPages knows.
func readable(encodings []parquet.Encoding) bool {
	for _, e := range encodings {
		switch e {
		case parquet.Encodings.Plain, parquet.Encodings.PlainDict, parquet.Encodings.RLEDict, parquet.Encodings.RLE:
		default:
			return false
		}
	}
	return true
}

// chunk reads the pages of one row group, which has so many rows: pages that
// claim more are refused before any room is made for them.
func (p *stringPages) chunk(r file.PageReader, rows int64) error {
	p.left = rows
	p.dict, p.starts, p.number = nil, p.starts[:0], p.number[:0]
	for r.Next() {
		switch page := r.Page().(type) {
		case *file.DictionaryPage:
			if err := p.dictionary(page.Data(), int(page.NumValues())); err != nil {
				return err
			}
		case file.DataPage:
			levels, data, err := pages.Parts(page, p.nullable)
			if err != nil {
				return err
			}
			if err := p.data(levels, data, int(page.NumValues()), parquet.Encoding(page.Encoding())); err != nil {
				return err
			}
		default:
			return pages.ErrDamaged
		}
	}
	return r.Err()
}

func (p *stringPages) dictionary(data []byte, n int) error {
	if n < 0 || n > len(data)/4 {
		return pages.ErrDamaged
	}
	p.dict, p.starts, p.number = data, room(p.starts, n), room(p.number, n)
	for i := range p.starts {
		p.starts[i], p.number[i] = uint32(len(p.dict)-len(data)), unread
		var err error
		if _, data, err = next(data); err != nil {
			return err
		}
	}
	return nil
}

// value is the value of the dictionary at place k.
func (p *stringPages) value(k uint32) string {
	s, _, _ := next(p.dict[p.starts[k]:])
	return s
}

// next is the first of the values that lie one after the other, each after its length.
func next(data []byte) (string, []byte, error) {
	if len(data) < 4 {
		return "", nil, pages.ErrDamaged
	}
	size := binary.LittleEndian.Uint32(data)
	if uint64(size) > uint64(len(data)-4) {
		return "", nil, pages.ErrDamaged
	}
	return bytesString(data[4 : 4+size]), data[4+size:], nil
}

// data appends the numbers of the n values of a page.
func (p *stringPages) data(levels, data []byte, n int, encoding parquet.Encoding) error {
	if n < 0 || int64(n) > p.left {
		return pages.ErrDamaged
	}
	p.left -= int64(n)
	base := len(p.c.ids)
	p.c.ids = slices.Grow(p.c.ids, n)[:base+n]
	ids := p.c.ids[base:]
	there := n // values that are not null
	gaps := p.nullable && !allThere(levels, n)
	if gaps {
		p.levels = room(p.levels, n)
		if err := runs(levels, 1, p.levels); err != nil {
			return err
		}
		there = 0
		for _, l := range p.levels {
			if l > 1 {
				return pages.ErrDamaged
			}
			there += int(l)
		}
	}
	look := looking{c: p.c}
	if encoding == parquet.Encodings.Plain {
		for i := range ids {
			ids[i] = 0
			if gaps && p.levels[i] == 0 {
				continue
			}
			var s string
			var err error
			if s, data, err = next(data); err != nil {
				return err
			}
			if s != "" {
				look.up(s, uint32(i), ids)
			}
		}
		look.finish(ids)
		return nil
	}
	p.index = room(p.index, there)
	if there > 0 {
		if len(data) < 1 || data[0] > 32 {
			return pages.ErrDamaged
		}
		if err := runs(data[1:], uint(data[0]), p.index); err != nil {
			return err
		}
	}
	for _, k := range p.index {
		if int(k) >= len(p.starts) {
			return pages.ErrDamaged
		}
	}
	if p.c.each { // as often as it is there
		for i, k := range p.index {
			p.index[i] = p.c.own(p.value(k))
		}
		p.place(ids, gaps, func(k int) uint32 { return p.index[k] })
		return nil
	}
	for _, k := range p.index {
		if p.number[k] == unread {
			p.number[k] = asked
			look.up(p.value(k), k, p.number)
		}
	}
	look.finish(p.number)
	if !gaps {
		for i, k := range p.index {
			ids[i] = p.number[k]
		}
		return nil
	}
	p.place(ids, gaps, func(k int) uint32 { return p.number[p.index[k]] })
	return nil
}

// place gives the rows that have a value theirs, one after the other.
func (p *stringPages) place(ids []uint32, gaps bool, value func(k int) uint32) {
	k := 0
	for i := range ids {
		if ids[i] = 0; !gaps || p.levels[i] != 0 {
			ids[i] = value(k)
			k++
		}
	}
}

// allThere reports whether definition levels are one run that says that n values
// are there.
func allThere(levels []byte, n int) bool {
	head, k := binary.Uvarint(levels)
	return k > 0 && head&1 == 0 && head>>1 >= uint64(n) && len(levels) > k && levels[k] == 1
}

// looks is how many words are looked up at a time.
const looks = 128

// looking are words that wait to be looked up, and where their numbers go.
type looking struct {
	c     *building
	n     int
	words [looks]string
	at    [looks]uint32
}

// up has s looked up now or later: its number goes to place at of into.
func (k *looking) up(s string, at uint32, into []uint32) {
	k.words[k.n], k.at[k.n] = s, at
	if k.n++; k.n == looks {
		k.finish(into)
	}
}

// finish looks up what waits.
func (k *looking) finish(into []uint32) {
	some, at := k.words[:k.n], k.at[:k.n]
	k.n = 0
	if k.c.each {
		for i, s := range some {
			into[at[i]] = k.c.own(s)
		}
		return
	}
	var all [looks]uint64
	tags := all[:len(some)]
	for i, s := range some {
		tags[i] = k.c.in.tag(s)
	}
	k.c.in.touch(tags)
	k.c.in.near(tags)
	for i, s := range some {
		if into[at[i]] = 0; s != "" {
			into[at[i]] = k.c.in.tagged(tags[i], s)
		}
	}
}

// own is a new number for s, whether it was seen before or not.
func (c *building) own(s string) uint32 {
	if s == "" {
		return 0
	}
	return c.in.dict.add(stringBytes(s))
}

// room returns the first n of s, or new ones when s is too short.
func room(s []uint32, n int) []uint32 {
	if cap(s) < n {
		return make([]uint32, n)
	}
	return s[:n]
}

// runs fills out with the numbers of width bits that src holds as runs of one
// number and groups of eight.
func runs(src []byte, width uint, out []uint32) error {
	if width == 0 {
		clear(out)
		return nil
	}
	for len(out) > 0 {
		head, k := binary.Uvarint(src)
		if k <= 0 {
			return pages.ErrDamaged
		}
		src = src[k:]
		if head&1 == 0 { // one number, again and again
			size := int(width+7) / 8
			if len(src) < size || head>>1 == 0 {
				return pages.ErrDamaged
			}
			v := uint32(0)
			for i := range size {
				v |= uint32(src[i]) << (8 * i)
			}
			src = src[size:]
			n := int(min(head>>1, uint64(len(out))))
			for i := range out[:n] {
				out[i] = v
			}
			out = out[n:]
			continue
		}
		groups := head >> 1
		if groups == 0 || groups > uint64(len(src)) { // each has a byte or more
			return pages.ErrDamaged
		}
		n := min(int(groups)*8, len(out))
		bytes := min(int(groups)*int(width), len(src))
		if (n*int(width)+7)/8 > bytes {
			return pages.ErrDamaged
		}
		unpack(src[:bytes], width, out[:n])
		src, out = src[bytes:], out[n:]
	}
	return nil
}

// unpack fills out with numbers of width bits, the lowest bit first.
func unpack(src []byte, width uint, out []uint32) {
	mask := uint64(1)<<width - 1
	bit := uint(0)
	i := 0
	for ; i < len(out) && int(bit/8)+8 <= len(src); i++ {
		out[i] = uint32(binary.LittleEndian.Uint64(src[bit/8:]) >> (bit % 8) & mask)
		bit += width
	}
	for ; i < len(out); i++ {
		var last [8]byte
		copy(last[:], src[bit/8:])
		out[i] = uint32(binary.LittleEndian.Uint64(last[:]) >> (bit % 8) & mask)
		bit += width
	}
}
