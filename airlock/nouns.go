package airlock

import (
	"time"

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
}

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
	Ref      objects.Ref          `json:"ref"`
	Verdict  string               `json:"verdict,omitempty"` // pass, review, fail; empty until checked
	Findings []disclosure.Finding `json:"findings,omitempty"`
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
	Text   string    `json:"text"`
	Public bool      `json:"public"` // meant for the author of the request too
	At     time.Time `json:"at"`
	Blind  bool      `json:"blind"` // written in the independent phase
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
	Offered     time.Time       `json:"offered,omitzero"` // when this round came before the checkers
	Claimed     string          `json:"claimed,omitempty"`
	Release     string          `json:"release,omitempty"`
	ReleasedBy  string          `json:"released_by,omitempty"`
	Says        string          `json:"says,omitempty"`
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
}

var (
	requests = store.Docs[Request]{Table: "requests", Noun: "output request", Keys: []string{"project", "author", "state"},
		Of: func(r *Request) (string, []any) { return r.ID, []any{r.Project, r.Author, r.State} }}
	releases = store.Docs[Release]{Table: "releases", Noun: "release", Keys: []string{"project", "request"},
		Of: func(r *Release) (string, []any) { return r.ID, []any{r.Project, r.Request} }}
)
