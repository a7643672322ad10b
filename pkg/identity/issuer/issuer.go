package issuer

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/ark-tre/ark/pkg/ark"
)

// How long things live.
const (
	pendingLife = 15 * time.Minute // a sign-in under way
	codeLife    = 60 * time.Second
	tokenLife   = 5 * time.Minute
)

// Issuer is the embedded provider: an http.Handler for a host of its own. Make
// it with New.
type Issuer struct {
	opt     Options
	host    string
	keys    *keyRing
	pages   *pages
	decoy   parsedHash
	hashing chan struct{} // bounds the argon2 computations at one time
	csrf    *http.CrossOriginProtection
	mux     *http.ServeMux
	web     *webauthn.WebAuthn // nil where the address has no name to bind passkeys to

	pending  *expiring[*pending]             // by transaction id
	codes    *expiring[grant]                // by code
	spent    *expiring[string]               // codes used once, with the session they were for
	tokens   *expiring[grant]                // by access token
	sessions *expiring[session]              // by cookie
	making   *expiring[webauthn.SessionData] // passkeys being made, by session id
	byPair   *limits                         // address and user name
	byCaller *limits                         // address, for passwords and codes
	starting *limits                         // address, for sign-ins begun
}

// session is a user signed in at the issuer, on one browser.
type session struct {
	SID      string
	Subject  string
	AuthTime time.Time
	AMR      []string
}

// grant is what a code or an access token stands for.
type grant struct {
	request authRequest
	session session
}

// New makes an issuer, its signing keys included if there are none yet.
func New(opt Options) (*Issuer, error) {
	if err := opt.complete(); err != nil {
		return nil, err
	}
	u, err := url.Parse(opt.Issuer)
	if err != nil {
		return nil, err
	}
	keys, err := openKeys(opt.KeyFile, opt.Now)
	if err != nil {
		return nil, err
	}
	p, err := newPages(opt)
	if err != nil {
		return nil, err
	}
	web, err := newWebAuthn(opt)
	if err != nil {
		return nil, err
	}
	text, err := HashPassword("nobody has this password", opt.Hash, opt.Random)
	if err != nil {
		return nil, err
	}
	decoy, err := parseHash(text)
	if err != nil {
		return nil, err
	}
	i := &Issuer{
		opt: opt, host: u.Host, keys: keys, pages: p, decoy: decoy,
		web: web, making: newExpiring[webauthn.SessionData](10_000),
		hashing: make(chan struct{}, 2), csrf: http.NewCrossOriginProtection(), mux: http.NewServeMux(),
		pending: newExpiring[*pending](10_000), codes: newExpiring[grant](10_000), spent: newExpiring[string](20_000),
		tokens: newExpiring[grant](10_000), sessions: newExpiring[session](50_000),
		byPair: newLimits(6*time.Second, 10), byCaller: newLimits(time.Second, 60),
		starting: newLimits(time.Second, 120),
	}
	i.routes()
	return i, nil
}

func (i *Issuer) routes() {
	i.mux.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	i.mux.HandleFunc("GET /keys", i.publishKeys)
	i.mux.HandleFunc("GET /authorize", i.authorize)
	i.mux.HandleFunc("GET /sign-in", i.askPassword)
	i.mux.HandleFunc("POST /sign-in", i.takePassword)
	i.mux.HandleFunc("GET /code", i.askCode)
	i.mux.HandleFunc("POST /code", i.takeCode)
	if i.web != nil {
		i.mux.HandleFunc("GET /passkey", i.askPasskey)
		i.mux.HandleFunc("POST /passkey", i.takePasskey)
		i.mux.HandleFunc("GET /passkeys", i.listPasskeys)
		i.mux.HandleFunc("POST /passkeys", i.makePasskey)
		i.mux.HandleFunc("POST /passkeys/revoke", i.revokePasskey)
		i.mux.HandleFunc("GET /passkey.js", i.pages.passkeyScript)
	}
	i.mux.HandleFunc("POST /token", i.token)
	i.mux.HandleFunc("GET /userinfo", i.userinfo)
	i.mux.HandleFunc("POST /userinfo", i.userinfo)
	i.mux.HandleFunc("GET /sign-out", i.askSignOut)
	i.mux.HandleFunc("POST /sign-out", i.signOut)
	i.mux.HandleFunc("GET /style.css", i.pages.style)
	i.mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	i.mux.HandleFunc("GET /{$}", i.front)
	i.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		i.pages.message(w, http.StatusNotFound, "Page not found", "There is no page at this address.")
	})
}

// ServeHTTP implements http.Handler.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.pages.headers(w)
	if !strings.EqualFold(r.Host, i.host) { // another name for this address: DNS rebinding, or a wrong mount
		http.Error(w, "wrong host", http.StatusMisdirectedRequest)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if r.URL.Path != "/token" && r.URL.Path != "/userinfo" {
		if err := i.csrf.Check(r); err != nil {
			i.pages.message(w, http.StatusForbidden, "This form came from another site", "Go back to the service and start the sign-in again.")
			return
		}
	}
	i.mux.ServeHTTP(w, r)
}

// Host is the host and port that requests for this issuer carry.
func (i *Issuer) Host() string { return i.host }

// RotateKeys starts signing with the key published as the next one, and
// publishes a new next. The old one stays published for an hour.
func (i *Issuer) RotateKeys() error { return i.keys.rotate() }

// EndSubject ends every session of an account here and tells the portal.
func (i *Issuer) EndSubject(ctx context.Context, subject string) error {
	ended := i.sessions.takeWhere(i.opt.Now(), func(s session) bool { return s.Subject == subject })
	i.forgetSession(func(s session) bool { return s.Subject == subject })
	var failed error
	for _, s := range ended {
		if err := i.tellClient(ctx, s); err != nil {
			failed = err
		}
	}
	return failed
}

// forgetSession withdraws what was granted to sessions that have ended.
func (i *Issuer) forgetSession(is func(session) bool) {
	now := i.opt.Now()
	match := func(g grant) bool { return is(g.session) }
	i.codes.takeWhere(now, match)
	i.tokens.takeWhere(now, match)
}

func (i *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	at := func(path string) string { return i.opt.Issuer + path }
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                         i.opt.Issuer,
		"authorization_endpoint":                         at("/authorize"),
		"token_endpoint":                                 at("/token"),
		"userinfo_endpoint":                              at("/userinfo"),
		"jwks_uri":                                       at("/keys"),
		"end_session_endpoint":                           at("/sign-out"),
		"scopes_supported":                               []string{"openid", "profile", "email"},
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"ES256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":               []string{"S256"},
		"prompt_values_supported":                        []string{"none", "login"},
		"acr_values_supported":                           []string{ACRTwoFactors},
		"claims_supported":                               []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "amr", "acr", "sid", "name", "email"},
		"authorization_response_iss_parameter_supported": true,
		"backchannel_logout_supported":                   true,
		"backchannel_logout_session_supported":           true,
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
	})
}

// ACRTwoFactors is the authentication context of every sign-in here: password
// and a one-time code or a passkey.
const ACRTwoFactors = "https://refeds.org/profile/mfa"

func (i *Issuer) publishKeys(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, i.keys.public())
}

func (i *Issuer) front(w http.ResponseWriter, _ *http.Request) {
	i.pages.message(w, http.StatusOK, "Sign-in service", "This is where people sign in to "+i.opt.Client.ServiceName+". Start from the service's own first page.")
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "internal", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(b)
}

func (i *Issuer) fault(w http.ResponseWriter, r *http.Request, err error) {
	i.opt.Log.ErrorContext(r.Context(), "issuer", "path", r.URL.Path, "kind", ark.KindOf(err).String(), "err", err)
	i.pages.message(w, http.StatusServiceUnavailable, "The sign-in service has a problem", "Try again in a minute. If it stays so, tell the operator.")
}
