package issuer

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// authRequest is an authorization request that passed every check.
type authRequest struct {
	State, Nonce, Challenge string
	Hint                    string // login_hint: fills the user name
	None, Login             bool   // prompt
	MaxAge                  time.Duration
	HasMaxAge               bool
}

// errClient marks a request that can't be answered by a redirect: the client or
// its address is not the registered one.
var errClient = errors.New("issuer: unknown client or redirect address")

// oauthError is an error code of OAuth 2.0 that the client is told.
type oauthError string

func (e oauthError) Error() string { return "issuer: " + string(e) }

// parseAuthRequest checks a query against the client. The state is returned
// with an oauthError too.
func parseAuthRequest(query string, c Client) (authRequest, error) {
	q, err := url.ParseQuery(query)
	if err != nil || len(query) > 8192 {
		return authRequest{}, errClient
	}
	// 1. What must be right before anything is sent to the redirect address.
	if len(q["client_id"]) != 1 || q.Get("client_id") != c.ID || len(q["redirect_uri"]) != 1 || q.Get("redirect_uri") != c.RedirectURI {
		return authRequest{}, errClient
	}
	req := authRequest{State: q.Get("state"), Nonce: q.Get("nonce"), Challenge: q.Get("code_challenge"), Hint: CanonicalUserName(q.Get("login_hint"))}
	for _, values := range q {
		if len(values) > 1 {
			return req, oauthError("invalid_request")
		}
	}
	// 2. Everything else.
	switch {
	case q.Has("request"):
		return req, oauthError("request_not_supported")
	case q.Has("request_uri"):
		return req, oauthError("request_uri_not_supported")
	case q.Get("response_type") != "code":
		return req, oauthError("unsupported_response_type")
	case q.Has("response_mode") && q.Get("response_mode") != "query":
		return req, oauthError("invalid_request")
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		return req, oauthError("invalid_scope")
	case req.State == "" || req.Nonce == "" || len(req.State) > 512 || len(req.Nonce) > 512:
		return req, oauthError("invalid_request")
	case q.Get("code_challenge_method") != "S256" || !isChallenge(req.Challenge):
		return req, oauthError("invalid_request") // PKCE is not optional, and plain is no PKCE
	}
	for _, p := range strings.Fields(q.Get("prompt")) {
		switch p {
		case "none":
			req.None = true
		case "login", "select_account":
			req.Login = true
		case "consent":
		default:
			return req, oauthError("invalid_request")
		}
	}
	if req.None && req.Login {
		return req, oauthError("invalid_request")
	}
	if q.Has("max_age") {
		n, err := strconv.ParseUint(q.Get("max_age"), 10, 31)
		if err != nil {
			return req, oauthError("invalid_request")
		}
		req.HasMaxAge, req.MaxAge = true, time.Duration(n)*time.Second
	}
	return req, nil
}

// isChallenge reports whether s is the base64url of a SHA-256 sum.
func isChallenge(s string) bool { return len(s) == 43 && urlSafe(s) }

func urlSafe(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' && c != '~' {
			return false
		}
	}
	return true
}

// authorize starts a sign-in, or answers at once for a user who is signed in.
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	req, err := parseAuthRequest(r.URL.RawQuery, i.opt.Client)
	var oe oauthError
	switch {
	case errors.As(err, &oe):
		i.answer(w, r, req.State, url.Values{"error": {string(oe)}})
		return
	case err != nil:
		i.pages.message(w, http.StatusBadRequest, "This sign-in link is not right", "Go back to the service and start the sign-in again.")
		return
	}
	now := i.opt.Now()
	if s, ok := i.session(r); ok {
		if a, err := i.opt.Directory.BySubject(r.Context(), s.Subject); err == nil && !a.Disabled {
			if !req.Login && !(req.HasMaxAge && now.Sub(s.AuthTime) >= req.MaxAge) {
				i.grant(w, r, req, s)
				return
			}
			if req.Hint == "" { // a proof afresh is most often of the same user
				req.Hint = a.UserName
			}
		}
	}
	if req.None {
		i.answer(w, r, req.State, url.Values{"error": {"login_required"}})
		return
	}
	i.begin(w, r, req, false)
}

// begin starts a sign-in: the client's, or one for the issuer's own page of
// passkeys.
func (i *Issuer) begin(w http.ResponseWriter, r *http.Request, req authRequest, own bool) {
	now := i.opt.Now()
	if !i.starting.allow(i.opt.Address(r), now) {
		w.Header().Set("Retry-After", "60")
		i.pages.message(w, http.StatusTooManyRequests, "Too many sign-ins were started from here", "Wait a minute and try again.")
		return
	}
	tx := newSecret(i.opt.Random)
	if !i.pending.put(hashOf(tx), &pending{request: req, own: own, browser: i.browser(w, r), ends: now.Add(pendingLife)}, now, now.Add(pendingLife)) {
		i.pages.message(w, http.StatusServiceUnavailable, "Too many sign-ins are under way", "Try again in a few minutes.")
		return
	}
	http.Redirect(w, r, "/sign-in?tx="+tx, http.StatusSeeOther)
}

// grant sends the browser back with a code.
func (i *Issuer) grant(w http.ResponseWriter, r *http.Request, req authRequest, s session) {
	code, now := newSecret(i.opt.Random), i.opt.Now()
	if !i.codes.put(hashOf(code), grant{req, s}, now, now.Add(codeLife)) {
		i.answer(w, r, req.State, url.Values{"error": {"temporarily_unavailable"}})
		return
	}
	i.answer(w, r, req.State, url.Values{"code": {code}})
}

// answer redirects to the registered address with v, the state, and who speaks
// (RFC 9207).
func (i *Issuer) answer(w http.ResponseWriter, r *http.Request, state string, v url.Values) {
	u, err := url.Parse(i.opt.Client.RedirectURI)
	if err != nil {
		i.fault(w, r, err)
		return
	}
	q := u.Query()
	for k := range v {
		q.Set(k, v.Get(k))
	}
	if state != "" && len(state) <= 512 {
		q.Set("state", state)
	}
	q.Set("iss", i.opt.Issuer)
	u.RawQuery = q.Encode()
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}
