package code

import (
	"regexp"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect/look"
)

// Literals finds data written into code: the largest bracket of literals. line
// is added to the lines of findings.
func Literals(s *look.Scope, r *look.Report, f look.File, text string, line int) {
	n, at := longest(text)
	if k := len(inserted.FindAllStringIndex(text, -1)); k >= 5 { // a row each
		n = max(n, 10*k)
	}
	where := disclosure.Where{Line: at + line}
	switch {
	case n >= 200:
		r.Add(f, "code-literals", where, "literals", look.Itoa(n))
	case n >= 30:
		r.Add(f, "code-literals-maybe", where, "literals", look.Itoa(n))
	}
}

// inserted is a row of data that a statement of SQL brings with it.
var inserted = regexp.MustCompile(`(?i)\bvalues\s*\(`)

// longest counts the literals of the bracket that holds most, and says on
// which line it opens.
func longest(text string) (most, at int) {
	type open struct{ n, line int }
	var stack []open
	line := 1
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\n':
			line++
			i++
		case c == '(' || c == '[' || c == '{':
			stack = append(stack, open{0, line})
			i++
		case c == ')' || c == ']' || c == '}':
			if len(stack) > 0 {
				top := stack[len(stack)-1]
				if stack = stack[:len(stack)-1]; len(stack) > 0 {
					stack[len(stack)-1].n += top.n
				}
				if top.n > most {
					most, at = top.n, top.line
				}
			}
			i++
		case c == '#' || strings.HasPrefix(text[i:], "//"):
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case c == '"' || c == '\'':
			j := i + 1
			lines, separators := 0, 0
			triple := strings.HasPrefix(text[i:], strings.Repeat(string(c), 3))
			end := string(c)
			if triple {
				end = strings.Repeat(string(c), 3)
				j = i + 3
			}
			for j < len(text) && !strings.HasPrefix(text[j:], end) && (triple || text[j] != '\n') {
				switch text[j] {
				case '\\':
					j++
				case '\n':
					lines++
				case ',', '\t', '|', ';':
					separators++
				}
				j++
			}
			line += lines
			n := 1
			if separators >= 20 { // a table in a string
				n += separators
			}
			if len(stack) > 0 {
				stack[len(stack)-1].n += n
			} else if n > most {
				most, at = n, line-lines
			}
			i = j + len(end)
		case c >= '0' && c <= '9' && (i == 0 || !word(text[i-1])):
			for i < len(text) && (word(text[i]) || text[i] == '.') {
				i++
			}
			if len(stack) > 0 {
				stack[len(stack)-1].n++
			}
		default:
			i++
		}
	}
	return most, at
}

func word(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}
