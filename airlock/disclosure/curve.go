package disclosure

import (
	"strings"

	policy "github.com/ark-tre/ark/policies/disclosure"
)

// Curve is a Kaplan–Meier curve of one group.
type Curve struct {
	Group []string
	Steps []CurveStep
}

// CurveStep is one time of a curve.
type CurveStep struct {
	Time     float64
	Risk     int64 // at risk just before
	Left     int64 // who have the event or are censored then
	Survival float64
}

// Curves computes the curves of a survival specification, in order of their
// groups.
func Curves(m Microdata) ([]Curve, error) {
	c := &otherCheck{m: m}
	groups, order, at, event, _, err := c.grouped()
	if err != nil {
		return nil, err
	}
	var out []Curve
	for _, g := range order {
		x := Curve{}
		if g != "" {
			x.Group = strings.Split(g, "\x1f")
		}
		for _, s := range c.curve(groups[g], at, event) {
			x.Steps = append(x.Steps, CurveStep{s.time, s.risk, s.events + s.censored, s.survival})
		}
		out = append(out, x)
	}
	return out, nil
}

// Shown are the steps to print: all, or, with safe, those between which at
// least the threshold of people leave and at which as many are at risk.
func (c Curve) Shown(p policy.Profile, safe bool) []CurveStep {
	if !safe {
		return c.Steps
	}
	var out []CurveStep
	left := int64(0)
	for _, s := range c.Steps {
		if left += s.Left; left == 0 || p.Counts.Small(left) || p.Counts.Small(s.Risk) {
			continue
		}
		out, left = append(out, s), 0
	}
	return out
}
