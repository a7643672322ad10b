package identity_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/identity"
	"github.com/ark-tre/ark/pkg/identity/issuer"
	"github.com/ark-tre/ark/pkg/identity/signin"
)

// clock is a clock that tests move.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// cheap keeps argon2 from being the test's running time.
var cheap = issuer.Argon{Memory: 64, Passes: 1, Threads: 1}

const password = "correct horse battery"

// world is an embedded issuer and a portal of a few pages on one listener, told
// apart by host name, as on one box.
type world struct {
	t        *testing.T
	base     string
	clock    *clock
	rp       *identity.RelyingParty
	issuer   *issuer.Issuer
	sessions *identity.Sessions
	accounts map[string]issuer.Account
	walker   *signin.Walker
	mu       sync.Mutex
	lastErr  error // of the last Finish
}

func newWorld(t *testing.T, change ...func(*issuer.Options)) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{}, accounts: map[string]issuer.Account{}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(w.serve))
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	w.base = "http://localhost:" + port
	idBase := "http://id.localhost:" + port

	dir, err := issuer.OpenFileDirectory(filepath.Join(t.TempDir(), "accounts.json"))
	must(t, err)
	for _, name := range []string{"amina", "ben"} {
		a, err := issuer.NewAccount(name, "Dr "+name, name+"@example.org", password, cheap, rand.Reader)
		must(t, err)
		must(t, dir.Add(t.Context(), a))
		w.accounts[name] = a
	}
	opt := issuer.Options{
		Issuer: idBase, Directory: dir, KeyFile: filepath.Join(t.TempDir(), "keys.json"), Now: w.clock.now, Hash: cheap,
		Client: issuer.Client{ID: "portal", Secret: "a secret of the portal", RedirectURI: w.base + "/sign-in/callback",
			SignedOutURI: w.base + "/", BackChannel: w.base + "/back-channel-logout"},
		Outgoing: &http.Client{Transport: identity.Transport()},
	}
	for _, f := range change {
		f(&opt)
	}
	w.issuer, err = issuer.New(opt)
	must(t, err)
	w.rp, err = identity.New(identity.Config{
		Issuer: idBase, ClientID: "portal", ClientSecret: "a secret of the portal",
		RedirectURL: w.base + "/sign-in/callback", SignedOutURL: w.base + "/",
		FlowKey: make([]byte, 32), Now: w.clock.now,
	})
	must(t, err)
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "s.db"))
	must(t, err)
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	_, err = db.Exec(identity.SessionsDDL + identity.SessionsForDDL)
	must(t, err)
	w.sessions = &identity.Sessions{Store: identity.SQLSessions{DB: db}, Now: w.clock.now}
	w.walker = &signin.Walker{Now: w.clock.now}
	server.Start()
	t.Cleanup(server.Close)
	return w
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	if strings.EqualFold(r.Host, w.issuer.Host()) {
		w.issuer.ServeHTTP(rw, r)
		return
	}
	switch r.URL.Path {
	case "/sign-in":
		w.answer(rw, w.rp.Begin(rw, r, r.URL.Query().Get("return")))
	case "/step-up":
		s, err := w.sessions.Resume(r)
		if err == nil {
			err = w.rp.BeginStepUp(rw, r, "/me", s.Subject, r.URL.Query().Get("for"))
		}
		w.answer(rw, err)
	case "/sign-in/callback":
		w.callback(rw, r)
	case "/sign-out":
		w.answer(rw, w.sessions.End(r.Context(), rw, r))
		http.Redirect(rw, r, w.rp.EndSessionURL(r.Context()), http.StatusSeeOther)
	case "/back-channel-logout":
		l, err := w.rp.VerifyLogout(rw, r)
		if err == nil {
			_, err = w.sessions.EndProvider(r.Context(), l)
		}
		if err != nil {
			http.Error(rw, "no", http.StatusBadRequest)
		}
	case "/me":
		s, err := w.sessions.Resume(r)
		if err != nil {
			w.answer(rw, err)
			return
		}
		json.NewEncoder(rw).Encode(map[string]any{"user": s.User, "id": s.ID, "factor": s.SecondFactor, "fresh": w.sessions.Fresh(s, s.ProvedFor, time.Minute), "for": s.ProvedFor, "amr": s.AMR})
	}
}

func (w *world) callback(rw http.ResponseWriter, r *http.Request) {
	proof, to, err := w.rp.Finish(rw, r)
	w.mu.Lock()
	w.lastErr = err
	w.mu.Unlock()
	if err == nil && proof.StepUp {
		_, err = w.sessions.Elevate(r.Context(), rw, r, proof)
	} else if err == nil {
		_, err = w.sessions.Start(r.Context(), rw, r, "usr of "+proof.Name, proof)
	}
	if err != nil {
		w.answer(rw, err)
		return
	}
	http.Redirect(rw, r, to, http.StatusSeeOther)
}

func (w *world) answer(rw http.ResponseWriter, err error) {
	switch ark.KindOf(err) {
	case ark.Unsigned:
		http.Error(rw, "sign in", http.StatusUnauthorized)
	default:
		if err != nil {
			http.Error(rw, ark.KindOf(err).String(), http.StatusForbidden)
		}
	}
}

func (w *world) credentials(name string) signin.Credentials {
	return signin.Credentials{UserName: name, Password: password, TOTPSecret: identity.Secret(w.accounts[name].TOTPSecret)}
}

func (w *world) signIn(name string) *http.Client {
	w.t.Helper()
	c, err := w.walker.SignIn(w.t.Context(), w.base, w.credentials(name))
	must(w.t, err)
	return c
}

// me is what the portal says of the client's session; nil if it has none.
func (w *world) me(c *http.Client) map[string]any {
	w.t.Helper()
	resp, err := c.Get(w.base + "/me")
	must(w.t, err)
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized {
		return nil
	}
	var m map[string]any
	must(w.t, json.NewDecoder(resp.Body).Decode(&m))
	return m
}

func (w *world) cookie(c *http.Client, at, name string) string {
	u, err := url.Parse(at)
	must(w.t, err)
	for _, k := range c.Jar.Cookies(u) {
		if k.Name == name {
			return k.Value
		}
	}
	return ""
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSignInStepUpAndOut(t *testing.T) {
	w := newWorld(t)
	c := w.signIn("amina")
	me := w.me(c)
	if me["user"] != "usr of Dr amina" || me["factor"] != true || me["fresh"] != false {
		t.Fatalf("after signing in: %v", me)
	}
	before := w.cookie(c, w.base, "ark")
	w.clock.move(5 * time.Minute)
	must(t, w.walker.Again(t.Context(), c, w.base, "/step-up?for=request.release/Request/req_1", w.credentials("amina")))
	stepped := w.me(c)
	if stepped["fresh"] != true || stepped["id"] != me["id"] {
		t.Fatalf("after stepping up: %v", stepped)
	}
	if after := w.cookie(c, w.base, "ark"); after == before || after == "" {
		t.Fatal("the session's secret did not change at step-up")
	}
	w.clock.move(2 * time.Minute)
	if w.me(c)["fresh"] != false {
		t.Fatal("the step-up did not grow old")
	}
}

func TestBackChannelLogoutEndsTheSession(t *testing.T) {
	w := newWorld(t)
	amina, ben := w.signIn("amina"), w.signIn("ben")
	must(t, w.issuer.EndSubject(context.Background(), w.accounts["amina"].Subject))
	if w.me(amina) != nil {
		t.Fatal("amina is still signed in")
	}
	if w.me(ben) == nil {
		t.Fatal("ben was signed out too")
	}
}

func TestKeyRotation(t *testing.T) {
	w := newWorld(t)
	w.signIn("amina")
	must(t, w.issuer.RotateKeys())
	w.signIn("ben")
	must(t, w.issuer.RotateKeys())
	must(t, w.issuer.RotateKeys()) // the key in use was never seen before
	w.clock.move(time.Minute)
	w.signIn("amina")
}

func TestReturnPathThroughTheWholeFlow(t *testing.T) {
	w := newWorld(t)
	for raw, want := range map[string]string{"/me": "/me", "//evil.example/": "/", "https://evil.example/": "/", "/\\evil.example": "/"} {
		c := &http.Client{Transport: identity.Transport()}
		c.Jar, _ = cookiejar.New(nil)
		var arrived string
		c.CheckRedirect = func(r *http.Request, via []*http.Request) error {
			if strings.HasSuffix(via[len(via)-1].URL.Path, "/callback") {
				arrived = r.URL.String()
				return http.ErrUseLastResponse
			}
			return nil
		}
		must(t, w.walker.Again(t.Context(), c, w.base, "/sign-in?return="+url.QueryEscape(raw), w.credentials("amina")))
		if arrived != w.base+want {
			t.Errorf("%q leads to %q", raw, arrived)
		}
		w.clock.move(time.Minute)
	}
}

func TestWrongCredentials(t *testing.T) {
	w := newWorld(t)
	w.walker.Tries = 1
	for name, bend := range map[string]func(*signin.Credentials){
		"password": func(c *signin.Credentials) { c.Password = "not the password" },
		"user":     func(c *signin.Credentials) { c.UserName = "nobody" },
		"secret":   func(c *signin.Credentials) { c.TOTPSecret = identity.Secret(w.accounts["ben"].TOTPSecret) },
		"code":     func(c *signin.Credentials) { c.Code = "12345" },
	} {
		c := w.credentials("amina")
		bend(&c)
		client, err := w.walker.SignIn(t.Context(), w.base, c)
		if !ark.Is(err, ark.Unsigned) || !strings.Contains(err.Error(), "not right") {
			t.Errorf("%s: %v", name, err)
		}
		if w.me(client) != nil {
			t.Errorf("%s: signed in", name)
		}
		w.clock.move(time.Minute) // to codes that were not used
	}
	if w.me(w.signIn("amina")) == nil {
		t.Fatal("the right ones are refused after four wrong tries")
	}
}

// TestStepUpIsForOneAct: a step-up stands for the act that it was asked for, the
// next takes its place, none is begun for nothing, and the answer of one that
// was used is refused when it is sent again, with every cookie there was.
func TestStepUpIsForOneAct(t *testing.T) {
	w := newWorld(t)
	c := w.signIn("amina")
	var callback *http.Request
	c.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/sign-in/callback" {
			callback = r.Clone(t.Context())
			for _, k := range c.Jar.Cookies(r.URL) {
				callback.AddCookie(k)
			}
		}
		return nil
	}
	up := func(act string) error {
		w.clock.move(time.Minute)
		return w.walker.Again(t.Context(), c, w.base, "/step-up?for="+act, w.credentials("amina"))
	}
	one, two := "request.release/Request/req_1", "request.release/Request/req_2"
	must(t, up(one))
	if me := w.me(c); me["for"] != one || me["fresh"] != true {
		t.Fatalf("after showing it for one: %v", me)
	}
	first := callback
	must(t, up(two))
	if me := w.me(c); me["for"] != two {
		t.Fatalf("after showing it for another: %v", me)
	}
	resp, err := identity.Transport().RoundTrip(first)
	must(t, err)
	resp.Body.Close()
	if me := w.me(c); resp.StatusCode < 400 || me["for"] != two {
		t.Fatalf("an answer sent again: %d, and the session is for %v", resp.StatusCode, me["for"])
	}
	if up("") == nil && w.me(c)["for"] != two {
		t.Fatal("shown for nothing")
	}
}

// TestStepUpAsSomeoneElse: the user at the keyboard left, another comes.
func TestStepUpAsSomeoneElse(t *testing.T) {
	w := newWorld(t)
	w.walker.Tries = 1
	c := w.signIn("amina")
	if err := w.walker.Again(t.Context(), c, w.base, "/step-up?for=request.release/Request/req_1", w.credentials("ben")); !ark.Is(err, ark.Unsigned) {
		t.Fatalf("%v", err)
	}
	if w.me(c)["fresh"] != false {
		t.Fatal("somebody else's second factor counts")
	}
}

func TestSignOutAtThePortalAndTheIssuer(t *testing.T) {
	w := newWorld(t)
	c := w.signIn("amina")
	resp, err := c.Get(w.base + "/sign-out")
	must(t, err)
	resp.Body.Close()
	if resp.Request.URL.Host != w.issuer.Host() || w.me(c) != nil {
		t.Fatalf("at %s", resp.Request.URL)
	}
	resp, err = c.PostForm("http://"+w.issuer.Host()+"/sign-out", url.Values{"back": {"yes"}})
	must(t, err)
	resp.Body.Close()
	if resp.Request.URL.String() != w.base+"/" {
		t.Fatalf("not sent back but to %s", resp.Request.URL)
	}
}

func TestSavedSession(t *testing.T) {
	w := newWorld(t)
	saved := signin.Saved{Path: filepath.Join(t.TempDir(), "ark", "sessions.json")}
	if _, err := saved.Client(w.base); !ark.Is(err, ark.Unsigned) {
		t.Fatal("a session out of nothing")
	}
	must(t, saved.Save(w.signIn("amina"), w.base, time.Now()))
	info, err := os.Stat(saved.Path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Fatal("others may read the session")
	}
	c, err := saved.Client(w.base)
	must(t, err)
	if w.me(c)["user"] != "usr of Dr amina" {
		t.Fatal("the saved session is not the user's")
	}
	if other, err := saved.Client("http://localhost:1"); err == nil {
		t.Fatal("a session for another address", other)
	}
	b, err := os.ReadFile(saved.Path)
	must(t, err)
	for _, never := range []string{password, w.accounts["amina"].TOTPSecret, "amina"} {
		if strings.Contains(string(b), never) {
			t.Fatalf("%q is in the file", never)
		}
	}
	must(t, os.Chmod(saved.Path, 0o644))
	if _, err := saved.Client(w.base); !ark.Is(err, ark.Forbidden) {
		t.Fatal("a file that others may read is used")
	}
	must(t, os.Chmod(saved.Path, 0o600))
	must(t, saved.Forget(w.base))
	if _, err := saved.Client(w.base); !ark.Is(err, ark.Unsigned) {
		t.Fatal("forgotten and still there")
	}
}

// TestManyAtOnce signs two users in from many browsers at the same time.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	var all sync.WaitGroup
	for _, name := range []string{"amina", "ben"} {
		for range 2 {
			all.Go(func() {
				c, err := w.walker.SignIn(t.Context(), w.base, w.credentials(name))
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				if me := w.me(c); me["user"] != "usr of Dr "+name {
					t.Errorf("%s is %v", name, me)
				}
			})
		}
	}
	all.Wait()
}
