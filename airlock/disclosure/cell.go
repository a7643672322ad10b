package disclosure

import (
	"strconv"
	"strings"
	"unicode"
)

// cellKind is what one cell holds, before its column is understood.
type cellKind int

const (
	cellBlank  cellKind = iota
	cellMark            // a redaction mark: something is withheld here
	cellNA              // not available or not applicable
	cellText            // anything else that isn't a number
	cellNumber          // one or more numbers and nothing but punctuation
)

// value is one number as printed.
type value struct {
	f        float64
	n        int64 // the number itself when whole
	whole    bool  // printed without decimals and exponent
	decimals int
	percent  bool
}

// cell is one field of a table.
type cell struct {
	raw    string
	kind   cellKind
	values []value // of a cellNumber; more than one in "12 (3.4%)"
	bound  int64   // of a mark like "<10": what is withheld is below this; 0 unknown
}

// marks are the redaction marks Ark knows, lower case; docs/disclosure lists
// them. "<n" and its like are read by boundMark.
func isMark(s string) bool {
	switch s {
	case "*", "**", "-", "--", "–", "—", "c", "[c]", "(c)", "x", "[x]", "..", "...", ":", "s", "[s]", "[low]", "~", "†", "#",
		"redacted", "[redacted]", "<redacted>", "(redacted)", "suppressed", "[suppressed]", "masked", "withheld", "hidden":
		return true
	}
	return false
}

func isNA(s string) bool {
	switch s {
	case "na", "n/a", "nan", "null", "none", "nil", "[z]", "z", "inf", "-inf", "<na>":
		return true
	}
	return false
}

// boundMark reads "<10", "≤7", "< 5", "fewer than 10", "under 5", "7 or fewer", "1-9" is not one.
func boundMark(s string) (int64, bool) {
	plus := int64(0)
	var rest string
	switch {
	case strings.HasPrefix(s, "<="):
		rest, plus = s[2:], 1
	case strings.HasPrefix(s, "≤"):
		rest, plus = strings.TrimPrefix(s, "≤"), 1
	case strings.HasPrefix(s, "<"):
		rest = s[1:]
	case strings.HasPrefix(s, "fewer than "):
		rest = s[len("fewer than "):]
	case strings.HasPrefix(s, "less than "):
		rest = s[len("less than "):]
	case strings.HasPrefix(s, "under "):
		rest = s[len("under "):]
	case strings.HasSuffix(s, " or fewer"):
		rest, plus = strings.TrimSuffix(s, " or fewer"), 1
	case strings.HasSuffix(s, " or less"):
		rest, plus = strings.TrimSuffix(s, " or less"), 1
	default:
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return 0, false
	}
	return n + plus, true
}

// parseCell reads one field.
func parseCell(raw string) cell {
	s := strings.TrimFunc(raw, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' || r == '\u00a0' })
	c := cell{raw: s}
	if s == "" {
		return c
	}
	low := strings.ToLower(s)
	if isMark(low) {
		c.kind = cellMark
		return c
	}
	if isNA(low) {
		c.kind = cellNA
		return c
	}
	if n, ok := boundMark(low); ok {
		c.kind, c.bound = cellMark, n
		return c
	}
	if vs, ok := numbers(s); ok {
		c.kind, c.values = cellNumber, vs
		return c
	}
	c.kind = cellText
	return c
}

// numbers reads a field that is nothing but numbers and the punctuation of
// results tables: "1,234", "-0.5", "12 (3.4%)", "1.2 [1.0, 1.4]", "3/40",
// "£1,200", "1e-05", "5 ± 2", "<0.001" excluded (a mark or text).
func numbers(s string) ([]value, bool) {
	if s[0] == '<' || s[0] == '>' {
		s = s[1:] // "<0.001": an inequality about a printed number
	}
	var out []value
	i := 0
	for i < len(s) {
		ch := s[i]
		switch {
		case ch >= '0' && ch <= '9' || (ch == '.' && i+1 < len(s) && isDigit(s[i+1])):
			v, n, ok := scanNumber(s[i:])
			if !ok {
				return nil, false
			}
			if i > 0 && (s[i-1] == '-' || strings.HasSuffix(s[:i], "−")) && negates(s[:i], len(out)) {
				v.f, v.n = -v.f, -v.n
			}
			out = append(out, v)
			i += n
		case strings.IndexByte(" ()[]{},;/-+~=$*", ch) >= 0:
			i++
		case ch == '%':
			if len(out) == 0 {
				return nil, false
			}
			out[len(out)-1].percent = true
			i++
		case strings.HasPrefix(s[i:], "to ") && len(out) > 0:
			i += 3
		default:
			n := len(punct(s[i:]))
			if n == 0 {
				return nil, false
			}
			i += n
		}
	}
	if len(out) == 0 || len(out) > 6 || looksLikeDate(s, out) {
		return nil, false
	}
	return out, true
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// punct returns the multi-byte sign at the start of s that tables use.
func punct(s string) string {
	for _, p := range []string{"£", "€", "±", "–", "—", "−", "·", "\u00a0", "\u2009", "†", "‡"} {
		if strings.HasPrefix(s, p) {
			return p
		}
	}
	return ""
}

// negates tells a sign from a range dash: "-5", "(-5", "1.2, -0.4" but not "1-5".
func negates(before string, have int) bool {
	b := strings.TrimSuffix(strings.TrimSuffix(before, "-"), "−")
	t := strings.TrimRight(b, " ")
	if t == "" {
		return true
	}
	last := t[len(t)-1]
	return have == 0 || strings.IndexByte("([{,;/", last) >= 0 || (last != b[len(b)-1] && !isDigit(last) && last != '%')
}

// looksLikeDate tells 2020-01-31, 31/01/2020 and 20-24 (a band) from numbers.
func looksLikeDate(s string, vs []value) bool {
	if len(vs) < 2 {
		return false
	}
	for _, v := range vs {
		if !v.whole {
			return false
		}
	}
	if len(vs) == 2 && len(s) <= 9 && strings.Contains(s, "/") && vs[0].n >= 1900 && vs[0].n <= 2100 && vs[1].n < 100 || len(vs) == 2 && vs[0].n >= 1900 && vs[0].n <= 2100 && vs[1].n == vs[0].n+1 {
		return true // 2019/20, 2019/2020: a year that doesn't begin in January
	}
	// Whole numbers joined by dashes or slashes without spaces or brackets: a
	// date, a band or a code. A fraction "3/40" is two numbers.
	if strings.ContainsAny(s, " ([%") {
		return false
	}
	return strings.Contains(s, "-") || strings.Contains(s, "–") || (strings.Contains(s, "/") && len(vs) != 2)
}

// scanNumber reads digits with thousands separators, decimals and exponent.
func scanNumber(s string) (value, int, bool) {
	var b []byte
	i, decimals, exp := 0, 0, false
	for i < len(s) && isDigit(s[i]) {
		b = append(b, s[i])
		i++
		if i+3 < len(s)+0 && s[i] == ',' && threeDigits(s[i+1:]) && len(b) > 0 {
			b = append(b, s[i+1:i+4]...)
			i += 4
			for i+3 < len(s) && s[i] == ',' && threeDigits(s[i+1:]) {
				b = append(b, s[i+1:i+4]...)
				i += 4
			}
			break
		}
	}
	if i < len(s) && s[i] == '.' {
		b = append(b, '.')
		i++
		for i < len(s) && isDigit(s[i]) {
			b = append(b, s[i])
			i, decimals = i+1, decimals+1
		}
	}
	if i+1 < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if s[j] == '+' || s[j] == '-' {
			j++
		}
		if j < len(s) && isDigit(s[j]) {
			for j < len(s) && isDigit(s[j]) {
				j++
			}
			b = append(b, s[i:j]...)
			i, exp = j, true
		}
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return value{}, 0, false
	}
	v := value{f: f, decimals: decimals}
	// "12.0" is pandas' way of writing the whole number 12.
	switch {
	case !exp && decimals == 0 && f >= 1<<53:
		v.n, v.whole = int64(min(f, 1<<62)), true // too large to be told from its neighbours; a count all the same
	case !exp && f < 1<<53 && f == float64(int64(f)):
		v.n = int64(f)
		v.whole = decimals == 0 || strings.TrimRight(string(b[strings.IndexByte(string(b), '.')+1:]), "0") == "" && decimals == 1
	}
	return v, i, true
}

func threeDigits(s string) bool {
	return len(s) >= 3 && isDigit(s[0]) && isDigit(s[1]) && isDigit(s[2]) && (len(s) == 3 || !isDigit(s[3]))
}
