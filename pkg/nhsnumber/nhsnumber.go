// Package nhsnumber checks and makes NHS numbers: ten digits of which the last
// is a modulus-11 check of the others.
//
// It imports nothing and may touch nothing. It must never be given a number to
// keep: callers in the identifier zone do that.
package nhsnumber

// Len is the length of a number without spaces.
const Len = 10

// CheckDigit returns the check digit of the first nine digits of s, and false
// if those are not nine digits or the number they begin is never issued
// (its check would be 10).
func CheckDigit(s string) (byte, bool) {
	if len(s) < Len-1 {
		return 0, false
	}
	sum := 0
	for i := range Len - 1 {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		sum += int(c-'0') * (Len - i)
	}
	switch d := 11 - sum%11; d {
	case 10:
		return 0, false
	case 11:
		return '0', true
	default:
		return byte('0' + d), true
	}
}

// Valid reports whether s is ten digits with the right check digit and not one
// digit ten times: all ten of those pass the sum and none is anyone's.
func Valid(s string) bool {
	if len(s) != Len {
		return false
	}
	d, ok := CheckDigit(s)
	if !ok || s[Len-1] != d {
		return false
	}
	for i := 1; i < Len; i++ {
		if s[i] != s[0] {
			return true
		}
	}
	return false
}

// Synthetic reports whether a valid number lies in a range that is not issued
// to people in England: 900 to 999. The 999 range is the test range proper.
func Synthetic(s string) bool { return len(s) == Len && s[0] == '9' }

// Clean returns s without the spaces and hyphens people write numbers with.
func Clean(s string) string {
	n := 0
	for i := range len(s) {
		if s[i] == ' ' || s[i] == '-' {
			n++
		}
	}
	if n == 0 {
		return s
	}
	b := make([]byte, 0, len(s)-n)
	for i := range len(s) {
		if s[i] != ' ' && s[i] != '-' {
			b = append(b, s[i])
		}
	}
	return string(b)
}
