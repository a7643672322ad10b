package demonstration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/client"
)

// play is the main job being played. It remembers identifiers, to ask the
// system about them; what it checks it reads from the system.
type play struct {
	Options
	u       *Users
	tmp     string
	began   time.Time
	project string
	permit  string
	ws      string
	request string
	release string
	marks   []mark
}

type mark struct {
	stage string
	took  time.Duration
}

// Play plays the steps of the main job as the demonstration's users,
// through the real HTTP interfaces, and fails at the first thing that is not so.
func Play(ctx context.Context, o Options, u *Users) error {
	tmp, err := os.MkdirTemp("", "ark-play-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	p := &play{Options: o, u: u, tmp: tmp, began: time.Now()}
	for _, s := range []struct {
		says string
		do   func(context.Context) error
	}{
		{"1. deliver: what arrived was checked, parted and counted; bad deliveries are refused whole", p.delivered},
		{"2. link: records became persons, scored against the truth", p.linked},
		{"3. publish: versions are signed and their objects are what the manifest says", p.published},
		{"4. apply: a researcher explores and asks", p.apply},
		{"5. decide: custodians see what is asked, ask for changes, and approve; the permit is issued", p.decide},
		{"6. work: an isolated workspace with exactly the extract, SQL and a notebook", p.work},
		{"7. submit: automatic checks block what must not leave, and find what a table published elsewhere tells beside it", p.submit},
		{"8. review: two output checkers, blind to each other; release", p.review},
		{"9. verify: register and ledger, offline", p.verify},
		{"10. data-action latency", p.latency},
		{"11. lapse: suspended projects freeze workspaces and keep the work", p.lapse},
		{"12. take back: a withdrawn version freezes what was cut from it; it is cut anew and the old extract destroyed; then a newer version is taken by itself", p.takeBack},
		{"13. stand: a table that is made again on each new version, over three, to what came of it; what should not have left is frozen, told and judged", p.stand},
		{"14. bring in: what comes into a workspace is looked into, held against the extract, and decided on; it lies in an inbox that nobody writes to", p.bringIn},
		{"15. report: an error goes back to the hospital that sent it, sealed to its key, and the answer comes back", p.report},
		{"16. apart: each role's credential reaches what its grant names, and none reads identifiers and payload", p.apart},
		{"17. crawl: no author's word, no value of a row and no small count anywhere outside, as everybody and as the public", p.words},
		{"18. fsck: database, objects, ledger, keys and volumes agree", func(ctx context.Context) error {
			if o.Calm != nil {
				o.Calm() // what disturbs the Ark ends before its end state is read
			}
			return p.agree(ctx)
		}},
	} {
		start := time.Now()
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("step %s: %w", s.says, err)
		}
		p.marks = append(p.marks, mark{s.says, time.Since(start)})
		o.Say("ok  %s (%.1f s)", s.says, time.Since(start).Seconds())
	}
	fmt.Printf("\n%d passed, 0 failed\n", len(p.marks))
	return nil
}

// must fails the play with a sentence unless ok.
func must(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// refused fails the play unless err is a fault of one of the kinds.
func refused(err error, what string, kinds ...ark.Kind) error {
	if err == nil {
		return fmt.Errorf("%s was allowed", what)
	}
	for _, k := range kinds {
		if ark.Is(err, k) {
			return nil
		}
	}
	return fmt.Errorf("%s was refused for the wrong reason: %w", what, err)
}

// as signs in.
func (p *play) as(ctx context.Context, name string) *client.Client {
	c, err := p.u.As(ctx, name)
	if err != nil {
		// The first call through a client that is not signed in fails by itself.
		return &client.Client{Origin: p.u.config.Origin, HTTP: deadClient(err)}
	}
	return c
}

// userID is a user's own id.
func userID(ctx context.Context, c *client.Client) (string, error) {
	var me struct {
		User string `json:"user"`
	}
	err := c.Get(ctx, "/me", &me)
	return me.User, err
}

// file writes a file below the play's folder.
func (p *play) file(name, text string) (string, error) {
	path := filepath.Join(p.tmp, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, []byte(text), 0o644)
}

// contains reports whether text holds all of parts.
func contains(text string, parts ...string) bool {
	for _, x := range parts {
		if !strings.Contains(text, x) {
			return false
		}
	}
	return true
}
