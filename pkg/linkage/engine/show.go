package engine

import (
	"maps"
	"math"
	"slices"

	"github.com/ark-tre/ark/pkg/linkage/model"
)

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
	Name  string
	Tier  bool
	Pairs int64 // that hold it, counted on a sample when there are very many
	Lost  int64 // pairs not looked at because blocks were too large
}

// Rules lists tiers and blocking rules in order.
func (s *Scored) Rules() []RuleShare {
	var out []RuleShare
	for k, r := range s.p.rules {
		x := RuleShare{Name: r.name, Tier: k < s.p.tiers, Lost: r.lost}
		for _, c := range s.c.cells {
			if c.mask&(1<<uint(k)) != 0 {
				x.Pairs += int64(c.n) * int64(s.c.each)
			}
		}
		out = append(out, x)
	}
	return out
}

// Candidates is the number of pairs looked at, from a sample when there are
// very many.
func (s *Scored) Candidates() int64 { return s.c.total }

// PatternWeight is the weight of a pattern without term frequencies.
func (s *Scored) PatternWeight(pattern uint32) float64 {
	w := math.Log2(s.p.prior) - math.Log2(1-s.p.prior)
	for i := range s.p.comps {
		c := &s.p.comps[i]
		w += s.p.weights[s.p.offsets[i]+int(pattern/c.stride)%len(c.levels)]
	}
	return w
}

// Model is the model with the probabilities that were used.
func (s *Scored) Model() *model.Model {
	m := *s.p.m
	m.Prior, m.Trained = s.p.prior, true
	m.Comparisons = nil
	for i, c := range s.p.comps {
		mc := s.p.m.Comparisons[i]
		mc.Levels = nil
		for _, l := range c.levels {
			mc.Levels = append(mc.Levels, l.Level)
		}
		m.Comparisons = append(m.Comparisons, mc)
	}
	return &m
}

// Warnings says what was odd about the data or the estimate.
func (s *Scored) Warnings() []string {
	out := []string{}
	for i := range s.p.comps {
		c := &s.p.comps[i]
		informs := false
		for _, l := range c.levels[:len(c.levels)-1] {
			informs = informs || !l.IsNull && math.Abs(math.Log2(max(l.M, tiny)/max(l.U, tiny))) > 0.1
		}
		if !informs {
			out = append(out, "comparison "+c.name+" says almost nothing: its column is empty or the same everywhere")
		}
	}
	shares := s.Rules()
	for k, r := range s.p.rules {
		if r.idle && (s.c.each > 1 || shares[k].Pairs > 0) {
			continue // another rule brings what it would
		}
		if r.size <= 1 {
			out = append(out, "rule \""+r.name+"\" brings no two records together")
		}
	}
	if s.c.total == 0 {
		out = append(out, "no two records were compared: every record is a cluster of its own")
	}
	return out
}

// Reached is the share of the true pairs (rows of one truth other than 0) that
// a tier or blocking rule brings together.
func (s *Scored) Reached(truth []uint32) float64 {
	p := s.p
	groups := map[uint32][]uint32{}
	for i, t := range truth {
		if t != 0 {
			groups[t] = append(groups[t], uint32(i))
		}
	}
	w := &worker{}
	all, met := 0, 0
	for _, g := range groups {
		for i, l := range g {
			for _, r := range g[i+1:] {
				if p.m.Mode == model.Link && p.f.Source[l] == p.f.Source[r] {
					continue
				}
				all++
				if p.hold(w, p.row(l), p.row(r)) != 0 {
					met++
				}
			}
		}
	}
	if all == 0 {
		return 1
	}
	return float64(met) / float64(all)
}

// Step is what one comparison says of a pair: a step of its waterfall.
type Step struct {
	Name    string
	What    string // "same", "close", "different" or "missing"
	Bits    float64
	Columns []string // that it looks at, in order
}

// Steps are the comparisons of a pattern, in order.
func (s *Scored) Steps(pattern uint32) []Step {
	var out []Step
	for i := range s.p.comps {
		c := &s.p.comps[i]
		k := int(pattern/c.stride) % len(c.levels)
		first := 0
		for first < len(c.levels) && c.levels[first].IsNull {
			first++
		}
		st := Step{Name: c.name, What: "close", Bits: s.p.weights[s.p.offsets[i]+k], Columns: slices.Sorted(maps.Keys(c.cols))}
		switch {
		case c.levels[k].IsNull:
			st.What = "missing"
		case k == first:
			st.What = "same"
		case k == len(c.levels)-1:
			st.What = "different"
		}
		out = append(out, st)
	}
	return out
}
