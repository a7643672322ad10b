package picture

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/markup"
	"github.com/ark-tre/ark/airlock/inspect/paint"
)

// drawn are the elements of the subset that a rebuilt SVG may hold.
var drawn = set("svg g defs path line polyline polygon rect circle ellipse text tspan use clipPath linearGradient radialGradient stop marker symbol style title pattern mask image switch a filter feColorMatrix feComposite feOffset feGaussianBlur feBlend feFlood feMerge feMergeNode feImage feTile view")

// attributes are those that may stay; none takes a script or an address.
var attributes = set(`id class d x y x1 y1 x2 y2 cx cy r rx ry fx fy width height points transform style fill stroke viewBox version preserveAspectRatio font-size font-family font-weight font-style
 text-anchor dominant-baseline alignment-baseline baseline-shift dx dy rotate textLength lengthAdjust stroke-width stroke-linecap stroke-linejoin stroke-dasharray stroke-dashoffset stroke-miterlimit stroke-opacity fill-opacity
 fill-rule clip-rule clip-path opacity offset stop-color stop-opacity gradientUnits gradientTransform spreadMethod marker-start marker-mid marker-end refX refY markerWidth markerHeight markerUnits orient clipPathUnits
 patternUnits patternTransform patternContentUnits maskUnits maskContentUnits overflow color letter-spacing word-spacing text-rendering shape-rendering image-rendering direction xml:space type mask font stroke-alignment
 filter filterUnits primitiveUnits in in2 values operator result mode stdDeviation k1 k2 k3 k4 flood-color flood-opacity zoomAndPan display visibility vector-effect`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// svg is an SVG while it is looked at.
type svg struct {
	s      *look.Scope
	r      *look.Report
	f      look.File
	out    strings.Builder
	shapes map[string]int // how often a small shape is drawn
	vertex int            // corners of the longest path
	images int
	texts  []string
	rules  []rule
	aside  int // characters of what is not drawn
	sheet  paint.Sheet
}

// SVG looks at an SVG drawing and writes one of the elements that draw.
func SVG(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "image/svg+xml"}
	if len(f.Data) > 8<<20 {
		r.Add(f, "picture-points", look.Nowhere, "bytes", look.Itoa(len(f.Data)))
		return r
	}
	v := &svg{s: s, r: &r, f: f, shapes: map[string]int{}}
	if err := v.read(stripDoctype(f.Data)); err != nil {
		r.Add(f, "file-unreadable", look.Nowhere)
		return r
	}
	unseen := v.sheet.Unseen()
	for _, why := range look.Keys(unseen) {
		r.Add(f, "picture-hidden-elements", look.Nowhere, "text", why, "texts", look.Itoa(unseen[why]))
	}
	v.points()
	v.labels()
	r.Add(f, "picture-needs-eyes", look.Nowhere)
	r.Rebuilt = []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + v.out.String() + "\n")
	return r
}

// stripDoctype drops the document type that drawing programs still write,
// unless it declares entities.
func stripDoctype(b []byte) []byte {
	i := bytes.Index(b, []byte("<!DOCTYPE"))
	if i < 0 || i > 2000 {
		return b
	}
	j := bytes.IndexByte(b[i:], '>')
	if j < 0 || bytes.IndexByte(b[i:i+j], '[') >= 0 {
		return b
	}
	return append(bytes.Clone(b[:i]), b[i+j+1:]...)
}

func (v *svg) read(data []byte) error {
	if err := v.styles(data); err != nil {
		return err
	}
	m := markup.New(data)
	first, hidden := true, 0
	var open []string
	looks := []state{newState()} // of the elements that are open
	for {
		ok, err := m.Next()
		if !ok {
			return err
		}
		switch m.Kind {
		case markup.Comment:
			v.s.Word(v.r, v.f, look.Nowhere, m.Data)
			if len(m.Data) > 200 {
				v.r.Add(v.f, "picture-hidden-data", look.Nowhere, "comment", look.Itoa(len(m.Data)))
			}
		case markup.Instruction:
			if m.Name != "xml" {
				v.r.Add(v.f, "picture-outside", look.Nowhere)
			}
		case markup.Text:
			if hidden > 0 {
				if t := strings.TrimSpace(m.Data); t != "" {
					v.s.Word(v.r, v.f, look.Nowhere, m.Data)
					if v.aside += len(t); v.aside > 250 {
						v.r.Add(v.f, "picture-metadata-data", look.Nowhere, "characters", look.Itoa(v.aside))
					}
				}
				continue
			}
			if m.Inside("style") {
				v.css(m.Data)
				v.out.WriteString(markup.Escape(m.Data))
				continue
			}
			if t := strings.TrimSpace(m.Data); t != "" {
				v.texts = append(v.texts, t)
				if m.Inside("text") {
					v.writes(t, looks[len(looks)-1])
				}
				v.s.Word(v.r, v.f, look.Nowhere, t)
			}
			v.out.WriteString(markup.Escape(m.Data))
		case markup.Start:
			if first && m.Name != "svg" {
				return markup.ErrBroken
			}
			name := m.Name
			open = append(open, name)
			skip := hidden > 0
			switch {
			case slices.Contains([]string{"script", "foreignObject", "iframe", "embed", "object", "handler", "set", "animate", "animateTransform", "animateMotion", "audio", "video"}, name):
				v.r.Add(v.f, "picture-active", look.Nowhere, "element", name)
				skip = true
			case name == "metadata" || name == "desc" || m.Space != "" && m.Space != "svg":
				skip = true
				if name == "metadata" {
					v.r.Add(v.f, "picture-metadata", look.Nowhere)
				}
			case !drawn[name]:
				v.r.Add(v.f, "picture-hidden-elements", look.Nowhere)
				skip = true
			case v.unseen(m):
				v.r.Add(v.f, "picture-hidden-elements", look.Nowhere, "element", name)
				skip = true
			}
			if skip {
				hidden++
				continue
			}
			if first {
				v.sheet.Bounds = bounds(m)
			}
			g := looks[len(looks)-1].enter(m, v.rules)
			if name == "text" || name == "tspan" {
				if x, ok := amount(m.Attr("x"), 0); ok {
					g.x = x
				}
				if y, ok := amount(m.Attr("y"), 0); ok {
					g.y = y
				}
			}
			looks = append(looks, g)
			v.fills(m, g)
			v.element(m, first)
			first = false
		case markup.End:
			name := open[len(open)-1]
			open = open[:len(open)-1]
			if hidden > 0 {
				hidden--
				continue
			}
			looks = looks[:len(looks)-1]
			v.out.WriteString("</" + name + ">")
		}
	}
}

// styles reads the style sheets, which may stand behind what they style.
func (v *svg) styles(data []byte) error {
	m := markup.New(data)
	for {
		ok, err := m.Next()
		if !ok {
			return err
		}
		if m.Kind == markup.Text && m.Inside("style") && len(v.rules) < 4000 {
			v.rules = append(v.rules, sheet(m.Data)...)
		}
	}
}

// unseen reports whether an element draws what nobody sees.
func (v *svg) unseen(m *markup.Scanner) bool {
	style := strings.ReplaceAll(strings.ToLower(m.Attr("style")), " ", "")
	is := func(key string, values ...string) bool {
		for _, x := range values {
			if strings.EqualFold(strings.TrimSpace(m.Attr(key)), x) {
				return true
			}
			if strings.Contains(";"+style+";", ";"+key+":"+x+";") {
				return true
			}
		}
		return false
	}
	if m.Name == "rect" || m.Name == "path" || m.Name == "svg" || m.Name == "style" || m.Inside("clipPath") || m.Inside("defs") || m.Inside("mask") || m.Inside("symbol") {
		return is("display", "none") && m.Name != "rect" && m.Name != "path"
	}
	if is("display", "none") || is("visibility", "hidden", "collapse") {
		return true
	}
	if m.Name != "text" && m.Name != "tspan" && m.Name != "g" && m.Name != "image" {
		return false
	}
	if is("opacity", "0", "0.0", "0.00") {
		return true
	}
	if m.Name == "text" || m.Name == "tspan" {
		size := m.Attr("font-size")
		if i := strings.Index(style, "font-size:"); i >= 0 {
			size, _, _ = strings.Cut(style[i+10:], ";")
		}
		if n, err := strconv.ParseFloat(strings.TrimRight(size, "ptxem% "), 64); err == nil && n < 1 && !strings.HasSuffix(size, "em") {
			return true
		}
		if is("fill-opacity", "0") || is("fill", "none", "transparent") && m.Attr("stroke") == "" && !strings.Contains(style, "stroke:") {
			return true
		}
		for _, k := range []string{"x", "y"} {
			if n, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(m.Attr(k), "px")), 64); err == nil && (n < -2000 || n > 20000) {
				return true
			}
		}
	}
	return false
}

var (
	number = regexp.MustCompile(`-?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?`)
	local  = regexp.MustCompile(`^#[A-Za-z_][\w.:-]*$`)
	urls   = regexp.MustCompile(`(?i)url\(\s*['"]?([^'")]*)`)
)

// element judges one element that draws and writes it again with the
// attributes that may stay; coordinates keep two decimals.
func (v *svg) element(m *markup.Scanner, first bool) {
	v.out.WriteString("<" + m.Name)
	if first {
		v.out.WriteString(` xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"`)
	}
	href := ""
	for _, a := range m.Attrs {
		key := a.Name
		if a.Space != "" {
			key = a.Space + ":" + a.Name
		}
		low := strings.ToLower(a.Name)
		switch {
		case a.Space == "xmlns" || key == "xmlns":
			continue
		case strings.HasPrefix(low, "on"):
			v.r.Add(v.f, "picture-active", look.Nowhere, "attribute", "on…")
			continue
		case low == "href" || low == "src":
			href = strings.TrimSpace(a.Value)
			continue
		case strings.HasPrefix(low, "data-") || strings.HasPrefix(low, "aria-") || low == "desc":
			v.s.Word(v.r, v.f, look.Nowhere, a.Value)
			if len(a.Value) > 60 {
				v.r.Add(v.f, "picture-hidden-data", look.Nowhere, "attribute", "data")
			}
			continue
		}
		if low == "id" || low == "class" || low == "font-family" {
			v.s.Word(v.r, v.f, look.Nowhere, a.Value)
			if len(a.Value) > 80 && low == "id" {
				v.r.Add(v.f, "picture-hidden-data", look.Nowhere, "attribute", "id")
			}
		}
		if !attributes[a.Name] && key != "xml:space" {
			continue
		}
		v.css(a.Value)
		val := a.Value
		if coordinates[a.Name] {
			val = number.ReplaceAllStringFunc(val, round)
		}
		v.out.WriteString(" " + key + `="` + markup.Escape(val) + `"`)
	}
	v.reference(m.Name, href)
	v.count(m)
	v.out.WriteString(">")
}

var coordinates = set("d x y x1 y1 x2 y2 cx cy r rx ry points width height dx dy")

func round(s string) string {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	out := strings.TrimRight(strings.TrimRight(strconv.FormatFloat(f, 'f', 2, 64), "0"), ".")
	if strings.HasPrefix(s, ".") || out == "-0" {
		return strings.TrimPrefix(out, "-0")
	}
	return out
}

// reference judges an address: only what lies inside the drawing stays.
func (v *svg) reference(element, href string) {
	switch {
	case href == "":
	case local.MatchString(href):
		v.out.WriteString(` xlink:href="` + markup.Escape(href) + `"`)
	case element == "image" && strings.HasPrefix(href, "data:image/png;base64,"):
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(href[len("data:image/png;base64,"):]), ""))
		if err != nil || v.images > 20 {
			v.r.Add(v.f, "picture-hidden-data", look.Nowhere, "image", "damaged")
			return
		}
		v.images++
		got := PNG(v.s, look.File{Name: v.f.Name + "!/image" + look.Itoa(v.images) + ".png", Data: raw, Depth: v.f.Depth + 1})
		v.r.Take(got)
		if got.Rebuilt != nil {
			v.out.WriteString(` xlink:href="data:image/png;base64,` + base64.StdEncoding.EncodeToString(got.Rebuilt) + `"`)
		}
	case strings.HasPrefix(strings.ToLower(href), "javascript:"), strings.HasPrefix(href, "data:"):
		v.r.Add(v.f, "picture-active", look.Nowhere, "address", "script or data")
	default:
		v.r.Add(v.f, "picture-outside", look.Nowhere)
	}
}

// css judges styles: nothing may be fetched or imported.
func (v *svg) css(text string) {
	low := strings.ToLower(text)
	if strings.Contains(low, "@import") || strings.Contains(low, "expression(") || strings.Contains(low, "javascript:") {
		v.r.Add(v.f, "picture-outside", look.Nowhere)
	}
	for _, m := range urls.FindAllStringSubmatch(text, 64) {
		if !strings.HasPrefix(m[1], "#") {
			v.r.Add(v.f, "picture-outside", look.Nowhere)
		}
	}
	if len(text) > 200<<10 {
		v.r.Add(v.f, "picture-hidden-data", look.Nowhere, "style", look.Itoa(len(text)))
	}
}

// count notes small shapes that are drawn again and again, and long paths.
func (v *svg) count(m *markup.Scanner) {
	key := ""
	switch m.Name {
	case "circle":
		key = "circle r " + m.Attr("r")
	case "ellipse":
		key = "ellipse " + m.Attr("rx") + " " + m.Attr("ry")
	case "use":
		if m.Attr("x") != "" || m.Attr("transform") != "" {
			key = "use " + m.Attr("href") // equal glyphs are told by their names
			if strings.Contains(key, "glyph") || strings.Contains(key, "Cantarell") || strings.Contains(key, "DejaVu") || strings.Contains(key, "-") {
				key = ""
			}
		}
	case "path":
		d := m.Attr("d")
		n := len(number.FindAllStringIndex(d, -1)) / 2
		if strings.ContainsAny(d, "cCaAqQ") {
			n /= 2
		}
		v.vertex = max(v.vertex, n)
		if n <= 16 && len(d) < 600 && (strings.ContainsAny(d, "zZ") || strings.ContainsAny(d, "cCaA")) && small(d) {
			key = "path " + shapeOf(d)
		}
	case "polyline", "polygon":
		v.vertex = max(v.vertex, len(number.FindAllStringIndex(m.Attr("points"), -1))/2)
	case "rect":
		if w, err := strconv.ParseFloat(m.Attr("width"), 64); err == nil && w <= 8 && m.Attr("width") == m.Attr("height") {
			key = "rect " + m.Attr("width")
		}
	}
	if key != "" && !m.Inside("defs") && !m.Inside("clipPath") {
		v.shapes[key]++
	}
}

// small reports whether a path stays within a mark's size.
func small(d string) bool {
	ns := number.FindAllString(d, 64)
	loX, hiX, loY, hiY := 1e18, -1e18, 1e18, -1e18
	for i, s := range ns {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return false
		}
		if i%2 == 0 {
			loX, hiX = min(loX, f), max(hiX, f)
		} else {
			loY, hiY = min(loY, f), max(hiY, f)
		}
	}
	relative := strings.ContainsAny(d, "lcahv")
	return relative && len(d) < 300 || hiX-loX < 14 && hiY-loY < 14
}

// shapeOf is a path's commands, which all marks of one kind share.
func shapeOf(d string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' && r != 'e' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, d)
}

// points judges how many marks there are, and how long the longest line.
func (v *svg) points() {
	most := 0
	for _, n := range v.shapes {
		most = max(most, n)
	}
	n := max(most, v.vertex/4)
	switch {
	case most >= 100 || v.vertex >= 1500:
		v.r.Add(v.f, "picture-points", look.Nowhere, "marks", look.Itoa(most), "corners", look.Itoa(v.vertex))
	case n >= 30:
		v.r.Add(v.f, "picture-points-maybe", look.Nowhere, "marks", look.Itoa(most), "corners", look.Itoa(v.vertex))
	}
}

// labels judges the texts of a drawing: more than a plot needs, or rows.
func (v *svg) labels() {
	rows := 0
	for _, t := range v.texts {
		if strings.Count(t, ",") >= 3 || strings.Count(t, "\t") >= 2 || strings.Count(t, ":") >= 3 {
			rows++
		}
	}
	if rows >= 10 || len(v.texts) > 1500 {
		v.r.Add(v.f, "picture-text", look.Nowhere, "texts", look.Itoa(len(v.texts)))
	}
}
