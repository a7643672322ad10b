package identity

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestSafeReturn(t *testing.T) {
	for raw, want := range map[string]string{
		"/":                             "/",
		"/catalogue?q=a%20b&p=2":        "/catalogue?q=a%20b&p=2",
		"/projects/prj_1/outputs":       "/projects/prj_1/outputs",
		"/a#fragment":                   "/a",
		"":                              "/",
		"catalogue":                     "/",
		"//evil.example":                "/",
		"///evil.example":               "/",
		"/\\evil.example":               "/",
		"\\\\evil.example":              "/",
		"/%2f/evil.example":             "/",
		"/%5cevil.example":              "/",
		"https://evil.example/":         "/",
		"javascript:alert(1)":           "/",
		"/\tevil":                       "/",
		"/\n/evil.example":              "/",
		" /evil":                        "/",
		"/.//evil.example":              "/",
		"/..//evil.example":             "/",
		"/%0d%0aSet-Cookie:x":           "/",
		"/\u2028":                       "/",
		"/" + strings.Repeat("a", 2000): "/",
	} {
		if got := SafeReturn(raw); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}

// FuzzSafeReturn holds the promise as a browser would test it: resolved against
// this site, the result stays on it, and doing it twice changes nothing.
func FuzzSafeReturn(f *testing.F) {
	for _, s := range []string{"/", "//x", "/\\x", "/a?b#c", "/%2fx", "https://x", "/a/../..//x", "/;@x"} {
		f.Add(s)
	}
	base, err := url.Parse("https://ark.example/sign-in/callback")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got := SafeReturn(raw)
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t") {
			t.Fatalf("%q: %q", raw, got)
		}
		u, err := base.Parse(strings.ReplaceAll(got, "\\", "/"))
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || u.User != nil {
			t.Fatalf("%q leaves the site as %v", raw, u)
		}
		if again := SafeReturn(got); again != got {
			t.Fatalf("%q, then %q", got, again)
		}
	})
}

func FuzzReadAnswer(f *testing.F) {
	for _, s := range []string{"state=a&code=b&iss=c", "state=a&error=access_denied", "state=a&state=b&code=c", "%zz", "state=a;code=b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		a, err := readAnswer(query)
		if err == nil && (a.state == "" || (a.code == "") == (a.failure == "")) {
			t.Fatalf("%q: %+v", query, a)
		}
		if strings.ContainsAny(a.failure, "\r\n\x1b <") || len(a.failure) > 64 {
			t.Fatalf("an error code that is no code: %q", a.failure)
		}
	})
}

func FuzzFlowCookie(f *testing.F) {
	s, err := newSealer(make([]byte, 32), strings.NewReader(strings.Repeat("n", 1000)))
	if err != nil {
		f.Fatal(err)
	}
	good, err := s.seal("name", flow{State: "state"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("name", good)
	f.Add("other", good)
	f.Add("name", "")
	f.Fuzz(func(t *testing.T, name, value string) {
		if _, err := s.open(name, value); err == nil && (name != "name" || value != good) {
			t.Fatal("a cookie that was not sealed here was opened")
		}
	})
}

func FuzzClaims(f *testing.F) {
	for _, s := range []string{`{"amr":["pwd","otp"],"auth_time":1}`, `{"amr":"mfa"}`, `{"auth_time":1e400}`, `{"auth_time":-1}`, `{"amr":[1]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var c claims
		if json.Unmarshal(b, &c) != nil {
			return
		}
		if len(c.AMR) > 32 {
			t.Fatal("too many methods")
		}
		if c.AuthTime != nil {
			if at, err := seconds(*c.AuthTime); err == nil && (at.Before(time.Unix(0, 0)) || at.Year() > 9999) {
				t.Fatal(at)
			}
		}
	})
}

func TestThisMachine(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "id.localhost": true, "A.B.LOCALHOST": true, "localhost.": true, "127.0.0.1": true, "127.8.8.8": true, "::1": true,
		"localhost.evil.example": false, "evillocalhost": false, "10.0.0.1": false, "": false, "0.0.0.0": false,
	} {
		if thisMachine(host) != want {
			t.Errorf("%q", host)
		}
	}
}

func TestMemoryOnceIsBoundedAndRefusesWhenFull(t *testing.T) {
	now := time.Unix(1000, 0)
	m := NewMemoryOnce(func() time.Time { return now })
	use := func(v string) error { return m.Use(t.Context(), v, now.Add(time.Minute)) }
	if use("twice") != nil || use("twice") == nil {
		t.Fatal("used twice")
	}
	began := time.Now()
	for i := 1; i < onceLimit; i++ {
		if err := use(strconv.Itoa(i)); err != nil {
			t.Fatal(i, err)
		}
	}
	if d := time.Since(began); d > 10*time.Second {
		t.Fatalf("filling it took %v: each call sweeps", d)
	}
	if use("one more") == nil {
		t.Fatal("a full memory takes more")
	}
	now = now.Add(2 * time.Minute)
	if err := use("one more"); err != nil {
		t.Fatal(err)
	}
}
