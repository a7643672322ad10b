package portal

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/portal/viewer"
)

type opener = func(context.Context) (io.ReadCloser, error)

// mostCompare is how many files are offered to hold one against.
const mostCompare = 8

// heldAgainst offers what the file in hand can be held against: the same name
// in earlier rounds, then files of earlier releases of the same data, those of
// the same name first. It opens the one that was asked for.
func (p *Portal) heldAgainst(c *Call, v airlock.View, f airlock.FileView, earlier []airlock.EarlierRelease, r *ui.Review) (opener, error) {
	asked := c.Query("beside")
	link := func(text, key string) {
		if len(r.Compare) < mostCompare {
			r.Compare = append(r.Compare, ui.Link{Text: text, Href: "/queue/" + v.ID + "?file=" + f.ID + "&beside=" + url.QueryEscape(key), Current: key == asked})
		}
	}
	for i := len(v.Earlier) - 1; i >= 0; i-- {
		for _, old := range v.Earlier[i].Files {
			if old.Name == f.Name {
				link(fmt.Sprintf("round %d", v.Earlier[i].Number), "round "+old.ID)
			}
		}
	}
	for _, same := range []bool{true, false} {
		for _, e := range earlier {
			for _, rf := range e.Files {
				if (rf.Name == f.Name) == same {
					link(day(e.At)+" "+rf.Name, fmt.Sprintf("%s %d", e.ID, rf.Ordinal))
				}
			}
		}
	}
	kind, id, ok := strings.Cut(asked, " ")
	if !ok || p.cfg.Rooms.Outputs == nil || p.cfg.FileViewer == nil {
		return nil, nil
	}
	var old *airlock.File
	var err error
	project, request := v.Project, v.ID
	if kind == "round" {
		old, err = p.cfg.Rooms.Airlock.OpenFile(c.Ctx(), c.Actor, v.ID, id)
		r.Against = "Earlier round"
	} else {
		n, _ := strconv.Atoi(id)
		old, request, err = p.cfg.Rooms.Airlock.OpenReleased(c.Ctx(), c.Actor, kind, n)
		for _, e := range earlier {
			if e.ID == kind {
				project, r.Against = e.Project, "Released "+day(e.At)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	ref := old.Ref
	open := func(ctx context.Context) (io.ReadCloser, error) { return p.cfg.Rooms.Outputs.Open(ctx, project, ref) }
	if r.Beside, err = p.cfg.FileViewer.Ticket(viewer.File{Name: old.Name, Size: ref.Size, Open: open, Pages: p.pagesOf(ref), Damaged: p.foundDamaged(request, old.ID)}); err != nil {
		return nil, err
	}
	r.Against += ": " + old.Name
	return open, nil
}

// decideBeside is what a checker decides outside the votes: a contest, an appeal.
func (p *Portal) decideBeside(c *Call, v airlock.View) []ui.Block {
	base := "/queue/" + v.ID
	off := func(action string) string { return c.Off(action, "Request", v.ID) }
	decide := func(path, action, yes, no string) ui.Block {
		return ui.Form{Action: base + path, Fields: []ui.Field{
			{Kind: "radios", Name: "decision", Label: "Your decision", Options: []ui.Option{{Value: "yes", Text: yes}, {Value: "no", Text: no}}},
			{Kind: "area", Name: "reason", Label: "Why?", Rows: 3}}, Submit: ui.Button{Text: "Decide", Off: off(action)}}
	}
	switch {
	case v.State == "contested" && v.Contest != nil:
		out := []ui.Block{ui.Head2{Text: "Does the failed check apply?"}, ui.Text{Text: "The author says:", Soft: true}, ui.Said{Text: v.Contest.Reason}}
		if len(v.Contest.Need) > 0 {
			out = append(out, ui.Inset{Text: "The rule is in the contract of " + count(len(v.Contest.Need), "custodian") + ", who has to agree too."})
		}
		if v.Contest.Yours {
			return append(out, ui.Text{Text: "You have given your opinion. Somebody else has to give theirs."})
		}
		path, action := "/override", "request.override"
		if v.You == "signer" {
			path, action = "/waive", "request.waive"
		}
		return append(out, decide(path, action, "It does not apply here", "It applies: the file must not leave like this"))
	case v.State == "appealed" && v.Appeal != nil:
		out := []ui.Block{ui.Head2{Text: "The appeal"}, ui.Text{Text: "The author says:", Soft: true}, ui.Said{Text: v.Appeal.Reason}}
		if !v.Appeal.Yours {
			return append(out, ui.Text{Text: "Another output checker, who has not seen it before, decides."})
		}
		return append(out, decide("/arbitrate", "request.arbitrate", "The author is right: count my approval and review it again", "The return stands"))
	}
	return nil
}
