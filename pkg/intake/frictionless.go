package intake

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
)

// tableSchema is what is read of a Frictionless Table Schema v2.
type tableSchema struct {
	Fields        []schemaField   `json:"fields"`
	PrimaryKey    json.RawMessage `json:"primaryKey"`
	MissingValues []any           `json:"missingValues"`
}

type schemaField struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Type        string `json:"type"`
	Format      string `json:"format"`
	Constraints struct {
		Required  bool   `json:"required"`
		MinLength int    `json:"minLength"`
		MaxLength int    `json:"maxLength"`
		Minimum   any    `json:"minimum"`
		Maximum   any    `json:"maximum"`
		Pattern   string `json:"pattern"`
		Enum      []any  `json:"enum"`
	} `json:"constraints"`
	Categories []any `json:"categories"`
	Ark        struct {
		To          To     `json:"to"`
		Role        Role   `json:"role"`
		Entity      string `json:"entity"`
		Sensitivity string `json:"sensitivity"`
	} `json:"x-ark"`
}

// FromFrictionless writes a contract from a Frictionless Table Schema. What
// the schema does not say about privacy it cannot decide: a field goes nowhere
// (to: none) unless the schema's x-ark says where.
func FromFrictionless(text []byte, name string) (string, error) {
	if len(text) > maxContract {
		return "", ark.Faultf(ark.TooMuch, "a schema has at most %d bytes", maxContract)
	}
	var s tableSchema
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(&s); err != nil {
		return "", ark.Faultf(ark.Invalid, "the schema is not a Frictionless Table Schema").Do("give its JSON").Because(err)
	}
	if _, err := d.Token(); err != io.EOF || len(s.Fields) == 0 {
		return "", ark.Faultf(ark.Invalid, "the schema has no fields, or something after its end").Do("give one Table Schema")
	}
	var lists, fields strings.Builder
	taken := map[string]bool{}
	person := false
	names := map[string]string{}
	for i, f := range s.Fields {
		n := fieldName(f.Name, i, taken)
		names[f.Name] = n
		person = person || f.Ark.To == ToIdentifier
		line, err := f.line(n, &lists)
		if err != nil {
			return "", err
		}
		fields.WriteString(line)
	}
	key, err := s.key(names)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# From a Frictionless Table Schema. Settle every line marked DECIDE.\ncontract: %s\nversion: 0.1.0\ntitle: %s\ndeclared: personal # DECIDE\n", slug(name), quoted(name))
	missing := []string{}
	for _, m := range s.MissingValues {
		if v, ok := m.(string); ok && v != "" {
			missing = append(missing, quoted(v))
		}
	}
	fmt.Fprintf(&b, "format: {kind: csv, missing: [%s]}\ndelivers: changes # DECIDE\n", strings.Join(missing, ", "))
	if lists.Len() > 0 {
		fmt.Fprintf(&b, "code_lists:\n%s", lists.String())
	}
	fmt.Fprintf(&b, "tables:\n  - name: %s\n    key: [%s]\n", strings.ReplaceAll(slug(name), "-", "_"), strings.Join(key, ", "))
	if person {
		fmt.Fprintf(&b, "    person: [%s] # DECIDE: the sender's number of the person\n", strings.Join(key, ", "))
	}
	b.WriteString("    fields:\n" + fields.String())
	return b.String(), nil
}

func (s *tableSchema) key(names map[string]string) ([]string, error) {
	var one string
	var many []string
	if json.Unmarshal(s.PrimaryKey, &one) == nil && one != "" {
		many = []string{one}
	} else if len(s.PrimaryKey) > 0 && json.Unmarshal(s.PrimaryKey, &many) != nil {
		return nil, ark.Faultf(ark.Invalid, "the schema's primaryKey is neither a name nor a list of names")
	}
	if len(many) == 0 {
		many = []string{s.Fields[0].Name}
	}
	for i, k := range many {
		n, ok := names[k]
		if !ok {
			return nil, ark.Faultf(ark.Invalid, "the schema's primaryKey names a field it has not").Do("mend the schema")
		}
		many[i] = n
	}
	return many, nil
}

// schemaTypes are the types that have one of ours.
var schemaTypes = map[string]FieldType{"": TypeString, "any": TypeString, "string": TypeString, "integer": TypeInteger, "year": TypeInteger,
	"number": TypeNumber, "boolean": TypeBoolean, "date": TypeDate, "datetime": TypeDatetime}

var schemaDates = map[string]string{"": "", "default": "", "any": "", "%Y-%m-%d": "yyyy-mm-dd", "%d/%m/%Y": "dd/mm/yyyy", "%Y%m%d": "yyyymmdd"}

func (f *schemaField) line(name string, lists *strings.Builder) (string, error) {
	t, ok := schemaTypes[f.Type]
	if !ok {
		return "", ark.Faultf(ark.Invalid, "the type %q has none like it in a contract", f.Type).At("", 0, name).Do("make it a string, number, boolean, date or datetime")
	}
	parts := []string{"name: " + name}
	if f.Name != name {
		parts = append(parts, "header: "+quoted(f.Name))
	}
	codes := f.codes()
	if len(codes) > 0 && t == TypeString {
		t = TypeCode
		fmt.Fprintf(lists, "  %s:\n    version: from the schema\n    codes:\n", name)
		for _, c := range codes {
			fmt.Fprintf(lists, "      %s: \"\"\n", quoted(c))
		}
	}
	if f.Ark.Role == DateOfBirth {
		t = TypeBirth
	}
	parts = append(parts, "type: "+string(t), "to: "+cmpOr(string(f.Ark.To), string(ToNone)))
	add := func(key, value string) {
		if value != "" && value != "0" && value != "false" {
			parts = append(parts, key+": "+value)
		}
	}
	if t == TypeCode {
		add("codes", name)
	}
	if t == TypeDate || t == TypeDatetime || t == TypeBirth {
		format, ok := schemaDates[f.Format]
		if !ok {
			return "", ark.Faultf(ark.Invalid, "the date format is not one a contract has").At("", 0, name).Do("use %Y-%m-%d, %d/%m/%Y or %Y%m%d")
		}
		add("format", format)
	}
	c := f.Constraints
	add("role", string(f.Ark.Role))
	add("entity", f.Ark.Entity)
	add("sensitivity", f.Ark.Sensitivity)
	add("required", fmt.Sprint(c.Required))
	if t == TypeString {
		add("min_length", fmt.Sprint(c.MinLength))
		add("max_length", fmt.Sprint(c.MaxLength))
		if c.Pattern != "" {
			add("pattern", quoted(c.Pattern))
		}
	}
	if c.Minimum != nil {
		add("min", quoted(fmt.Sprint(c.Minimum)))
	}
	if c.Maximum != nil {
		add("max", quoted(fmt.Sprint(c.Maximum)))
	}
	if f.Title != "" {
		add("title", quoted(f.Title))
	}
	decide := ""
	if f.Ark.To == "" {
		decide = " # DECIDE: where it goes"
	}
	return "      - {" + strings.Join(parts, ", ") + "}" + decide + "\n", nil
}

// codes are the values of enum or categories, as text.
func (f *schemaField) codes() (out []string) {
	list := f.Constraints.Enum
	if len(list) == 0 {
		list = f.Categories
	}
	for _, v := range list {
		if m, ok := v.(map[string]any); ok { // a category with a label
			v = m["value"]
		}
		if s := fmt.Sprint(v); v != nil && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
