package page

import (
	"strings"
	"unicode/utf16"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

// font reads how a font's codes are letters.
func (j *judge) font(d pdfDict) (map[int]string, bool) {
	wide := d["Subtype"] == pdfName("Type0")
	st, ok := j.get(d["ToUnicode"]).(pdfStream)
	if !ok {
		return nil, wide
	}
	b, _ := j.decode(st)
	l := &lexer{in: b}
	m := map[int]string{}
	var args []any
	for range 200_000 {
		v, err := l.value()
		if err != nil {
			break
		}
		w, isWord := v.(pdfWord)
		if !isWord || !strings.HasPrefix(string(w), "end") && !strings.HasPrefix(string(w), "begin") {
			args = append(args, v)
			continue
		}
		switch w {
		case "endbfchar":
			for i := 0; i+1 < len(args); i += 2 {
				m[codeOf(args[i])] = utf16Of(args[i+1])
			}
		case "endbfrange":
			for i := 0; i+2 < len(args); i += 3 {
				lo, hi := codeOf(args[i]), codeOf(args[i+1])
				if a, ok := args[i+2].(pdfArray); ok {
					for k, x := range a {
						m[lo+k] = utf16Of(x)
					}
					continue
				}
				to := []rune(utf16Of(args[i+2]))
				for k := lo; k <= hi && k-lo < 65536 && len(to) == 1; k++ {
					m[k] = string(to[0] + rune(k-lo))
				}
			}
		}
		args = nil
	}
	return m, wide
}

func codeOf(v any) int {
	b, _ := v.(pdfString)
	n := 0
	for _, c := range b {
		n = n<<8 | int(c)
	}
	return n & 0xffffff
}

func utf16Of(v any) string {
	b, _ := v.(pdfString)
	var u []uint16
	for i := 0; i+1 < len(b); i += 2 {
		u = append(u, uint16(b[i])<<8|uint16(b[i+1]))
	}
	return string(utf16.Decode(u))
}

// show reads the text of an operator that shows some.
func show(v any, cmap map[int]string, wide bool) string {
	var b strings.Builder
	switch x := v.(type) {
	case pdfArray:
		for _, y := range x {
			if w, ok := y.(pdfWord); ok {
				if f, ok := look.Float(string(w)); ok && f < -200 {
					b.WriteByte(' ')
				}
				continue
			}
			b.WriteString(show(y, cmap, wide))
		}
	case pdfString:
		step := 1
		if wide {
			step = 2
		}
		for i := 0; i+step <= len(x); i += step {
			code := int(x[i])
			if wide {
				code = code<<8 | int(x[i+1])
			}
			switch t, ok := cmap[code]; {
			case ok:
				b.WriteString(t)
			case !wide && code >= 0x20 && code < 0x7f:
				b.WriteByte(byte(code))
			}
		}
	}
	return b.String()
}
