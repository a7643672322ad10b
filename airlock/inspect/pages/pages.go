// Package pages draws the pages of a PDF as pictures, with pdfium compiled to
// WebAssembly: no script of the document runs, no file and no address is in
// its reach.
//
// It may touch the bytes it is given. It must only be called behind the walls
// of package box, and by a process that is killed when it takes too long.
package pages

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"io"
	"time"

	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
)

// What is drawn of a document at most.
const (
	MaxPages = 20
	Wide     = 1000 // pixels of a page
	High     = 1500
	memory   = 512 << 20 / (64 << 10) // of pdfium, in WebAssembly's pages of 64 KiB
)

// Draw draws the first pages as PNG and says how many there are. After an
// error nothing is to be shown.
func Draw(data []byte) (drawn [][]byte, count int, err error) {
	pool, err := webassembly.Init(webassembly.Config{MinIdle: 1, MaxIdle: 1, MaxTotal: 1, Stdout: io.Discard, Stderr: io.Discard,
		FSConfig: wazero.NewFSConfig(), RuntimeConfig: wazero.NewRuntimeConfig().WithMemoryLimitPages(memory)})
	if err != nil {
		return nil, 0, fmt.Errorf("pages: %w", err)
	}
	defer pool.Close()
	in, err := pool.GetInstance(time.Minute)
	if err != nil {
		return nil, 0, fmt.Errorf("pages: %w", err)
	}
	defer in.Close()
	doc, err := in.OpenDocument(&requests.OpenDocument{File: &data})
	if err != nil {
		return nil, 0, fmt.Errorf("pages: open: %w", err)
	}
	n, err := in.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: doc.Document})
	if err != nil || n.PageCount < 1 {
		return nil, 0, errors.New("pages: the document has none")
	}
	for i := range min(n.PageCount, MaxPages) {
		// Width and height together bound the picture: a page keeps its shape within.
		r, err := in.RenderPageInPixels(&requests.RenderPageInPixels{Width: Wide, Height: High, Page: requests.Page{ByIndex: &requests.PageByIndex{Document: doc.Document, Index: i}}})
		if err != nil {
			return nil, 0, fmt.Errorf("pages: page %d: %w", i+1, err)
		}
		var b bytes.Buffer
		size := r.Result.Image.Bounds()
		if size.Dx() < 1 || size.Dy() < 1 || size.Dx() > Wide || size.Dy() > High {
			err = fmt.Errorf("pages: page %d is %d by %d", i+1, size.Dx(), size.Dy())
		} else {
			err = png.Encode(&b, r.Result.Image)
		}
		r.Cleanup()
		if err != nil {
			return nil, 0, err
		}
		drawn = append(drawn, b.Bytes())
	}
	return drawn, n.PageCount, nil
}
