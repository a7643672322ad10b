package viewer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func file(name, body string, marks ...Mark) File {
	return File{Name: name, Size: int64(len(body)), Marks: marks, Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }}
}

func newViewer(t *testing.T, now func() time.Time) *Viewer {
	t.Helper()
	v, err := New("http://view.localhost:1", "http://localhost:1", now)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func get(t *testing.T, v *Viewer, address, method string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	v.ServeHTTP(w, httptest.NewRequest(method, strings.TrimPrefix(address, "http://view.localhost:1"), nil))
	return w
}

func TestHostileFilesAreText(t *testing.T) {
	v := newViewer(t, time.Now)
	for _, c := range []struct{ name, body string }{
		{"x.html", "<script>alert(1)</script>"},
		{"x.svg", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`},
		{"x.csv", "a,b\n<script>alert(1)</script>,\"<img src=x onerror=alert(1)>\"\n"},
		{"<script>alert(1)</script>.txt", "x"},
		{"x.txt", "</td></table><script>alert(1)</script>"},
	} {
		u, err := v.Ticket(file(c.name, c.body, Mark{Number: "1", Severity: "fail", Row: 2, Col: 1, Line: 1, Says: `"><script>alert(1)</script>`}))
		if err != nil {
			t.Fatal(err)
		}
		w := get(t, v, u, "GET")
		if strings.Contains(w.Body.String(), "<script") || strings.Contains(w.Body.String(), "<img src=x") || strings.Contains(w.Body.String(), "<svg") {
			t.Errorf("%s: markup of the file was drawn: %s", c.name, w.Body)
		}
		csp := w.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "sandbox; default-src 'none'") || strings.Contains(csp, "script") || strings.Contains(csp, "allow-") || !strings.Contains(csp, "frame-ancestors http://localhost:1;") {
			t.Errorf("%s: policy %q", c.name, csp)
		}
		if p := get(t, v, u+"/picture", "GET"); p.Code != 404 || p.Body.String() == c.body {
			t.Errorf("%s was sent raw", c.name)
		}
	}
}

func TestPicturesByTheirBytesOnly(t *testing.T) {
	v := newViewer(t, time.Now)
	png := "\x89PNG\r\n\x1a\nrest"
	u, _ := v.Ticket(file("report.csv", png))
	if w := get(t, v, u+"/picture", "GET"); w.Header().Get("Content-Type") != "image/png" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("picture: %d %q", w.Code, w.Header())
	}
	u, _ = v.Ticket(file("evil.png", "<script>alert(1)</script>"))
	if w := get(t, v, u+"/picture", "GET"); w.Code != 404 {
		t.Errorf("a text called .png was sent as a picture: %q", w.Header())
	}
}

func TestTicketsEndAndCannotBeGuessed(t *testing.T) {
	now := time.Unix(0, 0)
	v := newViewer(t, func() time.Time { return now })
	u, _ := v.Ticket(file("a.txt", "SECRET"))
	if !strings.Contains(get(t, v, u, "GET").Body.String(), "SECRET") {
		t.Fatal("a fresh ticket opens nothing")
	}
	for _, bad := range []string{"/f/", "/f/../f/", "/", "/f/0", strings.TrimPrefix(u, "http://view.localhost:1") + "/other", "/f/" + strings.Repeat("0", 48)} {
		if w := get(t, v, bad, "GET"); w.Code != 404 || strings.Contains(w.Body.String(), "SECRET") {
			t.Errorf("%s: %d", bad, w.Code)
		}
	}
	if w := get(t, v, u, "POST"); w.Code != 405 {
		t.Errorf("POST: %d", w.Code)
	}
	now = now.Add(ticketLife + time.Second)
	if w := get(t, v, u, "GET"); w.Code != 404 {
		t.Error("an old ticket still opens")
	}
}

func TestFindingsStandInTheirPlace(t *testing.T) {
	v := newViewer(t, time.Now)
	u, _ := v.Ticket(file("t.csv", "group,count\nF,120\nM,3\n", Mark{Number: "7", Severity: "fail", Row: 3, Col: 2, Says: "below 10"}))
	body := get(t, v, u, "GET").Body.String()
	if !strings.Contains(body, `<td class="num fail">3 <span class="mark" title="below 10">`) || strings.Count(body, `class="mark"`) != 1 {
		t.Errorf("the mark is not at B3: %s", body)
	}
}

func TestHiddenCharactersShow(t *testing.T) {
	if got := visible("a\u202eb\u200bc\x00"); got != "a␦b␦c␦" {
		t.Errorf("%q", got)
	}
}

func TestABrokenFileShowsNothing(t *testing.T) {
	v := newViewer(t, time.Now)
	u, _ := v.Ticket(File{Name: "a", Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("PART"), errReader{})), nil
	}})
	if w := get(t, v, u, "GET"); strings.Contains(w.Body.String(), "PART") {
		t.Error("bytes that did not verify were shown")
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("the hash differs") }

func FuzzDraw(f *testing.F) {
	f.Add("a.csv", []byte("a,b\n1,2\n"))
	f.Add("a.tsv", []byte("a\tb\n\"1\n"))
	f.Add("a.txt", []byte("\xff\xfe"))
	v, err := New("http://view.localhost:1", "http://localhost:1", time.Now)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		p := page{Name: name}
		p.draw(data, false, []Mark{{Number: "1", Row: 1, Col: 1, Line: 1}})
		var buf bytes.Buffer
		if err := v.page.Execute(&buf, p); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(strings.ToLower(buf.String()), "<script") {
			t.Fatalf("markup: %s", buf.String())
		}
	})
}

// TestAPDFIsShownAsPixels: nothing of a PDF is sent, whatever it is called; its
// pages are pictures that somebody else has drawn.
func TestAPDFIsShownAsPixels(t *testing.T) {
	v := newViewer(t, time.Now)
	body := "%PDF-1.4\n1 0 obj <</OpenAction <</S /JavaScript /JS (app.alert\\(1\\)) >> /Note (MARKER)>> endobj"
	draw := func(_ context.Context, from int) (Drawn, error) {
		d := Drawn{Count: 25, From: from}
		for n := from; n <= min(25, from+9); n++ {
			d.Pages = append(d.Pages, Drawing{PNG: []byte{byte(n)}, Small: n == 2})
		}
		if len(d.Pages) == 0 || from < 1 {
			return Drawn{}, ErrNotDrawn
		}
		return d, nil
	}
	fails := func(err error) func(context.Context, int) (Drawn, error) {
		return func(context.Context, int) (Drawn, error) { return Drawn{}, err }
	}
	for _, c := range []struct {
		f     File
		pages func(context.Context, int) (Drawn, error)
		part  string
		shown int
		says  []string
	}{
		{file("a.pdf", body), draw, "", 10, []string{"These are pages 1 to 10", "Page 2 of 25: it is larger", `/pages/11">Pages after`, `src="data:image/png;base64,AQ=="`}},
		{file("a.txt", body), draw, "/text", 10, []string{"These are pages 1 to 10"}},
		{file("a.csv", "junk\n"+body), draw, "", 10, nil},
		{file("a.pdf", body), draw, "/pages/21", 5, []string{"These are pages 21 to 25", `/pages/11">Pages before`, "Page 25 of 25"}},
		{file("a.pdf", body), draw, "/pages/26", 0, []string{"can’t be drawn: it is broken", "Nobody has seen its pages"}},
		{file("a.pdf", body), draw, "/pages/-1", 0, []string{"can’t be drawn"}},
		{file("a.pdf", "MARKER, no PDF at all"), fails(ErrNotDrawn), "", 0, []string{"can’t be drawn: it is broken"}},
		{file("a.pdf", body), fails(errors.New("away")), "", 0, []string{"does not answer", "Nobody has seen its pages"}},
		{file("a.pdf", body), nil, "", 0, []string{"can’t be drawn"}},
		{file("b.PDF", "\x89PN MARKER"), fails(nil), "", 0, []string{"can’t be drawn: it is broken"}},
		{file("a.txt", "words"), draw, "/pages/1", 0, []string{"words"}},
	} {
		c.f.Pages = c.pages
		u, err := v.Ticket(c.f)
		if err != nil {
			t.Fatal(err)
		}
		w := get(t, v, u+c.part, "GET")
		got := w.Body.String()
		if strings.Count(got, "<figure>") != c.shown || strings.Contains(got, "MARKER") || strings.Contains(got, "%PDF") || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			t.Errorf("%s%s: %d pages: %s", c.f.Name, c.part, strings.Count(got, "<figure>"), got)
		}
		for _, s := range c.says {
			if !strings.Contains(got, s) {
				t.Errorf("%s%s does not say %q: %s", c.f.Name, c.part, s, got)
			}
		}
		if p := get(t, v, u+"/picture", "GET"); p.Code != 404 || strings.Contains(p.Body.String(), "MARKER") {
			t.Errorf("%s was sent raw", c.f.Name)
		}
	}
}

func TestLogsAndCodeHaveNumberedLines(t *testing.T) {
	v := newViewer(t, time.Now)
	for _, name := range []string{"run.log", "model.py", "model.R", "x.do", "q.sql", "notes.md"} {
		u, _ := v.Ticket(file(name, "one\ntwo <b>\nthree", Mark{Number: "4", Severity: "review", Line: 2, Says: "a literal"}))
		got := get(t, v, u, "GET").Body.String()
		if !strings.Contains(got, `<tr class="review"><th class="n" scope="row">2</th><td>two &lt;b&gt; <span class="mark" title="a literal">`) || strings.Count(got, `class="mark"`) != 1 || !strings.Contains(got, `<th class="n" scope="row">3</th><td>three`) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
