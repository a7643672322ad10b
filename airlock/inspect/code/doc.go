// Package code looks at what programs and people write as text: notebooks,
// source code, logs, prose, JSON.
//
// It judges bytes it is given and may touch nothing else. It must never run,
// import or render what it reads.
package code

import (
	"bytes"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/model"
)

// maxText is the longest text that a person reads for release.
const maxText = 2 << 20

// Prose looks at plain text, Markdown and logs.
func Prose(media string) func(*look.Scope, look.File) look.Report {
	return func(s *look.Scope, f look.File) look.Report {
		r := look.Report{Media: media}
		text, ok := plain(&r, f)
		if !ok {
			return r
		}
		s.Text(&r, f, text)
		if model.Boosted(s, &r, f, text) {
			return r
		}
		tracebacks(s, &r, f, text)
		markdown(s, &r, f, text)
		r.Add(f, "text-needs-eyes", look.Nowhere)
		r.Rebuilt = tidy(text)
		return r
	}
}

// Source looks at source code.
func Source(media string) func(*look.Scope, look.File) look.Report {
	return func(s *look.Scope, f look.File) look.Report {
		r := look.Report{Media: media}
		text, ok := plain(&r, f)
		if !ok {
			return r
		}
		s.Text(&r, f, text)
		Literals(s, &r, f, text, 0)
		tracebacks(s, &r, f, text)
		r.Add(f, "code-needs-eyes", look.Nowhere)
		r.Rebuilt = tidy(text)
		return r
	}
}

func plain(r *look.Report, f look.File) (string, bool) {
	switch {
	case !look.TextLike(f.Data):
		r.Add(f, "file-unreadable", look.Nowhere)
	case len(bytes.TrimSpace(f.Data)) == 0:
		r.Add(f, "file-empty", look.Nowhere)
	case len(f.Data) > maxText:
		r.Add(f, "text-too-long", look.Nowhere)
	default:
		return string(f.Data), true
	}
	return "", false
}

// tidy drops what nobody sees from a text: byte-order mark, carriage returns,
// blanks at line ends.
func tidy(text string) []byte {
	var b strings.Builder
	for l := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		b.WriteString(strings.TrimRight(l, " \t\r\n\f"))
		b.WriteByte('\n')
	}
	return []byte(strings.TrimRight(b.String(), "\n") + "\n")
}

// tracebacks finds error reports that show values.
func tracebacks(s *look.Scope, r *look.Report, f look.File, text string) {
	line, in := 0, false
	for l := range strings.Lines(text) {
		line++
		t := strings.TrimSpace(l)
		if strings.HasPrefix(t, "Traceback (most recent call last)") || strings.HasPrefix(t, "Error in ") {
			in = true
		}
		if !in || t == "" {
			continue
		}
		name, rest, ok := strings.Cut(t, ": ")
		if ok && (strings.HasSuffix(name, "Error") || strings.HasSuffix(name, "Exception") || strings.HasPrefix(name, "Error in")) {
			in = false
			if shows(rest) {
				r.Add(f, "code-traceback", disclosure.Where{Line: line})
			}
		}
	}
}

// shows reports whether an error's words quote values.
func shows(msg string) bool {
	quoted, digits, in := 0, 0, byte(0)
	for i := range len(msg) {
		c := msg[i]
		switch {
		case in != 0 && c == in:
			in = 0
		case in == 0 && (c == '\'' || c == '"') && (i == 0 || msg[i-1] == ' ' || strings.IndexByte("([{=:,", msg[i-1]) >= 0):
			in = c
			quoted++
		case c >= '0' && c <= '9' && in != 0:
			digits++
		}
	}
	return digits >= 4 || quoted >= 4 || strings.Count(msg, ",") >= 6
}

// markdown finds what Markdown hides: comments, and tables of rows.
func markdown(s *look.Scope, r *look.Report, f look.File, text string) {
	if e := f.Ext(); e != "md" && e != "rmd" && e != "qmd" {
		return
	}
	for rest := text; ; {
		i := strings.Index(rest, "<!--")
		if i < 0 {
			break
		}
		j := strings.Index(rest[i:], "-->")
		if j < 0 {
			j = len(rest) - i
		}
		if j > 200 {
			r.Add(f, "page-hidden", look.Nowhere, "characters", look.Itoa(j))
		}
		rest = rest[i+j:]
	}
	if strings.Contains(text, "data:") && strings.Contains(text, ";base64,") {
		r.Add(f, "page-attachment", look.Nowhere)
	}
}
