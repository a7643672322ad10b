// Package keys is the one seam to secrets: named keys that wrap, derive, sign
// and can be destroyed.
//
// The model, before the first function. A key has a name "class/name"; its
// class fixes what it can do and who may use it:
//
//   - A sealing key (landing/, identifiers/, payload/, index/, versions/,
//     project/, outputs/, sidecar/, bodies/) wraps data keys. NewDataKey needs
//     the right to seal only: with the local keyring it reads the public half,
//     so the portal can store a delivery that it can never open. Unwrap needs
//     the secret half. Sealing keys also derive (for example a volume's key).
//   - A pseudonym/, records/ or persons/ key derives subkeys and computes MACs.
//   - A signing/, ledger/ or release/ key makes and checks Ed25519 signatures.
//
// Keys have versions. Rotate adds one, used from then on to wrap and sign;
// what older versions wrapped still opens and what they signed still
// verifies. Derive and MAC always use the first version, so that pseudonyms
// and volume keys outlive rotation; a new pseudonym domain is a new name.
//
// Creation is a latch: a name that is not there is an error, never a reason
// to create, and a destroyed name can't be made again.
//
// The package may hold secrets in memory. It must never print, log, compare
// with == or marshal one; Secret makes each of these a compile error or a
// refusal. Implementations: keys/local (a folder) and keys/vault (HashiCorp
// Vault transit); keys/keystest is the contract both are held to.
package keys

import (
	"context"
	"crypto/ed25519"
	"time"
)

// Keyring is what the rest of the house knows about keys. Every method is safe
// for concurrent use by goroutines and processes. A change is durable when the
// method returns without error. Errors are ark faults: Unknown for a name that
// is not there, Lapsed for a destroyed one, Conflict for a name that exists,
// Forbidden where this process lacks the right, Invalid for a malformed name, an
// operation the class does not have, or a wrapped key or signature that is not
// authentic, Unavailable when the key service does not answer.
type Keyring interface {
	// Create makes a new key. An existing or destroyed name is refused.
	Create(ctx context.Context, name Name) error

	// NewDataKey makes 32 random bytes and wraps them under the newest version.
	NewDataKey(ctx context.Context, name Name) (Secret, Wrapped, error)

	// Unwrap opens what NewDataKey of the same name wrapped, under any version.
	Unwrap(ctx context.Context, name Name, w Wrapped) (Secret, error)

	// Fingerprint returns a 32-byte keyed hash of data for whoever may seal. It is
	// how a writer that can't open recognises what it sealed before: equal data
	// under one name gives equal fingerprints, also after rotation. To those who
	// have neither the right to seal nor to open it says nothing.
	Fingerprint(ctx context.Context, name Name, data []byte) ([]byte, error)

	// Derive returns 32 bytes that depend on the key's first version and
	// context alone, and say nothing about either.
	Derive(ctx context.Context, name Name, context string) (Secret, error)

	// MAC returns a 32-byte keyed hash of data under the first version.
	MAC(ctx context.Context, name Name, data []byte) ([]byte, error)

	// Sign returns an Ed25519 signature by the newest version.
	Sign(ctx context.Context, name Name, message []byte) ([]byte, error)

	// Verify checks a signature by any version.
	Verify(ctx context.Context, name Name, message, signature []byte) error

	// Public returns the newest version's verification key.
	Public(ctx context.Context, name Name) (ed25519.PublicKey, error)

	// Rotate adds a version and returns its number. The first version is 1.
	Rotate(ctx context.Context, name Name) (int, error)

	// Destroy removes every version beyond recovery by this keyring. It may be
	// repeated: an interrupted destruction is finished, and a finished one is
	// reported again.
	Destroy(ctx context.Context, name Name) (Evidence, error)

	// List returns the keys of a class by name, destroyed ones included.
	List(ctx context.Context, class Class) ([]Info, error)
}

// Wrapped is a data key sealed under a named key: opaque and safe to store.
type Wrapped []byte

// Info describes a key without revealing it.
type Info struct {
	Name      Name `json:"name"`
	Versions  int  `json:"versions"`
	Destroyed bool `json:"destroyed,omitempty"`
}

// Evidence says what a destruction removed and what it could not reach. It
// belongs into the certificate of deletion.
type Evidence struct {
	Name     Name      `json:"name"`
	Time     time.Time `json:"time"`
	Versions int       `json:"versions"` // how many versions were destroyed
	Method   string    `json:"method"`   // how
	Public   []string  `json:"public,omitempty"`
	Remains  []string  `json:"remains"` // what may still exist, and why
}
