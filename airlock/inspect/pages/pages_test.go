package pages

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/inspect/wire"
)

// document is a PDF of as many pages, each of a size and with its drawing.
func document(box, extra, draw string, pages int) []byte {
	kids := strings.Repeat("3 0 R ", pages)
	objs := []string{"<</Type/Catalog/Pages 2 0 R" + extra + ">>", fmt.Sprintf("<</Type/Pages/Kids[%s]/Count %d>>", kids, pages),
		"<</Type/Page/Parent 2 0 R/MediaBox[" + box + "]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
		fmt.Sprintf("<</Length %d>>stream\n%s\nendstream", len(draw), draw), "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var at []int
	for i, o := range objs {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	x := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objs)+1)
	for _, o := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(objs)+1, x)
	return b.Bytes()
}

func TestDraw(t *testing.T) {
	lib, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer lib.Close()
	const words = "BT /F1 24 Tf 72 700 Td (Deaths by age) Tj ET"
	for _, c := range []struct {
		name       string
		data       []byte
		from       int
		pages      int // drawn; 0: refused
		wide, high int
		small      bool
	}{
		{"one page", document("0 0 595 842", "", words, 1), 1, 1, 1000, 1415, false},
		{"on its side", document("0 0 842 595", "", words, 1), 1, 1, 1000, 707, false},
		{"a script", document("0 0 595 842", "/OpenAction<</S/JavaScript/JS(while\\(true\\){})>>", words, 1), 1, 1, 1000, 1415, false},
		{"many pages", document("0 0 100 100", "", words, 30), 1, wire.MaxPages, 1000, 1000, false},
		{"the last of many", document("0 0 100 100", "", words, 30), 28, 3, 1000, 1000, false},
		{"after the last", document("0 0 100 100", "", words, 30), 31, 0, 0, 0, false},
		{"before the first", document("0 0 100 100", "", words, 30), 0, 0, 0, 0, false},
		{"a huge page", document("0 0 90000000 90000000", "", words, 1), 1, 1, 1000, 1000, true},
		{"a long page", document("0 0 10 90000000", "", words, 1), 1, 1, 1, 1500, true},
		{"broken", []byte("%PDF-1.4\njunk"), 1, 0, 0, 0, false},
		{"empty", nil, 1, 0, 0, 0, false},
	} {
		n := 0
		err := lib.Draw(c.data, c.from, func(p wire.Page, pixels []byte) error {
			if p.Number != c.from+n || p.Wide != c.wide || p.High != c.high || p.Small != c.small || len(pixels) != 3*p.Wide*p.High {
				t.Errorf("%s: %+v, %d bytes", c.name, p, len(pixels))
			}
			n++
			return nil
		})
		if n != c.pages || (err == nil) != (c.pages > 0) {
			t.Errorf("%s: %d pages, %v", c.name, n, err)
		}
	}
}

// What is drawn is what a reader shows: on white, in its colours, annotations too.
func TestColours(t *testing.T) {
	lib, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer lib.Close()
	const half = "1 0 0 rg 0 0 50 100 re f /G gs 0 0 1 rg 50 50 50 50 re f" // red on the left, blue half clear on the right above
	doc := bytes.Replace(document("0 0 100 100", "", half, 1), []byte("/Font<<"), []byte("/ExtGState<</G<</ca .5>>>>/Font<<"), 1)
	err = lib.Draw(doc, 1, func(p wire.Page, pixels []byte) error {
		for _, c := range []struct {
			x, y int
			rgb  [3]byte
		}{{100, 500, [3]byte{255, 0, 0}}, {900, 900, [3]byte{255, 255, 255}}, {900, 100, [3]byte{128, 128, 255}}} {
			i := 3 * (c.y*p.Wide + c.x)
			for k := range 3 {
				if d := int(pixels[i+k]) - int(c.rgb[k]); d < -2 || d > 2 {
					t.Errorf("at %d, %d: %v, not %v", c.x, c.y, pixels[i:i+3], c.rgb)
					break
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
