package picture

import (
	_ "embed"
	"math"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/markup"
	"github.com/ark-tre/ark/airlock/inspect/paint"
)

// look of an element: what it takes from those around it and from styles.
type state struct {
	ctm          paint.Matrix
	fill, stroke string
	fillAlpha    float64
	opacity      float64 // of it and all around it
	size         float64
	gone         bool // not displayed, or not visible
	color        string
	aside        bool // inside defs and the like: nothing is painted here
	x, y         float64
}

func newState() state {
	return state{ctm: paint.Same, fill: "black", stroke: "none", fillAlpha: 1, opacity: 1, size: 16, color: "black"}
}

// rule is one rule of a style sheet, for its last simple selector.
type rule struct {
	tag, class, id string
	props          map[string]string
}

// sheet reads the rules of a style sheet. What it can't follow is taken to
// fit every element that its last words could mean.
func sheet(css string) []rule {
	for {
		i := strings.Index(css, "/*")
		if i < 0 {
			break
		}
		j := strings.Index(css[i:], "*/")
		if j < 0 {
			css = css[:i]
			break
		}
		css = css[:i] + css[i+j+2:]
	}
	var out []rule
	for _, part := range strings.SplitN(css, "}", 4000) {
		selectors, body, ok := strings.Cut(part, "{")
		if !ok {
			continue
		}
		props := declared(body)
		for _, s := range strings.Split(selectors, ",") {
			words := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '>' || r == '+' || r == '~' || r == '\n' || r == '\t' })
			if len(words) == 0 {
				continue
			}
			last, _, _ := strings.Cut(words[len(words)-1], ":")
			last, _, _ = strings.Cut(last, "[")
			r := rule{props: props}
			last, r.id, _ = strings.Cut(last, "#")
			r.tag, r.class, _ = strings.Cut(last, ".")
			r.class, _, _ = strings.Cut(r.class, ".")
			if r.tag == "*" {
				r.tag = ""
			}
			out = append(out, r)
		}
	}
	return out
}

// declared reads property: value pairs.
func declared(style string) map[string]string {
	out := map[string]string{}
	for _, d := range strings.Split(style, ";") {
		if k, v, ok := strings.Cut(d, ":"); ok {
			out[strings.ToLower(strings.TrimSpace(k))] = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "!important"))
		}
	}
	return out
}

// enter is the look of an element inside g.
func (g state) enter(m *markup.Scanner, rules []rule) state {
	props := map[string]string{}
	for _, k := range []string{"fill", "stroke", "fill-opacity", "opacity", "font-size", "display", "visibility", "color", "transform"} {
		if v := m.Attr(k); v != "" {
			props[k] = v
		}
	}
	classes := " " + strings.Join(strings.Fields(m.Attr("class")), " ") + " "
	for _, r := range rules {
		if (r.tag == "" || r.tag == m.Name) && (r.class == "" || strings.Contains(classes, " "+r.class+" ")) && (r.id == "" || r.id == m.Attr("id")) {
			for k, v := range r.props {
				props[k] = v
			}
		}
	}
	for k, v := range declared(m.Attr("style")) {
		props[k] = v
	}
	switch m.Name {
	case "defs", "symbol", "clipPath", "mask", "pattern", "marker":
		g.aside = true
	}
	set := func(k string, to *string) {
		if v := props[k]; v != "" && v != "inherit" {
			*to = v
		}
	}
	set("fill", &g.fill)
	set("stroke", &g.stroke)
	set("color", &g.color)
	if v, ok := amount(props["fill-opacity"], 1); ok {
		g.fillAlpha = v
	}
	if v, ok := amount(props["opacity"], 1); ok {
		g.opacity *= v
	}
	if v, ok := amount(props["font-size"], g.size); ok {
		g.size = v
	}
	switch props["display"] {
	case "none":
		g.gone = true
	}
	switch props["visibility"] {
	case "hidden", "collapse":
		g.gone = true
	case "visible":
		g.gone = g.gone && props["display"] == "none"
	}
	g.ctm = moved(props["transform"]).In(g.ctm)
	return g
}

// amount reads a number; a percentage and em are of whole.
func amount(s string, whole float64) (float64, bool) {
	s = strings.TrimSpace(s)
	unit := strings.TrimLeft(s, "+-.0123456789")
	f, err := strconv.ParseFloat(strings.TrimSuffix(s, unit), 64)
	if err != nil {
		return 0, false
	}
	switch unit {
	case "%":
		return f / 100 * whole, true
	case "em", "rem":
		return f * whole, true
	case "pt":
		return f * 4 / 3, true
	}
	return f, true
}

// moved reads a list of transformations.
func moved(s string) paint.Matrix {
	all := paint.Same
	for range 40 {
		name, rest, ok := strings.Cut(s, "(")
		if !ok {
			break
		}
		inside, after, _ := strings.Cut(rest, ")")
		s = after
		var n []float64
		for _, x := range number.FindAllString(inside, 6) {
			f, err := strconv.ParseFloat(x, 64)
			if err != nil {
				f = 0
			}
			n = append(n, f)
		}
		at := func(i int, or float64) float64 {
			if i < len(n) {
				return n[i]
			}
			return or
		}
		m := paint.Same
		switch strings.Trim(name, ", \t\r\n") {
		case "matrix":
			if len(n) == 6 {
				m = paint.Matrix{A: n[0], B: n[1], C: n[2], D: n[3], E: n[4], F: n[5]}
			}
		case "translate":
			m.E, m.F = at(0, 0), at(1, 0)
		case "scale":
			m.A = at(0, 1)
			m.D = at(1, m.A)
		case "rotate":
			sin, cos := math.Sincos(at(0, 0) * math.Pi / 180)
			m = paint.Matrix{A: cos, B: sin, C: -sin, D: cos}
			if len(n) == 3 {
				m = paint.Matrix{A: 1, D: 1, E: -n[1], F: -n[2]}.In(m).In(paint.Matrix{A: 1, D: 1, E: n[1], F: n[2]})
			}
		case "skewX":
			m.C = math.Tan(at(0, 0) * math.Pi / 180)
		case "skewY":
			m.B = math.Tan(at(0, 0) * math.Pi / 180)
		}
		all = m.In(all)
	}
	return all
}

//go:embed data/colours.txt
var colourList string

// named are the colours that CSS has names for, as six hexadecimal digits.
var named = pairs(colourList)

func pairs(list string) map[string]string {
	m := map[string]string{}
	for l := range strings.Lines(list) {
		k, v, _ := strings.Cut(strings.TrimSpace(l), " ")
		m[k] = v
	}
	return m
}

// colour reads a colour; none is false.
func colour(s, current string) (c paint.Colour, drawn bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "currentcolor" {
		s = strings.ToLower(current)
	}
	switch {
	case s == "none" || s == "transparent" || s == "":
		return c, false
	case strings.HasPrefix(s, "#"):
		h := s[1:]
		if len(h) == 3 || len(h) == 4 {
			h = string([]byte{h[0], h[0], h[1], h[1], h[2], h[2]})
		}
		if len(h) < 6 {
			return c, true
		}
		v, err := strconv.ParseUint(h[:6], 16, 32)
		if err != nil {
			return c, true
		}
		return paint.RGB(float64(v>>16)/255, float64(v>>8&255)/255, float64(v&255)/255), true
	case strings.HasPrefix(s, "rgb"):
		ns := number.FindAllString(s, 4)
		if len(ns) < 3 {
			return c, true
		}
		whole := 255.0
		if strings.Contains(s, "%") {
			whole = 100
		}
		var n [4]float64
		n[3] = 1
		for i, x := range ns {
			f, err := strconv.ParseFloat(x, 64)
			if err != nil {
				return c, true
			}
			n[i] = f
		}
		return paint.RGB(n[0]/whole, n[1]/whole, n[2]/whole), n[3] > 0.05
	}
	if hex, ok := named[s]; ok {
		return colour("#"+hex, "")
	}
	return c, true
}
