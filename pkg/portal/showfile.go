package portal

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/portal/viewer"
)

// showFile records that the viewer of the page looks at a submitted file and
// returns the address that shows it on the viewer's origin.
func (p *Portal) showFile(c *Call, v airlock.View, f airlock.FileView, against opener) (string, error) {
	if p.cfg.Rooms.Outputs == nil || p.cfg.FileViewer == nil {
		return "", ark.Faultf(ark.Unavailable, "files cannot be shown on this host").Do("ask the operator")
	}
	file, err := p.cfg.Rooms.Airlock.OpenFile(c.Ctx(), c.Actor, v.ID, f.ID)
	if err != nil {
		return "", err
	}
	var marks []viewer.Mark
	for _, x := range numbered(v)[f.ID] {
		row, col := cellOf(x.Where.Ref)
		nb, _ := strconv.Atoi(x.Evidence["cell"]) // only findings of notebooks name a cell by its number
		marks = append(marks, viewer.Mark{Number: number(x.Number), Severity: string(x.Severity), Row: row, Col: col, Line: x.Where.Line, Cell: nb, Says: sentence(x.Says)})
	}
	marks = append(marks, claimMarks(f.ACRO)...)
	project, ref := v.Project, file.Ref
	return p.cfg.FileViewer.Ticket(viewer.File{Name: file.Name, Size: ref.Size, Marks: marks, Against: against, Damaged: p.foundDamaged(v.ID, f.ID), Open: func(ctx context.Context) (io.ReadCloser, error) {
		return p.cfg.Rooms.Outputs.Open(ctx, project, ref)
	}, Pages: p.pagesOf(ref)})
}

// pagesOf draws the pages of a file that is looked at.
func (p *Portal) pagesOf(ref objects.Ref) func(context.Context, int) (viewer.Drawn, error) {
	return func(ctx context.Context, from int) (viewer.Drawn, error) {
		return p.cfg.Rooms.Outputs.Pages(ctx, ref, from)
	}
}

// cellOf reads a cell reference such as "B12" into row and column, 0 where it
// names none. A reference to a range gives its first cell.
func cellOf(ref string) (row, col int) {
	ref, _, _ = strings.Cut(ref, ":")
	for _, r := range strings.ToUpper(ref) {
		switch {
		case r >= 'A' && r <= 'Z' && row == 0 && col < 20_000:
			col = col*26 + int(r-'A') + 1
		case r >= '0' && r <= '9' && row < 100_000_000:
			row = row*10 + int(r-'0')
		default:
			return 0, 0
		}
	}
	return row, col
}

// asWhat says whether a page shows what was submitted or the clean file made
// of it.
func asWhat(f airlock.FileView) string {
	if f.Submitted.Name != "" {
		return "it would leave, rebuilt from what was submitted"
	}
	return "it was submitted"
}

// ownFile shows an author's own submitted file.
func (p *Portal) ownFile(c *Call) error {
	v, err := p.cfg.Rooms.Airlock.ViewOf(c.Ctx(), c.Actor, c.ID())
	if err != nil {
		return err
	}
	for _, f := range v.Files {
		if f.ID != c.R.PathValue("file") {
			continue
		}
		page := ui.Page{Back: &ui.Link{Text: "The request", Href: "/outputs/" + v.ID}, Title: fmt.Sprintf("File %d", f.Ordinal), Head: f.Name, State: verdictTag(f.Verdict), Wide: true,
			Lead: fmt.Sprintf("File %d, as %s: %s, SHA-256 %s.", f.Ordinal, asWhat(f), bytesText(f.Ref.Size), short(f.Ref.SHA256))}
		src, err := p.showFile(c, v, f, nil)
		if err != nil {
			return err
		}
		page.Body = []ui.Block{ui.Viewer{Title: "File " + number(f.Ordinal), Src: src}}
		var fs ui.Findings
		for _, x := range numbered(v)[f.ID] {
			fs.Items = append(fs.Items, findingItem(x))
		}
		page.Body = append(append(page.Body, fs), claimBlocks(f)...)
		return c.Page(page)
	}
	return ark.Faultf(ark.Unknown, "this request has no such file")
}
