package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/nhsnumber"
)

// How a draft looks at a sample.
const (
	draftRows  = 200_000 // rows read
	draftCodes = 30      // most codes of a list that is proposed
	draftTimes = 10      // how often each of them has to come: a rare value may be someone's
)

// Draft proposes a contract for a table from a sample of it. It is a start for
// a person to finish: whatever does not look harmless goes nowhere (to: none),
// and nothing of the sample is in it but the header's names and codes that
// come many times.
func Draft(ctx context.Context, in Input, name string, l Limits) (string, error) {
	l = l.orDefault()
	o, err := openFile(ctx, in, "", Format{Kind: "csv", Encoding: autoEncoding}, l)
	if err != nil {
		return "", err
	}
	defer o.Close()
	if o.parquet {
		return "", ark.Faultf(ark.Invalid, "a contract is drafted from text, and the file is Parquet").At(in.Name, 0, "").Do("give the first rows as CSV")
	}
	r, err := openCSV(o, &Table{}, Format{Delimiter: "auto"}, l)
	if err != nil {
		return "", err
	}
	var columns []*draftColumn
	taken := map[string]bool{}
	for i, h := range r.csv.cells {
		if looksLikeData(h) {
			return "", ark.Faultf(ark.Invalid, "the first line looks like data: column %d holds a number or a date", i+1).At(in.Name, 0, "").Do("give a sample with its header line")
		}
		c := &draftColumn{header: headerName(h), seen: map[string]int{}, distinct: map[string]bool{}, could: allTypes()}
		c.name = fieldName(c.header, i, taken)
		columns = append(columns, c)
	}
	for r.csv.rows < draftRows {
		err := r.csv.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		for i, raw := range r.csv.cells {
			if i < len(columns) {
				columns[i].look(raw)
			}
		}
	}
	if r.csv.rows == 0 {
		return "", ark.Faultf(ark.Invalid, "the sample has no rows").At(in.Name, 0, "").Do("give a file with some hundred rows")
	}
	return render(name, delimiterOf(o.report.Delimiter), r.csv.rows, columns), nil
}

// looksLikeData reports whether a header cell is a value: then the file has no
// header, and its first row must not become names in a contract.
func looksLikeData(h []byte) bool {
	h = trimmed(h)
	if len(h) == 0 {
		return false
	}
	for t, format := range allTypes() {
		f := Field{Type: t, Format: format}
		if format != "" {
			f.Type = TypeDate
		}
		if _, ok := f.read(h); ok {
			return true
		}
	}
	return false
}

func delimiterOf(name string) string {
	for d, n := range delimiterNames {
		if n == name {
			return string(d)
		}
	}
	return ","
}

// draftColumn is what was seen of a column.
type draftColumn struct {
	header, name string
	filled       int64
	could        map[FieldType]string // types every value had → its format
	seen         map[string]int       // how often each value came, while there are few
	distinct     map[string]bool      // values, while all differ
	repeated     bool
	longest      int
	numbers      int64 // values that are valid NHS numbers
}

func allTypes() map[FieldType]string {
	return map[FieldType]string{TypeInteger: "", TypeNumber: "", TypeDate: "", TypeDatetime: "", "dd/mm/yyyy": "dd/mm/yyyy", "yyyymmdd": "yyyymmdd"}
}

func (c *draftColumn) look(raw []byte) {
	raw = trimmed(raw)
	if len(raw) == 0 {
		return
	}
	c.filled++
	c.longest = max(c.longest, runes(raw))
	for t := range c.could {
		f := Field{Type: t, Format: c.could[t]}
		if f.Format != "" {
			f.Type = TypeDate
		}
		if _, ok := f.read(raw); !ok {
			delete(c.could, t)
		}
	}
	if nhsnumber.Valid(nhsnumber.Clean(string(raw))) {
		c.numbers++
	}
	if len(c.seen) <= draftCodes {
		c.seen[string(raw)]++
	}
	if !c.repeated && len(c.distinct) < draftRows {
		if c.distinct[string(raw)] {
			c.repeated = true
			c.distinct = nil
		} else {
			c.distinct[string(raw)] = true
		}
	}
}

// kind is the type the column seems to have.
func (c *draftColumn) kind() (FieldType, string) {
	if c.filled == 0 {
		return TypeString, ""
	}
	for _, t := range []FieldType{"yyyymmdd", TypeDate, "dd/mm/yyyy", TypeInteger, TypeNumber, TypeDatetime} {
		format, ok := c.could[t]
		switch {
		case !ok:
		case format == "yyyymmdd" && !strings.Contains(c.name, "date"): // eight digits may be anything
		case format != "":
			return TypeDate, format
		default:
			return t, ""
		}
	}
	if c.coded() {
		return TypeCode, ""
	}
	return TypeString, ""
}

var codeForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._/+-]{0,30}$`)

// coded reports whether the column holds few values, each of them often.
func (c *draftColumn) coded() bool {
	if len(c.seen) > draftCodes || len(c.seen) == 0 {
		return false
	}
	for v, n := range c.seen {
		if n < draftTimes || !codeForm.MatchString(v) {
			return false
		}
	}
	return true
}

// rolesByName tells identifiers by what senders call them.
var rolesByName = []struct {
	role  Role
	names *regexp.Regexp
}{
	{NHSNumber, regexp.MustCompile(`nhs_?(number|no|num|nbr)?$|^nhs`)},
	{DateOfBirth, regexp.MustCompile(`birth_?date|date_?of_?birth|^dob$|_dob$`)},
	{MiddleName, regexp.MustCompile(`middle|second_?name|other_?(fore)?name`)},
	{GivenName, regexp.MustCompile(`given|fore_?name|first_?name|christian`)},
	{FamilyName, regexp.MustCompile(`surname|family|last_?name`)},
	{Postcode, regexp.MustCompile(`post_?code|^zip|postal`)},
	{Phone, regexp.MustCompile(`phone|mobile|^tel`)},
	{Email, regexp.MustCompile(`e_?mail`)},
	{Address1, regexp.MustCompile(`addr.*1$|^address$|street|line_?1`)},
	{Address2, regexp.MustCompile(`addr.*2$|line_?2|(^|_)(town|city)$`)},
	{Sex, regexp.MustCompile(`^sex$|gender`)},
}

func (c *draftColumn) role() Role {
	if c.filled > 0 && c.numbers*2 > c.filled {
		return NHSNumber
	}
	if Role(c.name).encoded() {
		return Role(c.name)
	}
	for _, r := range rolesByName {
		if r.names.MatchString(c.name) {
			return r.role
		}
	}
	return ""
}

// headerForm is how a header looks that may be repeated.
var headerForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9 ._-]{0,62}$`)

var notName = regexp.MustCompile(`[^a-z0-9]+`)

// fieldName makes a field's name of a header. A header that could be data (a
// file without one) is not repeated.
func fieldName(header string, i int, taken map[string]bool) string {
	s := strings.Trim(notName.ReplaceAllString(strings.ToLower(header), "_"), "_")
	if !namePattern.MatchString(s) || taken[s] || s == today {
		s = fmt.Sprintf("column_%d", i+1)
	}
	taken[s] = true
	return s
}

// render writes the contract.
func render(name, delimiter string, rows int64, columns []*draftColumn) string {
	var fields, lists, coarse strings.Builder
	key, person, used := "", "", map[Role]bool{}
	for _, c := range columns {
		line := c.field(used, &lists, &coarse)
		if c.unique(rows) && key == "" && c.role() == "" {
			key = c.name
		}
		if person == "" && regexp.MustCompile(`(patient|person|client|subject|local)_?(id|number|no)?$`).MatchString(c.name) {
			person = c.name
		}
		fields.WriteString(line)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# A draft from a sample of %d rows. Before it is used, settle every line marked DECIDE:\n# a field goes nowhere unless its line says so.\n", rows-rows%10)
	fmt.Fprintf(&b, "contract: %s\nversion: 0.1.0\ntitle: %s\ndeclared: personal # DECIDE: synthetic or public where that is so\n", slug(name), quoted(name))
	fmt.Fprintf(&b, "format: {kind: csv, delimiter: %s}\ndelivers: changes # DECIDE: full where every delivery holds everything\n", quoted(delimiter))
	if lists.Len() > 0 {
		fmt.Fprintf(&b, "code_lists:\n%s", lists.String())
	}
	if key == "" {
		key = columns[0].name
	}
	fmt.Fprintf(&b, "tables:\n  - name: %s\n    key: [%s] # DECIDE\n", strings.ReplaceAll(slug(name), "-", "_"), key)
	switch {
	case person != "":
		fmt.Fprintf(&b, "    person: [%s] # DECIDE\n", person)
	case len(used) > 0:
		fmt.Fprintf(&b, "    person: [%s] # DECIDE: the sender's number of the person\n", key)
	}
	fmt.Fprintf(&b, "    fields:\n%s", fields.String())
	if coarse.Len() > 0 && (person != "" || len(used) > 0) {
		fmt.Fprintf(&b, "    coarse:\n%s", coarse.String())
	}
	return b.String()
}

func (c *draftColumn) unique(rows int64) bool { return !c.repeated && c.filled == rows }

// field writes a column's line.
func (c *draftColumn) field(used map[Role]bool, lists, coarse *strings.Builder) string {
	head := "      - {name: " + c.name
	if c.header != c.name && headerForm.MatchString(c.header) {
		head += ", header: " + quoted(c.header)
	} else if c.header != c.name {
		return head + ", type: string, to: none, optional: true} # DECIDE: give the header of this column\n"
	}
	if r := c.role(); r != "" && !used[r] {
		used[r] = true
		t, format := TypeString, ""
		if r == DateOfBirth {
			t = TypeBirth
			if _, f := c.kind(); f != "" {
				format = ", format: " + f
			}
			coarse.WriteString("      - {column: year_of_birth, from: " + c.name + ", take: year}\n")
		}
		if r == Sex {
			coarse.WriteString("      - {column: sex, from: " + c.name + "}\n")
		}
		return fmt.Sprintf("%s, type: %s%s, to: identifier, role: %s}\n", head, t, format, r)
	}
	t, format := c.kind()
	if format != "" {
		format = ", format: " + format
	}
	required := ""
	switch {
	case t == TypeCode:
		fmt.Fprintf(lists, "  %s:\n    version: draft\n    codes:\n", c.name)
		for _, v := range slices.Sorted(maps.Keys(c.seen)) {
			fmt.Fprintf(lists, "      %s: \"\"\n", quoted(v))
		}
		return fmt.Sprintf("%s, type: code, to: payload, codes: %s%s} # DECIDE\n", head, c.name, required)
	case t == TypeDate || t == TypeDatetime:
		return fmt.Sprintf("%s, type: %s%s, to: payload, max: today} # DECIDE\n", head, t, format)
	case t == TypeInteger || t == TypeNumber:
		if !c.repeated && c.filled > draftTimes || strings.HasSuffix(c.name, "id") || strings.HasSuffix(c.name, "number") {
			return fmt.Sprintf("%s, type: string, to: none} # DECIDE: a key?\n", head)
		}
		return fmt.Sprintf("%s, type: %s, to: payload} # DECIDE: its unit and what is possible (min, max)\n", head, t)
	}
	return fmt.Sprintf("%s, type: string, to: none, max_length: %d} # DECIDE: a key, or text that goes nowhere\n", head, max(1, min(longText, c.longest)))
}

func slug(name string) string {
	s := strings.Trim(notName.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if !slugPattern.MatchString(s) || s == personTable {
		return "draft"
	}
	return s
}

// quoted writes a text as YAML's double-quoted form, which JSON's is.
func quoted(s string) string { return strconv.Quote(s) }
