package picture

import (
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/markup"
	"github.com/ark-tre/ark/airlock/inspect/paint"
)

// bounds are what people see of a drawing, in its own units.
func bounds(m *markup.Scanner) paint.Box {
	var n []float64
	for _, s := range number.FindAllString(m.Attr("viewBox"), 4) {
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			n = append(n, f)
		}
	}
	if len(n) == 4 {
		return paint.Box{X0: n[0], Y0: n[1], X1: n[0] + n[2], Y1: n[1] + n[3]}
	}
	w, ok := amount(m.Attr("width"), 0)
	h, ok2 := amount(m.Attr("height"), 0)
	if ok && ok2 && w > 0 && h > 0 {
		return paint.Box{X1: w, Y1: h}
	}
	return paint.Box{}
}

// fills notes what an element paints.
func (v *svg) fills(m *markup.Scanner, g state) {
	if g.aside || g.gone {
		return
	}
	c, drawn := colour(g.fill, g.color)
	corners := v.corners(m)
	if m.Name == "image" {
		c, drawn = paint.Colour{}, true
	}
	if !drawn || len(corners) < 3 || strings.HasPrefix(g.fill, "url(") && m.Name != "image" && len(corners) < 3 {
		return
	}
	v.sheet.Fill(paint.AreaOf(corners, g.ctm), paint.Everywhere, c, g.opacity*g.fillAlpha)
}

// corners are the points of an element that encloses something.
func (v *svg) corners(m *markup.Scanner) [][2]float64 {
	of := func(k string, whole float64) float64 { f, _ := amount(m.Attr(k), whole); return f }
	wide, high := v.sheet.Bounds.X1-v.sheet.Bounds.X0, v.sheet.Bounds.Y1-v.sheet.Bounds.Y0
	switch m.Name {
	case "rect", "image":
		x, y, w, h := of("x", wide), of("y", high), of("width", wide), of("height", high)
		return [][2]float64{{x, y}, {x + w, y}, {x + w, y + h}, {x, y + h}}
	case "circle", "ellipse":
		x, y, rx, ry := of("cx", wide), of("cy", high), of("rx", wide), of("ry", high)
		if m.Name == "circle" {
			rx, ry = of("r", wide), of("r", high)
		}
		return [][2]float64{{x - rx, y}, {x - rx*.7, y - ry*.7}, {x, y - ry}, {x + rx*.7, y - ry*.7}, {x + rx, y}, {x + rx*.7, y + ry*.7}, {x, y + ry}, {x - rx*.7, y + ry*.7}}
	case "polygon", "polyline":
		return paired(m.Attr("points"))
	case "path":
		return outline(m.Attr("d"))
	}
	return nil
}

func paired(s string) [][2]float64 {
	ns := number.FindAllString(s, 8000)
	var out [][2]float64
	for i := 0; i+1 < len(ns); i += 2 {
		x, err := strconv.ParseFloat(ns[i], 64)
		y, err2 := strconv.ParseFloat(ns[i+1], 64)
		if err == nil && err2 == nil {
			out = append(out, [2]float64{x, y})
		}
	}
	return out
}

// outline are the points that a path runs through.
func outline(d string) [][2]float64 {
	var out [][2]float64
	x, y, x0, y0 := 0.0, 0.0, 0.0, 0.0
	for i := 0; i < len(d) && len(out) < 4000; {
		c := d[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			i++
			continue
		}
		j := i + 1
		for j < len(d) && !(d[j] >= 'a' && d[j] <= 'z' && d[j] != 'e' || d[j] >= 'A' && d[j] <= 'Z' && d[j] != 'E') {
			j++
		}
		var n []float64
		for _, s := range number.FindAllString(d[i+1:j], 8000) {
			if f, err := strconv.ParseFloat(s, 64); err == nil {
				n = append(n, f)
			}
		}
		i = j
		relative := c >= 'a'
		step := map[byte]int{'m': 2, 'l': 2, 't': 2, 'h': 1, 'v': 1, 'c': 6, 's': 4, 'q': 4, 'a': 7}[c|0x20]
		if c|0x20 == 'z' {
			x, y = x0, y0
		}
		if step == 0 {
			continue
		}
		for k := 0; k+step <= len(n); k += step {
			px, py := x, y
			switch c | 0x20 {
			case 'h':
				x = n[k]
				if relative {
					x += px
				}
			case 'v':
				y = n[k]
				if relative {
					y += py
				}
			default:
				m := append([]float64{}, n[k:k+step]...)
				for i := range m {
					if relative && c != 'a' || relative && i >= 5 {
						m[i] += []float64{px, py}[(i+step)%2]
					}
				}
				x, y = m[step-2], m[step-1]
				switch step {
				case 6:
					out = append(out, paint.Curve([2]float64{px, py}, [6]float64(m))...)
					continue
				case 4:
					out = append(out, paint.Curve([2]float64{px, py}, [6]float64{m[0], m[1], m[0], m[1], x, y})...)
					continue
				}
			}
			if c|0x20 == 'm' && k == 0 {
				x0, y0 = x, y
			}
			out = append(out, [2]float64{x, y})
		}
	}
	return out
}

// writes notes a text where it stands.
func (v *svg) writes(t string, g state) {
	if g.aside {
		v.r.Add(v.f, "picture-hidden-elements", look.Nowhere, "text", "set aside")
		return
	}
	c, drawn := colour(g.fill, g.color)
	opacity := g.opacity * g.fillAlpha
	if !drawn {
		if c, drawn = colour(g.stroke, g.color); !drawn {
			opacity = 0
		}
	}
	if g.gone {
		opacity = 0
	}
	if strings.HasPrefix(g.fill, "url(") {
		c = paint.Colour{}
	}
	half := 0.25 * g.size * float64(min(len([]rune(t)), 400))
	box := paint.Box{X0: g.x - 0.1*half, Y0: g.y - 0.6*g.size, X1: g.x + 0.1*half, Y1: g.y + 0.1*g.size} // wherever its anchor is
	v.sheet.Text(box.Through(g.ctm), paint.Everywhere, g.size*g.ctm.Scale(), c, opacity)
}
