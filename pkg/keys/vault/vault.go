// Package vault is the keyring of many machines: HashiCorp Vault's transit
// engine, one mount per key class, so that keys never leave Vault and each
// role's token reaches its classes and operations alone (Policy writes the
// rules; deploy/vault holds them).
//
// A sealing key is aes256-gcm96, a pseudonym key hmac, a signing key ed25519.
// Vault wraps with the same key that opens; what keeps a sealing role from
// opening is its policy, which has datakey and not decrypt. Beside each sealing
// key stands FINGER.<name>, an hmac key for fingerprints, which sealers may use.
// A destroyed name is kept taken by a marker key GONE.<name>, whose age and
// versions are the evidence's.
//
// The package may talk to its Vault only. It must never let "not found" make a
// key, as Vault's encrypt would: it uses datakey, which refuses.
package vault

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/hashicorp/vault/api"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
)

// Keyring is a Vault seen through one token.
type Keyring struct {
	client *api.Client
	prefix string
}

var _ keys.Keyring = (*Keyring)(nil)

// New makes a keyring of the transit mounts <prefix>/<class>, made by Init. The
// client has its address and token; it is not changed.
func New(client *api.Client, prefix string) *Keyring {
	return &Keyring{client, strings.Trim(prefix, "/")}
}

// Init enables a transit engine per class. A mount that exists is refused.
func Init(ctx context.Context, client *api.Client, prefix string) error {
	mounts, err := client.Sys().ListMountsWithContext(ctx)
	if err != nil {
		return unavailable(err)
	}
	for _, c := range keys.Classes {
		path := strings.Trim(prefix, "/") + "/" + string(c)
		if mounts[path+"/"] != nil {
			return ark.Faultf(ark.Conflict, "Vault has something mounted at %q already", path).Do("use it, or choose another prefix")
		}
		err = client.Sys().MountWithContext(ctx, path, &api.MountInput{Type: "transit", Description: "Ark keys of the class " + string(c)})
		if err != nil {
			return unavailable(err)
		}
	}
	return nil
}

func (k *Keyring) path(name keys.Name, operation ...string) string {
	return k.prefix + "/" + string(name.Class()) + "/" + strings.Join(operation, "/")
}

// call writes to a transit path and returns the answer's data.
func (k *Keyring) call(ctx context.Context, name keys.Name, data map[string]any, operation ...string) (map[string]any, error) {
	secret, err := k.client.Logical().WriteWithContext(ctx, k.path(name, operation...), data)
	if err != nil {
		return nil, err
	}
	if secret == nil {
		return nil, nil
	}
	return secret.Data, nil
}

// fault explains why an operation on a key failed. Only where Vault found
// fault with the request itself is the key's own state looked up: it is the
// likelier reason. doubt is the answer if the key is as it should be.
func (k *Keyring) fault(ctx context.Context, name keys.Name, err, doubt error) error {
	var r *api.ResponseError
	if !errors.As(err, &r) {
		return unavailable(err)
	}
	switch r.StatusCode {
	case http.StatusForbidden:
		return keys.Refused(name, err)
	case http.StatusBadRequest, http.StatusNotFound:
		_, state := k.state(ctx, name)
		if state != nil {
			return state
		}
		if doubt != nil {
			return doubt
		}
	}
	return unavailable(err)
}

func unavailable(err error) error {
	return ark.Faultf(ark.Unavailable, "the key service does not answer as it should").
		Do("check that Vault is reachable and unsealed and that this role's token is valid").Because(err)
}

// NewDataKey implements keys.Keyring.
func (k *Keyring) NewDataKey(ctx context.Context, name keys.Name) (keys.Secret, keys.Wrapped, error) {
	if err := name.Permit(keys.Seal); err != nil {
		return keys.Secret{}, nil, err
	}
	data, err := k.call(ctx, name, map[string]any{"bits": 8 * keys.SecretSize}, "datakey", "plaintext", name.Local())
	if err != nil {
		return keys.Secret{}, nil, k.fault(ctx, name, err, nil)
	}
	plain, err := secretOf(data, "plaintext")
	if err != nil {
		return keys.Secret{}, nil, unavailable(err)
	}
	w := keys.Wrapped(text(data, "ciphertext"))
	if !wrappedForm.Match(w) {
		return keys.Secret{}, nil, unavailable(errors.New("unexpected form of a wrapped key"))
	}
	return plain, w, nil
}

// 12 bytes of nonce, the data key and 16 bytes of tag in base64 without
// padding: no character has bits to spare.
var wrappedForm = regexp.MustCompile(`^vault:v[1-9][0-9]{0,6}:[A-Za-z0-9+/]{80}$`)

// Unwrap implements keys.Keyring.
func (k *Keyring) Unwrap(ctx context.Context, name keys.Name, w keys.Wrapped) (keys.Secret, error) {
	if err := name.Permit(keys.Seal); err != nil {
		return keys.Secret{}, err
	}
	if !wrappedForm.Match(w) {
		return keys.Secret{}, keys.NotAuthentic(name, "wrapped data key")
	}
	data, err := k.call(ctx, name, map[string]any{"ciphertext": string(w)}, "decrypt", name.Local())
	if err != nil {
		return keys.Secret{}, k.fault(ctx, name, err, keys.NotAuthentic(name, "wrapped data key"))
	}
	plain, err := secretOf(data, "plaintext")
	if err != nil {
		return keys.Secret{}, unavailable(err)
	}
	return plain, nil
}

// Fingerprint implements keys.Keyring.
func (k *Keyring) Fingerprint(ctx context.Context, name keys.Name, data []byte) ([]byte, error) {
	if err := name.Permit(keys.Seal); err != nil {
		return nil, err
	}
	return k.hmac(ctx, name, finger+name.Local(), "ark/keys/1/fingerprint\x00", data)
}

// Derive implements keys.Keyring.
func (k *Keyring) Derive(ctx context.Context, name keys.Name, context string) (keys.Secret, error) {
	if err := name.Permit(keys.Hash); err != nil {
		return keys.Secret{}, err
	}
	b, err := k.hmac(ctx, name, name.Local(), "ark/keys/1/derive\x00", []byte(context))
	if err != nil {
		return keys.Secret{}, err
	}
	defer clear(b)
	return keys.NewSecret(b)
}

// MAC implements keys.Keyring.
func (k *Keyring) MAC(ctx context.Context, name keys.Name, data []byte) ([]byte, error) {
	if err := name.Permit(keys.Hash); err != nil {
		return nil, err
	}
	return k.hmac(ctx, name, name.Local(), "ark/keys/1/mac\x00", data)
}

// hmac computes an HMAC by the transit key local of name's class.
func (k *Keyring) hmac(ctx context.Context, name keys.Name, local, label string, data []byte) ([]byte, error) {
	in := base64.StdEncoding.EncodeToString(append([]byte(label), data...))
	out, err := k.call(ctx, name, map[string]any{"input": in, "algorithm": "sha2-256", "key_version": 1}, "hmac", local)
	if err != nil {
		return nil, k.fault(ctx, name, err, nil)
	}
	b, err := payload(text(out, "hmac"), "vault:v1:")
	if err != nil || len(b) != keys.SecretSize {
		return nil, unavailable(fmt.Errorf("unexpected form of an HMAC: %w", err))
	}
	return b, nil
}

// Sign implements keys.Keyring.
func (k *Keyring) Sign(ctx context.Context, name keys.Name, message []byte) ([]byte, error) {
	if err := name.Permit(keys.Attest); err != nil {
		return nil, err
	}
	out, err := k.call(ctx, name, map[string]any{"input": base64.StdEncoding.EncodeToString(message)}, "sign", name.Local())
	if err != nil {
		return nil, k.fault(ctx, name, err, nil)
	}
	signature := text(out, "signature")
	b, err := payload(signature, signature[:strings.LastIndex(signature, ":")+1])
	if err != nil || len(b) != ed25519.SignatureSize {
		return nil, unavailable(fmt.Errorf("unexpected form of a signature: %w", err))
	}
	return b, nil
}

// Verify implements keys.Keyring. The signature is checked here; Vault gives
// the public keys.
func (k *Keyring) Verify(ctx context.Context, name keys.Name, message, signature []byte) error {
	if err := name.Permit(keys.Attest); err != nil {
		return err
	}
	s, err := k.state(ctx, name)
	if err != nil {
		return err
	}
	for _, pub := range s.public {
		if ed25519.Verify(pub, message, signature) {
			return nil
		}
	}
	return keys.NotAuthentic(name, "signature")
}

// Public implements keys.Keyring.
func (k *Keyring) Public(ctx context.Context, name keys.Name) (ed25519.PublicKey, error) {
	if err := name.Permit(keys.Attest); err != nil {
		return nil, err
	}
	s, err := k.state(ctx, name)
	if err != nil {
		return nil, err
	}
	pub, ok := s.public[s.versions]
	if !ok {
		return nil, unavailable(errors.New("the key has no public half"))
	}
	return pub, nil
}

func text(data map[string]any, field string) string {
	s, _ := data[field].(string) // anything else is as good as missing
	return s
}

func payload(s, prefix string) ([]byte, error) {
	body, ok := strings.CutPrefix(s, prefix)
	if !ok || prefix == "" {
		return nil, errors.New("no version in front")
	}
	return base64.StdEncoding.Strict().DecodeString(body)
}

func secretOf(data map[string]any, field string) (keys.Secret, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(text(data, field))
	if err != nil {
		return keys.Secret{}, errors.New("unexpected form of a secret") // the decoder's error would quote it
	}
	defer clear(b)
	return keys.NewSecret(b)
}
