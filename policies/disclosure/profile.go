package disclosure

import (
	"math/big"
	"slices"
	"strings"
)

// Profile is one custodian's rules for what may leave. The zero value allows
// no class and no file type and masks every count.
type Profile struct {
	Name      string `yaml:"name"`
	Title     string `yaml:"title"`
	Reading   string `yaml:"reading"`   // whose rules these are, in Ark's reading
	Effective string `yaml:"effective"` // the day this reading took effect, YYYY-MM-DD

	Counts       Counts       `yaml:"counts"`
	Rounding     *Rounding    `yaml:"rounding"` // nil: the profile says nothing about rounding
	Dominance    Dominance    `yaml:"dominance"`
	Contributors Contributors `yaml:"contributors"`
	Models       Models       `yaml:"models"`
	Geography    Geography    `yaml:"geography"`
	Dates        Dates        `yaml:"dates"`
	Privacy      *Privacy     `yaml:"privacy"` // nil: no differentially private releases
	Classes      []Class      `yaml:"classes"`
	Files        []string     `yaml:"files"` // lower-case extensions without the dot
	MaxRows      int          `yaml:"max_rows"`

	// Custodian is whose rules these are, by the id of the organisation;
	// Contractual lists the paths that are in a contract, which nobody but the
	// custodian can waive.
	Custodian   string   `yaml:"custodian"`
	Contractual []string `yaml:"contractual"`

	Evidence map[string]Evidence `yaml:"evidence"`

	parts []Profile // of a combined profile
}

// Severity is what a rule says when it is broken.
type Severity string

// The severities a profile may choose among. The empty one counts as fail.
const (
	Allow  Severity = "allow"
	Review Severity = "review"
	Fail   Severity = "fail"
)

// Stricter returns the stricter of two severities; an unset one is fail.
func (s Severity) Stricter(t Severity) Severity {
	for _, v := range []Severity{"", Fail, Review} {
		if s == v || t == v {
			if v == "" {
				return Fail
			}
			return v
		}
	}
	return Allow
}

// Strictness says on which side of the threshold the threshold itself lies.
type Strictness string

// Below means n < threshold is unsafe; AtOrBelow means n <= threshold is.
const (
	Below     Strictness = "below"
	AtOrBelow Strictness = "at-or-below"
)

// Counts is the frequency rule.
type Counts struct {
	Threshold    int64      `yaml:"threshold"`
	Strictness   Strictness `yaml:"strictness"`
	Unit         string     `yaml:"unit"`         // what is counted: person, charity, business …
	UnitColumn   string     `yaml:"unit_column"`  // the microdata column that tells units apart; empty: given per request
	Zeros        Severity   `yaml:"zeros"`        // a printed zero
	Full         Severity   `yaml:"full"`         // all of a group in one class (100 %)
	Differencing int64      `yaml:"differencing"` // smallest difference between releases that may be derivable
}

// Least is the smallest count that may be shown: the threshold, or one more
// when the threshold itself is unsafe. An unset rule allows no count.
func (c Counts) Least() int64 {
	switch {
	case c.Threshold <= 0:
		return 1 << 62
	case c.Strictness == Below:
		return c.Threshold
	default:
		return c.Threshold + 1
	}
}

// Small reports whether n is unsafe to show; zero is judged by Zeros instead.
func (c Counts) Small(n int64) bool { return n > 0 && n < c.Least() }

// Rounding is how counts that may be shown are rounded.
type Rounding struct {
	Base        int64        `yaml:"base"`
	Mode        RoundingMode `yaml:"mode"`
	Order       string       `yaml:"order"`  // suppress-then-round
	Totals      string       `yaml:"totals"` // of-rounded | own
	Bands       []Band       `yaml:"bands"`  // base by size; overrides Base where it applies
	Significant int          `yaml:"significant"`
}

// RoundingMode names the arithmetic of a rounding.
type RoundingMode string

// The modes: ties away from zero, ties to even, up to a multiple then back to
// the midpoint (midpoint-6 for base 6), randomly to either neighbour, to the
// neighbours that keep the table additive, by noise drawn from the cell's key.
const (
	Nearest     RoundingMode = "nearest"
	NearestEven RoundingMode = "nearest-even"
	Midpoint    RoundingMode = "midpoint"
	Random      RoundingMode = "random"
	Controlled  RoundingMode = "controlled"
	CellKey     RoundingMode = "cell-key"
)

// Band gives the rounding base of counts from From on.
type Band struct {
	From int64 `yaml:"from"`
	Base int64 `yaml:"base"`
}

// Dominance is the set of concentration rules for magnitudes.
type Dominance struct {
	Rules    []DominanceRule `yaml:"rules"`
	Absolute bool            `yaml:"absolute"` // shares of absolute values
	Holding  string          `yaml:"holding"`  // column that groups units into one decision maker
	Weight   string          `yaml:"weight"`   // column of sampling weights
	Negative Severity        `yaml:"negative"` // what negative contributions call for
}

// DominanceRule is one (n,k) or p rule. Share and Percent are decimal
// fractions kept as text so that they are exact.
type DominanceRule struct {
	Kind    string `yaml:"rule"`    // nk | p
	N       int    `yaml:"n"`       // nk: how many of the largest
	Share   string `yaml:"share"`   // nk: their share of the total, a fraction
	P       string `yaml:"p"`       // p: a fraction of the largest
	Reaches bool   `yaml:"reaches"` // the boundary itself is unsafe
}

// Limit is the rule's fraction, exact.
func (d DominanceRule) Limit() *big.Rat {
	s := d.Share
	if d.Kind == "p" {
		s = d.P
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return new(big.Rat)
	}
	return r
}

// String is the rule as the command line writes it: nk:N:K[:ge], p:P[:le].
func (d DominanceRule) String() string {
	if d.Kind == "p" {
		return "p:" + d.P + map[bool]string{true: ":le"}[d.Reaches]
	}
	return "nk:" + big.NewInt(int64(d.N)).String() + ":" + d.Share + map[bool]string{true: ":ge"}[d.Reaches]
}

// Privacy is the budget of differentially private releases, whose class must
// be allowed too. Decimals are kept as text so that they are exact.
type Privacy struct {
	Epsilon string `yaml:"epsilon"` // of all releases together
	Most    string `yaml:"most"`    // of one release
}

// Contributors is the least number of units behind one statistic.
type Contributors struct {
	Mean      int64    `yaml:"mean"`
	Sum       int64    `yaml:"sum"`
	Median    int64    `yaml:"median"`
	Quantile  int64    `yaml:"quantile"` // on the smaller side of the quantile
	Deviation int64    `yaml:"deviation"`
	Mode      int64    `yaml:"mode"`
	Ratio     int64    `yaml:"ratio"`
	Endpoints Severity `yaml:"endpoints"` // a minimum or maximum is one unit's value
}

// Models is the rule for fitted models and tests.
type Models struct {
	DegreesOfFreedom int64 `yaml:"degrees_of_freedom"`
}

// Geography lists area levels that may not, or only after review, be a
// dimension of a table: output-area, lsoa, msoa, postcode, practice,
// local-authority, icb.
type Geography struct {
	Deny   []string `yaml:"deny"`
	Review []string `yaml:"review"`
}

// Dates is the finest calendar step a table may use without review.
type Dates struct {
	Finest string `yaml:"finest"` // day | week | month | quarter | year
}

// dateSteps orders calendar steps from fine to coarse.
func dateSteps() []string { return []string{"day", "week", "month", "quarter", "year"} }

// FinerThan reports whether step is finer than the profile's floor. An
// unknown step or floor is finer: it cannot be shown to be coarse enough.
func (d Dates) FinerThan(step string) bool {
	i, j := slices.Index(dateSteps(), step), slices.Index(dateSteps(), d.Finest)
	return i < 0 || j < 0 || i < j
}

// Class is a kind of output, after the statbarns of SACRO.
type Class string

// The classes an output may belong to.
const (
	Frequencies     Class = "frequencies"
	Aggregations    Class = "linear-aggregations"
	Position        Class = "position"
	Endpoints       Class = "endpoints"
	Mode            Class = "mode"
	Shape           Class = "shape"
	Correlations    Class = "correlation-coefficients"
	HypothesisTests Class = "hypothesis-tests"
	Survival        Class = "hazard-survival"
	Ratios          Class = "calculated-ratios"
	Concentration   Class = "concentration-ratios"
	Gini            Class = "gini"
	Clusters        Class = "clusters"
	LinkedTables    Class = "linked-tables"
	Private         Class = "differentially-private"
)

// AllClasses lists every class.
func AllClasses() []Class {
	return []Class{Frequencies, Aggregations, Position, Endpoints, Mode, Shape, Correlations,
		HypothesisTests, Survival, Ratios, Concentration, Gini, Clusters, LinkedTables, Private}
}

// Allows reports whether outputs of class c may leave at all.
func (p Profile) Allows(c Class) bool { return slices.Contains(p.Classes, c) }

// AllowsFile reports whether a file with this extension may leave at all.
func (p Profile) AllowsFile(ext string) bool {
	return slices.Contains(p.Files, strings.TrimPrefix(strings.ToLower(ext), "."))
}

// Evidence says where a value was read, when, and how well.
type Evidence struct {
	Source string `yaml:"source"`
	Date   string `yaml:"date"`
	Grade  Grade  `yaml:"grade"`
}

// Grade is how good the evidence for a value is.
type Grade string

// The grades, best first: the rule was run; its text was read in full; only
// an excerpt was read; the source is silent and the value is Ark's choice.
const (
	Ran     Grade = "ran"
	Read    Grade = "read"
	Excerpt Grade = "excerpt"
	Own     Grade = "own"
)
