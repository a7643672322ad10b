package suppress

import (
	"encoding/json"
	"fmt"
	"io"
	"math/big"
)

// Verified is what checking a certificate shows.
type Verified struct {
	Kind      string              `json:"kind"`
	Published string              `json:"published"`
	Valid     bool                `json:"valid"`
	Faults    []string            `json:"faults"`
	Shows     []string            `json:"shows"`
	Intervals map[string]Interval `json:"intervals"` // shown attainable by the attacker's own tables
}

// ReadCertificate reads a certificate strictly.
func ReadCertificate(r io.Reader) (*Certificate, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil || len(b) > maxInput {
		return nil, misuse("the certificate can't be read or is too large")
	}
	var c Certificate
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, misuse("the certificate is not JSON of the right shape: %v", err)
	}
	if c.Kind != KindInternal && c.Kind != KindReleased {
		return nil, misuse("it is no certificate of suppression")
	}
	return &c, nil
}

// Verify checks a certificate in exact arithmetic, trusting nothing in it.
func Verify(c *Certificate) Verified {
	v := Verified{Kind: c.Kind, Published: digest(c.Cells, c.Equations), Faults: []string{}, Shows: []string{}, Intervals: map[string]Interval{}}
	fault := func(f string, a ...any) { v.Faults = append(v.Faults, fmt.Sprintf(f, a...)) }
	if c.Published != v.Published {
		fault("the digest does not belong to this table")
	}
	index := map[string]int{}
	for i, x := range c.Cells {
		if _, dup := index[x.ID.Key]; dup {
			fault("cell %d is given twice", i+1)
		}
		index[x.ID.Key] = i
		if x.Value == nil && !x.Withheld || x.Value != nil && x.Withheld && c.Kind == KindReleased {
			fault("cell %d should have a value exactly if it is published", i+1)
			return v
		}
		if x.Value == nil && c.Kind == KindInternal {
			fault("cell %d has no true value", i+1)
			return v
		}
	}
	for k, e := range c.Equations {
		for _, id := range append([]ID{e.Total}, e.Parts...) {
			if _, ok := index[id.Key]; !ok {
				fault("equation %d names an unknown cell", k+1)
				return v
			}
		}
	}
	if c.Kind == KindInternal {
		if err := c.fits(index, nil); err != "" {
			fault("the true table: %s", err)
		}
	}
	low, high := map[string]*big.Rat{}, map[string]*big.Rat{}
	for _, w := range c.Witnesses {
		i, ok := index[w.Cell.Key]
		if !ok || !c.Cells[i].Withheld {
			fault("a witness is for a cell that is not withheld")
			continue
		}
		for side, tab := range []map[string]Number{w.Low, w.High} {
			if err := c.fits(index, tab); err != "" {
				fault("a witness for cell %s: %s", w.Cell.Key, err)
				continue
			}
			at, ok := tab[w.Cell.Key]
			if !ok && c.Cells[i].Value != nil {
				at = *c.Cells[i].Value
			}
			if at.Rat == nil {
				fault("a witness for cell %s says nothing of it", w.Cell.Key)
				continue
			}
			if side == 0 {
				low[w.Cell.Key] = at.Rat
			} else {
				high[w.Cell.Key] = at.Rat
			}
		}
		if low[w.Cell.Key] != nil && high[w.Cell.Key] != nil {
			v.Intervals[w.Cell.Key] = Interval{{low[w.Cell.Key]}, {high[w.Cell.Key]}}
			if c.Kind == KindReleased && low[w.Cell.Key].Cmp(high[w.Cell.Key]) >= 0 {
				fault("cell %s is not shown to have more than one possible value", w.Cell.Key)
			}
		}
	}
	if c.Kind == KindInternal {
		v.internal(c, index, low, high, fault)
	} else {
		for _, x := range c.Cells {
			if _, ok := v.Intervals[x.ID.Key]; x.Withheld && !ok {
				fault("cell %s is withheld and has no witnesses", x.ID.Key)
			}
		}
		v.Shows = append(v.Shows, "for each withheld cell, two tables that agree with everything published and differ in it: it cannot be worked out exactly by an attacker who knows the published values, the equations and the bounds",
			"the witnesses follow from the published table alone; they say nothing of the true values, of which cells were the sensitive ones, or of how the pattern was chosen")
	}
	v.Valid = len(v.Faults) == 0
	return v
}

// internal checks protection levels and cost.
func (v *Verified) internal(c *Certificate, index map[string]int, low, high map[string]*big.Rat, fault func(string, ...any)) {
	primary := map[string]bool{}
	for _, q := range c.Primary {
		primary[q.Cell.Key] = true
		i, ok := index[q.Cell.Key]
		lo, hi := low[q.Cell.Key], high[q.Cell.Key]
		if !ok || lo == nil || hi == nil {
			fault("primary %s has no witnesses", q.Cell.Key)
			continue
		}
		a := c.Cells[i].Value.Rat
		up, down := new(big.Rat).Sub(hi, a), new(big.Rat).Sub(a, lo)
		width := new(big.Rat).Sub(hi, lo)
		if up.Cmp(orZero(q.UPL)) < 0 || down.Cmp(orZero(q.LPL)) < 0 || width.Cmp(orZero(q.SPL)) < 0 || width.Sign() <= 0 {
			fault("primary %s is not kept as far as its levels ask", q.Cell.Key)
		}
	}
	cost := new(big.Rat)
	for _, x := range c.Cells {
		if x.Withheld && !primary[x.ID.Key] && x.Weight != nil && x.Weight.Rat != nil {
			cost.Add(cost, x.Weight.Rat)
		}
	}
	if c.Cost == nil || c.Cost.Rat == nil || cost.Cmp(c.Cost.Rat) != 0 {
		fault("the cost is not the weight of the withheld cells that are not primary")
	}
	v.Shows = append(v.Shows, "for each primary cell, two tables that agree with everything published and reach its protection levels, checked in exact arithmetic",
		"the cost of the pattern", "the bound and gap are the solver's and are not verified here")
}

// fits checks a table against published values, bounds and equations; it
// returns what is wrong, or nothing. A nil table is the true one.
func (c *Certificate) fits(index map[string]int, tab map[string]Number) string {
	value := make([]*big.Rat, len(c.Cells))
	for i, x := range c.Cells {
		if x.Value != nil {
			value[i] = x.Value.Rat
		}
	}
	for key, n := range tab {
		i, ok := index[key]
		if !ok || !c.Cells[i].Withheld || n.Rat == nil {
			return "it gives a value to a cell that is not withheld"
		}
		value[i] = n.Rat
	}
	for i, x := range c.Cells {
		if value[i] == nil {
			return "a withheld cell has no value"
		}
		if x.LB.Rat != nil && value[i].Cmp(x.LB.Rat) < 0 || x.UB.Rat != nil && value[i].Cmp(x.UB.Rat) > 0 {
			return "a cell leaves its bounds"
		}
	}
	sum := new(big.Rat)
	for _, e := range c.Equations {
		sum.SetInt64(0)
		for _, part := range e.Parts {
			sum.Add(sum, value[index[part.Key]])
		}
		if sum.Cmp(value[index[e.Total.Key]]) != 0 {
			return "an equation doesn't add up"
		}
	}
	return ""
}
