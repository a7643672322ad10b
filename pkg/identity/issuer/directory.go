package issuer

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Account is someone who can sign in. PasswordHash and TOTPSecret are secrets.
type Account struct {
	Subject      string `json:"subject"`   // stable, never reused
	UserName     string `json:"user_name"` // lower case
	Name         string `json:"name"`
	Email        string `json:"email"`
	PasswordHash string `json:"password_hash"`
	TOTPSecret   string `json:"totp_secret"`
	Disabled     bool   `json:"disabled,omitempty"`
}

// Attempts counts sign-ins that began and did not succeed since the last that
// did.
type Attempts struct {
	Count int       `json:"count"`
	Last  time.Time `json:"last"`
}

// Directory is where accounts live. Implementations are safe for concurrent use
// and durable when a method that changes something returns.
type Directory interface {
	// ByUserName and BySubject return ErrNoAccount for an account that isn't
	// there. A disabled account is returned as such.
	ByUserName(ctx context.Context, userName string) (Account, error)
	BySubject(ctx context.Context, subject string) (Account, error)
	// Attempt records that a sign-in with userName begins at the given time,
	// before any secret is looked at, and returns the attempts before it. It
	// takes as long for a name that has no account.
	Attempt(ctx context.Context, userName string, at time.Time) (Attempts, error)
	// Succeeded forgets the attempts and records the TOTP step that was used,
	// in one change: it returns ErrStepUsed if that step or a later one was.
	Succeeded(ctx context.Context, subject string, step int64) error
	// LastStep is the newest TOTP step used, 0 if none was.
	LastStep(ctx context.Context, subject string) (int64, error)
	// Passkeys are the account's, none for one that isn't there.
	Passkeys(ctx context.Context, subject string) ([]Passkey, error)
	// AddPasskey returns ErrPasskeyHeld for one that any account has, or when
	// the account has as many as it may.
	AddPasskey(ctx context.Context, subject string, k Passkey) error
	// RemovePasskey returns ErrNoPasskey for one that isn't the account's.
	RemovePasskey(ctx context.Context, subject, id string) error
	// UsedPasskey forgets the attempts and records the counter and the time, in
	// one change: it returns ErrCounterBack if the counter did not go forward,
	// unless the passkey keeps none (it is 0 always), and ErrNoPasskey for one
	// that was revoked.
	UsedPasskey(ctx context.Context, subject, id string, counter uint32, now time.Time) error
}

// What a Directory may answer.
var (
	ErrNoAccount = errors.New("issuer: no such account")
	ErrStepUsed  = errors.New("issuer: that TOTP step was used before")
)

// NewAccount makes an account with a fresh subject and TOTP secret.
func NewAccount(userName, name, email, password string, cost Argon, random io.Reader) (Account, error) {
	userName = CanonicalUserName(userName)
	if userName == "" {
		return Account{}, ark.Faultf(ark.Invalid, "a user name has 1 to 64 letters, digits and . _ - @")
	}
	hash, err := HashPassword(password, cost, random)
	if err != nil {
		return Account{}, err
	}
	secret, err := NewTOTPSecret(random)
	if err != nil {
		return Account{}, err
	}
	sub, err := NewTOTPSecret(random)
	if err != nil {
		return Account{}, err
	}
	return Account{Subject: strings.ToLower(sub), UserName: userName, Name: name, Email: email, PasswordHash: hash, TOTPSecret: secret}, nil
}

// CanonicalUserName returns what a typed user name is looked up as, "" if it
// can't be one.
func CanonicalUserName(typed string) string {
	s := strings.ToLower(strings.TrimSpace(typed))
	if s == "" || len(s) > 64 {
		return ""
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("._-@", rune(c)) {
			return ""
		}
	}
	return s
}
