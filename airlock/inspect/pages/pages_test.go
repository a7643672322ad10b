package pages

import (
	"bytes"
	"fmt"
	"image/png"
	"strings"
	"testing"
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
	const words = "BT /F1 24 Tf 72 700 Td (Deaths by age) Tj ET"
	for _, c := range []struct {
		name  string
		data  []byte
		pages int // drawn; 0: refused
		count int
	}{
		{"one page", document("0 0 595 842", "", words, 1), 1, 1},
		{"a script", document("0 0 595 842", "/OpenAction<</S/JavaScript/JS(while\\(true\\){})>>", words, 1), 1, 1},
		{"many pages", document("0 0 100 100", "", words, 30), MaxPages, 30},
		{"huge page", document("0 0 90000000 90000000", "", words, 1), 1, 1},
		{"broken", []byte("%PDF-1.4\njunk"), 0, 0},
		{"empty", nil, 0, 0},
	} {
		drawn, count, err := Draw(c.data)
		if len(drawn) != c.pages || count != c.count || (err == nil) != (c.pages > 0) {
			t.Errorf("%s: %d of %d pages, %v", c.name, len(drawn), count, err)
		}
		for _, p := range drawn {
			img, err := png.Decode(bytes.NewReader(p))
			if err != nil || img.Bounds().Dx() > Wide || img.Bounds().Dy() > High {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}
