package portal

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/portal/assets"
	"github.com/ark-tre/ark/pkg/portal/edge"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/portal/viewer"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/policies"
)

// Config is what a Portal is made of. Fields without "optional" must be set.
type Config struct {
	Store  *store.Store
	Access *policies.Access
	Door   Door
	Rooms  Rooms
	Log    *slog.Logger

	Region        string                        // whose Ark this is: "Northfield"
	Demonstration string                        // the sentence of the trial banner; empty when it is not a trial
	Host          string                        // the portal's host name, e.g. "localhost"
	Origin        string                        // e.g. "http://localhost:8080"
	IssuerOrigin  string                        // e.g. "http://id.localhost:8080"; optional
	ViewerOrigin  string                        // e.g. "http://view.localhost:8080"
	WorkspaceAt   func(workspace string) string // origin of a workspace
	HTTPS         bool
	Version       string

	Issuer    http.Handler                                                   // optional: the embedded issuer
	Workspace func(w http.ResponseWriter, r *http.Request, workspace string) // optional: the gateway

	FileViewer *viewer.Viewer // optional: shows untrusted files on ViewerOrigin

	Ready []Probe // optional: what must answer before this Ark takes work
}

// Probe is one part that must answer.
type Probe struct {
	Name string
	Ask  func(context.Context) error
}

// Portal is the web face of one Ark.
type Portal struct {
	cfg      Config
	mux      *http.ServeMux
	routes   []Route
	printer  *ui.Printer
	assets   *assets.Set
	metrics  *edge.Metrics
	throttle *edge.Throttle
	running  *running
	machines machines
	api      *API
}

// New builds the portal. A route without an action, a broken template or a
// missing part is an error here, not on somebody's page.
func New(cfg Config) (*Portal, error) {
	switch {
	case cfg.Store == nil, cfg.Access == nil, cfg.Door == nil, cfg.Log == nil, cfg.Host == "", cfg.Origin == "", cfg.Region == "":
		return nil, ark.Faultf(ark.Internal, "the portal was made without its store, policies, door, log, host, origin or region")
	}
	set, err := assets.New()
	if err != nil {
		return nil, err
	}
	printer, err := ui.NewPrinter(set)
	if err != nil {
		return nil, err
	}
	p := &Portal{cfg: cfg, mux: http.NewServeMux(), printer: printer, assets: set, metrics: edge.NewMetrics(),
		throttle: edge.NewThrottle(3*time.Second, 20, time.Now), running: &running{now: map[string]bool{}}, machines: loadMachines()}
	for _, r := range p.allRoutes() {
		if err := p.add(r); err != nil {
			return nil, err
		}
	}
	if err := p.addAPI(); err != nil {
		return nil, err
	}
	p.mux.HandleFunc("GET /healthz", p.healthz)
	p.mux.HandleFunc("GET /readyz", p.readyz)
	p.mux.Handle("GET "+assets.Prefix, set)
	p.mux.HandleFunc("/", p.notFound)
	return p, nil
}

// Metrics is where other rooms add their figures.
func (p *Portal) Metrics() *edge.Metrics { return p.metrics }

// MetricsHandler serves the figures and probes, for a listener of its own.
func (p *Portal) MetricsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", p.metrics.Handler())
	mux.HandleFunc("GET /healthz", p.healthz)
	mux.HandleFunc("GET /readyz", p.readyz)
	return mux
}

// Handler answers for every host of this Ark.
func (p *Portal) Handler() http.Handler {
	policy := edge.Policy{}
	if p.cfg.ViewerOrigin != "" {
		policy.Frames = []string{p.cfg.ViewerOrigin}
	}
	if p.cfg.IssuerOrigin != "" {
		policy.Forms = []string{p.cfg.IssuerOrigin}
	}
	guard := http.NewCrossOriginProtection()
	guard.AddInsecureBypassPattern("POST " + LoggedOutPath) // the provider's server calls it, with a signed token
	guard.SetDenyHandler(http.HandlerFunc(p.crossOrigin))
	// A deadline stays on its connection, so every request begins with one of
	// its own; routes that need longer move it. Workspaces hold theirs open.
	pages := edge.Headers(policy, p.cfg.HTTPS, edge.Limit(uploadBytes, defaultTime, guard.Handler(p.mux)))
	hosts := &edge.Hosts{Base: p.cfg.Host, Portal: pages, Workspace: p.cfg.Workspace}
	if p.cfg.Issuer != nil {
		hosts.Issuer = edge.Limit(defaultBody, defaultTime, p.cfg.Issuer)
	}
	if p.cfg.FileViewer != nil {
		hosts.Viewer = edge.Limit(defaultBody, defaultTime, p.cfg.FileViewer)
	}
	return edge.Observe(p.cfg.Log, p.metrics, http.HandlerFunc(broken), hosts)
}

// Server is an HTTP server for Handler with the time-outs it needs. Reading and
// writing of a page is bounded by its route, since workspaces hold connections open.
func (p *Portal) Server() *http.Server {
	return &http.Server{Handler: p.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(p.cfg.Log.Handler(), slog.LevelDebug)}
}

func (p *Portal) healthz(w http.ResponseWriter, r *http.Request) {
	edge.Note(r.Context(), "", "GET /healthz")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n")
}

// readyz says which part does not answer, by name and without its error.
func (p *Portal) readyz(w http.ResponseWriter, r *http.Request) {
	edge.Note(r.Context(), "", "GET /readyz")
	ctx, stop := context.WithTimeout(r.Context(), 5*time.Second)
	defer stop()
	var down []string
	for _, probe := range append([]Probe{{"store", p.cfg.Store.Ready}}, p.cfg.Ready...) {
		if err := probe.Ask(ctx); err != nil {
			down = append(down, probe.Name)
			p.cfg.Log.WarnContext(ctx, "not ready", "part", probe.Name, "err", err)
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if len(down) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "not ready: "+strings.Join(down, ", ")+"\n")
		return
	}
	_, _ = io.WriteString(w, "ready\n")
}

func (p *Portal) notFound(w http.ResponseWriter, r *http.Request) {
	c := &Call{W: w, R: r, p: p}
	if err := p.identify(c); err != nil {
		c.Viewer = nil
	}
	if allow := p.allowed(r); allow != "" {
		w.Header().Set("Allow", allow)
		_ = p.print(c, http.StatusMethodNotAllowed, p.faultPage(c, ark.Faultf(ark.Invalid, "this address does not take that method")))
		return
	}
	p.fail(c, Route{Pattern: "none"}, ark.Faultf(ark.Unknown, "there is no page at that address").Do("check the address, or start from the first page"))
}

// allowed lists the other methods that the address takes.
func (p *Portal) allowed(r *http.Request) string {
	var out []string
	for _, m := range []string{http.MethodGet, http.MethodPost} {
		if m == r.Method {
			continue
		}
		q := r.Clone(r.Context())
		q.Method = m
		if _, pattern := p.mux.Handler(q); pattern != "/" && pattern != "" {
			out = append(out, m)
		}
	}
	return strings.Join(out, ", ")
}

func (p *Portal) crossOrigin(w http.ResponseWriter, r *http.Request) {
	c := &Call{W: w, R: r, p: p}
	_ = p.print(c, http.StatusForbidden, p.faultPage(c, ark.Faultf(ark.Forbidden, "another site tried to send that in your name, so it was refused").
		Do("if you sent it yourself, open this Ark in a new tab and send it from there").By("same-origin")))
}

// print writes a page with its frame.
func (p *Portal) print(c *Call, status int, page ui.Page) error {
	frame := p.frame(c)
	c.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	var buf strings.Builder
	if err := p.printer.Print(&buf, frame, page); err != nil {
		p.cfg.Log.ErrorContext(c.Ctx(), "page not drawn", "reference", edge.Reference(c.Ctx()), "err", err)
		broken(c.W, c.R)
		return nil
	}
	c.W.WriteHeader(status)
	_, _ = io.WriteString(c.W, buf.String())
	return nil
}

// viewer reads the signed-in user.
func (p *Portal) viewer(c *Call, id string) (*Viewer, error) {
	v := &Viewer{User: id}
	err := p.cfg.Store.View(c.Ctx(), func(q store.Querier) error {
		u, err := governance.GetUser(c.Ctx(), q, id)
		if err != nil {
			return err
		}
		v.Name, v.Org, v.Roles = u.Name, u.Org, u.Roles
		o, err := governance.GetOrganisation(c.Ctx(), q, u.Org)
		if err == nil {
			v.OrgName = o.Name
		}
		return nil
	})
	if ark.Is(err, ark.Unknown) {
		return nil, nil // the account is gone: nobody is signed in
	}
	if err != nil {
		return nil, err
	}
	if len(v.Roles) > 0 {
		v.Role = v.Roles[0]
	}
	if k, err := c.R.Cookie(roleCookie); err == nil && v.Has(ark.Role(k.Value)) {
		v.Role = ark.Role(k.Value)
	}
	return v, nil
}
