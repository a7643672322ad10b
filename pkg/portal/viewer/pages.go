package viewer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"strconv"
	"strings"
)

// Drawn are pages of a document as pictures.
type Drawn struct {
	Count int       `json:"count"` // of the document
	From  int       `json:"from"`  // the first one drawn, counted from 1
	Pages []Drawing `json:"pages"`
}

// Drawing is one page as a PNG that this Ark has made of pixels.
type Drawing struct {
	PNG   []byte `json:"png"`
	Small bool   `json:"small"` // drawn so small that its words may not be legible
}

// ErrNotDrawn is what File.Pages answers of a document that can't be drawn.
var ErrNotDrawn = errors.New("viewer: the document can't be drawn")

type drawnPage struct {
	Number, Count int
	Picture       template.URL
	Small         bool
}

// isPDF reports whether bytes are for a reader of PDF, or say that they are.
func isPDF(name string, data []byte) bool {
	return bytes.Contains(data[:min(len(data), 1024)], []byte("%PDF-")) || strings.HasSuffix(strings.ToLower(name), ".pdf")
}

// pdf shows pages of a PDF as pictures. None of its bytes are sent.
func (p *page) pdf(ctx context.Context, id, part string, f File) {
	const unseen = " Nothing of it is given to your browser. What was found in it is listed beside it. Nobody has seen its pages here: return it and ask for its figures as PNG and its tables as CSV, unless you can decide without seeing it."
	from := 1
	if n, err := strconv.Atoi(strings.TrimPrefix(part, "pages/")); err == nil {
		from = n
	}
	d, err := Drawn{}, ErrNotDrawn
	if f.Pages != nil {
		d, err = f.Pages(ctx, from)
	}
	if err == nil && (d.From != from || len(d.Pages) == 0) {
		err = ErrNotDrawn
	}
	switch {
	case errors.Is(err, ErrNotDrawn):
		p.Note = "This PDF can’t be drawn: it is broken, has no such page, or takes more time or memory than is given to it." + unseen
		return
	case err != nil:
		p.Note = "This PDF can’t be drawn now: a part of this Ark does not answer. Try again in a moment." + unseen
		return
	}
	for i, x := range d.Pages {
		p.Drawn = append(p.Drawn, drawnPage{from + i, d.Count, inline(x.PNG), x.Small})
	}
	last := from + len(d.Pages) - 1
	p.Note = "Its pages are drawn here as pictures: links and scripts in it do nothing."
	if from > 1 || last < d.Count {
		p.Note += fmt.Sprintf(" It has %d pages. These are pages %d to %d.", d.Count, from, last)
	}
	if from > 1 {
		p.Before = fmt.Sprintf("/f/%s/pages/%d", id, max(from-mostPages, 1))
	}
	if last < d.Count {
		p.After = fmt.Sprintf("/f/%s/pages/%d", id, last+1)
	}
}

// mostPages is how many pages are drawn at one time.
const mostPages = 10
