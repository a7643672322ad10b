package intake

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/ark-tre/ark/pkg/ark"
)

// Difference is one way in which two versions of a contract differ.
type Difference struct {
	Table  string `json:"table"`
	Column string `json:"column,omitempty"` // of an output; a field's name where none goes out
	What   string `json:"what"`
	// Breaking: what was built on the old version no longer fits. A permit that
	// names the column has to be amended, and the major version has to rise.
	Breaking bool `json:"breaking"`
}

// Diff compares two versions of a contract by what comes out of them and what
// is asked of the sender. The error says that the new version's number does
// not rise enough for its differences.
func Diff(old, now *Contract) ([]Difference, error) {
	var out []Difference
	add := func(table, column string, breaking bool, format string, args ...any) {
		out = append(out, Difference{table, column, fmt.Sprintf(format, args...), breaking})
	}
	if old.Name != now.Name {
		add("", "", true, "the contract is %s, was %s", now.Name, old.Name)
	}
	if old.Declared != now.Declared {
		add("", "", true, "declared %s, was %s", now.Declared, old.Declared)
	}
	if old.Retention != now.Retention {
		add("", "", false, "delivered files are kept for %d days, were for %d; 0 is for good", now.Retention.Delivered, old.Retention.Delivered)
	}
	for _, name := range slices.Sorted(maps.Keys(tableNames(old, now))) {
		a, b := old.Table(name), now.Table(name)
		switch {
		case b == nil:
			add(name, "", true, "the table is gone")
		case a == nil:
			add(name, "", false, "the table is new")
		default:
			diffTable(a, b, add)
			diffCodes(old, now, a, b, add)
		}
	}
	return out, risen(old, now, out)
}

func tableNames(cs ...*Contract) map[string]bool {
	names := map[string]bool{}
	for _, c := range cs {
		for _, t := range c.Tables {
			names[t.Name] = true
		}
	}
	return names
}

type adder func(table, column string, breaking bool, format string, args ...any)

func diffTable(a, b *Table, add adder) {
	if !slices.Equal(a.Key, b.Key) || !slices.Equal(a.Person, b.Person) {
		add(a.Name, "", true, "the key is %s of person %s, was %s of person %s", strings.Join(b.Key, ", "), strings.Join(b.Person, ", "), strings.Join(a.Key, ", "), strings.Join(a.Person, ", "))
	}
	old, now := outputs(a), outputs(b)
	both := maps.Clone(old)
	maps.Copy(both, now)
	for _, column := range slices.Sorted(maps.Keys(both)) {
		x, was := old[column]
		y, is := now[column]
		switch {
		case !is:
			add(a.Name, column, true, "the column is gone")
		case !was:
			add(a.Name, column, false, "the column is new")
		case x != y:
			add(a.Name, column, true, "the column is %s, was %s", y, x)
		}
	}
	for _, f := range b.Fields {
		g := a.Field(f.Name)
		switch {
		case g == nil && !f.Optional:
			add(a.Name, f.Name, false, "the sender has to send the field")
		case g == nil:
		case f.Required && !g.Required:
			add(a.Name, f.Name, false, "the field must be filled")
		case f.Min != g.Min || f.Max != g.Max || f.Pattern != g.Pattern:
			add(a.Name, f.Name, false, "other values are accepted")
		}
		if g != nil && f.Unit != g.Unit {
			for _, column := range b.columnsOf(f) {
				add(a.Name, column, true, "the unit is %q, was %q", f.Unit, g.Unit)
			}
		}
	}
}

// columnWord is what a dictionary calls the type of a field's column.
func (f *Field) columnWord() string {
	switch f.Type {
	case TypeInteger, TypeNumber, TypeBoolean, TypeDate:
		return string(f.Type)
	case TypeDatetime:
		return "timestamp"
	}
	return "string"
}

// columnsOf are a field's output columns, as outputs names them; the field's
// name where none goes out.
func (t *Table) columnsOf(f *Field) (out []string) {
	switch f.To {
	case ToPayload, ToEntity:
		out = append(out, f.Column)
	case ToIdentifier:
		out = append(out, "identifier "+string(f.Role))
	}
	for _, c := range t.Coarse {
		if c.From == f.Name {
			out = append(out, "coarse "+c.Column)
		}
	}
	if len(out) == 0 {
		out = []string{f.Name}
	}
	return out
}

// outputs are a table's output columns and what each holds.
func outputs(t *Table) map[string]string {
	out := map[string]string{}
	for _, f := range t.Fields {
		switch f.To {
		case ToPayload:
			out[f.Column] = "of the type " + f.columnWord()
		case ToEntity:
			out[f.Column] = "a key of " + f.Entity
		case ToIdentifier:
			out["identifier "+string(f.Role)] = "an identifier"
		}
	}
	for _, c := range t.Coarse {
		out["coarse "+c.Column] = "coarse, by " + c.Take
	}
	return out
}

func diffCodes(old, now *Contract, a, b *Table, add adder) {
	for _, f := range b.Fields {
		g := a.Field(f.Name)
		if g == nil || f.Codes == "" || g.Codes == "" {
			continue
		}
		for _, column := range b.columnsOf(f) {
			diffList(old.Lists[g.Codes], now.Lists[f.Codes], func(breaking bool, format string, args ...any) {
				add(a.Name, column, breaking, format, args...)
			})
		}
	}
}

// diffList compares the code lists of a field. A code that is in both under
// other words is the silent way to code anew, so words count, though not how
// they are set.
func diffList(x, y CodeList, add func(breaking bool, format string, args ...any)) {
	if listMajor(x.Version) != listMajor(y.Version) {
		add(true, "the code list is %s, was %s", y.Version, x.Version)
	}
	for _, code := range slices.Sorted(maps.Keys(x.Codes)) {
		means, ok := y.Codes[code]
		switch {
		case !ok:
			add(true, "the code %q is gone", code)
		case cmpOr(x.Becomes[code], code) != cmpOr(y.Becomes[code], code):
			add(true, "the code %q becomes another", code)
		case bare(means) != bare(x.Codes[code]):
			add(true, "the code %q means %q, meant %q", code, means, x.Codes[code])
		}
	}
	for _, code := range slices.Sorted(maps.Keys(y.Codes)) {
		if _, ok := x.Codes[code]; !ok {
			add(false, "the code %q is new", code)
		}
	}
}

// listNumber is a number with parts, such as the 2.77 of "LOINC 2.77".
var listNumber = regexp.MustCompile(`\b(\d+)\.\d+`)

// listMajor is what must stay the same of a code list's version: of a shared
// list, NAME@VERSION, the name; of one with a number in parts the first of them.
func listMajor(version string) string {
	if name, _, shared := strings.Cut(version, "@"); shared {
		return name
	}
	if m := listNumber.FindStringSubmatch(version); m != nil {
		return m[1]
	}
	return ""
}

// bare is a text without case, blanks and punctuation.
func bare(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("<>=+-%", r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

// mostTold is how many breaking differences a refusal names.
const mostTold = 20

// risen checks the numbers: major for a breaking difference, any for another,
// and for another text: a version says one thing only.
func risen(old, now *Contract, differences []Difference) error {
	var a, b [3]int
	fmt.Sscanf(old.Version, "%d.%d.%d", &a[0], &a[1], &a[2])
	fmt.Sscanf(now.Version, "%d.%d.%d", &b[0], &b[1], &b[2])
	if (len(differences) > 0 || old.hash != now.hash) && slices.Compare(b[:], a[:]) <= 0 {
		return wrong("contract", "it differs from %s, so its version must be higher", old.Version)
	}
	var breaks []string
	for _, d := range differences {
		if d.Breaking {
			breaks = append(breaks, d.String())
		}
	}
	if len(breaks) == 0 || b[0] > a[0] {
		return nil
	}
	if n := len(breaks) - mostTold; n > 0 {
		breaks = append(breaks[:mostTold], fmt.Sprintf("and %d more", n))
	}
	return ark.Faultf(ark.Conflict, "version %s breaks what was built on %s, so its major version must rise: %s", now.Version, old.Version, strings.Join(breaks, "; ")).
		Do(fmt.Sprintf("make it version %d.0.0, with which a permit that names one of these needs an amendment, or leave them as they were", a[0]+1))
}

// String says the difference in one line.
func (d Difference) String() string {
	where := strings.TrimSpace(d.Table + " " + d.Column)
	if where == "" {
		return d.What
	}
	return where + ": " + d.What
}
