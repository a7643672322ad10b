package demonstration

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/client"
	"github.com/ark-tre/ark/pkg/portal"
)

// versionsOfASeries is how many versions a standing output is followed over.
const versionsOfASeries = 3

// stand releases a table with its specification, has it made again on each new
// version, and follows three versions to what came of them.
func (p *play) stand(ctx context.Context) error {
	amina, carol, erin := p.as(ctx, "amina"), p.as(ctx, "carol"), p.as(ctx, "erin")
	v, err := p.releaseTable(ctx, amina)
	if err != nil {
		return err
	}
	who, err := userID(ctx, carol)
	if err != nil {
		return err
	}
	proposal := airlock.Proposal{File: 1, Title: "People by sex", Use: "The hospital plans its wards by it, each time the data is refreshed.", Recipients: []string{who}}
	if err := refused(carol.Post(ctx, "/releases/"+v.Release+"/standing", proposal, nil), "a standing output asked for by somebody off the permit", ark.Forbidden); err != nil {
		return err
	}
	var s portal.StandingOut
	if err := amina.Post(ctx, "/releases/"+v.Release+"/standing", proposal, &s); err != nil {
		return err
	}
	at := "/standing/" + s.ID
	if err := amina.Until(ctx, longest, "the standing output to be tried", at, &s, func() (bool, error) {
		return s.State == "proposed", must(s.State != "declined", "it could not be made: %s", s.Says)
	}); err != nil {
		return err
	}
	for _, name := range []string{"chloe", "carol"} {
		if err := p.fresh(ctx, name, func(c *client.Client) error { return c.Post(ctx, at+"/approve", nil, nil) }); err != nil {
			return err
		}
	}
	var ds list[catalogue.Dataset]
	if err := erin.Get(ctx, "/datasets", &ds); err != nil {
		return err
	}
	for _, d := range ds.Items {
		for n := 0; d.Slug == "emergency-care" && n < versionsOfASeries; n++ {
			if err := p.oneRun(ctx, at, &s, func() error { return p.version(ctx, erin, d.ID) }); err != nil {
				return err
			}
		}
	}
	if err := carol.Get(ctx, at, &s); err != nil {
		return err
	}
	if err := must(len(s.Runs) == versionsOfASeries, "%d runs instead of %d", len(s.Runs), versionsOfASeries); err != nil {
		return err
	}
	for _, r := range s.Runs {
		p.Say("    version %d: published, made after %.1f s, confirmed after %.1f s more, acted on after %.1f s more", r.Number, r.Made.Sub(r.Published).Seconds(), r.Confirmed.Sub(r.Made).Seconds(), r.Acted().Sub(r.Confirmed).Seconds())
	}
	return p.tookBack(ctx, s.Runs[len(s.Runs)-1].Release)
}

// fresh does something as a checker or custodian, with the second factor shown
// for it where it is asked for.
func (p *play) fresh(ctx context.Context, name string, do func(*client.Client) error) error {
	err := do(p.as(ctx, name))
	var need client.NeedsStepUp
	if !ark.Is(err, ark.Unsigned) || !errors.As(err, &need) {
		return err
	}
	if err := p.u.StepUp(ctx, name, string(need)); err != nil {
		return err
	}
	return do(p.as(ctx, name))
}

// releaseTable submits by_sex.csv with its specification and has it released.
func (p *play) releaseTable(ctx context.Context, amina *client.Client) (airlock.View, error) {
	var v airlock.View
	g := group
	g.Name, g.Relation = "People by sex "+canary, "Beside the attendances by sex."
	if err := amina.Post(ctx, "/workspaces/"+p.ws+"/requests", map[string]any{"output": []string{"by_sex.csv"}, "supporting": []string{"by_sex.csv" + airlock.SpecSuffix}, "group": g}, &v); err != nil {
		return v, err
	}
	return v, p.confirm(ctx, amina, v.ID, &v, "dev", "chloe")
}

// confirm has a request checked, approved by each checker and released by the first.
func (p *play) confirm(ctx context.Context, author *client.Client, id string, v *airlock.View, checkers ...string) error {
	at := "/requests/" + id
	if err := author.Until(ctx, longest, "the automatic checks", at, v, func() (bool, error) { return v.State != "checking", nil }); err != nil {
		return err
	}
	if err := must(v.State == "submitted", "the table was not taken: the request is %s, %s", v.State, jsonText(v.Files)); err != nil {
		return err
	}
	for _, name := range checkers {
		c := p.as(ctx, name)
		for _, f := range v.Files {
			if f.Kind == airlock.KindOutput {
				if err := c.Post(ctx, at+"/vote", map[string]string{"file": f.ID, "vote": airlock.VoteApprove}, nil); err != nil {
					return err
				}
			}
		}
		if err := c.Post(ctx, at+"/finish", nil, nil); err != nil {
			return err
		}
	}
	if err := p.fresh(ctx, checkers[0], func(c *client.Client) error { return c.Post(ctx, at+"/release", map[string]bool{}, nil) }); err != nil {
		return err
	}
	return author.Until(ctx, longest, "the release", at, v, func() (bool, error) { return v.State == "released", nil })
}

// checkers take turns: each release needs a code of its own, and an
// authenticator has one every half a minute.
var checkers = [...]string{"chloe", "dev"}

// oneRun publishes a version and follows what it starts to a recipient's answer.
func (p *play) oneRun(ctx context.Context, at string, s *portal.StandingOut, publish func() error) error {
	amina, carol := p.as(ctx, "amina"), p.as(ctx, "carol")
	before := len(s.Runs)
	if err := publish(); err != nil {
		return err
	}
	if err := amina.Until(ctx, longest, "the standing output to be made", at, s, func() (bool, error) {
		if len(s.Runs) == before {
			return false, nil
		}
		return s.Runs[0].State == "in-review", must(s.Runs[0].State != "failed" && s.Runs[0].State != "stopped", "the run is %s: %s", s.Runs[0].State, s.Runs[0].Says)
	}); err != nil {
		return err
	}
	run := s.Runs[0]
	var v airlock.View
	if err := p.confirm(ctx, amina, run.Request, &v, checkers[run.Number%len(checkers)]); err != nil {
		return err
	}
	if _, _, err := amina.Page(ctx, "/releases/"+v.Release+"/download"); err == nil {
		return fmt.Errorf("its author, who is no recipient, downloaded a run")
	}
	if _, _, err := carol.Page(ctx, "/releases/"+v.Release+"/download"); err != nil {
		return err
	}
	return carol.Post(ctx, at+"/answer", map[string]any{"run": run.ID, "acted": true, "says": "Two beds were moved, on " + time.Now().UTC().Format(time.DateOnly) + ".", "benefit": "People waited less."}, nil)
}
