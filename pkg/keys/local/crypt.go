package local

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/ark-tre/ark/pkg/keys"
)

// From each version's 32 root bytes come, by HKDF-SHA256 under separate
// labels, the X25519 pair for HPKE (RFC 9180), the Ed25519 pair and the HMAC
// key. Name and version are in every label: files swapped between keys or
// versions open nothing.
const (
	labelSeal   = "ark/keys/1/seal"
	labelSign   = "ark/keys/1/sign"
	labelMAC    = "ark/keys/1/mac"
	labelDerive = "ark/keys/1/derive"
	labelWrap   = "ark/keys/1/wrap"
)

// A wrapped key is wrapMagic, the version as uint32, the HPKE encapsulation
// and the sealed data key.
const wrapMagic = "aw1"

const (
	encSize     = 32
	wrapHead    = len(wrapMagic) + 4
	wrappedSize = wrapHead + encSize + keys.SecretSize + 16
)

func kem() hpke.KEM { return hpke.DHKEM(ecdh.X25519()) }

func info(label string, name keys.Name, version int, context string) string {
	return fmt.Sprintf("%s\x00%s\x00%d\x00%s", label, name, version, context)
}

func derive(root keys.Secret, label string, name keys.Name, version int, context string) (keys.Secret, error) {
	b, err := hkdf.Key(sha256.New, root.Reveal(), nil, info(label, name, version, context), keys.SecretSize)
	if err != nil {
		return keys.Secret{}, err
	}
	defer clear(b)
	return keys.NewSecret(b)
}

func opener(name keys.Name, version int, root keys.Secret) (hpke.PrivateKey, error) {
	seed, err := derive(root, labelSeal, name, version, "")
	if err != nil {
		return nil, err
	}
	defer seed.Wipe()
	return kem().DeriveKeyPair(seed.Reveal())
}

func signer(name keys.Name, version int, root keys.Secret) (ed25519.PrivateKey, error) {
	seed, err := derive(root, labelSign, name, version, "")
	if err != nil {
		return nil, err
	}
	defer seed.Wipe()
	return ed25519.NewKeyFromSeed(seed.Reveal()), nil
}

func mac(root keys.Secret, name keys.Name, data []byte) ([]byte, error) {
	key, err := derive(root, labelMAC, name, 1, "")
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	h := hmac.New(sha256.New, key.Reveal())
	h.Write(data)
	return h.Sum(nil), nil
}

func fingerprint(first public, name keys.Name, data []byte) []byte {
	h := hmac.New(sha256.New, first.Seal)
	h.Write([]byte(info("ark/keys/1/fingerprint", name, 1, "")))
	h.Write(data)
	return h.Sum(nil)
}

// publicOf computes the public halves that the key's class has a use for.
func publicOf(name keys.Name, version int, root keys.Secret) (public, error) {
	pub := public{Name: name, Version: version}
	if name.Class().Allows(keys.Seal) {
		private, err := opener(name, version, root)
		if err != nil {
			return public{}, err
		}
		pub.Seal = private.PublicKey().Bytes()
	}
	if name.Class().Allows(keys.Attest) {
		private, err := signer(name, version, root)
		if err != nil {
			return public{}, err
		}
		defer clear(private)
		pub.Verify = private.Public().(ed25519.PublicKey)
	}
	return pub, nil
}

func seal(name keys.Name, pub public, plain keys.Secret) (keys.Wrapped, error) {
	to, err := kem().NewPublicKey(pub.Seal)
	if err != nil {
		return nil, err
	}
	sealed, err := hpke.Seal(to, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(info(labelWrap, name, pub.Version, "")), plain.Reveal())
	if err != nil {
		return nil, err
	}
	w := binary.BigEndian.AppendUint32([]byte(wrapMagic), uint32(pub.Version))
	return append(w, sealed...), nil
}

// versionOf reads the version of a wrapped key and checks its form.
func versionOf(name keys.Name, w keys.Wrapped) (int, error) {
	if len(w) != wrappedSize || string(w[:len(wrapMagic)]) != wrapMagic {
		return 0, keys.NotAuthentic(name, "wrapped data key")
	}
	v := binary.BigEndian.Uint32(w[len(wrapMagic):])
	if v < 1 || v > 1<<20 {
		return 0, keys.NotAuthentic(name, "wrapped data key")
	}
	return int(v), nil
}

func open(name keys.Name, version int, root keys.Secret, w keys.Wrapped) (keys.Secret, error) {
	private, err := opener(name, version, root)
	if err != nil {
		return keys.Secret{}, broken(err)
	}
	plain, err := hpke.Open(private, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(info(labelWrap, name, version, "")), w[wrapHead:])
	if err != nil {
		return keys.Secret{}, keys.NotAuthentic(name, "wrapped data key")
	}
	defer clear(plain)
	return keys.NewSecret(plain)
}
