// Package model is what a linkage is told: comparisons with their levels and
// weights, blocking rules, deterministic tiers and cannot-link rules. It reads
// and writes Splink's model JSON and Ark's own spec, and makes the default
// model for person data from column names. It never sees a record.
package model

import (
	"math"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/expr"
)

// Mode is which pairs are looked at.
type Mode string

// The modes: pairs within the inputs, pairs across inputs, all pairs.
const (
	Dedupe Mode = "dedupe"
	Link   Mode = "link"
	Both   Mode = "both"
)

// Level is one outcome of a comparison. M and U are the probabilities of the
// outcome for two records of one person and of two; NaN means not known yet.
type Level struct {
	Condition string
	Label     string
	IsNull    bool
	M, U      float64
	FixM      bool
	FixU      bool
	TFColumn  string  // column whose value's own frequency replaces U
	TFWeight  float64 // 1 is the whole adjustment
	TFFloor   float64 // frequencies below are taken as this
	TFOwn     bool    // the adjustment replaces this level's U, not the exact level's
}

// Comparison is an ordered list of levels; the first that holds counts.
type Comparison struct {
	Name        string
	Description string
	Levels      []Level
}

// Rule is a blocking rule. A block larger than the model's MaxBlock is split
// by the Refine expressions (of record l) in turn, and then by position.
type Rule struct {
	Name   string
	When   string
	Refine []string
	// PerRow, when above 0, bounds the rule to about that many pairs per record:
	// the largest blocks are refined and then left out, and the report says how
	// many pairs that lost. It lets a wide rule do what it can on any size.
	PerRow float64
	// Total, when above 0, bounds the rule to about that many pairs in all.
	Total float64
	// Rare marks a rule that is for rare values alone: without its bounds it would
	// bring everybody together.
	Rare bool
	// Blind keeps EM from learning on the rule's pairs, for rules that bring
	// households together rather than people.
	Blind bool
}

// Model is a whole linkage model.
type Model struct {
	Name        string
	Mode        Mode
	Prior       float64 // probability that two random records match; NaN: estimate
	Trained     bool    // keep M, U and Prior as they are
	Plain       bool    // frequencies as Splink counts them: the person's own records too
	Raw         bool    // columns as they are in the input, not canonical
	Tiers       []Rule  // deterministic links, strongest first
	Rules       []Rule
	Cannot      []Rule   // pairs that hold one are of two people
	Unique      []string // columns of which a person has one value only
	Comparisons []Comparison
	MaxBlock    int // records; 0: no limit
	// Rival is how many bits better a link must be than the same record's link to
	// somebody who can't be the same person; 0 doesn't ask.
	Rival float64
	// Complete compares the records of one cluster that no rule brought
	// together as well.
	Complete bool
	// Labels is a rule; pairs that hold it are of one person almost surely.
	// The M of comparisons that don't look at its columns is counted on them.
	Labels string

	UniqueID string
	Source   string
}

// Check refuses a model that can't be run.
func (m *Model) Check() error {
	if len(m.Comparisons) == 0 {
		return ark.Faultf(ark.Invalid, "the model has no comparisons").Do("name at least one comparison")
	}
	if len(m.Rules)+len(m.Tiers) == 0 {
		return ark.Faultf(ark.Invalid, "the model has no blocking rules").Do("name at least one blocking rule")
	}
	if !math.IsNaN(m.Prior) && (m.Prior <= 0 || m.Prior >= 1) {
		return ark.Faultf(ark.Invalid, "the probability that two random records match is not between 0 and 1").
			Do("give a probability above 0 and below 1")
	}
	if len(m.Tiers)+len(m.Rules) > 64 {
		return ark.Faultf(ark.TooMuch, "the model has more than 64 blocking rules and tiers").Do("use fewer rules")
	}
	seen := map[string]bool{}
	for _, c := range m.Comparisons {
		if c.Name == "" || seen[c.Name] {
			return ark.Faultf(ark.Invalid, "comparison %q has no name of its own", c.Name).Do("name each comparison once")
		}
		seen[c.Name] = true
		if err := c.check(); err != nil {
			return err
		}
	}
	for _, set := range [][]Rule{m.Tiers, m.Rules} {
		for _, r := range set {
			if _, err := expr.Rule(r.When); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Comparison) check() error {
	rest := 0
	for i, l := range c.Levels {
		n, err := expr.Level(l.Condition)
		if err != nil {
			return err
		}
		if n.Op == expr.Else {
			if rest++; i != len(c.Levels)-1 {
				rest = 2
			}
		}
	}
	if len(c.Levels) < 2 || rest != 1 {
		return ark.Faultf(ark.Invalid, "comparison %q must have two levels or more, the last of them ELSE", c.Name).
			Do("end the levels with ELSE")
	}
	return nil
}

// probable refuses what is not a probability; NaN stands for none.
func probable(comparison string, level int, ps ...float64) error {
	for _, p := range ps {
		if p < 0 || p > 1 {
			return ark.Faultf(ark.Invalid, "comparison %q, level %d: a probability is not between 0 and 1", comparison, level+1).
				Do("give probabilities from 0 to 1, or leave them out to have them estimated")
		}
	}
	return nil
}

// Columns lists every column that the model looks at.
func (m *Model) Columns() (map[string]bool, error) {
	cols := map[string]bool{}
	for _, c := range m.Comparisons {
		for _, l := range c.Levels {
			n, err := expr.Level(l.Condition)
			if err != nil {
				return nil, err
			}
			n.Columns(cols)
			if l.TFColumn != "" {
				cols[l.TFColumn] = true
			}
		}
	}
	for _, set := range [][]Rule{m.Tiers, m.Rules, m.Cannot} {
		for _, r := range set {
			n, err := expr.Rule(r.When)
			if err != nil {
				return nil, err
			}
			n.Columns(cols)
			for _, s := range r.Refine {
				n, err := expr.Rule(s)
				if err != nil {
					return nil, err
				}
				n.Columns(cols)
			}
		}
	}
	for _, u := range m.Unique {
		cols[u] = true
	}
	return cols, nil
}
