package assets

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestServesWhatItNames(t *testing.T) {
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nhsuk/nhsuk-frontend.min.css", "nhsuk/nhsuk-frontend.min.js", "ark.css", "ark.js", "mark.svg"} {
		u, err := s.URL(name)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", u, nil))
		if w.Code != 200 || w.Body.Len() == 0 {
			t.Errorf("%s at %s: %d, %d bytes", name, u, w.Code, w.Body.Len())
		}
		if !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s is not immutable", name)
		}
		if strings.Contains(w.Body.String(), "asset:") {
			t.Errorf("%s still holds an unresolved reference", name)
		}
	}
	if _, err := s.URL("nothing.css"); err == nil {
		t.Error("a name of nothing gave an address")
	}
}

func TestNothingFromElsewhere(t *testing.T) {
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for u, f := range s.file {
		if !strings.HasSuffix(u, ".css") {
			continue
		}
		for _, bad := range []string{"url(http", "url(//", "@import", "Frutiger", "@font-face"} {
			if strings.Contains(string(f.body), bad) {
				t.Errorf("%s holds %q", u, bad)
			}
		}
	}
}

func TestRefusesOtherAddresses(t *testing.T) {
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/assets/", "/assets/ark.css", "/assets/../assets.go", "/assets/0000000000000000/ark.css"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = p
		s.ServeHTTP(w, r)
		if w.Code != 404 {
			t.Errorf("%s: %d, want 404", p, w.Code)
		}
	}
}
