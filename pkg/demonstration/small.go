package demonstration

import (
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
)

// A small count is told where its label and the number stand together: in a
// row of a table, an item or a pair of a list, an object of JSON, a line.

var (
	fragments = regexp.MustCompile(`(?is)<tr\b.*?</tr>|<li\b.*?</li>|<dt\b.*?</dd>|<option\b.*?</option>`)
	tags      = regexp.MustCompile(`(?s)<[^>]*>`)
)

// tellsSmall returns a label of a small count if body has any number from 1 to 9
// together with it, and how many labels it has. Labels are words of rows, with
// how many rows have them: what is counted from them may be a row or a person
// fewer, but not more.
func tellsSmall(labels map[string]int, body string) (label string, seen int) {
	check := func(words []string) {
		here, figure := []string{}, false
		for _, w := range words {
			w = strings.Trim(w, `.,;:()"'`)
			if labels[w] > 0 {
				here = append(here, w)
			} else if n, err := strconv.Atoi(w); err == nil && n > 0 && n < 10 {
				figure = true
			}
		}
		seen += len(here)
		for _, l := range here {
			if label == "" && figure {
				label = l
			}
		}
	}
	if trimmed := strings.TrimSpace(body); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		var v any
		if json.Unmarshal([]byte(trimmed), &v) == nil {
			eachObject(v, check)
			return label, seen
		}
	}
	if strings.Contains(body, "<html") {
		for _, f := range fragments.FindAllString(body, -1) {
			check(strings.Fields(html.UnescapeString(tags.ReplaceAllString(f, " "))))
		}
		return label, seen
	}
	for line := range strings.Lines(body) {
		check(strings.FieldsFunc(line, func(r rune) bool {
			return r == ' ' || r == ',' || r == '\t' || r == '\n' || r == '"' || r == '=' || r == '{' || r == '}'
		}))
	}
	return label, seen
}

// eachObject hands on the words that stand in one object, and in the lists of
// plain values in it; a key is a word too.
func eachObject(v any, check func(words []string)) {
	switch x := v.(type) {
	case map[string]any:
		var words []string
		for k, y := range x {
			words = append(words, k)
			switch y := y.(type) {
			case map[string]any, []any:
				eachObject(y, check)
			default:
				words = append(words, strings.Fields(plainText(y))...)
			}
		}
		check(words)
	case []any:
		var words []string
		for _, y := range x {
			switch y.(type) {
			case map[string]any, []any:
				eachObject(y, check)
			default:
				words = append(words, strings.Fields(plainText(y))...)
			}
		}
		check(words)
	}
}

func plainText(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
