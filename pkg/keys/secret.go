package keys

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// SecretSize is the length of every Secret.
const SecretSize = 32

// Secret is 32 secret bytes. It can't be compared with ==, prints as
// "[secret]" under every verb, and refuses to be marshalled. The zero Secret
// holds nothing and reveals nothing.
type Secret struct {
	_ [0]func() // not comparable
	b *[SecretSize]byte
}

// errSecret is what every encoder gets.
var errSecret = errors.New("keys: a secret can't be marshalled")

// NewSecret copies b, which must be 32 bytes, into a Secret.
func NewSecret(b []byte) (Secret, error) {
	if len(b) != SecretSize {
		return Secret{}, errors.New("keys: a secret has 32 bytes")
	}
	return Secret{b: (*[SecretSize]byte)(append([]byte(nil), b...))}, nil
}

// RandomSecret makes a new Secret from the operating system's randomness.
func RandomSecret() Secret {
	var b [SecretSize]byte
	_, _ = rand.Read(b[:]) // never fails: it stops the program instead
	return Secret{b: &b}
}

// Reveal returns the bytes themselves, not a copy; nil for the zero Secret.
// The caller must neither keep nor print them.
func (s Secret) Reveal() []byte {
	if s.b == nil {
		return nil
	}
	return s.b[:]
}

// Wipe overwrites the bytes. Every copy of s is wiped with it.
func (s Secret) Wipe() {
	if s.b != nil {
		clear(s.b[:])
	}
}

// Same compares two secrets in constant time. Zero Secrets equal nothing.
func (s Secret) Same(t Secret) bool {
	return s.b != nil && t.b != nil && subtle.ConstantTimeCompare(s.b[:], t.b[:]) == 1
}

const redacted = "[secret]"

func (Secret) String() string   { return redacted }
func (Secret) GoString() string { return redacted }

// Format prints [secret] whatever the verb: without it %x would reach inside.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue keeps structured logs clean.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText refuses.
func (Secret) MarshalText() ([]byte, error) { return nil, errSecret }

// MarshalJSON refuses.
func (Secret) MarshalJSON() ([]byte, error) { return nil, errSecret }

// MarshalBinary refuses.
func (Secret) MarshalBinary() ([]byte, error) { return nil, errSecret }

// GobEncode refuses.
func (Secret) GobEncode() ([]byte, error) { return nil, errSecret }
