package page

import (
	"bytes"
	"compress/zlib"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

// secret is 48 bytes, which the low bits of 192 samples can carry.
const secret = "Jane Placeholder, 12 Example Street, born 1950-1"

// carrying are flat samples with the secret in their lowest two bits.
func carrying(n int) []byte {
	out := bytes.Repeat([]byte{0xb4}, n)
	for i := range min(n, 4*len(secret)) {
		out[i] |= secret[i/4] >> (6 - i%4*2) & 3
	}
	return out
}

// carried reports whether the secret is in the lowest two bits of samples.
func carried(p []byte) bool {
	var out []byte
	for i := 0; i+4 <= len(p); i += 4 {
		out = append(out, p[i]&3<<6|p[i+1]&3<<4|p[i+2]&3<<2|p[i+3]&3)
	}
	return bytes.Contains(out, []byte("Placeholder"))
}

func deflated(b []byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// document is a page that draws the picture /P and says what content says.
func document(content string, streams ...string) []byte {
	var b strings.Builder
	b.WriteString("%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n")
	b.WriteString("3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</XObject<</P 5 0 R>>>>>>\nendobj\n")
	for i, s := range append([]string{fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(content), content)}, streams...) {
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+4, s)
	}
	b.WriteString("trailer\n<</Root 1 0 R/Size 9>>\nstartxref\n0\n%%EOF\n")
	return []byte(b.String())
}

func object(dict string, data []byte) string {
	return fmt.Sprintf("<</Type/XObject/Subtype/Image/Width 16/Height 16 %s/Length %d>>\nstream\n%s\nendstream", dict, len(data), data)
}

const draws = "q 100 0 0 100 10 10 cm /P Do Q"

func inspected(t *testing.T, doc []byte) look.Report {
	t.Helper()
	return PDF(&look.Scope{Context: context.Background(), Room: look.NewRoom()}, look.File{Name: "figure.pdf", Data: doc})
}

// pictures are the samples of the pictures of a document.
func pictures(t *testing.T, doc []byte) (out []raster) {
	t.Helper()
	p, err := readPDF(&look.Scope{Room: look.NewRoom()}, doc)
	if err != nil {
		t.Fatal(err)
	}
	w := &pdfWriter{pdf: p}
	for id := range 50 {
		if st, ok := p.objects[id].(pdfStream); ok && st.dict["Subtype"] == pdfName("Image") {
			r, ok := w.raster(st)
			if !ok {
				t.Fatalf("the picture that was written can't be read: %v", st.dict)
			}
			out = append(out, r)
		}
	}
	return out
}

// TestPicturesOfAPageAreDrawnAnew: whatever way a picture is kept in, nothing
// rides on its low bits, on a palette's numbers, under what is clear, or behind
// its samples; and it is the same picture.
func TestPicturesOfAPageAreDrawnAnew(t *testing.T) {
	predicted := func(samples []byte, line, part int) []byte {
		var out []byte
		for y := 0; y*line < len(samples); y++ {
			row := samples[y*line : (y+1)*line]
			how := byte(y % 3) // as it is, left, above
			out = append(out, how)
			for i, v := range row {
				switch {
				case how == 1 && i >= part:
					v -= row[i-part]
				case how == 2:
					v -= samples[(y-1)*line+i]
				}
				out = append(out, v)
			}
		}
		return out
	}
	palette := make([]byte, 256*3)
	for i := range 256 { // colours that differ in nothing people see
		palette[3*i], palette[3*i+1], palette[3*i+2] = 0xb4|byte(i)&3, 0xb4|byte(i>>2)&3, 0xb4
	}
	clear := bytes.Repeat([]byte{255}, 256)
	for i := range 100 {
		clear[i] = 0
	}
	hidden := bytes.Repeat([]byte(secret), 16)[:768]
	for name, c := range map[string]struct {
		objects []string
		parts   int
	}{
		"as it is":         {[]string{object("/ColorSpace/DeviceRGB/BitsPerComponent 8", carrying(768))}, 3},
		"deflated":         {[]string{object("/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode", deflated(carrying(256)))}, 1},
		"behind the rest":  {[]string{object("/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode", deflated(append(carrying(256), secret...)))}, 1},
		"after the folded": {[]string{object("/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode", append(deflated(carrying(256)), secret...))}, 1},
		"differences":      {[]string{object("/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/FlateDecode/DecodeParms<</Predictor 15/Colors 3/Columns 16>>", deflated(predicted(carrying(768), 48, 3)))}, 3},
		"a palette":        {[]string{object("/ColorSpace[/Indexed/DeviceRGB 255 6 0 R]/BitsPerComponent 8", []byte(secret + strings.Repeat(" ", 256))[:256]), fmt.Sprintf("<</Length 768>>\nstream\n%s\nendstream", palette)}, 3},
		"under the clear":  {[]string{object("/ColorSpace/DeviceRGB/BitsPerComponent 8/SMask 6 0 R", hidden[:300]), object("/ColorSpace/DeviceGray/BitsPerComponent 8", clear)}, 0},
		"sixteen bits": {[]string{object("/ColorSpace/DeviceGray/BitsPerComponent 16", func() (b []byte) {
			for i := range 256 {
				b = append(b, 0xb4, secret[i%len(secret)])
			}
			return
		}())}, 1},
	} {
		if name == "under the clear" { // colours under what is clear, white elsewhere
			all := append(bytes.Clone(hidden[:300]), bytes.Repeat([]byte{255}, 468)...)
			c.objects[0] = object("/ColorSpace/DeviceRGB/BitsPerComponent 8/SMask 6 0 R", all)
		}
		r := inspected(t, document(draws, c.objects...))
		if r.Rebuilt == nil {
			t.Errorf("%s: not rebuilt: %v", name, r.Findings)
			continue
		}
		for _, p := range pictures(t, r.Rebuilt) {
			if p.width != 16 || p.height != 16 || p.parts != c.parts && c.parts > 0 {
				t.Errorf("%s: a picture of %d by %d, %d parts", name, p.width, p.height, p.parts)
			}
			for i, v := range p.samples {
				if v&3 != v>>6 {
					t.Fatalf("%s: sample %d keeps its low bits", name, i)
				}
				if c.parts > 0 && v&^3 != 0xb4 || c.parts == 0 && p.parts == 3 && v != 0xff {
					t.Fatalf("%s: sample %d is %x", name, i, v)
				}
			}
			if carried(p.samples) {
				t.Errorf("%s: the low bits still say it", name)
			}
		}
		if bytes.Contains(r.Rebuilt, []byte("Placeholder")) {
			t.Errorf("%s: the text is still in the file", name)
		}
	}
}

// TestAPhotographOfAPage: a JPEG in a page is drawn anew, without what its
// segments say.
func TestAPhotographOfAPage(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 16, 16))
	for i := range img.Pix {
		img.SetGray(i%16, i/16, color.Gray{Y: uint8(i)})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	said := append([]byte{0xff, 0xd8, 0xff, 0xfe, 0, byte(len(secret) + 2)}, secret...)
	photo := append(append(said, b.Bytes()[2:]...), secret...)
	r := inspected(t, document(draws, object("/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/DCTDecode", photo)))
	if r.Rebuilt == nil || bytes.Contains(r.Rebuilt, []byte("Placeholder")) {
		t.Fatalf("rebuilt %d bytes with the comment in them: %v", len(r.Rebuilt), r.Findings)
	}
}

// TestWhatAPageDoesNotDraw: comments and what stands behind a folded stream are
// not carried over.
func TestWhatAPageDoesNotDraw(t *testing.T) {
	r := inspected(t, document("% "+secret+"\n"+draws+"\n[ 1 % "+secret+"\n 2 ] 0 d\n%"+secret, object("/ColorSpace/DeviceGray/BitsPerComponent 8", carrying(256))))
	if r.Rebuilt == nil {
		t.Fatalf("not rebuilt: %v", r.Findings)
	}
	p, err := readPDF(&look.Scope{Room: look.NewRoom()}, r.Rebuilt)
	if err != nil {
		t.Fatal(err)
	}
	for id, o := range p.objects {
		if st, ok := o.(pdfStream); ok {
			if b, ok := p.decode(st); !ok || bytes.Contains(b, []byte("Placeholder")) {
				t.Errorf("object %d keeps the comment, or can't be read", id)
			}
		}
	}
}

// TestPicturesThatAreNotFollowed: what can't be drawn anew refuses the file.
func TestPicturesThatAreNotFollowed(t *testing.T) {
	for name, doc := range map[string][]byte{
		"JPEG 2000":                 document(draws, object("/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/JPXDecode", carrying(768))),
		"a fax":                     document(draws, object("/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/CCITTFaxDecode", carrying(256))),
		"too few samples":           document(draws, object("/ColorSpace/DeviceRGB/BitsPerComponent 8", carrying(700))),
		"no space":                  document(draws, object("/BitsPerComponent 8", carrying(768))),
		"a colour that is a mask":   document(draws, object("/ColorSpace/DeviceGray/BitsPerComponent 8/Mask[180 183]", carrying(256))),
		"a mask of another size":    document(draws, object("/ColorSpace/DeviceRGB/BitsPerComponent 8/SMask 6 0 R", carrying(768)), strings.Replace(object("/ColorSpace/DeviceGray/BitsPerComponent 8", make([]byte, 64)), "/Width 16/Height 16", "/Width 8/Height 8", 1)),
		"a picture in the contents": document(draws+" BI /W 16 /H 16 /CS /G /BPC 8 ID "+string(carrying(256))+" EI", object("/ColorSpace/DeviceGray/BitsPerComponent 8", carrying(256))),
		"larger than a poster":      document(draws, strings.Replace(object("/ColorSpace/DeviceGray/BitsPerComponent 8", carrying(256)), "/Width 16", "/Width 99999999", 1)),
		"a photograph in name only": document(draws, object("/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode", carrying(768))),
		"folded twice as said once": document(draws, object("/ColorSpace/DeviceGray/BitsPerComponent 8/Filter[/FlateDecode/FlateDecode]", deflated(carrying(256)))),
	} {
		if r := inspected(t, doc); r.Rebuilt != nil || !r.Has("page-part-unknown") {
			t.Errorf("%s: rebuilt %v, findings %v", name, r.Rebuilt != nil, r.Findings)
		}
	}
}
