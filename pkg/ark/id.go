package ark

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// Prefix says what kind of thing an identifier names; it is the part of the
// identifier before the underscore.
type Prefix string

// The prefixes in use. A prefix is never reused for another kind of thing.
const (
	PrefixUser         Prefix = "usr"
	PrefixOrganisation Prefix = "org"
	PrefixSource       Prefix = "src"
	PrefixDelivery     Prefix = "dlv"
	PrefixLinkage      Prefix = "lnk"
	PrefixDataset      Prefix = "dst"
	PrefixVersion      Prefix = "ver"
	PrefixProject      Prefix = "prj"
	PrefixApplication  Prefix = "app"
	PrefixReview       Prefix = "rev"
	PrefixPermit       Prefix = "prm"
	PrefixDelegation   Prefix = "dlg"
	PrefixExtract      Prefix = "ext"
	PrefixWorkspace    Prefix = "wsp"
	PrefixRequest      Prefix = "req"
	PrefixFile         Prefix = "fil"
	PrefixGroup        Prefix = "grp"
	PrefixRound        Prefix = "rnd"
	PrefixFinding      Prefix = "fnd"
	PrefixRelease      Prefix = "rel"
	PrefixJob          Prefix = "job"
	PrefixEvent        Prefix = "evt"
	PrefixSession      Prefix = "ses"
	PrefixFeasibility  Prefix = "fea"
	PrefixPair         Prefix = "pai"
	PrefixStanding     Prefix = "sto"
	PrefixRun          Prefix = "run"
	PrefixInput        Prefix = "inp"
	PrefixPasskey      Prefix = "pky"
	PrefixUpload       Prefix = "upl"
	PrefixTrace        Prefix = "trc"
	PrefixCodeList     Prefix = "cdl"
	PrefixSubscription Prefix = "sub"
	PrefixPublished    Prefix = "pub"
)

// NewID returns prefix_ and 32 hex digits of a UUIDv7 (RFC 9562): identifiers
// made later sort later. now and random are parameters so that a replay can
// repeat them.
func NewID(p Prefix, now time.Time, random io.Reader) string {
	var b [16]byte
	if _, err := io.ReadFull(random, b[6:]); err != nil {
		panic("ark: randomness ran out: " + err.Error()) // crypto/rand never fails; a test's reader must not
	}
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(b[:6], ms[2:])
	b[6] = 0x70 | b[6]&0x0f
	b[8] = 0x80 | b[8]&0x3f
	return string(p) + "_" + hex.EncodeToString(b[:])
}

// MakeID is NewID with the process's clock and randomness, for the edges
// (HTTP, command line) where nothing is replayed.
func MakeID(p Prefix) string { return NewID(p, time.Now(), rand.Reader) }

var idPattern = regexp.MustCompile(`^[a-z]{3}_[0-9a-f]{32}$`)

// IsID reports whether s is an identifier of any kind.
func IsID(s string) bool { return idPattern.MatchString(s) }

// CheckID reports whether s is an identifier of kind p. A wrong kind and a
// malformed one are the same Invalid fault; the text does not repeat s.
func CheckID(p Prefix, s string) error {
	if !idPattern.MatchString(s) || !strings.HasPrefix(s, string(p)+"_") {
		return Faultf(Invalid, "that is not an identifier of the kind %q", string(p)).Do(
			fmt.Sprintf("give one that looks like %s_ and 32 hex digits", p))
	}
	return nil
}
