package demonstration

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/bundle"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/client"
	"github.com/ark-tre/ark/pkg/instance"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/pkg/worker"
)

// canary is text that an author types. It may be seen by the author and by
// checkers, and nowhere else.
const canary = "CANARY-zq7"

var group = airlock.Group{Name: "Attendances by sex " + canary, Context: "People with at least one attendance, by sex. " + canary,
	Population: "Everybody in the extract with an attendance.", Controls: "Counts under 20 dropped, the rest rounded to the nearest 5.", Relation: "The first output of this project."}

// submit sends what must not leave, sees it blocked with findings in place,
// and sends what may.
func (p *play) submit(ctx context.Context) error {
	amina := p.as(ctx, "amina")
	send := func(to string, output ...string) (airlock.View, error) {
		var v airlock.View
		in := map[string]any{"output": output, "group": group, "answer": "The small counts and the rows are gone."}
		return v, amina.Post(ctx, to, in, &v)
	}
	published, err := p.publishedElsewhere(ctx)
	if err != nil {
		return err
	}
	v, err := send("/workspaces/"+p.ws+"/requests", "small.csv", "rows.csv", "CANARY-zq7.csv")
	if err != nil {
		return err
	}
	p.request = v.ID
	if v, err = p.checked(ctx, amina); err != nil {
		return err
	}
	if err := must(v.State == "blocked", "small counts and rows of people were not blocked: the request is %s", v.State); err != nil {
		return err
	}
	rules := map[string]int{}
	for _, f := range v.Files {
		for _, x := range f.Findings {
			rules[x.Rule]++
		}
		if err := must(f.Verdict == "fail", "file %d was judged %s", f.Ordinal, f.Verdict); err != nil {
			return err
		}
	}
	p.Say("    blocked, with findings %s", jsonText(rules))
	if err := must(len(rules) >= 2, "too few kinds of findings: %v", rules); err != nil {
		return err
	}
	if err := p.caughtBeside(ctx, published, v); err != nil {
		return err
	}
	if _, err := send("/workspaces/"+p.ws+"/requests", "../extract/extract.duckdb"); err == nil {
		return fmt.Errorf("a file outside the outbox was taken")
	}
	if _, err := send("/requests/"+p.request+"/resubmit", "rounded.csv", "figure.png"); err != nil {
		return err
	}
	if v, err = p.checked(ctx, amina); err != nil {
		return err
	}
	if v.State == "submitted" {
		return nil
	}
	for _, f := range v.Files {
		p.Say("    file %d: %s %s", f.Ordinal, f.Verdict, jsonText(f.Findings))
	}
	return fmt.Errorf("the rounded table and the figure were not taken: the request is %s", v.State)
}

// checked waits until the automatic checks are over.
func (p *play) checked(ctx context.Context, c *client.Client) (airlock.View, error) {
	var v airlock.View
	err := c.Until(ctx, longest, "the automatic checks", "/requests/"+p.request, &v, func() (bool, error) { return v.State != "checking", nil })
	return v, err
}

// review plays two checkers who must not see each other, a round of changes,
// and the release.
func (p *play) review(ctx context.Context) error {
	amina, chloe, dev := p.as(ctx, "amina"), p.as(ctx, "chloe"), p.as(ctx, "dev")
	at := "/requests/" + p.request
	see := func(c *client.Client) (airlock.View, error) {
		var v airlock.View
		err := c.Get(ctx, at, &v)
		return v, err
	}
	v, err := see(chloe)
	if err != nil {
		return err
	}
	vote := func(c *client.Client, file, how string) error {
		return c.Post(ctx, at+"/vote", map[string]string{"file": file, "vote": how}, nil)
	}
	if err := refused(vote(amina, v.Files[0].ID, "approve"), "a vote by the author", ark.Forbidden); err != nil {
		return err
	}
	if err := refused(chloe.Post(ctx, at+"/release", map[string]bool{}, nil), "a release before any review", ark.Conflict, ark.Unsigned); err != nil {
		return err
	}
	before, err := see(dev)
	if err != nil {
		return err
	}
	for _, f := range v.Files {
		if err := vote(chloe, f.ID, "approve"); err != nil {
			return err
		}
	}
	if err := chloe.Post(ctx, at+"/comment", map[string]any{"text": "Please name the year. " + canary, "public": true, "group": 0}, nil); err != nil {
		return err
	}
	if err := chloe.Post(ctx, at+"/finish", nil, nil); err != nil {
		return err
	}
	after, err := see(dev)
	if err != nil {
		return err
	}
	if err := must(jsonText(before) == jsonText(after), "one checker's review shows to the other: %s became %s", jsonText(before), jsonText(after)); err != nil {
		return err
	}
	if err := p.secondChecker(ctx, dev, v, vote); err != nil {
		return err
	}
	if v, err = see(chloe); err != nil {
		return err
	}
	if err := must(v.Phase == airlock.PhaseOpen && v.Finished == 2, "after both reviews the phase is %s and %d are finished", v.Phase, v.Finished); err != nil {
		return err
	}
	return p.releaseIt(ctx, amina, chloe)
}

func (p *play) secondChecker(ctx context.Context, dev *client.Client, v airlock.View, vote func(*client.Client, string, string) error) error {
	if err := refused(dev.Post(ctx, "/requests/"+p.request+"/finish", nil, nil), "finishing a review without a vote", ark.Invalid); err != nil {
		return err
	}
	for _, f := range v.Files {
		if err := vote(dev, f.ID, "approve"); err != nil {
			return err
		}
	}
	return dev.Post(ctx, "/requests/"+p.request+"/finish", nil, nil)
}

// releaseIt releases with a fresh second factor and downloads the bundle.
func (p *play) releaseIt(ctx context.Context, amina, chloe *client.Client) error {
	at := "/requests/" + p.request
	if err := refused(chloe.Post(ctx, at+"/release", map[string]bool{}, nil), "a release without a fresh second factor", ark.Unsigned); err != nil {
		return err
	}
	act := store.StepUpFor("request.release", store.Resource{Type: "Request", ID: p.request})
	if err := p.again(ctx, func(ctx context.Context) error { // who is told to confirm again does
		if err := p.u.StepUp(ctx, "chloe", act); err != nil {
			return err
		}
		return chloe.Post(ctx, at+"/release", map[string]bool{}, nil)
	}); err != nil {
		return err
	}
	var v airlock.View
	if err := amina.Until(ctx, longest, "the release", at, &v, func() (bool, error) { return v.State == "released", nil }); err != nil {
		return err
	}
	p.release = v.Release
	data, _, err := amina.Page(ctx, "/releases/"+p.release+"/download")
	if err != nil {
		return err
	}
	role, err := instance.OpenRole(ctx, p.u.config, "control")
	if err != nil {
		return err
	}
	key, err := role.Keys.Public(ctx, worker.ReleaseKey)
	if err != nil {
		return err
	}
	st, err := bundle.Verify(ctx, data, key)
	if err != nil {
		return err
	}
	for i, f := range st.Files {
		if err := must(f.SHA256 == v.Files[i].Ref.SHA256, "released file %d is not what was checked", f.Ordinal); err != nil {
			return err
		}
	}
	p.Say("    released %d files; the signed bundle verifies with the public key alone", len(st.Files))
	if _, _, err := p.as(ctx, "dev").Page(ctx, "/releases/"+p.release+"/download"); err == nil {
		return fmt.Errorf("somebody who is no recipient downloaded the release")
	}
	data[len(data)/2] ^= 1
	_, err = bundle.Verify(ctx, data, key)
	return refused(err, "a bundle with one bit flipped", ark.Invalid)
}

// lapse suspends the project and sees its workspace frozen with its work kept.
func (p *play) lapse(ctx context.Context) error {
	amina, carol := p.as(ctx, "amina"), p.as(ctx, "carol")
	if err := carol.Post(ctx, "/projects/"+p.project+"/suspend", map[string]string{"reason": "The play tries what happens."}, nil); err != nil {
		return err
	}
	var w struct{ State, Says, Remedy string }
	if err := amina.Until(ctx, time.Minute, "the workspace to be frozen", "/workspaces/"+p.ws, &w, func() (bool, error) { return w.State == "frozen", nil }); err != nil {
		return err
	}
	if err := must(w.Says != "" && w.Remedy != "", "the frozen workspace does not say why"); err != nil {
		return err
	}
	if err := refused(amina.Post(ctx, "/workspaces/"+p.ws+"/enter", nil, nil), "entering a frozen workspace", ark.Lapsed, ark.Conflict, ark.Forbidden); err != nil {
		return err
	}
	if err := carol.Post(ctx, "/projects/"+p.project+"/resume", nil, nil); err != nil {
		return err
	}
	if err := amina.Post(ctx, "/workspaces/"+p.ws+"/start", nil, nil); err != nil {
		return err
	}
	if err := amina.Until(ctx, longest, "the workspace to run again", "/workspaces/"+p.ws, &w, func() (bool, error) {
		return w.State == "running", must(w.State != "failed", "the workspace failed: %s", w.Says)
	}); err != nil {
		return err
	}
	var files list[struct{ Name string }]
	if err := amina.Get(ctx, "/workspaces/"+p.ws+"/outbox", &files); err != nil {
		return err
	}
	return must(strings.Contains(jsonText(files), "rounded.csv"), "the work was not kept: %s", jsonText(files))
}
