package frame

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// errPage says that a page is not what its header says.
var errPage = errors.New("a page is damaged")

// pages reads the pages of a column of strings: a value of a dictionary is
// looked up once for each dictionary and not for each row.
type pages struct {
	c        *building
	nullable bool

	dict   []string
	number []uint32 // by place in dict; unread before it is looked up
	levels []uint32
	index  []uint32
	words  []string // that have to be looked up
	at     []uint32 // where their numbers go
}

// unread is the number of a value of a dictionary that was not asked for yet;
// asked that of one which is about to be looked up.
const (
	unread = ^uint32(0)
	asked  = unread - 1
)

// readable reports whether all pages of a column have encodings that pages knows.
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

// chunk reads the pages of one row group.
func (p *pages) chunk(r file.PageReader) error {
	p.dict, p.number = nil, nil
	for r.Next() {
		switch page := r.Page().(type) {
		case *file.DictionaryPage:
			if err := p.dictionary(page.Data(), int(page.NumValues())); err != nil {
				return err
			}
		case *file.DataPageV1:
			data := page.Data()
			n := int(page.NumValues())
			var levels []byte
			if p.nullable {
				if page.DefinitionLevelEncoding() != parquet.Encodings.RLE || len(data) < 4 {
					return errPage
				}
				size := binary.LittleEndian.Uint32(data)
				if uint64(size) > uint64(len(data)-4) {
					return errPage
				}
				levels, data = data[4:4+size], data[4+size:]
			}
			if err := p.data(levels, data, n, parquet.Encoding(page.Encoding())); err != nil {
				return err
			}
		case *file.DataPageV2:
			data := page.Data()
			size := int(page.DefinitionLevelByteLen())
			if page.RepetitionLevelByteLen() != 0 || size > len(data) {
				return errPage
			}
			if err := p.data(data[:size], data[size:], int(page.NumValues()), parquet.Encoding(page.Encoding())); err != nil {
				return err
			}
		default:
			return errPage
		}
	}
	return r.Err()
}

func (p *pages) dictionary(data []byte, n int) error {
	if n > len(data)/4 {
		return errPage
	}
	p.dict, p.number = make([]string, n), make([]uint32, n)
	for i := range p.dict {
		p.number[i] = unread
		var err error
		if p.dict[i], data, err = next(data); err != nil {
			return err
		}
	}
	return nil
}

// next is the first of the values that lie one after the other, each after its length.
func next(data []byte) (string, []byte, error) {
	if len(data) < 4 {
		return "", nil, errPage
	}
	size := binary.LittleEndian.Uint32(data)
	if uint64(size) > uint64(len(data)-4) {
		return "", nil, errPage
	}
	return bytesString(data[4 : 4+size]), data[4+size:], nil
}

// data appends the numbers of the n values of a page.
func (p *pages) data(levels, data []byte, n int, encoding parquet.Encoding) error {
	base := len(p.c.ids)
	p.c.ids = slices.Grow(p.c.ids, n)[:base+n]
	ids := p.c.ids[base:]
	there := n // values that are not null
	if p.nullable {
		p.levels = room(p.levels, n)
		if err := runs(levels, 1, p.levels); err != nil {
			return err
		}
		there = 0
		for _, l := range p.levels {
			there += int(l)
		}
	}
	p.words, p.at = p.words[:0], p.at[:0]
	if encoding == parquet.Encodings.Plain {
		for i := range ids {
			ids[i] = 0
			if p.nullable && p.levels[i] == 0 {
				continue
			}
			var s string
			var err error
			if s, data, err = next(data); err != nil {
				return err
			}
			if s != "" {
				p.words, p.at = append(p.words, s), append(p.at, uint32(i))
			}
		}
		p.c.lookUp(p.words, func(k int, id uint32) { ids[p.at[k]] = id })
		return nil
	}
	p.index = room(p.index, there)
	if there > 0 {
		if len(data) < 1 || data[0] > 32 {
			return errPage
		}
		if err := runs(data[1:], uint(data[0]), p.index); err != nil {
			return err
		}
	}
	for _, k := range p.index {
		if int(k) >= len(p.dict) {
			return errPage
		}
	}
	if p.c.each { // as often as it is there
		for _, k := range p.index {
			p.words = append(p.words, p.dict[k])
		}
		got := make([]uint32, 0, there)
		p.c.lookUp(p.words, func(_ int, id uint32) { got = append(got, id) })
		p.place(ids, func(k int) uint32 { return got[k] })
		return nil
	}
	for _, k := range p.index {
		if p.number[k] == unread {
			p.number[k] = asked
			p.words, p.at = append(p.words, p.dict[k]), append(p.at, k)
		}
	}
	p.c.lookUp(p.words, func(k int, id uint32) { p.number[p.at[k]] = id })
	if !p.nullable || there == n {
		for i, k := range p.index {
			ids[i] = p.number[k]
		}
		return nil
	}
	p.place(ids, func(k int) uint32 { return p.number[p.index[k]] })
	return nil
}

// place gives the rows that have a value theirs, one after the other.
func (p *pages) place(ids []uint32, value func(k int) uint32) {
	k := 0
	for i := range ids {
		if ids[i] = 0; !p.nullable || p.levels[i] != 0 {
			ids[i] = value(k)
			k++
		}
	}
}

// looks is how many words are looked for at a time.
const looks = 128

// lookUp tells the numbers of words, one after the other.
func (c *building) lookUp(words []string, found func(k int, id uint32)) {
	var tags [looks]uint64
	for lo := 0; lo < len(words); lo += looks {
		some := words[lo:min(lo+looks, len(words))]
		if c.each {
			for k, s := range some {
				id := uint32(0)
				if s != "" {
					id = c.in.dict.add(stringBytes(s))
				}
				found(lo+k, id)
			}
			continue
		}
		for k, s := range some {
			tags[k] = c.in.tag(s)
		}
		c.in.touch(tags[:len(some)])
		c.in.near(tags[:len(some)])
		for k, s := range some {
			id := uint32(0)
			if s != "" {
				id = c.in.tagged(tags[k], s)
			}
			found(lo+k, id)
		}
	}
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
			return errPage
		}
		src = src[k:]
		if head&1 == 0 { // one number, again and again
			size := int(width+7) / 8
			if len(src) < size || head>>1 == 0 {
				return errPage
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
			return errPage
		}
		n := min(int(groups)*8, len(out))
		bytes := min(int(groups)*int(width), len(src))
		if (n*int(width)+7)/8 > bytes {
			return errPage
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
