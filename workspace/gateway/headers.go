package gateway

import (
	"net/http"
	"net/url"
	"strings"
)

// policy keeps a page to its own origin: nothing is loaded from, sent to or
// framed by another, no window is opened and no download starts (the sandbox
// has no allow-popups and no allow-downloads). JupyterLab needs inline styles
// and scripts and eval; they are those of a page that is untrusted anyway.
const policy = "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; " +
	"img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' data: blob:; connect-src 'self' data:; worker-src 'self' blob:; " +
	"frame-src 'self' blob: data:; manifest-src 'self'; object-src 'none'; form-action 'self'; base-uri 'self'; frame-ancestors 'self'; " +
	"sandbox allow-scripts allow-same-origin allow-forms allow-modals"

// strictPolicy is for pages whose author is known to need no more: the SQL
// app's. Nothing inline, no eval.
const strictPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; " +
	"base-uri 'none'; frame-ancestors 'none'; sandbox allow-scripts allow-same-origin allow-forms allow-modals"

// setHeaders sets what every response of the gateway carries.
func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Embedder-Policy", "require-corp")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("X-DNS-Prefetch-Control", "off")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", "camera=(), microphone=(), display-capture=(), geolocation=(), usb=(), serial=(), hid=(), midi=(), payment=(), clipboard-read=(), clipboard-write=()")
	h.Set("Cache-Control", "no-store")
}

// passed are the response headers an app may set; any other is dropped.
func passed(name string) bool {
	switch name {
	case "Content-Type", "Content-Length", "Content-Encoding", "Content-Language", "Date", "Etag", "Last-Modified", "Vary",
		"Location", "Allow", "Upgrade", "Connection", "Sec-Websocket-Accept", "Sec-Websocket-Protocol", "Sec-Websocket-Extensions",
		"Transfer-Encoding", "X-Jupyter-Server":
		return true
	}
	return false
}

// cleanResponse takes from an app's response all that could reach beyond its
// origin and returns false if nothing may be left of it.
func cleanResponse(resp *http.Response, origin string) bool {
	cookies := resp.Cookies()
	attachment := strings.HasPrefix(strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Disposition"))), "attachment")
	for name := range resp.Header {
		if !passed(name) {
			delete(resp.Header, name)
		}
	}
	for _, c := range cookies {
		if !appCookie(c.Name) {
			continue
		}
		// Host-only, whatever the app asked for: a wider one would reach the portal.
		c.Domain, c.Path, c.SameSite, c.Partitioned = "", "/", http.SameSiteStrictMode, false
		resp.Header.Add("Set-Cookie", c.String())
	}
	if attachment {
		return false
	}
	if to := resp.Header.Get("Location"); to != "" {
		u, err := url.Parse(to)
		if err != nil || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\t\r\n") {
			return false
		}
		if u.IsAbs() || u.Host != "" {
			return u.Scheme+"://"+u.Host == origin
		}
	}
	return true
}

// cleanRequest takes from a request what an app must not see: every cookie
// that isn't its own, credentials, and who forwarded it.
func cleanRequest(h http.Header, cookies []*http.Cookie) {
	for _, name := range []string{"Cookie", "Authorization", "Proxy-Authorization", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"} {
		h.Del(name)
	}
	var kept []string
	for _, c := range cookies {
		if appCookie(c.Name) {
			kept = append(kept, c.Name+"="+c.Value)
		}
	}
	if len(kept) > 0 {
		h.Set("Cookie", strings.Join(kept, "; "))
	}
}

// appCookie says whether a cookie belongs to an app: JupyterLab's two.
func appCookie(name string) bool {
	return name == "_xsrf" || strings.HasPrefix(name, "username-") && !strings.Contains(strings.ToLower(name), "ark")
}
