package workspace

import (
	"time"

	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// ExtractTable is one table of an extract as it was cut.
type ExtractTable struct {
	Name      string      `json:"name"` // dataset slug, two underscores, table: as it is called in the workspace
	Ref       objects.Ref `json:"ref"`
	Variables []string    `json:"variables"`
}

// Extract is the permitted variables and rows, re-keyed for the project and
// sealed with its key. Sidecar is for the airlock alone and is never mounted.
type Extract struct {
	ID       string         `json:"id"`
	Project  string         `json:"project"`
	Permit   string         `json:"permit"`
	State    string         `json:"state"`
	Versions []string       `json:"versions,omitempty"` // it is cut from
	Tables   []ExtractTable `json:"tables,omitempty"`
	Database objects.Ref    `json:"database,omitzero"` // extract.duckdb
	Sidecar  objects.Ref    `json:"sidecar,omitzero"`
	Manifest objects.Ref    `json:"manifest,omitzero"`
	Says     string         `json:"says,omitempty"`
	Started  time.Time      `json:"started"`
	Cut      time.Time      `json:"cut,omitzero"`
	Ended    *Ended         `json:"ended,omitempty"`

	// Run is the run of a standing output that it was cut for: no workspace
	// ever holds it, since the difference to the one it holds shows who left.
	Run      string     `json:"run,omitempty"`
	OptedOut []OptedOut `json:"opted_out,omitempty"`

	// Linkages is how many linkages had ended when it was cut, Aliases the
	// numbers in sidecars of whom they joined or parted, for the airlock alone.
	Linkages int         `json:"linkages,omitempty"`
	Aliases  objects.Ref `json:"aliases,omitzero"`
	// Named is the number of the Ark's key of names on which the project's own
	// names of people rest; 0 is the first. All of a project's extracts have the
	// one that its first extract has, so that a person keeps their name.
	Named int `json:"named,omitempty"`
	// Renamed are datasets whose keys of things other than people are not those
	// of the extract before: the Ark's key of names was changed between them.
	Renamed []string `json:"renamed,omitempty"`
}

// OptedOut is how many people of a dataset's version were left out of a cut
// for the national data opt-out, as the disclosure profile shows it.
type OptedOut struct {
	Dataset string `json:"dataset"`
	People  string `json:"people"`
}

// Ended is the record of an extract's destruction: which objects were deleted,
// why, and what had to stay.
type Ended struct {
	Why     string    `json:"why"`
	At      time.Time `json:"at,omitzero"`
	Objects int       `json:"objects"`
	Bytes   int64     `json:"bytes"`
	Homes   []string  `json:"homes,omitempty"` // workspaces whose own copy was emptied out of the volume
}

// EndJob is what the publishing worker is given to destroy an extract.
type EndJob struct {
	Extract string        `json:"extract"`
	Refs    []objects.Ref `json:"refs"`
}

// EndResult is what it gives back.
type EndResult struct {
	Objects int   `json:"objects"`
	Bytes   int64 `json:"bytes"`
}

// SelfTest is the outcome of the leak attempts made inside a workspace before
// it was handed over.
type SelfTest struct {
	At       time.Time `json:"at"`
	Attempts int       `json:"attempts"`
	Held     int       `json:"held"` // attempts that were stopped
	Escaped  []string  `json:"escaped,omitempty"`
}

// Passed reports whether the test ran and every attempt was stopped.
func (s SelfTest) Passed() bool {
	return s.Attempts >= 30 && s.Held == s.Attempts && len(s.Escaped) == 0
}

// Workspace is an isolated place for one user in one project.
type Workspace struct {
	ID         string    `json:"id"`
	Project    string    `json:"project"`
	User       string    `json:"user"`
	Permit     string    `json:"permit"`
	Extract    string    `json:"extract"`
	State      string    `json:"state"`
	Says       string    `json:"says,omitempty"`   // why it is frozen or failed
	Remedy     string    `json:"remedy,omitempty"` // and who can mend it
	SelfTest   SelfTest  `json:"self_test"`
	Created    time.Time `json:"created"`
	StateSince time.Time `json:"state_since"`
}

// StartJob is what the enclave worker is given to bring a workspace up.
type StartJob struct {
	Workspace string         `json:"workspace"`
	Project   string         `json:"project"`
	User      string         `json:"user"`
	Extract   string         `json:"extract"`
	Tables    []ExtractTable `json:"tables"`
	Database  objects.Ref    `json:"database"`
	// Empty takes the extract out of the volume and starts nothing: the home stays.
	Empty bool `json:"empty,omitempty"`
}

// StartResult is what it gives back.
type StartResult struct {
	Failed   string   `json:"failed,omitempty"`
	Emptied  bool     `json:"emptied,omitempty"`
	SelfTest SelfTest `json:"self_test"`
}

// CutJob is what the publishing worker is given to cut an extract.
type CutJob struct {
	Extract    string          `json:"extract"`
	Project    string          `json:"project"`
	Permit     string          `json:"permit"`
	PermitHash string          `json:"permit_hash"`
	OptOut     string          `json:"opt_out"` // "applied" or "exempt"
	OptOuts    objects.Ref     `json:"opt_outs,omitzero"`
	Cuts       []catalogue.Cut `json:"cuts"`
	// Joined are the person ids of the index that were ever one person's.
	Joined [][]string `json:"joined,omitempty"`
	// Named is the number of the key of names on which the project's names rest.
	// Indexes are, by version, the person indexes that lead from the version's
	// names to those: only for versions that are named under another.
	Named   int                    `json:"named,omitempty"`
	Indexes map[string]objects.Ref `json:"indexes,omitempty"`
}

// CutResult is what it gives back.
type CutResult struct {
	Failed   string         `json:"failed,omitempty"`
	Tables   []ExtractTable `json:"tables"`
	Database objects.Ref    `json:"database"`
	Sidecar  objects.Ref    `json:"sidecar"`
	Aliases  objects.Ref    `json:"aliases,omitzero"`
	Manifest objects.Ref    `json:"manifest"`
	OptedOut []OptedOut     `json:"opted_out,omitempty"`
}

var (
	extracts = store.Docs[Extract]{Table: "extracts", Noun: "extract", Keys: []string{"project", "permit", "state"},
		Of: func(e *Extract) (string, []any) { return e.ID, []any{e.Project, e.Permit, e.State} }}
	workspaces = store.Docs[Workspace]{Table: "workspaces", Noun: "workspace", Keys: []string{"project", "usr", "state"},
		Of: func(w *Workspace) (string, []any) { return w.ID, []any{w.Project, w.User, w.State} }}
)
