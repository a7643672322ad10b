package edge

import (
	"net/http"
	"strings"
)

// Policy is a content security policy in parts; the zero value allows nothing.
type Policy struct {
	Frames    []string // origins that may be framed by the page
	Ancestors []string // origins that may frame the page
	Forms     []string // other origins that a form's answer may redirect to
}

// String writes the policy of a portal page: own scripts, styles, pictures and
// connections only, nothing inline, nothing evaluated, no plug-ins, no base.
func (p Policy) String() string {
	list := func(xs []string, none string) string {
		if len(xs) == 0 {
			return none
		}
		return strings.Join(xs, " ")
	}
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self'",
		"font-src 'self'",
		"connect-src 'self'",
		"manifest-src 'self'",
		"base-uri 'none'",
		"object-src 'none'",
		"form-action " + strings.TrimSpace("'self' "+strings.Join(p.Forms, " ")),
		"frame-src " + list(p.Frames, "'none'"),
		"frame-ancestors " + list(p.Ancestors, "'none'"),
		"require-trusted-types-for 'script'",
	}, "; ")
}

// Headers sets the security headers of every answer before h runs. https says
// that browsers reach this host by TLS.
func Headers(p Policy, https bool, h http.Handler) http.Handler {
	csp := p.String()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g := w.Header()
		g.Set("Content-Security-Policy", csp)
		g.Set("X-Content-Type-Options", "nosniff")
		g.Set("X-Frame-Options", "DENY")
		g.Set("Referrer-Policy", "same-origin")
		g.Set("Cross-Origin-Opener-Policy", "same-origin")
		g.Set("Cross-Origin-Resource-Policy", "same-origin")
		g.Set("Origin-Agent-Cluster", "?1")
		g.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=(), clipboard-read=()")
		g.Set("Cache-Control", "no-store")
		if https {
			g.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
		}
		h.ServeHTTP(w, r)
	})
}
