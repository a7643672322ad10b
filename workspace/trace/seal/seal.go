// Package seal closes an answer so that one organisation alone can open it:
// HPKE (RFC 9180) with X25519, HKDF-SHA256 and AES-256-GCM, bound to the trace
// and the organisation it is for.
//
// It may touch nothing but its arguments. It must never log or keep what it
// seals or opens.
package seal

import (
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
)

// Schema is what a token says it is.
const Schema = "ark-row-token-1"

// Token is a sealed answer as its organisation gets it.
type Token struct {
	Schema string `json:"schema"`
	Trace  string `json:"trace"`
	Org    string `json:"org"`
	Key    string `json:"key"` // fingerprint of the public key it is sealed to
	Box    []byte `json:"box"` // encapsulated key and ciphertext
}

// Answer is what is inside: the sending organisation's own record of a person,
// and what the report is about.
type Answer struct {
	Trace   string   `json:"trace"`
	Why     string   `json:"why"`
	Records []Record `json:"records"`
	About   About    `json:"about,omitzero"`
}

// About is where in its data the organisation should look.
type About struct {
	Dataset  string `json:"dataset"`
	Table    string `json:"table"`
	Variable string `json:"variable"`
	Problem  string `json:"problem"`
}

// Record is one record that the organisation sent.
type Record struct {
	Source      string `json:"source"`
	NHSNumber   string `json:"nhs_number,omitempty"`
	GivenName   string `json:"given_name,omitempty"`
	FamilyName  string `json:"family_name,omitempty"`
	DateOfBirth string `json:"date_of_birth,omitempty"`
}

var (
	kem  = hpke.DHKEM(ecdh.X25519())
	kdf  = hpke.HKDFSHA256()
	aead = hpke.AES256GCM()
)

func info(trace, org string) []byte { return []byte(Schema + "\x1f" + trace + "\x1f" + org) }

// NewKey makes a key pair, as lines to keep: the private one stays with its
// organisation, the public one is registered.
func NewKey() (private, public string, err error) {
	k, err := kem.GenerateKey()
	if err != nil {
		return "", "", err
	}
	raw, err := k.Bytes()
	if err != nil {
		return "", "", err
	}
	return "ark-private-" + base64.RawURLEncoding.EncodeToString(raw), "ark-public-" + base64.RawURLEncoding.EncodeToString(k.PublicKey().Bytes()), nil
}

// Fingerprint checks a public key's line and returns its short name.
func Fingerprint(public string) (string, error) {
	raw, err := parse("ark-public-", public)
	if err != nil {
		return "", err
	}
	if _, err := kem.NewPublicKey(raw); err != nil {
		return "", broken(err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8]), nil
}

func parse(prefix, line string) ([]byte, error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(line), prefix)
	raw, err := base64.RawURLEncoding.DecodeString(rest)
	if !ok || err != nil || len(raw) != 32 {
		return nil, broken(err)
	}
	return raw, nil
}

func broken(err error) error {
	return ark.Faultf(ark.Invalid, "that is not a key of the right kind").At("", 0, "key").Do("make a pair with ark trace new-key; the line begins with ark-public- or ark-private-").Because(err)
}

// Seal closes an answer to the holder of a public key.
func Seal(public, org string, a Answer) (*Token, error) {
	raw, err := parse("ark-public-", public)
	if err != nil {
		return nil, err
	}
	pk, err := kem.NewPublicKey(raw)
	if err != nil {
		return nil, broken(err)
	}
	plain, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	// The length says how many records there are: it is rounded up.
	plain = append(plain, strings.Repeat(" ", (1024-len(plain)%1024)%1024)...)
	box, err := hpke.Seal(pk, kdf, aead, info(a.Trace, org), plain)
	if err != nil {
		return nil, err
	}
	print, err := Fingerprint(public)
	return &Token{Schema: Schema, Trace: a.Trace, Org: org, Key: print, Box: box}, err
}

// Open opens a token with the organisation's private key. A token that was
// changed, or is of another trace or organisation than it says, does not open.
func Open(private string, t Token) (*Answer, error) {
	raw, err := parse("ark-private-", private)
	if err != nil {
		return nil, err
	}
	defer clear(raw)
	sk, err := kem.NewPrivateKey(raw)
	if err != nil {
		return nil, broken(err)
	}
	if t.Schema != Schema {
		return nil, ark.Faultf(ark.Invalid, "that is not a row token of this kind")
	}
	plain, err := hpke.Open(sk, kdf, aead, info(t.Trace, t.Org), t.Box)
	if err != nil {
		return nil, ark.Faultf(ark.Forbidden, "this key does not open the token, or the token was changed").Do("use the private key of the organisation that the token is for; its fingerprint is in the token").Because(err)
	}
	defer clear(plain)
	var a Answer
	if err := json.Unmarshal(plain, &a); err != nil || a.Trace != t.Trace {
		return nil, ark.Faultf(ark.Invalid, "the token holds something else than it says").Because(err)
	}
	return &a, nil
}
