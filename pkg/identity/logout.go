package identity

import (
	"encoding/json"
	"mime"
	"net/http"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Logout is a provider's word that a user's session there has ended. Sessions
// that match it must end: by SessionID if it is set, else all of Subject's.
type Logout struct {
	Issuer    string
	Subject   string
	SessionID string
}

// VerifyLogout checks a back-channel logout request (OpenID Connect Back-Channel
// Logout 1.0): a POST with a logout_token, signed by the provider, for us, new,
// and never seen before. The answer must be sent with Cache-Control: no-store:
// 200 once the sessions have ended, 400 for an error from here.
func (rp *RelyingParty) VerifyLogout(w http.ResponseWriter, r *http.Request) (Logout, error) {
	w.Header().Set("Cache-Control", "no-store")
	bad := func(cause error) (Logout, error) {
		return Logout{}, ark.Faultf(ark.Invalid, "that is not a logout token for this service").Because(cause)
	}
	if r.Method != http.MethodPost {
		return bad(errFault("not a POST"))
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return bad(errFault("not a form"))
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil || len(r.PostForm["logout_token"]) != 1 {
		return bad(errFault("not exactly one logout_token"))
	}
	p, err := rp.discover(r.Context())
	if err != nil {
		return Logout{}, err
	}
	token, err := p.verifier.VerifyLogout(r.Context(), r.PostForm.Get("logout_token"))
	if err != nil {
		return bad(err)
	}
	var c struct {
		Events map[string]json.RawMessage `json:"events"`
	}
	var event map[string]any
	if err := token.Claims(&c); err != nil || json.Unmarshal(c.Events["http://schemas.openid.net/event/backchannel-logout"], &event) != nil || event == nil {
		return bad(errFault("the logout event is not an object"))
	}
	now := rp.cfg.Now()
	if len(token.Audience) != 1 || token.IssuedAt.After(now.Add(skew)) || token.IssuedAt.Before(now.Add(-tokenAge)) {
		return bad(errFault("the logout token is for others too, or not new"))
	}
	if err := rp.cfg.Used.Use(r.Context(), "logout "+token.TokenID, now.Add(tokenAge+2*skew+time.Minute)); err != nil {
		return bad(errFault("the logout token was used before"))
	}
	return Logout{token.Issuer, token.Subject, token.SessionID}, nil
}
