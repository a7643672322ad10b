// Package pages draws the pages of a PDF as pixels, with pdfium compiled to
// WebAssembly: no script of the document runs, and no file and no address is in
// its reach.
//
// It may touch the bytes it is given. It must only be called behind the walls
// of package box, by a process that is killed when it takes too long.
package pages

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"

	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/wire"
)

const (
	memory  = 512 << 20 / (64 << 10) // of pdfium, in WebAssembly's pages of 64 KiB
	legible = 0.75                   // pixels of a point, below which words of ten points blur
)

// Serve draws what one document on in is asked for. The walls stand before it
// is called.
func Serve(in io.Reader, out io.Writer) error {
	var ask wire.AskPages
	data, err := wire.Read(bufio.NewReaderSize(in, 64<<10), &ask, look.MaxFile)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, 64<<10)
	end := wire.Page{}
	lib, err := Open()
	if err == nil {
		defer lib.Close()
		err = lib.Draw(data, ask.From, func(p wire.Page, pixels []byte) error { return wire.Write(w, p, pixels) })
	}
	if err != nil {
		end.Fault = err.Error()
	}
	return wire.Write(w, end)
}

// Library is pdfium, compiled.
type Library struct{ pool pdfium.Pool }

// Open compiles pdfium, which takes some seconds of a processor.
func Open() (*Library, error) {
	pool, err := webassembly.Init(webassembly.Config{MinIdle: 1, MaxIdle: 1, MaxTotal: 1, Stdout: io.Discard, Stderr: io.Discard,
		FSConfig: wazero.NewFSConfig(), RuntimeConfig: wazero.NewRuntimeConfig().WithMemoryLimitPages(memory)})
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	return &Library{pool}, nil
}

// Close lets go of it.
func (l *Library) Close() { _ = l.pool.Close() } // memory of this process

// Draw draws pages from the one numbered from on, in an instance of its own,
// and gives each to take.
func (l *Library) Draw(data []byte, from int, take func(wire.Page, []byte) error) error {
	lib, err := l.pool.GetInstance(time.Minute)
	if err != nil {
		return fmt.Errorf("pages: %w", err)
	}
	defer lib.Close()
	doc, err := lib.OpenDocument(&requests.OpenDocument{File: &data})
	if err != nil {
		return fmt.Errorf("pages: open: %w", err)
	}
	n, err := lib.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: doc.Document})
	if err != nil || n.PageCount < 1 {
		return errors.New("pages: the document has none")
	}
	if from < 1 || from > n.PageCount {
		return errors.New("pages: the document has no such page")
	}
	for i := from; i <= min(n.PageCount, from+wire.MaxPages-1); i++ {
		if err := page(lib, doc.Document, wire.Page{Number: i, Count: n.PageCount}, take); err != nil {
			return fmt.Errorf("pages: page %d: %w", i, err)
		}
	}
	return nil
}

// page draws one page on white. A page keeps its shape: it is as wide or as
// high as it may be.
func page(lib pdfium.Pdfium, doc references.FPDF_DOCUMENT, p wire.Page, take func(wire.Page, []byte) error) error {
	loaded, err := lib.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: doc, Index: p.Number - 1})
	if err != nil {
		return err
	}
	defer lib.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: loaded.Page})
	this := requests.Page{ByReference: &loaded.Page}
	w, err := lib.FPDF_GetPageWidthF(&requests.FPDF_GetPageWidthF{Page: this})
	if err != nil {
		return err
	}
	h, err := lib.FPDF_GetPageHeightF(&requests.FPDF_GetPageHeightF{Page: this})
	if err != nil {
		return err
	}
	wide, high := float64(w.PageWidth), float64(h.PageHeight)
	if !(wide > 0) || !(high > 0) {
		return errors.New("it has no size")
	}
	scale := min(wire.MaxWide/wide, wire.MaxHigh/high)
	p.Wide, p.High, p.Small = min(max(int(wide*scale+.5), 1), wire.MaxWide), min(max(int(high*scale+.5), 1), wire.MaxHigh), scale < legible
	b, err := lib.FPDFBitmap_Create(&requests.FPDFBitmap_Create{Width: p.Wide, Height: p.High}) // blue, green, red and a byte of nothing
	if err != nil {
		return err
	}
	defer lib.FPDFBitmap_Destroy(&requests.FPDFBitmap_Destroy{Bitmap: b.Bitmap})
	if _, err := lib.FPDFBitmap_FillRect(&requests.FPDFBitmap_FillRect{Bitmap: b.Bitmap, Width: p.Wide, Height: p.High, Color: 0xFFFFFFFF}); err != nil {
		return err
	}
	if _, err := lib.FPDF_RenderPageBitmap(&requests.FPDF_RenderPageBitmap{Bitmap: b.Bitmap, Page: this, SizeX: p.Wide, SizeY: p.High, Flags: enums.FPDF_RENDER_FLAG_ANNOT}); err != nil {
		return err
	}
	stride, err := lib.FPDFBitmap_GetStride(&requests.FPDFBitmap_GetStride{Bitmap: b.Bitmap})
	if err != nil {
		return err
	}
	buf, err := lib.FPDFBitmap_GetBuffer(&requests.FPDFBitmap_GetBuffer{Bitmap: b.Bitmap})
	if err != nil {
		return err
	}
	if stride.Stride < 4*p.Wide || len(buf.Buffer) < stride.Stride*p.High {
		return errors.New("its picture is short")
	}
	pixels := make([]byte, 0, 3*p.Wide*p.High)
	for y := range p.High {
		row := buf.Buffer[y*stride.Stride:]
		for x := range p.Wide {
			pixels = append(pixels, row[4*x+2], row[4*x+1], row[4*x])
		}
	}
	return take(p, pixels)
}
