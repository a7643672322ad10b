package pseudonym

import "github.com/ark-tre/ark/pkg/ark"

// alphabet is Crockford's: no I, L, O or U, so that a name read aloud or
// copied by hand has one spelling.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// The lengths of the two forms.
const (
	CodeLen  = 16          // 80 bits: record keys, and every name without its check
	CheckLen = CodeLen + 1 // a pseudonym: the code and its check character
)

// value holds the five bits of each character, 0xff for a stranger. Lower case
// and the look-alikes of Crockford's are not read: a name is machine made, and
// one thing with two spellings joins to nothing.
var value = func() (v [256]byte) {
	for i := range v {
		v[i] = 0xff
	}
	for i := range len(alphabet) {
		v[alphabet[i]] = byte(i)
	}
	return v
}()

// encode writes the 80 bits of b as 16 characters.
func encode(dst *[CodeLen]byte, b []byte) {
	_ = b[9]
	for half := range 2 {
		s, d := b[half*5:half*5+5], dst[half*8:half*8+8]
		x := uint64(s[0])<<32 | uint64(s[1])<<24 | uint64(s[2])<<16 | uint64(s[3])<<8 | uint64(s[4])
		for i := 7; i >= 0; i-- {
			d[i] = alphabet[x&31]
			x >>= 5
		}
	}
}

// encodeChecked writes the 80 bits of b as 16 characters and their check, in
// one pass.
func encodeChecked(dst *[CheckLen]byte, b []byte) {
	_ = b[9]
	var s byte
	for half := range 2 {
		p := b[half*5 : half*5+5]
		x := uint64(p[0])<<32 | uint64(p[1])<<24 | uint64(p[2])<<16 | uint64(p[3])<<8 | uint64(p[4])
		d, w := (*[8]byte)(dst[half*8:]), (*[8][32]byte)(weights[half*8:])
		for i := 7; i >= 0; i-- {
			c := x & 31
			d[i] = alphabet[c]
			s ^= w[i][c]
			x >>= 5
		}
	}
	dst[CodeLen] = alphabet[s]
}

// weights[i] is α^(i+1) in GF(32) with α a root of x⁵+x²+1, as a table of
// products: weights[i][c] = α^(i+1)·c. All weights differ and none is 0 or the
// check's own 1, so that one wrong character and any two exchanged ones are
// always seen.
var weights = func() (w [CodeLen][32]byte) {
	a := byte(1)
	for i := range w {
		a = times(a, 2)
		for c := range w[i] {
			w[i][c] = times(a, byte(c))
		}
	}
	return w
}()

// times multiplies in GF(32).
func times(a, b byte) (p byte) {
	for ; b > 0; b >>= 1 {
		if b&1 == 1 {
			p ^= a
		}
		if a <<= 1; a&32 != 0 {
			a ^= 0b100101
		}
	}
	return p
}

// check returns the check character of a code whose characters are all known.
func check(code []byte) byte {
	var s byte
	for i := range CodeLen {
		s ^= weights[i][value[code[i]]]
	}
	return alphabet[s]
}

// IsCode reports whether s has the form of a record key.
func IsCode(s string) bool {
	if len(s) != CodeLen {
		return false
	}
	for i := range len(s) {
		if value[s[i]] == 0xff {
			return false
		}
	}
	return true
}

// IsPseudonym reports whether s has the form of a pseudonym and its check
// character fits. The airlock looks for these in files: a random word of 17
// characters of the alphabet passes once in 32.
func IsPseudonym(s string) bool {
	return len(s) == CheckLen && IsCode(s[:CodeLen]) && check([]byte(s[:CodeLen])) == s[CodeLen]
}

// Parse returns the 16 characters of code in the pseudonym s. The fault does
// not repeat s.
func Parse(s string) (string, error) {
	if !IsPseudonym(s) {
		return "", ark.Faultf(ark.Invalid, "that is not a pseudonym: its form or its check character is wrong").
			Do("copy all 17 characters again")
	}
	return s[:CodeLen], nil
}
