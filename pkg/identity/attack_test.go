package identity_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/identity"
)

func TestHonestProvider(t *testing.T) {
	o := newHostile(t)
	rp := o.party()
	b := beginAt(t, rp, "/catalogue?q=asthma")
	if b.query.Get("code_challenge_method") != "S256" || len(b.query.Get("nonce")) != 43 || len(b.query.Get("state")) != 43 {
		t.Fatalf("the authorization request lacks PKCE, nonce or state: %v", b.query)
	}
	proof, to, err := finish(rp, b.back(b.answer(o)))
	must(t, err)
	want := identity.Proof{Issuer: o.server.URL, Subject: "subject-1", Name: "Amina", Email: "a@example.org",
		AMR: []string{"pwd", "otp"}, AuthTime: proof.AuthTime, SessionID: "s1", SecondFactor: true}
	if d := cmp.Diff(want, proof); d != "" || to != "/catalogue?q=asthma" || time.Since(proof.AuthTime) > 5*time.Second {
		t.Fatal(to, proof.AuthTime, d)
	}
}

// TestBadIDTokens bends one thing at a time in an otherwise honest ID token.
func TestBadIDTokens(t *testing.T) {
	set := func(k string, v any) func(*hostile) {
		return func(o *hostile) {
			o.claims = func(c map[string]any) {
				if c[k] = v; v == nil {
					delete(c, k)
				}
			}
		}
	}
	at := func(k string, d time.Duration) func(*hostile) { return set(k, time.Now().Add(d).Unix()) }
	encode := func(f func(*hostile, map[string]any) string) func(*hostile) {
		return func(o *hostile) { o.encode = func(c map[string]any) string { return f(o, c) } }
	}
	segment := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	cases := map[string]func(*hostile){
		"wrong-audience":       set("aud", "another-party"),
		"no-audience":          set("aud", nil),
		"second-audience":      set("aud", []string{"portal", "another-party"}),
		"authorized-for-other": set("azp", "another-party"),
		"wrong-issuer":         set("iss", "https://evil.example"),
		"no-issuer":            set("iss", nil),
		"wrong-nonce":          set("nonce", strings.Repeat("n", 43)),
		"no-nonce":             set("nonce", nil),
		"no-subject":           set("sub", ""),
		"long-subject":         set("sub", strings.Repeat("s", 256)),
		"expired":              at("exp", -time.Second),
		"no-expiry":            set("exp", nil),
		"issued-long-ago":      at("iat", -time.Hour),
		"issued-in-future":     at("iat", time.Hour),
		"no-issue-time":        set("iat", nil),
		"not-yet-valid":        at("nbf", time.Hour),
		"authenticated-later":  at("auth_time", time.Hour),
		"auth-time-text":       set("auth_time", "soon"),
		"one-factor":           set("amr", []string{"pwd"}),
		"two-of-one-kind":      set("amr", []string{"otp", "hwk"}),
		"text-message":         set("amr", []string{"pwd", "sms"}),
		"no-methods":           set("amr", nil),
		"methods-as-one-text":  set("amr", "pwd otp"),
		"access-token-swapped": set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
		"alg-none": encode(func(_ *hostile, c map[string]any) string {
			return segment(map[string]string{"alg": "none"}) + "." + segment(c) + "."
		}),
		"alg-none-keeps-signature": encode(func(o *hostile, c map[string]any) string {
			real := strings.Split(o.sign(jose.ES256, o.key, o.kid, c), ".")
			return segment(map[string]string{"alg": "none", "kid": "one"}) + "." + real[1] + "." + real[2]
		}),
		"hs256-with-client-secret": encode(func(o *hostile, c map[string]any) string {
			return o.sign(jose.HS256, []byte("secret of the portal, made longer for HS256"), "one", c)
		}),
		"hs256-with-public-key": encode(func(o *hostile, c map[string]any) string {
			pub, _ := o.keys[0].MarshalJSON()
			return o.sign(jose.HS256, pub, "one", c)
		}),
		"unknown-key": encode(func(o *hostile, c map[string]any) string {
			return o.sign(jose.ES256, newECKey(o.t), "two", c)
		}),
		"unknown-key-known-id": encode(func(o *hostile, c map[string]any) string {
			return o.sign(jose.ES256, newECKey(o.t), "one", c)
		}),
		"key-in-header": encode(func(o *hostile, c map[string]any) string {
			s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: newECKey(o.t)}, &jose.SignerOptions{EmbedJWK: true})
			must(o.t, err)
			b, _ := json.Marshal(c)
			j, err := s.Sign(b)
			must(o.t, err)
			text, _ := j.CompactSerialize()
			return text
		}),
		"changed-after-signing": encode(func(o *hostile, c map[string]any) string {
			real := strings.Split(o.sign(jose.ES256, o.key, o.kid, c), ".")
			c["sub"] = "someone-else"
			return real[0] + "." + segment(c) + "." + real[2]
		}),
		"symmetric-key-published": func(o *hostile) {
			o.keys = []jose.JSONWebKey{{Key: []byte("a symmetric key of thirty-two by"), KeyID: "one"}}
			o.encode = func(c map[string]any) string {
				return o.sign(jose.HS256, []byte("a symmetric key of thirty-two by"), "one", c)
			}
		},
		"encryption-key": func(o *hostile) { o.keys[0].Use = "enc" },
		"no-id-token":    encode(func(*hostile, map[string]any) string { return "" }),
		"not-a-token":    encode(func(*hostile, map[string]any) string { return "a.b.c" }),
	}
	for name, bend := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newHostile(t)
			bend(o)
			rp := o.party()
			b := beginAt(t, rp, "/")
			proof, _, err := finish(rp, b.back(b.answer(o)))
			if !ark.Is(err, ark.Unsigned) || proof.Subject != "" {
				t.Fatalf("accepted: %+v, %v", proof, err)
			}
			if o.tokens != 1 {
				t.Fatalf("refused before the token was seen: %v", err)
			}
		})
	}
}

// TestBadAnswers bends the redirect that comes back.
func TestBadAnswers(t *testing.T) {
	change := func(k string, v ...string) func(url.Values) {
		return func(q url.Values) {
			if q[k] = v; len(v) == 0 {
				q.Del(k)
			}
		}
	}
	cases := map[string]func(url.Values){
		"no-state":       change("state"),
		"wrong-state":    change("state", strings.Repeat("x", 43)),
		"two-states":     func(q url.Values) { q["state"] = append(q["state"], q["state"][0]) },
		"mix-up":         change("iss", "https://evil.example"),
		"iss-left-out":   change("iss"),
		"no-code":        change("code"),
		"error":          func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") },
		"error-and-code": change("error", "access_denied"),
		"stolen-code":    change("code", "nonce=x&challenge=y"),
		"long":           change("code", strings.Repeat("x", 9000)),
	}
	for name, bend := range cases {
		t.Run(name, func(t *testing.T) {
			o := newHostile(t)
			rp := o.party()
			b := beginAt(t, rp, "/")
			q := b.answer(o)
			bend(q)
			if _, to, err := finish(rp, b.back(q)); !ark.Is(err, ark.Unsigned) || to != "/" {
				t.Fatalf("accepted: %v", err)
			}
			if name != "stolen-code" && o.tokens != 0 {
				t.Fatal("the code was sent to the token endpoint all the same")
			}
		})
	}
}

func TestReplayedAnswer(t *testing.T) {
	o := newHostile(t)
	rp := o.party()
	b := beginAt(t, rp, "/")
	_, _, err := finish(rp, b.back(b.answer(o)))
	must(t, err)
	clear(o.spent) // even if the provider would take the code again
	if _, _, err := finish(rp, b.back(b.answer(o))); !ark.Is(err, ark.Unsigned) || o.tokens != 1 {
		t.Fatalf("a replay with the old cookie was accepted: %v, %d token requests", err, o.tokens)
	}
}

// TestSignInForgery sends a victim's browser the attacker's answer.
func TestSignInForgery(t *testing.T) {
	o := newHostile(t)
	rp := o.party()
	attacker, victim := beginAt(t, rp, "/"), beginAt(t, rp, "/")
	if _, _, err := finish(rp, victim.back(attacker.answer(o))); !ark.Is(err, ark.Unsigned) || o.tokens != 0 {
		t.Fatal("the victim was signed in as the attacker")
	}
	// A sibling host tosses the attacker's cookie in under the victim's name.
	name := victim.cookies[0].Name
	victim.cookies = append(victim.cookies, &http.Cookie{Name: name, Value: attacker.cookies[0].Value})
	if _, _, err := finish(rp, victim.back(victim.answer(o))); !ark.Is(err, ark.Unsigned) {
		t.Fatal("two cookies of one name were accepted")
	}
	victim.cookies = []*http.Cookie{{Name: name, Value: attacker.cookies[0].Value}}
	if _, _, err := finish(rp, victim.back(attacker.answer(o))); !ark.Is(err, ark.Unsigned) {
		t.Fatal("a cookie was accepted under another's name")
	}
}

func TestFlowCookie(t *testing.T) {
	o := newHostile(t)
	rp := o.party(func(c *identity.Config) { c.RedirectURL = "https://ark.example/sign-in/callback" })
	b := beginAt(t, rp, "/")
	c := b.cookies[0]
	if !strings.HasPrefix(c.Name, "__Host-") || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge > 600 {
		t.Fatalf("%+v", c)
	}
	for _, secret := range []string{b.query.Get("state"), b.query.Get("nonce")} {
		if raw, _ := base64.RawURLEncoding.DecodeString(c.Value); strings.Contains(string(raw), secret) || strings.Contains(c.Value, secret) {
			t.Fatal("the cookie shows what it holds")
		}
	}
	for i := range c.Value {
		altered := []byte(c.Value)
		if altered[i]++; i%7 != 0 {
			continue
		}
		r := browser{b.query, []*http.Cookie{{Name: c.Name, Value: string(altered)}}}
		if _, _, err := finish(rp, r.back(b.answer(o))); !ark.Is(err, ark.Unsigned) {
			t.Fatalf("byte %d altered and accepted", i)
		}
	}
	o.clock.move(11 * time.Minute)
	if _, _, err := finish(rp, b.back(b.answer(o))); !ark.Is(err, ark.Unsigned) {
		t.Fatal("an old flow was accepted")
	}
}

func TestManySignInsDoNotGrowTheBrowser(t *testing.T) {
	rp := newHostile(t).party()
	jar := map[string]*http.Cookie{}
	for range 50 {
		r := httptest.NewRequest("GET", "/sign-in", nil)
		for _, c := range jar {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		must(t, rp.Begin(w, r, "/"))
		for _, c := range w.Result().Cookies() {
			if jar[c.Name] = c; c.MaxAge < 0 {
				delete(jar, c.Name)
			}
		}
		if len(jar) > 5 {
			t.Fatalf("%d sign-ins are kept in one browser", len(jar))
		}
	}
}

func TestStepUp(t *testing.T) {
	cases := map[string]struct {
		claims func(map[string]any)
		ok     bool
	}{
		"fresh":          {func(map[string]any) {}, true},
		"old-proof":      {func(c map[string]any) { c["auth_time"] = time.Now().Add(-5 * time.Minute).Unix() }, false},
		"no-time":        {func(c map[string]any) { delete(c, "auth_time") }, false},
		"another-person": {func(c map[string]any) { c["sub"] = "subject-2" }, false},
		"one-factor":     {func(c map[string]any) { c["amr"] = []string{"pwd"} }, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := newHostile(t)
			o.claims = c.claims
			rp := o.party(func(c *identity.Config) { c.AllowSingleFactor = true })
			b := begin(t, func(w http.ResponseWriter, r *http.Request) error {
				return rp.BeginStepUp(w, r, "/", "subject-1", "request.release/Request/req_1")
			})
			if b.query.Get("max_age") != "0" || b.query.Get("prompt") != "login" {
				t.Fatalf("%v", b.query)
			}
			proof, _, err := finish(rp, b.back(b.answer(o)))
			if (err == nil) != c.ok || proof.StepUp != c.ok {
				t.Fatalf("%+v %v", proof, err)
			}
		})
	}
	if err := newHostile(t).party().BeginStepUp(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), "/", "", "request.release/Request/req_1"); !ark.Is(err, ark.Unsigned) {
		t.Fatal("stepped up from nobody")
	}
}

func TestBadDiscovery(t *testing.T) {
	cases := map[string]func(map[string]any){
		"another-issuer":      func(m map[string]any) { m["issuer"] = "https://evil.example" },
		"plain-http-token":    func(m map[string]any) { m["token_endpoint"] = "http://id.example/token" },
		"plain-http-keys":     func(m map[string]any) { m["jwks_uri"] = "http://id.example/keys" },
		"plain-http-userinfo": func(m map[string]any) { m["userinfo_endpoint"] = "http://id.example/u" },
		"no-keys":             func(m map[string]any) { delete(m, "jwks_uri") },
		"pkce-downgrade":      func(m map[string]any) { m["code_challenge_methods_supported"] = []string{"plain"} },
	}
	for name, bend := range cases {
		t.Run(name, func(t *testing.T) {
			o := newHostile(t)
			o.metadata = bend
			rp := o.party()
			w := httptest.NewRecorder()
			if err := rp.Begin(w, httptest.NewRequest("GET", "/", nil), "/"); !ark.Is(err, ark.Unavailable) || w.Header().Get("Location") != "" {
				t.Fatalf("accepted: %v", err)
			}
			o.metadata = nil
			o.clock.move(6 * time.Second)
			must(t, rp.Ready(t.Context())) // a provider that recovers is taken back
		})
	}
}

func TestKeysAreRenewedAndWithdrawn(t *testing.T) {
	o := newHostile(t)
	rp := o.party()
	try := func() error {
		b := beginAt(t, rp, "/")
		_, _, err := finish(rp, b.back(b.answer(o)))
		return err
	}
	must(t, try())
	old := o.key
	o.key, o.kid = newECKey(t), "two"
	o.keys = []jose.JSONWebKey{{Key: o.key.Public(), KeyID: "two"}}
	o.clock.move(time.Minute)
	must(t, try())
	o.key, o.kid = old, "one"
	if try() == nil {
		t.Fatal("a withdrawn key still signs people in")
	}
	// A withdrawn key stops working though no unknown key id ever came by.
	o.keys = []jose.JSONWebKey{{Key: old.Public(), KeyID: "one"}}
	o.clock.move(time.Minute)
	must(t, try())
	o.keys = []jose.JSONWebKey{{Key: newECKey(t).Public(), KeyID: "three"}}
	o.clock.move(11 * time.Minute)
	if try() == nil {
		t.Fatal("a withdrawn key is believed for ever")
	}
}

func TestUnknownKeysDoNotHammerTheProvider(t *testing.T) {
	o := newHostile(t)
	rp := o.party()
	for range 50 {
		token := o.sign(jose.ES256, newECKey(t), "stranger", map[string]any{"iss": o.server.URL})
		if _, err := rp.VerifyLogout(httptest.NewRecorder(), logoutPost(token)); err == nil {
			t.Fatal("accepted")
		}
	}
	if n := o.keyAsks.Load(); n > 2 {
		t.Fatalf("the provider was asked %d times", n)
	}
}

func logoutPost(tokens ...string) *http.Request {
	r := httptest.NewRequest("POST", "/back-channel-logout", strings.NewReader(url.Values{"logout_token": tokens}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func TestLogoutTokens(t *testing.T) {
	event := map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}
	cases := map[string]struct {
		bend func(map[string]any)
		ok   bool
	}{
		"honest":       {func(map[string]any) {}, true},
		"subject-only": {func(c map[string]any) { delete(c, "sid") }, true},
		"session-only": {func(c map[string]any) { delete(c, "sub") }, true},
		"neither":      {func(c map[string]any) { delete(c, "sub"); delete(c, "sid") }, false},
		"with-nonce":   {func(c map[string]any) { c["nonce"] = "n" }, false},
		"id-token":     {func(c map[string]any) { delete(c, "events") }, false},
		"event-null": {func(c map[string]any) {
			c["events"] = map[string]any{"http://schemas.openid.net/event/backchannel-logout": nil}
		}, false},
		"event-text": {func(c map[string]any) {
			c["events"] = map[string]any{"http://schemas.openid.net/event/backchannel-logout": "x"}
		}, false},
		"no-id":          {func(c map[string]any) { delete(c, "jti") }, false},
		"old":            {func(c map[string]any) { c["iat"] = time.Now().Add(-time.Hour).Unix() }, false},
		"expired":        {func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() }, false},
		"wrong-audience": {func(c map[string]any) { c["aud"] = "other" }, false},
		"more-audiences": {func(c map[string]any) { c["aud"] = []string{"portal", "other"} }, false},
		"wrong-issuer":   {func(c map[string]any) { c["iss"] = "https://evil.example" }, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := newHostile(t)
			rp := o.party()
			claims := map[string]any{"iss": o.server.URL, "aud": "portal", "sub": "subject-1", "sid": "s1", "jti": name,
				"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "events": event}
			c.bend(claims)
			token := o.sign(jose.ES256, o.key, o.kid, claims)
			l, err := rp.VerifyLogout(httptest.NewRecorder(), logoutPost(token))
			if (err == nil) != c.ok {
				t.Fatalf("%+v %v", l, err)
			}
			if _, err := rp.VerifyLogout(httptest.NewRecorder(), logoutPost(token)); err == nil {
				t.Fatal("a replay was accepted")
			}
		})
	}
	o := newHostile(t)
	rp := o.party()
	get := httptest.NewRequest("GET", "/?logout_token=x", nil)
	for _, r := range []*http.Request{get, logoutPost(), logoutPost("a", "b")} {
		if _, err := rp.VerifyLogout(httptest.NewRecorder(), r); !ark.Is(err, ark.Invalid) {
			t.Fatalf("%v", err)
		}
	}
}

func TestUserInfoOfSomeoneElse(t *testing.T) {
	o := newHostile(t)
	o.claims = func(c map[string]any) { delete(c, "name") }
	o.userinfo = map[string]any{"sub": "subject-1", "name": "Amina S."}
	rp := o.party()
	b := beginAt(t, rp, "/")
	proof, _, err := finish(rp, b.back(b.answer(o)))
	if err != nil || proof.Name != "Amina S." {
		t.Fatal(proof, err)
	}
	o.userinfo["sub"] = "subject-2"
	b = beginAt(t, rp, "/")
	if _, _, err := finish(rp, b.back(b.answer(o))); !ark.Is(err, ark.Unsigned) {
		t.Fatal("a name from another account was accepted")
	}
}

// TestErrorsHoldNoSecret reads every text that a refusal could put in a log.
func TestErrorsHoldNoSecret(t *testing.T) {
	o := newHostile(t)
	o.claims = func(c map[string]any) { c["nonce"] = "canary-nonce" }
	rp := o.party()
	b := beginAt(t, rp, "/")
	q := b.answer(o)
	_, _, err := finish(rp, b.back(q))
	for _, secret := range []string{"canary-nonce", q.Get("code"), q.Get("state"), "secret of the portal", "a@example.org"} {
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Fatalf("the error shows %q: %v", secret, err)
		}
	}
	if s, _ := json.Marshal(identity.Config{ClientSecret: "hush"}.ClientSecret); strings.Contains(string(s), "hush") {
		t.Fatal("a secret prints")
	}
}

func TestConfigRefusals(t *testing.T) {
	good := identity.Config{Issuer: "https://id.example", ClientID: "portal", ClientSecret: "s", RedirectURL: "https://ark.example/cb", FlowKey: make([]byte, 32)}
	cases := map[string]func(*identity.Config){
		"zero":            func(c *identity.Config) { *c = identity.Config{} },
		"plain-issuer":    func(c *identity.Config) { c.Issuer = "http://id.example" },
		"user-in-issuer":  func(c *identity.Config) { c.Issuer = "https://u:p@id.example" },
		"almost-loopback": func(c *identity.Config) { c.Issuer = "http://localhost.evil.example" },
		"plain-redirect":  func(c *identity.Config) { c.RedirectURL = "http://ark.example/cb" },
		"short-key":       func(c *identity.Config) { c.FlowKey = c.FlowKey[:16] },
		"hs256":           func(c *identity.Config) { c.Algorithms = []string{"HS256"} },
		"none":            func(c *identity.Config) { c.Algorithms = []string{"none"} },
		"no-secret":       func(c *identity.Config) { c.ClientSecret = "" },
	}
	if _, err := identity.New(good); err != nil {
		t.Fatal(err)
	}
	for name, bend := range cases {
		c := good
		bend(&c)
		if _, err := identity.New(c); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s: accepted", name)
		}
	}
}
