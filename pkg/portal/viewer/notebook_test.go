package viewer

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
	"time"
)

func dot(t *testing.T) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 40, 20))
	for x := range 40 {
		img.Set(x, x/2, color.RGBA{R: 200, A: 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withText is a PNG that hides a text in a chunk of its own.
func withText(b []byte, text string) []byte {
	chunk := append([]byte("tEXt"), text...)
	var c bytes.Buffer
	_ = binary.Write(&c, binary.BigEndian, uint32(len(text)))
	c.Write(chunk)
	_ = binary.Write(&c, binary.BigEndian, crc32.ChecksumIEEE(chunk))
	return bytes.Join([][]byte{b[:33], c.Bytes(), b[33:]}, nil)
}

// huge is a PNG's head that says it is 60,000 by 60,000.
func huge(b []byte) []byte {
	b = bytes.Clone(b)
	binary.BigEndian.PutUint32(b[16:], 60_000)
	binary.BigEndian.PutUint32(b[20:], 60_000)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

type m = map[string]any

func book(t *testing.T, cells ...m) string {
	t.Helper()
	b, err := json.Marshal(m{"nbformat": 4, "nbformat_minor": 5, "metadata": m{}, "cells": cells})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestANotebookIsDrawnCellByCell(t *testing.T) {
	v := newViewer(t, time.Now)
	coded := base64.StdEncoding.EncodeToString(withText(dot(t), "SECRET IN A CHUNK"))
	body := book(t,
		m{"cell_type": "markdown", "source": "# Title\nwords"},
		m{"cell_type": "code", "execution_count": 7, "source": []string{"a = 1\n", "b = 'x'\n", "plot()"}, "outputs": []m{
			{"output_type": "stream", "name": "stdout", "text": []string{"12 rows\n"}},
			{"output_type": "display_data", "data": m{"image/png": coded, "text/plain": "<Figure>"}}}},
		m{"cell_type": "code", "source": "boom", "outputs": []m{{"output_type": "error", "ename": "ValueError", "evalue": "bad", "traceback": []string{"\x1b[0mline"}}}})
	u, err := v.Ticket(file("n.ipynb", body, Mark{Number: "1", Severity: "fail", Line: 4, Cell: 2, Says: "a literal"}, Mark{Number: "2", Severity: "review", Cell: 3, Says: "an output"}))
	if err != nil {
		t.Fatal(err)
	}
	got := get(t, v, u, "GET").Body.String()
	at := -1
	for _, want := range []string{"Cell 1: markdown", "# Title", "Cell 2: code, run 7", `<tr class="fail"><th class="n" scope="row">2</th>`, "12 rows", `<img src="data:image/png;base64,`, "&lt;Figure&gt;", `<h2 class="review">Cell 3: code`, "ValueError: bad", "Show the file as text"} {
		i := strings.Index(got, want)
		if i <= at {
			t.Fatalf("%q is not there, or not in its place: %s", want, got)
		}
		at = i
	}
	if strings.Count(got, `class="mark"`) != 2 || strings.Contains(got, "\x1b") {
		t.Errorf("marks or controls: %s", got)
	}
	_, sent, _ := strings.Cut(got, "data:image/png;base64,")
	sent, _, _ = strings.Cut(sent, `"`)
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(sent, "&#43;", "+"))
	if err != nil || bytes.Contains(raw, []byte("SECRET")) || sent == coded {
		t.Errorf("the picture's own bytes were sent (%v)", err)
	}
	if img, err := png.Decode(bytes.NewReader(raw)); err != nil || img.Bounds().Dx() != 40 {
		t.Errorf("what was sent is not the picture: %v", err)
	}
	if plain := get(t, v, u+"/text", "GET").Body.String(); strings.Contains(plain, "Cell 2") || !strings.Contains(plain, "nbformat") || strings.Contains(plain, `class="mark"`) {
		t.Errorf("as text: %s", plain)
	}
}

func TestAHostileNotebookIsText(t *testing.T) {
	v := newViewer(t, time.Now)
	svg := `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>`
	coded := base64.StdEncoding.EncodeToString
	body := book(t, m{"cell_type": "code</h2><script>alert(1)</script>", "source": "</td><script>alert(1)</script>", "outputs": []m{
		{"output_type": "display_data", "data": m{
			"text/html": "<script>alert(1)</script><img src=x onerror=alert(1)><iframe src=//x>", "image/svg+xml": svg, "application/javascript": "alert(1)",
			"text/markdown": "[x](javascript:alert(1))", "application/vnd.jupyter.widget-view+json": m{"model_id": "x"}, "x\"><script>": "y"}},
		{"output_type": "display_data", "data": m{"image/png": coded([]byte(svg))}},
		{"output_type": "display_data", "data": m{"image/jpeg": coded(dot(t))}},
		{"output_type": "display_data", "data": m{"image/png": `"><script>alert(1)</script>`}},
		{"output_type": "display_data", "data": m{"image/png": coded(huge(dot(t)))}},
		{"output_type": "display_data", "data": m{"image/png": coded(dot(t)[:60])}}}})
	u, _ := v.Ticket(file("n.ipynb", body, Mark{Number: "1", Severity: "fail", Cell: 1, Says: `"><script>alert(1)</script>`}))
	w := get(t, v, u, "GET")
	got := w.Body.String()
	for _, bad := range []string{"<script", "<svg", "<iframe", "<img", "data:image", `href="javascript`} {
		if strings.Contains(got, bad) {
			t.Errorf("%q was drawn: %s", bad, got)
		}
	}
	if n := strings.Count(got, "This picture can’t be shown"); n != 5 {
		t.Errorf("%d pictures of five are said not to be shown: %s", n, got)
	}
	if !strings.Contains(got, "&lt;iframe src=//x&gt;") || !strings.Contains(got, "onload=") {
		t.Errorf("the markup is not shown as text: %s", got)
	}
	csp := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "sandbox; default-src 'none'") || strings.Contains(csp, "script") || strings.Contains(csp, "allow-") {
		t.Errorf("policy %q", csp)
	}
}

func TestALongNotebookIsCut(t *testing.T) {
	v := newViewer(t, time.Now)
	var cells []m
	for range maxCells + 5 {
		cells = append(cells, m{"cell_type": "code", "source": "x", "outputs": []m{{"output_type": "stream", "text": strings.Repeat("é", 5000)}}})
	}
	u, _ := v.Ticket(file("n.ipynb", book(t, cells...)))
	w := get(t, v, u, "GET")
	if got := w.Body.String(); len(got) > 2*maxBookText || !strings.Contains(got, "The first 500 cells are shown.") || !strings.Contains(got, "The beginning of this output is shown.") {
		t.Errorf("%d bytes were drawn", len(got))
	}
}

func TestWhatIsNoNotebookIsText(t *testing.T) {
	v := newViewer(t, time.Now)
	for _, body := range []string{"{}", "[1]", `{"nbformat":3,"cells":[]}`, `{"nbformat":4,"cells":[{"source":{}}]}`, "x = 1"} {
		u, _ := v.Ticket(file("n.ipynb", body))
		if got := get(t, v, u, "GET").Body.String(); !strings.Contains(got, `aria-label="The text"`) {
			t.Errorf("%s: %s", body, got)
		}
	}
}
