// Package attest signs statements as DSSE envelopes with keys of the keyring,
// and verifies them offline with a public key alone.
//
// It may use a signing key by name. It must never hold one, and never return
// a payload whose signature it has not checked.
package attest

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
)

// Sign returns payload in a signed DSSE envelope (JSON). Ed25519 signatures
// are deterministic, so the same payload and key give the same bytes.
func Sign(ctx context.Context, kr keys.Keyring, key keys.Name, payloadType string, payload []byte) ([]byte, error) {
	signer, err := dsse.NewEnvelopeSigner(ringSigner{kr, key})
	if err != nil {
		return nil, err
	}
	env, err := signer.SignPayload(ctx, payloadType, payload)
	if err != nil {
		return nil, err
	}
	return json.Marshal(env)
}

// Verify checks an envelope against a public key and returns its payload. A
// wrong type, an altered payload and a foreign signature are Invalid faults.
func Verify(ctx context.Context, envelope []byte, payloadType string, key ed25519.PublicKey) ([]byte, error) {
	if len(key) != ed25519.PublicKeySize {
		return nil, ark.Faultf(ark.Invalid, "that is not a public key of an Ark").Do("give the key that the Ark publishes")
	}
	var env dsse.Envelope
	if err := json.Unmarshal(envelope, &env); err != nil {
		return nil, ark.Faultf(ark.Invalid, "that is not a signed statement").Because(err)
	}
	if env.PayloadType != payloadType {
		return nil, ark.Faultf(ark.Invalid, "that statement is of another type").Do("give the file that belongs to this command")
	}
	v, err := dsse.NewEnvelopeVerifier(keyVerifier{key})
	if err != nil {
		return nil, err
	}
	if _, err := v.Verify(ctx, &env); err != nil {
		return nil, ark.Faultf(ark.Invalid, "the signature does not fit the statement and the key").Do("do not use it; ask the Ark that issued it").Because(err)
	}
	return base64.StdEncoding.DecodeString(env.Payload)
}

// KeyID names a public key: the first 16 hex digits of its bytes.
func KeyID(key ed25519.PublicKey) string { return hex.EncodeToString(key)[:16] }

type ringSigner struct {
	kr  keys.Keyring
	key keys.Name
}

func (s ringSigner) Sign(ctx context.Context, data []byte) ([]byte, error) {
	return s.kr.Sign(ctx, s.key, data)
}

func (s ringSigner) KeyID() (string, error) {
	pub, err := s.kr.Public(context.Background(), s.key)
	if err != nil {
		return "", err
	}
	return KeyID(pub), nil
}

type keyVerifier struct{ key ed25519.PublicKey }

var errSignature = errors.New("attest: the signature does not verify")

func (v keyVerifier) Verify(_ context.Context, data, sig []byte) error {
	if len(v.key) != ed25519.PublicKeySize || !ed25519.Verify(v.key, data, sig) {
		return errSignature
	}
	return nil
}

func (v keyVerifier) KeyID() (string, error)   { return KeyID(v.key), nil }
func (v keyVerifier) Public() crypto.PublicKey { return v.key }
