package gateway

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/apps"
)

// errClosed is why a response that an app gave is not passed on.
var errClosed = errors.New("response closed by the gateway")

// proxy returns the reverse proxy of one app; made once, it keeps connections.
func (g *Gateway) proxy(workspace string, app apps.App) http.Handler {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := workspace + "/" + app.Name
	if p := g.proxies[key]; p != nil {
		return p
	}
	origin := g.OriginOf(workspace)
	p := &httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.Out.URL.Scheme, pr.Out.URL.Host = "http", "app"
			if app.Strip {
				pr.Out.URL.Path, pr.Out.URL.RawPath = "/"+strings.TrimPrefix(pr.In.URL.Path, app.Base), ""
			}
			pr.Out.Host = pr.In.Host // the app compares it with Origin
			cleanRequest(pr.Out.Header, pr.In.Cookies())
		},
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return g.config.Dial(ctx, workspace, app.Name)
			},
			// One connection a request: a pool would outlive a freeze.
			DisableKeepAlives:      true,
			ResponseHeaderTimeout:  10 * time.Minute,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true,
		},
		ModifyResponse: func(resp *http.Response) error { return modify(resp, origin) },
		ErrorHandler:   g.failed,
		FlushInterval:  -1,
		ErrorLog:       log.New(io.Discard, "", 0), // it would quote the app
	}
	g.proxies[key] = p
	return p
}

func modify(resp *http.Response, origin string) error {
	rule, ok := ruleOf(resp.Request.Context())
	if !ok || !cleanResponse(resp, origin) {
		return errClosed
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		if !rule.socket {
			return errClosed
		}
		return nil
	}
	if resp.ContentLength > rule.max {
		return errClosed
	}
	resp.Body = &bounded{resp.Body, rule.max}
	return nil
}

// bounded fails, and with it the whole response, past its limit.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errClosed
	}
	return n, err
}

// failed answers when an app did not, or its answer was closed.
func (g *Gateway) failed(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errClosed):
		g.refuse(w, r, http.StatusForbidden, "This way out of the workspace is closed. Put files into the outbox and submit them instead.")
	case ark.Is(err, ark.Unavailable):
		w.Header().Set("Retry-After", "1")
		g.refuse(w, r, http.StatusServiceUnavailable, "The app is starting. This page tries again by itself.")
	case ark.Is(err, ark.Conflict):
		g.refuse(w, r, http.StatusConflict, reason(err))
	default:
		g.refuse(w, r, http.StatusBadGateway, "The app ended the connection. Try again.")
	}
}
