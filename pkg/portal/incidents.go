package portal

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

// recordLinks lead to what proves a release.
func (p *Portal) recordLinks(c *Call, r *airlock.Release) []ui.Link {
	out := []ui.Link{{Text: "The public key of this Ark’s releases", Href: "/releases/key"}}
	if r.Record.SHA256 != "" && c.Off("release.audit", "Release", r.ID) == "" {
		out = append(out, ui.Link{Text: "The internal record, signed (for checkers and auditors)", Href: "/releases/" + r.ID + "/record"})
	}
	return out
}

func (p *Portal) internalRecord(c *Call) error {
	var r *airlock.Release
	if err := c.view(func(q store.Querier) error {
		var err error
		r, err = airlock.GetRelease(c.Ctx(), q, c.ID())
		return err
	}); err != nil {
		return err
	}
	if r.Record.SHA256 == "" {
		return ark.Faultf(ark.Unknown, "this release was signed before internal records were kept")
	}
	if err := p.intact(c, r, r.Record); err != nil {
		return err
	}
	return p.send(c, r.Record, r.ID+".record.json", "application/vnd.dsse+json")
}

// keyPEM is the public key that releases are verified with.
func (p *Portal) keyPEM(c *Call) ([]byte, error) {
	if p.cfg.Rooms.ReleaseKey == nil {
		return nil, ark.Faultf(ark.Unavailable, "this part of the Ark does not know the key").Do("ask the operator, who prints it with: ark release key")
	}
	key, err := p.cfg.Rooms.ReleaseKey(c.Ctx())
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

func (p *Portal) releaseKeyPage(c *Call) error {
	page := ui.Page{Head: "The public key of releases", Lead: "Whoever has a released bundle and this key can verify it offline: that the files are those that were checked, by which rules, under which permit."}
	text, err := p.keyPEM(c)
	if err != nil {
		page.Body = []ui.Block{ui.Text{Text: says(err)}}
		return c.Page(page)
	}
	page.Body = []ui.Block{ui.Code{Text: string(text)}, ui.Actions{Buttons: []ui.Button{{Text: "Download the key", Href: "/releases/key.pem"}}},
		ui.Text{Text: "Compare it with a copy from another source, such as a printed report, before you rely on it. Then:"}, ui.Code{Text: "ark release verify --key ark-release.pub BUNDLE.zip"}}
	return c.Page(page)
}

func (p *Portal) releaseKey(c *Call) error {
	text, err := p.keyPEM(c)
	if err != nil {
		return err
	}
	return c.attach("application/x-pem-file", "ark-release.pub", text)
}

// incidentBlocks say what is known of an incident and what has to be decided.
func (p *Portal) incidentBlocks(c *Call, r *airlock.Release, in *airlock.Incident, dir *directory) []ui.Block {
	kind := map[string]string{airlock.IncidentLeft: "It should not have left", airlock.IncidentAltered: "Its stored bytes are not what was signed"}[in.Kind]
	rows := []ui.Row{{Key: "What", Text: kind}, {Key: "Since", Text: when(in.At)}, {Key: "Downloads before", Text: number(in.Downloads)}, {Key: "To be reported by", Text: when(in.ReportBy)}, {Key: "Told", Lines: dir.userNames(in.Told)}}
	rows = append(rows, p.caseRows(c, r, in)...)
	out := []ui.Block{ui.Head2{Text: "Incident"}}
	if in.State == "settled" {
		rows = append(rows, ui.Row{Key: "It was", Text: outcomeWords[in.Outcome]}, ui.Row{Key: "Settled", Text: when(in.Settled)}, ui.Row{Key: "What was found out and done", Said: in.Lesson})
		out = append(out, ui.Summary{Rows: rows})
		if len(in.Cases) > 0 && c.Off("release.calibrate", "Release", r.ID) == "" {
			out = append(out, ui.Text{Soft: true, Text: "Would checkers stop it today? The files go before them once more, as a request like any other that can never leave."},
				ui.Actions{Buttons: []ui.Button{{Text: "Use it to calibrate checkers", Action: "/releases/" + r.ID + "/calibrate", Look: "secondary"}}})
		}
		return out
	}
	left := "The 72 hours are over: " + wait(c.Now().Sub(in.ReportBy)) + " ago."
	if c.Now().Before(in.ReportBy) {
		left = fmt.Sprintf("%s left to decide whether it has to be reported.", capital(wait(in.ReportBy.Sub(c.Now()))))
	}
	out = append(out, ui.Warning{Head: "The clock runs", Text: left}, ui.Summary{Rows: rows})
	if off := c.Off("release.settle", "Release", r.ID); off == "" {
		out = append(out, ui.Details{Summary: "Settle it", Body: []ui.Block{settleForm("/releases/"+r.ID+"/settle", nil, nil)}})
	}
	return out
}

func (p *Portal) settle(c *Call) error {
	return c.Attempt(nil, func(form url.Values) (string, error) {
		return "/releases/" + c.ID(), p.cfg.Rooms.Airlock.Settle(c.Ctx(), c.Actor, c.ID(), form.Get("outcome"), form.Get("lesson"))
	})
}

// caseRows say what became of the files as samples of the rules.
func (p *Portal) caseRows(c *Call, r *airlock.Release, in *airlock.Incident) []ui.Row {
	if len(in.Cases) == 0 {
		return nil
	}
	judged, stopped := 0, 0
	for _, k := range in.Cases {
		if k.Judged {
			judged++
		}
		if k.Stopped {
			stopped++
		}
	}
	text := count(len(in.Cases), "file") + ", being written down"
	if judged > 0 {
		text = fmt.Sprintf("%s; the rules stop %d by themselves", count(len(in.Cases), "file"), stopped)
	}
	out := []ui.Row{{Key: "Added to the samples of the rules", Text: text}}
	if in.Sample.SHA256 != "" && c.Off("release.audit", "Release", r.ID) == "" {
		out = append(out, ui.Row{Key: "The samples", Link: &ui.Link{Text: "download them (for checkers and auditors)", Href: "/releases/" + r.ID + "/sample"}})
	}
	return out
}

// sampleFile hands out the files of an incident as samples of the rules.
func (p *Portal) sampleFile(c *Call) error {
	var r *airlock.Release
	var in *airlock.Incident
	if err := c.view(func(q store.Querier) error {
		var err error
		if r, err = airlock.GetRelease(c.Ctx(), q, c.ID()); err != nil || r.Incident == "" {
			return err
		}
		in, err = airlock.GetIncident(c.Ctx(), q, r.Incident)
		return err
	}); err != nil {
		return err
	}
	if in == nil || in.Sample.SHA256 == "" {
		return ark.Faultf(ark.Unknown, "there are no samples of this release").Do("they are written when it is said that it should not have left")
	}
	if err := p.intact(c, r, in.Sample); err != nil {
		return err
	}
	return p.send(c, in.Sample, r.ID+".cases.yaml", "application/yaml")
}

func (p *Portal) calibrate(c *Call) error {
	return c.Attempt(nil, func(url.Values) (string, error) {
		_, err := p.cfg.Rooms.Airlock.Calibrate(c.Ctx(), c.Actor, c.ID())
		return "/releases/" + c.ID(), err
	})
}
