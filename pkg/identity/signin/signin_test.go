package signin

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ark-tre/ark/pkg/ark"
)

func TestReadForms(t *testing.T) {
	forms, alert := readForms(strings.NewReader(`<!doctype html><body><div role="alert"><h2>A problem</h2><br><p>Wrong <b>code</b>.</p></div>
		<p>not this</p><form action="/a?x=1&amp;y=2"><input name="tx" value="&quot;1"><input type=submit></form><form method=post action="/b"><input name=code></form>`))
	want := []form{{"/a?x=1&y=2", map[string]string{"tx": `"1`}}, {"/b", map[string]string{"code": ""}}}
	if d := cmp.Diff(want, forms, cmp.AllowUnexported(form{})); d != "" {
		t.Error(d)
	}
	if alert != "A problem Wrong code ." {
		t.Errorf("%q", alert)
	}
}

func FuzzReadForms(f *testing.F) {
	f.Add(`<form action=x><input name=a value=b>`)
	f.Add(`<div role=alert><div></p></div></div></form><input name=x>`)
	f.Fuzz(func(t *testing.T, page string) {
		forms, _ := readForms(strings.NewReader(page))
		for _, f := range forms {
			if f.fields == nil {
				t.Fatal("a form without fields to write to")
			}
		}
	})
}

// TestThePasswordStaysOnItsPage: a page whose form leads elsewhere gets nothing.
func TestThePasswordStaysOnItsPage(t *testing.T) {
	var stolen atomic.Bool
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Store(true) }))
	defer thief.Close()
	for _, action := range []string{thief.URL + "/", "//" + strings.TrimPrefix(thief.URL, "http://"), "https://localhost/"} {
		page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte(`<form method="post" action="` + action + `"><input name="user"><input name="password"></form>`))
		}))
		_, err := (&Walker{}).SignIn(t.Context(), page.URL, Credentials{UserName: "amina", Password: "secret"})
		page.Close()
		if !ark.Is(err, ark.Unsigned) || stolen.Load() {
			t.Fatalf("%s: the password went to another host: %v", action, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	if _, err := (&Walker{}).SignIn(t.Context(), "not a url", Credentials{}); !ark.Is(err, ark.Invalid) {
		t.Error(err)
	}
	if _, err := (&Walker{}).SignIn(t.Context(), "http://localhost:1", Credentials{}); !ark.Is(err, ark.Unavailable) {
		t.Error(err)
	}
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer plain.Close()
	if _, err := (&Walker{}).SignIn(t.Context(), plain.URL, Credentials{}); !ark.Is(err, ark.Unsigned) {
		t.Error(err)
	}
}

// TestNamesBelowLocalhost reaches this machine without a resolver.
func TestNamesBelowLocalhost(t *testing.T) {
	var host string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { host = r.Host }))
	defer s.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	c, err := (&Walker{}).client()
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Get("http://wsp-1.ws.localhost:" + port + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if host != "wsp-1.ws.localhost:"+port {
		t.Fatal(host)
	}
}

func TestBrokenFileOfSessions(t *testing.T) {
	s := Saved{filepath.Join(t.TempDir(), "sessions.json")}
	if err := os.WriteFile(s.Path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Client("http://localhost:8080"); !ark.Is(err, ark.Invalid) {
		t.Fatal(err)
	}
	if err := s.Forget("http://localhost:8080"); !ark.Is(err, ark.Invalid) {
		t.Fatal("a broken file was overwritten")
	}
	var f *ark.Fault
	if _, err := s.Client(":"); !errors.As(err, &f) || f.Kind != ark.Invalid {
		t.Fatal(err)
	}
}
