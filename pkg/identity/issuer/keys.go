package issuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ark-tre/ark/pkg/ark"
)

// keyRing holds the ES256 signing keys: the next one is published before it is
// used, and an old one until every token it signed has run out.
type keyRing struct {
	path string
	now  func() time.Time
	mu   sync.Mutex
	data keyFile
}

type keyFile struct {
	Signing jose.JSONWebKey `json:"signing"`
	Next    jose.JSONWebKey `json:"next"`
	Old     []oldKey        `json:"old,omitempty"`
}

type oldKey struct {
	Key     jose.JSONWebKey `json:"key"` // public half only
	Retired time.Time       `json:"retired"`
}

// oldKeyLife is longer than any token lives.
const oldKeyLife = time.Hour

func openKeys(path string, now func() time.Time) (*keyRing, error) {
	k := &keyRing{path: path, now: now}
	b, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(dirOf(path), 0o700); err != nil {
			return nil, err
		}
		if k.data.Signing, err = newKey(); err != nil {
			return nil, err
		}
		if k.data.Next, err = newKey(); err != nil {
			return nil, err
		}
		return k, k.write(k.data)
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &k.data); err != nil || !signs(k.data.Signing) || !signs(k.data.Next) {
		return nil, ark.Faultf(ark.Invalid, "the issuer's signing keys can't be read").
			Do("restore the key file, or move it away to have new keys made: everyone must sign in again then").Because(err)
	}
	return k, nil
}

func signs(k jose.JSONWebKey) bool {
	_, ok := k.Key.(*ecdsa.PrivateKey)
	return ok && k.Valid() && k.KeyID != "" && k.Algorithm == string(jose.ES256)
}

func newKey() (jose.JSONWebKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	return jose.JSONWebKey{Key: private, KeyID: rand.Text(), Algorithm: string(jose.ES256), Use: "sig"}, nil
}

func (k *keyRing) write(data keyFile) error {
	b, err := json.MarshalIndent(data, "", "\t")
	if err != nil {
		return err
	}
	return writePrivate(k.path, b)
}

// rotate makes the next key the signing one.
func (k *keyRing) rotate() error {
	next, err := newKey()
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	data := keyFile{Signing: k.data.Next, Next: next, Old: []oldKey{{k.data.Signing.Public(), now}}}
	for _, o := range k.data.Old {
		if now.Sub(o.Retired) < oldKeyLife {
			data.Old = append(data.Old, o)
		}
	}
	if err := k.write(data); err != nil {
		return err
	}
	k.data = data
	return nil
}

// public is the key set to publish.
func (k *keyRing) public() jose.JSONWebKeySet {
	k.mu.Lock()
	defer k.mu.Unlock()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{k.data.Signing.Public(), k.data.Next.Public()}}
	for _, o := range k.data.Old {
		if k.now().Sub(o.Retired) < oldKeyLife {
			set.Keys = append(set.Keys, o.Key)
		}
	}
	return set
}

// sign returns claims as a signed JWT of the given type.
func (k *keyRing) sign(kind string, claims any) (string, error) {
	k.mu.Lock()
	key := k.data.Signing
	k.mu.Unlock()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithType(jose.ContentType(kind)))
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// verify returns the payload of a JWT that this issuer signed, whatever its age.
func (k *keyRing) verify(raw string) ([]byte, error) {
	token, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, err
	}
	set := k.public()
	for _, key := range set.Key(token.Signatures[0].Header.KeyID) {
		if payload, err := token.Verify(&key); err == nil {
			return payload, nil
		}
	}
	return nil, errors.New("issuer: not signed by a key of ours")
}
