package intake

import (
	"fmt"
	"maps"
	"slices"
	"strings"
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
	if old.Declared != now.Declared {
		add("", "", true, "declared %s, was %s", now.Declared, old.Declared)
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
		case f.Unit != g.Unit:
			add(a.Name, f.Name, true, "the unit is %q, was %q", f.Unit, g.Unit)
		}
	}
}

// outputs are a table's output columns and what each holds.
func outputs(t *Table) map[string]string {
	out := map[string]string{}
	for _, f := range t.Fields {
		switch f.To {
		case ToPayload:
			out[f.Column] = "a " + string(f.columnType())
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
		x, y := old.Lists[g.Codes], now.Lists[f.Codes]
		for _, code := range slices.Sorted(maps.Keys(x.Codes)) {
			if _, ok := y.Codes[code]; !ok {
				add(a.Name, f.Name, true, "the code %q is gone", code)
			} else if cmpOr(x.Becomes[code], code) != cmpOr(y.Becomes[code], code) {
				add(a.Name, f.Name, true, "the code %q becomes another", code)
			}
		}
		for _, code := range slices.Sorted(maps.Keys(y.Codes)) {
			if _, ok := x.Codes[code]; !ok {
				add(a.Name, f.Name, false, "the code %q is new", code)
			}
		}
	}
}

// risen checks the numbers: major for a breaking difference, any for another.
func risen(old, now *Contract, differences []Difference) error {
	var a, b [3]int
	fmt.Sscanf(old.Version, "%d.%d.%d", &a[0], &a[1], &a[2])
	fmt.Sscanf(now.Version, "%d.%d.%d", &b[0], &b[1], &b[2])
	if old.Name != now.Name {
		return wrong("contract", "the two are contracts of different names")
	}
	if len(differences) > 0 && slices.Compare(b[:], a[:]) <= 0 {
		return wrong("contract", "its version must be higher than %s", old.Version)
	}
	for _, d := range differences {
		if d.Breaking && b[0] == a[0] {
			return wrong("contract", "its major version must rise: %s", strings.TrimSpace(d.Table+" "+d.Column+" "+d.What))
		}
	}
	return nil
}
