package identity_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/identity"
	"github.com/ark-tre/ark/pkg/identity/signin"
)

// TestOutsideCommandLine: a user of an outside provider signs in with a browser,
// and hands a session to the command line on the same machine, which the
// provider's word ends like the browser's own.
func TestOutsideCommandLine(t *testing.T) {
	o := newOutside(t, "ES256", "client_secret_basic")
	b := o.browser()
	o.walk(b, "/sign-in", "amina", "pwd otp")
	must(t, o.failure)
	l, err := signin.Listen(o.base, "")
	must(t, err)
	defer l.Close()
	if strings.Contains(l.Address, "verifier") || !strings.HasPrefix(l.Address, o.base+"/sign-in/command-line?") {
		t.Errorf("the address is %s", l.Address)
	}
	type got struct {
		h   *http.Client
		err error
	}
	done := make(chan got, 1)
	go func() {
		h, err := l.Wait(t.Context())
		done <- got{h, err}
	}()
	at := "http://127.0.0.1:" + strconv.Itoa(l.Port)
	state := queryOf(t, l.Address).Get("state")
	// What is not its answer changes nothing.
	for name, to := range map[string]string{"a wrong state": at + "/?code=x&state=" + strings.Repeat("A", 43), "no state": at + "/?code=x", "two states": at + "/?code=x&state=" + state + "&state=x",
		"another path": at + "/x?code=x&state=" + state, "another name of the host": "http://localhost:" + strconv.Itoa(l.Port) + "/?code=x&state=" + state} {
		resp, err := http.Get(to)
		if err != nil {
			continue // localhost may be another address
		}
		if resp.Body.Close(); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s is answered %d", name, resp.StatusCode)
		}
	}
	resp, err := b.Get(l.Address)
	must(t, err)
	resp.Body.Close()
	g := <-done
	must(t, g.err)
	if me := o.me(g.h); resp.StatusCode != http.StatusOK || me["user"] != "usr of Dr amina" || me["fresh"] != false {
		t.Fatalf("the command line is %v", me)
	}
	if o.me(b)["user"] != "usr of Dr amina" {
		t.Error("the browser lost its session")
	}
	resp, err = b.Get(o.base + "/sign-out") // at the provider, which tells the portal
	must(t, err)
	o.signOutIfAsked(b, resp)
	if o.me(g.h) != nil {
		t.Error("the command line's session outlived the provider's")
	}
}

func queryOf(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	return u.Query()
}

// TestHandoverAttacks: codes are good once, for a minute, with their verifier,
// while the browser's session goes on; nothing but a port of the loopback
// interface can be asked for; and a step-up goes with the code, and stays with
// nobody else.
func TestHandoverAttacks(t *testing.T) {
	now := time.Now()
	s := &identity.Sessions{Store: identity.NewMemorySessions(), Now: func() time.Time { return now }}
	h := &identity.Handovers{Sessions: s}
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	asked := url.Values{"port": {"40000"}, "state": {strings.Repeat("s", 43)}, "challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}}
	a, err := identity.ParseAsked(asked)
	must(t, err)
	for name, bend := range map[string]func(url.Values){
		"a host behind the port": func(v url.Values) { v.Set("port", "80@evil.example") },
		"a path behind the port": func(v url.Values) { v.Set("port", "40000/x") },
		"no port":                func(v url.Values) { v.Del("port") },
		"port 0":                 func(v url.Values) { v.Set("port", "0") },
		"a system's port":        func(v url.Values) { v.Set("port", "443") },
		"too high a port":        func(v url.Values) { v.Set("port", "65536") },
		"a signed port":          func(v url.Values) { v.Set("port", "+40000") },
		"a padded port":          func(v url.Values) { v.Set("port", "040000") },
		"two ports":              func(v url.Values) { v.Add("port", "40001") },
		"a short state":          func(v url.Values) { v.Set("state", "s") },
		"a state that breaks":    func(v url.Values) { v.Set("state", strings.Repeat("s", 43)+"\r\nx") },
		"no challenge":           func(v url.Values) { v.Del("challenge") },
		"a plain challenge":      func(v url.Values) { v.Set("challenge", verifier+"=") },
	} {
		v := url.Values{}
		for k, x := range asked {
			v[k] = append([]string{}, x...)
		}
		bend(v)
		if _, err := identity.ParseAsked(v); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	withRedirect := url.Values{"redirect_uri": {"https://evil.example/"}, "host": {"evil.example"}}
	for k, x := range asked {
		withRedirect[k] = x
	}
	if b, err := identity.ParseAsked(withRedirect); err != nil || b != a {
		t.Errorf("a redirect to elsewhere: %+v %v", b, err)
	}

	c, made := start(t, s, "usr_1", proof)
	offer := func() string {
		t.Helper()
		to, err := h.Offer(t.Context(), with(c), a)
		must(t, err)
		if !strings.HasPrefix(to, "http://127.0.0.1:40000/?") || queryOf(t, to).Get("state") != a.State {
			t.Fatalf("the browser is sent to %s", to)
		}
		return queryOf(t, to).Get("code")
	}
	redeem := func(code, verifier string) (identity.Session, *http.Cookie, error) {
		w := httptest.NewRecorder()
		got, err := h.Redeem(t.Context(), w, with(), code, verifier)
		if err != nil {
			if len(w.Result().Cookies()) > 0 {
				t.Error("refused, and a cookie is set")
			}
			return got, nil, err
		}
		return got, w.Result().Cookies()[0], nil
	}
	refused := func(name, code, verifier string) {
		t.Helper()
		if _, _, err := redeem(code, verifier); !ark.Is(err, ark.Unsigned) {
			t.Errorf("%s: %v", name, err)
		}
	}
	code := offer()
	got, cookie, err := redeem(code, verifier)
	must(t, err)
	if got.User != "usr_1" || got.ID == made.ID || !got.Created.Equal(made.Created) || got.Subject != made.Subject || got.ProviderSID != made.ProviderSID || cookie.Value == c.Value {
		t.Errorf("the session is %+v", got)
	}
	refused("a code a second time", code, verifier)
	refused("a made-up code", strings.Repeat("c", 43), verifier)
	refused("no code", "", verifier)
	code = offer()
	refused("another program's verifier", code, strings.Repeat("w", 43))
	refused("a code that was tried in vain", code, verifier)
	refused("a short verifier", offer(), "v")
	code = offer()
	offer()
	refused("a code after a newer one", code, verifier)
	code = offer()
	now = now.Add(61 * time.Second)
	refused("an old code", code, verifier)

	code = offer()
	must(t, s.End(t.Context(), httptest.NewRecorder(), with(c)))
	refused("a code of a session that has ended", code, verifier)
	if _, err := h.Offer(t.Context(), with(), a); !ark.Is(err, ark.Unsigned) {
		t.Errorf("offered by nobody: %v", err)
	}

	c, _ = start(t, s, "usr_1", proof)
	up := proof
	up.StepUp, up.For = true, "request.release/Request/req_1"
	w := httptest.NewRecorder()
	_, err = s.Elevate(context.Background(), w, with(c), up)
	must(t, err)
	c = w.Result().Cookies()[0]
	got, _, err = redeem(offer(), verifier)
	must(t, err)
	left, err := s.Resume(with(c))
	must(t, err)
	if !s.Fresh(got, up.For, time.Minute) || s.Fresh(left, up.For, time.Minute) || !left.Proved.IsZero() {
		t.Errorf("the step-up is with the program: %v, with the browser: %v", got.ProvedFor, left.ProvedFor)
	}
	if _, err := (&identity.Handovers{}).Offer(t.Context(), with(c), a); !ark.Is(err, ark.Unavailable) {
		t.Errorf("the zero value offers: %v", err)
	}
}

// TestNobodyConfirms: the command line gives up when its time is over.
func TestNobodyConfirms(t *testing.T) {
	l, err := signin.Listen("http://localhost:1", "")
	must(t, err)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := l.Wait(ctx); !ark.Is(err, ark.Unsigned) {
		t.Errorf("after its time: %v", err)
	}
	jar, err := cookiejar.New(nil)
	must(t, err)
	if _, err := (&http.Client{Jar: jar, Timeout: time.Second}).Get("http://127.0.0.1:" + strconv.Itoa(l.Port)); err == nil {
		t.Error("it listens on")
	}
}
