package portal

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"net/url"
	"sort"
	"sync"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/portal/ui"
)

// kept holds forms that were sent when the session had ended, until their
// sender has signed in again. It is bounded and forgets after an hour. A form
// is found by a secret in the sender's cookie only.
type kept struct {
	mu   sync.Mutex // guards byID
	byID map[string]keptForm
}

type keptForm struct {
	path   string
	fields url.Values
	at     time.Time
}

const (
	keptCookie = "ark_kept"
	keptFor    = time.Hour
	keptMost   = 2000
)

// keep puts the posted form by and returns where to go after signing in. A form
// that carries files can't be kept; its page is where to go then.
func (p *Portal) keep(c *Call) string {
	back := c.R.Referer()
	if u, err := url.Parse(back); err == nil && u.Host == c.R.Host {
		back = u.RequestURI()
	} else {
		back = "/home"
	}
	if c.R.MultipartForm != nil || c.parse() != nil || c.R.MultipartForm != nil || len(c.R.PostForm) == 0 {
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
	now := c.Now()
	p.kept.mu.Lock()
	for k, f := range p.kept.byID {
		if now.Sub(f.at) > keptFor || len(p.kept.byID) > keptMost {
			delete(p.kept.byID, k)
		}
	}
	p.kept.byID[id] = keptForm{path: c.R.URL.RequestURI(), fields: fields, at: now}
	p.kept.mu.Unlock()
	http.SetCookie(c.W, &http.Cookie{Name: keptCookie, Value: id, Path: "/kept", HttpOnly: true, Secure: p.cfg.HTTPS, SameSite: http.SameSiteLaxMode, MaxAge: int(keptFor.Seconds())})
	return "/kept"
}

// showKept offers to send the kept form now. It is shown once.
func (p *Portal) showKept(c *Call) error {
	cookie, err := c.R.Cookie(keptCookie)
	if err != nil {
		return ark.Faultf(ark.Unknown, "nothing is kept for you here").Do("go to the page and type it again")
	}
	p.kept.mu.Lock()
	f, ok := p.kept.byID[cookie.Value]
	p.kept.mu.Unlock()
	if !ok || c.Now().Sub(f.at) > keptFor {
		return ark.Faultf(ark.Unknown, "nothing is kept for you any more; forms are kept for an hour").Do("go to the page and type it again")
	}
	if c.Viewer == nil {
		return ark.Faultf(ark.Unsigned, "sign in to send what you had typed")
	}
	names := make([]string, 0, len(f.fields))
	for k := range f.fields {
		names = append(names, k)
	}
	sort.Strings(names)
	var hidden []ui.Pair
	var rows []ui.Row
	for _, k := range names {
		for _, v := range f.fields[k] {
			hidden = append(hidden, ui.Pair{Name: k, Value: v})
			if v != "" {
				rows = append(rows, ui.Row{Key: k, Said: v})
			}
		}
	}
	return c.Page(ui.Page{Head: "Nothing you typed is lost", Lead: "You had to show who you are before this could be sent. Here is what you had typed.",
		Body: []ui.Block{ui.Summary{Rows: rows, Compact: true}, ui.Form{Action: f.path, Hidden: hidden, Submit: ui.Button{Text: "Send it now"}, Cancel: &ui.Link{Text: "Don’t send it", Href: "/home"}}}})
}
