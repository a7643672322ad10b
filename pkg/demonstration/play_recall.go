package demonstration

import (
	"context"
	"fmt"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
)

// takeBack withdraws the version that the project's extract is cut from: the
// extract and the workspace freeze, the next version is cut for the project by
// itself, and the frozen extract is destroyed.
func (p *play) takeBack(ctx context.Context) error {
	amina, carol, erin := p.as(ctx, "amina"), p.as(ctx, "carol"), p.as(ctx, "erin")
	var d catalogue.Dataset
	ds, err := all[catalogue.Dataset](ctx, erin, "/datasets")
	if err != nil {
		return err
	}
	for _, x := range ds {
		if x.Slug == "emergency-care" {
			d = x
		}
	}
	path, body := "/datasets/"+d.ID+"/versions/"+d.Latest+"/withdraw", map[string]any{"reason": "wrong-link", "days": 14}
	if err := refused(amina.Post(ctx, path, body, nil), "a version withdrawn by a researcher", ark.Forbidden); err != nil {
		return err
	}
	var rec catalogue.Recall
	if err := carol.Post(ctx, path, body, &rec); err != nil {
		return err
	}
	if err := must(len(rec.Versions) == 1 && len(rec.Frozen) > 0, "the version was withdrawn and %d extracts were frozen", len(rec.Frozen)); err != nil {
		return err
	}
	if err := refused(amina.Post(ctx, "/workspaces/"+p.ws+"/start", nil, nil), "starting a workspace on a frozen extract", ark.Lapsed); err != nil {
		return err
	}
	if err := p.version(ctx, erin, d.ID); err != nil {
		return err
	}
	var es list[struct{ ID, State string }]
	if err := amina.Until(ctx, longest, "the extract to be cut anew and the frozen one to be destroyed", "/projects/"+p.project+"/extracts", &es, func() (bool, error) {
		n := len(es.Items)
		return n > 1 && es.Items[n-1].State == "ready" && es.Items[n-2].State == "destroyed", must(n == 0 || es.Items[n-1].State != "failed", "the extract could not be cut anew")
	}); err != nil {
		return err
	}
	if err := amina.Post(ctx, "/workspaces/"+p.ws+"/start", nil, nil); err != nil {
		return err
	}
	var w struct{ State, Says string }
	if err := amina.Until(ctx, longest, "the workspace to run on the new extract", "/workspaces/"+p.ws, &w, func() (bool, error) {
		return w.State == "running", must(w.State != "failed", "the workspace failed: %s", w.Says)
	}); err != nil {
		return err
	}
	p.Say("    %d extract frozen with its workspace, cut anew from the next version, and destroyed", len(rec.Frozen))
	if err := p.destroy(ctx, d.ID, d.Latest); err != nil {
		return err
	}
	return p.follow(ctx, d.ID)
}

// destroy has a withdrawn version destroyed whose retention is over: a data
// engineer orders it, a custodian confirms, its key goes, and a signed
// certificate says so.
func (p *play) destroy(ctx context.Context, dataset, version string) error {
	amina, carol, erin := p.as(ctx, "amina"), p.as(ctx, "carol"), p.as(ctx, "erin")
	vs, err := all[struct {
		ID     string
		Number int
	}](ctx, erin, "/datasets/"+dataset+"/versions")
	if err != nil {
		return err
	}
	at, newest, path := "", "", "/versions/"+version
	for _, v := range vs {
		if newest = v.ID; v.ID == version {
			at = fmt.Sprintf("/datasets/%s/versions/%d", dataset, v.Number)
		}
	}
	for _, x := range []struct {
		err  error
		what string
		kind ark.Kind
	}{
		{amina.Post(ctx, path+"/destroy", nil, nil), "a version's destruction ordered by a researcher", ark.Forbidden},
		{carol.Post(ctx, path+"/confirm", nil, nil), "a destruction confirmed that nobody ordered", ark.Conflict},
		{carol.Post(ctx, "/versions/"+newest+"/destroy", nil, nil), "the newest version's destruction", ark.Conflict},
	} {
		if err := refused(x.err, x.what, x.kind); err != nil {
			return err
		}
	}
	if err := erin.Post(ctx, path+"/destroy", nil, nil); err != nil {
		return err
	}
	if err := refused(erin.Post(ctx, path+"/confirm", nil, nil), "a destruction confirmed by who ordered it", ark.Forbidden); err != nil {
		return err
	}
	if err := carol.Post(ctx, path+"/confirm", nil, nil); err != nil {
		return err
	}
	var v struct {
		Ending struct{ State, Certificate string }
	}
	if err := carol.Until(ctx, longest, "the version to be destroyed and certified", at, &v, func() (bool, error) {
		return v.Ending.State == "destroyed" && v.Ending.Certificate != "", nil
	}); err != nil {
		return err
	}
	var signed struct{ PayloadType string }
	if err := amina.Get(ctx, at+"/certificate", &signed); err != nil {
		return err
	}
	p.Say("    the withdrawn version was destroyed with its key by two people; its certificate is signed")
	return must(signed.PayloadType == "application/vnd.ark.version-destroyed+json", "the certificate is a %q", signed.PayloadType)
}

// follow has the project take newer versions: the next one that is published is
// cut for it by itself, and its workspace gets that at its next start.
func (p *play) follow(ctx context.Context, dataset string) error {
	amina, erin := p.as(ctx, "amina"), p.as(ctx, "erin")
	path := "/projects/" + p.project + "/subscriptions"
	if err := refused(erin.Post(ctx, path, map[string]string{"dataset": dataset}, nil), "following newer versions by a data engineer", ark.Forbidden); err != nil {
		return err
	}
	var before, after list[struct{ ID, State string }]
	if err := amina.Get(ctx, "/projects/"+p.project+"/extracts", &before); err != nil {
		return err
	}
	var sub struct{ ID string }
	if err := amina.Post(ctx, path, map[string]string{"dataset": dataset}, &sub); err != nil {
		return err
	}
	if err := p.version(ctx, erin, dataset); err != nil {
		return err
	}
	if err := amina.Until(ctx, longest, "the extract to be cut again from the newer version", "/projects/"+p.project+"/extracts", &after, func() (bool, error) {
		n := len(after.Items)
		return n > len(before.Items) && after.Items[n-1].State == "ready", must(n == 0 || after.Items[n-1].State != "failed", "the extract could not be cut again")
	}); err != nil {
		return err
	}
	if err := amina.Post(ctx, path+"/"+sub.ID+"/stop", nil, nil); err != nil {
		return err
	}
	var subs list[struct {
		State   string
		Changes []struct{ Extract, State string }
	}]
	if err := amina.Get(ctx, path, &subs); err != nil {
		return err
	}
	newest := after.Items[len(after.Items)-1].ID
	if err := must(len(subs.Items) == 1 && subs.Items[0].State == "stopped" && len(subs.Items[0].Changes) == 1 && subs.Items[0].Changes[0].Extract == newest, "what was taken is not told: %+v", subs.Items); err != nil {
		return err
	}
	if err := amina.Post(ctx, "/workspaces/"+p.ws+"/stop", nil, nil); err != nil {
		return err
	}
	if err := amina.Post(ctx, "/workspaces/"+p.ws+"/start", nil, nil); err != nil {
		return err
	}
	var w struct{ State, Says, Extract string }
	if err := amina.Until(ctx, longest, "the workspace to run on the newer extract", "/workspaces/"+p.ws, &w, func() (bool, error) {
		return w.State == "running" && w.Extract == newest, must(w.State != "failed", "the workspace failed: %s", w.Says)
	}); err != nil {
		return err
	}
	p.Say("    a newer version was cut for the project by itself; its workspace holds it since its next start")
	return nil
}
