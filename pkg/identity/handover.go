package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Handovers give a session like that of a browser to a program on the same
// machine, as RFC 8252 has it for native applications: the browser is sent to a
// loopback address with a code, and the program that listens there redeems the
// code with the verifier of its challenge (RFC 7636). The zero value gives none.
type Handovers struct {
	Sessions *Sessions

	mu      sync.Mutex
	offered map[[32]byte]offer
}

// offer is one session that waits to be taken over.
type offer struct {
	like      Session // what the new one is made from
	browser   Key     // of the browser's own, which must go on
	challenge string
	ends      time.Time
}

const (
	offerLife  = time.Minute
	mostOffers = 1000
)

// Asked is what a program asks for: to be sent a code on a port of the loopback
// interface. Nothing else can be asked for, no other host and no path.
type Asked struct {
	Port      int
	State     string // the program's own, given back to it
	Challenge string // S256
}

var (
	challengeShape = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
	stateShape     = regexp.MustCompile(`^[A-Za-z0-9_-]{22,128}$`)
	verifierShape  = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)
)

// ParseAsked reads what a program asks for; anything repeated, left out or not
// of its form is refused.
func ParseAsked(v url.Values) (Asked, error) {
	bad := ark.Faultf(ark.Invalid, "this is not what the command line asks for").Do("run ark sign-in again, and open the address that it prints")
	for _, name := range []string{"port", "state", "challenge"} {
		if len(v[name]) != 1 {
			return Asked{}, bad
		}
	}
	port, err := strconv.ParseUint(v.Get("port"), 10, 16)
	a := Asked{int(port), v.Get("state"), v.Get("challenge")}
	if err != nil || port < 1024 || strconv.Itoa(a.Port) != v.Get("port") || !stateShape.MatchString(a.State) || !challengeShape.MatchString(a.Challenge) {
		return Asked{}, bad
	}
	return a, nil
}

// Word is what the program and the page both show, so that who confirms can see
// that the page is about their own program.
func (a Asked) Word() string { return WordOf(a.Challenge) }

// WordOf is the word of a challenge.
func WordOf(challenge string) string {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	sum := sha256.Sum256([]byte("word of " + challenge))
	var out []byte
	for i := range 8 {
		if i == 4 {
			out = append(out, '-')
		}
		out = append(out, letters[int(sum[i])%len(letters)])
	}
	return string(out)
}

// Offer makes a code for the session of r and returns the loopback address to
// send the browser to. A step-up of the session goes with it: the browser has
// shown it for the program, and keeps none.
func (h *Handovers) Offer(ctx context.Context, r *http.Request, a Asked) (string, error) {
	if h == nil || h.Sessions == nil {
		return "", ark.Faultf(ark.Unavailable, "sessions are not given to programs here").Do("ask the operator")
	}
	s := h.Sessions
	found, err := s.Resume(r)
	if err != nil {
		return "", err
	}
	k, _ := s.key(r)
	if !found.Proved.IsZero() {
		left := found
		left.Proved, left.ProvedFor = time.Time{}, ""
		if err := s.Store.Delete(ctx, k); err != nil {
			return "", err
		}
		if err := s.Store.Create(ctx, k, left); err != nil {
			return "", err
		}
	}
	var raw [32]byte
	if _, err := io.ReadFull(s.random(), raw[:]); err != nil {
		return "", err
	}
	code := base64.RawURLEncoding.EncodeToString(raw[:])
	now := s.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	for c, o := range h.offered {
		if !now.Before(o.ends) || o.like.ID == found.ID { // one at a time of a session
			delete(h.offered, c)
		}
	}
	if len(h.offered) >= mostOffers {
		return "", ark.Faultf(ark.TooMuch, "too many programs are being signed in").Do("try again in a minute")
	}
	if h.offered == nil {
		h.offered = map[[32]byte]offer{}
	}
	h.offered[sha256.Sum256([]byte(code))] = offer{found, k, a.Challenge, now.Add(offerLife)}
	return "http://127.0.0.1:" + strconv.Itoa(a.Port) + "/?" + url.Values{"code": {code}, "state": {a.State}}.Encode(), nil
}

// Redeem starts the session that a code stands for, in the answer w. A code is
// good once, for a minute, with its verifier, and while the browser's session
// goes on; tried in vain it is gone. The new session ends with the time of the
// browser's own, and not later.
func (h *Handovers) Redeem(ctx context.Context, w http.ResponseWriter, r *http.Request, code, verifier string) (Session, error) {
	refused := unsigned("the code is not good: it was used, is older than a minute, or is another program's")
	if h == nil || h.Sessions == nil {
		return Session{}, refused
	}
	h.mu.Lock()
	id := sha256.Sum256([]byte(code))
	o, ok := h.offered[id]
	delete(h.offered, id)
	h.mu.Unlock()
	s := h.Sessions
	now := s.now().UTC().Truncate(time.Microsecond)
	sum := sha256.Sum256([]byte(verifier))
	right := subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(o.challenge)) == 1
	if !ok || !now.Before(o.ends) || !verifierShape.MatchString(verifier) || !right {
		return Session{}, refused
	}
	if _, err := s.Store.Find(ctx, o.browser); err != nil {
		return Session{}, refused // signed out meanwhile, here or at the provider
	}
	if err := s.drop(ctx, r); err != nil {
		return Session{}, err
	}
	made := o.like
	made.ID, made.Seen = ark.NewID(ark.PrefixSession, now, s.random()), now
	return made, s.keep(ctx, w, made)
}
