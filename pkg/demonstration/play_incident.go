package demonstration

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/client"
)

// tookBack says of a release that it should not have left: nobody downloads it
// any more, who is concerned is told, the clock of 72 hours runs, its file
// becomes a sample of the rules, and what was downloaded is no near miss.
func (p *play) tookBack(ctx context.Context, release string) error {
	amina, carol, chloe, dev := p.as(ctx, "amina"), p.as(ctx, "carol"), p.as(ctx, "chloe"), p.as(ctx, "dev")
	at := "/releases/" + release
	why := map[string]string{"reason": "The play tries what happens."}
	if err := refused(amina.Post(ctx, at+"/freeze", why, nil), "a release frozen by its author", ark.Forbidden); err != nil {
		return err
	}
	if err := chloe.Post(ctx, at+"/freeze", why, nil); err != nil {
		return err
	}
	if err := refused(dev.Post(ctx, at+"/freeze", why, nil), "freezing what is frozen", ark.Conflict); err != nil {
		return err
	}
	_, _, err := carol.Page(ctx, at+"/download")
	if err := refused(err, "downloading a frozen release", ark.Forbidden); err != nil {
		return err
	}
	for _, name := range []string{"carol", "omar"} {
		if err := p.reads(ctx, p.as(ctx, name), "/home", "A release should not have left", at); err != nil {
			return err
		}
	}
	if err := p.reads(ctx, carol, at, "2 days 23 hours left to decide", "Frozen: The play tries what happens."); err != nil {
		return err
	}
	if err := p.again(ctx, func(ctx context.Context) error { return p.sampled(ctx, chloe, at) }); err != nil {
		return err
	}
	says := func(outcome string) map[string]string {
		return map[string]string{"outcome": outcome, "lesson": "The wards were told; nothing else was done with it."}
	}
	if err := refused(carol.Post(ctx, at+"/settle", says("near-miss"), nil), "what was downloaded called a near miss", ark.Conflict); err != nil {
		return err
	}
	if err := carol.Post(ctx, at+"/settle", says("breach"), nil); err != nil {
		return err
	}
	p.Say("    a release that should not have left: downloads stopped, custodian and operator told, 72 hours to report it, its file made a sample of the rules, settled as a breach")
	return p.reads(ctx, carol, at, "The wards were told")
}

// sampled waits until the file of an incident was judged again and written down.
func (p *play) sampled(ctx context.Context, c *client.Client, release string) error {
	for end := time.Now().Add(longest); ; {
		text, _, err := c.Page(ctx, release)
		if err != nil {
			return err
		}
		if strings.Contains(string(text), "the rules stop") {
			break
		}
		if err := must(time.Now().Before(end), "the file of an incident was not judged as a sample"); err != nil {
			return err
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
	text, _, err := c.Page(ctx, release+"/sample")
	if err != nil {
		return err
	}
	cases, err := disclosure.ReadCases(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return must(len(cases) == 1 && strings.HasPrefix(cases[0].Source, "incident inc_"), "the file of samples holds %d cases", len(cases))
}

// reads fails unless a page holds all of parts.
func (p *play) reads(ctx context.Context, c *client.Client, path string, parts ...string) error {
	text, _, err := c.Page(ctx, path)
	if err != nil {
		return err
	}
	for _, x := range parts {
		if err := must(strings.Contains(string(text), x), "the page %s lacks %q", path, x); err != nil {
			return err
		}
	}
	return nil
}
