package intake

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/pseudonym"
)

var (
	namePattern    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	slugPattern    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	versionPattern = regexp.MustCompile(`^\d{1,4}\.\d{1,4}\.\d{1,4}$`)
)

// reserved are output columns a contract may not name.
var reserved = []string{"record_key", "person_record_key", "person", "deleted", "source"}

// personTable is the name under which persons' record keys are made; no table
// may have it.
const personTable = pseudonym.PersonTable

// wrong makes a contract's fault. where is like "table events field code".
func wrong(where, format string, args ...any) error {
	return ark.Faultf(ark.Invalid, "%s", where+": "+fmt.Sprintf(format, args...)).Do("mend the contract")
}

// check settles defaults and returns the first thing wrong with the contract.
func (c *Contract) check() error {
	switch {
	case !slugPattern.MatchString(c.Name):
		return wrong("contract", "its name must be small letters, digits and hyphens")
	case !versionPattern.MatchString(c.Version):
		return wrong("contract", "its version must look like 1.0.0")
	case c.Declared != Synthetic && c.Declared != Public && c.Declared != Personal:
		return wrong("contract", "declared must say synthetic, public or personal")
	case c.Delivers != Changes && c.Delivers != Full:
		return wrong("contract", "delivers must say changes or full")
	case len(c.Tables) == 0:
		return wrong("contract", "it has no tables")
	case c.Retention.Delivered < 0 || c.Retention.Delivered > 36525:
		return wrong("contract", "retention.delivered is 0 to 36525 days")
	case c.Limits.Quarantined < 0 || c.Limits.Quarantined > 1:
		return wrong("contract", "limits.quarantined is a share from 0 to 1")
	}
	if c.Limits.Quarantined == 0 {
		c.Limits.Quarantined = 0.25
	}
	if err := c.Format.check(); err != nil {
		return err
	}
	for name, list := range c.Lists {
		if list.Version == "" || len(list.Codes) == 0 {
			return wrong("code list "+name, "it needs a version and codes")
		}
		for code := range list.Becomes {
			if _, ok := list.Codes[code]; !ok {
				return wrong("code list "+name, "becomes names a code that is not in the list")
			}
		}
	}
	seen := map[string]bool{personTable: true}
	for _, t := range c.Tables {
		if t == nil || !namePattern.MatchString(t.Name) || seen[t.Name] {
			return wrong("contract", "every table needs a name of its own of small letters, digits and underscores, and not %q", personTable)
		}
		seen[t.Name] = true
		if err := t.check(c); err != nil {
			return err
		}
	}
	leaves := slices.ContainsFunc(c.Tables, func(t *Table) bool { return t.Withdraws() && len(t.LeaveOut) > 0 })
	for _, t := range c.Tables {
		t.marks = leaves && len(t.Person) > 0
	}
	return c.checkBetween()
}

func (f *Format) check() error {
	switch f.Kind {
	case "csv":
	case "parquet":
		if f.Delimiter != "" || f.Encoding != "" {
			return wrong("format", "Parquet has no delimiter and no encoding")
		}
	case "fhir-ndjson", "hl7v2":
		if f.Delimiter != "" {
			return wrong("format", "only CSV has a delimiter")
		}
	default:
		return wrong("format", "kind must say csv, parquet, fhir-ndjson or hl7v2")
	}
	if f.Delimiter == "" {
		f.Delimiter = ","
	}
	if f.Delimiter != "auto" && !slices.Contains([]string{",", ";", "\t", "|"}, f.Delimiter) {
		return wrong("format", "delimiter must be a comma, semicolon, tab or bar, or auto")
	}
	switch f.Encoding {
	case "":
		f.Encoding = "utf-8"
	case "utf-8", "windows-1252", autoEncoding:
	default:
		return wrong("format", "encoding must say utf-8, windows-1252 or auto")
	}
	return nil
}

func (t *Table) check(c *Contract) error {
	where := "table " + t.Name
	t.by = make(map[string]int, len(t.Fields))
	if (c.Format.Kind == "fhir-ndjson") != (t.Resource != "") {
		return wrong(where, "resource is needed for FHIR and for nothing else")
	}
	if (c.Format.Kind == "hl7v2") != (t.Segment != "" && len(t.Messages) > 0) || c.Format.Kind != "hl7v2" && len(t.Where) > 0 {
		return wrong(where, "segment and messages are needed for HL7 v2, and where is, for nothing else")
	}
	for _, w := range t.Where {
		if _, err := parseHL7Path(w.Path); err != nil || len(w.Is) == 0 {
			return wrong(where, "a where needs a path and the texts it may be")
		}
	}
	columns, roles := map[string]bool{}, map[Role]bool{}
	for i, f := range t.Fields {
		if f == nil || !namePattern.MatchString(f.Name) {
			return wrong(where, "every field needs a name of small letters, digits and underscores")
		}
		if _, twice := t.by[f.Name]; twice {
			return wrong(where, "field %q is declared twice", f.Name)
		}
		t.by[f.Name] = i
		at := where + " field " + f.Name
		if err := f.check(at, c); err != nil {
			return err
		}
		switch f.To {
		case ToPayload, ToEntity:
			if columns[f.Column] || slices.Contains(reserved, f.Column) {
				return wrong(at, "the output column %q is taken", f.Column)
			}
			columns[f.Column] = true
		case ToIdentifier:
			if roles[f.Role] {
				return wrong(at, "the table has two fields of the role %s", f.Role)
			}
			roles[f.Role] = true
		}
	}
	if err := t.checkKeys(where); err != nil {
		return err
	}
	if err := t.checkCoarse(where); err != nil {
		return err
	}
	return t.checkRules(where)
}

func (t *Table) checkKeys(where string) error {
	if len(t.Key) == 0 {
		return wrong(where, "it has no key")
	}
	for _, name := range slices.Concat(t.Key, t.Person) {
		f := t.Field(name)
		if f == nil {
			return wrong(where, "its key names the field %q, which it has not", name)
		}
		f.Required, f.Optional = true, false
		if f.OnFail != Quarantine {
			return wrong(where, "the key field %q must be quarantined where it is wrong", name)
		}
	}
	if t.Identifies() && len(t.Person) == 0 {
		return wrong(where, "it carries identifiers, so it must say whose: person")
	}
	if t.Change != nil {
		if f := t.Field(t.Change.Field); f == nil || len(t.Change.Deleted) == 0 {
			return wrong(where, "change must name a field of the table and the values that withdraw a row")
		}
	}
	return nil
}

func (t *Table) checkCoarse(where string) error {
	seen := map[string]bool{}
	for i, d := range t.Coarse {
		f := t.Field(d.From)
		switch {
		case !slices.Contains(coarseColumns, d.Column) || seen[d.Column]:
			return wrong(where, "coarse columns are %s, each once", strings.Join(coarseColumns, ", "))
		case f == nil:
			return wrong(where, "the coarse column %s names the field %q, which it has not", d.Column, d.From)
		case d.Take == "year" && f.Type != TypeDate && f.Type != TypeBirth:
			return wrong(where, "a year is taken from a date; %q is a %s", d.From, f.Type)
		case d.Take != "" && d.Take != "value" && d.Take != "year":
			return wrong(where, "take must say value or year")
		case d.Take != "year" && f.Type != coarseType(d.Column) && !(f.Type == TypeCode && coarseType(d.Column) == TypeString):
			return wrong(where, "the coarse column %s takes a %s; %q is a %s", d.Column, coarseType(d.Column), d.From, f.Type)
		case d.Take != "year" && f.To == ToIdentifier && f.Role != Sex:
			return wrong(where, "the coarse column %s would carry the identifier %q unchanged", d.Column, d.From)
		}
		seen[d.Column] = true
		if d.Take == "" {
			t.Coarse[i].Take = "value"
		}
	}
	if len(t.Coarse) > 0 && len(t.Person) == 0 {
		return wrong(where, "it has coarse columns, so it must say whose: person")
	}
	return nil
}

// check settles a field's defaults.
func (f *Field) check(at string, c *Contract) error {
	f.Header = cmpOr(f.Header, f.Name)
	f.OnFail = Action(cmpOr(string(f.OnFail), string(Quarantine)))
	if !slices.Contains([]Action{Quarantine, Blank, Flag}, f.OnFail) {
		return wrong(at, "on_fail must say quarantine, blank or flag")
	}
	if !slices.Contains([]string{"", "ordinary", "special", "restricted"}, f.Sensitivity) {
		return wrong(at, "sensitivity must say ordinary, special or restricted")
	}
	if err := f.checkWay(at); err != nil {
		return err
	}
	if err := f.checkPath(at, c.Format.Kind); err != nil {
		return err
	}
	if f.Pattern != "" {
		if len(f.Pattern) > 500 {
			return wrong(at, "its pattern is too long")
		}
		p, err := regexp.Compile(`^(?:` + f.Pattern + `)$`)
		if err != nil {
			return wrong(at, "its pattern is not a regular expression")
		}
		f.pattern = p
	}
	if f.Codes != "" {
		if _, ok := c.Lists[f.Codes]; !ok {
			return wrong(at, "it names the code list %q, and the contract has only %v", f.Codes, slices.Sorted(maps.Keys(c.Lists)))
		}
	}
	return f.checkType(at)
}

func (f *Field) checkPath(at, kind string) error {
	if (kind == "csv" || kind == "parquet") != (f.Path == "") {
		return wrong(at, "path is needed for FHIR and HL7 v2, and for nothing else")
	}
	var speaks bool
	switch kind {
	case "fhir-ndjson":
		p, err := parsePath(f.Path)
		if err != nil {
			return wrong(at, "its path cannot be read: %v", err)
		}
		speaks = p.speaks()
	case "hl7v2":
		p, err := parseHL7Path(f.Path)
		if err != nil {
			return wrong(at, "its path cannot be read: %v", err)
		}
		speaks = p.speaks()
	}
	if speaks && !f.FreeText {
		return wrong(at, "its path reaches into free text, which must be declared: free_text")
	}
	return nil
}

func (f *Field) checkWay(at string) error {
	switch f.To {
	case ToPayload, ToNone:
		if f.Role != "" || f.Entity != "" {
			return wrong(at, "role is for identifiers and entity for entity keys")
		}
		f.Column = cmpOr(f.Column, f.Name)
	case ToIdentifier:
		if !slices.Contains(roles[:], f.Role) && !f.Role.encoded() || f.Entity != "" || f.Column != "" {
			return wrong(at, "an identifier needs a role, one of %v, or a keyed encoding as ark link encode names it", roles)
		}
		if f.Role.encoded() && f.Type != TypeString {
			return wrong(at, "a keyed encoding has the type string")
		}
	case ToEntity:
		if !namePattern.MatchString(f.Entity) || f.Role != "" || f.Type != TypeString {
			return wrong(at, "an entity key needs the entity's name, and the type string")
		}
		f.Column = cmpOr(f.Column, strings.TrimSuffix(f.Name, "_id")+"_key")
	default:
		return wrong(at, "to must say payload, identifier, entity or none: nothing passes that is not declared")
	}
	if f.Column != "" && !namePattern.MatchString(f.Column) {
		return wrong(at, "its column must be small letters, digits and underscores")
	}
	return nil
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// roles lists the identifier roles in the order of the file's columns.
var roles = [...]Role{NHSNumber, GivenName, MiddleName, FamilyName, DateOfBirth, Sex, Postcode, Address1, Address2, Phone, Email, EventDate}

// coarseColumns are the demographics that may cross to the person index.
var coarseColumns = []string{"year_of_birth", "sex", "lsoa", "imd_decile", "ethnicity"}

func coarseType(column string) FieldType {
	if column == "year_of_birth" || column == "imd_decile" {
		return TypeInteger
	}
	return TypeString
}
