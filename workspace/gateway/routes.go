package gateway

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"github.com/ark-tre/ark/workspace/apps"
)

// rule opens one family of routes of an app. What no rule names is closed.
type rule struct {
	methods string         // space-separated
	path    *regexp.Regexp // below the app's base
	socket  bool           // a websocket, and nothing else
	max     int64          // largest response in bytes; 0 is defaultMax
}

// defaultMax bounds the response of a route that has no bound of its own.
const defaultMax = 16 << 20

// Bounds of the contents interface of JupyterLab: enough to edit and to look,
// not to carry files away.
const (
	maxText   = 8 << 20
	maxBinary = 2 << 20
)

func allow(methods, path string) rule {
	return rule{methods: methods, path: regexp.MustCompile("^" + path + "$")}
}

// rules returns the open routes of an app. JupyterLab's /files/, /nbconvert/,
// /view, terminals' export, metrics, shutdown, extension manager and language
// servers are not among them.
func rules(app string) []rule {
	switch app {
	case apps.SQL:
		return []rule{allow("GET HEAD", `(app\.js|app\.css|schema|history|healthz)?`), allow("POST", `(query|outbox|cancel)`)}
	case apps.Jupyter:
		const id = `[0-9a-f-]{36}`
		kernel, terminal, events := allow("GET", `api/kernels/`+id+`/channels`), allow("GET", `terminals/websocket/[0-9A-Za-z_-]{1,40}`), allow("GET", `api/events/subscribe`)
		kernel.socket, terminal.socket, events.socket = true, true, true
		contents := allow("GET PUT POST PATCH DELETE", `api/contents(/.*)?`)
		contents.max = maxText
		return []rule{
			kernel, terminal, events, contents,
			allow("GET HEAD", `(lab(/(tree|workspaces|doc)(/.*)?)?/?)?`),
			allow("GET HEAD", `static/[^?]*`),
			allow("GET HEAD", `lab/extensions/.*`),
			allow("GET HEAD", `lab/api/(settings|themes|translations|workspaces|licenses|plugins)(/.*)?/?`),
			allow("PUT POST DELETE", `lab/api/(settings|workspaces)(/.*)?/?`),
			allow("GET", `api/?`), allow("GET", `api/(me|status|kernelspecs|nbconvert)/?`),
			allow("GET HEAD", `kernelspecs/.*\.(svg|png|js|css)`),
			allow("GET POST", `api/kernels/?`), allow("GET DELETE PATCH", `api/kernels/`+id),
			allow("POST", `api/kernels/`+id+`/(interrupt|restart)`),
			allow("GET POST", `api/sessions/?`), allow("GET DELETE PATCH", `api/sessions/`+id),
			allow("GET POST", `api/terminals/?`), allow("GET DELETE", `api/terminals/[0-9A-Za-z_-]{1,40}`),
			allow("GET PUT PATCH", `api/config/[a-z_-]{1,40}`),
			allow("GET", `custom/custom\.css`), allow("GET HEAD", `favicon\.ico`),
		}
	}
	return nil
}

// allowed returns the rule that opens the request's route, if one does.
func allowed(app string, r *http.Request) (rule, bool) {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), "/"+app+"/")
	// An encoded slash, a dot segment or a backslash may mean one path to a rule and another to the app.
	lower := strings.ToLower(path)
	if !ok || strings.Contains(lower, "%2f") || strings.Contains(lower, "%5c") || strings.Contains(lower, "%00") || strings.Contains(path, "\\") || dotted(r.URL.Path) {
		return rule{}, false
	}
	if _, download := r.URL.Query()["download"]; download {
		return rule{}, false
	}
	socket := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	if !socket && r.Header.Get("Upgrade") != "" {
		return rule{}, false
	}
	for _, one := range rules(app) {
		if one.socket != socket || !strings.Contains(" "+one.methods+" ", " "+r.Method+" ") || !one.path.MatchString(path) {
			continue
		}
		if strings.HasPrefix(path, "api/contents") && r.URL.Query().Get("format") == "base64" {
			one.max = maxBinary
		}
		return one, true
	}
	return rule{}, false
}

func dotted(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if part == "." || part == ".." {
			return true
		}
	}
	return strings.Contains(path, "//")
}

type ruleKey struct{}

func withRule(ctx context.Context, r rule) context.Context {
	return context.WithValue(ctx, ruleKey{}, r)
}

// ruleOf returns the rule of a request; without one, nothing may pass.
func ruleOf(ctx context.Context) (rule, bool) {
	r, ok := ctx.Value(ruleKey{}).(rule)
	if r.max == 0 {
		r.max = defaultMax
	}
	return r, ok
}
