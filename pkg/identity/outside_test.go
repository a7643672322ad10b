package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ark-tre/ark/deploy/tools/built"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/identity"
	"github.com/ark-tre/ark/pkg/identity/signin"
)

// These tests sign in at a provider that nobody here wrote: npm's oidc-provider,
// certified by the OpenID Foundation. Where Node is missing they are skipped, and
// fail if CI is set.

// outside is that provider, running, and a portal that trusts it.
type outside struct {
	t      *testing.T
	folder string
	port   int
	alg    string
	auth   string
	keys   []jose.JSONWebKey
	stop   func()

	portal   *httptest.Server
	base     string
	clock    *clock
	rp       *identity.RelyingParty
	sessions *identity.Sessions
	handed   *identity.Handovers
	answers  []string // queries that came back to the portal
	failure  error    // of the last Finish
	last     identity.Proof
}

func newOutside(t *testing.T, alg, auth string) *outside {
	t.Helper()
	o := &outside{t: t, folder: built.Provider(t), alg: alg, auth: auth, clock: &clock{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	o.port = l.Addr().(*net.TCPAddr).Port
	must(t, l.Close())
	o.portal = httptest.NewServer(http.HandlerFunc(o.serve))
	t.Cleanup(o.portal.Close)
	o.base = o.portal.URL
	o.rp, err = identity.New(identity.Config{
		Issuer: o.issuer(), ClientID: "portal", ClientSecret: "a secret of the portal, long enough", RedirectURL: o.base + "/cb",
		SignedOutURL: o.base + "/", FlowKey: make([]byte, 32), StepUpACR: []string{"two"}, Now: o.clock.now,
	})
	must(t, err)
	o.sessions = &identity.Sessions{Store: identity.NewMemorySessions(), Now: o.clock.now}
	o.handed = &identity.Handovers{Sessions: o.sessions}
	o.newKey("one")
	o.run()
	t.Cleanup(func() { o.stop() })
	return o
}

func (o *outside) issuer() string { return fmt.Sprintf("http://localhost:%d", o.port) }

func (o *outside) newKey(kid string) {
	var key any
	var err error
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); o.alg != "ES256" {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	must(o.t, err)
	o.keys = []jose.JSONWebKey{{Key: key, KeyID: kid, Algorithm: o.alg, Use: "sig"}}
}

// run starts the provider with the keys of now.
func (o *outside) run() {
	o.t.Helper()
	o.stop = built.StartProvider(o.t, o.folder, map[string]any{
		"issuer": o.issuer(), "port": o.port, "secret": "a secret of the portal, long enough", "redirect": o.base + "/cb", "signedOut": o.base + "/",
		"backChannel": o.base + "/bc", "alg": o.alg, "authMethod": o.auth, "keys": o.keys,
	})
}

func (o *outside) serve(w http.ResponseWriter, r *http.Request) {
	var err error
	switch r.URL.Path {
	case "/sign-in":
		err = o.rp.Begin(w, r, "/me")
	case "/step-up":
		var s identity.Session
		if s, err = o.sessions.Resume(r); err == nil {
			err = o.rp.BeginStepUp(w, r, "/me", s.Subject, "request.release/Request/req_1")
		}
	case "/cb":
		o.answers = append(o.answers, r.URL.RawQuery)
		var to string
		if o.last, to, err = o.rp.Finish(w, r); err == nil && o.last.StepUp {
			_, err = o.sessions.Elevate(r.Context(), w, r, o.last)
		} else if err == nil {
			_, err = o.sessions.Start(r.Context(), w, r, "usr of "+o.last.Name, o.last)
		}
		if o.failure = err; err == nil {
			http.Redirect(w, r, to, http.StatusSeeOther)
		}
	case "/me":
		var s identity.Session
		if s, err = o.sessions.Resume(r); err == nil {
			json.NewEncoder(w).Encode(map[string]any{"user": s.User, "fresh": o.sessions.Fresh(s, "request.release/Request/req_1", time.Minute)})
		}
	case "/sign-in/command-line": // the portal's page asks before it does this
		var a identity.Asked
		var to string
		if a, err = identity.ParseAsked(r.URL.Query()); err == nil {
			if to, err = o.handed.Offer(r.Context(), r, a); err == nil {
				http.Redirect(w, r, to, http.StatusSeeOther)
			}
		}
	case "/sign-in/command-line/session":
		if _, err = o.handed.Redeem(r.Context(), w, r, r.FormValue("code"), r.FormValue("verifier")); err == nil {
			w.WriteHeader(http.StatusNoContent)
		}
	case "/sign-out":
		http.Redirect(w, r, o.rp.EndSessionURL(r.Context()), http.StatusSeeOther)
	case "/bc":
		var l identity.Logout
		if l, err = o.rp.VerifyLogout(w, r); err == nil {
			_, err = o.sessions.EndProvider(r.Context(), l)
		}
	}
	if err != nil {
		http.Error(w, ark.KindOf(err).String(), http.StatusUnauthorized)
	}
}

func (o *outside) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	must(o.t, err)
	return &http.Client{Jar: jar, Transport: identity.Transport(), Timeout: 10 * time.Second}
}

// walk opens path at the portal and signs in at the provider's form.
func (o *outside) walk(c *http.Client, path, user, amr string) {
	o.t.Helper()
	resp, err := c.Get(o.base + path)
	must(o.t, err)
	defer resp.Body.Close()
	if !strings.HasPrefix(resp.Request.URL.Path, "/interaction/") {
		o.t.Fatalf("no sign-in form: %d at %s", resp.StatusCode, resp.Request.URL.Path)
	}
	again, err := c.PostForm(resp.Request.URL.String(), url.Values{"login": {user}, "amr": {amr}})
	must(o.t, err)
	o.signOutIfAsked(c, again)
}

// signOutIfAsked submits the provider's sign-out form if that is the answer: it
// comes when somebody else signs in on the same browser, too.
func (o *outside) signOutIfAsked(c *http.Client, resp *http.Response) bool {
	o.t.Helper()
	page, err := io.ReadAll(resp.Body)
	must(o.t, err)
	resp.Body.Close()
	m := xsrf.FindSubmatch(page)
	if m == nil {
		return false
	}
	next, err := c.PostForm(o.issuer()+"/session/end/confirm", url.Values{"xsrf": {string(m[1])}, "logout": {"yes"}})
	must(o.t, err)
	next.Body.Close()
	return true
}

func (o *outside) me(c *http.Client) map[string]any {
	o.t.Helper()
	resp, err := c.Get(o.base + "/me")
	must(o.t, err)
	defer resp.Body.Close()
	var m map[string]any
	if resp.StatusCode == http.StatusOK {
		must(o.t, json.NewDecoder(resp.Body).Decode(&m))
	}
	return m
}

func TestOutsideProvider(t *testing.T) {
	for _, c := range []struct{ alg, auth string }{{"ES256", "client_secret_basic"}, {"RS256", "client_secret_post"}, {"PS256", "client_secret_basic"}} {
		t.Run(c.alg, func(t *testing.T) {
			o := newOutside(t, c.alg, c.auth)
			b := o.browser()
			o.walk(b, "/sign-in", "amina", "pwd otp")
			if me := o.me(b); me["user"] != "usr of Dr amina" || me["fresh"] != false {
				t.Fatalf("%v: %v", me, o.failure)
			}
			if !o.last.SecondFactor || o.last.SessionID == "" || o.last.AuthTime.IsZero() || o.last.Email != "amina@example.org" {
				t.Fatalf("%+v", o.last)
			}
		})
	}
}

// The command line knows the embedded issuer's forms alone: at another provider
// it says so, and types nobody's password there.
func TestOutsideProviderIsNotForTheCommandLine(t *testing.T) {
	o := newOutside(t, "ES256", "client_secret_basic")
	_, err := (&signin.Walker{}).SignIn(t.Context(), o.base, signin.Credentials{UserName: "amina", Password: "a password of hers", Code: "123456"})
	var f *ark.Fault
	if !errors.As(err, &f) || f.Kind != ark.Unsigned || !strings.Contains(f.Says, fmt.Sprintf("localhost:%d", o.port)) || !strings.Contains(f.Remedy, "without a user name, and confirm in a browser") {
		t.Errorf("the command line's sign-in at an outside provider: %v", err)
	}
	if len(o.answers) > 0 {
		t.Errorf("the provider answered the portal: %v", o.answers)
	}
}

// TestOutsideWeakSignature: the provider signs with the client's secret (HS256),
// as its metadata allows it to.
func TestOutsideWeakSignature(t *testing.T) {
	o := newOutside(t, "ES256", "client_secret_basic")
	o.stop()
	o.alg = "HS256"
	o.run()
	b := o.browser()
	o.walk(b, "/sign-in", "amina", "pwd otp")
	if o.me(b) != nil || !ark.Is(o.failure, ark.Unsigned) {
		t.Fatalf("a token signed with a shared secret was accepted: %v", o.failure)
	}
	if !strings.Contains(o.failure.Error(), "HS256") {
		t.Fatalf("refused for another reason: %v", o.failure)
	}
}

func TestOutsideAttacks(t *testing.T) {
	o := newOutside(t, "ES256", "client_secret_basic")
	b := o.browser()
	o.walk(b, "/sign-in", "amina", "pwd")
	if o.me(b) != nil || !ark.Is(o.failure, ark.Unsigned) {
		t.Fatal("one factor was enough")
	}
	b = o.browser()
	o.walk(b, "/sign-in", "amina", "pwd otp")
	used := o.answers[len(o.answers)-1]
	resp, err := b.Get(o.base + "/cb?" + used) // the same browser, the same answer
	must(t, err)
	resp.Body.Close()
	if !ark.Is(o.failure, ark.Unsigned) {
		t.Fatal("a replayed answer was accepted")
	}
	// The provider itself refuses the used code, a challenge left out and a
	// foreign redirect address.
	q, err := url.ParseQuery(used)
	must(t, err)
	form := url.Values{"grant_type": {"authorization_code"}, "code": {q.Get("code")}, "redirect_uri": {o.base + "/cb"}, "code_verifier": {strings.Repeat("v", 43)}}
	req, err := http.NewRequest("POST", o.issuer()+"/token", strings.NewReader(form.Encode()))
	must(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("portal", url.QueryEscape("a secret of the portal, long enough"))
	resp, err = o.browser().Do(req)
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Fatalf("a used code: %d", resp.StatusCode)
	}
	// An answer of another browser's sign-in.
	mallory := o.browser()
	stop := errors.New("stop")
	mallory.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/cb" {
			o.answers = append(o.answers, r.URL.RawQuery)
			return stop
		}
		return nil
	}
	resp, err = mallory.Get(o.base + "/sign-in")
	must(t, err)
	resp.Body.Close()
	if _, err = mallory.PostForm(resp.Request.URL.String(), url.Values{"login": {"mallory"}, "amr": {"pwd otp"}}); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	victim := o.browser()
	resp, err = victim.Get(o.base + "/cb?" + o.answers[len(o.answers)-1])
	must(t, err)
	resp.Body.Close()
	if o.me(victim) != nil || !ark.Is(o.failure, ark.Unsigned) {
		t.Fatal("the victim was signed in as mallory")
	}
}

func TestOutsideStepUp(t *testing.T) {
	o := newOutside(t, "ES256", "client_secret_basic")
	b := o.browser()
	o.walk(b, "/sign-in", "amina", "pwd otp")
	o.walk(b, "/step-up", "amina", "pwd otp")
	if me := o.me(b); me["fresh"] != true || me["user"] != "usr of Dr amina" {
		t.Fatalf("%v: %v", me, o.failure)
	}
	o.walk(b, "/step-up", "ben", "pwd otp") // somebody else comes back
	if !ark.Is(o.failure, ark.Unsigned) || !strings.Contains(o.failure.Error(), "someone else") {
		t.Fatalf("somebody else's second factor was accepted: %v", o.failure)
	}
}

func TestOutsideKeyRotation(t *testing.T) {
	o := newOutside(t, "ES256", "client_secret_basic")
	o.walk(o.browser(), "/sign-in", "amina", "pwd otp")
	must(t, o.failure)
	o.stop()
	o.newKey("two")
	o.run()
	o.clock.move(10 * time.Second)
	b := o.browser()
	o.walk(b, "/sign-in", "ben", "pwd otp")
	if o.me(b)["user"] != "usr of Dr ben" {
		t.Fatalf("the new key is not believed: %v", o.failure)
	}
}

var xsrf = regexp.MustCompile(`name="xsrf" value="([^"]+)"`)

func TestOutsideBackChannelLogout(t *testing.T) {
	o := newOutside(t, "ES256", "client_secret_basic")
	amina, ben := o.browser(), o.browser()
	o.walk(amina, "/sign-in", "amina", "pwd otp")
	o.walk(ben, "/sign-in", "ben", "pwd otp")
	resp, err := amina.Get(o.base + "/sign-out")
	must(t, err)
	if !o.signOutIfAsked(amina, resp) {
		t.Fatalf("no sign-out form: %d at %s", resp.StatusCode, resp.Request.URL)
	}
	if o.me(amina) != nil { // the provider told the portal before it answered
		t.Fatal("the session outlived the provider's")
	}
	if o.me(ben) == nil {
		t.Fatal("another user was signed out too")
	}
}
