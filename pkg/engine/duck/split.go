package duck

import (
	"strconv"
	"strings"
)

// split cuts SQL into statements at the semicolons outside quotes and
// comments, and drops empty ones.
func split(text string) []string {
	var out []string
	start, i := 0, 0
	add := func(end int) {
		if s := strings.TrimSpace(text[start:end]); s != "" && !onlyComments(s) {
			out = append(out, s)
		}
	}
	for i < len(text) {
		if text[i] == ';' {
			add(i)
			i++
			start = i
			continue
		}
		i += span(text[i:])
	}
	add(len(text))
	return out
}

// span is the length of the quotation, comment or single byte text begins with.
func span(text string) int {
	until := func(from int, end string) int {
		if at := strings.Index(text[from:], end); at >= 0 {
			return from + at + len(end)
		}
		return len(text)
	}
	switch {
	case text[0] == '\'' || text[0] == '"':
		return until(1, text[:1]) // a doubled quote is two quotations in a row
	case strings.HasPrefix(text, "--"):
		return until(2, "\n")
	case strings.HasPrefix(text, "/*"):
		return until(2, "*/")
	case text[0] == '$':
		if end := strings.IndexByte(text[1:], '$'); end >= 0 && !strings.ContainsFunc(text[1:1+end], func(r rune) bool {
			return r != '_' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') && r < 128
		}) {
			return until(end+2, text[:end+2])
		}
	}
	return 1
}

func onlyComments(s string) bool {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if !strings.HasPrefix(s, "--") && !strings.HasPrefix(s, "/*") {
			return false
		}
		s = s[span(s):]
	}
	return true
}

// wrap limits the rows of a SELECT.
func wrap(stmt string, limit int) string {
	return "SELECT * FROM (\n" + stmt + "\n) LIMIT " + itoa(limit)
}

func itoa(n int) string { return strconv.Itoa(n) }

// keyword is the first word of a statement, in capitals; "(" counts as one.
func keyword(stmt string) string {
	for stmt = strings.TrimSpace(stmt); strings.HasPrefix(stmt, "--") || strings.HasPrefix(stmt, "/*"); {
		stmt = strings.TrimSpace(stmt[span(stmt):])
	}
	if strings.HasPrefix(stmt, "(") {
		return "("
	}
	end := strings.IndexFunc(stmt, func(r rune) bool { return r|0x20 < 'a' || r|0x20 > 'z' })
	if end < 0 {
		end = len(stmt)
	}
	return strings.ToUpper(stmt[:end])
}
