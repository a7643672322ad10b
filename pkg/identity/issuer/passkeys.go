package issuer

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"unicode"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/ark-tre/ark/pkg/ark"
)

// owner is who is signed in here with both factors shown in the last minutes.
// Anybody else is asked for both first, and comes back to the page of passkeys.
func (i *Issuer) owner(w http.ResponseWriter, r *http.Request) (Account, session, bool) {
	now := i.opt.Now()
	req := authRequest{Login: true}
	if s, in := i.session(r); in {
		a, err := i.opt.Directory.BySubject(r.Context(), s.Subject)
		if err != nil && !errors.Is(err, ErrNoAccount) {
			i.fault(w, r, err)
			return Account{}, session{}, false
		}
		if err == nil && !a.Disabled {
			if now.Sub(s.AuthTime) < freshFactor {
				return a, s, true
			}
			req.Hint = a.UserName
		}
	}
	i.begin(w, r, req, true)
	return Account{}, session{}, false
}

// listPasskeys shows the user's passkeys and the form that makes one.
func (i *Issuer) listPasskeys(w http.ResponseWriter, r *http.Request) {
	if a, s, ok := i.owner(w, r); ok {
		i.showPasskeys(w, r, http.StatusOK, a, s, "")
	}
}

func (i *Issuer) showPasskeys(w http.ResponseWriter, r *http.Request, status int, a Account, s session, problem string) {
	keys, err := i.opt.Directory.Passkeys(r.Context(), a.Subject)
	if err != nil {
		i.fault(w, r, err)
		return
	}
	h := holder{a, keys}
	options, data, err := i.web.BeginRegistration(h, webauthn.WithExclusions(webauthn.Credentials(h.WebAuthnCredentials()).CredentialDescriptors()))
	if err != nil {
		i.fault(w, r, err)
		return
	}
	text, err := json.Marshal(options)
	if err != nil {
		i.fault(w, r, err)
		return
	}
	now := i.opt.Now()
	if !i.making.put(hashOf(s.SID), *data, now, now.Add(namingLife)) {
		i.pages.message(w, http.StatusServiceUnavailable, "Too many passkeys are being made", "Try again in a few minutes.")
		return
	}
	page := passkeysPage{UserName: a.UserName, Options: string(text), Error: problem, Full: len(keys) >= passkeysMax}
	for _, k := range keys {
		row := passkeyRow{ID: k.ID, Name: k.Name, Made: k.Made.Format("2 January 2006"), Used: "never"}
		if !k.Used.IsZero() {
			row.Used = k.Used.Format("2 January 2006")
		}
		page.Keys = append(page.Keys, row)
	}
	i.pages.scripted(w, status, "passkeys.html", page)
}

// makePasskey registers the passkey that the browser made.
func (i *Issuer) makePasskey(w http.ResponseWriter, r *http.Request) {
	a, s, ok := i.owner(w, r)
	if !ok {
		return
	}
	now := i.opt.Now()
	asked, live := i.making.take(hashOf(s.SID), now)
	name := passkeyName(r.PostFormValue("name"))
	refuse := func(says string) { i.showPasskeys(w, r, http.StatusUnprocessableEntity, a, s, says) }
	switch {
	case !live:
		refuse("That took too long. Try again.")
		return
	case name == "":
		refuse("Give the passkey a name of up to 40 letters, such as Work laptop.")
		return
	}
	answer := r.PostFormValue("answer")
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil || len(answer) > answerMax {
		refuse("Your browser did not make a passkey. Try again, or go on with your authenticator app.")
		return
	}
	made, err := i.web.CreateCredential(holder{Account: a}, asked, parsed)
	if err != nil {
		i.opt.Log.InfoContext(r.Context(), "issuer: passkey refused", "subject", a.Subject)
		refuse("That passkey can't be used here. Try again, or go on with your authenticator app.")
		return
	}
	k := Passkey{ID: base64.RawURLEncoding.EncodeToString(made.ID), Name: name, Key: made.PublicKey,
		Counter: made.Authenticator.SignCount, Synced: made.Flags.BackupEligible, Made: now.UTC()}
	// Recorded first: a key that nobody was told of must not open anything.
	if err := i.record(r.Context(), a.Subject, "registered", k.ID); err != nil {
		i.refused(w, r, err)
		return
	}
	err = i.opt.Directory.AddPasskey(r.Context(), a.Subject, k)
	if errors.Is(err, ErrPasskeyHeld) {
		refuse("That passkey is registered already, or you have ten.")
		return
	}
	if err != nil {
		i.fault(w, r, err)
		return
	}
	http.Redirect(w, r, "/passkeys", http.StatusSeeOther)
}

// revokePasskey takes a passkey away at once.
func (i *Issuer) revokePasskey(w http.ResponseWriter, r *http.Request) {
	a, s, ok := i.owner(w, r)
	if !ok {
		return
	}
	id := r.PostFormValue("id")
	err := i.opt.Directory.RemovePasskey(r.Context(), a.Subject, id)
	if errors.Is(err, ErrNoPasskey) {
		i.showPasskeys(w, r, http.StatusNotFound, a, s, "You have no such passkey.")
		return
	}
	if err == nil {
		err = i.record(r.Context(), a.Subject, "revoked", id)
	}
	if err != nil {
		i.refused(w, r, err)
		return
	}
	http.Redirect(w, r, "/passkeys", http.StatusSeeOther)
}

// refused shows why the rest of the Ark did not take a change.
func (i *Issuer) refused(w http.ResponseWriter, r *http.Request, err error) {
	if ark.Is(err, ark.Forbidden) || ark.Is(err, ark.Lapsed) || ark.Is(err, ark.Unknown) {
		i.pages.message(w, http.StatusForbidden, "Passkeys are not for this account", "It can sign in here but may do nothing in the service. Ask the operator.")
		return
	}
	i.fault(w, r, err)
}

// passkeyName is the name as typed, "" if it can't be one.
func passkeyName(typed string) string {
	s := strings.Join(strings.Fields(typed), " ")
	if len([]rune(s)) > 40 || strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return ""
	}
	return s
}
