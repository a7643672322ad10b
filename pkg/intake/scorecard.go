package intake

import (
	"fmt"
	"math"
	"slices"
)

// Drift is one way in which a delivery differs from its sender's own past.
type Drift struct {
	Table string  `json:"table"`
	Field string  `json:"field,omitempty"`
	What  string  `json:"what"` // rows, missing, quarantined or a rule's id
	Now   float64 `json:"now"`
	Usual float64 `json:"usual"` // the median of the past
	Says  string  `json:"says"`
}

// How far is far: past shares are compared by their median and the spread
// around it, and never by less than a floor, so that a source whose rates
// never moved does not raise an alarm at the first row.
const (
	driftLeast  = 3    // past deliveries needed
	driftSpread = 4.0  // median absolute deviations
	driftFloor  = 0.02 // a share
	driftRows   = 0.35 // of the usual number of rows
)

// Scorecard compares a delivery with the sender's earlier ones, the oldest
// first. It needs three; with fewer it says nothing. Its figures are exact
// shares: whoever shows them outside the zones rounds them first.
func Scorecard(past []*Report, now *Report) []Drift {
	var out []Drift
	for _, t := range now.Tables {
		var before []*TableReport
		for _, r := range past {
			for _, old := range r.Tables {
				if old.Table == t.Table && old.Rows > 0 {
					before = append(before, old)
				}
			}
		}
		if len(before) < driftLeast || t.Rows == 0 {
			continue
		}
		out = append(out, drifts(t, before)...)
	}
	return out
}

func drifts(t *TableReport, before []*TableReport) (out []Drift) {
	rows := series(before, func(r *TableReport) float64 { return float64(r.Rows) })
	if usual, spread := middle(rows); math.Abs(float64(t.Rows)-usual) > max(driftSpread*spread, driftRows*usual) {
		out = append(out, Drift{t.Table, "", "rows", float64(t.Rows), usual, "the delivery is of another size than usual"})
	}
	compare := func(field, what string, now float64, get func(*TableReport) float64, says string) {
		usual, spread := middle(series(before, get))
		if math.Abs(now-usual) > max(driftSpread*spread, driftFloor) {
			out = append(out, Drift{t.Table, field, what, now, usual, says})
		}
	}
	bad := func(r *TableReport) float64 { return float64(r.Quarantined) / float64(r.Rows) }
	compare("", "quarantined", bad(t), bad, "the share of rows that wait for their sender has moved")
	for _, f := range t.Fields {
		missing := func(r *TableReport) float64 { return r.field(f.Field).missing() }
		compare(f.Field, "missing", missing(t), missing, "the share of rows without the field has moved")
		for _, rule := range f.Rules {
			share := func(r *TableReport) float64 { return r.field(f.Field).failing(rule.Rule) }
			compare(f.Field, rule.Rule, share(t), share, fmt.Sprintf("the share of values that break the rule %s has moved", rule.Rule))
		}
	}
	return out
}

func series(before []*TableReport, get func(*TableReport) float64) []float64 {
	out := make([]float64, len(before))
	for i, r := range before {
		out[i] = get(r)
	}
	return out
}

// middle returns the median and the median absolute deviation.
func middle(x []float64) (median, spread float64) {
	half := func(v []float64) float64 {
		slices.Sort(v)
		n := len(v)
		return (v[(n-1)/2] + v[n/2]) / 2
	}
	median = half(slices.Clone(x))
	off := make([]float64, len(x))
	for i := range x {
		off[i] = math.Abs(x[i] - median)
	}
	return median, half(off)
}

func (t *TableReport) field(name string) *FieldReport {
	for _, f := range t.Fields {
		if f.Field == name {
			return f
		}
	}
	return &FieldReport{}
}

func (f *FieldReport) missing() float64 {
	if n := f.Filled + f.Missing; n > 0 {
		return float64(f.Missing) / float64(n)
	}
	return 0
}

func (f *FieldReport) failing(rule string) float64 {
	for _, r := range f.Rules {
		if r.Rule == rule && f.Filled > 0 {
			return float64(r.Failed) / float64(f.Filled)
		}
	}
	return 0
}
