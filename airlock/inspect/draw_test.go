package inspect_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/airlock/inspect/wire"
	"github.com/ark-tre/ark/pkg/ark"
)

// pdf is a document of pages, each drawing the object numbered 4; more are the
// objects from 5 on.
func pdf(pages int, resources, draw string, more ...string) []byte {
	objs := append([]string{"<</Type/Catalog/Pages 2 0 R>>", fmt.Sprintf("<</Type/Pages/Kids[%s]/Count %d>>", strings.Repeat("3 0 R ", pages), pages),
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<<" + resources + ">>>>",
		fmt.Sprintf("<</Length %d>>stream\n%s\nendstream", len(draw), draw)}, more...)
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

const words = "BT /F1 24 Tf 72 700 Td (Deaths by age) Tj ET"
const helvetica = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"

// drawn draws behind real walls; where they can't stand the test is skipped,
// in CI it fails.
func drawn(t *testing.T, in inspect.Inspector, data []byte, from int) (inspect.Drawn, error) {
	t.Helper()
	start(t, inspect.Inspector{}, nil).Close()
	in.Program = program(t)
	d, err := in.Draw(context.Background(), data, from)
	if err != nil && !errors.Is(err, inspect.ErrNotDrawn) {
		t.Fatal(err)
	}
	return d, err
}

func TestPagesAreDrawnBehindTheWalls(t *testing.T) {
	d, err := drawn(t, inspect.Inspector{}, pdf(12, "/Font<</F1 5 0 R>>", words, helvetica), 11)
	if err != nil || d.Count != 12 || d.From != 11 || len(d.Pages) != 2 {
		t.Fatalf("%d of %d from %d: %v", len(d.Pages), d.Count, d.From, err)
	}
	for _, p := range d.Pages {
		img, err := png.Decode(bytes.NewReader(p.PNG))
		if err != nil || img.Bounds().Dx() != wire.MaxWide {
			t.Fatal(err)
		}
		dark := 0
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				if r, _, _, _ := img.At(x, y).RGBA(); r < 0x8000 {
					dark++
				}
			}
		}
		if dark < 500 || dark > 50_000 {
			t.Errorf("%d dark pixels: the words are not drawn", dark)
		}
	}
	if _, err := drawn(t, inspect.Inspector{}, []byte("%PDF-1.4\njunk"), 1); err == nil {
		t.Error("junk was drawn")
	}
	var f *ark.Fault
	if _, err := (inspect.Inspector{}).Draw(context.Background(), nil, 1); !errors.As(err, &f) || f.Kind != ark.Unavailable {
		t.Errorf("no program: %v", err)
	}
}

// TestBombs: what swells in time or memory is not drawn, and takes no more than
// it is given.
func TestBombs(t *testing.T) {
	var swollen bytes.Buffer
	z, err := zlib.NewWriterLevel(&swollen, zlib.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 1200 { // MiB of grey, more than pdfium may hold
		if _, err := z.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	image := fmt.Sprintf("<</Type/XObject/Subtype/Image/Width 35000/Height 35000/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode/Length %d>>stream\n%s\nendstream", swollen.Len(), swollen.String())
	var nested []string // each form draws the next ten times
	for i := range 12 {
		draw := strings.Repeat(fmt.Sprintf("/X%d Do ", i+1), 10)
		if i == 11 {
			draw = "0 0 100 100 re f"
		}
		nested = append(nested, fmt.Sprintf("<</Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</XObject<</X%d %d 0 R>>>>/Length %d>>stream\n%s\nendstream", i+1, i+6, len(draw), draw))
	}
	for _, c := range []struct {
		name string
		in   inspect.Inspector
		data []byte
	}{
		{"time", inspect.Inspector{PerFile: 6 * time.Second}, pdf(1, "/XObject<</X0 5 0 R>>", "/X0 Do", nested...)},
		{"memory", inspect.Inspector{PerFile: 20 * time.Second}, pdf(1, "/XObject<</I 5 0 R>>", "595 0 0 842 0 0 cm /I Do", image)},
	} {
		t.Run(c.name, func(t *testing.T) {
			begun := time.Now()
			d, err := drawn(t, c.in, c.data, 1)
			t.Logf("%d pages, %v, %v", len(d.Pages), err, time.Since(begun).Round(time.Millisecond))
			if c.name == "time" && err == nil {
				t.Error("it was drawn")
			}
		})
	}
}
