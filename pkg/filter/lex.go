package filter

import (
	"strings"
	"unicode/utf8"

	"github.com/ark-tre/ark/pkg/ark"
)

type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokName
	tokQuoted // "name"
	tokRef    // @name
	tokNumber
	tokText // 'text'
	tokSign
)

type token struct {
	kind tokenKind
	text string // names and text unescaped
	at   int    // byte offset
}

// word is the token's text in capitals if it may be a keyword.
func (t token) word() string {
	if t.kind != tokName {
		return ""
	}
	return strings.ToUpper(t.text)
}

// reserved words can't be bare names.
var reserved = map[string]bool{"AND": true, "OR": true, "NOT": true, "IN": true, "IS": true, "NULL": true, "LIKE": true, "BETWEEN": true, "TRUE": true, "FALSE": true}

func lex(text string) ([]token, error) {
	if len(text) > MaxLength {
		return nil, ark.Faultf(ark.TooMuch, "the filter is longer than %d bytes", MaxLength)
	}
	if !utf8.ValidString(text) {
		return nil, wrong(0, "the filter is not UTF-8")
	}
	var out []token
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '\'' || c == '"':
			t, next, err := lexQuoted(text, i)
			if err != nil {
				return nil, err
			}
			out, i = append(out, t), next
		case letter(c):
			end := nameEnd(text, i)
			out, i = append(out, token{tokName, text[i:end], i}), end
		case c == '@':
			end := nameEnd(text, i+1)
			if end == i+1 || !letter(text[i+1]) {
				return nil, wrong(i, "after @ comes the name of a filter")
			}
			out, i = append(out, token{tokRef, text[i+1 : end], i}), end
		case digit(c) || c == '.':
			end := numberEnd(text, i)
			out, i = append(out, token{tokNumber, text[i:end], i}), end
		case strings.HasPrefix(text[i:], "--"):
			return nil, wrong(i, "a filter has no comments; write a space between two minus signs")
		default:
			n := signLength(text[i:])
			if n == 0 {
				return nil, wrong(i, "that sign has no meaning here")
			}
			out, i = append(out, token{tokSign, text[i : i+n], i}), i+n
		}
	}
	return append(out, token{kind: tokEnd, at: len(text)}), nil
}

// lexQuoted reads 'text' or "name", in which the quote itself is doubled.
// Control characters are refused: some engines end a statement at one.
func lexQuoted(text string, start int) (token, int, error) {
	quote := text[start]
	var b strings.Builder
	for i := start + 1; i < len(text); i++ {
		c := text[i]
		if c == quote {
			if i+1 < len(text) && text[i+1] == quote {
				i++
			} else if quote == '\'' {
				return token{tokText, b.String(), start}, i + 1, nil
			} else if b.Len() == 0 || b.Len() > 255 {
				return token{}, 0, wrong(start, "a name has 1 to 255 bytes")
			} else {
				return token{tokQuoted, b.String(), start}, i + 1, nil
			}
		}
		if c < ' ' || c == 0x7f {
			return token{}, 0, wrong(i, "control characters can't be written in a filter")
		}
		b.WriteByte(c)
	}
	return token{}, 0, wrong(start, "a quotation is not closed")
}

func letter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

func nameEnd(text string, i int) int {
	for i < len(text) && (letter(text[i]) || digit(text[i])) {
		i++
	}
	return i
}

func numberEnd(text string, i int) int {
	for i < len(text) && (digit(text[i]) || text[i] == '.') {
		i++
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		j := i + 1
		if j < len(text) && (text[j] == '+' || text[j] == '-') {
			j++
		}
		if j < len(text) && digit(text[j]) {
			for i = j; i < len(text) && digit(text[i]); i++ {
			}
		}
	}
	return nameEnd(text, i) // "12ab" is one wrong number, not a number and a name
}

func signLength(s string) int {
	for _, two := range [...]string{"<=", ">=", "<>", "!=", "=="} {
		if strings.HasPrefix(s, two) {
			return 2
		}
	}
	if strings.IndexByte("=<>+-*/%(),", s[0]) >= 0 {
		return 1
	}
	return 0
}

// wrong says what is the matter at a byte offset; it never quotes the text.
func wrong(at int, format string, args ...any) error {
	f := ark.Faultf(ark.Invalid, format, args...)
	f.Says = "in the filter at character " + itoa(at+1) + ": " + f.Says
	return f
}
