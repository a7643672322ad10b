package worker

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/pkg/objects"
)

// redPage is a PDF of one red page, with a script.
func redPage() string {
	var b strings.Builder
	var at []int
	b.WriteString("%PDF-1.4\n")
	for i, o := range []string{`<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert\(1\))>>>>`, "<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<<>>>>", "<</Length 25>>stream\n1 0 0 rg 0 0 200 100 re f\nendstream"} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	x := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, o := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, x)
	return b.String()
}

// TestPagesOfWhatWouldLeave: what a checker sees of a PDF is drawn from the
// bytes that would leave, once, and not from bytes that have changed.
func TestPagesOfWhatWouldLeave(t *testing.T) {
	b := bench(t).inspector(t)
	sent := b.submit(t, "f1", "figure.pdf", redPage())
	profile := mustProfile(t, "ark")
	profile.Files = append(slices.Clone(profile.Files), "pdf") // as a custodian's contract may
	look, err := b.look(t.Context(), profile, airlock.Data{})
	must(t, err)
	defer look.Close()
	found, f, data, err := look.clean(t.Context(), sent, []byte(redPage()), []airlock.CheckOf{sent})
	if err != nil || f.Submitted.Name == "" || bytes.Contains(data, []byte("JavaScript")) {
		t.Fatalf("the PDF was not rebuilt: %+v, %v", found, err)
	}
	kept, err := b.keepClean(t.Context(), "prj_a", f, data)
	must(t, err)
	clean := kept.Ref
	junk := b.submit(t, "f2", "junk.pdf", "%PDF-1.4 junk")
	p := NewPages(b)
	d, err := p.Draw(t.Context(), clean, 1)
	if err != nil || d.Count != 1 || len(d.Pages) != 1 {
		t.Fatalf("%+v, %v", d, err)
	}
	img, err := png.Decode(bytes.NewReader(d.Pages[0].PNG))
	must(t, err)
	if r, g, _, _ := img.At(500, 250).RGBA(); r>>8 != 255 || g>>8 != 0 {
		t.Errorf("the page is not red: %v", img.At(500, 250))
	}
	if _, err := p.Draw(t.Context(), junk.Ref, 1); !errors.Is(err, inspect.ErrNotDrawn) {
		t.Errorf("junk: %v", err)
	}
	p.bench.Inspect.Program, err = exec.LookPath("false") // nothing is drawn from here on
	must(t, err)
	again, err := p.Draw(t.Context(), clean, 1)
	if err != nil || !bytes.Equal(again.Pages[0].PNG, d.Pages[0].PNG) {
		t.Errorf("drawn once more: %v", err)
	}
	if _, err := p.Draw(t.Context(), junk.Ref, 1); !errors.Is(err, inspect.ErrNotDrawn) {
		t.Errorf("junk was tried again: %v", err)
	}
	if _, err := p.Draw(t.Context(), clean, 2); err == nil || errors.Is(err, inspect.ErrNotDrawn) {
		t.Errorf("a part that does not run is taken for a document that can't be drawn: %v", err)
	}
	changed := clean
	changed.SHA256 = sent.Ref.SHA256
	if _, err := p.Draw(t.Context(), changed, 1); !errors.Is(err, objects.ErrDamaged) {
		t.Errorf("bytes that are not those named: %v", err)
	}
}
