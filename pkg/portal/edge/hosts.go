package edge

import (
	"net"
	"net/http"
	"regexp"
	"strings"
)

// Hosts sends each request to the handler of its host name. Every origin
// that may show untrusted bytes has a host of its own, so the browser keeps
// it apart from the portal. A nil handler and an unknown name are refused.
type Hosts struct {
	Base      string                                                         // the portal's own name, e.g. "localhost"
	Portal    http.Handler                                                   // Base
	Issuer    http.Handler                                                   // id.Base
	Viewer    http.Handler                                                   // view.Base: untrusted files, no portal cookie
	Workspace func(w http.ResponseWriter, r *http.Request, workspace string) // <id>.ws.Base, or <id>.localhost
}

// workspaceLabel is the host label of a workspace: its identifier with a
// hyphen in the place of the underscore, which host names do not have.
var workspaceLabel = regexp.MustCompile(`^wsp-[0-9a-f]{32}$`)

// WorkspaceHost returns the host name of a workspace under base.
func WorkspaceHost(base, workspace string) string {
	return strings.Replace(workspace, "_", "-", 1) + ".ws." + base
}

// ServeHTTP picks the handler. It never looks at X-Forwarded-Host.
func (h *Hosts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := hostName(r.Host)
	base := strings.ToLower(h.Base)
	switch {
	case base == "":
	case name == base && h.Portal != nil:
		h.Portal.ServeHTTP(w, r)
		return
	case name == "id."+base && h.Issuer != nil:
		h.Issuer.ServeHTTP(w, r)
		return
	case name == "view."+base && h.Viewer != nil:
		h.Viewer.ServeHTTP(w, r)
		return
	case strings.HasSuffix(name, ".ws."+base) && h.Workspace != nil:
		label := strings.TrimSuffix(name, ".ws."+base)
		if workspaceLabel.MatchString(label) {
			h.Workspace(w, r, strings.Replace(label, "-", "_", 1))
			return
		}
	case base == "localhost" && h.Workspace != nil && workspaceLabel.MatchString(strings.TrimSuffix(name, ".localhost")):
		h.Workspace(w, r, strings.Replace(strings.TrimSuffix(name, ".localhost"), "-", "_", 1))
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusMisdirectedRequest)
	_, _ = w.Write([]byte("This Ark does not answer to that host name. Use the address it printed when it started.\n"))
}

// hostName is the lower-case host of a Host header without its port.
func hostName(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
