package page

import (
	"bytes"
	"compress/zlib"
	"image/jpeg"
	"strconv"

	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/picture"
)

// mostPixels bounds one picture of a page.
const mostPixels = 40_000_000

// raster is a picture of a page as its samples.
type raster struct {
	width, height, parts, bits int
	space                      any
	samples                    []byte // rows begin on whole bytes
}

// redrawn is a picture with the two lowest bits of each colour cleared and
// nothing but its samples; false for one that can't be followed.
func (w *pdfWriter) redrawn(st pdfStream, depth int) (pdfStream, bool) {
	out := pdfDict{"Type": pdfName("XObject"), "Subtype": pdfName("Image")}
	for _, k := range []string{"Width", "Height", "Interpolate", "Decode", "ImageMask"} {
		if st.dict[k] != nil {
			out[k] = w.copy(st.dict[k], depth+1)
		}
	}
	mask, ok := w.mask(st)
	if !ok {
		return pdfStream{}, false
	}
	if st.dict["SMask"] != nil {
		out["SMask"] = w.copy(st.dict["SMask"], depth+1)
	}
	if name, before := w.lastFilter(st.dict); name == "DCTDecode" || name == "DCT" {
		return w.photograph(st, before, mask, out)
	}
	p, ok := w.raster(st)
	if !ok {
		return pdfStream{}, false
	}
	if p, ok = w.plain(p, st.dict["Decode"] != nil); !ok {
		return pdfStream{}, false
	}
	if p.bits == 8 {
		for i, v := range p.samples {
			p.samples[i] = v&^3 | v>>6
		}
	}
	if mask != nil && !whiten(p, mask) {
		return pdfStream{}, false
	}
	if p.space != nil {
		out["ColorSpace"] = w.copy(p.space, depth+1)
	}
	out["BitsPerComponent"] = number(p.bits)
	return folded(out, p.samples), true
}

// photograph draws a JPEG anew.
func (w *pdfWriter) photograph(st pdfStream, before []any, mask *raster, out pdfDict) (pdfStream, bool) {
	bare := pdfDict{"Filter": pdfArray(before)}
	data, ok := w.decode(pdfStream{bare, st.raw})
	if !ok || mask != nil {
		return pdfStream{}, false
	}
	cfg, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil || cfg.Width*cfg.Height > mostPixels || !w.s.Room.Take(int64(4*cfg.Width*cfg.Height), 0) {
		return pdfStream{}, false
	}
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return pdfStream{}, false
	}
	again, err := picture.Again(img)
	if err != nil {
		return pdfStream{}, false
	}
	delete(out, "Decode")
	out["Width"], out["Height"] = number(cfg.Width), number(cfg.Height)
	out["ColorSpace"], out["BitsPerComponent"], out["Filter"] = pdfName("DeviceRGB"), number(8), pdfName("DCTDecode")
	out["Length"] = number(len(again))
	return pdfStream{out, again}, true
}

// raster reads a picture's samples, one byte a sample where there are more than
// eight bits.
func (w *pdfWriter) raster(st pdfStream) (raster, bool) {
	p := raster{width: w.whole(st.dict["Width"]), height: w.whole(st.dict["Height"]), bits: w.whole(st.dict["BitsPerComponent"]), parts: 1}
	if word(w.get(st.dict["ImageMask"])) == "true" {
		p.bits = 1
	} else if p.space = w.get(st.dict["ColorSpace"]); p.space == nil {
		return p, false
	} else if p.parts = w.partsOf(p.space, 0); p.parts == 0 {
		return p, false
	}
	switch p.bits {
	case 1, 2, 4, 8, 16:
	default:
		return p, false
	}
	if p.width <= 0 || p.height <= 0 || p.width > mostPixels || p.height > mostPixels/p.width {
		return p, false
	}
	data, ok := w.decode(st)
	if !ok {
		return p, false
	}
	line := (p.width*p.parts*p.bits + 7) / 8
	if data, ok = w.unpredict(data, st.dict, p, line); !ok || len(data) < line*p.height {
		return p, false
	}
	p.samples = data[: line*p.height : line*p.height]
	if p.bits == 16 {
		out := make([]byte, 0, len(p.samples)/2)
		for i := 0; i < len(p.samples); i += 2 {
			out = append(out, p.samples[i])
		}
		p.samples, p.bits = out, 8
	}
	if rest := line*8 - p.width*p.parts*p.bits; p.bits < 8 && rest > 0 { // what fills the last byte of a row
		for y := range p.height {
			p.samples[(y+1)*line-1] &^= 1<<rest - 1
		}
	}
	return p, true
}

// plain gives the colours of a palette's numbers; other pictures as they are.
func (w *pdfWriter) plain(p raster, decoded bool) (raster, bool) {
	a, ok := p.space.(pdfArray)
	if !ok || len(a) == 0 || w.get(a[0]) != pdfName("Indexed") && w.get(a[0]) != pdfName("I") {
		return p, true
	}
	if len(a) != 4 || decoded {
		return p, false
	}
	base := w.get(a[1])
	parts := w.partsOf(base, 1)
	var table []byte
	switch t := w.get(a[3]).(type) {
	case pdfString:
		table = t
	case pdfStream:
		if table, ok = w.decode(t); !ok {
			return p, false
		}
	}
	most := w.whole(a[2])
	if parts == 0 || most < 0 || most > 255 || len(table) < (most+1)*parts || p.width*p.height*parts > mostPixels || !w.s.Room.Take(int64(p.width*p.height*parts), 0) {
		return p, false
	}
	out := make([]byte, 0, p.width*p.height*parts)
	line := (p.width*p.bits + 7) / 8
	for y := range p.height {
		row := p.samples[y*line:]
		for x := range p.width {
			i := int(row[x*p.bits/8]) >> (8 - p.bits - x*p.bits%8) & (1<<p.bits - 1)
			i = min(i, most)
			out = append(out, table[i*parts:(i+1)*parts]...)
		}
	}
	return raster{p.width, p.height, parts, 8, base, out}, true
}

// mask is what a picture's transparency is, so that nothing stays where it is
// clear; nil: it has none. One that can't be laid on the picture is refused.
func (w *pdfWriter) mask(st pdfStream) (*raster, bool) {
	if st.dict["Mask"] != nil {
		return nil, false
	}
	m, ok := w.get(st.dict["SMask"]).(pdfStream)
	if !ok {
		return nil, st.dict["SMask"] == nil
	}
	p, ok := w.raster(m)
	if !ok || p.bits != 8 || p.parts != 1 {
		return nil, false
	}
	for _, v := range p.samples {
		if v&^3 == 0 {
			return &p, true
		}
	}
	return nil, true // nowhere clear: nothing is hidden
}

// whiten makes white what a mask makes clear.
func whiten(p raster, mask *raster) bool {
	if p.bits != 8 || p.width != mask.width || p.height != mask.height {
		return false
	}
	for i, v := range mask.samples {
		if v&^3 == 0 {
			for k := range p.parts {
				p.samples[i*p.parts+k] = 0xff
			}
		}
	}
	return true
}

// partsOf is how many numbers a colour has in a space; 0: not understood.
func (w *pdfWriter) partsOf(space any, depth int) int {
	switch s := space.(type) {
	case pdfName:
		return map[pdfName]int{"DeviceGray": 1, "G": 1, "CalGray": 1, "DeviceRGB": 3, "RGB": 3, "CalRGB": 3, "DeviceCMYK": 4, "CMYK": 4}[s]
	case pdfArray:
		if len(s) < 2 || depth > 1 {
			return 0
		}
		switch name, _ := w.get(s[0]).(pdfName); name {
		case "CalGray":
			return 1
		case "CalRGB", "Lab":
			return 3
		case "ICCBased":
			if n := w.whole(w.dict(s[1])["N"]); n == 1 || n == 3 || n == 4 {
				return n
			}
		case "Indexed", "I":
			if depth == 0 && len(s) == 4 && w.partsOf(w.get(s[1]), 1) > 0 {
				return 1
			}
		}
	}
	return 0
}

// lastFilter is a stream's last filter and those before it.
func (w *pdfWriter) lastFilter(d pdfDict) (pdfName, []any) {
	switch f := w.get(d["Filter"]).(type) {
	case pdfName:
		return f, nil
	case pdfArray:
		if len(f) > 0 {
			name, _ := w.get(f[len(f)-1]).(pdfName)
			return name, f[:len(f)-1]
		}
	}
	return "", nil
}

// unpredict undoes what a row was written as: differences to its neighbours.
func (w *pdfWriter) unpredict(data []byte, d pdfDict, p raster, line int) ([]byte, bool) {
	parms := w.get(d["DecodeParms"])
	if a, ok := parms.(pdfArray); ok {
		parms = nil
		for _, x := range a {
			if y := w.dict(x); y != nil {
				if parms != nil {
					return nil, false
				}
				parms = y
			}
		}
	}
	how, _ := parms.(pdfDict)
	kind := w.whole(how["Predictor"])
	if how == nil || kind == 0 || kind == 1 {
		return data, true
	}
	part := max(1, p.parts*p.bits/8)
	if kind < 10 || len(data) < (line+1)*p.height || w.whole(how["Columns"]) != p.width || max(1, w.whole(how["Colors"])) != p.parts {
		return nil, false
	}
	out := make([]byte, 0, line*p.height)
	above := make([]byte, line)
	for y := range p.height {
		row := bytes.Clone(data[y*(line+1)+1 : (y+1)*(line+1)])
		for i := range row {
			left, upleft := byte(0), byte(0)
			if i >= part {
				left, upleft = row[i-part], above[i-part]
			}
			switch data[y*(line+1)] {
			case 0:
			case 1:
				row[i] += left
			case 2:
				row[i] += above[i]
			case 3:
				row[i] += byte((int(left) + int(above[i])) / 2)
			case 4:
				row[i] += paeth(left, above[i], upleft)
			default:
				return nil, false
			}
		}
		out = append(out, row...)
		above = row
	}
	return out, true
}

func paeth(a, b, c byte) byte {
	p := int(a) + int(b) - int(c)
	pa, pb, pc := abs(p-int(a)), abs(p-int(b)), abs(p-int(c))
	switch {
	case pa <= pb && pa <= pc:
		return a
	case pb <= pc:
		return b
	}
	return c
}

func abs(n int) int { return max(n, -n) }

// whole reads a whole number; 0 for anything else.
func (w *pdfWriter) whole(v any) int {
	n, err := strconv.Atoi(string(word(w.get(v))))
	if err != nil {
		return 0
	}
	return n
}

func number(n int) pdfWord { return pdfWord(look.Itoa(n)) }

// folded is a stream of bytes, deflated by us.
func folded(d pdfDict, b []byte) pdfStream {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, _ = z.Write(b) // a buffer doesn't fail
	_ = z.Close()
	d["Filter"], d["Length"] = pdfName("FlateDecode"), number(out.Len())
	return pdfStream{d, out.Bytes()}
}
