package intake

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"
)

// maxDepth is how deep a JSON document may nest.
const maxDepth = 64

// members finds the values of some keys of an object without descending into
// any value; all are checked for form on the way. The first of two equal keys
// counts. ok is false where b is not exactly one well-formed object.
func members(b []byte, keys []string, values [][]byte) (ok bool) {
	clear(values)
	i := space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return false
	}
	i = space(b, i+1)
	if i < len(b) && b[i] == '}' {
		return space(b, i+1) == len(b)
	}
	for {
		start := i
		if i = skipString(b, i); i < 0 {
			return false
		}
		key := b[start+1 : i-1]
		if i = space(b, i); i >= len(b) || b[i] != ':' {
			return false
		}
		start = space(b, i+1)
		if i = skip(b, start, 1); i < 0 {
			return false
		}
		for k, name := range keys {
			if len(name) == len(key) && name == string(key) && values[k] == nil {
				values[k] = b[start:i]
			}
		}
		if i = space(b, i); i >= len(b) {
			return false
		}
		switch b[i] {
		case ',':
			i = space(b, i+1)
		case '}':
			return space(b, i+1) == len(b)
		default:
			return false
		}
	}
}

// elements calls f with each element of a well-formed array until f says stop,
// and with what follows it: only the elements that are passed over are read to
// their ends.
func elements(b []byte, f func(i int, element []byte) (stop bool)) {
	i := space(b, 1)
	for n := 0; i < len(b) && b[i] != ']'; n++ {
		if f(n, b[i:]) {
			return
		}
		end := skip(b, i, 1)
		if end < 0 {
			return
		}
		if i = space(b, end); i < len(b) && b[i] == ',' {
			i = space(b, i+1)
		}
	}
}

// find returns the value of a key of a well-formed object and what follows it,
// nil if it has none.
func find(b []byte, key string) []byte {
	i := space(b, 1)
	for i < len(b) && b[i] == '"' {
		start := i
		if i = skipString(b, i); i < 0 {
			return nil
		}
		name := b[start+1 : i-1]
		start = space(b, space(b, i)+1)
		if string(name) == key {
			return b[min(start, len(b)):]
		}
		if i = skip(b, start, 1); i < 0 {
			return nil
		}
		if i = space(b, i); i < len(b) && b[i] == ',' {
			i = space(b, i+1)
		}
	}
	return nil
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skip returns the end of the value that begins at b[i], -1 if it is not well
// formed or nests too deep.
func skip(b []byte, i, depth int) int {
	if i >= len(b) || depth > maxDepth {
		return -1
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipNested(b, i, depth)
	case 't':
		return skipWord(b, i, "true")
	case 'f':
		return skipWord(b, i, "false")
	case 'n':
		return skipWord(b, i, "null")
	}
	return skipNumber(b, i)
}

func skipWord(b []byte, i int, word string) int {
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return -1
	}
	return i + len(word)
}

func skipNested(b []byte, i, depth int) int {
	object := b[i] == '{'
	closing := byte(']')
	if object {
		closing = '}'
	}
	i = space(b, i+1)
	if i < len(b) && b[i] == closing {
		return i + 1
	}
	for {
		if object {
			if i = skipString(b, i); i < 0 {
				return -1
			}
			if i = space(b, i); i >= len(b) || b[i] != ':' {
				return -1
			}
			i = space(b, i+1)
		}
		if i = skip(b, i, depth+1); i < 0 {
			return -1
		}
		if i = space(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case closing:
			return i + 1
		case ',':
			i = space(b, i+1)
		default:
			return -1
		}
	}
}

func skipString(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	for i++; i < len(b); i++ {
		for len(b)-i >= 8 { // many bytes at a time to the next that means something
			if at := special(binary.LittleEndian.Uint64(b[i:])); at < 8 {
				i += at
				break
			}
			i += 8
		}
		if i >= len(b) {
			break
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c < 0x20:
			return -1
		case c == '\\':
			if i = skipEscape(b, i); i < 0 {
				return -1
			}
			i--
		}
	}
	return -1
}

// special is the place of the first of eight bytes that is a control character,
// a backslash or a quote, 8 where none is.
func special(x uint64) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	slash, quote := x^ones*'\\', x^ones*'"'
	return bits.TrailingZeros64(((x-ones*0x20)&^x|(slash-ones)&^slash|(quote-ones)&^quote)&high) / 8 // what a borrow marks lies behind the first
}

func isHex(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

func skipNumber(b []byte, i int) int {
	digits := func(i int) int {
		start := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		if i == start {
			return -1
		}
		return i
	}
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if i = digits(i); i < 0 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		if i = digits(i + 1); i < 0 {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return digits(i)
	}
	return i
}

// first returns the value that b begins with.
func first(b []byte) []byte {
	if end := skip(b, 0, 1); end >= 0 {
		return b[:end]
	}
	return nil
}

// scalar returns the text of a string, number or truth value; nil for null,
// and for objects and arrays, which no field can hold.
func scalar(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	switch b[0] {
	case '"':
		if bytes.IndexByte(b, '\\') < 0 {
			return b[1 : len(b)-1]
		}
		var s string
		if json.Unmarshal(b, &s) != nil {
			return nil
		}
		return []byte(s)
	case '{', '[', 'n':
		return nil
	}
	return b
}
