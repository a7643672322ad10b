package catalogue

import (
	"context"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// Fits refuses, as a conflict that names the variables, a version to which a
// permit does not fit that was given for another version of its dataset: one of
// the variables it grants or filters by is gone, of another type or code system,
// transformed in another way, or more sensitive than what custodians looked at.
func Fits(ctx context.Context, q store.Querier, granted, taken string, variables map[string][]string, filters map[string]string) error {
	if granted == taken {
		return nil
	}
	was, err := versions.Get(ctx, q, granted)
	if err != nil {
		return err
	}
	is, err := versions.Get(ctx, q, taken)
	if err != nil {
		return err
	}
	before, after := dictionaryOf(*was), dictionaryOf(*is)
	if before == nil || after == nil {
		return nil // from before versions kept their dictionary: the plan of the cut refuses what is missing
	}
	var wrong []string
	for _, name := range sortedKeys(before) {
		table, variable, _ := strings.Cut(name, ".")
		if !slices.Contains(variables[table], variable) && !mentions(filters[table], variable) {
			continue
		}
		x, y := before[name], after[name]
		switch {
		case y.Name == "":
			wrong = append(wrong, name+" is gone")
		case x.Type != y.Type:
			wrong = append(wrong, name+" was of the type "+x.Type+" and is "+y.Type)
		case x.Transform != y.Transform:
			wrong = append(wrong, name+" is transformed by "+y.Transform+" and no longer by "+x.Transform)
		case x.System != y.System:
			wrong = append(wrong, name+" has codes of another system")
		case weight(y.Sensitivity) > weight(x.Sensitivity):
			wrong = append(wrong, name+" is "+y.Sensitivity+" now")
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return ark.Faultf(ark.Conflict, "the permit does not fit version %d: %s", is.Number, strings.Join(wrong, "; ")).Do("ask for an amendment of the permit")
}

// weight orders sensitivities; what is unknown weighs most.
func weight(sensitivity string) int {
	if i := slices.Index([]string{"ordinary", "quasi", "sensitive"}, sensitivity); i >= 0 {
		return i
	}
	return 3
}

// mentions reports whether a filter names a variable, or may: a word in a text
// counts as well.
func mentions(filter, variable string) bool {
	words := strings.FieldsFunc(filter, func(r rune) bool {
		return !(r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	})
	return slices.Contains(words, variable)
}
