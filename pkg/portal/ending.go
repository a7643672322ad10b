package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

func (p *Portal) endingRoutes() []Route {
	k := p.cfg.Rooms.Catalogue
	on := thing("Version")
	return []Route{
		{Pattern: "POST /versions/{id}/hold", Action: "version.hold", On: on, Serve: p.ending(func(c *Call, form url.Values) (*catalogue.Version, error) {
			return k.HoldVersion(c.Ctx(), c.Actor, c.ID(), form.Get("reason"))
		})},
		{Pattern: "POST /versions/{id}/unhold", Action: "version.unhold", On: on, Serve: p.ending(func(c *Call, _ url.Values) (*catalogue.Version, error) {
			return k.LiftHold(c.Ctx(), c.Actor, c.ID())
		})},
		{Pattern: "POST /versions/{id}/destroy", Action: "version.destroy", On: on, Serve: p.ending(func(c *Call, _ url.Values) (*catalogue.Version, error) {
			return k.OrderEnd(c.Ctx(), c.Actor, c.ID())
		})},
		{Pattern: "POST /versions/{id}/confirm", Action: "version.confirm", On: on, Serve: p.ending(func(c *Call, _ url.Values) (*catalogue.Version, error) {
			return k.ConfirmEnd(c.Ctx(), c.Actor, c.ID())
		})},
		{Pattern: "GET /catalogue/{id}/versions/{number}/certificate", Action: "dataset.read", On: thing("Dataset"), Serve: p.certificate},
	}
}

// ending serves one step of a version's end and returns to its page.
func (p *Portal) ending(do func(*Call, url.Values) (*catalogue.Version, error)) func(*Call) error {
	return func(c *Call) error {
		return c.Attempt(nil, func(form url.Values) (string, error) {
			v, err := do(c, form)
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("/catalogue/%s/versions/%d", v.Dataset, v.Number), nil
		})
	}
}

// readCertificate opens a destroyed version's certificate.
func (p *Portal) readCertificate(c *Call, dataset, number string) ([]byte, error) {
	f, err := p.readVersion(c, dataset, number)
	if err != nil {
		return nil, err
	}
	if f.version.Ending == nil || f.version.Ending.Certificate.Name == "" {
		return nil, ark.Faultf(ark.Unknown, "this version is not destroyed, so there is no certificate")
	}
	return p.small(c, f.version.Ending.Certificate)
}

func (p *Portal) certificate(c *Call) error {
	raw, err := p.readCertificate(c, c.ID(), c.R.PathValue("number"))
	if err != nil {
		return err
	}
	c.W.Header().Set("Content-Type", "application/json")
	c.W.Header().Set("Content-Disposition", `attachment; filename="certificate.json"`)
	c.W.WriteHeader(http.StatusOK)
	_, err = c.W.Write(raw)
	return err
}

// readKept says how long a version is kept.
func (p *Portal) readKept(c *Call, f *versionFacts) (kept string, err error) {
	err = c.view(func(q store.Querier) error {
		until, told, err := catalogue.KeptUntil(c.Ctx(), q, *f.dataset, f.version)
		if err != nil {
			return err
		}
		switch r := f.dataset.Retention; {
		case r == nil:
			kept = "without end: the dataset has no retention"
		case f.version.ID == f.dataset.Latest:
			kept = fmt.Sprintf("%s after a newer one is published, %s after it is taken back", count(r.Superseded, "day"), count(r.Withdrawn, "day"))
		case told:
			kept = "until " + day(until)
		}
		return nil
	})
	return kept, err
}

// endingBlocks say how long a version is kept, and let those who may hold it,
// order its destruction and confirm that.
func (p *Portal) endingBlocks(c *Call, f *versionFacts) ([]ui.Block, error) {
	v := f.version
	if v.State == "building" || v.State == "failed" {
		return nil, nil
	}
	kept, err := p.readKept(c, f)
	if err != nil {
		return nil, err
	}
	rows := []ui.Row{}
	if e := v.Ending; e != nil {
		rows = append(rows, ui.Row{Key: "Destruction ordered", Text: "by " + f.dir.user(e.Ordered) + ", " + when(e.OrderedAt)})
		if e.Confirmed != "" {
			rows = append(rows, ui.Row{Key: "Confirmed", Text: "by " + f.dir.user(e.Confirmed) + ", " + when(e.ConfirmedAt)})
		} else {
			rows = append(rows, ui.Row{Key: "Waits", Text: "for another custodian of the dataset to confirm"})
		}
		if e.Key != nil {
			rows = append(rows, ui.Row{Key: "Key destroyed", Text: when(e.Key.Time)})
		}
		if e.Certificate.Name != "" {
			rows = append(rows, ui.Row{Key: "Signed certificate", Link: &ui.Link{Text: "certificate.json", Href: fmt.Sprintf("/catalogue/%s/versions/%d/certificate", v.Dataset, v.Number)}})
		}
	}
	if v.State == "ending" || v.State == "destroyed" {
		return []ui.Block{ui.Head2{Text: "Destroyed"}, ui.Summary{Rows: rows}}, nil
	}
	if kept != "" {
		rows = append([]ui.Row{{Key: "Kept", Text: kept}}, rows...)
	}
	if h := v.Held(); h != nil {
		rows = append(rows, ui.Row{Key: "On hold", Text: "since " + when(h.At) + ": " + catalogue.HoldReasons()[h.Reason]})
	}
	out := []ui.Block{ui.Head2{Text: "How long it is kept"}, ui.Summary{Rows: rows}}
	may := func(action string) bool { return c.Off(action, "Version", v.ID) == "" }
	at := "/versions/" + v.ID
	switch {
	case v.Held() != nil && may("version.unhold"):
		out = append(out, ui.Actions{Buttons: []ui.Button{{Text: "Lift the hold", Look: "secondary", Action: at + "/unhold"}}})
	case v.Held() == nil && may("version.hold"):
		reason := ui.Field{Kind: "select", Name: "reason", Label: "Why"}
		for _, r := range slices.Sorted(maps.Keys(catalogue.HoldReasons())) {
			reason.Options = append(reason.Options, ui.Option{Value: r, Text: sentence(catalogue.HoldReasons()[r])})
		}
		out = append(out, ui.Details{Summary: "Put this version on hold", Body: []ui.Block{ui.Text{Text: "Nobody can have it destroyed until a custodian lifts the hold. An order that is not confirmed yet is void."},
			ui.Form{Action: at + "/hold", Fields: []ui.Field{reason}, Submit: ui.Button{Text: "Put on hold", Look: "secondary"}}}})
	}
	if v.ID == f.dataset.Latest || f.dataset.Retention == nil || v.Held() != nil {
		return out, nil
	}
	if !may("version.destroy") {
		return out, nil
	}
	off := says(c.view(func(q store.Querier) error { return p.cfg.Rooms.Catalogue.MayEnd(c.Ctx(), q, *f.dataset, v) }))
	if v.Ending != nil {
		if off == "" {
			off = c.Off("version.confirm", "Version", v.ID)
		}
		out = append(out, endForm(at+"/confirm", "Confirm that it is destroyed", "Its key is destroyed at once, and every copy of its rows with it. This cannot be undone. The manifest, the synthetic version and a signed certificate stay.", off))
	} else {
		out = append(out, endForm(at+"/destroy", "Have it destroyed", "Another custodian of the dataset has to confirm. Then its key is destroyed, and every copy of its rows with it.", off))
	}
	return out, nil
}

func endForm(action, head, says, off string) ui.Block {
	return ui.Details{Summary: head, Body: []ui.Block{ui.Text{Text: says}, ui.Form{Action: action, Submit: ui.Button{Text: head, Look: "warning", Off: off}}}}
}

// waitingEnds are versions whose destruction waits for the viewer.
func (p *Portal) waitingEnds(c *Call, q store.Querier) (out []todo, err error) {
	vs, err := catalogue.EndsWaiting(c.Ctx(), q)
	for _, v := range vs {
		if p.cfg.Store.CheckIn(c.Ctx(), q, c.Actor, "version.confirm", store.Resource{Type: "Version", ID: v.ID}) != nil {
			continue
		}
		d, err := catalogue.GetDataset(c.Ctx(), q, v.Dataset)
		if err != nil {
			return nil, err
		}
		out = append(out, todo{Text: fmt.Sprintf("%s, version %d", d.Title, v.Number), Href: fmt.Sprintf("/catalogue/%s/versions/%d", d.ID, v.Number), Since: v.Ending.OrderedAt, What: "is to be destroyed if you confirm"})
	}
	return out, err
}

type holdIn struct {
	One
	Body struct {
		Reason string `json:"reason" enum:"litigation,inquiry,complaint,audit"`
	}
}

// EndingOut is how long a version is kept and what became of its end.
type EndingOut struct {
	ID           string           `json:"id"`
	State        string           `json:"state"`
	Kept         string           `json:"kept,omitempty" doc:"Until when, by the dataset's retention"`
	Holds        []catalogue.Hold `json:"holds,omitempty"`
	Ordered      string           `json:"ordered,omitempty" doc:"By whom its destruction was ordered"`
	Confirmed    string           `json:"confirmed,omitempty" doc:"By which other person that was confirmed"`
	KeyDestroyed time.Time        `json:"key_destroyed,omitzero"`
	Certificate  string           `json:"certificate,omitempty" doc:"SHA-256 of the signed certificate"`
}

func endingOf(v catalogue.Version, kept string) EndingOut {
	out := EndingOut{ID: v.ID, State: v.State, Kept: kept, Holds: v.Holds}
	if e := v.Ending; e != nil {
		out.Ordered, out.Confirmed, out.Certificate = e.Ordered, e.Confirmed, e.Certificate.SHA256
		if e.Key != nil {
			out.KeyDestroyed = e.Key.Time
		}
	}
	return out
}

func (p *Portal) endingOperations(a *API) error {
	k := p.cfg.Rooms.Catalogue
	out := func(v *catalogue.Version, err error) (*Body[EndingOut], error) {
		if err != nil {
			return nil, err
		}
		return &Body[EndingOut]{endingOf(*v, "")}, nil
	}
	step := func(name, action, says string, do func(context.Context, store.Actor, string) (*catalogue.Version, error)) error {
		return operation(a, Op{Method: post, Path: "/versions/{id}/" + name, Action: action, On: "Version", Tag: "Data", Summary: says}, func(c *Call, in *One) (*Body[EndingOut], error) {
			return out(do(c.Ctx(), c.Actor, in.ID))
		})
	}
	return errors.Join(
		operation(a, Op{Method: post, Path: "/versions/{id}/hold", Action: "version.hold", On: "Version", Tag: "Data", Summary: "Keep a version from being destroyed; an order that is not confirmed is void"}, func(c *Call, in *holdIn) (*Body[EndingOut], error) {
			return out(k.HoldVersion(c.Ctx(), c.Actor, in.ID, in.Body.Reason))
		}),
		step("unhold", "version.unhold", "Lift a version's hold", k.LiftHold),
		step("destroy", "version.destroy", "Order that a version be destroyed whose retention is over; another custodian has to confirm", k.OrderEnd),
		step("confirm", "version.confirm", "Confirm another's order: the version's key is destroyed, which cannot be undone", k.ConfirmEnd),
		operation(a, Op{Method: get, Path: "/datasets/{id}/versions/{number}/certificate", Action: "dataset.read", On: "Dataset", Tag: "Data", Summary: "The signed certificate of a version's destruction"}, func(c *Call, in *versionIn) (*Body[json.RawMessage], error) {
			raw, err := p.readCertificate(c, in.ID, in.Number)
			return &Body[json.RawMessage]{raw}, err
		}),
	)
}
