package gateway

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/apps"
)

// Session is who uses which workspace. Portal names the portal's session, so
// that ending that one ends this.
type Session struct {
	Workspace string
	User      string
	Portal    string
	Apps      []string
}

// Config is what the gateway needs from the portal.
type Config struct {
	// Origin is the origin of which workspaces are subdomains, such as
	// http://ws.localhost:8080, and Portal the portal's own. Browsers let the
	// pages of two workspaces share cookies of their parent domain unless that
	// is a public suffix: in production it should be listed as one, and on one
	// box http://localhost:8080 is stricter, since no cookie can be set for it.
	Origin, Portal string
	// Authorise says whether the session may go on: user signed in, permit and
	// training in force, workspace running. Called on every request.
	Authorise func(context.Context, Session) error
	// Dial connects to an app of a workspace: the enclave client's DialApp.
	Dial func(ctx context.Context, workspace, app string) (net.Conn, error)
	// Meter takes every byte before it goes to the browser.
	Meter Meter
	// Recheck is how often Authorise is asked while a connection stays open.
	Recheck time.Duration
	Now     func() time.Time
	Random  io.Reader
	Log     *slog.Logger
}

// Gateway is the handler. Make it with New.
type Gateway struct {
	config  Config
	origin  *url.URL
	entries entries
	live    live
	mu      sync.Mutex
	proxies map[string]http.Handler // by workspace and app
}

// New returns a gateway, or why the configuration is unfit.
func New(c Config) (*Gateway, error) {
	origin, err := url.Parse(c.Origin)
	if err != nil || origin.Host == "" || (origin.Scheme != "http" && origin.Scheme != "https") || origin.Path != "" {
		return nil, ark.Faultf(ark.Invalid, "the gateway's origin must look like http://ws.localhost:8080").Because(err)
	}
	if c.Authorise == nil || c.Dial == nil || c.Meter == nil || c.Now == nil || c.Random == nil || c.Log == nil || c.Recheck <= 0 {
		return nil, ark.Faultf(ark.Invalid, "the gateway's configuration is incomplete")
	}
	g := &Gateway{config: c, origin: origin, proxies: map[string]http.Handler{}}
	g.entries.made = map[string]entry{}
	return g, nil
}

// label is the part of the host name that names a workspace: host names hold
// no underscore.
func label(workspace string) string { return strings.ReplaceAll(workspace, "_", "-") }

// labelPrefix begins every label, so that other hosts of the same parent stay
// the portal's.
const labelPrefix = string(ark.PrefixWorkspace) + "-"

// OriginOf is the origin of a workspace's pages.
func (g *Gateway) OriginOf(workspace string) string {
	return g.origin.Scheme + "://" + label(workspace) + "." + g.origin.Host
}

// Owns says whether requests for this Host header are the gateway's. The
// portal must serve none of its own pages there.
func (g *Gateway) Owns(host string) bool { return g.labelOf(host) != "" }

func (g *Gateway) labelOf(host string) string {
	name, ok := strings.CutSuffix(strings.ToLower(host), "."+g.origin.Host)
	if !ok || !strings.HasPrefix(name, labelPrefix) || strings.ContainsAny(name, ".:/ _") {
		return ""
	}
	return name
}

// ServeHTTP serves one request for a workspace's host.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header())
	host := g.labelOf(r.Host)
	if host == "" {
		g.refuse(w, r, http.StatusMisdirectedRequest, "This address is no workspace.")
		return
	}
	if r.URL.Path == "/favicon.ico" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if r.URL.Path == enterPath {
		g.enter(w, r, host)
		return
	}
	session, ok := g.session(r, host)
	if !ok {
		g.refuse(w, r, http.StatusUnauthorized, "You are not signed in to this workspace. Open it from its project's page.")
		return
	}
	if !sameOrigin(r, g.OriginOf(session.Workspace)) {
		g.refuse(w, r, http.StatusForbidden, "This request came from another site.")
		return
	}
	if err := g.config.Authorise(r.Context(), session); err != nil {
		g.end(session)
		g.refuse(w, r, http.StatusForbidden, reason(err))
		return
	}
	g.serve(w, r, session)
}

// serve serves an authorised request.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, s Session) {
	metered := g.meter(w, r, s)
	if r.URL.Path == "/" {
		home(metered, s)
		return
	}
	list, err := apps.Named(s.Apps...)
	if err != nil {
		g.refuse(metered, r, http.StatusForbidden, "This workspace's apps are unknown.")
		return
	}
	for _, app := range list {
		if !strings.HasPrefix(r.URL.Path, app.Base) {
			continue
		}
		rule, ok := allowed(app.Name, r)
		if !ok {
			g.refuse(metered, r, http.StatusForbidden, "This way out of the workspace is closed. Put files into the outbox and submit them instead.")
			return
		}
		metered.strict = app.Name == apps.SQL
		stop := g.watch(metered, s)
		defer stop()
		g.proxy(s.Workspace, app).ServeHTTP(metered, r.WithContext(withRule(metered.ctx, rule)))
		return
	}
	g.refuse(metered, r, http.StatusNotFound, "There is no such page in this workspace.")
}

func reason(err error) string {
	switch ark.KindOf(err) {
	case ark.Forbidden, ark.Lapsed, ark.Conflict, ark.Unsigned, ark.TooMuch:
		return ark.Public(err, notOpen)
	}
	return notOpen
}

const notOpen = "This workspace is not open to you now."
