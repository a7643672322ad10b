package catalogue

import (
	"context"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue/restricted"
	"github.com/ark-tre/ark/pkg/store"
)

// ownCodes are the codes that a dataset adds to restricted groups: its own lists,
// and what lies below the codes of a group in the hierarchies that it names.
func ownCodes(ctx context.Context, q store.Querier, d Dataset) (restricted.Codes, error) {
	var out restricted.Codes
	add := func(group, system, code string) {
		if out == nil {
			out = restricted.Codes{}
		}
		if out[group] == nil {
			out[group] = map[string][]string{}
		}
		out[group][system] = append(out[group][system], code)
	}
	for group, refs := range d.Restricted {
		if !restricted.Known(group) {
			return nil, ark.Faultf(ark.Invalid, "the dataset adds codes to a restricted group that is not there").At("", 0, "restricted").Do("use assisted-conception, gender-recognition or sexually-transmitted-infection")
		}
		for _, ref := range refs {
			l, err := restrictable(ctx, q, ref, "restricted")
			if err != nil {
				return nil, err
			}
			for _, c := range l.Codes {
				add(group, l.System, c.Code)
			}
		}
	}
	for _, ref := range d.Hierarchies {
		l, err := restrictable(ctx, q, ref, "hierarchies")
		if err != nil {
			return nil, err
		}
		below, deep := map[string][]string{}, false
		for _, c := range l.Codes {
			for _, p := range c.Parents {
				below[p], deep = append(below[p], c.Code), true
			}
		}
		if !deep {
			return nil, ark.Faultf(ark.Invalid, "the code list %s has no parents, so it is no hierarchy", clip(ref)).At("", 0, "hierarchies").Do("give it a column parents")
		}
		for _, g := range restricted.Groups() {
			tops := append(append([]string{}, g.Of(l.System)...), out[g.Group][l.System]...)
			for _, code := range descendants(below, tops) {
				add(g.Group, l.System, code)
			}
		}
	}
	return out, nil
}

// restrictable is a code list of a system that can be held against values.
func restrictable(ctx context.Context, q store.Querier, ref, field string) (*CodeList, error) {
	l, err := GetCodeList(ctx, q, ref)
	if err != nil {
		return nil, err
	}
	if l.System != restricted.ICD10 && l.System != restricted.SNOMED {
		return nil, ark.Faultf(ark.Invalid, "a list of restricted codes is of icd10 or snomed").At("", 0, field)
	}
	return l, nil
}

// descendants is everything below the tops, each once; a hierarchy that leads
// back into itself does no harm.
func descendants(below map[string][]string, tops []string) []string {
	var out []string
	seen := map[string]bool{}
	for todo := tops; len(todo) > 0; {
		top := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, c := range below[top] {
			if !seen[c] {
				seen[c] = true
				out, todo = append(out, c), append(todo, c)
			}
		}
	}
	return out
}
