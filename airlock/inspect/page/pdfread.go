package page

import (
	"bytes"
	"compress/zlib"
	"encoding/ascii85"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

var errPDF = errors.New("page: a PDF that can't be followed")

// Values of a PDF. Numbers and words other than names are kept as text.
type (
	pdfName   string
	pdfString []byte
	pdfWord   string
	pdfRef    int
	pdfArray  []any
	pdfDict   map[string]any
	pdfStream struct {
		dict pdfDict
		raw  []byte
	}
)

// lexer reads values from bytes.
type lexer struct {
	in    []byte
	at    int
	depth int
}

func white(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}
func delim(c byte) bool {
	return c == '(' || c == ')' || c == '<' || c == '>' || c == '[' || c == ']' || c == '{' || c == '}' || c == '/' || c == '%'
}

func (l *lexer) space() {
	for l.at < len(l.in) {
		switch c := l.in[l.at]; {
		case white(c):
			l.at++
		case c == '%':
			for l.at < len(l.in) && l.in[l.at] != '\n' && l.in[l.at] != '\r' {
				l.at++
			}
		default:
			return
		}
	}
}

func (l *lexer) word() string {
	from := l.at
	for l.at < len(l.in) && !white(l.in[l.at]) && !delim(l.in[l.at]) {
		l.at++
	}
	return string(l.in[from:l.at])
}

// value reads one value; io.EOF at the end.
func (l *lexer) value() (any, error) {
	l.space()
	if l.at >= len(l.in) {
		return nil, io.EOF
	}
	if l.depth++; l.depth > 100 {
		return nil, errPDF
	}
	defer func() { l.depth-- }()
	switch c := l.in[l.at]; c {
	case '/':
		l.at++
		w := l.word()
		if bytes.IndexByte([]byte(w), '#') >= 0 { // names may hide letters as #4A
			w = unhash(w)
		}
		return pdfName(w), nil
	case '(':
		return l.text()
	case '<':
		if l.at+1 < len(l.in) && l.in[l.at+1] == '<' {
			l.at += 2
			return l.dict()
		}
		end := bytes.IndexByte(l.in[l.at:], '>')
		if end < 0 {
			return nil, errPDF
		}
		s := unhex(l.in[l.at+1 : l.at+end])
		l.at += end + 1
		return pdfString(s), nil
	case '[':
		l.at++
		var a pdfArray
		for {
			l.space()
			if l.at < len(l.in) && l.in[l.at] == ']' {
				l.at++
				return a, nil
			}
			v, err := l.value()
			if err != nil {
				return nil, errPDF
			}
			a = refs(append(a, v))
		}
	case ')', ']', '>', '{', '}':
		l.at++
		return pdfWord(string(c)), nil
	}
	return pdfWord(l.word()), nil
}

// refs folds "12 0 R" at the end of a list into a reference.
func refs(a pdfArray) pdfArray {
	n := len(a)
	if n < 3 || a[n-1] != pdfWord("R") {
		return a
	}
	id, ok := a[n-3].(pdfWord)
	k, err := strconv.Atoi(string(id))
	if !ok || err != nil {
		return a
	}
	return append(a[:n-3], pdfRef(k))
}

func (l *lexer) dict() (any, error) {
	var a pdfArray
	for {
		l.space()
		if l.at+1 < len(l.in) && l.in[l.at] == '>' && l.in[l.at+1] == '>' {
			l.at += 2
			break
		}
		v, err := l.value()
		if err != nil || len(a) > 200_000 {
			return nil, errPDF
		}
		a = refs(append(a, v))
	}
	d := pdfDict{}
	for i := 0; i+1 < len(a); i += 2 {
		k, ok := a[i].(pdfName)
		if !ok {
			return nil, errPDF
		}
		d[string(k)] = a[i+1]
	}
	return d, nil
}

func (l *lexer) text() (any, error) {
	l.at++
	depth := 1
	var out []byte
	for l.at < len(l.in) {
		c := l.in[l.at]
		l.at++
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return pdfString(out), nil
			}
		case '\\':
			if l.at >= len(l.in) {
				return nil, errPDF
			}
			e := l.in[l.at]
			l.at++
			switch e {
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			case '\n':
				continue
			case '0', '1', '2', '3', '4', '5', '6', '7':
				v := int(e - '0')
				for k := 0; k < 2 && l.at < len(l.in) && l.in[l.at] >= '0' && l.in[l.at] <= '7'; k++ {
					v = v*8 + int(l.in[l.at]-'0')
					l.at++
				}
				c = byte(v)
			default:
				c = e
			}
		}
		out = append(out, c)
	}
	return nil, errPDF
}

func unhash(s string) string {
	var out []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '#' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(v))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

func unhex(b []byte) []byte {
	var out []byte
	high := -1
	for _, c := range b {
		v := bytes.IndexByte([]byte("0123456789abcdef"), c|0x20)
		if c >= '0' && c <= '9' {
			v = int(c - '0')
		}
		switch {
		case v < 0:
		case high < 0:
			high = v
		default:
			out = append(out, byte(high<<4|v))
			high = -1
		}
	}
	if high >= 0 {
		out = append(out, byte(high<<4))
	}
	return out
}

// pdf is a document: its objects by number, and its trailers.
type pdf struct {
	objects  map[int]any
	trailers []pdfDict
	twice    bool // an object stands twice: the document keeps an earlier version
	s        *look.Scope
}

var objectHead = regexp.MustCompile(`(?:^|[\r\n\s])(\d{1,8})[ \r\n]+(\d{1,5})[ \r\n]+obj\b`)

// readPDF collects every object of the file, wherever it stands: what a
// reader's index leaves out is found too.
func readPDF(s *look.Scope, b []byte) (*pdf, error) {
	p := &pdf{objects: map[int]any{}, s: s}
	for at := 0; at < len(b); {
		m := objectHead.FindSubmatchIndex(b[at:])
		t := bytes.Index(b[at:], []byte("trailer"))
		if t >= 0 && (m == nil || t < m[0]) {
			l := &lexer{in: b, at: at + t + 7}
			if v, err := l.value(); err == nil {
				if d, ok := v.(pdfDict); ok {
					p.trailers = append(p.trailers, d)
				}
			}
			at = max(l.at, at+t+7)
			continue
		}
		if m == nil {
			break
		}
		id, _ := strconv.Atoi(string(b[at+m[2] : at+m[3]]))
		l := &lexer{in: b, at: at + m[1]}
		v, err := l.value()
		if err != nil {
			return nil, errPDF
		}
		l.space()
		if d, ok := v.(pdfDict); ok && bytes.HasPrefix(b[l.at:], []byte("stream")) {
			st, end, err := stream(b, l.at+6, d)
			if err != nil {
				return nil, err
			}
			v, l.at = st, end
			if d["Type"] == pdfName("XRef") {
				p.trailers = append(p.trailers, d)
			}
		}
		if w, ok := v.(pdfWord); ok { // a number, or the first of "5 0 R"
			v = w
		}
		if _, ok := p.objects[id]; ok {
			p.twice = true
		}
		p.objects[id] = v
		if at = l.at; len(p.objects) > 200_000 {
			return nil, errPDF
		}
	}
	return p, p.packed()
}

// stream takes a stream's bytes: by its length if that leads to its end, else
// by looking for the end.
func stream(b []byte, at int, d pdfDict) (pdfStream, int, error) {
	if at < len(b) && b[at] == '\r' {
		at++
	}
	if at < len(b) && b[at] == '\n' {
		at++
	}
	if w, ok := d["Length"].(pdfWord); ok {
		if n, err := strconv.Atoi(string(w)); err == nil && n >= 0 && at+n <= len(b) {
			rest := bytes.TrimLeft(b[at+n:min(len(b), at+n+20)], "\r\n ")
			if bytes.HasPrefix(rest, []byte("endstream")) {
				return pdfStream{d, b[at : at+n]}, at + n, nil
			}
		}
	}
	end := bytes.Index(b[min(at, len(b)):], []byte("endstream"))
	if end < 0 {
		return pdfStream{}, 0, errPDF
	}
	return pdfStream{d, bytes.TrimRight(b[at:at+end], "\r\n")}, at + end, nil
}

// packed reads the objects that lie in streams.
func (p *pdf) packed() error {
	ids := make([]int, 0, len(p.objects))
	for id := range p.objects {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		st, ok := p.objects[id].(pdfStream)
		if !ok || st.dict["Type"] != pdfName("ObjStm") {
			continue
		}
		data, ok := p.decode(st)
		n, err := strconv.Atoi(string(word(st.dict["N"])))
		first, err2 := strconv.Atoi(string(word(st.dict["First"])))
		if !ok || err != nil || err2 != nil || first > len(data) || n > 100_000 {
			return errPDF
		}
		head := &lexer{in: data[:first]}
		for range n {
			id, e1 := head.value()
			off, e2 := head.value()
			k, e3 := strconv.Atoi(string(word(id)))
			o, e4 := strconv.Atoi(string(word(off)))
			if e1 != nil || e2 != nil || e3 != nil || e4 != nil || first+o > len(data) || o < 0 {
				return errPDF
			}
			x, err := (&lexer{in: data, at: first + o}).value()
			if err != nil {
				return errPDF
			}
			if _, ok := p.objects[k]; !ok {
				p.objects[k] = x
			}
		}
	}
	return nil
}

func word(v any) pdfWord { w, _ := v.(pdfWord); return w }

// get follows references.
func (p *pdf) get(v any) any {
	for range 20 {
		r, ok := v.(pdfRef)
		if !ok {
			return v
		}
		v = p.objects[int(r)]
	}
	return nil
}

func (p *pdf) dict(v any) pdfDict {
	switch x := p.get(v).(type) {
	case pdfDict:
		return x
	case pdfStream:
		return x.dict
	}
	return nil
}

// decode unfolds a stream that is plain, deflated, or either as text.
func (p *pdf) decode(st pdfStream) ([]byte, bool) {
	var filters []any
	switch f := p.get(st.dict["Filter"]).(type) {
	case nil:
	case pdfArray:
		filters = f
	default:
		filters = []any{f}
	}
	out := st.raw
	for _, f := range filters {
		name, _ := p.get(f).(pdfName)
		var ok bool
		switch name {
		case "FlateDecode", "Fl":
			out, ok = p.inflate(out)
		case "ASCII85Decode", "A85":
			out, ok = unbase85(out)
		case "ASCIIHexDecode", "AHx":
			out, ok = unhex(out), true
		}
		if !ok {
			return nil, false
		}
	}
	return out, true
}

func (p *pdf) inflate(b []byte) ([]byte, bool) {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, false
	}
	out, err := io.ReadAll(io.LimitReader(z, 64<<20))
	if err != nil && len(out) == 0 || !p.s.Room.Take(int64(len(out)), 0) {
		return nil, false
	}
	return out, true
}

func unbase85(b []byte) ([]byte, bool) {
	b = bytes.TrimPrefix(bytes.TrimSpace(b), []byte("<~"))
	if i := bytes.Index(b, []byte("~>")); i >= 0 {
		b = b[:i]
	}
	out, err := io.ReadAll(ascii85.NewDecoder(bytes.NewReader(b)))
	return out, err == nil
}
