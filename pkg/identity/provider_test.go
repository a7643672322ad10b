package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ark-tre/ark/pkg/identity"
)

// hostile is a provider whose every answer a test can bend. Unbent, it is a
// correct one: TestHonestProvider proves that the attacks fail for their reason.
type hostile struct {
	t        *testing.T
	server   *httptest.Server
	key      *ecdsa.PrivateKey
	kid      string
	keys     []jose.JSONWebKey // published
	keyAsks  atomic.Int32
	clock    *clock
	metadata func(map[string]any)
	claims   func(map[string]any)
	encode   func(claims map[string]any) string // replaces signing
	userinfo map[string]any
	spent    map[string]bool
	tokens   int // token requests
}

func newHostile(t *testing.T) *hostile {
	t.Helper()
	o := &hostile{t: t, key: newECKey(t), kid: "one", clock: &clock{}, spent: map[string]bool{}}
	o.keys = []jose.JSONWebKey{{Key: o.key.Public(), KeyID: "one", Algorithm: "ES256", Use: "sig"}}
	o.server = httptest.NewServer(o)
	t.Cleanup(o.server.Close)
	return o
}

func newECKey(t testing.TB) *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return k
}

func (o *hostile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := func(p string) string { return o.server.URL + p }
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		m := map[string]any{
			"issuer": o.server.URL, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
			"jwks_uri": at("/keys"), "userinfo_endpoint": at("/userinfo"),
			"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"}, "code_challenge_methods_supported": []string{"S256"},
			"authorization_response_iss_parameter_supported": true,
		}
		if o.metadata != nil {
			o.metadata(m)
		}
		json.NewEncoder(w).Encode(m)
	case "/keys":
		o.keyAsks.Add(1)
		json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: o.keys})
	case "/token":
		o.token(w, r)
	case "/userinfo":
		json.NewEncoder(w).Encode(o.userinfo)
	}
}

// token answers with an ID token for the nonce that the test wrote as the code.
func (o *hostile) token(w http.ResponseWriter, r *http.Request) {
	o.tokens++
	r.ParseForm()
	code, err := url.ParseQuery(r.PostForm.Get("code"))
	must(o.t, err)
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	w.Header().Set("Content-Type", "application/json")
	if base64.RawURLEncoding.EncodeToString(sum[:]) != code.Get("challenge") || o.spent[code.Get("nonce")] {
		w.WriteHeader(http.StatusBadRequest)
		json.NewEncoder(w).Encode(map[string]string{"error": "invalid_grant"})
		return
	}
	o.spent[code.Get("nonce")] = true
	id := o.idToken(code.Get("nonce"))
	json.NewEncoder(w).Encode(map[string]any{"access_token": "access", "token_type": "Bearer", "id_token": id})
}

func (o *hostile) idToken(nonce string) string {
	now := o.clock.now()
	claims := map[string]any{
		"iss": o.server.URL, "sub": "subject-1", "aud": "portal", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		"nonce": nonce, "amr": []string{"pwd", "otp"}, "auth_time": now.Unix(), "name": "Amina", "email": "a@example.org", "sid": "s1",
	}
	if o.claims != nil {
		o.claims(claims)
	}
	if o.encode != nil {
		return o.encode(claims)
	}
	return o.sign(jose.ES256, o.key, o.kid, claims)
}

func (o *hostile) sign(alg jose.SignatureAlgorithm, key any, kid string, claims any) string {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, nil)
	must(o.t, err)
	b, err := json.Marshal(claims)
	must(o.t, err)
	j, err := s.Sign(b)
	must(o.t, err)
	text, err := j.CompactSerialize()
	must(o.t, err)
	return text
}

// party is a relying party of the provider.
func (o *hostile) party(change ...func(*identity.Config)) *identity.RelyingParty {
	o.t.Helper()
	cfg := identity.Config{
		Issuer: o.server.URL, ClientID: "portal", ClientSecret: "secret of the portal", Now: o.clock.now,
		RedirectURL: "http://localhost:1/sign-in/callback", FlowKey: make([]byte, 32),
	}
	for _, f := range change {
		f(&cfg)
	}
	rp, err := identity.New(cfg)
	must(o.t, err)
	return rp
}

// browser is a browser between a Begin and its Finish.
type browser struct {
	query   url.Values // of the authorization request
	cookies []*http.Cookie
}

func begin(t *testing.T, start func(http.ResponseWriter, *http.Request) error) browser {
	t.Helper()
	rec := httptest.NewRecorder()
	must(t, start(rec, httptest.NewRequest("GET", "/sign-in", nil)))
	u, err := url.Parse(rec.Result().Header.Get("Location"))
	must(t, err)
	return browser{u.Query(), rec.Result().Cookies()}
}

func beginAt(t *testing.T, rp *identity.RelyingParty, returnTo string) browser {
	return begin(t, func(w http.ResponseWriter, r *http.Request) error { return rp.Begin(w, r, returnTo) })
}

// answer is the query that an honest provider sends this browser back with.
func (b browser) answer(o *hostile) url.Values {
	code := url.Values{"nonce": {b.query.Get("nonce")}, "challenge": {b.query.Get("code_challenge")}}
	return url.Values{"state": {b.query.Get("state")}, "code": {code.Encode()}, "iss": {o.server.URL}}
}

// back is the request of the browser's return.
func (b browser) back(q url.Values) *http.Request {
	r := httptest.NewRequest("GET", "/sign-in/callback?"+q.Encode(), nil)
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	return r
}

func finish(rp *identity.RelyingParty, r *http.Request) (identity.Proof, string, error) {
	return rp.Finish(httptest.NewRecorder(), r)
}
