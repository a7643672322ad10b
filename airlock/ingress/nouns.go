// Package ingress is the airlock inwards: files, code, packages and reference
// data that a user wants in their workspace, what the automatic checks found,
// who approved them, and when they came to lie in its inbox.
//
// Inbound data about people is how people of an extract could be recognised,
// so it is held against the extract where nobody sees either, and needs the
// custodians whose data it would meet. The room opens no file; the airlock's
// worker does. It must not import workspace.
package ingress

import (
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// Kinds of inputs.
const (
	KindFile      = "file"
	KindCode      = "code"
	KindPackage   = "package"
	KindReference = "reference"
)

// What its author says an input tells of people.
const (
	PeopleNone    = "none"
	PeopleCounts  = "counts"
	PeoplePersons = "persons" // a row is about one person
)

// Endings are what files of a kind may end in.
func Endings(kind string) []string {
	switch kind {
	case KindFile:
		return []string{"csv", "tsv", "txt", "md", "png", "jpg", "jpeg", "svg", "pdf"}
	case KindCode:
		return []string{"py", "r", "rmd", "qmd", "sql", "do", "jl", "sh", "stan", "toml", "yaml", "yml", "cfg", "ini", "txt", "md", "bib", "tex"}
	case KindPackage:
		return []string{"whl", "zip", "tar", "gz", "tgz"}
	case KindReference:
		return []string{"csv", "tsv"}
	}
	return nil
}

// Limits of one input.
const (
	MaxFiles = 25
	MaxBytes = 64 << 20 // of all its files
)

// File is one file of an input, pinned by its hash as it came.
type File struct {
	Ordinal  int                  `json:"ordinal"`
	Name     string               `json:"name"`
	Ref      objects.Ref          `json:"ref"`            // what goes in: once checked, the clean file
	Came     objects.Ref          `json:"came,omitzero"`  // what was sent, where the clean file is another
	Type     string               `json:"type,omitempty"` // by content
	Verdict  string               `json:"verdict,omitempty"`
	Findings []disclosure.Finding `json:"findings,omitempty"`
	Profile  Profile              `json:"profile,omitzero"`
	// Damaged says that its stored bytes were found not to be what came.
	Damaged bool `json:"damaged,omitempty"`
}

// Profile is what a file tells of people, as measured. Shares are rounded to
// five in a hundred, as texts.
type Profile struct {
	Rows    int      `json:"rows,omitempty"`
	Persons bool     `json:"persons,omitempty"` // a row is about one person
	Quasi   []string `json:"quasi,omitempty"`   // columns by which people can be told apart
	Unique  string   `json:"unique,omitempty"`  // share of rows that are alone with their values of those
	Matched string   `json:"matched,omitempty"` // share of rows that fit exactly one person of the extract
	By      []string `json:"by,omitempty"`      // the columns that it was held against the extract by
	Own     bool     `json:"own,omitempty"`     // it holds pseudonyms of this project's extract
}

// Need is one approval that an input waits for.
type Need struct {
	As   string   `json:"as"`             // airlock.AsChecker or AsCustodian
	Orgs []string `json:"orgs,omitempty"` // whose custodians may give it
	Done bool     `json:"done"`
}

// Input is what a user wants brought into their workspace.
type Input struct {
	ID         string             `json:"id"`
	Project    string             `json:"project"`
	Permit     string             `json:"permit"`
	Extract    string             `json:"extract"`
	Workspace  string             `json:"workspace"`
	Author     string             `json:"author"`
	State      string             `json:"state"`
	StateSince time.Time          `json:"state_since"`
	Says       string             `json:"says,omitempty"`
	Kind       string             `json:"kind"`
	Title      string             `json:"title"`
	Origin     string             `json:"origin"` // where it comes from, under which licence
	Why        string             `json:"why"`
	People     string             `json:"people"` // as its author says
	Files      []File             `json:"files"`
	Needs      []Need             `json:"needs"`
	Approvals  []airlock.Approval `json:"approvals"`
	Created    time.Time          `json:"created"`
	Delivered  time.Time          `json:"delivered,omitzero"`
}

// Persons reports whether a row of any of its files is about one person.
func (i *Input) Persons() bool {
	for _, f := range i.Files {
		if f.Profile.Persons {
			return true
		}
	}
	return i.People == PeoplePersons
}

var inputs = store.Docs[Input]{Table: "inputs", Noun: "input", Keys: []string{"project", "workspace", "author", "state"},
	Of: func(i *Input) (string, []any) { return i.ID, []any{i.Project, i.Workspace, i.Author, i.State} }}

// CheckJob is what the airlock worker is given.
type CheckJob struct {
	Input   string       `json:"input"`
	Project string       `json:"project"`
	Kind    string       `json:"kind"`
	Files   []File       `json:"files"`
	Data    airlock.Data `json:"data,omitzero"`
}

// CheckResult is what it gives back, of each file in its order.
type CheckResult struct {
	Files []File `json:"files"`
}
