// Package canon brings identifiers into one written form, and turns
// placeholders that name nobody into nothing. Every function is pure and works
// on one value; none keeps what it saw.
package canon

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxValue bounds a value in bytes: what is longer is cut before it is looked at,
// and what grew longer by being taken apart is cut again.
const maxValue = 256

func cutOff(s string) string {
	if len(s) <= maxValue {
		return s
	}
	for i := maxValue; i > maxValue-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i]
		}
	}
	return s[:maxValue]
}

// Fold writes s in upper case without accents, punctuation or doubled spaces.
// Letters of other scripts stay.
func Fold(s string) string {
	s = cutOff(s)
	if plain(s) {
		return s
	}
	s = strings.ToValidUTF8(s, " ") // letters behind what is none would keep their accents
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap = false
			b.WriteRune(unicode.ToUpper(r))
		case r == '\'' || r == '’' || r == '`' || unicode.IsMark(r) || unicode.Is(unicode.Cf, r):
		default:
			gap = true
		}
	}
	return strings.TrimSuffix(cutOff(b.String()), " ")
}

// plain reports that Fold would not change s.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == ' ' && i > 0 && i < len(s)-1 && s[i-1] != ' ' {
			continue
		}
		return false
	}
	return true
}

// titles are words before a name that are no part of it.
func title(w string) bool {
	switch w {
	case "MR", "MRS", "MS", "MISS", "MX", "DR", "PROF", "PROFESSOR", "REV", "SIR", "DAME", "LADY", "LORD", "MASTER":
		return true
	}
	return false
}

// junk are names that stand for no name.
func junk(s string) bool {
	switch s {
	case "UNKNOWN", "UNK", "NOT KNOWN", "NOT STATED", "NONE", "NA", "N A", "NULL", "NK", "ANON", "ANONYMOUS",
		"BABY", "BABY BOY", "BABY GIRL", "BABY OF", "INFANT", "NEWBORN", "MALE", "FEMALE", "BOY", "GIRL",
		"TWIN", "TWIN ONE", "TWIN TWO", "TWIN 1", "TWIN 2", "TWIN I", "TWIN II", "TRIPLET",
		"TEST", "PATIENT", "TEST PATIENT", "XX", "XXX", "XXXX", "ZZZ", "NO NAME", "NAME UNKNOWN", "DO NOT USE":
		return true
	}
	return false
}

// Name is Fold without titles; a placeholder becomes "".
func Name(s string) string {
	s = Fold(s)
	for {
		w, rest, ok := strings.Cut(s, " ")
		if !ok || !title(w) {
			break
		}
		s = rest
	}
	if junk(s) || strings.HasPrefix(s, "BABY OF ") || strings.HasPrefix(s, "TWIN ") && len(s) < 9 {
		return ""
	}
	return s
}

// BirthOrder is which of the children of one birth a placeholder such as "Twin
// 2" or "Baby B" stands for, "" when it tells nothing.
func BirthOrder(s string) string {
	words := strings.Fields(Fold(s))
	if len(words) == 0 || len(words) > 4 {
		return ""
	}
	sort := false
	order := ""
	for _, w := range words {
		switch w {
		case "TWIN", "TRIPLET", "BABY", "INFANT", "NEWBORN", "BOY", "GIRL":
			sort = true
		case "1", "I", "ONE", "A":
			order = "1"
		case "2", "II", "TWO", "B":
			order = "2"
		case "3", "III", "THREE", "C":
			order = "3"
		default:
			return ""
		}
	}
	if !sort {
		return ""
	}
	return order
}

// Sex is M, F or "": not known, not stated and anything else say nothing
// about whether two records are one person.
func Sex(s string) string {
	switch strings.ToUpper(strings.TrimSpace(s)) {
	case "M", "MALE", "1":
		return "M"
	case "F", "FEMALE", "2":
		return "F"
	}
	return ""
}

// Digits keeps the digits of s.
func Digits(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] >= '0' && s[i] <= '9' {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// Phone is the digits of a telephone number in national form; fewer than six
// digits, or one digit over and over, are no number.
func Phone(s string) string {
	d := Digits(s)
	if strings.HasPrefix(d, "0044") {
		d = d[4:]
	} else if strings.HasPrefix(d, "44") && len(d) > 10 {
		d = d[2:]
	}
	d = strings.TrimLeft(d, "0")
	if len(d) < 6 || strings.Count(d, d[:1]) == len(d) {
		return ""
	}
	return d
}

// Email is the address in lower case, "" without an @.
func Email(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if at := strings.IndexByte(s, '@'); at <= 0 || at == len(s)-1 || len(s) > maxValue {
		return ""
	}
	return s
}
