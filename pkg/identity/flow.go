package identity

import (
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// flow is one sign-in under way. It travels in the user's browser, sealed.
type flow struct {
	Issuer   string `json:"i"`
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	ReturnTo string `json:"r"`
	Began    int64  `json:"b"` // unix seconds
	Ends     int64  `json:"e"`
	StepUp   bool   `json:"u,omitempty"`
	Subject  string `json:"w,omitempty"` // step-up: who must come back
	For      string `json:"p,omitempty"` // step-up: the one act that it is for
}

var errFlow = errors.New("identity: flow cookie missing, altered or out of date")

// sealer encrypts and authenticates flow cookies. The cookie's name is bound
// in, so that one flow's cookie can't stand in for another's.
type sealer struct {
	aead   cipher.AEAD
	random io.Reader
}

func newSealer(key []byte, random io.Reader) (sealer, error) {
	aead, err := chacha20poly1305.NewX(key)
	return sealer{aead, random}, err
}

func (s sealer) seal(name string, f flow) (string, error) {
	plain, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, s.aead.NonceSize())
	if _, err := io.ReadFull(s.random, nonce); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, plain, []byte(name))), nil
}

func (s sealer) open(name, value string) (flow, error) {
	if len(value) > 4096 {
		return flow{}, errFlow
	}
	b, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(b) < s.aead.NonceSize() {
		return flow{}, errFlow
	}
	plain, err := s.aead.Open(nil, b[:s.aead.NonceSize()], b[s.aead.NonceSize():], []byte(name))
	if err != nil {
		return flow{}, errFlow
	}
	var f flow
	if err := json.Unmarshal(plain, &f); err != nil {
		return flow{}, errFlow
	}
	return f, nil
}

// flowCookies names the cookies of the sign-ins that a browser has under way:
// one each, so that two tabs don't break each other.
type flowCookies struct{ secure bool }

const flowPrefix = "ark-sign-in-"

func (c flowCookies) prefix() string {
	if c.secure {
		return "__Host-" + flowPrefix
	}
	return flowPrefix
}

// name is the cookie name for a state: its first 8 characters.
func (c flowCookies) name(state string) string {
	if len(state) < 8 {
		return c.prefix() + "none"
	}
	return c.prefix() + state[:8]
}

func (c flowCookies) set(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode,
	})
}

func (c flowCookies) clear(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Path: "/", MaxAge: -1,
		HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode,
	})
}

// prune drops abandoned sign-ins when a browser carries more than a handful,
// so that starting many can't grow its headers past what servers accept.
func (c flowCookies) prune(w http.ResponseWriter, r *http.Request) {
	var names []string
	for _, k := range r.Cookies() {
		if strings.HasPrefix(k.Name, c.prefix()) {
			names = append(names, k.Name)
		}
	}
	if len(names) < 4 {
		return
	}
	for _, n := range names {
		c.clear(w, n)
	}
}
