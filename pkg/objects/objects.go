// Package objects keeps bytes: content-verified, encrypted before they leave
// the process, in zones that never mix.
//
// Two layers. A Backend (objects/folder, objects/s3) stores opaque bytes under
// a name once: no overwriting, durable on return, retention where the zone
// demands it; objects/objectstest is its contract. Store stands above it:
// every object of a sealed zone is encrypted in chunks under a data key of
// its own, wrapped by a named key; the plaintext's SHA-256 is recorded in the
// object and checked on every read. A Ref, kept by the caller, pins what was
// written: an object that was changed, cut short, exchanged or renamed since
// is refused with ErrDamaged.
//
// The package may touch a backend and a keyring. It must never store
// plaintext of a sealed zone anywhere, not even in a temporary file, and
// never return bytes that it has not authenticated.
package objects

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
)

// Zone is where an object lives: one bucket or folder per zone.
type Zone string

// The zones.
const (
	Landing      Zone = "landing"
	Identifiers  Zone = "identifiers"
	Payload      Zone = "payload"
	Index        Zone = "index"
	Versions     Zone = "versions"
	Extracts     Zone = "extracts"
	Outputs      Zone = "outputs"
	Releases     Zone = "releases"
	Ledger       Zone = "ledger"
	Public       Zone = "public"
	Contributors Zone = "contributors"
	Lists        Zone = "lists"
)

// Rule says how a zone treats its objects. The zero Rule accepts nothing.
type Rule struct {
	Plain   bool          // stored as they are, readable by any web server
	Classes []keys.Class  // key classes that may seal here; none for a plain zone
	Retain  time.Duration // an object can't be deleted before this age; 0: at any time
	Mutable []string      // names that Replace may change (a plain zone's only)
	Passing []string      // names that contain one of these are never retained
}

// RetainFor returns how long the zone keeps an object of that name at least.
func (r Rule) RetainFor(name string) time.Duration {
	for _, p := range r.Passing {
		if strings.Contains(name, p) {
			return 0
		}
	}
	return r.Retain
}

// Rules holds the rule of each zone. A zone without one is refused.
type Rules map[Zone]Rule

const year = 365 * 24 * time.Hour

// DefaultRules are the rules of the design: versions, releases and the ledger
// are immutable for ten years.
func DefaultRules() Rules {
	return Rules{
		Landing:     {Classes: []keys.Class{keys.Landing}},
		Identifiers: {Classes: []keys.Class{keys.Identifiers}},
		Payload:     {Classes: []keys.Class{keys.Payload}},
		Index:       {Classes: []keys.Class{keys.Index}},
		Versions:    {Classes: []keys.Class{keys.Versions}, Retain: 10 * year},
		Extracts:    {Classes: []keys.Class{keys.Project, keys.Sidecar}},
		Outputs:     {Classes: []keys.Class{keys.Outputs}},
		Releases:    {Classes: []keys.Class{keys.Outputs}, Retain: 10 * year},
		// Sets outlive the projects whose releases they are of, else closing a
		// project would blind the comparison; after this they may go.
		Contributors: {Classes: []keys.Class{keys.Contributors}, Retain: 10 * year},
		Lists:        {Classes: []keys.Class{keys.Lists}},
		Ledger:       {Plain: true, Retain: 10 * year, Mutable: []string{"checkpoint"}, Passing: []string{".p/", "pending/"}},
		Public:       {Plain: true},
	}
}

// Ref pins an object: where it is and what its plaintext hashes to. The zero
// Ref opens nothing. Compare SHA256, not Refs, between two stores: Seal is
// different each time the same plaintext is sealed.
type Ref struct {
	Zone   Zone   `json:"zone"`
	Name   string `json:"name"`
	SHA256 string `json:"sha256"` // of the plaintext, hex
	Size   int64  `json:"size"`   // of the plaintext
	Seal   string `json:"seal,omitempty"`
}

// ErrDamaged is in the chain of every error about an object that is not what
// was stored under its name.
var ErrDamaged = errors.New("objects: not what was stored")

var segment = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.=+-]*$`)

// CheckName reports whether name can name an object: segments of letters,
// digits and _ . = + - that don't begin with a dot, joined by slashes, at most
// 512 bytes.
func CheckName(name string) error {
	ok := len(name) <= 512
	for s := range strings.SplitSeq(name, "/") {
		ok = ok && len(s) <= 200 && segment.MatchString(s)
	}
	if !ok {
		return ark.Faultf(ark.Invalid, "that can't be the name of an object").
			Do("use letters, digits and _ . = + - in segments joined by slashes; no segment begins with a dot")
	}
	return nil
}

func (r Rules) find(z Zone) (Rule, error) {
	rule, ok := r[z]
	if !ok || !rule.Plain && len(rule.Classes) == 0 {
		return Rule{}, ark.Faultf(ark.Invalid, "there is no zone %q", string(z)).Do("use one of the configured zones")
	}
	return rule, nil
}

func notFound(z Zone, name string) error {
	return ark.Faultf(ark.Unknown, "there is no object %q in the zone %q", name, string(z)).
		Do("check the name; if it was there before, restore it from a backup").Because(ErrNotFound)
}

func conflict(z Zone, name string) error {
	return ark.Faultf(ark.Conflict, "the object %q in the zone %q exists with other content", name, string(z)).
		Do("objects are never overwritten: store the new content under a new name")
}

func damaged(z Zone, name, how string) error {
	return ark.Faultf(ark.Internal, "the object %q in the zone %q %s", name, string(z), how).
		Do("don't use it; restore it from a backup and find out who changed the store").Because(ErrDamaged)
}

func unavailable(z Zone, name string, err error) error {
	return ark.Faultf(ark.Unavailable, "the object store did not answer for %q in the zone %q", name, string(z)).
		Do("try again; if it goes on, check the store and its disk").Because(err)
}
