package page

import (
	"slices"
	"strconv"

	"github.com/ark-tre/ark/airlock/inspect/paint"
)

// state is what a content stream has set: where, in what and how it paints.
type state struct {
	ctm          paint.Matrix
	clip         paint.Box
	fill, stroke paint.Colour
	kind, kindS  string // of the colour spaces: gray, rgb, cmyk, tint, pattern
	alpha, thick float64
	mode         string // of text: 3 and 7 show none
	size         float64
	leading      float64
	wide         float64 // horizontal scaling
	rise         float64
	glyphs       float64 // what a font's own matrix makes of the size
	cmap         map[int]string
	double       bool // two bytes a letter
}

func newState(m paint.Matrix, clip paint.Box) state {
	black := paint.RGB(0, 0, 0)
	return state{ctm: m, clip: clip, fill: black, stroke: black, kind: "gray", kindS: "gray", alpha: 1, thick: 1, mode: "0", wide: 1, glyphs: 1}
}

// numbers are the last n arguments, if they are numbers.
func numbers(args []any, n int) ([]float64, bool) {
	if len(args) < n {
		return nil, false
	}
	out := make([]float64, n)
	for i, a := range args[len(args)-n:] {
		w, ok := a.(pdfWord)
		f, err := strconv.ParseFloat(string(w), 64)
		if !ok || err != nil {
			return nil, false
		}
		out[i] = f
	}
	return out, true
}

// matrix reads six numbers of a list.
func (p *pdf) matrix(v any) (paint.Matrix, bool) {
	a, _ := p.get(v).(pdfArray)
	if len(a) != 6 {
		return paint.Same, false
	}
	own := make([]any, 6)
	for i := range a {
		own[i] = p.get(a[i])
	}
	n, ok := numbers(own, 6)
	if !ok {
		return paint.Same, false
	}
	return paint.Matrix{A: n[0], B: n[1], C: n[2], D: n[3], E: n[4], F: n[5]}, true
}

// box reads four numbers of a list.
func (p *pdf) box(v any) (paint.Box, bool) {
	a, _ := p.get(v).(pdfArray)
	if len(a) != 4 {
		return paint.Everywhere, false
	}
	own := make([]any, 4)
	for i := range a {
		own[i] = p.get(a[i])
	}
	n, ok := numbers(own, 4)
	if !ok {
		return paint.Everywhere, false
	}
	return paint.Nothing.With(n[0], n[1]).With(n[2], n[3]), true
}

// space tells how a colour space's numbers are colours.
func (j *judge) space(v any, res pdfDict, depth int) string {
	if depth > 4 {
		return ""
	}
	switch x := j.get(v).(type) {
	case pdfName:
		switch x {
		case "DeviceGray", "G", "CalGray":
			return "gray"
		case "DeviceRGB", "RGB", "CalRGB":
			return "rgb"
		case "DeviceCMYK", "CMYK":
			return "cmyk"
		case "Pattern":
			return "pattern"
		}
		if own := j.dict(res["ColorSpace"])[string(x)]; own != nil {
			return j.space(own, nil, depth+1)
		}
	case pdfArray:
		if len(x) == 0 {
			return ""
		}
		name, _ := j.get(x[0]).(pdfName)
		switch name {
		case "ICCBased":
			if len(x) > 1 {
				n := j.dict(x[1])["N"]
				return map[pdfWord]string{"1": "gray", "3": "rgb", "4": "cmyk"}[word(j.get(n))]
			}
		case "Separation", "DeviceN":
			return "tint"
		default:
			return j.space(name, res, depth+1)
		}
	}
	return ""
}

// colour makes a colour of the numbers of a colour space. Those of a tint are
// known only where there is none: white.
func colour(kind string, args []any) paint.Colour {
	switch kind {
	case "gray":
		if n, ok := numbers(args, 1); ok {
			return paint.RGB(n[0], n[0], n[0])
		}
	case "rgb":
		if n, ok := numbers(args, 3); ok {
			return paint.RGB(n[0], n[1], n[2])
		}
	case "cmyk":
		if n, ok := numbers(args, 4); ok {
			return paint.RGB((1-n[0])*(1-n[3]), (1-n[1])*(1-n[3]), (1-n[2])*(1-n[3]))
		}
	case "tint":
		if !slices.ContainsFunc(args, func(a any) bool { f, ok := numbers([]any{a}, 1); return !ok || f[0] > 0.05 }) {
			return paint.RGB(1, 1, 1)
		}
	}
	return paint.Colour{}
}

// outline is what has been drawn since the last painting.
type outline struct {
	parts [][][2]float64
	rects []paint.Box
	clips bool
}

func (p *outline) to(x, y float64, begin bool) {
	if begin || len(p.parts) == 0 {
		p.parts = append(p.parts, nil)
	}
	last := &p.parts[len(p.parts)-1]
	if len(*last) < 4000 {
		*last = append(*last, [2]float64{x, y})
	}
}

// curve adds a curve as points along it.
func (p *outline) curve(op string, args []any) {
	need := 4
	if op == "c" {
		need = 6
	}
	n, ok := numbers(args, need)
	if !ok {
		return
	}
	from := [2]float64{n[0], n[1]}
	if len(p.parts) > 0 && len(p.parts[len(p.parts)-1]) > 0 {
		last := p.parts[len(p.parts)-1]
		from = last[len(last)-1]
	}
	switch op {
	case "v":
		n = []float64{from[0], from[1], n[0], n[1], n[2], n[3]}
	case "y":
		n = []float64{n[0], n[1], n[2], n[3], n[2], n[3]}
	}
	for _, c := range paint.Curve(from, [6]float64(n)) {
		p.to(c[0], c[1], false)
	}
}

// areas are what the path encloses.
func (p *outline) areas(m paint.Matrix) []paint.Area {
	var out []paint.Area
	for _, r := range p.rects {
		out = append(out, paint.AreaOf([][2]float64{{r.X0, r.Y0}, {r.X1, r.Y0}, {r.X1, r.Y1}, {r.X0, r.Y1}}, m))
	}
	for _, c := range p.parts {
		if len(c) > 2 {
			out = append(out, paint.AreaOf(c, m))
		}
	}
	return out
}

// paints sets a colour or a colour space.
func (g *state) paints(j *judge, op string, args []any, res pdfDict) {
	c, kind := &g.fill, &g.kind
	if op[0] >= 'A' && op[0] <= 'Z' {
		c, kind = &g.stroke, &g.kindS
	}
	switch op {
	case "g", "G":
		*kind = "gray"
	case "rg", "RG":
		*kind = "rgb"
	case "k", "K":
		*kind = "cmyk"
	case "cs", "CS":
		if len(args) > 0 {
			*kind = j.space(args[len(args)-1], res, 0)
		}
		*c = paint.RGB(0, 0, 0)
		return
	}
	*c = colour(*kind, args)
}

// extend sets what a graphics state dictionary says.
func (g *state) extend(j *judge, args []any, res pdfDict) {
	if len(args) == 0 {
		return
	}
	name, _ := args[len(args)-1].(pdfName)
	d := j.dict(j.dict(res["ExtGState"])[string(name)])
	if n, ok := numbers([]any{j.get(d["ca"])}, 1); ok {
		g.alpha = n[0]
	}
	if n, ok := numbers([]any{j.get(d["CA"])}, 1); ok {
		g.thick = n[0]
	}
}
