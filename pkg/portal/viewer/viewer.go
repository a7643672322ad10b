// Package viewer shows untrusted files on an origin of their own, without
// scripts, without cookies and without a way to anywhere.
//
// A page of the portal asks for a Ticket after it has authorised and recorded
// the look; the ticket opens one file for a few minutes. Every byte of a file
// is data here: a table is drawn cell by cell as text, a text line by line,
// a PDF as pictures of its pages, which somebody else has drawn, and a picture
// only where its bytes are those of a PNG or a JPEG. The package
// must never send a file's bytes under a type that a browser runs, and knows
// neither users nor the store.
package viewer

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"encoding/hex"
	"errors"
	"html/template"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
)

//go:embed page.html view.css
var sources embed.FS

// File is what a ticket opens.
type File struct {
	Name  string // shown as text
	Size  int64
	Marks []Mark
	Open  func(ctx context.Context) (io.ReadCloser, error)
	// Damaged, where it is set, is told when the bytes turn out not to be those
	// that were stored. They are not shown.
	Damaged func(ctx context.Context)
	// Against, where it is set, opens the file that this one is held against:
	// cells of a table that differ from it are outlined.
	Against func(ctx context.Context) (io.ReadCloser, error)
	// Pages, where it is set, draws pages of a PDF, from the one numbered from on.
	Pages func(ctx context.Context, from int) (Drawn, error)
}

// Mark is a finding's place in a file: a cell of a table or a line of a text.
// Rows and columns count from 1 as in a spreadsheet, cells of a notebook from
// its top; 0 is not known.
type Mark struct {
	Number   string
	Severity string // fail, review, info or Claim
	Row, Col int
	Line     int // of a notebook: counted over the sources of its cells
	Cell     int // of a notebook
	Says     string
}

// Claim is the severity of a mark that the author's own tool made: it is shown
// apart from what was found.
const Claim = "claim"

// Viewer is the handler of the viewer's origin. Make it with New.
type Viewer struct {
	origin string // its own
	portal string // who may frame it
	now    func() time.Time
	page   *template.Template
	css    []byte

	mu      sync.Mutex // guards tickets
	tickets map[string]ticket
}

type ticket struct {
	file  File
	until time.Time
}

// ticketLife is how long a page may be looked at before it has to be opened again.
const ticketLife = 15 * time.Minute

// maxTickets bounds the memory of open tickets.
const maxTickets = 10_000

// New returns a viewer for the origin, framed by the portal's origin only.
func New(origin, portal string, now func() time.Time) (*Viewer, error) {
	page, err := template.ParseFS(sources, "page.html")
	if err != nil {
		return nil, err
	}
	css, err := sources.ReadFile("view.css")
	if err != nil {
		return nil, err
	}
	return &Viewer{origin: origin, portal: portal, now: now, page: page, css: css, tickets: map[string]ticket{}}, nil
}

// Ticket returns the address that shows the file for a few minutes. The
// address holds a secret and nothing of the file.
func (v *Viewer) Ticket(f File) (string, error) {
	var b [24]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	id, now := hex.EncodeToString(b[:]), v.now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.tickets) >= maxTickets {
		for k, t := range v.tickets {
			if now.After(t.until) {
				delete(v.tickets, k)
			}
		}
		if len(v.tickets) >= maxTickets {
			return "", ark.Faultf(ark.TooMuch, "too many files are being looked at").Do("wait a few minutes")
		}
	}
	v.tickets[id] = ticket{f, now.Add(ticketLife)}
	return v.origin + "/f/" + id, nil
}

func (v *Viewer) find(id string) (File, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t, ok := v.tickets[id]
	if !ok || v.now().After(t.until) {
		delete(v.tickets, id)
		return File{}, false
	}
	return t.file, true
}

// ServeHTTP shows a file, its picture, or the style sheet, and nothing else.
func (v *Viewer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src "+v.origin+"; img-src "+v.origin+" data:; frame-ancestors "+v.portal+"; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // a sandboxed page is of no origin, its own style sheet's neither
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "this address only shows", http.StatusMethodNotAllowed)
		return
	}
	if r.URL.Path == "/view.css" {
		h.Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(v.css)
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/f/")
	id, part, _ := strings.Cut(rest, "/")
	f, found := v.find(id)
	if !ok || !found || (part != "" && part != "picture" && part != "text" && !strings.HasPrefix(part, "pages/")) {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "This view has ended. Load the page around it again.\n")
		return
	}
	if part == "picture" {
		v.picture(w, r, f)
		return
	}
	v.show(w, r, id, f, part)
}

// show draws the page of a file. What is drawn as something better than its
// text is drawn as text where that is asked for.
func (v *Viewer) show(w http.ResponseWriter, r *http.Request, id string, f File, part string) {
	data, cut, err := read(r.Context(), f)
	p := page{Name: f.Name, CSS: v.origin + "/view.css"}
	switch {
	case err != nil:
		p.Note = "The file cannot be opened: its bytes are not what was submitted, or a part of this Ark does not answer."
	case pictureType(data) != "":
		p.Picture = "/f/" + id + "/picture"
	case isPDF(f.Name, data):
		p.pdf(r.Context(), id, part, f)
	case part != "text" && !cut && isNotebook(f.Name) && p.notebook(data, f.Marks):
		p.AsText = "/f/" + id + "/text"
	default:
		if isNotebook(f.Name) {
			f.Marks = nil // they count the lines of cells, not of the file
		}
		if f.Against != nil {
			if other, _, err := read(r.Context(), File{Open: f.Against}); err == nil {
				p.against = cellsOf(f.Name, other)
			}
		}
		p.draw(data, cut, f.Marks)
	}
	var buf bytes.Buffer
	if err := v.page.Execute(&buf, p); err != nil {
		http.Error(w, "the file cannot be drawn", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(buf.Bytes())
}

func (v *Viewer) picture(w http.ResponseWriter, r *http.Request, f File) {
	data, cut, err := read(r.Context(), f)
	kind := pictureType(data)
	if err != nil || cut || kind == "" {
		http.Error(w, "there is no picture to show", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(data)
}

// most is how much of a file is read to be shown.
const most = 8 << 20

func read(ctx context.Context, f File) (data []byte, cut bool, err error) {
	in, err := f.Open(ctx)
	if err != nil {
		return nil, false, f.refused(ctx, err)
	}
	defer in.Close()
	data, err = io.ReadAll(io.LimitReader(in, most+1))
	if len(data) > most {
		// What is not shown is read all the same: the last byte has to be what
		// was stored before the first one is believed.
		if _, err = io.Copy(io.Discard, in); err == nil {
			return data[:most], true, nil
		}
	}
	if err != nil {
		return nil, false, f.refused(ctx, err)
	}
	return data, false, nil
}

// refused tells who has to know when the bytes are not what was stored.
func (f File) refused(ctx context.Context, err error) error {
	if errors.Is(err, objects.ErrDamaged) && f.Damaged != nil {
		f.Damaged(ctx)
	}
	return err
}

// pictureType is the type of a picture by its first bytes, "" for all others.
// SVG is no picture here: it is a text that can hold scripts.
func pictureType(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	case bytes.HasPrefix(b, []byte("\xff\xd8\xff")):
		return "image/jpeg"
	default:
		return ""
	}
}
