package disclosure

import (
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
)

// Combine is the profile that holds where the data of several custodians
// meet: the largest thresholds and minima, the union of the dominance rules
// and of the refused areas, the coarsest date step, the strictest severities,
// the intersection of classes and file types. Parameters without an order
// (rounding, the unit counted, holding and weight columns) must agree, or the
// Conflict fault names what the custodians have to settle. Combining nothing
// is an error: no profile, no release.
func Combine(profiles ...Profile) (Profile, error) {
	if len(profiles) == 0 {
		return Profile{}, ark.Faultf(ark.Invalid, "no disclosure profile was given").Do("name at least one")
	}
	out := profiles[0]
	for _, p := range profiles[1:] {
		var err error
		if out, err = combine(out, p); err != nil {
			return Profile{}, err
		}
	}
	return out, nil
}

// Joined opens the profile of a name, or those of several names joined by "+"
// and combines them.
func Joined(names string, open func(name string) (Profile, error)) (Profile, error) {
	var all []Profile
	for _, n := range strings.Split(names, "+") {
		p, err := open(n)
		if err != nil {
			return Profile{}, err
		}
		all = append(all, p)
	}
	return Combine(all...)
}

func combine(a, b Profile) (Profile, error) {
	if a.Name == b.Name && a.Effective == b.Effective {
		return a, nil
	}
	c := a
	c.Name = a.Name + "+" + b.Name
	c.Title = a.Title + " with " + b.Title
	c.Reading = a.Reading + "; " + b.Reading
	c.Effective = max(a.Effective, b.Effective)
	c.parts = append(slices.Clone(a.Parts()), b.Parts()...)
	c.Custodian, c.Contractual = "", nil // each part keeps its own

	// 1. Ordered parameters: the stricter.
	if b.Counts.Least() > a.Counts.Least() {
		c.Counts.Threshold, c.Counts.Strictness = b.Counts.Threshold, b.Counts.Strictness
	}
	c.Counts.Differencing = max(a.Counts.Differencing, b.Counts.Differencing)
	c.Counts.Zeros = a.Counts.Zeros.Stricter(b.Counts.Zeros)
	c.Counts.Full = a.Counts.Full.Stricter(b.Counts.Full)
	c.Contributors = a.Contributors.max(b.Contributors)
	c.Models.DegreesOfFreedom = max(a.Models.DegreesOfFreedom, b.Models.DegreesOfFreedom)
	c.MaxRows = min(a.MaxRows, b.MaxRows)
	if !a.Dates.FinerThan(b.Dates.Finest) && a.Dates.Finest != b.Dates.Finest {
		c.Dates = b.Dates
	}

	// 2. Sets: union of what is refused, intersection of what is allowed.
	c.Dominance = a.Dominance.union(b.Dominance)
	c.Geography.Deny = union(a.Geography.Deny, b.Geography.Deny)
	c.Geography.Review = slices.DeleteFunc(union(a.Geography.Review, b.Geography.Review),
		func(s string) bool { return slices.Contains(c.Geography.Deny, s) })
	c.Classes = intersect(a.Classes, b.Classes)
	c.Privacy = a.Privacy.stricter(b.Privacy)
	c.Files = intersect(a.Files, b.Files)

	// 3. Parameters without order: agree or be settled.
	var conflicts []string
	if c.Rounding == nil {
		c.Rounding = b.Rounding
	} else if b.Rounding != nil && !a.Rounding.equal(b.Rounding) {
		conflicts = append(conflicts, "rounding")
	}
	for name, pair := range map[string][3]*string{
		"counts.unit":        {&a.Counts.Unit, &b.Counts.Unit, &c.Counts.Unit},
		"counts.unit_column": {&a.Counts.UnitColumn, &b.Counts.UnitColumn, &c.Counts.UnitColumn},
		"dominance.holding":  {&a.Dominance.Holding, &b.Dominance.Holding, &c.Dominance.Holding},
		"dominance.weight":   {&a.Dominance.Weight, &b.Dominance.Weight, &c.Dominance.Weight},
	} {
		switch {
		case *pair[0] == "":
			*pair[2] = *pair[1]
		case *pair[1] != "" && *pair[0] != *pair[1]:
			conflicts = append(conflicts, name)
		}
	}
	if len(conflicts) > 0 {
		slices.Sort(conflicts)
		return Profile{}, ark.Faultf(ark.Conflict, "the disclosure profiles %s and %s differ in %s, which has no stricter side",
			a.Name, b.Name, strings.Join(conflicts, " and ")).
			Do("the custodians must agree on one value before the permit is made").By("disclosure.combine")
	}
	c.Evidence = maps.Clone(a.Evidence)
	for k, e := range b.Evidence {
		if have, ok := c.Evidence[k]; ok && have != e {
			e.Source = have.Source + "; " + e.Source
		}
		c.Evidence[k] = e
	}
	return c, nil
}

func (k Contributors) max(o Contributors) Contributors {
	return Contributors{
		Mean: max(k.Mean, o.Mean), Sum: max(k.Sum, o.Sum), Median: max(k.Median, o.Median),
		Quantile: max(k.Quantile, o.Quantile), Deviation: max(k.Deviation, o.Deviation),
		Mode: max(k.Mode, o.Mode), Ratio: max(k.Ratio, o.Ratio),
		Endpoints: k.Endpoints.Stricter(o.Endpoints),
	}
}

func (d Dominance) union(o Dominance) Dominance {
	out := d
	out.Rules = union(d.Rules, o.Rules)
	out.Absolute = d.Absolute || o.Absolute
	out.Negative = d.Negative.Stricter(o.Negative)
	return out
}

func (r *Rounding) equal(o *Rounding) bool {
	return r.Base == o.Base && r.Mode == o.Mode && r.Order == o.Order && r.Totals == o.Totals &&
		r.Significant == o.Significant && slices.Equal(r.Bands, o.Bands)
}

// union keeps a's order and adds what only b has.
func union[T comparable](a, b []T) []T {
	out := slices.Clone(a)
	for _, v := range b {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func intersect[T comparable](a, b []T) []T {
	var out []T
	for _, v := range a {
		if slices.Contains(b, v) {
			out = append(out, v)
		}
	}
	return out
}

// stricter is the smaller budget; none where either has none.
func (q *Privacy) stricter(o *Privacy) *Privacy {
	if q == nil || o == nil {
		return nil
	}
	less := func(a, b string) string {
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		if x == nil || y == nil || x.Cmp(y) > 0 {
			return b
		}
		return a
	}
	return &Privacy{Epsilon: less(q.Epsilon, o.Epsilon), Most: less(q.Most, o.Most)}
}
