package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/apps"
)

const (
	enterPath  = "/.ark/enter"
	ticketLife = 30 * time.Second
	// sessionLife bounds a cookie whatever Authorise says.
	sessionLife = 12 * time.Hour
)

// entry is a ticket (once, for seconds) or a cookie (for hours). Both are kept
// by the hash of their secret.
type entry struct {
	session Session
	ticket  bool
	until   time.Time
}

type entries struct {
	mu   sync.Mutex
	made map[string]entry
}

// Enter lets the session's user in: it returns an address that works once,
// within seconds, and gives the browser a cookie of the workspace's own host.
// The portal redirects to it after its own checks.
func (g *Gateway) Enter(s Session) (string, error) {
	ticket, err := g.issue(s, true, ticketLife)
	if err != nil {
		return "", err
	}
	return g.OriginOf(s.Workspace) + enterPath + "?ticket=" + url.QueryEscape(ticket), nil
}

func (g *Gateway) issue(s Session, ticket bool, life time.Duration) (string, error) {
	if s.Workspace == "" || s.User == "" {
		return "", ark.Faultf(ark.Forbidden, "a session needs a workspace and a user")
	}
	var secret [32]byte
	if _, err := io.ReadFull(g.config.Random, secret[:]); err != nil {
		return "", ark.Faultf(ark.Unavailable, "the host gives no randomness").Because(err)
	}
	now := g.config.Now()
	g.entries.mu.Lock()
	defer g.entries.mu.Unlock()
	for key, e := range g.entries.made {
		if now.After(e.until) {
			delete(g.entries.made, key)
		}
	}
	text := hex.EncodeToString(secret[:])
	g.entries.made[hash(text)] = entry{s, ticket, now.Add(life)}
	return text, nil
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return string(sum[:])
}

// find returns the session behind a secret; a ticket is used up by it.
func (g *Gateway) find(secret string, ticket bool, host string) (Session, bool) {
	g.entries.mu.Lock()
	defer g.entries.mu.Unlock()
	key := hash(secret)
	e, ok := g.entries.made[key]
	if !ok || e.ticket != ticket || label(e.session.Workspace) != host || g.config.Now().After(e.until) {
		return Session{}, false
	}
	if ticket {
		delete(g.entries.made, key)
	}
	return e.session, true
}

// enter changes a ticket for a cookie. The page it answers with, instead of a
// redirect, makes the next request one of this origin's own.
func (g *Gateway) enter(w http.ResponseWriter, r *http.Request, host string) {
	s, ok := g.find(r.URL.Query().Get("ticket"), true, host)
	if !ok || r.Method != http.MethodGet {
		g.refuse(w, r, http.StatusUnauthorized, "This way in was used already or is too old. Open the workspace again from its project's page.")
		return
	}
	if err := g.config.Authorise(r.Context(), s); err != nil {
		g.refuse(w, r, http.StatusForbidden, reason(err))
		return
	}
	secret, err := g.issue(s, false, sessionLife)
	if err != nil {
		g.refuse(w, r, http.StatusServiceUnavailable, reason(err))
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: g.cookieName(), Value: secret, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: g.origin.Scheme == "https",
	})
	entered(w, firstPage(s, r.URL.Query().Get("app")))
}

// firstPage is the page of the app that was asked for, if it is one of the
// session's, and the list of apps otherwise.
func firstPage(s Session, app string) string {
	if !slices.Contains(s.Apps, app) {
		return "/"
	}
	list, err := apps.Named(app)
	if err != nil {
		return "/"
	}
	return list[0].Base + list[0].Home
}

// cookieName is host-only by its prefix where the browser can enforce it.
func (g *Gateway) cookieName() string {
	if g.origin.Scheme == "https" {
		return "__Host-ark_workspace"
	}
	return "ark_workspace"
}

func (g *Gateway) session(r *http.Request, host string) (Session, bool) {
	for _, c := range r.CookiesNamed(g.cookieName()) {
		if s, ok := g.find(c.Value, false, host); ok {
			return s, true
		}
	}
	return Session{}, false
}

// End ends every session of a workspace and cuts its open connections at once,
// as when it is frozen.
func (g *Gateway) End(workspace string) {
	g.drop(func(s Session) bool { return s.Workspace == workspace })
}

// EndPortal ends everything that hangs on one portal session, as at sign-out.
func (g *Gateway) EndPortal(portal string) {
	g.drop(func(s Session) bool { return s.Portal == portal })
}

func (g *Gateway) end(one Session) {
	g.drop(func(s Session) bool {
		return s.Workspace == one.Workspace && s.User == one.User && s.Portal == one.Portal
	})
}

func (g *Gateway) drop(which func(Session) bool) {
	g.entries.mu.Lock()
	for key, e := range g.entries.made {
		if which(e.session) {
			delete(g.entries.made, key)
		}
	}
	g.entries.mu.Unlock()
	g.live.cut(which)
}

// sameOrigin says whether a request was made by the origin's own pages, or is
// a person's own navigation that changes nothing.
func sameOrigin(r *http.Request, origin string) bool {
	upgrade := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	if o := r.Header.Get("Origin"); o != "" {
		return strings.EqualFold(o, origin)
	}
	if upgrade {
		return false // browsers always say where a websocket comes from
	}
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin":
		return true
	case "none":
		return safe
	}
	return safe && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}
