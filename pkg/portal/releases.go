package portal

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"sort"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) releaseRoutes() []Route {
	return []Route{
		{Pattern: "GET /releases", Action: "self.read", On: whole, Serve: p.releaseList},
		{Pattern: "GET /releases/{id}", Action: "release.read", On: thing("Release"), Serve: p.releaseRecord},
		{Pattern: "GET /releases/{id}/download", Action: "release.download", On: thing("Release"), Serve: p.downloadRelease, Time: downloadTime},
		{Pattern: "GET /releases/{id}/record", Action: "release.audit", On: thing("Release"), Serve: p.internalRecord, Record: true},
		{Pattern: "GET /releases/key", Action: "public.read", On: whole, Serve: p.releaseKeyPage},
		{Pattern: "GET /releases/key.pem", Action: "public.read", On: whole, Serve: p.releaseKey},
		{Pattern: "GET /releases/{id}/sample", Action: "release.audit", On: thing("Release"), Serve: p.sampleFile, Record: true},
		{Pattern: "POST /releases/{id}/calibrate", Action: "release.calibrate", On: thing("Release"), Serve: p.calibrate},
		{Pattern: "POST /releases/{id}/settle", Action: "release.settle", On: thing("Release"), Serve: p.settle},
		{Pattern: "GET /releases/{id}/freeze", Action: "release.freeze", On: thing("Release"), Serve: p.freezePage},
		{Pattern: "POST /releases/{id}/freeze", Action: "release.freeze", On: thing("Release"), Serve: p.freezeRelease},
	}
}

// releasePage sums up what goes where to whom before a release, and says
// whether the second factor was shown for it: pressing the button asks for it.
func (p *Portal) releasePageForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		v, x, err := p.requestAndProject(c)
		if err != nil {
			return ui.Page{}, err
		}
		base := "/queue/" + v.ID
		t := ui.Table{Caption: "What leaves", Columns: ui.Cols("#No.", "File", "#Size", "Decision", "SHA-256")}
		approved, total := 0, 0
		for _, f := range v.Files {
			if f.Kind != airlock.KindOutput {
				continue
			}
			total++
			if f.Decision == airlock.Approved {
				approved++
			}
			t.Rows = append(t.Rows, []ui.Cell{{Text: number(f.Ordinal)}, {Text: f.Name, Head: true}, {Text: bytesText(f.Ref.Size)}, {Tag: decisionTag(f.Decision)}, {Text: short(f.Ref.SHA256)}})
		}
		factor := "not shown for this release yet"
		if c.shown("request.release", "Request", v.ID) {
			factor = "shown for this release, " + wait(c.Now().Sub(c.Actor.StepUp)) + " ago"
		}
		page := ui.Page{Back: &ui.Link{Text: "The review", Href: base}, Above: x.Title, Head: "Release", State: tag(v.State, true), Errors: wrong,
			Lead: "Once signed, the files leave this Ark for good. What leaves is byte for byte what was checked.",
			Body: []ui.Block{t, ui.Summary{Rows: []ui.Row{{Key: "Goes to", Text: v.Destination}, {Key: "Received by", Text: "the author of the request"}, {Key: "Disclosure rules", Text: v.Profile}, {Key: "Checkers who finished", Text: fmt.Sprintf("%d of %d", v.Finished, v.Checkers)}, {Key: "Your second factor", Text: factor}}}}}
		release := ui.Button{Text: "Release all files", Action: base + "/release"}
		if approved < total {
			release.Text, release.Fields = fmt.Sprintf("Release the %d approved of %d", approved, total), []ui.Pair{{Name: "partial", Value: "yes"}}
		}
		err = p.cfg.Store.Check(c.Ctx(), c.Actor, "request.release", store.Resource{Type: "Request", ID: v.ID})
		switch {
		case v.Phase != airlock.PhaseOpen:
			release.Off = "Only in the open phase, when all checkers have finished."
		case approved == 0:
			release.Off = "No file is approved. Return the request to its author."
		case ark.Is(err, ark.Unsigned):
			page.Next = &ui.Next{Tone: "you", Text: asksForStepUp}
		case err != nil:
			release.Off = says(err)
		}
		page.Body = append(page.Body, ui.Actions{Buttons: []ui.Button{release, {Text: "Back to the review", Href: base, Look: "secondary"}}})
		return page, nil
	}
}

func (p *Portal) releasePage(c *Call) error {
	return p.draw(c, p.releasePageForm(c))
}

func (p *Portal) releaseRequest(c *Call) error {
	return c.Attempt(p.releasePageForm(c), func(form url.Values) (string, error) {
		return "/queue/" + c.ID(), p.cfg.Rooms.Airlock.Release(c.Ctx(), c.Actor, c.ID(), form.Get("partial") == "yes")
	})
}

// releaseList is every release that the viewer may see.
func (p *Portal) releaseList(c *Call) error {
	type line struct {
		airlock.Release
		title string
	}
	var all []line
	err := c.view(func(q store.Querier) error {
		ps, err := governance.Projects(c.Ctx(), q)
		if err != nil {
			return err
		}
		for _, x := range ps {
			rs, err := airlock.ReleasesOf(c.Ctx(), q, x.ID)
			if err != nil {
				return err
			}
			for _, r := range rs {
				if p.cfg.Store.CheckIn(c.Ctx(), q, c.Actor, "release.read", store.Resource{Type: "Release", ID: r.ID}) == nil {
					all = append(all, line{r, x.Title})
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	sort.Slice(all, func(i, j int) bool { return all[i].At.After(all[j].At) })
	t := ui.Table{Caption: "Releases, newest first", Columns: ui.Cols("Released", "Project", "State", "#Files", "Destination", "#Downloads"), Empty: &ui.Empty{Text: "Nothing that you may see has been released yet."}}
	for _, r := range all {
		t.Rows = append(t.Rows, []ui.Cell{{Text: when(r.At), Href: "/releases/" + r.ID, Head: true}, {Text: r.title}, {Tag: releaseTag(r.Release)}, {Text: number(len(r.Files))}, {Text: r.Destination}, {Text: number(r.Downloads)}})
	}
	links := []ui.Link{{Text: "Standing outputs: tables that are made again on each new version", Href: "/standing"}}
	if c.Off("published.read", "Ark", "ark") == "" {
		links = append(links, ui.Link{Text: "Published elsewhere: tables that outputs are compared with", Href: "/published"})
	}
	return c.Page(ui.Page{Head: "Releases", Lead: "What has left this Ark, approved by two people and signed.", Body: []ui.Block{t, ui.Links{Items: links}}})
}

// releaseRecord is one release: what left, where to, and its proof.
func (p *Portal) releaseRecord(c *Call) error {
	var r *airlock.Release
	var x *governance.Project
	var dir *directory
	var in *airlock.Incident
	if err := c.view(func(q store.Querier) error {
		var err error
		if r, err = airlock.GetRelease(c.Ctx(), q, c.ID()); err != nil {
			return err
		}
		if x, err = governance.GetProject(c.Ctx(), q, r.Project); err != nil {
			return err
		}
		if r.Incident != "" {
			if in, err = airlock.GetIncident(c.Ctx(), q, r.Incident); err != nil {
				return err
			}
		}
		dir, err = readDirectory(c.Ctx(), q)
		return err
	}); err != nil {
		return err
	}
	page := ui.Page{Back: &ui.Link{Text: x.Title, Href: "/projects/" + x.ID}, Above: "Release", Head: "Released " + when(r.At), State: releaseTag(*r), Lead: "A signed bundle, bound to its destination. Its bytes are those that were checked."}
	n := &ui.Next{Tone: "done", Text: "Its recipient can download it until " + when(r.DownloadUntil) + "; every download is counted."}
	if !r.DownloadUntil.IsZero() && c.Now().After(r.DownloadUntil) {
		n = &ui.Next{Tone: "wait", Text: "The fourteen days for downloads are over. The record stays."}
	}
	if r.Frozen {
		n = &ui.Next{Tone: "stopped", Text: "Frozen: " + r.FrozenSays, When: when(r.FrozenAt) + " by " + dir.actor(r.FrozenBy)}
	}
	n.Actions = []ui.Button{{Text: "Download the bundle", Href: "/releases/" + r.ID + "/download", Off: c.Off("release.download", "Release", r.ID)}}
	if c.Off("standing.propose", "Release", r.ID) == "" && !r.Frozen && r.Standing == "" {
		n.Actions = append(n.Actions, ui.Button{Text: "Make it again on each new version", Href: "/releases/" + r.ID + "/standing", Look: "secondary"})
	}
	if r.Standing != "" {
		n.Actions = append(n.Actions, ui.Button{Text: "The standing output", Href: "/standing/" + r.Standing, Look: "secondary"})
	}
	if c.Off("release.freeze", "Release", r.ID) == "" && !r.Frozen {
		n.Actions = append(n.Actions, ui.Button{Text: "This should not have left", Href: "/releases/" + r.ID + "/freeze", Look: "warning"})
	}
	page.Next = n
	t := ui.Table{Caption: "Files", Columns: ui.Cols("#No.", "File", "#Size", "SHA-256")}
	for _, f := range r.Files {
		t.Rows = append(t.Rows, []ui.Cell{{Text: number(f.Ordinal)}, {Text: f.Name, Head: true}, {Text: bytesText(f.Size)}, {Text: f.SHA256}})
	}
	page.Body = []ui.Block{t, ui.Summary{Rows: []ui.Row{{Key: "Goes to", Text: r.Destination}, {Key: "Received by", Lines: dir.userNames(r.Recipients)}, {Key: "Downloads", Text: number(r.Downloads)}, {Key: "Permit", Link: &ui.Link{Text: "what was allowed", Href: "/projects/" + x.ID + "/permit"}}, {Key: "Bundle", Text: bytesText(r.Bundle.Size) + ", SHA-256 " + r.Bundle.SHA256}}},
		ui.Head2{Text: "Check it yourself"}, ui.Text{Text: "Offline, with the public key of this Ark and nothing else. The bundle holds the files, the signed record of every rule, threshold and decision, and its description as a Five Safes RO-Crate."}, ui.Links{Items: p.recordLinks(c, r)}, ui.Code{Text: "ark release verify --key ark-release.pub " + releaseFile(r)},
		ui.Details{Summary: "The ledger’s signed head that it carries", Body: []ui.Block{ui.Code{Text: orText(r.Checkpoint, "none")}}}}
	if in != nil {
		page.Body = append(p.incidentBlocks(c, r, in, dir), page.Body...)
	}
	return c.Page(page)
}

func releaseFile(r *airlock.Release) string { return r.ID + ".zip" }

func (p *Portal) downloadRelease(c *Call) error {
	r, err := p.cfg.Rooms.Airlock.Download(c.Ctx(), c.Actor, c.ID())
	if err != nil {
		return err
	}
	if err := p.intact(c, r, r.Bundle); err != nil {
		return err
	}
	return p.send(c, r.Bundle, releaseFile(r), "application/zip")
}

// intact reads a release's bundle, its record or its samples to the end before a
// byte is handed out. Bytes that are not what was signed are an incident, and
// nobody gets them.
func (p *Portal) intact(c *Call, r *airlock.Release, ref objects.Ref) error {
	in, err := p.cfg.Rooms.Objects.Open(c.Ctx(), ref)
	if err == nil {
		_, err = io.Copy(io.Discard, in)
		in.Close()
	}
	if !errors.Is(err, objects.ErrDamaged) {
		return err
	}
	if err := p.cfg.Rooms.Airlock.Altered(c.Ctx(), r.ID); err != nil && !ark.Is(err, ark.Conflict) {
		p.cfg.Log.ErrorContext(c.Ctx(), "an altered release could not be frozen", "release", r.ID, "err", err)
	}
	return ark.Faultf(ark.Forbidden, "the stored bytes of this release are not what was signed, so it was frozen").Do("the operator and the custodians have been told").By("bytes-are-what-was-signed")
}

func (p *Portal) freezeForm(c *Call) build {
	return func(typed url.Values, wrong []ui.Problem) (ui.Page, error) {
		return ui.Page{Back: &ui.Link{Text: "The release", Href: "/releases/" + c.ID()}, Head: "This should not have left", Errors: wrong,
			Lead: "Downloads stop at once. Tell the custodians concerned and the recipient, and decide within 72 hours whether it has to be reported.",
			Body: []ui.Block{ui.Form{Action: "/releases/" + c.ID() + "/freeze", Fields: ui.Filled([]ui.Field{{Kind: "area", Name: "reason", Label: "Why should it not have left?", Max: 2000}}, typed, wrong), Submit: ui.Button{Text: "Freeze it now", Look: "warning"}, Cancel: &ui.Link{Text: "Cancel", Href: "/releases/" + c.ID()}}}}, nil
	}
}

func (p *Portal) freezePage(c *Call) error {
	return p.draw(c, p.freezeForm(c))
}

func (p *Portal) freezeRelease(c *Call) error {
	return c.Attempt(p.freezeForm(c), func(form url.Values) (string, error) {
		return "/releases/" + c.ID(), p.cfg.Rooms.Airlock.Freeze(c.Ctx(), c.Actor, c.ID(), form.Get("reason"))
	})
}
