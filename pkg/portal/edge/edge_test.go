package edge

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func named(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, name) })
}

func TestHosts(t *testing.T) {
	id := "wsp_" + strings.Repeat("0a", 16)
	h := &Hosts{Base: "localhost", Portal: named("portal"), Issuer: named("issuer"), Viewer: named("viewer"),
		Workspace: func(w http.ResponseWriter, r *http.Request, ws string) { fmt.Fprint(w, ws) }}
	for _, c := range []struct{ host, want string }{
		{"localhost:8080", "portal"}, {"LOCALHOST", "portal"}, {"localhost.", "portal"},
		{"id.localhost:8080", "issuer"}, {"view.localhost", "viewer"},
		{WorkspaceHost("localhost", id) + ":8080", id}, {strings.Replace(id, "_", "-", 1) + ".localhost:8080", id}, {strings.Replace(id, "_", "-", 1) + ".example.org", ""},
		{"evil.example", ""}, {"localhost.evil.example", ""}, {"xlocalhost", ""},
		{"a.b.ws.localhost", ""}, {"wsp-zz.ws.localhost", ""}, {".ws.localhost", ""}, {"ws.localhost", ""},
		{"view.view.localhost", ""}, {"127.0.0.1:80", ""}, {"", ""},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = c.host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if c.want == "" {
			if w.Code != http.StatusMisdirectedRequest {
				t.Errorf("host %q: %d %q, want refused", c.host, w.Code, w.Body)
			}
		} else if w.Body.String() != c.want {
			t.Errorf("host %q: %q, want %q", c.host, w.Body, c.want)
		}
	}
	w := httptest.NewRecorder()
	(&Hosts{}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusMisdirectedRequest {
		t.Errorf("zero Hosts answers %d", w.Code)
	}
}

func TestHeaders(t *testing.T) {
	w := httptest.NewRecorder()
	Headers(Policy{Frames: []string{"http://view.localhost:8080"}}, true, named("x")).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	csp := w.Header().Get("Content-Security-Policy")
	for _, bad := range []string{"unsafe", "*", "data:", "blob:", "http:;", "https:;"} {
		if strings.Contains(csp, bad) {
			t.Errorf("policy holds %q: %s", bad, csp)
		}
	}
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "frame-src http://view.localhost:8080", "form-action 'self'", "base-uri 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("policy lacks %q: %s", want, csp)
		}
	}
	for k, v := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store"} {
		if got := w.Header().Get(k); got != v {
			t.Errorf("%s: %q", k, got)
		}
	}
	if w.Header().Get("Strict-Transport-Security") == "" {
		t.Error("no HSTS over https")
	}
}

// TestLogsNothingOfTheUser sends a secret in every place a client can fill and
// looks for it in the log and the metrics.
func TestLogsNothingOfTheUser(t *testing.T) {
	const secret = "CANARY9434765919"
	var log bytes.Buffer
	m := NewMetrics()
	h := Observe(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), m, named("broken"),
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			Note(r.Context(), "usr_1", "POST /thing/{id}")
			b, _ := io.ReadAll(r.Body)
			if strings.Contains(r.URL.RawQuery, "panic") {
				panic("it was " + string(b))
			}
		}))
	for _, q := range []string{"?q=" + secret, "?panic=" + secret} {
		r := httptest.NewRequest("POST", "/thing/"+secret+q, strings.NewReader("body="+secret))
		r.Header.Set("Cookie", secret)
		r.Header.Set("User-Agent", secret)
		r.Header.Set("Referer", "http://localhost/"+secret)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if strings.Contains(log.String(), secret) {
		t.Errorf("log holds the secret:\n%s", log.String())
	}
	if strings.Contains(w.Body.String(), secret) {
		t.Error("metrics hold the secret")
	}
	if !strings.Contains(w.Body.String(), `route="POST /thing/{id}"`) || !strings.Contains(log.String(), "usr_1") {
		t.Errorf("nothing measured or logged: %s", log.String())
	}
}

func TestPanicShowsThePage(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(500)
		fmt.Fprint(w, Reference(r.Context()))
	})
	h := Observe(slog.New(slog.DiscardHandler), nil, page, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret") }))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 || len(w.Body.String()) != 10 || w.Body.String() != w.Header().Get("X-Request-Id") {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestThrottle(t *testing.T) {
	now := time.Unix(0, 0)
	th := NewThrottle(time.Second, 3, func() time.Time { return now })
	ok := 0
	for range 10 {
		if th.Allow("a") {
			ok++
		}
	}
	if ok != 3 {
		t.Errorf("%d let through, want 3", ok)
	}
	if !th.Allow("b") {
		t.Error("another address is refused")
	}
	now = now.Add(time.Second)
	if !th.Allow("a") || th.Allow("a") {
		t.Error("one more after an interval, and no two")
	}
}

func TestLimitStopsALongBody(t *testing.T) {
	var err error
	h := Limit(10, Timing{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, err = io.ReadAll(r.Body) }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("x", 11))))
	if err == nil {
		t.Error("11 bytes passed a limit of 10")
	}
}
