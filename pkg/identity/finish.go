package identity

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/ark-tre/ark/pkg/ark"
)

// skew is how far the provider's clock may be from ours.
const skew = 2 * time.Minute

// tokenAge is how old a fresh ID token may be: it comes straight from the token
// endpoint.
const tokenAge = 10 * time.Minute

// refused is the one sentence for every failed sign-in; the cause is for the
// operator's log. It holds no token, code or claim.
func refused(cause error) error {
	return ark.Faultf(ark.Unsigned, "the sign-in could not be completed").
		Do("start the sign-in again from the first page").Because(cause)
}

// Finish answers the browser's return from the provider: it checks the response
// against the flow that this browser began, spends the code, verifies the ID
// token and returns who signed in and where they wanted to go. Every failure is
// an Unsigned fault; a flow can be finished once.
func (rp *RelyingParty) Finish(w http.ResponseWriter, r *http.Request) (Proof, string, error) {
	w.Header().Set("Cache-Control", "no-store")
	answer, err := readAnswer(r.URL.RawQuery)
	if err != nil {
		return Proof{}, "/", refused(err)
	}
	// 1. The flow that this browser began, once.
	f, err := rp.takeFlow(w, r, answer.state)
	if err != nil {
		return Proof{}, "/", refused(err)
	}
	p, err := rp.discover(r.Context())
	if err != nil {
		return Proof{}, "/", err
	}
	// 2. The response is from the provider that was asked (RFC 9207).
	if answer.iss != f.Issuer && (answer.iss != "" || p.issAlways) || f.Issuer != rp.cfg.Issuer {
		return Proof{}, "/", refused(errFault("the response names another provider"))
	}
	if answer.failure != "" {
		return Proof{}, f.ReturnTo, refused(errFault("the provider answered with the error " + answer.failure))
	}
	// 3. The code, for tokens.
	ctx := oidc.ClientContext(r.Context(), rp.client)
	tokens, err := p.oauth.Exchange(ctx, answer.code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return Proof{}, "/", refused(exchangeError(err))
	}
	// 4. The ID token.
	proof, err := rp.verify(ctx, p, f, tokens)
	if err != nil {
		return Proof{}, "/", refused(err)
	}
	return proof, f.ReturnTo, nil
}

// exchangeError keeps the provider's error code and drops its body, which may
// repeat what was sent.
func exchangeError(err error) error {
	var re *oauth2.RetrieveError
	if errors.As(err, &re) {
		return errFault("the token endpoint refused the code: " + shortCode(re.ErrorCode))
	}
	return err
}

// answer is the query that a provider sends back.
type answer struct{ state, code, iss, failure string }

// readAnswer parses the query of the redirect. A repeated parameter, an answer
// that is both success and failure, and an oversized one are refused.
func readAnswer(query string) (answer, error) {
	if len(query) > 8192 {
		return answer{}, errFault("the response is too long")
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return answer{}, errFault("the response can't be parsed")
	}
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(q[name]) > 1 {
			return answer{}, errFault("the response repeats a parameter")
		}
	}
	a := answer{q.Get("state"), q.Get("code"), q.Get("iss"), shortCode(q.Get("error"))}
	if a.state == "" || (a.code == "") == (a.failure == "") {
		return answer{}, errFault("the response lacks state, or has not exactly one of code and error")
	}
	return a, nil
}

// shortCode returns code if it looks like an OAuth error code, "unknown" if it
// doesn't, "" if it is empty: it is logged, and a stranger may have written it.
func shortCode(code string) string {
	if code == "" {
		return ""
	}
	if len(code) > 64 {
		return "unknown"
	}
	for _, c := range []byte(code) {
		if (c < 'a' || c > 'z') && c != '_' {
			return "unknown"
		}
	}
	return code
}

// takeFlow opens the cookie of the flow with this state and spends it.
func (rp *RelyingParty) takeFlow(w http.ResponseWriter, r *http.Request, state string) (flow, error) {
	name := rp.cookies.name(state)
	cookies := r.CookiesNamed(name)
	rp.cookies.clear(w, name)
	if len(cookies) != 1 { // two: a sibling host tossed one in
		return flow{}, errFlow
	}
	f, err := rp.sealer.open(name, cookies[0].Value)
	if err != nil {
		return flow{}, err
	}
	if subtle.ConstantTimeCompare([]byte(f.State), []byte(state)) != 1 {
		return flow{}, errFault("the state is not this browser's")
	}
	ends := time.Unix(f.Ends, 0)
	if now := rp.cfg.Now(); !now.Before(ends) || now.Add(skew).Before(time.Unix(f.Began, 0)) {
		return flow{}, errFault("the sign-in took too long")
	}
	if err := rp.cfg.Used.Use(r.Context(), "state "+f.State, ends); err != nil {
		return flow{}, errFault("the response was used before")
	}
	return f, nil
}

// claims are what we read of an ID token beyond what the library checks.
type claims struct {
	AZP      string       `json:"azp"`
	AMR      methods      `json:"amr"`
	ACR      string       `json:"acr"`
	AuthTime *json.Number `json:"auth_time"`
	SID      string       `json:"sid"`
	Name     string       `json:"name"`
	Email    string       `json:"email"`
	Verified looseBool    `json:"email_verified"`
}

// verify checks the tokens of flow f and returns the proof.
func (rp *RelyingParty) verify(ctx context.Context, p *provider, f flow, tokens *oauth2.Token) (Proof, error) {
	raw, _ := tokens.Extra("id_token").(string)
	if raw == "" {
		return Proof{}, errFault("the token endpoint gave no id token")
	}
	// Signature, algorithm, issuer, audience, expiry.
	id, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return Proof{}, err
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return Proof{}, errFault("the id token's claims can't be read")
	}
	now := rp.cfg.Now()
	switch {
	case len(id.Audience) != 1:
		return Proof{}, errFault("the id token is for other parties too")
	case c.AZP != "" && c.AZP != rp.cfg.ClientID:
		return Proof{}, errFault("the id token was asked for by another party")
	case id.Subject == "" || len(id.Subject) > 255:
		return Proof{}, errFault("the id token names no subject")
	case id.Nonce == "" || subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1:
		return Proof{}, errFault("the id token's nonce is not this sign-in's")
	case id.Expiry.IsZero() || id.IssuedAt.IsZero():
		return Proof{}, errFault("the id token has no times")
	case id.IssuedAt.After(now.Add(skew)) || id.IssuedAt.Before(now.Add(-tokenAge)):
		return Proof{}, errFault("the id token was not issued just now")
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(tokens.AccessToken); err != nil {
			return Proof{}, err
		}
	}
	proof := Proof{
		Issuer: id.Issuer, Subject: id.Subject, Name: c.Name, Email: c.Email, EmailVerified: bool(c.Verified),
		AMR: c.AMR, ACR: c.ACR, SessionID: c.SID, StepUp: f.StepUp, For: f.For,
		SecondFactor: secondFactor(c.AMR, c.ACR, rp.cfg.FactorACR),
	}
	if c.AuthTime != nil {
		at, err := seconds(*c.AuthTime)
		if err != nil || at.After(now.Add(skew)) {
			return Proof{}, errFault("the id token's auth_time is not a time in the past")
		}
		proof.AuthTime = at
	}
	if err := rp.demand(f, proof); err != nil {
		return Proof{}, err
	}
	if p.userinfo && (proof.Name == "" || proof.Email == "") {
		if err := rp.describe(ctx, p, tokens, &proof); err != nil {
			return Proof{}, err
		}
	}
	return proof, nil
}

// demand refuses a proof that is weaker than what flow f needs.
func (rp *RelyingParty) demand(f flow, proof Proof) error {
	if !proof.SecondFactor && (f.StepUp || !rp.cfg.AllowSingleFactor) {
		return errFault("no second factor was proved")
	}
	if !f.StepUp {
		return nil
	}
	if subtle.ConstantTimeCompare([]byte(proof.Subject), []byte(f.Subject)) != 1 {
		return errFault("someone else proved the second factor")
	}
	// A provider on another machine may be a little behind us.
	if proof.AuthTime.IsZero() || proof.AuthTime.Before(time.Unix(f.Began, 0).Add(-30*time.Second)) {
		return errFault("the second factor was not proved afresh")
	}
	return nil
}

// describe fills name and e-mail from the user-info endpoint, whose subject
// must be the ID token's.
func (rp *RelyingParty) describe(ctx context.Context, p *provider, tokens *oauth2.Token, proof *Proof) error {
	info, err := p.oidc.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return errFault("the user-info endpoint did not answer")
	}
	if info.Subject != proof.Subject {
		return errFault("the user-info endpoint spoke of someone else")
	}
	var c claims
	if err := info.Claims(&c); err != nil {
		return errFault("the user-info endpoint's answer can't be read")
	}
	if proof.Name == "" {
		proof.Name = c.Name
	}
	if proof.Email == "" {
		proof.Email, proof.EmailVerified = c.Email, bool(c.Verified)
	}
	return nil
}
