package intake

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
)

// Contract is the declared, versioned shape of a source. The zero Contract
// accepts nothing.
type Contract struct {
	Name     string              `yaml:"contract"`
	Version  string              `yaml:"version"`
	Title    string              `yaml:"title"`
	Declared Declared            `yaml:"declared"`
	Licence  string              `yaml:"licence"`
	Format   Format              `yaml:"format"`
	Delivers Delivers            `yaml:"delivers"`
	Lists    map[string]CodeList `yaml:"code_lists"`
	Limits   ContractLimits      `yaml:"limits"`
	Tables   []*Table            `yaml:"tables"`
	Between  []Between           `yaml:"between"` // conditions between rows and tables of a delivery
	// Retention is for how long what was delivered is kept as it came.
	Retention ContractRetention `yaml:"retention"`

	hash string
}

// Declared is what the data is said to be. Only the first two are accepted
// where Ark runs as a demonstration.
type Declared string

// The declarations.
const (
	Synthetic Declared = "synthetic" // about nobody
	Public    Declared = "public"    // published by whoever may
	Personal  Declared = "personal"  // about people
)

// Format is how files are written.
type Format struct {
	Kind      string   `yaml:"kind"`      // csv, parquet, fhir-ndjson or hl7v2
	Delimiter string   `yaml:"delimiter"` // one character, or auto; a comma by default
	Encoding  string   `yaml:"encoding"`  // utf-8 (the default), windows-1252 or auto
	Missing   []string `yaml:"missing"`   // texts that mean nothing is there, besides the empty one
}

// Delivers says whether a delivery holds everything or what changed.
type Delivers string

// The kinds of delivery.
const (
	Changes Delivers = "changes" // rows replace earlier ones of the same key
	Full    Delivers = "full"    // the last delivery is all there is
)

// CodeList is a closed list of codes, versioned with the contract.
type CodeList struct {
	Version string            `yaml:"version"`
	Codes   map[string]string `yaml:"codes"`   // code → what it means
	Becomes map[string]string `yaml:"becomes"` // the sender's code → the Ark's, where they differ
}

// ContractRetention is for how many days a delivery's files are kept as they
// came, after they arrived; 0 keeps them for good. What intake made of them, and
// their hashes, are no part of it.
type ContractRetention struct {
	Delivered int `yaml:"delivered"`
}

// ContractLimits bound what a delivery may do before it is refused as a whole.
type ContractLimits struct {
	Quarantined float64 `yaml:"quarantined"` // greatest share of a table's rows, default 0.25
}

// Table is one table of a contract.
type Table struct {
	Name     string     `yaml:"name"`
	Title    string     `yaml:"title"`
	Resource string     `yaml:"resource"` // the FHIR resource type of each line
	Segment  string     `yaml:"segment"`  // the HL7 v2 segment that makes a row
	Messages []string   `yaml:"messages"` // the HL7 v2 messages taken, like ADT^A01; * takes all
	Where    []Where    `yaml:"where"`    // HL7 v2: only segments in which these hold
	Key      []string   `yaml:"key"`      // fields that tell rows apart
	Person   []string   `yaml:"person"`   // fields with the sender's number of the person
	Change   *Change    `yaml:"change"`
	Fields   []*Field   `yaml:"fields"`
	Coarse   []Coarse   `yaml:"coarse"`
	Rules    []Rule     `yaml:"rules"`
	Define   []Named    `yaml:"define"`    // named parts of rules, referred to as @name
	LeaveOut []LeaveOut `yaml:"leave_out"` // rows that may not pass at all
	by       map[string]int
	marks    bool // a person's table of the contract may withdraw its people, so every table marks rows
}

// Where is a condition on a segment.
type Where struct {
	Path string   `yaml:"path"`
	Is   []string `yaml:"is"`
}

// Change names the field that marks withdrawn rows.
type Change struct {
	Field   string   `yaml:"field"`
	Deleted []string `yaml:"deleted"`
}

// To is where a field goes. There is no default: a field whose way is not
// declared makes the contract invalid.
type To string

// The ways.
const (
	ToPayload    To = "payload"    // facts
	ToIdentifier To = "identifier" // the identifier zone alone
	ToEntity     To = "entity"     // a keyed hash in the payload
	ToNone       To = "none"       // read for keys, rules and coarse fields, and then dropped
)

// Role is what an identifier is. The names are those of identifiers.parquet.
type Role string

// The roles, in the order of the identifier file's columns.
const (
	NHSNumber   Role = "nhs_number"
	GivenName   Role = "given_name"
	MiddleName  Role = "middle_name"
	FamilyName  Role = "family_name"
	DateOfBirth Role = "date_of_birth"
	Sex         Role = "sex"
	Postcode    Role = "postcode"
	Address1    Role = "address_1"
	Address2    Role = "address_2"
	Phone       Role = "phone"
	Email       Role = "email"
	EventDate   Role = "event_date"
)

// Field is one column of a file, or one path of a resource.
type Field struct {
	Name        string    `yaml:"name"`
	Header      string    `yaml:"header"` // the sender's name for it; Name by default; #row: the row's number in its file
	Path        string    `yaml:"path"`   // where it is in a FHIR resource or an HL7 v2 message
	Title       string    `yaml:"title"`
	Type        FieldType `yaml:"type"`
	Format      string    `yaml:"format"` // of dates and datetimes: yyyy-mm-dd by default
	To          To        `yaml:"to"`
	Role        Role      `yaml:"role"`     // of an identifier
	Entity      string    `yaml:"entity"`   // of an entity key: what it names
	Column      string    `yaml:"column"`   // the output column; Name by default
	Optional    bool      `yaml:"optional"` // the file may lack the column
	Required    bool      `yaml:"required"` // every row has a value
	Min         string    `yaml:"min"`
	Max         string    `yaml:"max"` // a number, a date, or today
	MinLength   int       `yaml:"min_length"`
	MaxLength   int       `yaml:"max_length"`
	Pattern     string    `yaml:"pattern"`
	Codes       string    `yaml:"codes"`       // a code list's name
	OnFail      Action    `yaml:"on_fail"`     // quarantine by default
	Sensitivity string    `yaml:"sensitivity"` // ordinary, special or restricted; a dataset's tier follows it
	Unit        string    `yaml:"unit"`
	FreeText    bool      `yaml:"free_text"` // declared free text; otherwise a long text is refused
	pattern     *regexp.Regexp
}

// Action is what happens to a value that breaks a rule.
type Action string

// The actions, the strictest first.
const (
	Quarantine Action = "quarantine" // the row waits for its sender
	Blank      Action = "blank"      // the row goes on without the value
	Flag       Action = "flag"       // the row goes on, and the report counts it
)

// Coarse derives one demographic column.
type Coarse struct {
	Column string `yaml:"column"` // year_of_birth, sex, lsoa, imd_decile or ethnicity
	From   string `yaml:"from"`
	Take   string `yaml:"take"` // value by default, or year
}

// Rule is a condition on a row, in the filter language. A row breaks it where
// it is false; where a value is missing it is neither true nor false and holds.
type Rule struct {
	ID      string `yaml:"id"`
	Says    string `yaml:"says"` // the reason a sender reads
	Require string `yaml:"require"`
	Kind    Kahn   `yaml:"kind"`
	OnFail  Action `yaml:"on_fail"`
}

// LeaveOut says which rows may not pass although nothing is wrong with them:
// records marked sensitive, or of code groups that the law restricts. Of such a
// row only its keys pass, as a withdrawal, so that an earlier one goes too.
type LeaveOut struct {
	ID   string `yaml:"id"`
	Says string `yaml:"says"`
	When string `yaml:"when"` // in the filter language
}

// Named is a named part of rules.
type Named struct {
	Name string `yaml:"name"`
	Is   string `yaml:"is"`
}

// Kahn is a rule's kind in the harmonised data quality terms of Kahn et al.
type Kahn string

// The kinds.
const (
	Conformance  Kahn = "conformance"
	Completeness Kahn = "completeness"
	Plausibility Kahn = "plausibility"
)

// maxContract bounds the text of a contract.
const maxContract = 1 << 20

// ParseContract reads a contract. An unknown key, a second document, a field
// that is named but not there, or a way that is not declared is an Invalid
// fault.
func ParseContract(text []byte) (*Contract, error) {
	if len(text) > maxContract {
		return nil, ark.Faultf(ark.TooMuch, "a contract has at most %d bytes", maxContract)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	var c Contract
	if err := d.Decode(&c); err != nil {
		return nil, yamlFault(err)
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, ark.Faultf(ark.Invalid, "the contract has something after its end").Do("keep one YAML document in the file")
	}
	sum := sha256.Sum256(text)
	c.hash = hex.EncodeToString(sum[:])
	return &c, c.check()
}

// yamlFault turns the decoder's error into a fault. A contract holds no rows,
// so its own words may be shown.
func yamlFault(err error) error {
	says := strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\n  ", " "), "yaml: ")
	says = strings.ReplaceAll(says, "in type intake.", "in a ")
	return ark.Faultf(ark.Invalid, "the contract cannot be read: %s", says).Do("compare it with deploy/demo/contracts, and mend the line named")
}

// Hash is the SHA-256 of the contract's text.
func (c *Contract) Hash() string { return c.hash }

// Table returns the named table, nil if there is none.
func (c *Contract) Table(name string) *Table {
	for _, t := range c.Tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Field returns the named field, nil if there is none.
func (t *Table) Field(name string) *Field {
	if i, ok := t.by[name]; ok {
		return t.Fields[i]
	}
	return nil
}

// Identifies reports whether the table carries direct identifiers.
func (t *Table) Identifies() bool {
	for _, f := range t.Fields {
		if f.To == ToIdentifier {
			return true
		}
	}
	return false
}

// Withdraws reports whether the table holds one row a person and can withdraw
// that row: what becomes of it then holds for everything of the person at the
// source, in whatever table.
func (t *Table) Withdraws() bool {
	return len(t.Person) > 0 && slices.Equal(t.Key, t.Person) && (t.Change != nil || len(t.LeaveOut) > 0)
}

// PayloadSchema is the columns of the table's payload file: the record's key,
// the person's, entity keys, facts, and the mark of withdrawn rows.
func (t *Table) PayloadSchema() columnar.Schema {
	s := columnar.Schema{{Name: keyColumn, Type: columnar.String}}
	if len(t.Person) > 0 {
		s = append(s, columnar.Field{Name: "person_record_key", Type: columnar.String, Nullable: true})
	}
	for _, way := range []To{ToEntity, ToPayload} {
		for _, f := range t.Fields {
			if f.To == way {
				s = append(s, columnar.Field{Name: f.Column, Type: f.columnType(), Nullable: true})
			}
		}
	}
	if t.Change != nil || len(t.LeaveOut) > 0 || t.marks {
		s = append(s, columnar.Field{Name: markColumn, Type: columnar.Bool})
	}
	return s
}
