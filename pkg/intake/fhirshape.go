package intake

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
)

// Resources of one export mostly differ in what their strings and numbers hold
// and in nothing else. A shape is all of a line but those: a line of a shape that
// was read before is well formed, and its fields stand where they stood, so that
// it is compared and not parsed. What a path chooses by belongs to the shape.
type shape struct {
	parts  [][]byte // what stands before, between and behind the holes
	holes  []hole
	fields []shapeField
}

// hole is where a string's text or a number stands, in the line looked at last.
type hole struct {
	from, to int
	text     bool
	escaped  bool
}

// shapeField is where a field of the table is.
type shapeField struct {
	hole      int    // -1: it is the same in every line of the shape
	is        []byte // what it is then
	reference bool
}

// shapes are those met last, the latest first. They give themselves up for a
// while where lines are too various to repeat any.
type shapes struct {
	known       []*shape
	fixed       []string // keys whose values belong to the shape
	tries, hits int
	rest        int // lines not to be looked at
}

const (
	shapesKept  = 12
	shapeBytes  = 32 << 10 // the longest line that has one
	shapeHoles  = 512
	shapesTrial = 1024      // lines between two judgements of whether it is worth it
	shapesRest  = 32 * 1024 // and how many are parsed where it was not
)

// fixedKeys are the keys by whose values paths choose, and the resource's type.
func fixedKeys(paths []path) []string {
	keys := []string{"resourceType"}
	for _, p := range paths {
		for _, steps := range p {
			for _, s := range steps {
				if s.pick {
					keys = append(keys, s.where)
				}
			}
		}
	}
	return keys
}

// match reads the fields of a line of a known shape. The line is UTF-8 without
// control characters.
func (s *shapes) match(line []byte, fields [][]byte) bool {
	if s.rest > 0 || len(line) > shapeBytes {
		s.rest = max(s.rest-1, 0)
		return false
	}
	if s.tries++; s.tries == shapesTrial {
		if s.hits < shapesTrial-shapesTrial/16 { // learning a shape costs as much as reading several lines
			s.rest, s.known = shapesRest, nil
		}
		s.tries, s.hits = 0, 0
	}
	slash := nextSlash(line, 0)
	for i, k := range s.known {
		if !k.match(line, slash) {
			continue
		}
		s.hits++
		copy(s.known[1:i+1], s.known[:i])
		s.known[0] = k
		for j, f := range k.fields {
			fields[j] = k.value(line, f)
		}
		return true
	}
	return false
}

func (k *shape) value(line []byte, f shapeField) []byte {
	if f.hole < 0 {
		return f.is
	}
	h := k.holes[f.hole]
	text := line[h.from:h.to]
	if h.escaped {
		text = scalar(line[h.from-1 : h.to+1])
	}
	if f.reference {
		return stripReference(text)
	}
	return text
}

// match reports whether a line is of the shape, and finds its holes. slash is
// where the line's first backslash is.
func (k *shape) match(line []byte, slash int) bool {
	at := 0
	for i, part := range k.parts {
		if len(line)-at < len(part) || !bytes.Equal(line[at:at+len(part)], part) {
			return false
		}
		if at += len(part); i == len(k.holes) {
			break
		}
		h := &k.holes[i]
		h.from, h.escaped = at, false
		if !h.text {
			at = skipNumber(line, at)
		} else {
			if slash < at { // it was in a part
				slash = nextSlash(line, at)
			}
			at = quote(line, at)
			for slash < at { // what it escapes may be the quote
				if slash = skipEscape(line, slash); slash < 0 {
					return false
				}
				h.escaped = true
				at, slash = quote(line, slash), nextSlash(line, slash)
			}
		}
		if h.to = at; at < 0 {
			return false
		}
	}
	return at == len(line)
}

// learn remembers the shape of a well-formed resource; nil where it is not worth
// it. Its fields are to be added.
func (s *shapes) learn(line []byte) *shape {
	if s.rest > 0 || len(line) > shapeBytes {
		return nil
	}
	k := &shape{}
	k.find(line, space(line, 0), nil, s.fixed)
	if len(k.holes) > shapeHoles {
		return nil
	}
	text, from := bytes.Clone(line), 0
	for _, h := range k.holes {
		k.parts = append(k.parts, text[from:h.from])
		from = h.to
	}
	k.parts = append(k.parts, text[from:])
	if len(s.known) < shapesKept {
		s.known = append(s.known, nil)
	}
	copy(s.known[1:], s.known)
	s.known[0] = k
	return k
}

// find finds the holes of the value that begins at i, and returns its end.
func (k *shape) find(b []byte, i int, key []byte, fixed []string) int {
	switch b[i] {
	case '"':
		end := skipString(b, i)
		k.hole(i+1, end-1, true, key, fixed)
		return end
	case '{', '[':
		object := b[i] == '{'
		i = space(b, i+1)
		for b[i] != '}' && b[i] != ']' {
			if object {
				end := skipString(b, i)
				key = b[i+1 : end-1]
				i = space(b, space(b, end)+1)
			}
			if i = space(b, k.find(b, i, key, fixed)); b[i] == ',' {
				i = space(b, i+1)
			}
		}
		return i + 1
	case 't', 'f', 'n':
		return skip(b, i, 1)
	}
	end := skipNumber(b, i)
	k.hole(i, end, false, key, fixed)
	return end
}

func (k *shape) hole(from, to int, text bool, key []byte, fixed []string) {
	if !slices.ContainsFunc(fixed, func(name string) bool { return name == string(key) }) {
		k.holes = append(k.holes, hole{from: from, to: to, text: text})
	}
}

// field adds the table's next field: its value, where that begins, and the text
// it comes to.
func (k *shape) field(at int, value, text []byte, reference bool) {
	i := -1
	if len(value) > 0 {
		if value[0] == '"' {
			at++
		}
		i = slices.IndexFunc(k.holes, func(h hole) bool { return h.from == at })
	}
	k.fields = append(k.fields, shapeField{i, bytes.Clone(text), reference})
}

// survey reports whether a text holds control characters, and bytes that are not
// ASCII.
func survey(b []byte) (control, high bool) {
	const ones, top = 0x0101010101010101, 0x8080808080808080
	var low, any uint64
	for ; len(b) >= 32; b = b[32:] {
		x, y := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
		z, w := binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:])
		any |= x | y | z | w
		low |= (x-ones*0x20)&^x | (y-ones*0x20)&^y | (z-ones*0x20)&^z | (w-ones*0x20)&^w
	}
	for _, c := range b {
		any |= uint64(c)
		control = control || c < 0x20
	}
	return control || low&top != 0, any&top != 0
}

// quote is where the next quote is from i on, -1 where there is none.
func quote(b []byte, i int) int {
	for range 2 { // most texts are short
		if len(b)-i < 8 {
			break
		}
		const ones, top = 0x0101010101010101, 0x8080808080808080
		x := binary.LittleEndian.Uint64(b[i:]) ^ ones*'"'
		if found := (x - ones) &^ x & top; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
		i += 8
	}
	if n := bytes.IndexByte(b[i:], '"'); n >= 0 {
		return i + n
	}
	return -1
}

// nextSlash is where the next backslash is from i on, the text's end where there
// is none.
func nextSlash(b []byte, i int) int {
	if n := bytes.IndexByte(b[i:], '\\'); n >= 0 {
		return i + n
	}
	return len(b)
}

// skipEscape is the end of the escape that begins at i, -1 where it is none.
func skipEscape(b []byte, i int) int {
	if i++; i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if len(b)-i >= 5 && isHex(b[i+1:i+5]) {
			return i + 5
		}
	}
	return -1
}
