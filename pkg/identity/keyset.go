package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// How long a fetched key set is believed, and how often strangers' key ids may
// make us ask again. The library's own key set believes a key for ever and asks
// at every unknown id; a withdrawn key must stop working, and anyone can post a
// logout token.
const (
	keysLife  = 10 * time.Minute
	keysPause = 5 * time.Second
)

// keySet verifies signatures with the keys that a provider publishes.
type keySet struct {
	address string
	client  *http.Client
	now     func() time.Time

	mu      sync.Mutex // guards the fields below and lets one request ask at a time
	keys    []jose.JSONWebKey
	fetched time.Time // last success
	asked   time.Time // last try
}

var _ oidc.KeySet = (*keySet)(nil)

func newKeySet(address string, client *http.Client, now func() time.Time) *keySet {
	return &keySet{address: address, client: client, now: now}
}

// VerifySignature implements oidc.KeySet. The verifier has checked the
// algorithm against the allow-list before.
func (k *keySet) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	algorithms := make([]jose.SignatureAlgorithm, len(asymmetric))
	for i, a := range asymmetric {
		algorithms[i] = jose.SignatureAlgorithm(a)
	}
	token, err := jose.ParseSigned(raw, algorithms)
	if err != nil {
		return nil, err
	}
	if len(token.Signatures) != 1 {
		return nil, errors.New("identity: not exactly one signature")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if now.Sub(k.fetched) >= keysLife {
		if err := k.fetch(ctx, now); err != nil {
			return nil, err
		}
	}
	if payload, ok := k.try(token); ok {
		return payload, nil
	}
	if now.Sub(k.asked) < keysPause {
		return nil, errors.New("identity: signed by none of the provider's keys")
	}
	if err := k.fetch(ctx, now); err != nil {
		return nil, err
	}
	if payload, ok := k.try(token); ok {
		return payload, nil
	}
	return nil, errors.New("identity: signed by none of the provider's keys")
}

// try verifies token with each key that its header could mean. The header's
// embedded keys (jwk, x5c, jku) are never looked at.
func (k *keySet) try(token *jose.JSONWebSignature) ([]byte, bool) {
	head := token.Signatures[0].Header
	for i := range k.keys {
		key := &k.keys[i]
		if head.KeyID != "" && head.KeyID != key.KeyID {
			continue
		}
		if key.Algorithm != "" && key.Algorithm != head.Algorithm {
			continue
		}
		if payload, err := token.Verify(key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// fetch replaces the keys. A failure keeps no key beyond its life.
func (k *keySet) fetch(ctx context.Context, now time.Time) error {
	k.asked = now
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.address, nil)
	if err != nil {
		return err
	}
	resp, err := k.client.Do(req)
	if err != nil {
		return fmt.Errorf("identity: fetching the provider's keys: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("identity: fetching the provider's keys: status %d", resp.StatusCode)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&set); err != nil {
		return fmt.Errorf("identity: reading the provider's keys: %w", err)
	}
	keys := usableKeys(set.Keys)
	if len(keys) == 0 {
		return errors.New("identity: the provider publishes no usable key")
	}
	k.keys, k.fetched = keys, now
	return nil
}

// usableKeys keeps the public, asymmetric signing keys and drops the rest: a
// key of a kind we don't know must not break sign-in, a symmetric one published
// by mistake must not be believed.
func usableKeys(raw []json.RawMessage) []jose.JSONWebKey {
	var keys []jose.JSONWebKey
	for _, r := range raw {
		var key jose.JSONWebKey
		if err := json.Unmarshal(r, &key); err != nil || !key.Valid() || !key.IsPublic() {
			continue
		}
		if key.Use != "" && key.Use != "sig" {
			continue
		}
		if _, symmetric := key.Key.([]byte); symmetric {
			continue
		}
		keys = append(keys, key)
	}
	return keys
}
