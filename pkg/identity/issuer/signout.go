package issuer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// askSignOut ends the session at once if the client proves by an ID token which
// one it means, and asks first if it doesn't: a link on another site must not
// sign people out.
func (i *Issuer) askSignOut(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back := ""
	if q.Get("post_logout_redirect_uri") == i.opt.Client.SignedOutURI && i.opt.Client.SignedOutURI != "" {
		back = "yes"
	}
	s, in := i.session(r)
	if !in {
		i.signedOut(w, r, back, q.Get("state"))
		return
	}
	var hint struct {
		SID string `json:"sid"`
	}
	if payload, err := i.keys.verify(q.Get("id_token_hint")); err == nil && json.Unmarshal(payload, &hint) == nil && hint.SID == s.SID {
		i.end(w, r, s)
		i.signedOut(w, r, back, q.Get("state"))
		return
	}
	i.pages.signOut(w, signOutPage{Back: back, State: q.Get("state")})
}

func (i *Issuer) signOut(w http.ResponseWriter, r *http.Request) {
	if s, in := i.session(r); in {
		i.end(w, r, s)
	}
	i.signedOut(w, r, r.PostFormValue("back"), r.PostFormValue("state"))
}

// signedOut sends the browser to the registered address, or says that it's done.
func (i *Issuer) signedOut(w http.ResponseWriter, r *http.Request, back, state string) {
	if back != "yes" || i.opt.Client.SignedOutURI == "" {
		i.pages.message(w, http.StatusOK, "You are signed out", "You can close this page.")
		return
	}
	to := i.opt.Client.SignedOutURI
	if state != "" && len(state) <= 512 {
		sep := "?"
		if strings.Contains(to, "?") {
			sep = "&"
		}
		to += sep + "state=" + url.QueryEscape(state)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (i *Issuer) end(w http.ResponseWriter, r *http.Request, s session) {
	now := i.opt.Now()
	is := func(t session) bool { return t.SID == s.SID }
	i.sessions.takeWhere(now, is)
	i.forgetSession(is)
	i.setCookie(w, "session", "", -1)
	if err := i.tellClient(r.Context(), s); err != nil {
		i.opt.Log.ErrorContext(r.Context(), "issuer: the client did not take the logout token", "err", err)
	}
}

// tellClient posts a logout token to the client (OpenID Connect Back-Channel
// Logout 1.0), trying twice within a few seconds.
func (i *Issuer) tellClient(ctx context.Context, s session) error {
	if i.opt.Client.BackChannel == "" {
		return nil
	}
	var err error
	for range 2 {
		if err = i.postLogout(ctx, s); err == nil {
			return nil
		}
	}
	return err
}

func (i *Issuer) postLogout(ctx context.Context, s session) error {
	now := i.opt.Now()
	token, err := i.keys.sign("logout+jwt", map[string]any{
		"iss": i.opt.Issuer, "aud": i.opt.Client.ID, "sub": s.Subject, "sid": s.SID,
		"iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": idText(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": struct{}{}},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	form := url.Values{"logout_token": {token}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.opt.Client.BackChannel, strings.NewReader(form))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := i.opt.Outgoing.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("issuer: back-channel logout answered %d", resp.StatusCode)
	}
	return nil
}
