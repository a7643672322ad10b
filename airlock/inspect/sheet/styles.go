package sheet

import (
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/markup"
)

// style is what a cell's format means for what people see.
type style struct {
	date      bool
	invisible bool
}

type styles []style

func (s styles) of(id string) style {
	n, err := strconv.Atoi(id)
	if err != nil || n < 0 || n >= len(s) {
		return style{}
	}
	return s[n]
}

// white reports whether an ARGB colour is white or nearly.
func white(argb string) bool {
	if len(argb) == 8 {
		argb = argb[2:]
	}
	if len(argb) != 6 {
		return false
	}
	v, err := strconv.ParseUint(argb, 16, 32)
	return err == nil && v>>16 >= 0xf8 && v>>8&0xff >= 0xf8 && v&0xff >= 0xf8
}

func tiny(size string) bool {
	v, err := strconv.ParseFloat(size, 64)
	return err == nil && v < 3
}

type font struct {
	colour string
	tiny   bool
}

// colourOf writes a colour so that equal ones compare equal.
func colourOf(m *markup.Scanner) string {
	if c := m.Attr("rgb"); c != "" {
		if white(c) {
			return "white"
		}
		return strings.ToUpper(c[max(0, len(c)-6):])
	}
	if t := m.Attr("theme"); t != "" {
		if t == "0" && (m.Attr("tint") == "" || strings.HasPrefix(m.Attr("tint"), "0")) {
			return "white"
		}
		return "theme" + t + m.Attr("tint")
	}
	if i := m.Attr("indexed"); i != "" {
		if i == "9" || i == "1" || i == "65" {
			return "white"
		}
		return "indexed" + i
	}
	return ""
}

// readStyles reads the cell formats of a workbook.
func readStyles(data, _ []byte) (styles, error) {
	if data == nil {
		return nil, nil
	}
	formats := map[string]string{}
	var fonts []font
	var fills []string // colour of a solid fill, empty for none
	var out styles
	m := markup.New(data)
	for {
		ok, err := m.Next()
		if err != nil {
			return nil, err
		}
		if !ok {
			return out, nil
		}
		if m.Kind != markup.Start {
			continue
		}
		switch {
		case m.Name == "numFmt":
			formats[m.Attr("numFmtId")] = m.Attr("formatCode")
		case m.Name == "font" && m.Parent() == "fonts":
			fonts = append(fonts, font{})
		case m.Parent() == "font" && m.Inside("fonts") && len(fonts) > 0:
			switch m.Name {
			case "color":
				fonts[len(fonts)-1].colour = colourOf(m)
			case "sz":
				fonts[len(fonts)-1].tiny = tiny(m.Attr("val"))
			}
		case m.Name == "fill" && m.Parent() == "fills":
			fills = append(fills, "")
		case m.Name == "patternFill" && m.Inside("fills") && len(fills) > 0:
			if p := m.Attr("patternType"); p != "" && p != "none" {
				fills[len(fills)-1] = "some"
			}
		case m.Name == "gradientFill" && m.Inside("fills") && len(fills) > 0:
			fills[len(fills)-1] = "some"
		case m.Name == "fgColor" && m.Inside("fills") && len(fills) > 0 && fills[len(fills)-1] == "some":
			fills[len(fills)-1] = colourOf(m)
		case m.Name == "xf" && m.Parent() == "cellXfs":
			var s style
			id := m.Attr("numFmtId")
			s.date = isDate(id, formats[id])
			if c := formats[id]; c != "" && strings.Trim(c, "; \"") == "" && strings.Contains(c, ";") {
				s.invisible = true
			}
			if i, err := strconv.Atoi(m.Attr("fontId")); err == nil && i >= 0 && i < len(fonts) {
				back := "white"
				if j, err := strconv.Atoi(m.Attr("fillId")); err == nil && j >= 0 && j < len(fills) && fills[j] != "" {
					back = fills[j]
				}
				s.invisible = s.invisible || fonts[i].tiny || fonts[i].colour != "" && fonts[i].colour == back
			}
			out = append(out, s)
		}
	}
}

// isDate reports whether a number format shows a day.
func isDate(id, code string) bool {
	switch id {
	case "14", "15", "16", "17", "22", "27", "30", "36", "50", "57":
		return true
	}
	code = strings.ToLower(code)
	if i := strings.IndexByte(code, ';'); i > 0 {
		code = code[:i]
	}
	plain := strings.Builder{}
	quoted := false
	for i := 0; i < len(code); i++ {
		switch c := code[i]; {
		case c == '"':
			quoted = !quoted
		case c == '[':
			for i < len(code) && code[i] != ']' {
				i++
			}
		case c == '\\':
			i++
		case !quoted:
			plain.WriteByte(c)
		}
	}
	p := plain.String()
	return strings.Contains(p, "yy") || strings.Contains(p, "d") && strings.Contains(p, "m")
}
