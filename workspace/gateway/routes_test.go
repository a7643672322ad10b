package gateway

import (
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"github.com/ark-tre/ark/workspace/apps"
)

// FuzzAllowed looks for a path that a rule opens and that means another one to
// an app which decodes and cleans it.
func FuzzAllowed(f *testing.F) {
	for _, seed := range []string{"/jupyter/lab", "/jupyter/static/a.js", "/jupyter/static/..%2ffiles/x", "/jupyter/api/contents/a/b", "/sql/query", "/jupyter/static/%252e%252e/x", "/jupyter/lab/../files"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := http.NewRequest(http.MethodGet, "http://wsp-x.ws.localhost", nil)
		if err != nil || !strings.HasPrefix(raw, "/") {
			return
		}
		u, err := r.URL.Parse(raw)
		if err != nil || u.Host != r.URL.Host {
			return
		}
		r.URL = u
		for _, app := range []string{apps.SQL, apps.Jupyter} {
			if _, ok := allowed(app, r); !ok {
				continue
			}
			clean := path.Clean(u.Path)
			if !strings.HasPrefix(clean+"/", "/"+app+"/") {
				t.Fatalf("%q is open for %s and means %q", raw, app, clean)
			}
			for _, closed := range []string{"files", "nbconvert", "view", "metrics", "lsp"} {
				if strings.HasPrefix(clean+"/", "/"+app+"/"+closed+"/") {
					t.Fatalf("%q opens %q", raw, clean)
				}
			}
		}
	})
}

func TestTheZeroRuleOpensNothing(t *testing.T) {
	if _, ok := ruleOf(t.Context()); ok {
		t.Error("a request without a rule is open")
	}
	if rules("desktop") != nil {
		t.Error("an unknown app has routes")
	}
	r := httptest.NewRequest(http.MethodGet, "/desktop/x", nil)
	if _, ok := allowed("desktop", r); ok {
		t.Error("an unknown app is open")
	}
}
