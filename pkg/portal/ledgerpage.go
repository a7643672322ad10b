package portal

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) ledgerRoutes() []Route {
	return []Route{
		{Pattern: "GET /ledger", Action: "public.read", On: whole, Serve: p.ledgerPage},
		{Pattern: "GET /ledger/log/{path...}", Action: "public.read", On: whole, Serve: p.ledgerTile},
		{Pattern: "GET /ledger/key", Action: "public.read", On: whole, Serve: p.ledgerKey},
		{Pattern: "GET /check", Action: "public.read", On: whole, Serve: p.checkUs},
	}
}

// blind are acts of checkers that would tell one checker, or the author, how
// far another is; pages leave them out until the ledger itself is read.
var blind = map[string]bool{"request.voted": true, "request.review-finished": true, "request.commented": true, "request.claimed": true, "access.file.view": true}

// ledgerPage lists the recorded acts as the ledger has them: type, time and
// place, without names. What an act was about is for those entitled.
func (p *Portal) ledgerPage(c *Call) error {
	before, _ := strconv.ParseInt(c.Query("before"), 10, 64)
	at := int64(-1)
	if s := c.Query("at"); s != "" {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
			at = n
		}
	}
	project := c.Query("project")
	if project != "" {
		if err := ark.CheckID(ark.PrefixProject, project); err != nil {
			return err
		}
	}
	if at >= 0 {
		return p.ledgerEntry(c, at)
	}
	const n = 50
	var acts []store.Recorded
	if err := c.view(func(q store.Querier) error {
		var err error
		acts, err = p.cfg.Store.Acts(c.Ctx(), q, project, before, n)
		return err
	}); err != nil {
		return err
	}
	page := ui.Page{Head: "Ledger", Lead: "Every act in this Ark, in the order it happened. Nobody can change, drop or reorder an entry without everyone who keeps a signed head noticing."}
	if project != "" {
		page.Above, page.Back = "The acts of one project", &ui.Link{Text: "The whole ledger", Href: "/ledger"}
	}
	if p.cfg.Rooms.Ledger != nil {
		head, err := p.cfg.Rooms.Ledger.Checkpoint(c.Ctx())
		if err == nil {
			page.Body = append(page.Body, ui.Figures{Items: []ui.Figure{{Number: number(head.Size), Text: "entries under the newest signed head"}}}, ui.Details{Summary: "The signed head", Body: []ui.Block{ui.Code{Text: string(head.Note)}}})
		}
	}
	t := ui.Table{Caption: "Acts, newest first", Columns: ui.Cols("#Entry", "When (UTC)", "What", "Commitment"), Empty: &ui.Empty{Text: "Nothing is recorded yet."}}
	var last int64
	for _, a := range acts {
		last = a.Seq
		if project != "" && blind[a.Type] {
			continue
		}
		entry := ui.Cell{Text: "soon"}
		if a.Index >= 0 {
			entry = ui.Cell{Text: number(a.Index), Href: fmt.Sprintf("/ledger?at=%d", a.Index)}
		}
		t.Rows = append(t.Rows, []ui.Cell{entry, {Text: a.At.UTC().Format("2 Jan 2006, 15:04:05")}, {Text: a.Type}, {Text: short(a.Commitment)}})
	}
	page.Body = append(page.Body, t)
	if len(acts) == n {
		next := fmt.Sprintf("/ledger?before=%d", last)
		if project != "" {
			next += "&project=" + project
		}
		page.Body = append(page.Body, ui.Pager{Next: next})
	}
	page.Body = append(page.Body, ui.Links{Items: []ui.Link{{Text: "How to verify it yourself", Href: "/check"}}})
	return c.Page(page)
}

// ledgerEntry shows one entry with its proof of inclusion, checked here too.
func (p *Portal) ledgerEntry(c *Call, at int64) error {
	if p.cfg.Rooms.Ledger == nil {
		return ark.Faultf(ark.Unavailable, "the ledger does not answer").Do("try again in a minute")
	}
	proof, err := p.cfg.Rooms.Ledger.ProveEntry(c.Ctx(), at)
	if err != nil {
		return err
	}
	key, err := p.cfg.Rooms.Ledger.VerifierKey(c.Ctx())
	if err != nil {
		return err
	}
	leaf, head, err := proof.Check(key)
	if err != nil {
		return err
	}
	var hashes strings.Builder
	for _, h := range proof.Hashes {
		hashes.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
	}
	page := ui.Page{Back: &ui.Link{Text: "Ledger", Href: "/ledger"}, Above: "Ledger", Head: fmt.Sprintf("Entry %s", number(at)), State: &ui.Tag{Text: "Proof holds", Colour: ui.Green},
		Lead: "It is in the log that the signed head below fixes.",
		Body: []ui.Block{ui.Summary{Rows: []ui.Row{{Key: "What", Text: leaf.Type}, {Key: "When (UTC)", Text: leaf.Time.UTC().Format("2 Jan 2006, 15:04:05.000000")}, {Key: "Entry", Text: leaf.ID}, {Key: "About", Lines: orNoneWords(leaf.Subjects)}, {Key: "Commitment to its content", Text: fmt.Sprintf("%x", leaf.Commit)}}},
			ui.Details{Summary: "The leaf as the log has it", Body: []ui.Block{ui.Code{Text: proof.Leaf}}},
			ui.Details{Summary: fmt.Sprintf("Proof of inclusion: %d hashes", len(proof.Hashes)), Body: []ui.Block{ui.Code{Text: hashes.String()}}},
			ui.Details{Summary: fmt.Sprintf("The signed head of %s entries", number(head.Size)), Body: []ui.Block{ui.Code{Text: proof.Checkpoint}}}}}
	return c.Page(page)
}

// ledgerTile serves the log as C2SP tiles, for anyone's own verifier.
func (p *Portal) ledgerTile(c *Call) error {
	if p.cfg.Rooms.Ledger == nil {
		return ark.Faultf(ark.Unavailable, "the ledger does not answer").Do("try again in a minute")
	}
	path := c.R.PathValue("path")
	if path != "checkpoint" && !strings.HasPrefix(path, "tile/") || strings.Contains(path, "..") || len(path) > 200 {
		return ark.Faultf(ark.Unknown, "the log has no such part").Do("see the C2SP tlog-tiles specification for the names")
	}
	b, err := p.cfg.Rooms.Ledger.Tile(c.Ctx(), path)
	if err != nil {
		return err
	}
	kind := "application/octet-stream"
	if path == "checkpoint" {
		kind = "text/plain; charset=utf-8"
	} else {
		c.W.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	c.W.Header().Set("Content-Type", kind)
	_, _ = c.W.Write(b)
	return nil
}

func (p *Portal) ledgerKey(c *Call) error {
	if p.cfg.Rooms.Ledger == nil {
		return ark.Faultf(ark.Unavailable, "the ledger does not answer").Do("try again in a minute")
	}
	key, err := p.cfg.Rooms.Ledger.VerifierKey(c.Ctx())
	if err != nil {
		return err
	}
	c.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
	c.W.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(c.W, key+"\n")
	return nil
}

// checkUs gives the commands that verify what this Ark says.
func (p *Portal) checkUs(c *Call) error {
	o := p.cfg.Origin
	return c.Page(ui.Page{Head: "Check us", Lead: "You need not believe this Ark. These commands check it on your own computer, with a free program and a public key.",
		Body: []ui.Block{
			ui.Head2{Text: "1. The ledger: nothing was changed, dropped or reordered"},
			ui.Code{Text: "curl -s " + o + "/ledger/key > ark.pub\nark ledger fetch " + o + "/ledger/log ledger\nark ledger verify --key ark.pub ledger"},
			ui.Text{Text: "Keep the signed head you got. If this log is ever rewritten, it will not fit your head:"},
			ui.Code{Text: "ark ledger verify --key ark.pub --against my-head.txt ledger"},
			ui.Head2{Text: "2. A release: the bytes are those that were checked"},
			ui.Code{Text: "ark release verify --key ark-release.pub release.zip"},
			ui.Head2{Text: "3. A deletion: the key is gone"},
			ui.Text{Text: "When a project closes, its key is destroyed, and with it every copy of its data. The act is in the ledger; its certificate names what remains and why."},
			ui.Code{Text: "curl -s " + o + apiPrefix + "/ledger/1234"},
			ui.Links{Items: []ui.Link{{Text: "The ledger", Href: "/ledger"}, {Text: "Its public key", Href: "/ledger/key"}, {Text: "Its newest signed head", Href: "/ledger/log/checkpoint"}}}}})
}
