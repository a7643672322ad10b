package portal

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/portal/edge"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

// keptForm is a form that was sent when the session had ended. The store keeps
// it sealed until its sender has signed in again or an hour has passed; it is
// found by a secret in the sender's cookie only.
type keptForm struct {
	Path   string     `json:"path"`
	Fields url.Values `json:"fields"`
	User   string     `json:"user,omitempty"` // who sent it, where the second factor was asked for
	For    string     `json:"for,omitempty"`  // and for which act
}

const (
	keptCookie = "ark_kept"
	keptFor    = time.Hour
	keptBytes  = 256 << 10
)

// keep puts the posted form by and returns where to go after signing in. A form
// that carries files can't be kept; its page is where to go then.
func (p *Portal) keep(c *Call, r Route) string {
	back := c.R.Referer()
	if u, err := url.Parse(back); err == nil && u.Host == c.R.Host {
		back = u.RequestURI()
	} else {
		back = "/home"
	}
	if c.R.MultipartForm != nil || c.parse() != nil || c.R.MultipartForm != nil || len(c.R.PostForm) == 0 && c.Viewer == nil {
		return back
	}
	fields := url.Values{}
	for k, v := range c.R.PostForm {
		if k != "otp" && k != "password" {
			fields[k] = v
		}
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand does not fail
	id := hex.EncodeToString(b[:])
	f := keptForm{Path: c.R.URL.RequestURI(), Fields: fields}
	if c.Viewer != nil {
		f.User, f.For = c.Actor.User, store.StepUpFor(r.Action, r.On(c.R))
	}
	form, err := json.Marshal(f)
	if err != nil || len(form) > keptBytes {
		return back
	}
	if err := p.cfg.Store.KeepForm(context.WithoutCancel(c.Ctx()), id, form, c.Now().Add(keptFor)); err != nil {
		p.cfg.Log.ErrorContext(c.Ctx(), "form not kept", "reference", edge.Reference(c.Ctx()), "err", err)
		return back
	}
	http.SetCookie(c.W, &http.Cookie{Name: keptCookie, Value: id, Path: "/kept", HttpOnly: true, Secure: p.cfg.HTTPS, SameSite: http.SameSiteLaxMode, MaxAge: int(keptFor.Seconds())})
	return "/kept"
}

// confirmed reports whether the second factor was just shown by who sent a form,
// for the very act that the form asks for.
func (p *Portal) confirmed(c *Call, f keptForm) bool {
	action, on, err := store.ParseStepUp(f.For)
	return err == nil && f.User == c.Actor.User && c.shown(action, on.Type, on.ID)
}

// goOn sends a kept form on as its sender did: it was posted by this user from
// the Ark's own page, and confirmed with the second factor for this act, which
// the act uses up. What becomes of it is the answer to the form.
func (p *Portal) goOn(c *Call, f keptForm) error {
	u, err := url.Parse(f.Path)
	if err != nil || u.IsAbs() || u.Host != "" {
		return ark.Faultf(ark.Internal, "a kept form has no place").Because(err)
	}
	http.SetCookie(c.W, &http.Cookie{Name: keptCookie, Path: "/kept", HttpOnly: true, Secure: p.cfg.HTTPS, SameSite: http.SameSiteLaxMode, MaxAge: -1})
	body := f.Fields.Encode()
	q := c.R.Clone(c.Ctx())
	q.Method, q.URL, q.RequestURI, q.Pattern = http.MethodPost, u, u.RequestURI(), ""
	q.Body, q.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Form, q.PostForm, q.MultipartForm = nil, nil, nil
	p.mux.ServeHTTP(c.W, q)
	return nil
}

// showKept sends the kept form on if that is what the second factor was just
// shown for, and offers to send it otherwise. The link stays good for its hour.
func (p *Portal) showKept(c *Call) error {
	cookie, err := c.R.Cookie(keptCookie)
	if err != nil {
		return ark.Faultf(ark.Unknown, "nothing is kept for you here").Do("go to the page and type it again")
	}
	raw, err := p.cfg.Store.KeptForm(c.Ctx(), cookie.Value)
	if err != nil {
		return err
	}
	if raw == nil {
		return ark.Faultf(ark.Unknown, "nothing is kept for you any more; forms are kept for an hour").Do("go to the page and type it again")
	}
	var f keptForm
	if err := json.Unmarshal(raw, &f); err != nil {
		return err
	}
	if c.Viewer == nil {
		return ark.Faultf(ark.Unsigned, "sign in to send what you had typed")
	}
	if f.For != "" && f.User != c.Actor.User {
		return ark.Faultf(ark.Unknown, "nothing is kept for you here").Do("go to the page and type it again")
	}
	if p.confirmed(c, f) {
		return p.goOn(c, f)
	}
	names := make([]string, 0, len(f.Fields))
	for k := range f.Fields {
		names = append(names, k)
	}
	sort.Strings(names)
	var hidden []ui.Pair
	var rows []ui.Row
	for _, k := range names {
		for _, v := range f.Fields[k] {
			hidden = append(hidden, ui.Pair{Name: k, Value: v})
			if v != "" {
				rows = append(rows, ui.Row{Key: k, Said: v})
			}
		}
	}
	return c.Page(ui.Page{Head: "Nothing you typed is lost", Lead: "You had to show who you are before this could be sent. Here is what you had typed.",
		Body: []ui.Block{ui.Summary{Rows: rows, Compact: true}, ui.Form{Action: f.Path, Hidden: hidden, Submit: ui.Button{Text: "Send it now"}, Cancel: &ui.Link{Text: "Don’t send it", Href: "/home"}}}})
}
