// Package markup reads XML one mark at a time, faster and narrower than
// encoding/xml: no document types, no entities but the five and numbers, no
// more than 256 levels.
//
// It judges bytes it is given and may touch nothing else. It must never expand
// an entity that a document declares.
package markup

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is what a mark is.
type Kind int

// The kinds of marks. End ends an element, also one that was written empty.
const (
	None Kind = iota
	Start
	End
	Text
	Comment
	Instruction
)

// Attr is one attribute, by its local name.
type Attr struct{ Space, Name, Value string }

// Scanner reads marks.
type Scanner struct {
	Kind  Kind
	Space string // prefix of the element's name
	Name  string // local name of the element, or target of an instruction
	Data  string // text
	Attrs []Attr
	Depth int

	in    []byte
	at    int
	empty bool
	stack []string
	roots int
}

// ErrBroken is what a document is that is not well formed, or that declares
// entities.
var ErrBroken = errors.New("markup: not well formed, or declares a document type")

// New reads b, UTF-8 with or without a byte-order mark.
func New(b []byte) *Scanner {
	return &Scanner{in: bytes.TrimPrefix(b, []byte("\ufeff"))}
}

// Attr is the value of the attribute of that local name.
func (s *Scanner) Attr(name string) string {
	for _, a := range s.Attrs {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// Next reads the next mark; false at the end or at an error.
func (s *Scanner) Next() (bool, error) {
	s.Attrs = s.Attrs[:0]
	if s.empty {
		s.empty = false
		s.Kind = End
		s.Depth--
		s.stack = s.stack[:len(s.stack)-1]
		return true, nil
	}
	if s.at >= len(s.in) {
		if len(s.stack) > 0 || s.roots != 1 || !utf8.Valid(s.in) {
			return false, ErrBroken
		}
		return false, nil
	}
	if s.in[s.at] != '<' {
		i := bytes.IndexByte(s.in[s.at:], '<')
		if i < 0 {
			i = len(s.in) - s.at
		}
		raw := s.in[s.at : s.at+i]
		s.at += i
		s.Kind = Text
		s.Data = unescape(raw)
		if len(s.stack) == 0 && strings.TrimSpace(s.Data) != "" {
			return false, ErrBroken
		}
		return true, nil
	}
	rest := s.in[s.at:]
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		i := bytes.Index(rest[4:], []byte("-->"))
		if i < 0 {
			return false, ErrBroken
		}
		s.Kind, s.Data = Comment, string(rest[4:4+i])
		s.at += i + 7
		return true, nil
	case bytes.HasPrefix(rest, []byte("<![CDATA[")):
		i := bytes.Index(rest, []byte("]]>"))
		if i < 0 || len(s.stack) == 0 {
			return false, ErrBroken
		}
		s.Kind, s.Data = Text, string(rest[9:i])
		s.at += i + 3
		return true, nil
	case bytes.HasPrefix(rest, []byte("<?")):
		i := bytes.Index(rest[2:], []byte("?>"))
		if i < 0 {
			return false, ErrBroken
		}
		s.Kind = Instruction
		s.Name, s.Data, _ = strings.Cut(string(rest[2:2+i]), " ")
		s.at += i + 4
		return true, nil
	case bytes.HasPrefix(rest, []byte("<!DOCTYPE")):
		i := bytes.IndexByte(rest, '>')
		if i < 0 || bytes.IndexByte(rest[:i], '[') >= 0 || s.roots > 0 {
			return false, ErrBroken // it declares entities
		}
		s.at += i + 1
		return s.Next()
	case bytes.HasPrefix(rest, []byte("</")):
		i := bytes.IndexByte(rest, '>')
		if i < 0 || len(s.stack) == 0 {
			return false, ErrBroken
		}
		full := string(bytes.TrimSpace(rest[2:i]))
		if s.stack[len(s.stack)-1] != full {
			return false, ErrBroken
		}
		s.stack = s.stack[:len(s.stack)-1]
		s.Depth--
		s.Kind = End
		s.split(full)
		s.at += i + 1
		return true, nil
	}
	return s.start()
}

func (s *Scanner) split(full string) {
	s.Space, s.Name = "", full
	if i := strings.IndexByte(full, ':'); i >= 0 {
		s.Space, s.Name = full[:i], full[i+1:]
	}
}

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// start reads <name attr="value" …> or <name …/>.
func (s *Scanner) start() (bool, error) {
	b, i := s.in, s.at+1
	from := i
	for i < len(b) && !space(b[i]) && b[i] != '>' && b[i] != '/' {
		i++
	}
	if i == from || i >= len(b) {
		return false, ErrBroken
	}
	full := string(b[from:i])
	for {
		for i < len(b) && space(b[i]) {
			i++
		}
		if i >= len(b) {
			return false, ErrBroken
		}
		if b[i] == '>' {
			i++
			break
		}
		if b[i] == '/' {
			if i+1 >= len(b) || b[i+1] != '>' {
				return false, ErrBroken
			}
			s.empty = true
			i += 2
			break
		}
		from = i
		for i < len(b) && b[i] != '=' && !space(b[i]) && b[i] != '>' {
			i++
		}
		name := string(b[from:i])
		for i < len(b) && space(b[i]) {
			i++
		}
		if i >= len(b) || b[i] != '=' {
			return false, ErrBroken
		}
		i++
		for i < len(b) && space(b[i]) {
			i++
		}
		if i >= len(b) || b[i] != '"' && b[i] != '\'' {
			return false, ErrBroken
		}
		end := bytes.IndexByte(b[i+1:], b[i])
		if end < 0 || len(s.Attrs) > 400 {
			return false, ErrBroken
		}
		a := Attr{Name: name, Value: unescape(b[i+1 : i+1+end])}
		if j := strings.IndexByte(name, ':'); j >= 0 {
			a.Space, a.Name = name[:j], name[j+1:]
		}
		s.Attrs = append(s.Attrs, a)
		i += end + 2
	}
	if s.Depth++; s.Depth > 256 {
		return false, ErrBroken
	}
	if len(s.stack) == 0 {
		s.roots++
	}
	s.stack = append(s.stack, full)
	s.Kind = Start
	s.split(full)
	s.at = i
	return true, nil
}

// Parent is the local name of the element around the one at hand.
func (s *Scanner) Parent() string {
	if len(s.stack) < 2 {
		return ""
	}
	p := s.stack[len(s.stack)-2]
	return p[strings.IndexByte(p, ':')+1:]
}

// Inside reports whether the scanner stands in an element of that local name.
func (s *Scanner) Inside(name string) bool {
	for _, p := range s.stack {
		if p[strings.IndexByte(p, ':')+1:] == name {
			return true
		}
	}
	return false
}

// Skip reads to the end of the element that has just begun.
func (s *Scanner) Skip() error {
	for depth := s.Depth; s.Depth >= depth; {
		if ok, err := s.Next(); !ok {
			return errors.Join(err, ErrBroken)
		}
	}
	return nil
}

// unescape replaces the five entities and numeric references.
func unescape(b []byte) string {
	if bytes.IndexByte(b, '&') < 0 {
		return string(b)
	}
	var out strings.Builder
	for len(b) > 0 {
		i := bytes.IndexByte(b, '&')
		if i < 0 {
			out.Write(b)
			break
		}
		out.Write(b[:i])
		b = b[i:]
		j := bytes.IndexByte(b, ';')
		if j < 0 || j > 12 {
			out.WriteByte('&')
			b = b[1:]
			continue
		}
		switch e := string(b[1:j]); {
		case e == "amp":
			out.WriteByte('&')
		case e == "lt":
			out.WriteByte('<')
		case e == "gt":
			out.WriteByte('>')
		case e == "quot":
			out.WriteByte('"')
		case e == "apos":
			out.WriteByte('\'')
		case strings.HasPrefix(e, "#"):
			base, digits := 10, e[1:]
			if strings.HasPrefix(digits, "x") || strings.HasPrefix(digits, "X") {
				base, digits = 16, digits[1:]
			}
			if n, err := strconv.ParseUint(digits, base, 21); err == nil {
				out.WriteRune(rune(n))
			}
		default:
			out.Write(b[:j+1])
		}
		b = b[j+1:]
	}
	return out.String()
}

// Escape writes text so that it reads back as itself.
func Escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&quot;")
		case r < 0x20 && r != '\n' && r != '\t', r == 0xfffe, r == 0xffff, r == utf8.RuneError:
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
