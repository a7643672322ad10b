package keys

import (
	"regexp"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
)

// Name is "class/name".
type Name string

// Class is the part of a name before the slash. The set is closed.
type Class string

// The classes.
const (
	Landing      Class = "landing"
	Identifiers  Class = "identifiers"
	Payload      Class = "payload"
	Index        Class = "index"
	Versions     Class = "versions"
	Project      Class = "project"
	Outputs      Class = "outputs"
	Sidecar      Class = "sidecar"
	Pseudonym    Class = "pseudonym"
	Signing      Class = "signing"      // manifests of versions and extracts
	Records      Class = "records"      // names of records, at intake
	Persons      Class = "persons"      // ids of persons, at linkage
	LedgerHead   Class = "ledger"       // checkpoints of the ledger
	Bodies       Class = "bodies"       // bodies of recorded acts
	Release      Class = "release"      // release statements
	Contributors Class = "contributors" // who stands behind released figures
	Lists        Class = "lists"        // numbers of people who objected or opted out
)

// Classes lists every class.
var Classes = [...]Class{Landing, Identifiers, Payload, Index, Versions, Project, Outputs, Sidecar, Pseudonym, Signing, Records, Persons, LedgerHead, Bodies, Release, Contributors, Lists}

// Use is something a key can do.
type Use int

// The uses. The zero use is none, and is refused.
const (
	_      Use = iota
	Seal       // NewDataKey, Unwrap, Fingerprint
	Hash       // Derive, MAC
	Attest     // Sign, Verify, Public
)

// Allows reports whether keys of the class have the use.
func (c Class) Allows(u Use) bool {
	switch c {
	case Signing, LedgerHead, Release:
		return u == Attest
	case Pseudonym, Records, Persons:
		return u == Hash
	case Landing, Identifiers, Payload, Index, Versions, Project, Outputs, Sidecar, Bodies, Contributors, Lists:
		return u == Seal || u == Hash
	}
	return false
}

var localName = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?$`)

// Of makes a name. It is checked where it is used.
func Of(c Class, name string) Name { return Name(string(c) + "/" + name) }

// Class returns the part before the slash, known or not.
func (n Name) Class() Class {
	c, _, _ := strings.Cut(string(n), "/")
	return Class(c)
}

// Local returns the part after the slash.
func (n Name) Local() string {
	_, l, _ := strings.Cut(string(n), "/")
	return l
}

// Check reports whether n is well formed and of a known class.
func (n Name) Check() error {
	for _, c := range Classes {
		if n.Class() == c && localName.MatchString(n.Local()) {
			return nil
		}
	}
	return ark.Faultf(ark.Invalid, "that is not the name of a key").
		Do("give class/name, with a known class and lower-case letters, digits, dot, dash and underscore after the slash")
}

// Permit checks the name and that its class has the use.
func (n Name) Permit(u Use) error {
	if err := n.Check(); err != nil {
		return err
	}
	if !n.Class().Allows(u) {
		return ark.Faultf(ark.Invalid, "keys of the class %q don't do that", string(n.Class())).
			Do("use a key of another class: signing/ signs, pseudonym/ derives, the others seal and derive")
	}
	return nil
}
