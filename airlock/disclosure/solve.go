package disclosure

import (
	"context"
	"errors"
	"math"
	"math/big"
	"slices"
)

// Attacker works out how far the cells of linked tables can be narrowed; the
// linear programmes of airlock/suppress do it exactly. Without one, ranges come
// from bound propagation and elimination, which can be wider than the truth.
type Attacker interface {
	// Narrow gives the range of each cell asked about. Cells have bounds;
	// equal ones are published. contradiction: no table fits. With ErrWork the
	// ranges are those of the first cells asked about.
	Narrow(ctx context.Context, s System, ask []int) (ranges []Range, contradiction bool, err error)
}

// ErrWork is returned by an Attacker whose work was not enough for all it was
// asked: what it leaves open is for a person to see.
var ErrWork = errors.New("disclosure: the attacker's work was not enough")

// System is linked tables as an attacker sees them.
type System struct {
	Cells     []Range
	Equations []SystemEquation
}

// SystemEquation says that a cell is the sum of others.
type SystemEquation struct {
	Total int
	Parts []int
}

// Range is what is known of a cell: ±Inf where nothing bounds it.
type Range struct {
	Lo, Hi float64
	Exact  bool // shown to have one possible value
}

// node is one cell of the linked tables, wherever it is shown.
type node struct {
	Range
	withheld []place // where it is withheld
	printed  bool
	loose    bool // part of a total that is more than what is shown of it
	told     bool // the tables say more than the marks do
}

// place is a cell of one of the tables.
type place struct {
	view, row, col int
}

// relation is an equation between nodes, and where its total stands.
type relation struct {
	SystemEquation
	at place
}

// hidden is what follows about withheld counts of linked tables.
type hidden struct {
	nodes  []node
	rels   []relation
	small  []relation // withheld parts that together are fewer than the threshold
	orders []int      // nodes that are withheld, in the order of their first place
	open   []place    // withheld counts that were not worked out to the end
}

// maxHidden bounds what is worked out.
const maxHidden = 2000

// solveHidden sets up the equations of linked tables and works out what they
// say of what is withheld. link says which cells of different tables are one;
// nil: none.
func solveHidden(ctx context.Context, views []*view, link func(place) string, attack Attacker) (*hidden, error) {
	h := &hidden{}
	index := map[place]int{}
	byKey := map[string]int{}
	at := func(p place) int {
		if k, ok := index[p]; ok {
			return k
		}
		key := ""
		if link != nil {
			key = link(p)
		}
		k, ok := byKey[key]
		if key == "" || !ok {
			k = len(h.nodes)
			h.nodes = append(h.nodes, node{Range: Range{Lo: 0, Hi: math.Inf(1)}})
			if key != "" {
				byKey[key] = k
			}
		}
		index[p] = k
		h.show(k, p, views[p.view])
		return k
	}
	for i, v := range views {
		for r, row := range v.t.rows {
			for c, x := range row.cells {
				if x.kind == cellMark && v.counts(c) {
					at(place{i, r, c})
				}
			}
		}
	}
	if len(h.nodes) == 0 {
		return h, nil
	}
	if len(h.nodes) > maxHidden {
		if link != nil || slices.ContainsFunc(views, func(v *view) bool { return len(v.sums()) > 0 }) {
			h.open = append(h.open, h.nodes[0].withheld[0])
		}
		return h, nil
	}
	for i, v := range views {
		loose := v.rounded() && v.p.Rounding.Totals == "of-rounded"
		for _, s := range v.sums() {
			h.relate(v, i, s, at, loose)
		}
	}
	if link != nil { // what another table shows of the cells named so far
		for i, v := range views {
			for r := range v.t.rows {
				for c := range v.cols {
					if _, ok := v.whole(r, c); ok && v.counts(c) {
						if _, named := byKey[link(place{i, r, c})]; named {
							at(place{i, r, c})
						}
					}
				}
			}
		}
	}
	marks := make([]Range, len(h.nodes))
	for k, n := range h.nodes {
		marks[k] = n.Range
		if n.printed && len(n.withheld) > 0 {
			marks[k] = Range{Lo: 0, Hi: math.Inf(1)}
		}
		if len(n.withheld) > 0 {
			h.orders = append(h.orders, k)
		}
	}
	h.propagate()
	h.determine()
	for _, rel := range h.rels {
		h.together(rel, views)
	}
	if err := h.attack(ctx, views, attack); err != nil {
		return nil, err
	}
	for k := range h.nodes {
		n := &h.nodes[k]
		n.told = n.Lo > marks[k].Lo || n.Hi < marks[k].Hi
		n.Exact = n.Exact || n.Lo == n.Hi
	}
	return h, nil
}

// show narrows a node by what is printed in a place.
func (h *hidden) show(k int, p place, v *view) {
	n := &h.nodes[k]
	x := v.t.rows[p.row].cells[p.col]
	lo, hi := 0.0, math.Inf(1)
	if m, ok := v.whole(p.row, p.col); ok {
		a, b := m, m
		if v.rounded() {
			a, b = v.p.Rounding.Interval(m)
		}
		lo, hi, n.printed = float64(a), float64(b), true
	} else {
		n.withheld = append(n.withheld, p)
		if x.bound > 0 {
			hi = float64(x.bound - 1)
		}
	}
	n.Lo, n.Hi = max(n.Lo, lo), min(n.Hi, hi)
	if n.Lo > n.Hi { // the tables contradict each other: the wider of the two
		n.Lo, n.Hi = min(n.Lo, lo), max(n.Hi, hi)
	}
}

// relate adds an equation that says something of a withheld cell.
func (h *hidden) relate(v *view, i int, s sum, at func(place) int, loose bool) {
	withheld, left := 0, int64(0)
	for j, p := range append([][2]int{s.total}, s.parts...) {
		x := v.t.rows[p[0]].cells[p[1]]
		m, ok := v.whole(p[0], p[1])
		switch {
		case ok && j == 0:
			left += m
		case ok:
			left -= m
		case x.kind == cellMark:
			withheld++
		default:
			return // blank or unreadable: no equation
		}
	}
	if withheld == 0 && loose {
		return
	}
	if _, ok := v.whole(s.total[0], s.total[1]); loose && ok {
		// Such a total is made of what is shown and says nothing of what is
		// withheld, unless it is more than that.
		for _, p := range s.parts {
			if v.t.rows[p[0]].cells[p[1]].kind == cellMark && left > 0 {
				h.nodes[at(place{i, p[0], p[1]})].loose = true
			}
		}
		return
	}
	rel := relation{at: place{i, s.total[0], s.total[1]}}
	rel.Total = at(rel.at)
	for _, p := range s.parts {
		rel.Parts = append(rel.Parts, at(place{i, p[0], p[1]}))
	}
	h.rels = append(h.rels, rel)
}

// propagate tightens ranges until nothing changes.
func (h *hidden) propagate() {
	for range 50 {
		changed := false
		set := func(k int, lo, hi float64) {
			n := &h.nodes[k]
			if lo > n.Lo+1e-9 && lo <= n.Hi {
				n.Lo, changed = lo, true
			}
			if hi < n.Hi-1e-9 && hi >= n.Lo {
				n.Hi, changed = hi, true
			}
		}
		for _, rel := range h.rels {
			lo, hi, open := 0.0, 0.0, 0
			for _, p := range rel.Parts {
				lo += h.nodes[p].Lo
				if math.IsInf(h.nodes[p].Hi, 1) {
					open++
				} else {
					hi += h.nodes[p].Hi
				}
			}
			top := hi
			if open > 0 {
				top = math.Inf(1)
			}
			set(rel.Total, lo, top)
			t := h.nodes[rel.Total]
			for _, p := range rel.Parts {
				n := h.nodes[p]
				others := top - n.Hi
				if math.IsInf(n.Hi, 1) {
					others = hi
					if open > 1 {
						others = math.Inf(1)
					}
				} else if open > 0 {
					others = math.Inf(1)
				}
				set(p, t.Lo-others, t.Hi-(lo-n.Lo))
			}
		}
		if !changed {
			return
		}
	}
}

// maxAlgebra bounds the exact algebra.
const (
	maxAlgebra = 400
	maxWork    = 20_000_000
)

// determine finds the nodes that the equations determine by themselves, by
// elimination over the rationals.
func (h *hidden) determine() {
	var vars []int
	at := map[int]int{}
	for k, n := range h.nodes {
		if n.Lo != n.Hi {
			at[k] = len(vars)
			vars = append(vars, k)
		}
	}
	n := len(vars)
	if n == 0 || n > maxAlgebra || len(h.rels)*n*n > maxWork {
		return
	}
	var m [][]*big.Rat
	for _, rel := range h.rels {
		row := make([]*big.Rat, n+1)
		for i := range row {
			row[i] = new(big.Rat)
		}
		add := func(k int, sign int64) {
			if i, ok := at[k]; ok {
				row[i].Add(row[i], big.NewRat(sign, 1))
				return
			}
			row[n].Sub(row[n], new(big.Rat).Mul(big.NewRat(sign, 1), new(big.Rat).SetFloat64(h.nodes[k].Lo)))
		}
		add(rel.Total, -1)
		for _, p := range rel.Parts {
			add(p, 1)
		}
		m = append(m, row)
	}
	for _, row := range reduce(m, n) {
		only, count := -1, 0
		for c := range n {
			if row[c].Sign() != 0 {
				only, count = c, count+1
			}
		}
		if count == 1 {
			f, _ := row[n].Float64()
			h.nodes[vars[only]].Range = Range{f, f, true}
		}
	}
}

// reduce brings rows into reduced echelon form and returns those with pivots.
func reduce(m [][]*big.Rat, n int) [][]*big.Rat {
	r := 0
	for c := 0; c < n && r < len(m); c++ {
		p := r
		for p < len(m) && m[p][c].Sign() == 0 {
			p++
		}
		if p == len(m) {
			continue
		}
		m[r], m[p] = m[p], m[r]
		inv := new(big.Rat).Inv(m[r][c])
		for j := c; j <= n; j++ {
			m[r][j].Mul(m[r][j], inv)
		}
		for i := range m {
			if i == r || m[i][c].Sign() == 0 {
				continue
			}
			f := new(big.Rat).Set(m[i][c])
			for j := c; j <= n; j++ {
				if m[r][j].Sign() != 0 {
					m[i][j].Sub(m[i][j], new(big.Rat).Mul(f, m[r][j]))
				}
			}
		}
		r++
	}
	return m[:r]
}

// together notes an equation whose withheld parts add up to a small count.
func (h *hidden) together(rel relation, views []*view) {
	lo, hi := h.nodes[rel.Total].Lo, h.nodes[rel.Total].Hi
	n := 0
	for _, p := range rel.Parts {
		if x := h.nodes[p]; x.printed {
			lo, hi = lo-x.Hi, hi-x.Lo
		} else {
			n++
		}
	}
	if least := float64(views[rel.at.view].p.Counts.Least()); n > 1 && h.nodes[rel.Total].printed && lo > 0 && hi < least {
		h.small = append(h.small, rel)
	}
}

// attack asks the attacker about the cells that may be small, where ranges of
// several equations meet.
func (h *hidden) attack(ctx context.Context, views []*view, a Attacker) error {
	var ask []int
	for _, k := range h.orders {
		n := h.nodes[k]
		if !n.Exact && n.Lo != n.Hi && n.Lo < float64(views[n.withheld[0].view].p.Counts.Least()) {
			ask = append(ask, k)
		}
	}
	if a == nil || len(ask) == 0 || len(h.rels) < 2 {
		return nil
	}
	s := System{}
	for _, n := range h.nodes {
		s.Cells = append(s.Cells, n.Range)
	}
	for _, rel := range h.rels {
		s.Equations = append(s.Equations, rel.SystemEquation)
	}
	got, contradiction, err := a.Narrow(ctx, s, ask)
	if errors.Is(err, ErrWork) {
		for _, k := range ask[len(got):] {
			h.open = append(h.open, h.nodes[k].withheld[0])
		}
		ask, err = ask[:len(got)], nil
	}
	if err != nil || contradiction {
		return err // what bounds say stands; printed totals may include what is not shown
	}
	for i, k := range ask {
		n := &h.nodes[k]
		// Counts are whole: fractions of a range can't be counts.
		n.Lo, n.Hi = max(n.Lo, math.Ceil(got[i].Lo-1e-9)), min(n.Hi, math.Floor(got[i].Hi+1e-9))
		n.Exact = n.Exact || got[i].Exact || n.Lo >= n.Hi
	}
	return nil
}
