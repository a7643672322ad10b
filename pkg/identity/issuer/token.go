package issuer

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// token spends a code for an ID token and a short-lived access token.
func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || r.ParseForm() != nil {
		tokenError(w, http.StatusBadRequest, "invalid_request")
		return
	}
	for _, values := range r.PostForm {
		if len(values) > 1 {
			tokenError(w, http.StatusBadRequest, "invalid_request")
			return
		}
	}
	if !i.clientProved(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
		tokenError(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	if r.PostForm.Get("grant_type") != "authorization_code" {
		tokenError(w, http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	g, ok := i.spend(r.PostForm)
	if !ok {
		tokenError(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	account, err := i.opt.Directory.BySubject(r.Context(), g.session.Subject)
	if err != nil || account.Disabled {
		tokenError(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	access, now := newSecret(i.opt.Random), i.opt.Now()
	id, err := i.keys.sign("JWT", i.idClaims(g, account, access))
	if err != nil || !i.tokens.put(hashOf(access), g, now, now.Add(tokenLife)) {
		tokenError(w, http.StatusServiceUnavailable, "temporarily_unavailable")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(tokenLife.Seconds()),
		"id_token": id, "scope": "openid profile email",
	})
}

func tokenError(w http.ResponseWriter, status int, code string) {
	writeJSON(w, status, map[string]string{"error": code})
}

// clientProved checks the client's secret, sent in exactly one of the two ways.
func (i *Issuer) clientProved(r *http.Request) bool {
	id, secret, basic := r.BasicAuth()
	if basic {
		var err1, err2 error
		id, err1 = url.QueryUnescape(id)
		secret, err2 = url.QueryUnescape(secret)
		if err1 != nil || err2 != nil || r.PostForm.Has("client_secret") {
			return false
		}
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	got, want := hashOf(id+"\x00"+secret), hashOf(i.opt.Client.ID+"\x00"+i.opt.Client.Secret)
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// spend takes the code out and checks that it is used as it was asked for. A
// code used twice was stolen: what its first use gave is withdrawn.
func (i *Issuer) spend(form url.Values) (grant, bool) {
	now := i.opt.Now()
	code := hashOf(form.Get("code"))
	g, ok := i.codes.take(code, now)
	if !ok {
		if sid, used := i.spent.get(code, now); used {
			i.tokens.takeWhere(now, func(t grant) bool { return t.session.SID == sid })
		}
		return grant{}, false
	}
	i.spent.put(code, g.session.SID, now, now.Add(tokenLife+codeLife))
	verifier := form.Get("code_verifier")
	if form.Get("redirect_uri") != i.opt.Client.RedirectURI || len(verifier) < 43 || len(verifier) > 128 || !urlSafe(verifier) {
		return grant{}, false
	}
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	return g, subtle.ConstantTimeCompare([]byte(challenge), []byte(g.request.Challenge)) == 1
}

func (i *Issuer) idClaims(g grant, a Account, access string) map[string]any {
	now := i.opt.Now()
	half := sha256.Sum256([]byte(access))
	return map[string]any{
		"iss": i.opt.Issuer, "sub": a.Subject, "aud": i.opt.Client.ID, "azp": i.opt.Client.ID,
		"iat": now.Unix(), "exp": now.Add(tokenLife).Unix(), "auth_time": g.session.AuthTime.Unix(),
		"nonce": g.request.Nonce, "sid": g.session.SID,
		"amr": g.session.AMR, "acr": ACRTwoFactors,
		"at_hash": base64.RawURLEncoding.EncodeToString(half[:16]),
		"name":    a.Name, "email": a.Email, "preferred_username": a.UserName,
	}
}

// userinfo answers for the bearer of an access token.
func (i *Issuer) userinfo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(kind, "Bearer") {
		if g, ok := i.tokens.get(hashOf(token), i.opt.Now()); ok {
			if a, err := i.opt.Directory.BySubject(r.Context(), g.session.Subject); err == nil && !a.Disabled {
				writeJSON(w, http.StatusOK, map[string]any{"sub": a.Subject, "name": a.Name, "email": a.Email, "preferred_username": a.UserName})
				return
			}
		}
	}
	w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	tokenError(w, http.StatusUnauthorized, "invalid_token")
}
