package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"io"
	"net/http"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Key is the SHA-256 of a session's secret: all that is stored of it.
type Key [sha256.Size]byte

// Session is one browser, or one command line, signed in as one user.
type Session struct {
	ID           string // ses_…, safe to show and to log; not the secret
	User         string // the Ark's own user id
	Issuer       string
	Subject      string
	ProviderSID  string // the provider's session, for back-channel logout
	AMR          []string
	SecondFactor bool
	AuthTime     time.Time // when the user last proved who they are
	Proved       time.Time // when both factors were last proved afresh (step-up); zero if never
	ProvedFor    string    // the one act that they were proved for
	Created      time.Time
	Seen         time.Time
}

// SessionStore keeps sessions. Implementations are safe for concurrent use and
// durable when a method returns. A missing session is an Unsigned fault from
// Find and Touch, and no error from the deletes.
type SessionStore interface {
	Create(ctx context.Context, k Key, s Session) error
	Find(ctx context.Context, k Key) (Session, error)
	Touch(ctx context.Context, k Key, seen time.Time) error
	Delete(ctx context.Context, k Key) error
	// DeleteByUser ends every session of a user and says how many there were.
	DeleteByUser(ctx context.Context, user string) (int, error)
	// DeleteByProvider ends the sessions at issuer with this provider session,
	// or with this subject if sid is empty; of both, both must match.
	DeleteByProvider(ctx context.Context, issuer, subject, sid string) (int, error)
	// Sweep removes sessions created before or last seen before the given times.
	Sweep(ctx context.Context, created, seen time.Time) (int, error)
}

// Sessions makes, finds and ends sessions. Fields without "optional" must be
// set; the zero value signs nobody in.
type Sessions struct {
	Store    SessionStore
	Secure   bool          // the portal is served over https: __Host- cookie
	Idle     time.Duration // optional: 30 minutes
	Absolute time.Duration // optional: 10 hours
	Now      func() time.Time
	Random   io.Reader // optional
}

func (s *Sessions) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Sessions) limits() (idle, absolute time.Duration) {
	idle, absolute = s.Idle, s.Absolute
	if idle <= 0 {
		idle = 30 * time.Minute
	}
	if absolute <= 0 {
		absolute = 10 * time.Hour
	}
	return idle, absolute
}

func unsigned(why string) error {
	return ark.Faultf(ark.Unsigned, "%s", why).Do("sign in")
}

// Start signs user in on this browser: a new secret is made, whatever the
// request carried is ended first (no fixation), and the cookie is set.
func (s *Sessions) Start(ctx context.Context, w http.ResponseWriter, r *http.Request, user string, p Proof) (Session, error) {
	if s == nil || s.Store == nil || user == "" || p.Subject == "" || p.Issuer == "" {
		return Session{}, unsigned("nobody was proved to be signed in")
	}
	if err := s.drop(ctx, r); err != nil {
		return Session{}, err
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	made := Session{
		ID: ark.NewID(ark.PrefixSession, now, s.random()), User: user,
		Issuer: p.Issuer, Subject: p.Subject, ProviderSID: p.SessionID,
		AMR: p.AMR, SecondFactor: p.SecondFactor, AuthTime: p.AuthTime, Created: now, Seen: now,
	}
	if p.StepUp && p.SecondFactor && p.For != "" {
		made.Proved, made.ProvedFor = now, p.For
	}
	return made, s.keep(ctx, w, made)
}

// keep stores m under a new secret and sets the cookie.
func (s *Sessions) keep(ctx context.Context, w http.ResponseWriter, m Session) error {
	var secret [32]byte
	if _, err := io.ReadFull(s.random(), secret[:]); err != nil {
		return err
	}
	text := base64.RawURLEncoding.EncodeToString(secret[:])
	if err := s.Store.Create(ctx, keyOf(text), m); err != nil {
		return err
	}
	http.SetCookie(w, s.cookie(text, 0))
	return nil
}

// Resume returns the session that r belongs to, or an Unsigned fault. It moves
// the idle limit along, at most once a minute.
func (s *Sessions) Resume(r *http.Request) (Session, error) {
	if s == nil || s.Store == nil {
		return Session{}, unsigned("you are not signed in")
	}
	k, ok := s.key(r)
	if !ok {
		return Session{}, unsigned("you are not signed in")
	}
	found, err := s.Store.Find(r.Context(), k)
	if err != nil {
		return Session{}, err
	}
	now := s.now()
	idle, absolute := s.limits()
	if now.Sub(found.Created) >= absolute || now.Sub(found.Seen) >= idle || now.Add(skew).Before(found.Created) {
		if err := s.Store.Delete(r.Context(), k); err != nil {
			return Session{}, err
		}
		return Session{}, unsigned("your session has run out")
	}
	if now.Sub(found.Seen) >= time.Minute {
		if err := s.Store.Touch(r.Context(), k, now); err != nil {
			return Session{}, err
		}
		found.Seen = now
	}
	return found, nil
}

// Elevate records a fresh proof of both factors for the session of r, under a
// new secret. The proof must come from BeginStepUp and be of the same account,
// and stands for the one act that it was asked for; it takes the place of the
// one before.
func (s *Sessions) Elevate(ctx context.Context, w http.ResponseWriter, r *http.Request, p Proof) (Session, error) {
	found, err := s.Resume(r)
	if err != nil {
		return Session{}, err
	}
	if !p.StepUp || !p.SecondFactor || p.For == "" || p.Issuer != found.Issuer || !same(p.Subject, found.Subject) {
		return Session{}, ark.Faultf(ark.Forbidden, "the second factor was not proved afresh by the user who is signed in").
			Do("start this step again and sign in as yourself")
	}
	if err := s.drop(ctx, r); err != nil {
		return Session{}, err
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	found.Proved, found.ProvedFor, found.Seen, found.SecondFactor = now, p.For, now, true
	found.AMR, found.AuthTime, found.ProviderSID = p.AMR, p.AuthTime, p.SessionID
	return found, s.keep(ctx, w, found)
}

// Fresh reports whether both factors were proved afresh for this act within the
// last d. A plain sign-in doesn't satisfy it. That a proof serves once is kept
// with the act itself, in its transaction.
func (s *Sessions) Fresh(m Session, act string, d time.Duration) bool {
	age := s.now().Sub(m.Proved)
	return m.SecondFactor && act != "" && m.ProvedFor == act && !m.Proved.IsZero() && age < d && age > -skew
}

// End signs this browser out.
func (s *Sessions) End(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	http.SetCookie(w, s.cookie("", -1))
	return s.drop(ctx, r)
}

// EndUser ends every session of user, on every browser.
func (s *Sessions) EndUser(ctx context.Context, user string) (int, error) {
	if user == "" {
		return 0, nil
	}
	return s.Store.DeleteByUser(ctx, user)
}

// EndProvider ends the sessions that a verified logout token names.
func (s *Sessions) EndProvider(ctx context.Context, l Logout) (int, error) {
	if l.Issuer == "" || l.Subject == "" && l.SessionID == "" {
		return 0, nil
	}
	return s.Store.DeleteByProvider(ctx, l.Issuer, l.Subject, l.SessionID)
}

// Sweep removes what has run out; call it every few minutes.
func (s *Sessions) Sweep(ctx context.Context) (int, error) {
	idle, absolute := s.limits()
	now := s.now()
	return s.Store.Sweep(ctx, now.Add(-absolute), now.Add(-idle))
}

func (s *Sessions) drop(ctx context.Context, r *http.Request) error {
	if k, ok := s.key(r); ok {
		return s.Store.Delete(ctx, k)
	}
	return nil
}

func (s *Sessions) random() io.Reader {
	if s.Random == nil {
		return rand.Reader
	}
	return s.Random
}

// CookieName is the name of the session cookie.
func (s *Sessions) CookieName() string {
	if s.Secure {
		return "__Host-ark"
	}
	return "ark"
}

func (s *Sessions) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: s.CookieName(), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode,
	}
}

// key reads the cookie. Two cookies of the name mean that a sibling host (a
// workspace, say) tossed one in: neither is believed.
func (s *Sessions) key(r *http.Request) (Key, bool) {
	found := r.CookiesNamed(s.CookieName())
	if len(found) != 1 {
		return Key{}, false
	}
	if b, err := base64.RawURLEncoding.DecodeString(found[0].Value); err != nil || len(b) != 32 {
		return Key{}, false
	}
	return keyOf(found[0].Value), true
}

func keyOf(secret string) Key { return sha256.Sum256([]byte(secret)) }

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
