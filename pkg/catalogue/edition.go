package catalogue

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/pkg/intake"
	"github.com/ark-tre/ark/pkg/store"
)

// A version's edition is a number like 2.3: the first part rises when what was
// made for the version before need not fit any more, because a variable is gone,
// of another type, code system or transformation or more sensitive, or because
// the major version of a contract behind the dataset rose; the second part
// otherwise. A permit names the major edition that it was given for: it fits every
// version of that, and of another only if Fits finds its own variables as they were.

// Edition is the number as text; of a version from before there were editions
// its plain number.
func (v Version) Edition() string {
	if v.Major == 0 {
		return strconv.Itoa(v.Number)
	}
	return fmt.Sprintf("%d.%d", v.Major, v.Minor)
}

// edit gives a version that is being built its edition, by the newest one
// before it that was not a failure.
func (v *Version) edit(before []Version) {
	var last *Version
	for i, x := range before {
		if x.State != "failed" && (last == nil || x.Number > last.Number) {
			last = &before[i]
		}
	}
	switch {
	case last == nil:
		v.Major, v.Minor = 1, 0
	case last.Major == 0: // from before there were editions
		v.Major, v.Minor = 1, last.Number
	default:
		v.Major, v.Minor = last.Major, last.Minor+1
	}
	if last != nil && (len(misfits(dictionaryOf(*last), dictionaryOf(*v), nil)) > 0 || contractsBroke(last.Contracts, v.Contracts)) {
		v.Major, v.Minor = v.Major+1, 0
	}
}

// contractsBroke reports whether a source's contract has another name or major
// version than before.
func contractsBroke(before, after map[string]string) bool {
	for source, was := range before {
		if is, ok := after[source]; ok && major(is) != major(was) {
			return true
		}
	}
	return false
}

// major is a contract's "name 2.0.1" as "name 2".
func major(contract string) string {
	at, _, _ := strings.Cut(contract, ".")
	return at
}

// contractsOf are the contracts behind a dataset, by source, as "name 2.0.1".
func contractsOf(ctx context.Context, q store.Querier, d Dataset) (map[string]string, error) {
	out, known := map[string]string{}, map[string]string{}
	for _, t := range d.Tables {
		for _, o := range t.From {
			s, err := sources.First(ctx, q, "slug = $1", o.Source)
			if err != nil {
				return nil, err
			}
			if known[s.ContractHash] == "" { // hundreds of practices share one
				c, err := intake.ParseContract([]byte(s.Contract))
				if err != nil {
					return nil, err
				}
				known[s.ContractHash] = c.Name + " " + c.Version
			}
			out[s.Slug] = known[s.ContractHash]
		}
	}
	return out, nil
}

// misfits says of each variable that takes names (nil: of every one) how what
// was made for one dictionary no longer fits another.
func misfits(before, after map[string]Variable, takes func(name string) bool) (wrong []string) {
	if before == nil || after == nil {
		return nil // from before versions kept their dictionary: the plan of a cut refuses what is missing
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if takes != nil && !takes(name) {
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
	return wrong
}
