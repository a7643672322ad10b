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
// transformed in another way, or more sensitive than what custodians looked at,
// or the contract of a source behind it broke.
// Within one major edition nothing of that can be; of another one it is looked
// at variable by variable, so that what a permit does not name may change.
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
	takes := func(name string) bool {
		table, variable, _ := strings.Cut(name, ".")
		return slices.Contains(variables[table], variable) || mentions(filters[table], variable)
	}
	wrong, err := broken(ctx, q, *was, *is, takes)
	if err != nil {
		return err
	}
	wrong = append(misfits(dictionaryOf(*was), dictionaryOf(*is), takes), wrong...)
	if len(wrong) == 0 {
		return nil
	}
	return ark.Faultf(ark.Conflict, "the permit does not fit version %d, edition %s: %s", is.Number, is.Edition(), strings.Join(wrong, "; ")).Do("ask for an amendment of the permit")
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
