package airlock

import (
	"time"

	"github.com/ark-tre/ark/airlock/acro"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// Group is files that belong together, with the context a checker needs. All
// of it is unreviewed text.
type Group struct {
	Name       string `json:"name"`
	Context    string `json:"context"`    // what it is and what it is for
	Population string `json:"population"` // who is in it, and how many
	Controls   string `json:"controls"`   // disclosure control already applied
	Relation   string `json:"relation"`   // how it relates to earlier releases

	Kind    string `json:"kind,omitempty"`               // one of GroupKinds; empty is a table
	Counts  string `json:"counts,omitempty"`             // how many people stand behind the smallest number
	Freedom string `json:"degrees_of_freedom,omitempty"` // of a model: a number
	Code    string `json:"code,omitempty"`               // the repository or file that made it
	Commit  string `json:"commit,omitempty"`             // the code's commit, in hexadecimal
}

// GroupKinds are what a group may hold.
func GroupKinds() []string { return []string{"table", "figure", "model", "text", "code"} }

// Classes of requests. Code and standing outputs need one checker.
const (
	ClassOutput   = ""
	ClassCode     = "code"
	ClassStanding = "standing"
)

// Kinds of files.
const (
	KindOutput     = "output"     // is to leave
	KindSupporting = "supporting" // is seen by checkers and never leaves
)

// File is one submitted file, pinned by its hash. Ordinal counts files of the
// request from 1: outside the enclave a file is known by it.
type File struct {
	ID       string               `json:"id"`
	Ordinal  int                  `json:"ordinal"`
	Group    int                  `json:"group"` // index into Groups
	Name     string               `json:"name"`  // unreviewed
	Kind     string               `json:"kind"`
	Type     string               `json:"type,omitempty"` // media type, by content
	Ref      objects.Ref          `json:"ref"`            // what is looked at, voted on and leaves: once checked, the clean file
	Rows     int                  `json:"rows,omitempty"`
	Release  string               `json:"release,omitempty"`    // it left with this release
	Waved    []string             `json:"overridden,omitempty"` // failing rules that were decided not to apply
	Verdict  string               `json:"verdict,omitempty"`    // pass, review, fail; empty until checked
	Findings []disclosure.Finding `json:"findings,omitempty"`

	Submitted Submitted `json:"submitted,omitzero"` // what the author sent, where the clean file is another

	// ACRO is what ACRO or SACRO says of it: a claim of the author's own tool,
	// shown to checkers and believed by nobody.
	ACRO *acro.Claim `json:"acro,omitempty"`
	// Damaged says that the stored bytes were found not to be those that were
	// submitted: it can't leave until that is settled.
	Damaged bool `json:"damaged,omitempty"`
}

// Submitted is what an author sent. It stays sealed beside the clean file that
// the checks made of it, and never leaves.
type Submitted struct {
	Name string      `json:"name"`
	Ref  objects.Ref `json:"ref"`
}

// given is the file as its author sent it.
func (f File) given() Submitted {
	if f.Submitted.Name != "" {
		return f.Submitted
	}
	return Submitted{f.Name, f.Ref}
}

// Votes.
const (
	VoteApprove = "approve"
	VoteChanges = "changes"
)

// CheckerReview is one checker's part in one round. Done is when they finished
// it; before that, and until enough have finished, nobody else sees it.
type CheckerReview struct {
	Checker string            `json:"checker"`
	Human   string            `json:"human"`
	Org     string            `json:"org,omitempty"`
	Round   int               `json:"round"`
	Votes   map[string]string `json:"votes"` // file id → vote
	Done    time.Time         `json:"done,omitzero"`
}

// Comment is a remark on a request, a group or a file. Checkers' comments are
// for checkers unless they say otherwise.
type Comment struct {
	ID     string    `json:"id"`
	Round  int       `json:"round"`
	Author string    `json:"author"`
	Group  int       `json:"group"`
	File   string    `json:"file,omitempty"`
	Cell   string    `json:"cell,omitempty"`  // of the file: "B12", or "line 7"
	Reply  string    `json:"reply,omitempty"` // the comment that it answers
	Text   string    `json:"text"`
	Public bool      `json:"public"` // meant for the author of the request too
	At     time.Time `json:"at"`
	Blind  bool      `json:"blind"` // written in the independent phase

	Resolved   time.Time `json:"resolved,omitzero"`
	ResolvedBy string    `json:"resolved_by,omitempty"`
}

// Request is an output request. It holds what nobody may see whole: hand out
// View, never Request.
type Request struct {
	ID          string          `json:"id"`
	Project     string          `json:"project"`
	Permit      string          `json:"permit"`
	Extract     string          `json:"extract"`
	Workspace   string          `json:"workspace"`
	Author      string          `json:"author"`
	State       string          `json:"state"`
	Round       int             `json:"round"`
	Groups      []Group         `json:"groups"`
	Files       []File          `json:"files"`
	Destination string          `json:"destination"`
	Profile     string          `json:"profile"`
	Checkers    int             `json:"checkers"`
	Reviews     []CheckerReview `json:"reviews"`
	Comments    []Comment       `json:"comments"`
	Created     time.Time       `json:"created"`
	StateSince  time.Time       `json:"state_since"`
	Offered     time.Time       `json:"offered,omitzero"`  // when this round came before the checkers
	Release     string          `json:"release,omitempty"` // the latest one
	ReleasedBy  string          `json:"released_by,omitempty"`
	Says        string          `json:"says,omitempty"`
	Conflicts   int             `json:"conflicts,omitempty"` // rounds that conflicted with what left

	Class       string        `json:"class,omitempty"`
	Apart       bool          `json:"apart,omitempty"`      // checkers come from at least two organisations
	NeedSigns   []string      `json:"need_signs,omitempty"` // "lay", or an organisation's id
	Signs       []SignOff     `json:"signs,omitempty"`
	Former      []string      `json:"former,omitempty"`      // earlier authors
	Calibration bool          `json:"calibration,omitempty"` // known bad, to see whether checkers stop it; never released
	HeldFrom    string        `json:"held_from,omitempty"`   // the state it was held in
	Cut         []int         `json:"cut,omitempty"`         // rounds that a hold cut short
	Contests    []Contest     `json:"contests,omitempty"`
	Appeals     []Appeal      `json:"appeals,omitempty"`
	Assigned    []Assignment  `json:"assigned,omitempty"`
	Releases    []string      `json:"releases,omitempty"`
	Standing    string        `json:"standing,omitempty"` // the standing output that it is of
	Run         string        `json:"run,omitempty"`      // and which run of it
	Recipients  []string      `json:"recipients,omitempty"`
	Recounted   int           `json:"recounted,omitempty"` // the last round in which a review ceased to count
	Alone       bool          `json:"alone,omitempty"`     // automatic release would have been for it
	ended       string        // the outcome of the round that this change ends
	Dropped     []objects.Ref `json:"dropped,omitempty"` // clean files of checks that came too late
	moved       [][2]string   // the changes of state that this change made
	notify      bool          // write notices of them

	Earlier []Round `json:"earlier,omitempty"` // files of earlier rounds, for comparison
}

// Round is what an earlier round held.
type Round struct {
	Number int    `json:"number"`
	Files  []File `json:"files"`
}

// SignOff is the consent of somebody beside the checkers whom the permit asks.
type SignOff struct {
	As    string    `json:"as"` // "lay", or an organisation's id
	By    string    `json:"by"`
	Human string    `json:"human"`
	Round int       `json:"round"`
	Yes   bool      `json:"yes"`
	Says  string    `json:"says,omitempty"`
	At    time.Time `json:"at"`
}

// Contest is an author's claim that failed checks do not apply, and what was
// decided on it. Two output checkers have to agree; where a custodian's contract
// has the rule, that custodian too.
type Contest struct {
	Round   int                 `json:"round"`
	By      string              `json:"by"`
	Reason  string              `json:"reason"` // unreviewed
	At      time.Time           `json:"at"`
	Rules   map[string][]string `json:"rules"`             // SHA-256 of a file → its failing rules
	Need    []string            `json:"need,omitempty"`    // organisations that have to waive
	Opinion []Opinion           `json:"opinion,omitempty"` // of checkers and custodians
	Outcome string              `json:"outcome,omitempty"` // "upheld" or "dismissed"
}

// Opinion is one person's word on a contest.
type Opinion struct {
	By    string    `json:"by"`
	Human string    `json:"human"`
	Org   string    `json:"org,omitempty"` // of a waiving custodian
	Yes   bool      `json:"yes"`
	Says  string    `json:"says"`
	At    time.Time `json:"at"`
}

// Appeal is an author's appeal against a return, to a checker who has not seen
// the request.
type Appeal struct {
	Round   int       `json:"round"`
	By      string    `json:"by"`
	Reason  string    `json:"reason"` // unreviewed
	Arbiter string    `json:"arbiter"`
	At      time.Time `json:"at"`
	Outcome string    `json:"outcome,omitempty"` // "upheld": the author was right; "dismissed"
	Says    string    `json:"says,omitempty"`
	Decided time.Time `json:"decided,omitzero"`
}

// Assignment says that a checker has taken, or been given, a request.
type Assignment struct {
	User string    `json:"user"`
	By   string    `json:"by"`
	At   time.Time `json:"at"`
}

// ReleasedFile is one file of a release. Its name has been reviewed.
type ReleasedFile struct {
	Ordinal int    `json:"ordinal"`
	Name    string `json:"name"`
	SHA256  string `json:"sha256"`
	Size    int64  `json:"size"`
}

// Release is approved bytes bound to a destination: a signed bundle.
type Release struct {
	ID          string         `json:"id"`
	Project     string         `json:"project"`
	Request     string         `json:"request"`
	Permit      string         `json:"permit"`
	Recipients  []string       `json:"recipients"`
	Destination string         `json:"destination"`
	Files       []ReleasedFile `json:"files"`
	Bundle      objects.Ref    `json:"bundle"`
	Checkpoint  string         `json:"checkpoint"`
	At          time.Time      `json:"at"`
	By          string         `json:"by"`
	Downloads   int            `json:"downloads"`
	Frozen      bool           `json:"frozen"`
	FrozenSays  string         `json:"frozen_says,omitempty"`
	FrozenBy    string         `json:"frozen_by,omitempty"`
	FrozenAt    time.Time      `json:"frozen_at,omitzero"`

	DownloadUntil time.Time   `json:"download_until,omitzero"`
	Record        objects.Ref `json:"record,omitzero"`       // the internal record; the public one is in the bundle
	Incident      string      `json:"incident,omitempty"`    // the latest
	Contributors  objects.Ref `json:"contributors,omitzero"` // for the airlock's worker alone
	Standing      string      `json:"standing,omitempty"`    // the standing output that it is of
	Run           string      `json:"run,omitempty"`
	Exposure      []Exposure  `json:"exposure,omitempty"` // of its datasets, as of this release
}

var (
	requests = store.Docs[Request]{Table: "requests", Noun: "output request", Keys: []string{"project", "author", "state"},
		Of: func(r *Request) (string, []any) { return r.ID, []any{r.Project, r.Author, r.State} }}
	releases = store.Docs[Release]{Table: "releases", Noun: "release", Keys: []string{"project", "request"},
		Of: func(r *Release) (string, []any) { return r.ID, []any{r.Project, r.Request} }}
)
