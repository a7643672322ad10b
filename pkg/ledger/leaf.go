package ledger

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/gowebpki/jcs"

	"github.com/ark-tre/ark/pkg/ark"
)

// Leaf is one entry of the log. Time is UTC in whole microseconds.
type Leaf struct {
	ID       string    // evt_…
	Type     string    // what happened: lower-case words joined by dots and dashes
	Time     time.Time //
	Subjects []string  // identifiers of what it concerns; see Check
	Commit   [sha256.Size]byte
}

// SaltSize is the length of a commitment's salt.
const SaltSize = 32

// Entry is a leaf with the salt that opens its commitment. The salt is kept
// with the body and erased with it: what remains in the log says nothing.
type Entry struct {
	Leaf Leaf
	Salt []byte
}

// NewEntry makes an entry that commits to body. now and random are parameters
// so that a replay can repeat them; the time is cut to microseconds.
func NewEntry(id, typ string, now time.Time, subjects []string, body []byte, random io.Reader) (Entry, error) {
	salt := make([]byte, SaltSize)
	_, err := io.ReadFull(random, salt)
	if err != nil {
		return Entry{}, ark.Faultf(ark.Unavailable, "no randomness for the ledger's commitment").Do("try again").Because(err)
	}
	leaf := Leaf{ID: id, Type: typ, Time: now.UTC().Truncate(time.Microsecond), Subjects: append([]string{}, subjects...), Commit: Commit(salt, body)}
	return Entry{Leaf: leaf, Salt: salt}, leaf.Check()
}

// Commit is the commitment to body under salt: HMAC-SHA256 keyed by the salt.
// Without the salt it neither shows nor confirms a guess of the body.
func Commit(salt, body []byte) [sha256.Size]byte {
	h := hmac.New(sha256.New, salt)
	h.Write([]byte("ark/ledger/commit/1\x00"))
	h.Write(body)
	return [sha256.Size]byte(h.Sum(nil))
}

// Opens reports whether salt and body are what the leaf commits to.
func (l Leaf) Opens(salt, body []byte) bool {
	c := Commit(salt, body)
	return len(salt) == SaltSize && hmac.Equal(c[:], l.Commit[:])
}

const (
	maxSubjects = 64
	maxLeaf     = 8 << 10
	timeLayout  = "2006-01-02T15:04:05.000000Z"
)

var (
	typePattern   = regexp.MustCompile(`^[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*$`)
	idPattern     = regexp.MustCompile(`^[a-z]{3}_[0-9a-f]{32}$`)
	digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// Check refuses a leaf that could carry anything but identifiers: subjects are
// identifiers of the house; only a leaf whose type begins with "release." may
// also name content, as sha256:<hex>.
func (l Leaf) Check() error {
	bad := func(why string) error {
		return ark.Faultf(ark.Invalid, "that can't be a ledger entry: %s", why).
			Do("put identifiers into the leaf and everything else into the body")
	}
	switch {
	case ark.CheckID(ark.PrefixEvent, l.ID) != nil:
		return bad("its identifier is not an event's")
	case len(l.Type) > 64 || !typePattern.MatchString(l.Type):
		return bad("its type is not lower-case words joined by dots and dashes")
	case l.Time.Location() != time.UTC || !l.Time.Equal(l.Time.Truncate(time.Microsecond)) || l.Time.Year() < 2000 || l.Time.Year() > 9999:
		return bad("its time is not UTC in whole microseconds of our age")
	case len(l.Subjects) > maxSubjects:
		return bad("it has too many subjects")
	case l.Commit == [sha256.Size]byte{}:
		return bad("it commits to nothing")
	}
	for _, s := range l.Subjects {
		if !idPattern.MatchString(s) && !(strings.HasPrefix(l.Type, "release.") && digestPattern.MatchString(s)) {
			return bad("a subject is not an identifier")
		}
	}
	return nil
}

type leafJSON struct {
	Commit   string   `json:"commit"`
	ID       string   `json:"id"`
	Subjects []string `json:"subjects"`
	Time     string   `json:"time"`
	Type     string   `json:"type"`
}

// Encode returns the leaf's one encoding, RFC 8785 JSON.
func (l Leaf) Encode() ([]byte, error) {
	err := l.Check()
	if err != nil {
		return nil, err
	}
	doc, err := json.Marshal(leafJSON{
		Commit: base64.StdEncoding.EncodeToString(l.Commit[:]), ID: l.ID,
		Subjects: append([]string{}, l.Subjects...), Time: l.Time.Format(timeLayout), Type: l.Type,
	})
	if err != nil {
		return nil, err
	}
	doc, err = jcs.Transform(doc)
	if err == nil && len(doc) > maxLeaf {
		err = ark.Faultf(ark.TooMuch, "that ledger entry is too long").Do("name fewer subjects")
	}
	return doc, err
}

// ParseLeaf reads a leaf. Any encoding but the one of Encode is refused.
func ParseLeaf(doc []byte) (Leaf, error) {
	malformed := ark.Faultf(ark.Invalid, "that is not a ledger entry in its canonical form").Do("take it from the log itself, byte for byte")
	if len(doc) > maxLeaf {
		return Leaf{}, malformed
	}
	var j leafJSON
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&j); err != nil {
		return Leaf{}, malformed
	}
	commit, err := base64.StdEncoding.Strict().DecodeString(j.Commit)
	if err != nil || len(commit) != sha256.Size {
		return Leaf{}, malformed
	}
	at, err := time.Parse(timeLayout, j.Time)
	if err != nil {
		return Leaf{}, malformed
	}
	l := Leaf{ID: j.ID, Type: j.Type, Time: at.UTC(), Subjects: j.Subjects, Commit: [sha256.Size]byte(commit)}
	again, err := l.Encode()
	if err != nil || !bytes.Equal(again, doc) {
		return Leaf{}, malformed
	}
	return l, nil
}
