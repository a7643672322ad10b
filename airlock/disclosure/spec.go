package disclosure

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// The kinds of specification.
const (
	KindCrosstab   = "crosstab"
	KindRegression = "regression"
	KindSurvival   = "survival"
	KindHistogram  = "histogram"
)

// Spec says how a table was made from microdata.
type Spec struct {
	Kind    string   `json:"kind"`
	Rows    []string `json:"rows"`
	Cols    []string `json:"cols"`
	Values  *string  `json:"values"`
	AggFunc *string  `json:"aggfunc"`
	Margins bool     `json:"margins"`
	Filter  string   `json:"filter"`

	// Weights names a column: a record counts as much as its weight. A record
	// without a weight, or of weight 0, doesn't count.
	Weights string `json:"weights,omitempty"`

	// Of a regression: the outcome, the terms (a:b is an interaction), ols or
	// logit. Of a survival curve: the time and the event (0 or 1), a curve for
	// each group of Rows. Of a histogram: the edges of the bins of Values.
	Outcome    string    `json:"outcome,omitempty"`
	Predictors []string  `json:"predictors,omitempty"`
	Family     string    `json:"family,omitempty"`
	Time       string    `json:"time,omitempty"`
	Event      string    `json:"event,omitempty"`
	Edges      []float64 `json:"edges,omitempty"`

	Rounding *Declared `json:"rounding,omitempty"` // of counts; nil: the profile's, if any
}

// Declared is the rounding that a table's author says was applied.
type Declared struct {
	Base int64               `json:"base"`
	Mode policy.RoundingMode `json:"mode"` // nearest if empty
}

// rounds gives the profile as it is for a table of this specification.
func (s Spec) rounds(p policy.Profile) policy.Profile {
	if s.Rounding == nil {
		return p
	}
	r := policy.Rounding{Order: "suppress-then-round", Totals: "of-rounded"}
	if p.Rounding != nil {
		r = *p.Rounding
	}
	r.Base, r.Mode, r.Bands, r.Significant = s.Rounding.Base, s.Rounding.Mode, nil, 0
	if r.Mode == "" {
		r.Mode = policy.Nearest
	}
	p.Rounding = &r
	return p
}

// maxSpec bounds a specification's bytes.
const maxSpec = 1 << 20

func badSpec(format string, args ...any) error {
	return ark.Faultf(ark.Invalid, "the specification is not valid: "+format, args...).
		Do(`write {"kind":"crosstab","rows":[…],"cols":[…],"values":null,"aggfunc":null,"margins":false}`)
}

// ReadSpec reads a specification strictly.
func ReadSpec(r io.Reader) (Spec, error) {
	var s Spec
	b, err := io.ReadAll(io.LimitReader(r, maxSpec+1))
	if err != nil || len(b) > maxSpec {
		return s, badSpec("it can't be read or is too large")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, badSpec("%v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return s, badSpec("more follows it")
	}
	return s, s.check()
}

// aggregates lists the statistics asked for; a plain count by default.
func (s Spec) aggregates() []string {
	if s.AggFunc == nil {
		return []string{"count"}
	}
	var out []string
	for _, a := range strings.Split(*s.AggFunc, ",") {
		out = append(out, strings.TrimSpace(a))
	}
	return out
}

// Check reports what is wrong with a specification.
func (s Spec) Check() error { return s.check() }

func (s Spec) check() error {
	switch s.Kind {
	case KindCrosstab:
		if s.Outcome != "" || s.Predictors != nil || s.Family != "" || s.Time != "" || s.Event != "" || s.Edges != nil {
			return badSpec("a crosstab has rows, cols, values, aggfunc, margins and filter")
		}
	case KindRegression:
		if s.Weights != "" {
			return badSpec("a weighted model is of kind linear, logistic or poisson")
		}
		if s.Outcome == "" || len(s.Predictors) == 0 || len(s.Rows) > 0 || s.Values != nil || s.Family != "" && s.Family != "ols" && s.Family != "logit" {
			return badSpec("a regression has an outcome, predictors and a family, ols or logit")
		}
		return nil
	case KindSurvival:
		if s.Weights != "" {
			return badSpec("a survival curve takes no weights")
		}
		if s.Time == "" || s.Event == "" || len(s.Cols) > 0 || s.Values != nil {
			return badSpec("a survival curve has a time, an event and rows")
		}
		return nil
	case KindHistogram:
		if s.Weights != "" || s.Values == nil || len(s.Edges) < 2 || len(s.Edges) > 1001 || !slices.IsSorted(s.Edges) || len(slices.Compact(slices.Clone(s.Edges))) < len(s.Edges) {
			return badSpec("a histogram has values and ascending edges, and no weights")
		}
		return nil
	default:
		return badSpec("kind must be crosstab, regression, survival or histogram")
	}
	if len(s.Rows) == 0 {
		return badSpec("rows names no column")
	}
	dims := slices.Concat(s.Rows, s.Cols)
	for i, d := range dims {
		if d == "" || slices.Contains(dims[:i], d) {
			return badSpec("a dimension is empty or named twice")
		}
	}
	if s.AggFunc != nil && s.Values == nil && *s.AggFunc != "count" {
		return badSpec("aggfunc needs values")
	}
	if s.Values != nil && s.AggFunc == nil {
		return badSpec("values needs aggfunc")
	}
	if d := s.Rounding; d != nil && (d.Base < 2 || d.Base > 1<<32 || !slices.Contains([]policy.RoundingMode{"", policy.Nearest, policy.NearestEven, policy.Midpoint, policy.Random, policy.Controlled}, d.Mode)) {
		return badSpec("rounding needs a base of at least 2 and a mode: nearest, nearest-even, midpoint, random or controlled")
	}
	seen := map[string]bool{}
	for _, a := range s.aggregates() {
		if !slices.Contains([]string{"mean", "sum", "median", "min", "max", "std", "mode", "count"}, a) || seen[a] {
			return badSpec("aggfunc %q is unknown or given twice", a)
		}
		seen[a] = true
		if s.Weights != "" && a != "count" && a != "sum" && a != "mean" {
			return badSpec("with weights, aggfunc is count, sum or mean")
		}
	}
	if slices.Contains(dims, s.Weights) {
		return badSpec("the weights are a dimension too")
	}
	return nil
}
