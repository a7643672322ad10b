package look

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/nhsnumber"
	"github.com/ark-tre/ark/pkg/pseudonym"
)

// hit is a set of things found in one text.
type hit uint32

const (
	hitKnown hit = 1 << iota
	hitPseudonym
	hitNHS
	hitTenDigits // ten digits, valid or not: what hitNHS is weighed against
	hitPostcode
	hitContact
	hitInvisible
	hitBidi
	hitHomoglyph
	hitControl
	hitEncoded
	hitEncodedMaybe
	hitNested // an identifier inside an encoding
)

// identifiers are the hits that name a person or record.
const identifiers = hitKnown | hitPseudonym | hitNHS | hitPostcode | hitContact

// Fold is how a known value and a word of a file are compared: letters and
// digits only, in lower case, compatibility forms and look-alikes replaced.
func Fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKC.String(s) {
		if c, ok := lookalike[r]; ok {
			r = c
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// LeastKnown is the length, folded, below which a known value is too common a
// word to look for.
const LeastKnown = 4

// scan looks for everything in one text.
func (s *Scope) scan(text string) hit {
	ascii, control := true, false
	for i := range len(text) {
		c := text[i]
		ascii = ascii && c < 0x80
		control = control || c < 0x20 && c != '\t' && c != '\n' && c != '\r' || c == 0x7f
	}
	var h hit
	if control {
		h |= hitControl
	}
	if !ascii {
		var plain string
		plain, h = s.unmask(text, h)
		return h | s.words(plain, 0)
	}
	return h | s.words(text, 0)
}

// unmask finds characters that hide or deceive and returns the text as it
// would read without them.
func (s *Scope) unmask(text string, h hit) (string, hit) {
	var b strings.Builder
	latin, other := false, false
	prev := rune(0)
	for i, r := range text {
		switch {
		case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x061c:
			h |= hitBidi
			continue
		case r == 0xfeff && i == 0:
			continue
		case (r == 0xfe0f || r == 0x200d) && !unicode.IsLetter(prev) && !unicode.IsDigit(prev) && prev > 0x2000:
			prev = r
			continue // part of an emoji
		case unicode.Is(unicode.Cf, r), r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0100 && r <= 0xe01ef, r == 0x034f, r == 0x115f, r == 0x1160, r == 0x3164, r == 0xffa0, r == 0x2800, r == 0x17b4, r == 0x17b5:
			h |= hitInvisible
			continue
		case r >= 0x80 && r <= 0x9f, r == utf8.RuneError, unicode.Is(unicode.Co, r):
			h |= hitControl
			continue
		}
		if unicode.IsLetter(r) {
			_, fake := lookalike[r]
			latin = latin || r < 0x250
			other = other || fake
			if latin && other {
				h |= hitHomoglyph
			}
		} else if !unicode.IsMark(r) && !unicode.IsDigit(r) {
			latin, other = false, false
		}
		prev = r
		b.WriteRune(r)
	}
	plain := norm.NFKC.String(b.String())
	return strings.Map(func(r rune) rune {
		if c, ok := lookalike[r]; ok {
			return c
		}
		if unicode.Is(unicode.Pd, r) {
			return '-'
		}
		if unicode.IsSpace(r) && r != '\n' && r != '\t' {
			return ' '
		}
		return r
	}, plain), h
}

// word is one run of letters and digits of a text.
type word struct{ from, to int }

// window is how many words, joined by single separators, are looked up as one.
const window = 6

func alnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
func digit(c byte) bool { return c >= '0' && c <= '9' }

// words searches plain text word by word.
func (s *Scope) words(text string, depth int) hit {
	var h hit
	var last [window]word // the words that hang together, newest at (n-1)%window
	n := 0
	for i := 0; i < len(text); {
		if !alnum(text[i]) {
			i++
			continue
		}
		w := word{from: i}
		digits, upper := true, true
		for i < len(text) && alnum(text[i]) {
			digits = digits && digit(text[i])
			upper = upper && !(text[i] >= 'a' && text[i] <= 'z')
			i++
		}
		w.to = i
		if n > 0 && w.from-last[(n-1)%window].to > 1 {
			n = 0
		}
		last[n%window] = w
		n++
		if digits {
			h |= nhsAt(text, &last, n)
		}
		if w.to-w.from == pseudonym.CheckLen && upper && pseudonym.IsPseudonym(text[w.from:w.to]) && !digits {
			h |= hitPseudonym
		}
		if s.Known != nil {
			h |= s.known(text, &last, n)
		}
		h |= postcodeAt(text, &last, n)
	}
	if strings.IndexByte(text, '@') > 0 && email(text) {
		h |= hitContact
	}
	if phone(text) {
		h |= hitContact
	}
	return h | s.encoded(text, depth)
}

// known looks up the windows that end in the newest word.
func (s *Scope) known(text string, last *[window]word, n int) hit {
	buf := &s.forward
	at := len(buf)
	for k := 1; k <= window && k <= n; k++ {
		w := last[(n-k)%window]
		if w.to-w.from > at {
			return 0
		}
		for i := w.to - 1; i >= w.from; i-- {
			c := text[i]
			if c >= 'A' && c <= 'Z' {
				c += 32
			}
			at--
			buf[at] = c
		}
		if len(buf)-at >= LeastKnown && s.Known(buf[at:]) {
			return hitKnown
		}
		if k == 1 && len(buf)-at >= 6 { // written backwards
			back, m := &s.back, 0
			for i := len(buf) - 1; i >= at; i-- {
				back[m] = buf[i]
				m++
			}
			if s.Known(back[:m]) {
				return hitKnown
			}
		}
	}
	return 0
}

// nhsAt tells an NHS number that ends in the newest word: ten digits, or three,
// three and four, and no part of a longer or of a decimal number.
func nhsAt(text string, last *[window]word, n int) hit {
	w := last[(n-1)%window]
	from := w.from
	var d [10]byte
	switch w.to - w.from {
	case 10:
		copy(d[:], text[w.from:w.to])
	case 4:
		if n < 3 {
			return 0
		}
		a, b := last[(n-3)%window], last[(n-2)%window]
		if a.to-a.from != 3 || b.to-b.from != 3 {
			return 0
		}
		copy(d[:], text[a.from:a.to])
		copy(d[3:], text[b.from:b.to])
		copy(d[6:], text[w.from:w.to])
		for _, c := range d {
			if !digit(c) {
				return 0
			}
		}
		from = a.from
	default:
		return 0
	}
	if from > 1 && (text[from-1] == '.' || text[from-1] == ',') && digit(text[from-2]) {
		return 0 // digits after a decimal point, or of a longer number
	}
	if w.to+1 < len(text) && text[w.to] == '.' && digit(text[w.to+1]) && strings.Trim(text[w.to+1:min(w.to+3, len(text))], "0") != "" {
		c := text[w.to+1]
		if c != '0' || w.to+2 < len(text) && digit(text[w.to+2]) && text[w.to+2] != '0' {
			return 0
		}
	}
	if nhsnumber.Valid(string(d[:])) {
		return hitNHS | hitTenDigits
	}
	return hitTenDigits
}

// email finds name@host.tld.
func email(text string) bool {
	for at := strings.IndexByte(text, '@'); at >= 0; {
		host := text[at+1:]
		end := strings.IndexFunc(host, func(r rune) bool {
			return !(r == '.' || r == '-' || r < 0x80 && alnum(byte(r)))
		})
		if end < 0 {
			end = len(host)
		}
		host = strings.TrimRight(host[:end], ".-")
		dot := strings.LastIndexByte(host, '.')
		if at > 0 && (alnum(text[at-1]) || text[at-1] == '_' || text[at-1] == '.') && dot > 0 && len(host)-dot > 2 && !digit(host[dot+1]) {
			return true
		}
		next := strings.IndexByte(text[at+1:], '@')
		if next < 0 {
			return false
		}
		at += 1 + next
	}
	return false
}

// phone finds UK mobile and landline numbers and National Insurance numbers.
func phone(text string) bool {
	for i := 0; i+9 <= len(text); i++ {
		c := text[i]
		if i > 0 && (alnum(text[i-1]) || text[i-1] == '.') {
			continue
		}
		switch {
		case c == '0' || c == '+' && strings.HasPrefix(text[i:], "+44"):
			n, spaces, j := 0, 0, i+1
			for j < len(text) && (digit(text[j]) || text[j] == ' ' || text[j] == '-') {
				if digit(text[j]) {
					n++
				} else {
					spaces++
				}
				j++
			}
			whole := j >= len(text) || !alnum(text[j]) && text[j] != '.'
			mobile := strings.HasPrefix(text[i:], "07") && n == 10 && spaces <= 3
			land := c == '0' && n == 10 && spaces >= 1 && spaces <= 3 && (text[i+1] == '1' || text[i+1] == '2')
			if whole && (mobile || land || c == '+' && n == 12 && spaces <= 4) {
				return true
			}
		case c >= 'A' && c <= 'Z' && nino(text[i:]):
			return true
		}
	}
	return false
}

// nino tells a National Insurance number at the start of s: QQ 12 34 56 C.
func nino(s string) bool {
	k := 0
	for i := 0; i < len(s) && k < 9; i++ {
		c := s[i]
		if c == ' ' && (k == 2 || k == 4 || k == 6 || k == 8) {
			continue
		}
		letter := k < 2 || k == 8
		switch {
		case letter && (c < 'A' || c > 'Z' || k == 8 && c > 'D' || k < 2 && strings.IndexByte("DFIQUV", c) >= 0 || k == 1 && c == 'O'), !letter && !digit(c):
			return false
		}
		k++
		if k == 9 {
			return i+1 == len(s) || !alnum(s[i+1])
		}
	}
	return false
}

// encoded looks for long random-looking words, and into those that decode.
func (s *Scope) encoded(text string, depth int) hit {
	var h hit
	for i := 0; i < len(text); {
		j := i
		for j < len(text) && (text[j] < 0x80 && alnum(text[j]) || strings.IndexByte("+/=_-", text[j]) >= 0) {
			j++
		}
		if j-i >= 16 {
			h |= s.token(text[i:j], depth)
		}
		i = j + 1
	}
	return h
}

func (s *Scope) token(w string, depth int) hit {
	var h hit
	if depth == 0 {
		for _, d := range decodings(w) {
			if inner := s.words(d, 1); inner&(hitKnown|hitPseudonym|hitNHS|hitPostcode|hitContact) != 0 {
				return hitNested | hitEncoded
			} else if len(d) >= 12 && words(d) {
				h |= hitEncoded
			}
		}
	}
	if !disclosure.LooksEncoded(w) {
		return h
	}
	last := w[strings.LastIndexByte(w, '-')+1:]
	if isHex(last) && len(last) == 32 && len(w) < 48 || len(w) == 36 && strings.Count(w, "-") == 4 || len(w) <= 31 || isHex(w) && (len(w) == 32 || len(w) == 40 || len(w) == 64) {
		return h | hitEncodedMaybe // a UUID, a digest
	}
	return h | hitEncoded
}

// decodings are the printable texts that w may be an encoding of.
func decodings(w string) []string {
	var out []string
	trim := strings.TrimRight(w, "=")
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := enc.DecodeString(trim); err == nil && printable(b) {
			out = append(out, string(b))
			break
		}
	}
	if len(w)%2 == 0 && isHex(w) {
		if b, err := hex.DecodeString(w); err == nil && printable(b) {
			out = append(out, string(b))
		}
	}
	return out
}

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(digit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return true
}

func printable(b []byte) bool {
	for _, c := range b {
		if (c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c > 0x7e {
			return false
		}
	}
	return len(b) > 0
}

// words reports whether decoded text looks meant: mostly letters and digits.
func words(s string) bool {
	n := 0
	for i := range len(s) {
		if alnum(s[i]) || s[i] == ' ' || s[i] == ',' {
			n++
		}
	}
	return n*10 >= len(s)*8
}
