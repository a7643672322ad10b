package inspect

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"

	"github.com/ark-tre/ark/airlock/inspect/wire"
)

// Drawn are pages of a document as pictures.
type Drawn struct {
	Count int    `json:"count"` // of the document
	From  int    `json:"from"`  // the first one drawn, counted from 1
	Pages []Page `json:"pages"`
}

// Page is one page: a PNG that was made here, of pixels.
type Page struct {
	PNG   []byte `json:"png"`
	Small bool   `json:"small,omitempty"` // drawn so small that its words may not be legible
}

// ErrNotDrawn is of a document that can't be drawn, in this time and memory.
var ErrNotDrawn = errors.New("inspect: the document can't be drawn")

// mostDrawn bounds the pictures of one answer, in bytes.
const mostDrawn = 24 << 20

// Draw has pages of a PDF drawn, the one numbered from and those after it, by
// an ark-inspect that ends with it. The child sends pixels: whoever broke it
// could show other pixels, and nothing but pixels.
func (in Inspector) Draw(ctx context.Context, data []byte, from int) (Drawn, error) {
	if in.Program == "" {
		return Drawn{}, in.missing()
	}
	if from < 1 || len(data) > MaxFile {
		return Drawn{}, ErrNotDrawn
	}
	s := &Session{in: in.timed(), act: "pages"}
	if err := s.start(ctx); err != nil {
		return Drawn{}, err
	}
	defer s.Close()
	stop := s.child.killAfter(ctx, s.in.PerFile)
	defer stop()
	d, err := s.child.draw(data, from)
	switch {
	case err == nil:
		return d, nil
	case ctx.Err() != nil:
		return Drawn{}, ctx.Err()
	}
	return Drawn{}, errors.Join(ErrNotDrawn, err)
}

func (c *child) draw(data []byte, from int) (Drawn, error) {
	if err := wire.Write(c.in, wire.AskPages{From: from}, data); err != nil {
		return Drawn{}, err
	}
	d := Drawn{From: from}
	size := 0
	for {
		var p wire.Page
		pixels, err := wire.Read(c.out, &p, 3*wire.MaxWide*wire.MaxHigh)
		if err != nil {
			return Drawn{}, err
		}
		if p.Number == 0 {
			if p.Fault != "" || len(d.Pages) == 0 {
				return Drawn{}, errors.New("inspect: pages: " + clip(p.Fault))
			}
			return d, nil
		}
		if p.Number != from+len(d.Pages) || p.Count < p.Number || len(d.Pages) > 0 && p.Count != d.Count || len(d.Pages) == wire.MaxPages ||
			p.Wide < 1 || p.High < 1 || p.Wide > wire.MaxWide || p.High > wire.MaxHigh || len(pixels) != 3*p.Wide*p.High {
			return Drawn{}, errors.New("inspect: the answer contradicts itself")
		}
		d.Count = p.Count
		picture, err := asPNG(p.Wide, p.High, pixels)
		if err != nil {
			return Drawn{}, err
		}
		if size += len(picture); size > mostDrawn && len(d.Pages) > 0 {
			return d, nil // what is left is asked for next
		}
		d.Pages = append(d.Pages, Page{picture, p.Small})
	}
}

func asPNG(wide, high int, pixels []byte) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, wide, high))
	for i := range wide * high {
		copy(img.Pix[4*i:], pixels[3*i:3*i+3])
		img.Pix[4*i+3] = 0xff
	}
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img)
	return b.Bytes(), err
}

// clip shortens what a child said of itself.
func clip(s string) string {
	if len(s) > 200 {
		return s[:200]
	}
	return s
}
