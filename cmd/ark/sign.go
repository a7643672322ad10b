package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/identity"
	"github.com/ark-tre/ark/pkg/identity/signin"
)

type signInCmd struct {
	online
	User         string `arg:"" optional:"" help:"Your user name, where the Ark's own accounts are used and you sign in here; without it you confirm in a browser, as an outside identity provider needs."`
	PasswordFile string `help:"Read the password from a file instead of asking." type:"existingfile" placeholder:"FILE"`
	Code         string `help:"The code of your authenticator; asked for otherwise." placeholder:"DIGITS"`
	For          string `help:"Show both factors afresh, in the session you have, for one act that asked for it: as the refusal names it." placeholder:"ACT"`
}

// Run signs in and saves the session; password and code are not kept.
func (c signInCmd) Run(ctx context.Context) error {
	saved, err := signin.DefaultSaved()
	if err != nil {
		return err
	}
	if c.User == "" {
		return c.byBrowser(ctx, saved)
	}
	who := signin.Credentials{UserName: c.User, Code: c.Code}
	if who.Password, err = c.password(ctx); err != nil {
		return err
	}
	if who.Code == "" {
		if who.Code, err = ask(ctx, "Code from your authenticator: ", false); err != nil {
			return err
		}
	}
	walker := &signin.Walker{}
	var h *http.Client
	if c.For != "" {
		if h, err = saved.Client(c.Origin); err == nil {
			err = walker.Again(ctx, h, c.base(), "/step-up?"+url.Values{"for": {c.For}, "to": {"/home"}}.Encode(), who)
		}
	} else {
		h, err = walker.SignIn(ctx, c.base(), who)
	}
	if err != nil {
		return err
	}
	return c.keep(ctx, saved, h)
}

// browserWait is how long a sign-in waits for the browser.
const browserWait = 10 * time.Minute

// byBrowser prints an address, and waits until its user has confirmed there.
// No browser is opened: the machine may have none, or be another's.
func (c signInCmd) byBrowser(ctx context.Context, saved signin.Saved) error {
	l, err := signin.Listen(c.base(), c.For)
	if err != nil {
		return err
	}
	defer l.Close()
	fmt.Fprintf(os.Stderr, "Open this address in a browser on this computer, and confirm there if the page shows %s:\n\n  %s\n\nIf the browser is on another computer, forward the port to it first: ssh -L %d:127.0.0.1:%d THIS-COMPUTER\n", l.Word, l.Address, l.Port, l.Port)
	ctx, cancel := context.WithTimeout(ctx, browserWait)
	defer cancel()
	h, err := l.Wait(ctx)
	if err != nil {
		return err
	}
	if old, err := saved.Client(c.Origin); err == nil { // the session that this one replaces
		if req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base()+"/sign-out", nil); err == nil {
			if resp, err := old.Do(req); err == nil {
				resp.Body.Close()
			}
		}
	}
	return c.keep(ctx, saved, h)
}

// keep saves the session of h and says whose it is.
func (c signInCmd) keep(ctx context.Context, saved signin.Saved, h *http.Client) error {
	if err := saved.Save(h, c.Origin, time.Now()); err != nil {
		return err
	}
	k, err := c.client()
	if err != nil {
		return err
	}
	var me struct {
		User  string     `json:"user"`
		Name  string     `json:"name"`
		Roles []ark.Role `json:"roles"`
	}
	if err := k.Get(ctx, "/me", &me); err != nil {
		return err
	}
	return c.print(me, "signed in as %s (%s)", me.Name, roleText(me.Roles))
}

func roleText(roles []ark.Role) string {
	var out []string
	for _, r := range roles {
		out = append(out, string(r))
	}
	return strings.Join(out, ", ")
}

func (c signInCmd) password(ctx context.Context) (identity.Secret, error) {
	if c.PasswordFile == "" {
		p, err := ask(ctx, "Password: ", true)
		return identity.Secret(p), err
	}
	info, err := os.Stat(c.PasswordFile)
	if err != nil {
		return "", unreadable(c.PasswordFile, err)
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return "", ark.Faultf(ark.Forbidden, "the password file may be read by others").At(c.PasswordFile, 0, "").Do("chmod 600 it")
	}
	text, err := readText(c.PasswordFile)
	return identity.Secret(strings.TrimRight(string(text), "\r\n")), err
}

type signOutCmd struct{ online }

// Run ends the session at the Ark and forgets it here, even when the Ark
// doesn't answer.
func (c signOutCmd) Run(ctx context.Context) error {
	saved, err := signin.DefaultSaved()
	if err != nil {
		return err
	}
	h, err := saved.Client(c.Origin)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base()+"/sign-out", nil)
	if err != nil {
		return err
	}
	resp, failed := h.Do(req)
	if failed == nil {
		resp.Body.Close()
	}
	if err := saved.Forget(c.Origin); err != nil {
		return err
	}
	if failed != nil {
		return ark.Faultf(ark.Unavailable, "the session is forgotten here, but the Ark does not answer").Do("it ends there by itself; sign out in a browser to end it now").Because(failed)
	}
	return c.print(map[string]bool{"signed_out": true}, "%s", "signed out")
}

// terminal is where questions are asked, whatever standard input is.
const terminal = "/dev/tty"

// ask asks for a line on the terminal; a secret one is not shown.
func ask(ctx context.Context, question string, secret bool) (string, error) {
	tty, err := os.OpenFile(terminal, os.O_RDWR, 0)
	if err != nil {
		return "", ark.Faultf(ark.Invalid, "there is no terminal to ask on").Do("give --password-file and --code")
	}
	defer tty.Close()
	fmt.Fprint(tty, question)
	if secret {
		show, err := hideTyping(tty)
		if err != nil {
			return "", err
		}
		defer func() { show(); fmt.Fprintln(tty) }()
	}
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := readLine(tty)
		got <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case a := <-got:
		return a.text, a.err
	}
}
