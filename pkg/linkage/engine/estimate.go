package engine

import (
	"context"
	"math"
	"slices"
	"sort"
)

// randomPairs is how many random pairs the U of fuzzy levels is counted on.
const randomPairs = 200_000

// The floors keep a level that was never seen from deciding by itself.
const (
	floorM = 1e-5
	floorU = 1e-9
	// strongest is the most that a disagreement may speak against a match: 10
	// bits, however seldom it was seen among matches.
	strongest = 1 << 10
)

// Estimate works out M, U and the prior that the model leaves open, and the
// weight of each level. It keeps the compared pairs when they are few enough.
func (p *Plan) Estimate(ctx context.Context) (*Scored, error) {
	s := &Scored{p: p}
	trained := p.m.Trained
	if !trained {
		if err := p.estimateU(); err != nil {
			return nil, err
		}
	}
	c, err := p.collect(ctx)
	if err != nil {
		return nil, err
	}
	s.c = c
	if !trained {
		p.estimateM(c)
	}
	p.weigh()
	if err := s.doubt(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// estimateU sets the U of every level that is not fixed: exactly, from the
// frequencies, where a level is equality, otherwise from random pairs.
func (p *Plan) estimateU() error {
	n := p.random(randomPairs)
	for i := range p.comps {
		c := &p.comps[i]
		total := 0.0
		for k, l := range c.levels {
			if !l.IsNull {
				total += n[i][k]
			}
		}
		var before []*vector
		var shares []float64
		for k := range c.levels {
			l := &c.levels[k]
			if l.IsNull || l.FixU {
				continue
			}
			l.U = (n[i][k] + 0.5) / (total + 1)
			v := p.equality(l)
			if v == nil {
				continue
			}
			u, known := exactly(v), true
			for j, b := range before {
				if p.determines(b, v) {
					u -= shares[j]
				} else {
					known = false
				}
			}
			if known && (len(before) > 0 || k <= 1) {
				l.U = max(u, floorU)
			}
			before, shares = append(before, v), append(shares, l.U)
		}
	}
	return nil
}

// session is an EM run on the pairs of one rule, blind to the comparisons
// that look at the rule's columns.
type session struct {
	use   []int // comparisons
	cells []sessionCell
	total float64
}

type sessionCell struct {
	levels []int
	n      float64
}

// estimateM sets the M of every level that is not fixed, and the prior.
func (p *Plan) estimateM(c *candidates) {
	seen := make([][]float64, len(p.comps)) // U as observed, matches included
	for i := range p.comps {
		p.comps[i].startM()
		for k := range p.comps[i].levels {
			seen[i] = append(seen[i], p.comps[i].levels[k].U)
		}
	}
	var sessions []session
	for k := range p.rules {
		if p.rules[k].blind {
			continue
		}
		if s := p.session(c, k); len(s.use) > 0 && s.total >= 20 {
			sessions = append(sessions, s)
		}
	}
	fixed := p.countLabels(c)
	for round := range 2 {
		p.maximise(sessions, fixed)
		p.estimatePrior(c)
		if round > 0 {
			break
		}
		for i := range p.comps { // take the matches out of the random pairs
			for k := range p.comps[i].levels {
				l := &p.comps[i].levels[k]
				if l.IsNull || l.FixU || math.IsNaN(l.M) {
					continue
				}
				u := (seen[i][k] - p.prior*l.M) / (1 - p.prior)
				l.U = max(u, seen[i][k]*0.02, floorU)
			}
		}
	}
	for i := range p.comps {
		p.comps[i].straighten()
	}
	p.estimatePrior(c)
}

// startM gives levels without an M a first guess.
func (c *comparison) startM() {
	open := 0
	for _, l := range c.levels {
		if !l.IsNull {
			open++
		}
	}
	at := 0
	for k := range c.levels {
		l := &c.levels[k]
		if l.IsNull {
			continue
		}
		at++
		if l.FixM && !math.IsNaN(l.M) {
			continue
		}
		switch {
		case open == 1:
			l.M = 1
		case at == 1:
			l.M = 0.8
		case at == open:
			l.M = 0.05
			if open == 2 {
				l.M = 0.2
			}
		default:
			l.M = 0.15 / float64(open-2)
		}
	}
}

// session gathers the cells of rule k.
func (p *Plan) session(c *candidates, k int) session {
	var s session
	for i := range p.comps {
		if !overlap(p.comps[i].cols, p.rules[k].cols) {
			s.use = append(s.use, i)
		}
	}
	if len(s.use) < 2 {
		return session{}
	}
	at := map[uint32]int{}
	var digits []int
	for _, cell := range c.cells {
		if cell.mask&(1<<uint(k)) == 0 {
			continue
		}
		digits = p.digits(cell.pattern, digits)
		key := uint32(0)
		for _, i := range s.use {
			key += uint32(digits[i]) * p.comps[i].stride
		}
		j, ok := at[key]
		if !ok {
			j = len(s.cells)
			at[key] = j
			sc := sessionCell{}
			for _, i := range s.use {
				sc.levels = append(sc.levels, digits[i])
			}
			s.cells = append(s.cells, sc)
		}
		s.cells[j].n += cell.n
		s.total += cell.n
	}
	return s
}

func overlap(a, b map[string]bool) bool {
	for k := range a {
		if b[k] {
			return true
		}
	}
	return false
}

// doubt is the share of disagreement below which sessions are believed alike.
const doubt = 0.02

// maximise runs EM in each session and sets M to the mean over sessions,
// weighted by the matches each expects.
func (p *Plan) maximise(sessions []session, fixed []bool) {
	sum := make([][]float64, len(p.comps))
	for i := range sum {
		sum[i] = make([]float64, len(p.comps[i].levels))
	}
	for _, s := range sessions {
		m, matches := p.runSession(s, fixed)
		for x, i := range s.use {
			// Families and twins among a session's matches add disagreement: the
			// less of it, the more the session is believed.
			d := m[x][len(m[x])-1] + doubt
			if slices.Contains(fixed, true) { // what is left open is what labels went by, and errs alike whoever is taken
				d = m[x][len(m[x])-1] + doubt/100
				d *= d
				d *= d
			}
			belief := matches / d
			for k := range m[x] {
				sum[i][k] += m[x][k] * belief
			}
		}
	}
	for i := range p.comps {
		if !fixed[i] {
			p.comps[i].setM(sum[i], strongest)
		}
	}
}

// setM sets the open M of c in proportion to n; most, when there is one, is the
// most that a disagreement may speak against a match.
func (c *comparison) setM(n []float64, most float64) {
	total := 0.0
	for k, l := range c.levels {
		if !l.IsNull {
			total += n[k]
		}
	}
	if total <= 0 {
		return
	}
	for k := range c.levels {
		if l := &c.levels[k]; !l.IsNull && !l.FixM {
			l.M = max(n[k]/total, floorM)
			if most > 0 {
				l.M = max(l.M, l.U/most)
			}
		}
	}
}

// runSession returns per used comparison the M of each level, and how many
// matches are expected among the session's pairs.
func (p *Plan) runSession(s session, fixed []bool) ([][]float64, float64) {
	m := make([][]float64, len(s.use))
	u := make([][]float64, len(s.use))
	for x, i := range s.use {
		for _, l := range p.comps[i].levels {
			if l.IsNull {
				m[x], u[x] = append(m[x], 1), append(u[x], 1)
				continue
			}
			m[x], u[x] = append(m[x], l.M), append(u[x], max(l.U, floorU))
		}
	}
	lambda, matches := 0.3, 0.0
	for range 60 {
		next := make([][]float64, len(m))
		for x := range m {
			next[x] = make([]float64, len(m[x]))
		}
		matches = 0
		for _, c := range s.cells {
			a, b := lambda, 1-lambda
			for x, k := range c.levels {
				a *= m[x][k]
				b *= u[x][k]
			}
			post := c.n * a / (a + b)
			if a+b == 0 {
				post = 0
			}
			matches += post
			for x, k := range c.levels {
				next[x][k] += post
			}
		}
		change := math.Abs(matches/s.total - lambda)
		lambda = min(max(matches/s.total, 1e-9), 1-1e-6)
		for x, i := range s.use {
			if fixed[i] { // counted on labelled pairs: it tells the sessions who is one person
				continue
			}
			total := 0.0
			for k, l := range p.comps[i].levels {
				if !l.IsNull {
					total += next[x][k]
				}
			}
			for k, l := range p.comps[i].levels {
				if l.IsNull || l.FixM || total == 0 {
					continue
				}
				v := max(next[x][k]/total, floorM)
				change = max(change, math.Abs(v-m[x][k]))
				m[x][k] = v
			}
		}
		if change < 1e-4 {
			break
		}
	}
	return m, matches
}

// countLabels counts M on pairs that are of one person almost surely, for the
// comparisons that don't look at what made them so. It reports which those are.
func (p *Plan) countLabels(c *candidates) []bool {
	fixed := make([]bool, len(p.comps))
	at := -1
	for k := range p.rules {
		if p.m.Labels != "" && p.rules[k].name == p.m.Labels {
			at = k
		}
	}
	if at < 0 {
		return fixed
	}
	s := p.session(c, at)
	if s.total < 500 {
		return fixed
	}
	var m [][]float64
	if at >= p.tiers { // nobody checked the number: some pairs that share it are of two people
		m, _ = p.runSession(s, fixed)
	}
	for x, i := range s.use {
		n := make([]float64, len(p.comps[i].levels))
		for _, cell := range s.cells {
			n[cell.levels[x]] += cell.n
		}
		if m != nil {
			n = m[x]
		}
		p.comps[i].setM(n, 0)
		fixed[i] = true
	}
	return fixed
}

// estimatePrior sets the chance that two random records match to the share of
// all pairs that the candidates say match, which settles in a few rounds.
func (p *Plan) estimatePrior(c *candidates) {
	if !math.IsNaN(p.m.Prior) {
		p.prior = p.m.Prior
		return
	}
	bf := make([]float64, 0, len(c.cells))
	n := make([]float64, 0, len(c.cells))
	var digits []int
	for _, cell := range c.cells {
		digits = p.digits(cell.pattern, digits)
		b := 1.0
		for i, k := range digits {
			if l := &p.comps[i].levels[k]; !l.IsNull {
				b *= l.M / max(l.U, floorU)
			}
		}
		bf, n = append(bf, b), append(n, cell.n*float64(c.each))
	}
	all := p.allPairs()
	lambda := min(0.5, 1/float64(p.f.N))
	for range 50 {
		sum := 0.0
		for i := range bf {
			o := bf[i] * lambda / (1 - lambda)
			sum += n[i] * o / (1 + o)
		}
		next := min(max(sum/all, 1e-12), 0.5)
		done := math.Abs(next-lambda) < lambda*1e-6
		lambda = next
		if done {
			break
		}
	}
	p.prior = lambda
}

// allPairs is the number of pairs that the mode allows.
func (p *Plan) allPairs() float64 {
	n := float64(p.f.N)
	all := n * (n - 1) / 2
	if p.m.Mode == "link" {
		for _, s := range blockSizes16(p.f.Source, len(p.f.Sources)) {
			all -= s * (s - 1) / 2
		}
	}
	return max(all, 1)
}

func blockSizes16(ids []uint16, n int) []float64 {
	out := make([]float64, n)
	for _, id := range ids {
		out[id]++
	}
	return out
}

// straighten makes a level further down never speak more for a match than one
// above it, by taking neighbours that do together.
func (c *comparison) straighten() {
	type pool struct {
		m, u float64
		ks   []int
	}
	var pools []pool
	for k := range c.levels {
		l := c.levels[k]
		if l.IsNull {
			continue
		}
		pools = append(pools, pool{l.M, l.U, []int{k}})
		for n := len(pools); n > 1 && pools[n-1].m*pools[n-2].u > pools[n-2].m*pools[n-1].u; n = len(pools) {
			a, b := pools[n-2], pools[n-1]
			pools = append(pools[:n-2], pool{a.m + b.m, a.u + b.u, append(a.ks, b.ks...)})
		}
	}
	for _, q := range pools {
		sort.Ints(q.ks)
		for _, k := range q.ks {
			l := &c.levels[k]
			if len(q.ks) > 1 && !l.FixM && !l.FixU {
				l.M = max(floorM, q.m/q.u*l.U)
			}
		}
	}
}
