package catalogue

import (
	"encoding/json"
	"time"

	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// Source is one feed of one organisation, with its contract.
type Source struct {
	ID           string    `json:"id"`
	Slug         string    `json:"slug"`
	Org          string    `json:"org"`
	Title        string    `json:"title"`
	Contract     string    `json:"contract"` // YAML
	ContractHash string    `json:"contract_hash"`
	ContractName string    `json:"contract_name"`
	Declared     string    `json:"declared"` // "synthetic", "public" or "personal"
	Registered   time.Time `json:"registered"`
	Breaks       []Break   `json:"breaks,omitempty"` // oldest first
}

// DeliveredFile is one file of a delivery as it landed: one object, or where it
// came in parts the parts in their order.
type DeliveredFile struct {
	Name  string        `json:"name"`
	Ref   objects.Ref   `json:"ref"`
	Parts []objects.Ref `json:"parts,omitempty"`
}

// Size is the file's bytes.
func (f DeliveredFile) Size() int64 {
	n := f.Ref.Size
	for _, p := range f.Parts {
		n += p.Size
	}
	return n
}

// Delivery is one arrival of files for a source. Number counts the deliveries
// of its source from 1, as they arrive. A row with the same key replaces that
// of a delivery that was sent earlier, whichever of them arrived first.
type Delivery struct {
	ID       string                 `json:"id"`
	Source   string                 `json:"source"`
	Name     string                 `json:"name"`
	Number   int                    `json:"number"`
	State    string                 `json:"state"`
	Files    []DeliveredFile        `json:"files"`
	Received time.Time              `json:"received"`
	Sent     time.Time              `json:"sent,omitzero"` // as its manifest says
	Checked  time.Time              `json:"checked,omitzero"`
	Says     string                 `json:"says,omitempty"`    // why it is blocked
	Outputs  map[string]objects.Ref `json:"outputs,omitempty"` // "identifiers", "demographics", "payload/<table>", "quality", "quarantine"
	Counts   DeliveryCounts         `json:"counts"`
	Quality  json.RawMessage        `json:"quality,omitempty"` // intake's report: exact, for the source's own people
	Expired  time.Time              `json:"expired,omitzero"`  // its retention was over: its files are removed, their hashes stay
	Gone     bool                   `json:"gone,omitempty"`    // and removed they are
}

// DeliveryCounts are rows of one delivery. They count rows of a feed, for its
// own data engineers; what others see passes a disclosure profile.
type DeliveryCounts struct {
	Read        int64 `json:"read"`
	Accepted    int64 `json:"accepted"`
	Quarantined int64 `json:"quarantined"`
	Duplicates  int64 `json:"duplicates"`
	Superseded  int64 `json:"superseded"` // replaced by a later row of the same delivery
}

// Linkage is one run over all current deliveries, and the person index it made.
type Linkage struct {
	ID         string                 `json:"id"`
	Number     int                    `json:"number"`
	State      string                 `json:"state"`
	Deliveries []string               `json:"deliveries"`
	Started    time.Time              `json:"started"`
	Finished   time.Time              `json:"finished,omitzero"`
	Says       string                 `json:"says,omitempty"`
	Outputs    map[string]objects.Ref `json:"outputs,omitempty"` // "index", "links", "persons", "report", "state"
	Report     json.RawMessage        `json:"report,omitempty"`
	Base       string                 `json:"base,omitempty"` // the run that it extended; empty: everything was compared
}

// Variable is one line of a dataset's dictionary.
type Variable struct {
	Name        string `json:"name" yaml:"name"`
	Type        string `json:"type" yaml:"type"`
	Meaning     string `json:"meaning" yaml:"meaning"`
	Sensitivity string `json:"sensitivity" yaml:"sensitivity"` // "ordinary", "quasi" (could single somebody out with others) or "sensitive"
	Transform   string `json:"transform" yaml:"transform"`     // "keep", "year", "month", "entity" (a re-keyed key)
	From        string `json:"from,omitempty" yaml:"from"`     // the payload column, when it has another name
	System      string `json:"system,omitempty" yaml:"system"` // "icd10", "opcs4" or "snomed": its codes are held against the restricted groups
}

// Origin is a payload table that feeds a dataset's table.
type Origin struct {
	Source   string `json:"source" yaml:"source"`               // slug
	Contract string `json:"contract,omitempty" yaml:"contract"` // instead of a source: every source with this contract
	Table    string `json:"table" yaml:"table"`
}

// Table is one table of a dataset. The table "person" is made from the person
// index and has no origins; every other row carries its person's pseudonym.
type Table struct {
	Name      string     `json:"name" yaml:"name"`
	Title     string     `json:"title" yaml:"title"`
	Variables []Variable `json:"variables" yaml:"variables"`
	From      []Origin   `json:"from" yaml:"from"`
}

// Dataset is what custodians offer.
type Dataset struct {
	ID         string   `json:"id" yaml:"-"`
	Slug       string   `json:"slug" yaml:"slug"`
	Title      string   `json:"title" yaml:"title"`
	Summary    string   `json:"summary" yaml:"summary"`
	Topic      string   `json:"topic" yaml:"topic"`
	Conditions []string `json:"conditions" yaml:"conditions"` // DUO codes
	Profile    string   `json:"profile" yaml:"profile"`       // disclosure profile
	Tables     []Table  `json:"tables" yaml:"tables"`
	Orgs       []string `json:"orgs" yaml:"-"`   // organisations whose sources feed it
	Latest     string   `json:"latest" yaml:"-"` // newest published version

	Retention *Retention `json:"retention,omitempty" yaml:"retention"`

	// Restricted are code lists, as name@version, that belong to a restricted
	// group beside the codes that Ark ships: group to lists.
	Restricted map[string][]string `json:"restricted,omitempty" yaml:"restricted"`
	// Hierarchies are code lists, as name@version, whose parents lead from the
	// codes of restricted groups to what lies below them.
	Hierarchies []string `json:"hierarchies,omitempty" yaml:"hierarchies"`
}

// PublishedTable is one table of a version, with its people and rows as exact
// counts for the workers and rounded texts for everybody else.
type PublishedTable struct {
	Name    string      `json:"name"`
	Ref     objects.Ref `json:"ref"`
	Rows    int64       `json:"rows"`
	RowText string      `json:"row_text"`
	Twice   string      `json:"twice,omitempty"` // rows that two organisations sent alike of one person, rounded; "" where that was not looked at
}

// Version is an immutable published state of a dataset.
type Version struct {
	ID         string                 `json:"id"`
	Dataset    string                 `json:"dataset"`
	Number     int                    `json:"number"`
	State      string                 `json:"state"`
	Linkage    string                 `json:"linkage"`
	Deliveries []string               `json:"deliveries"`
	Started    time.Time              `json:"started"`
	Published  time.Time              `json:"published,omitzero"`
	Says       string                 `json:"says,omitempty"`
	Tables     []PublishedTable       `json:"tables,omitempty"`
	People     string                 `json:"people,omitempty"` // rounded, as text
	Manifest   objects.Ref            `json:"manifest,omitzero"`
	Hash       string                 `json:"hash,omitempty"`      // of the manifest
	Synthetic  map[string]objects.Ref `json:"synthetic,omitempty"` // table → CSV
	Marginals  map[string]objects.Ref `json:"marginals,omitempty"` // table → the signed counts that its synthetic version is drawn from once a custodian has approved them
	Withheld   []Withheld             `json:"withheld,omitempty"`  // from those counts, by the disclosure rules
	Synthesis  *Synthesis             `json:"synthesis,omitempty"` // nil until a custodian has approved the counts
	Quality    []VariableQuality      `json:"quality,omitempty"`
	Dictionary []Table                `json:"dictionary,omitempty"`  // as it was when the version was built
	NamedUnder int                    `json:"named_under,omitempty"` // number of the key of names; 0 is the first
	Major      int                    `json:"major,omitempty"`       // of its edition; 0: from before there were editions
	Minor      int                    `json:"minor,omitempty"`
	Contracts  map[string]string      `json:"contracts,omitempty"` // source → its contract's name and version
	OwnKey     bool                   `json:"own_key,omitempty"`   // its tables are sealed by a key of its own, which can be destroyed
	Withdrawn  time.Time              `json:"withdrawn,omitzero"`
	Holds      []Hold                 `json:"holds,omitempty"`
	Ending     *Ending                `json:"ending,omitempty"`
}

// VariableQuality is what a researcher may know of a variable's completeness,
// rounded by the dataset's disclosure profile.
type VariableQuality struct {
	Table    string `json:"table"`
	Variable string `json:"variable"`
	Complete string `json:"complete"` // "98 %", "unknown"
}

// Table returns the published table of that name.
func (v Version) Table(name string) (PublishedTable, bool) {
	for _, t := range v.Tables {
		if t.Name == name {
			return t, true
		}
	}
	return PublishedTable{}, false
}

// Feasibility is a logged question how many people a filter would reach.
type Feasibility struct {
	ID      string            `json:"id"`
	Dataset string            `json:"dataset"`
	Version string            `json:"version"`
	User    string            `json:"user"`
	Filters map[string]string `json:"filters"`
	Asked   time.Time         `json:"asked"`
	State   string            `json:"state"` // "asked", "answered", "failed"
	People  string            `json:"people,omitempty"`
	Says    string            `json:"says,omitempty"`
}

var (
	sources = store.Docs[Source]{Table: "sources", Noun: "source", Keys: []string{"slug", "org"},
		Of: func(s *Source) (string, []any) { return s.ID, []any{s.Slug, s.Org} }}
	deliveries = store.Docs[Delivery]{Table: "deliveries", Noun: "delivery", Keys: []string{"source", "name", "state"},
		Of: func(d *Delivery) (string, []any) { return d.ID, []any{d.Source, d.Name, d.State} }}
	linkages = store.Docs[Linkage]{Table: "linkages", Noun: "linkage", Keys: []string{"state"},
		Of: func(l *Linkage) (string, []any) { return l.ID, []any{l.State} }}
	datasets = store.Docs[Dataset]{Table: "datasets", Noun: "dataset", Keys: []string{"slug"},
		Of: func(d *Dataset) (string, []any) { return d.ID, []any{d.Slug} }}
	versions = store.Docs[Version]{Table: "versions", Noun: "version", Keys: []string{"dataset", "number", "state"},
		Of: func(v *Version) (string, []any) { return v.ID, []any{v.Dataset, v.Number, v.State} }}
	feasibilities = store.Docs[Feasibility]{Table: "feasibility", Noun: "feasibility question", Keys: []string{"dataset", "usr"},
		Of: func(f *Feasibility) (string, []any) { return f.ID, []any{f.Dataset, f.User} }}
)
