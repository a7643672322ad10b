package issuer

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Passkey is a WebAuthn credential that an account holds: a public key, no
// secret. It stands in for the one-time code, never for the password.
type Passkey struct {
	ID      string    `json:"id"`   // credential id, base64url
	Name    string    `json:"name"` // the user's own word for it
	Key     []byte    `json:"key"`  // COSE public key
	Counter uint32    `json:"counter"`
	Synced  bool      `json:"synced,omitempty"` // it may be copied to other devices of its owner
	Made    time.Time `json:"made"`
	Used    time.Time `json:"used,omitzero"`
}

// PasskeyEvent is what is to be recorded of an account's passkeys. It names the
// passkey by a hash, which tells nothing.
type PasskeyEvent struct {
	Subject string
	Act     string // registered, revoked or cloned (its counter went back)
	Passkey string
}

// What a Directory may answer about passkeys.
var (
	ErrNoPasskey   = errors.New("issuer: no such passkey")
	ErrCounterBack = errors.New("issuer: the passkey's counter went back: it may have been copied")
	ErrPasskeyHeld = errors.New("issuer: that passkey is registered, or there are too many")
)

const (
	passkeysMax   = 10
	challengeLife = 2 * time.Minute // to answer when signing in
	namingLife    = 5 * time.Minute // to name and make a passkey
	freshFactor   = 5 * time.Minute // how new both factors are when passkeys are changed
	answerMax     = 16 << 10
)

// newWebAuthn makes the verifier. The relying party is the issuer's own host
// and nothing above it: workspaces and the file viewer are neighbours under the
// portal's name, and their pages must not be able to ask for a passkey.
func newWebAuthn(opt Options) (*webauthn.WebAuthn, error) {
	u, err := url.Parse(opt.Issuer)
	if err != nil {
		return nil, err
	}
	if protocol.ValidateRPID(u.Hostname()) != nil {
		return nil, nil // an address without a name: browsers have no passkeys there
	}
	resident := true
	return webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: opt.Client.ServiceName, RPOrigins: []string{opt.Issuer},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: &resident, ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
	})
}

// holder is an account as the verifier sees it.
type holder struct {
	Account
	keys []Passkey
}

func (h holder) WebAuthnID() []byte          { return []byte(h.Subject) }
func (h holder) WebAuthnName() string        { return h.UserName }
func (h holder) WebAuthnDisplayName() string { return h.Name }

func (h holder) WebAuthnCredentials() []webauthn.Credential {
	var out []webauthn.Credential
	for _, k := range h.keys {
		id, err := base64.RawURLEncoding.DecodeString(k.ID)
		if err != nil {
			continue
		}
		out = append(out, webauthn.Credential{ID: id, PublicKey: k.Key, Flags: webauthn.CredentialFlags{BackupEligible: k.Synced}})
	}
	return out
}

// ask is a challenge that waits for its one answer.
type ask struct {
	data webauthn.SessionData
	ends time.Time
}

// askPasskey shows the page whose script asks the browser for a passkey. It
// names no passkey: the page is the same for an account that has none, and for
// a name that has no account.
func (i *Issuer) askPasskey(w http.ResponseWriter, r *http.Request) {
	p, tx, ok := i.named(w, r)
	if !ok {
		return
	}
	defer p.mu.Unlock()
	options, data, err := i.web.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		i.fault(w, r, err)
		return
	}
	text, err := json.Marshal(options)
	if err != nil {
		i.fault(w, r, err)
		return
	}
	p.ask = &ask{*data, i.opt.Now().Add(challengeLife)}
	i.pages.scripted(w, http.StatusOK, "passkey.html", passkeyPage{TX: tx, Options: string(text)})
}

// takePasskey is takeCode for a passkey.
func (i *Issuer) takePasskey(w http.ResponseWriter, r *http.Request) {
	p, tx, now, ok := i.trying(w, r)
	if !ok {
		return
	}
	defer p.mu.Unlock()
	asked := p.ask
	p.ask = nil // whatever the answer, it was the one
	if err := i.count(r.Context(), p, now); err != nil {
		i.fault(w, r, err)
		return
	}
	key, err := i.checkPasskey(r.Context(), p, asked, r.PostFormValue("answer"), now)
	if errors.Is(err, errAnswer) {
		i.wrongCode(w, r, p, tx)
		return
	}
	if err != nil {
		i.fault(w, r, err)
		return
	}
	method := "hwk"
	if key.Synced {
		method = "swk"
	}
	i.finish(w, r, p, tx, now, []string{"pwd", method})
}

var errAnswer = errors.New("issuer: the passkey's answer is not right")

// checkPasskey verifies the answer to asked and spends it. Origin, relying
// party, challenge, user verification and signature are the library's; whose
// key it is and how its counter moved are checked here.
func (i *Issuer) checkPasskey(ctx context.Context, p *pending, asked *ask, answer string, now time.Time) (Passkey, error) {
	if asked == nil || !now.Before(asked.ends) || !p.right || len(answer) > answerMax {
		return Passkey{}, errAnswer
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil {
		return Passkey{}, errAnswer
	}
	keys, err := i.opt.Directory.Passkeys(ctx, p.account.Subject)
	if err != nil {
		return Passkey{}, err
	}
	whose := func(_, handle []byte) (webauthn.User, error) {
		if string(handle) != p.account.Subject {
			return nil, errAnswer
		}
		return holder{p.account, keys}, nil
	}
	if _, err := i.web.ValidateDiscoverableLogin(whose, asked.data, parsed); err != nil {
		return Passkey{}, errAnswer
	}
	id := base64.RawURLEncoding.EncodeToString(parsed.RawID)
	err = i.opt.Directory.UsedPasskey(ctx, p.account.Subject, id, parsed.Response.AuthenticatorData.Counter, now)
	switch {
	case errors.Is(err, ErrCounterBack):
		if err := i.record(ctx, p.account.Subject, "cloned", id); err != nil {
			return Passkey{}, err
		}
		return Passkey{}, errAnswer
	case errors.Is(err, ErrNoPasskey), errors.Is(err, ErrNoAccount): // revoked meanwhile
		return Passkey{}, errAnswer
	case err != nil:
		return Passkey{}, err
	}
	for _, k := range keys {
		if k.ID == id {
			return k, nil
		}
	}
	return Passkey{}, errAnswer
}

func (i *Issuer) record(ctx context.Context, subject, act, id string) error {
	if i.opt.Record == nil {
		return nil
	}
	sum := sha256.Sum256([]byte(id))
	return i.opt.Record(ctx, PasskeyEvent{Subject: subject, Act: act, Passkey: hex.EncodeToString(sum[:8])})
}
