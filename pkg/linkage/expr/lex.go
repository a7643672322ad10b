package expr

import (
	"strings"
)

type tokenKind byte

const (
	tokEnd tokenKind = iota
	tokWord
	tokQuoted
	tokString
	tokNumber
	tokPunct
)

type token struct {
	kind tokenKind
	text string
	at   int
}

// is reports whether t is the given key word or punctuation, in lower case.
func (t token) is(s string) bool {
	return (t.kind == tokPunct || t.kind == tokWord) && strings.EqualFold(t.text, s)
}

func lex(s string) ([]token, error) {
	var out []token
	for i := 0; i < len(s); {
		c := s[i]
		start := i
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '\'' || c == '"':
			text, end, ok := quoted(s, i)
			if !ok {
				return nil, &syntaxError{i, "a quotation mark is not closed"}
			}
			kind := tokString
			if c == '"' {
				kind = tokQuoted
			}
			out = append(out, token{kind, text, start})
			i = end
		case isDigit(c) || c == '.' && i+1 < len(s) && isDigit(s[i+1]):
			for i < len(s) && (isDigit(s[i]) || s[i] == '.' || s[i] == 'e' || s[i] == 'E' ||
				(s[i] == '-' || s[i] == '+') && (s[i-1] == 'e' || s[i-1] == 'E')) {
				i++
			}
			out = append(out, token{tokNumber, s[start:i], start})
		case isLetter(c):
			for i < len(s) && (isLetter(s[i]) || isDigit(s[i])) {
				i++
			}
			out = append(out, token{tokWord, s[start:i], start})
		default:
			n := 1
			if i+1 < len(s) {
				switch s[i : i+2] {
				case "<=", ">=", "<>", "!=", "||", "::", "==":
					n = 2
				}
			}
			if n == 1 && !strings.ContainsRune("()=<>+-*/,.[]", rune(c)) {
				return nil, &syntaxError{i, "a character that has no meaning here"}
			}
			i += n
			out = append(out, token{tokPunct, s[start:i], start})
		}
	}
	return append(out, token{tokEnd, "", len(s)}), nil
}

// quoted reads a quoted run from s[i], where a doubled mark stands for one.
func quoted(s string, i int) (text string, end int, ok bool) {
	mark := s[i]
	var b strings.Builder
	for j := i + 1; j < len(s); j++ {
		if s[j] != mark {
			b.WriteByte(s[j])
			continue
		}
		if j+1 < len(s) && s[j+1] == mark {
			b.WriteByte(mark)
			j++
			continue
		}
		return b.String(), j + 1, true
	}
	return "", 0, false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}
