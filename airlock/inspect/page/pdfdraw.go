package page

import (
	"bytes"
	"math"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/paint"
)

// page judges what a page draws.
func (j *judge) page(pg pdfDict) {
	var content []byte
	switch c := j.get(pg["Contents"]).(type) {
	case pdfStream:
		content = j.drawn(c)
	case pdfArray:
		for _, x := range c {
			if st, ok := j.get(x).(pdfStream); ok {
				b := j.drawn(st)
				content = append(append(content, b...), '\n')
			}
		}
	}
	j.marks, j.lines, j.sheet = map[string]int{}, 0, paint.Sheet{}
	media, ok := j.box(pg["MediaBox"])
	crop, cropped := j.box(pg["CropBox"])
	if cropped && ok {
		media = media.And(crop)
	}
	if ok {
		j.sheet.Bounds = media
	}
	j.draw(content, j.dict(pg["Resources"]), newState(paint.Same, paint.Everywhere), 0)
	unseen := j.sheet.Unseen()
	for _, why := range look.Keys(unseen) {
		j.r.Add(j.f, "page-hidden", look.Nowhere, "text", why, "texts", look.Itoa(unseen[why]))
	}
	most := 0
	for _, n := range j.marks {
		most = max(most, n)
	}
	switch {
	case most >= 100 || j.lines >= 3000:
		j.r.Add(j.f, "picture-points", look.Nowhere, "marks", look.Itoa(most), "corners", look.Itoa(j.lines))
	case most >= 30 || j.lines >= 600:
		j.r.Add(j.f, "picture-points-maybe", look.Nowhere, "marks", look.Itoa(most), "corners", look.Itoa(j.lines))
	}
}

// drawn unfolds what is drawn; what can't be unfolded can't be judged.
func (j *judge) drawn(st pdfStream) []byte {
	b, ok := j.decode(st)
	if !ok {
		j.r.Add(j.f, "page-part-unknown", look.Nowhere)
	}
	return b
}

// draw follows the operators of a content stream: what text they show and
// whether it is seen, marks and lines.
func (j *judge) draw(content []byte, res pdfDict, g state, depth int) {
	if depth > 6 {
		return
	}
	l := &lexer{in: content}
	var args []any
	var kept []state
	var p outline
	tm, line := paint.Same, paint.Same
	curves := 0
	drawnBefore := map[string]bool{}
	for range 5_000_000 {
		v, err := l.value()
		if err != nil {
			return
		}
		op, ok := v.(pdfWord)
		if !ok || op != "" && (op[0] >= '0' && op[0] <= '9' || op[0] == '-' || op[0] == '.' || op[0] == '+') {
			if args = append(args, v); len(args) > 64 {
				args = args[32:]
			}
			continue
		}
		n2, two := numbers(args, 2)
		switch op {
		case "q":
			if len(kept) < 200 {
				kept = append(kept, g)
			}
		case "Q":
			if len(kept) > 0 {
				g, kept = kept[len(kept)-1], kept[:len(kept)-1]
			}
		case "cm":
			if n, ok := numbers(args, 6); ok {
				g.ctm = paint.Matrix{A: n[0], B: n[1], C: n[2], D: n[3], E: n[4], F: n[5]}.In(g.ctm)
			}
		case "gs":
			g.extend(j, args, res)
		case "g", "rg", "k", "G", "RG", "K", "cs", "CS", "sc", "scn", "SC", "SCN":
			g.paints(j, string(op), args, res)
		case "Tf":
			if len(args) >= 2 {
				if n, ok := args[len(args)-2].(pdfName); ok {
					font := j.dict(j.dict(res["Font"])[string(n)])
					g.cmap, g.double = j.font(font)
					g.glyphs = 1
					if m, ok := j.matrix(font["FontMatrix"]); ok {
						g.glyphs = 1000 * m.Scale()
					}
				}
				if n, ok := numbers(args, 1); ok {
					g.size = n[0]
				}
			}
		case "Tr":
			if len(args) > 0 {
				g.mode = string(word(args[len(args)-1]))
			}
		case "TL", "Ts", "Tz":
			if n, ok := numbers(args, 1); ok {
				switch op {
				case "TL":
					g.leading = n[0]
				case "Ts":
					g.rise = n[0]
				default:
					g.wide = n[0] / 100
				}
			}
		case "BT":
			tm, line = paint.Same, paint.Same
		case "Tj", "'", "\"", "TJ":
			if op == "'" || op == "\"" {
				line = paint.Matrix{A: 1, D: 1, F: -g.leading}.In(line)
				tm = line
			}
			t := ""
			if len(args) > 0 {
				t = show(args[len(args)-1], g.cmap, g.double)
			}
			j.text.WriteString(t)
			if op != "TJ" && len([]rune(t)) == 1 {
				j.marks["glyph "+t]++
			}
			letters := 0
			if len(args) > 0 {
				letters = lettersOf(args[len(args)-1], g.double)
			}
			tm = j.shows(&g, tm, t, letters)
		case "Td", "TD":
			j.text.WriteByte('\n')
			if two {
				if op == "TD" {
					g.leading = -n2[1]
				}
				line = paint.Matrix{A: 1, D: 1, E: n2[0], F: n2[1]}.In(line)
				tm = line
			}
		case "T*":
			j.text.WriteByte('\n')
			line = paint.Matrix{A: 1, D: 1, F: -g.leading}.In(line)
			tm = line
		case "Tm":
			j.text.WriteByte('\n')
			if n, ok := numbers(args, 6); ok {
				line = paint.Matrix{A: n[0], B: n[1], C: n[2], D: n[3], E: n[4], F: n[5]}
				tm = line
			}
		case "ET":
			j.text.WriteByte('\n')
		case "m":
			curves = 0
			if two {
				p.to(n2[0], n2[1], true)
			}
		case "c", "v", "y":
			curves++
			j.lines++
			p.curve(string(op), args)
		case "l":
			j.lines++
			if two {
				p.to(n2[0], n2[1], false)
			}
		case "re":
			if n, ok := numbers(args, 4); ok && len(p.rects) < 10_000 {
				p.rects = append(p.rects, paint.Nothing.With(n[0], n[1]).With(n[0]+n[2], n[1]+n[3]))
			}
		case "W", "W*":
			p.clips = true
		case "h", "S", "s", "n", "b", "B", "f", "F", "b*", "B*", "f*":
			if op != "n" {
				if curves >= 4 && curves <= 10 {
					j.marks["curve"]++
				}
				curves = 0
			}
			if op == "h" {
				break
			}
			areas := p.areas(g.ctm)
			if op != "S" && op != "s" && op != "n" {
				for _, a := range areas {
					if len(areas) > 1 && (op == "f*" || op == "b*" || op == "B*") && len(a.Corners) == 0 { // what it leaves out is not known
						a.Corners = [][2]float64{{a.X0, a.Y0}, {a.X1, a.Y0}, {a.X1, a.Y1}, {a.X0, a.Y1}}
					}
					j.sheet.Fill(a, g.clip, g.fill, g.alpha)
				}
			}
			if p.clips {
				all := paint.Nothing
				for _, a := range areas {
					all = all.With(a.X0, a.Y0).With(a.X1, a.Y1)
				}
				g.clip = g.clip.And(all)
			}
			p = outline{}
		case "sh":
			j.sheet.Fill(paint.Area{Box: g.clip}, g.clip, paint.Colour{}, g.alpha)
		case "Do":
			if len(args) > 0 {
				if n, ok := args[len(args)-1].(pdfName); ok {
					j.marks["form "+string(n)]++
					j.external(string(n), res, g, drawnBefore, depth)
				}
			}
		case "BI":
			args = args[:0]
			continue // what follows belongs to the inline picture
		case "ID": // an inline picture: to its end
			if i := bytes.Index(l.in[l.at:], []byte("EI")); i >= 0 {
				l.at += i + 2
			}
			j.picture(g, true)
		}
		args = args[:0]
	}
}

// shows notes a text that is shown, and moves on behind it.
func (j *judge) shows(g *state, tm paint.Matrix, t string, letters int) paint.Matrix {
	size := math.Abs(g.size) * g.glyphs
	width := float64(letters) * 0.5 * g.size * g.wide
	if strings.TrimSpace(t) != "" || t == "" && letters > 0 {
		all := tm.In(g.ctm)
		box := paint.Nothing.With(0, g.rise-0.1*g.size).With(width, g.rise+0.6*g.size).Through(all)
		c, opacity := g.fill, g.alpha
		switch g.mode {
		case "1", "5":
			c, opacity = g.stroke, g.thick
		case "3", "7":
			opacity = 0
		}
		j.sheet.Text(box, g.clip, size*all.Scale(), c, opacity)
	}
	return paint.Matrix{A: 1, D: 1, E: width}.In(tm)
}

// lettersOf is how many codes an operator shows.
func lettersOf(v any, double bool) int {
	switch x := v.(type) {
	case pdfString:
		if double {
			return len(x) / 2
		}
		return len(x)
	case pdfArray:
		n := 0
		for _, y := range x {
			n += lettersOf(y, double)
		}
		return n
	}
	return 0
}

// external draws an object that stands by itself: a form, once a stream, or a
// picture.
func (j *judge) external(name string, res pdfDict, g state, before map[string]bool, depth int) {
	st, ok := j.get(j.dict(res["XObject"])[name]).(pdfStream)
	if !ok {
		return
	}
	if st.dict["Subtype"] == pdfName("Image") {
		j.picture(g, st.dict["SMask"] == nil && st.dict["Mask"] == nil && word(j.get(st.dict["ImageMask"])) != "true")
		return
	}
	if st.dict["Subtype"] != pdfName("Form") || before[name] {
		return
	}
	before[name] = true
	b := j.drawn(st)
	own := j.dict(st.dict["Resources"])
	if own == nil {
		own = res
	}
	if m, ok := j.matrix(st.dict["Matrix"]); ok {
		g.ctm = m.In(g.ctm)
	}
	if box, ok := j.box(st.dict["BBox"]); ok {
		g.clip = g.clip.And(box.Through(g.ctm))
	}
	j.draw(b, own, g, depth+1)
}

// picture notes that a picture is painted on the unit square.
func (j *judge) picture(g state, opaque bool) {
	opacity := g.alpha
	if !opaque {
		opacity = min(opacity, 0.5)
	}
	j.sheet.Fill(paint.AreaOf([][2]float64{{0, 0}, {1, 0}, {1, 1}, {0, 1}}, g.ctm), g.clip, paint.Colour{}, opacity)
}

// finish judges all the text that the pages show.
func (j *judge) finish() {
	t := strings.ToValidUTF8(strings.ReplaceAll(j.text.String(), "\x00", ""), "?")
	part := look.Report{}
	j.s.Text(&part, j.f, strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\n' {
			return ' '
		}
		return r
	}, t))
	for _, x := range part.Findings { // a page's line breaks are its own: what spans of text look like says nothing
		if x.Rule != "text-rows" && x.Rule != "text-rows-maybe" && x.Rule != "text-spaces" && !strings.HasPrefix(x.Rule, "text-encoded") {
			j.r.Findings = append(j.r.Findings, x)
		}
	}
}
