package trace

import (
	"maps"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace/trace/seal"
)

// The kinds of trace.
const (
	Person = "person" // a finding about one person, for one named recipient
	Error  = "error"  // an error in the data, for its senders
)

// Reasons for which a person may be traced, with what they mean.
var reasons = map[string]string{
	"incidental-finding": "a finding that the person's own clinicians have to know",
	"safety":             "a danger to the person or to others",
	"return-of-results":  "a result that the ethics committee said is to be returned",
	"court-order":        "a court ordered it",
}

// Problems that an error report can name.
var problems = map[string]string{
	"impossible":    "the value cannot be true",
	"missing":       "a value that must be there is not",
	"wrong-code":    "the code means something else, or nothing",
	"wrong-date":    "the date is wrong, or in the wrong order with others",
	"wrong-unit":    "the value is in another unit than declared",
	"duplicate":     "the same thing is there twice",
	"contradiction": "it contradicts another value of the same person",
	"wrong-person":  "it seems to be about somebody else",
}

// Resolutions of an error by its sender.
var resolutions = map[string]string{
	"corrected":      "corrected at the source; it comes with a later delivery",
	"was-right":      "looked at; the data are right",
	"cannot-correct": "it is wrong and cannot be corrected",
	"not-ours":       "not from this organisation's system",
}

// Reasons, Problems and Resolutions are the closed lists and their words.
func Reasons() map[string]string     { return maps.Clone(reasons) }
func Problems() map[string]string    { return maps.Clone(problems) }
func Resolutions() map[string]string { return maps.Clone(resolutions) }

// keepFor is how long an answer waits to be fetched.
const keepFor = 30 * 24 * time.Hour

// Trace is one request and what became of it. Pseudonym is erased as soon as
// the record is found or is not.
type Trace struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Project   string    `json:"project"`
	State     string    `json:"state"`
	Extract   string    `json:"extract"`
	Linkage   string    `json:"linkage"`
	Pseudonym string    `json:"pseudonym,omitempty"`
	Reason    string    `json:"reason"` // of the reasons, or of the problems
	Dataset   string    `json:"dataset,omitempty"`
	Table     string    `json:"table,omitempty"`
	Variable  string    `json:"variable,omitempty"`
	Orgs      []string  `json:"orgs"` // organisations whose record is looked for
	By        string    `json:"by"`
	Asked     time.Time `json:"asked"`
	Approver  string    `json:"approver,omitempty"`
	Human     string    `json:"human,omitempty"`     // the human being behind the approver
	Recipient string    `json:"recipient,omitempty"` // of the answer about a person
	Decided   time.Time `json:"decided,omitzero"`
	Until     time.Time `json:"until,omitzero"`
	Parcels   []Parcel  `json:"parcels"`
}

// Parcel is one organisation's sealed answer and what it did with it.
type Parcel struct {
	Org          string      `json:"org"`
	Token        *seal.Token `json:"token,omitempty"`
	Acknowledged time.Time   `json:"acknowledged,omitzero"`
	Resolved     time.Time   `json:"resolved,omitzero"`
	Resolution   string      `json:"resolution,omitempty"`
	Delivery     string      `json:"delivery,omitempty"` // that brought the correction
}

func (t *Trace) parcel(org string) *Parcel {
	i := slices.IndexFunc(t.Parcels, func(p Parcel) bool { return p.Org == org })
	if i < 0 {
		return nil
	}
	return &t.Parcels[i]
}

// OrgKey is a public key of an organisation; the newest counts.
type OrgKey struct {
	ID          string    `json:"id"`
	Org         string    `json:"org"`
	Public      string    `json:"public"`
	Fingerprint string    `json:"fingerprint"`
	By          string    `json:"by"`
	At          time.Time `json:"at"`
}

// FindJob is what the publishing worker is given: it can name people as the
// project does, and knows no identifier.
type FindJob struct {
	Trace     string      `json:"trace"`
	Project   string      `json:"project"`
	Pseudonym string      `json:"pseudonym"`
	Index     objects.Ref `json:"index"`
	Names     int         `json:"names,omitempty"` // number of the Ark's key of names on which the extract's names rest; 0 is the first
}

// FindResult is what it gives back: keyed names of records, nobody's name.
type FindResult struct {
	Records []string `json:"records"`
}

// IdentifyJob is what the linkage worker is given: it can read identifiers, and
// knows no pseudonym.
type IdentifyJob struct {
	Trace   string            `json:"trace"`
	Why     string            `json:"why"`
	Records []string          `json:"records"`
	Inputs  []IdentifyFrom    `json:"inputs"`
	Keys    map[string]string `json:"keys"` // organisation → public key
	About   seal.About        `json:"about,omitzero"`
}

// IdentifyFrom is one delivery's identifiers, of an organisation asked.
type IdentifyFrom struct {
	Org    string      `json:"org"`
	Source string      `json:"source"`
	Ref    objects.Ref `json:"ref"`
}

// IdentifyResult is what it gives back, sealed.
type IdentifyResult struct {
	Tokens []seal.Token `json:"tokens"`
}

var (
	traces = store.Docs[Trace]{Table: "traces", Noun: "trace", Keys: []string{"project", "state"},
		Of: func(t *Trace) (string, []any) { return t.ID, []any{t.Project, t.State} }}
	orgKeys = store.Docs[OrgKey]{Table: "orgkeys", Noun: "key", Keys: []string{"org"},
		Of: func(k *OrgKey) (string, []any) { return k.ID, []any{k.Org} }}
)
