package issuer

import (
	"crypto/subtle"
	"encoding/base32"
	"io"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// TOTP by RFC 6238 as every authenticator app speaks it: SHA-1, 30 seconds, six
// digits. One step either side is accepted, for clocks that differ.
const (
	totpPeriod = 30
	totpSkew   = 1
)

// NewTOTPSecret returns 160 random bits in the base32 that apps expect.
func NewTOTPSecret(random io.Reader) (string, error) {
	var b [20]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", err
	}
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]), nil
}

// TOTPStep is the number of the 30-second step that t is in.
func TOTPStep(t time.Time) int64 { return t.Unix() / totpPeriod }

// TOTPCode is the six-digit code of secret in a step.
func TOTPCode(secret string, step int64) (string, error) {
	return hotp.GenerateCodeCustom(secret, uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
}

// matchTOTP returns the step that code belongs to, newer than last and within
// the skew of now. Every candidate is compared, so that time says nothing.
func matchTOTP(secret, code string, now time.Time, last int64) (step int64, ok bool) {
	if len(code) != 6 {
		return 0, false
	}
	at := TOTPStep(now)
	for s := at - totpSkew; s <= at+totpSkew; s++ {
		want, err := TOTPCode(secret, s)
		if err != nil {
			return 0, false
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && s > last && !ok {
			step, ok = s, true
		}
	}
	return step, ok
}

// nextTOTP is the code that would be accepted now after last was used, for the
// demonstration's pages; ok is false until the next step begins.
func nextTOTP(secret string, now time.Time, last int64) (code string, ok bool) {
	s := max(TOTPStep(now), last+1)
	if s > TOTPStep(now)+totpSkew {
		return "", false
	}
	code, err := TOTPCode(secret, s)
	return code, err == nil
}
