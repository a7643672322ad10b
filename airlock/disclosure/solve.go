package disclosure

import (
	"math"
	"math/big"
	"slices"
)

// hidden is what follows about the withheld counts of a table from its totals:
// the tightest ranges that bound propagation gives, made exact where the
// equations alone determine a cell.
type hidden struct {
	cells  [][2]int
	lo, hi []float64
	exact  []bool
	told   []bool // the totals say more than the mark does
	loose  []bool // withheld parts of a total that is more than the sum of what is shown, all rounded
}

// maxHidden bounds the exact algebra.
const maxHidden = 400

// relation is total = Σ parts over printed and withheld cells: the constant is
// a range, which rounding widens.
type relation struct {
	vars   []int
	signs  []int64
	lo, hi float64 // Σ sign·var lies in here
	fixed  *big.Rat
	left   int64 // total less the printed parts
}

// solveHidden sets up the equations of rows with a total column and columns
// with a total row, and works out what they say.
func (v *view) solveHidden() *hidden {
	h := &hidden{}
	index := map[[2]int]int{}
	counts := func(c int) bool {
		col := v.cols[c]
		return !col.label && (col.is(kCount) || len(col.kinds) == 0)
	}
	for r, row := range v.t.rows {
		for c, x := range row.cells {
			if x.kind != cellMark || !counts(c) {
				continue
			}
			index[[2]int{r, c}] = len(h.cells)
			h.cells = append(h.cells, [2]int{r, c})
			lo, hi := 0.0, math.Inf(1)
			if x.bound > 0 {
				hi = float64(x.bound - 1)
			}
			h.lo, h.hi, h.exact, h.loose, h.told = append(h.lo, lo), append(h.hi, hi), append(h.exact, false), append(h.loose, false), append(h.told, false)
		}
	}
	if len(h.cells) == 0 || len(h.cells) > maxHidden {
		return h
	}
	var rels []relation
	body, totals := v.bodyRows()
	add := func(total [2]int, parts [][2]int) {
		if rel, ok := v.relation(index, total, parts); ok {
			if rel.fixed == nil && v.p.Rounding.Totals == "of-rounded" {
				// Such a total is made of what is shown and says nothing of
				// what is withheld, unless it is more than that.
				for _, k := range rel.vars {
					h.loose[k] = h.loose[k] || rel.left > 0
				}
				return
			}
			rels = append(rels, rel)
		}
	}
	if len(totals) == 1 {
		for c := range v.cols {
			if counts(c) {
				var parts [][2]int
				for _, r := range body {
					parts = append(parts, [2]int{r, c})
				}
				add([2]int{totals[0], c}, parts)
			}
		}
	}
	totalCol := -1
	var partCols []int
	for c, col := range v.cols {
		switch {
		case !counts(c):
		case col.total:
			totalCol = c
		case col.sure != sure || len(col.kinds) == 0:
			partCols = append(partCols, c)
		}
	}
	if totalCol >= 0 && len(partCols) > 1 {
		for r := range v.t.rows {
			var parts [][2]int
			for _, c := range partCols {
				parts = append(parts, [2]int{r, c})
			}
			add([2]int{r, totalCol}, parts)
		}
	}
	lo, hi := slices.Clone(h.lo), slices.Clone(h.hi)
	h.propagate(rels)
	for k := range h.cells {
		h.told[k] = h.lo[k] > lo[k] || h.hi[k] < hi[k]
	}
	h.determine(rels)
	return h
}

// relation builds one equation. A printed number is itself, or the range that
// its rounding allows when all printed numbers of the equation are rounded.
func (v *view) relation(index map[[2]int]int, total [2]int, parts [][2]int) (relation, bool) {
	rel := relation{fixed: new(big.Rat)}
	rounded := v.p.Rounding != nil
	type term struct {
		n    int64
		sign int64
	}
	var terms []term
	for i, at := range append([][2]int{total}, parts...) {
		sign := int64(1)
		if i == 0 {
			sign = -1
		}
		x := v.t.rows[at[0]].cells[at[1]]
		if k, ok := index[at]; ok {
			rel.vars, rel.signs = append(rel.vars, k), append(rel.signs, sign)
			continue
		}
		if x.kind != cellNumber || !x.values[0].whole || x.values[0].f < 0 || len(x.values) > 1 {
			return rel, false
		}
		terms = append(terms, term{x.values[0].n, sign})
		rounded = rounded && v.p.Rounding.Rounded(x.values[0].n)
	}
	if len(rel.vars) == 0 {
		return rel, false
	}
	for _, t := range terms {
		rel.left -= t.sign * t.n
		lo, hi := t.n, t.n
		if rounded {
			lo, hi = v.p.Rounding.Interval(t.n)
		}
		// Σ sign·var = − Σ sign·printed
		if t.sign > 0 {
			rel.lo -= float64(hi)
			rel.hi -= float64(lo)
		} else {
			rel.lo += float64(lo)
			rel.hi += float64(hi)
		}
		rel.fixed.Sub(rel.fixed, big.NewRat(t.sign*t.n, 1))
	}
	if rounded {
		rel.fixed = nil
	}
	return rel, true
}

// propagate tightens ranges until nothing changes.
func (h *hidden) propagate(rels []relation) {
	for range 50 {
		changed := false
		for _, rel := range rels {
			for i, k := range rel.vars {
				// sign_i·x_i = const − Σ others
				lo, hi := rel.lo, rel.hi
				for j, o := range rel.vars {
					if j == i {
						continue
					}
					if rel.signs[j] > 0 {
						lo, hi = lo-h.hi[o], hi-h.lo[o]
					} else {
						lo, hi = lo+h.lo[o], hi+h.hi[o]
					}
				}
				if rel.signs[i] < 0 {
					lo, hi = -hi, -lo
				}
				if lo > h.lo[k]+1e-9 && lo <= h.hi[k] {
					h.lo[k], changed = lo, true
				}
				if hi < h.hi[k]-1e-9 && hi >= h.lo[k] {
					h.hi[k], changed = hi, true
				}
			}
		}
		if !changed {
			return
		}
	}
}

// determine finds the cells that exact equations determine by themselves, by
// elimination over the rationals.
func (h *hidden) determine(rels []relation) {
	n := len(h.cells)
	var m [][]*big.Rat
	for _, rel := range rels {
		if rel.fixed == nil {
			continue
		}
		row := make([]*big.Rat, n+1)
		for i := range row {
			row[i] = new(big.Rat)
		}
		for i, k := range rel.vars {
			row[k].SetInt64(rel.signs[i])
		}
		row[n].Set(rel.fixed)
		m = append(m, row)
	}
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
	for _, row := range m[:r] {
		only, count := -1, 0
		for c := range n {
			if row[c].Sign() != 0 {
				only, count = c, count+1
			}
		}
		if count == 1 {
			f, _ := row[n].Float64()
			h.lo[only], h.hi[only], h.exact[only] = f, f, true
		}
	}
	for k := range h.cells {
		h.exact[k] = h.exact[k] || h.lo[k] == h.hi[k]
	}
}
