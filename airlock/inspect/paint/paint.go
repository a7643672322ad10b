// Package paint follows what a page or drawing paints, in order, so that text
// which nobody sees is told: of the colour of its ground, covered by what is
// painted later, transparent, too small, beyond the edge.
//
// It may touch nothing. It must never take text for seen because it can't be
// placed; what it can't tell it says.
package paint

import "math"

// Matrix maps points: x' = A·x + C·y + E, y' = B·x + D·y + F.
type Matrix struct{ A, B, C, D, E, F float64 }

// Same is the matrix that moves nothing.
var Same = Matrix{A: 1, D: 1}

// In is m applied first and outer then.
func (m Matrix) In(outer Matrix) Matrix {
	return Matrix{
		m.A*outer.A + m.B*outer.C, m.A*outer.B + m.B*outer.D,
		m.C*outer.A + m.D*outer.C, m.C*outer.B + m.D*outer.D,
		m.E*outer.A + m.F*outer.C + outer.E, m.E*outer.B + m.F*outer.D + outer.F}
}

// At is where a point lands.
func (m Matrix) At(x, y float64) (float64, float64) { return m.A*x + m.C*y + m.E, m.B*x + m.D*y + m.F }

// Scale is by how much lengths grow: the root of the area's growth.
func (m Matrix) Scale() float64 { return math.Sqrt(math.Abs(m.A*m.D - m.B*m.C)) }

// Upright reports whether boxes stay boxes.
func (m Matrix) Upright() bool {
	return math.Abs(m.B)+math.Abs(m.C) < 1e-6*(math.Abs(m.A)+math.Abs(m.D)) || math.Abs(m.A)+math.Abs(m.D) < 1e-6*(math.Abs(m.B)+math.Abs(m.C))
}

// Box is an upright box.
type Box struct{ X0, Y0, X1, Y1 float64 }

// Everywhere is the box that holds everything.
var Everywhere = Box{math.Inf(-1), math.Inf(-1), math.Inf(1), math.Inf(1)}

// Nothing is the box that holds nothing.
var Nothing = Box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}

// Through is the box around a box that a matrix moved.
func (b Box) Through(m Matrix) Box {
	out := Nothing
	for _, p := range [][2]float64{{b.X0, b.Y0}, {b.X1, b.Y0}, {b.X0, b.Y1}, {b.X1, b.Y1}} {
		x, y := m.At(p[0], p[1])
		out = out.With(x, y)
	}
	return out
}

// With is the box that holds a point too.
func (b Box) With(x, y float64) Box {
	return Box{min(b.X0, x), min(b.Y0, y), max(b.X1, x), max(b.Y1, y)}
}

// And is what two boxes share.
func (b Box) And(o Box) Box {
	return Box{max(b.X0, o.X0), max(b.Y0, o.Y0), min(b.X1, o.X1), min(b.Y1, o.Y1)}
}

// Holds reports whether o lies in b.
func (b Box) Holds(o Box) bool {
	return o.X0 >= b.X0 && o.X1 <= b.X1 && o.Y0 >= b.Y0 && o.Y1 <= b.Y1
}

func (b Box) touches(o Box) bool { s := b.And(o); return s.X0 <= s.X1 && s.Y0 <= s.Y1 }

func (b Box) middle() Box {
	x, y := (b.X0+b.X1)/2, (b.Y0+b.Y1)/2
	return Box{x, y, x, y}
}

// Colour is red, green and blue from 0 to 1. The zero Colour is not known.
type Colour struct {
	R, G, B float64
	Known   bool
}

// RGB is a known colour.
func RGB(r, g, b float64) Colour { return Colour{r, g, b, true} }

// like reports whether an eye tells two colours apart only with effort.
func (c Colour) like(o Colour) bool {
	const near = 0.08
	return c.Known && o.Known && math.Abs(c.R-o.R) < near && math.Abs(c.G-o.G) < near && math.Abs(c.B-o.B) < near
}

// over is the colour that remains of c painted with an opacity over o.
func (c Colour) over(o Colour, opacity float64) Colour {
	if !c.Known || !o.Known {
		return Colour{}
	}
	mix := func(a, b float64) float64 { return a*opacity + b*(1-opacity) }
	return Colour{mix(c.R, o.R), mix(c.G, o.G), mix(c.B, o.B), true}
}

// Curve gives points along a cubic curve from p, its end last.
func Curve(p [2]float64, c [6]float64) [][2]float64 {
	var out [][2]float64
	for i := 1; i <= 4; i++ {
		t := float64(i) / 4
		u := 1 - t
		a, b, d, e := u*u*u, 3*u*u*t, 3*u*t*t, t*t*t
		out = append(out, [2]float64{a*p[0] + b*c[0] + d*c[2] + e*c[4], a*p[1] + b*c[1] + d*c[3] + e*c[5]})
	}
	return out
}
