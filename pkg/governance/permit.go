package governance

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/gowebpki/jcs"
)

// Grant is what a permit grants of one dataset: exact variables of one pinned
// version, the rows, and whose rows are carved out because their custodian
// refused.
type Grant struct {
	Dataset   string              `json:"dataset"`
	Version   string              `json:"version"`
	Edition   int                 `json:"edition,omitempty"` // the major edition that it was given for
	Variables map[string][]string `json:"variables"`
	Filters   map[string]string   `json:"filters"`
	Without   []string            `json:"without"` // organisations carved out
}

// Holder is a user a permit names, with the human being behind the account.
type Holder struct {
	User  string `json:"user"`
	Human string `json:"human"`
}

// Permit is the machine-readable approval. It is immutable: an amendment makes
// a new one. Hash is SHA-256 over the RFC 8785 form of all other fields.
type Permit struct {
	ID          string            `json:"id"`
	Project     string            `json:"project"`
	Application string            `json:"application"`
	Holders     []Holder          `json:"holders"`
	Purposes    []string          `json:"purposes"`
	Grants      []Grant           `json:"grants"`
	OptOut      string            `json:"opt_out"`
	Restricted  map[string]string `json:"restricted,omitempty"` // restricted group of codes → legal basis
	Refresh     string            `json:"refresh,omitempty"`    // how often newer versions may be taken; empty: never
	Outputs     []string          `json:"outputs"`
	Profile     string            `json:"profile"` // name of the disclosure profile
	Destination string            `json:"destination"`
	Checkers    int               `json:"checkers"` // output checkers needed
	Conditions  []string          `json:"conditions"`
	From        time.Time         `json:"from"`
	Until       time.Time         `json:"until"`
	Issued      time.Time         `json:"issued"`
	Checkpoint  string            `json:"checkpoint"` // the ledger's signed head when it was issued
	Hash        string            `json:"hash"`

	Airlock AirlockTerms `json:"airlock,omitzero"`
}

// ComputeHash returns the hash that p should carry.
func (p Permit) ComputeHash() (string, error) {
	p.Hash = ""
	raw, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	canonical, err := jcs.Transform(raw)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}

// Names reports whether the permit names the user.
func (p Permit) Names(user string) bool {
	for _, h := range p.Holders {
		if h.User == user {
			return true
		}
	}
	return false
}
