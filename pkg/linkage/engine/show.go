package engine

import "math"

// Prior is the probability that two random records match.
func (s *Scored) Prior() float64 { return s.p.prior }

// LevelWeight is a level with its probabilities and weight in bits.
type LevelWeight struct {
	Label  string
	M, U   float64
	Weight float64
	IsNull bool
}

// ComparisonWeights is a comparison with its levels.
type ComparisonWeights struct {
	Name   string
	Levels []LevelWeight
}

// Weights lists the comparisons as they were scored.
func (s *Scored) Weights() []ComparisonWeights {
	var out []ComparisonWeights
	for i, c := range s.p.comps {
		cw := ComparisonWeights{Name: c.name}
		for k, l := range c.levels {
			label := l.Label
			if label == "" {
				label = l.Condition
			}
			lw := LevelWeight{Label: label, IsNull: l.IsNull, Weight: s.p.weights[s.p.offsets[i]+k]}
			if !l.IsNull && !math.IsNaN(l.M) {
				lw.M, lw.U = l.M, l.U
			}
			cw.Levels = append(cw.Levels, lw)
		}
		out = append(out, cw)
	}
	return out
}

// RuleShare is what a rule contributed.
type RuleShare struct {
	Name string
	Tier bool
	Lost int64 // pairs not looked at because blocks were too large
}

// Rules lists tiers and blocking rules in order.
func (s *Scored) Rules() []RuleShare {
	var out []RuleShare
	for k, r := range s.p.rules {
		out = append(out, RuleShare{Name: r.name, Tier: k < s.p.tiers, Lost: r.lost})
	}
	return out
}
