package identity

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/ark-tre/ark/pkg/ark"
)

// RelyingParty signs users in at one provider. It is safe for use by many
// requests at once. Make it with New.
type RelyingParty struct {
	cfg     Config
	client  *http.Client
	sealer  sealer
	cookies flowCookies

	mu      sync.Mutex // guards the fields below
	known   *provider
	failed  time.Time // last failed discovery
	failure error
}

// provider is what discovery told us.
type provider struct {
	since     time.Time
	oidc      *oidc.Provider
	verifier  *oidc.IDTokenVerifier
	oauth     oauth2.Config
	issAlways bool // the provider promises iss in every response (RFC 9207)
	userinfo  bool
	end       string // end_session_endpoint
}

// New checks the configuration. The provider is asked at first use, so that
// the portal and an embedded issuer may start in any order.
func New(cfg Config) (*RelyingParty, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	s, err := newSealer(cfg.FlowKey, rand.Reader)
	if err != nil {
		return nil, err
	}
	return &RelyingParty{
		cfg: cfg, client: providerClient(cfg.Client), sealer: s,
		cookies: flowCookies{secure: strings.HasPrefix(cfg.RedirectURL, "https:")},
	}, nil
}

// Issuer is the provider that this relying party trusts.
func (rp *RelyingParty) Issuer() string { return rp.cfg.Issuer }

// Ready reports whether the provider answers, for readiness checks.
func (rp *RelyingParty) Ready(ctx context.Context) error {
	_, err := rp.discover(ctx)
	return err
}

// Begin sends the browser to the provider. The user comes back to the
// configured redirect address, whose handler calls Finish; returnTo is where
// they wanted to go, and is made safe.
func (rp *RelyingParty) Begin(w http.ResponseWriter, r *http.Request, returnTo string) error {
	return rp.begin(w, r, flow{ReturnTo: SafeReturn(returnTo)})
}

// BeginStepUp is Begin for a user who is signed in as subject and must prove
// both factors again, now, for one act: the release of one request, for
// instance. The act is sealed into the flow, and comes back in the Proof.
// Finish refuses anyone else, an older proof and a single factor.
func (rp *RelyingParty) BeginStepUp(w http.ResponseWriter, r *http.Request, returnTo, subject, act string) error {
	if act == "" || len(act) > 200 {
		return ark.Faultf(ark.Invalid, "a second factor is shown for one act, and none is named").Do("start from the page of what you want to do")
	}
	if subject == "" {
		return ark.Faultf(ark.Unsigned, "you are not signed in").Do("sign in first")
	}
	return rp.begin(w, r, flow{ReturnTo: SafeReturn(returnTo), StepUp: true, Subject: subject, For: act})
}

func (rp *RelyingParty) begin(w http.ResponseWriter, r *http.Request, f flow) error {
	p, err := rp.discover(r.Context())
	if err != nil {
		return err
	}
	now := rp.cfg.Now()
	f.Issuer, f.Began, f.Ends = rp.cfg.Issuer, now.Unix(), now.Add(rp.cfg.FlowLife).Unix()
	f.State, f.Nonce, f.Verifier = rp.secret(), rp.secret(), rp.secret()
	name := rp.cookies.name(f.State)
	sealed, err := rp.sealer.seal(name, f)
	if err != nil {
		return err
	}
	rp.cookies.prune(w, r)
	rp.cookies.set(w, name, sealed, rp.cfg.FlowLife)
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(f.Verifier), oidc.Nonce(f.Nonce)}
	prompt := rp.cfg.Prompt
	if f.StepUp {
		prompt = "login"
		options = append(options, oauth2.SetAuthURLParam("max_age", "0"))
		if len(rp.cfg.StepUpACR) > 0 {
			options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(rp.cfg.StepUpACR, " ")))
		}
	}
	if prompt != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", prompt))
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, p.oauth.AuthCodeURL(f.State, options...), http.StatusSeeOther)
	return nil
}

// EndSessionURL is where to send a browser to sign out at the provider too, or
// "" if the provider has no such page. The portal's own session must have been
// ended already.
func (rp *RelyingParty) EndSessionURL(ctx context.Context) string {
	p, err := rp.discover(ctx)
	if err != nil || p.end == "" {
		return ""
	}
	u, err := url.Parse(p.end)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", rp.cfg.ClientID)
	if rp.cfg.SignedOutURL != "" {
		q.Set("post_logout_redirect_uri", rp.cfg.SignedOutURL)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// secret returns 256 random bits, base64url (43 characters: also a valid PKCE
// verifier by RFC 7636).
func (rp *RelyingParty) secret() string {
	var b [32]byte
	if _, err := io.ReadFull(rp.cfg.Random, b[:]); err != nil {
		panic("identity: randomness ran out: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// discover returns what the provider says of itself, asking once an hour, and
// at most once every five seconds while it doesn't answer.
func (rp *RelyingParty) discover(ctx context.Context) (*provider, error) {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	now := rp.cfg.Now()
	if rp.known != nil && now.Sub(rp.known.since) < time.Hour {
		return rp.known, nil
	}
	if rp.failure != nil && now.Sub(rp.failed) < 5*time.Second {
		return nil, rp.failure
	}
	p, err := rp.ask(ctx)
	if err != nil && rp.known != nil { // its keys are asked for separately, so old endpoints do no harm
		rp.known.since = now
		return rp.known, nil
	}
	if err != nil {
		if ctx.Err() != nil { // the asker left; that is no news of the provider
			return nil, err
		}
		rp.failed, rp.failure = now, err
		return nil, err
	}
	rp.known, rp.failure = p, nil
	return p, nil
}

func (rp *RelyingParty) ask(ctx context.Context) (*provider, error) {
	down := func(err error) error {
		return ark.Faultf(ark.Unavailable, "the sign-in service does not answer as it should").
			Do("try again in a minute; if it stays so, tell the operator").Because(err)
	}
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, rp.client), rp.cfg.Issuer)
	if err != nil {
		return nil, down(err)
	}
	var meta struct {
		JWKS        string   `json:"jwks_uri"`
		UserInfo    string   `json:"userinfo_endpoint"`
		End         string   `json:"end_session_endpoint"`
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
		Challenges  []string `json:"code_challenge_methods_supported"`
		ISS         bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := found.Claims(&meta); err != nil {
		return nil, down(err)
	}
	ends := found.Endpoint()
	for _, e := range []string{ends.AuthURL, ends.TokenURL, meta.JWKS} {
		if !safeEndpoint(e) {
			return nil, down(errFault("discovery names an endpoint that is not https"))
		}
	}
	if meta.UserInfo != "" && !safeEndpoint(meta.UserInfo) || meta.End != "" && !safeEndpoint(meta.End) {
		return nil, down(errFault("discovery names an endpoint that is not https"))
	}
	if meta.Challenges != nil && !slices.Contains(meta.Challenges, "S256") {
		return nil, down(errFault("the provider does not support PKCE with S256"))
	}
	// The style is fixed, not probed: a probe would send the code twice.
	ends.AuthStyle = oauth2.AuthStyleInHeader
	if meta.AuthMethods != nil && !slices.Contains(meta.AuthMethods, "client_secret_basic") {
		ends.AuthStyle = oauth2.AuthStyleInParams
	}
	keys := newKeySet(meta.JWKS, rp.client, rp.cfg.Now)
	return &provider{
		since: rp.cfg.Now(), oidc: found,
		verifier: oidc.NewVerifier(rp.cfg.Issuer, keys, &oidc.Config{
			ClientID: rp.cfg.ClientID, SupportedSigningAlgs: rp.cfg.Algorithms, Now: rp.cfg.Now,
		}),
		oauth: oauth2.Config{
			ClientID: rp.cfg.ClientID, ClientSecret: string(rp.cfg.ClientSecret),
			Endpoint: ends, RedirectURL: rp.cfg.RedirectURL, Scopes: rp.cfg.Scopes,
		},
		issAlways: meta.ISS, userinfo: meta.UserInfo != "", end: meta.End,
	}, nil
}

type errFault string

func (e errFault) Error() string { return "identity: " + string(e) }
