package issuer

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Argon is the cost of an argon2id hash.
type Argon struct {
	Memory  uint32 // KiB
	Passes  uint32
	Threads uint8
}

// DefaultArgon is the second recommendation of RFC 9106 with fewer threads:
// 64 MiB, 3 passes.
var DefaultArgon = Argon{Memory: 64 << 10, Passes: 3, Threads: 2}

const (
	argonMaxMemory = 256 << 10
	argonMaxPasses = 16
	passwordMax    = 256 // bytes; longer ones are refused before hashing
)

var errHash = errors.New("issuer: that is not an argon2id hash of acceptable cost")

// HashPassword returns password's argon2id hash in the PHC string form. The
// password is normalised (NFKC) so that keyboards agree.
func HashPassword(password string, cost Argon, random io.Reader) (string, error) {
	if len(password) < 8 || len(password) > passwordMax {
		return "", fmt.Errorf("issuer: a password has 8 to %d bytes", passwordMax)
	}
	salt := make([]byte, 16)
	if _, err := io.ReadFull(random, salt); err != nil {
		return "", err
	}
	sum := argon2.IDKey([]byte(norm.NFKC.String(password)), salt, cost.Passes, cost.Memory, cost.Threads, 32)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, cost.Memory, cost.Passes, cost.Threads, b64(salt), b64(sum)), nil
}

// parsedHash is a PHC string taken apart.
type parsedHash struct {
	cost      Argon
	salt, sum []byte
}

// parseHash reads what HashPassword wrote. Costs out of bounds are refused, so
// that a tampered file can't exhaust the machine.
func parseHash(s string) (parsedHash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return parsedHash{}, errHash
	}
	var h parsedHash
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.cost.Memory, &h.cost.Passes, &h.cost.Threads); err != nil {
		return parsedHash{}, errHash
	}
	if parts[3] != fmt.Sprintf("m=%d,t=%d,p=%d", h.cost.Memory, h.cost.Passes, h.cost.Threads) {
		return parsedHash{}, errHash
	}
	c := h.cost
	if c.Threads < 1 || c.Passes < 1 || c.Passes > argonMaxPasses || c.Memory < 8*uint32(c.Threads) || c.Memory > argonMaxMemory {
		return parsedHash{}, errHash
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4]); err != nil || len(h.salt) < 8 || len(h.salt) > 64 {
		return parsedHash{}, errHash
	}
	if h.sum, err = base64.RawStdEncoding.Strict().DecodeString(parts[5]); err != nil || len(h.sum) != 32 {
		return parsedHash{}, errHash
	}
	return h, nil
}

// matches reports whether password is the one that was hashed.
func (h parsedHash) matches(password string) bool {
	sum := argon2.IDKey([]byte(norm.NFKC.String(password)), h.salt, h.cost.Passes, h.cost.Memory, h.cost.Threads, uint32(len(h.sum)))
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}
