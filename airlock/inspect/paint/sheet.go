package paint

// Sheet is a page or drawing as it is painted. The zero Sheet has no bounds
// and a white ground.
type Sheet struct {
	Bounds Box // what people see of it; the zero Box: everything
	texts  []text
	fills  []fill
	order  int
}

type text struct {
	box     Box
	size    float64
	colour  Colour
	opacity float64
	order   int
}

type fill struct {
	area    Area
	colour  Colour // not known: a picture, a pattern
	opacity float64
	order   int
}

// Area is what is filled: a whole box, or what lies within corners.
type Area struct {
	Box
	Corners [][2]float64 // none: the whole box
}

// has reports whether the middle of a box lies in the area.
func (a Area) has(b Box) bool {
	x, y := (b.X0+b.X1)/2, (b.Y0+b.Y1)/2
	if !a.Holds(Box{x, y, x, y}) || len(a.Corners) == 0 {
		return a.Holds(Box{x, y, x, y})
	}
	in := false
	for i, j := 0, len(a.Corners)-1; i < len(a.Corners); j, i = i, i+1 {
		p, q := a.Corners[i], a.Corners[j]
		if (p[1] > y) != (q[1] > y) && x < (q[0]-p[0])*(y-p[1])/(q[1]-p[1])+p[0] {
			in = !in
		}
	}
	return in
}

// AreaOf is what corners enclose once moved: a whole box if they are a box's.
func AreaOf(corners [][2]float64, m Matrix) Area {
	a := Area{Box: Nothing}
	for _, c := range corners {
		x, y := m.At(c[0], c[1])
		a.Box = a.With(x, y)
		a.Corners = append(a.Corners, [2]float64{x, y})
	}
	seen := map[[2]bool]bool{}
	near := 0.01 * (a.X1 - a.X0 + a.Y1 - a.Y0)
	for _, c := range a.Corners {
		left, right, low, high := c[0]-a.X0 <= near, a.X1-c[0] <= near, c[1]-a.Y0 <= near, a.Y1-c[1] <= near
		if !(left || right) || !(low || high) {
			return a
		}
		seen[[2]bool{left, low}] = true
	}
	if len(seen) == 4 && len(a.Corners) <= 6 {
		a.Corners = nil
	}
	return a
}

// Text says that a text is painted, so large on the sheet, within a clip.
func (s *Sheet) Text(box, clip Box, size float64, c Colour, opacity float64) {
	if !clip.touches(box) {
		opacity = 0
	}
	s.texts = append(s.texts, text{box, size, c, opacity, s.order})
	s.order++
}

// Fill says that an area is painted, as far as a clip lets it.
func (s *Sheet) Fill(a Area, clip Box, c Colour, opacity float64) {
	a.Box = a.And(clip)
	if a.X0 > a.X1 || a.Y0 > a.Y1 || opacity <= 0 {
		return
	}
	s.fills = append(s.fills, fill{a, c, opacity, s.order})
	s.order++
}

// Why a text is not seen.
const (
	Transparent = "transparent or clipped away"
	Tiny        = "too small to read"
	Outside     = "beyond the edge"
	Camouflaged = "in the colour of its ground"
	Covered     = "covered"
	Unknown     = "in a colour that cannot be told"
	TooMuch     = "more is painted than can be followed"
)

// Sizes below which nobody reads, in units of the sheet, and the most pairs of
// a text and a fill that are looked at.
const (
	tiny = 1.2
	work = 40_000_000
)

// Unseen counts the texts that nobody sees, by why.
func (s *Sheet) Unseen() map[string]int {
	out := map[string]int{}
	if len(s.texts)*len(s.fills) > work {
		out[TooMuch] = len(s.texts)
		return out
	}
	for _, t := range s.texts {
		if why := s.why(t); why != "" {
			out[why]++
		}
	}
	return out
}

func (s *Sheet) why(t text) string {
	switch {
	case t.opacity < 0.06:
		return Transparent
	case t.size < tiny:
		return Tiny
	case s.Bounds != (Box{}) && !s.Bounds.touches(t.box.middle()):
		return Outside
	}
	ground := RGB(1, 1, 1)
	for _, f := range s.fills {
		whole := len(f.area.Corners) == 0 && f.area.Holds(t.box)
		switch {
		case f.order < t.order && whole:
			ground = f.colour.over(ground, f.opacity)
		case f.order < t.order && f.area.has(t.box) && !f.colour.like(ground):
			ground = f.colour.over(ground, f.opacity)
		case f.order > t.order && whole && f.opacity > 0.9:
			return Covered
		}
	}
	if !t.colour.Known {
		return Unknown
	}
	if t.colour.over(ground, t.opacity).like(ground) {
		return Camouflaged
	}
	return ""
}
