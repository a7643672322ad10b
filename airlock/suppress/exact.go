package suppress

import (
	"math"
	"math/big"
)

// witness is a table that agrees with everything published: the exact,
// nonzero deviations from the true values.
type witness map[int]*big.Rat

// at is the witness's deviation of a cell.
func (w witness) at(cell int) *big.Rat {
	if d := w[cell]; d != nil {
		return d
	}
	return new(big.Rat)
}

// verify checks a witness in exact arithmetic: only withheld cells deviate,
// none leaves its bounds, every equation holds, known cells stay.
func (t *table) verify(w witness, withheld []bool, known []int) bool {
	touched := map[int]bool{}
	for c, d := range w {
		if d.Sign() == 0 {
			continue
		}
		if !withheld[c] ||
			(t.up[c] != nil && d.Cmp(t.up[c]) > 0) ||
			(t.down[c] != nil && new(big.Rat).Neg(d).Cmp(t.down[c]) > 0) {
			return false
		}
		for _, k := range t.of[c] {
			touched[k] = true
		}
	}
	for _, c := range known {
		if w.at(c).Sign() != 0 {
			return false
		}
	}
	sum := new(big.Rat)
	for k := range touched {
		sum.SetInt64(0)
		for j, c := range t.eqs[k].cells {
			if d := w[c]; d != nil {
				if t.eqs[k].signs[j] > 0 {
					sum.Add(sum, d)
				} else {
					sum.Sub(sum, d)
				}
			}
		}
		if sum.Sign() != 0 {
			return false
		}
	}
	return true
}

// exactly turns a solver's table into a verified witness: by snapping to
// bounds and small denominators, else by solving the interior cells exactly.
func (t *table) exactly(delta []float64, withheld []bool, known []int) (witness, bool) {
	for _, den := range []int64{1, 2, 3, 4, 5, 6, 8, 10, 12, 60, 100, 1000} {
		w, ok := t.snap(delta, den)
		if ok && t.verify(w, withheld, known) {
			return w, true
		}
	}
	if w, ok := t.solveInterior(delta); ok && t.verify(w, withheld, known) {
		return w, true
	}
	return nil, false
}

// bound returns the exact bound a deviation sits at, if any.
func (t *table) bound(c int, v float64) *big.Rat {
	tol := func(b float64) float64 { return 1e-7 * (1 + math.Abs(b)) }
	if u := t.up[c]; u != nil {
		if f := float(u); math.Abs(v-f) <= tol(f) {
			return u
		}
	}
	if d := t.down[c]; d != nil {
		if f := -float(d); math.Abs(v-f) <= tol(f) {
			return new(big.Rat).Neg(d)
		}
	}
	return nil
}

func (t *table) snap(delta []float64, den int64) (witness, bool) {
	w := witness{}
	for c, v := range delta {
		if math.Abs(v) < 1e-7 {
			continue
		}
		if b := t.bound(c, v); b != nil {
			w[c] = b
			continue
		}
		k := math.Round(v * float64(den))
		if math.Abs(v*float64(den)-k) > 1e-5*(1+math.Abs(k)) || math.Abs(k) > 1<<52 {
			return nil, false
		}
		w[c] = big.NewRat(int64(k), den)
	}
	return w, true
}

// maxInterior bounds the exact linear algebra.
const maxInterior = 300

// solveInterior keeps the cells at bounds there and solves the others from
// the equations, by elimination over the rationals. At a vertex they are
// determined; where they are not, the remaining ones keep their rounded value.
func (t *table) solveInterior(delta []float64) (witness, bool) {
	w := witness{}
	var inner []int
	pos := map[int]int{}
	for c, v := range delta {
		if math.Abs(v) < 1e-7 {
			continue
		}
		if b := t.bound(c, v); b != nil {
			w[c] = b
			continue
		}
		pos[c] = len(inner)
		inner = append(inner, c)
	}
	if len(inner) == 0 || len(inner) > maxInterior {
		return w, len(inner) == 0
	}
	// Rows: Σ sign·δ over the interior = − Σ sign·δ at bounds.
	var rows [][]*big.Rat
	n := len(inner)
	for _, e := range t.eqs {
		r := make([]*big.Rat, n+1)
		any := false
		rhs := new(big.Rat)
		for j, c := range e.cells {
			s := big.NewRat(int64(e.signs[j]), 1)
			if i, ok := pos[c]; ok {
				r[i] = s
				any = true
			} else if d := w[c]; d != nil {
				rhs.Sub(rhs, new(big.Rat).Mul(s, d))
			}
		}
		if any {
			r[n] = rhs
			rows = append(rows, r)
		}
	}
	x, ok := eliminate(rows, n, func(i int) *big.Rat {
		r := new(big.Rat)
		r.SetString(big.NewFloat(math.Round(delta[inner[i]]*1e6)/1e6).Text('f', 6))
		return r
	})
	if !ok {
		return nil, false
	}
	for i, c := range inner {
		if x[i].Sign() != 0 {
			w[c] = x[i]
		}
	}
	return w, true
}

// eliminate solves rows·x = last column by Gauss–Jordan; free gives the value
// of an undetermined variable. Nil entries are zero.
func eliminate(rows [][]*big.Rat, n int, free func(int) *big.Rat) ([]*big.Rat, bool) {
	pivotOf := make([]int, n)
	for i := range pivotOf {
		pivotOf[i] = -1
	}
	r := 0
	for c := 0; c < n && r < len(rows); c++ {
		p := -1
		for i := r; i < len(rows); i++ {
			if rows[i][c] != nil && rows[i][c].Sign() != 0 {
				p = i
				break
			}
		}
		if p < 0 {
			continue
		}
		rows[r], rows[p] = rows[p], rows[r]
		inv := new(big.Rat).Inv(rows[r][c])
		for j := c; j <= n; j++ {
			if rows[r][j] != nil {
				rows[r][j] = new(big.Rat).Mul(rows[r][j], inv)
			}
		}
		for i := range rows {
			if i == r || rows[i][c] == nil || rows[i][c].Sign() == 0 {
				continue
			}
			f := new(big.Rat).Set(rows[i][c])
			for j := c; j <= n; j++ {
				if rows[r][j] == nil || rows[r][j].Sign() == 0 {
					continue
				}
				v := new(big.Rat).Mul(f, rows[r][j])
				if rows[i][j] == nil {
					rows[i][j] = v.Neg(v)
				} else {
					rows[i][j] = v.Sub(rows[i][j], v)
				}
			}
		}
		pivotOf[c] = r
		r++
	}
	for i := r; i < len(rows); i++ {
		if rows[i][n] != nil && rows[i][n].Sign() != 0 {
			return nil, false
		}
	}
	x := make([]*big.Rat, n)
	for c := range n {
		if pivotOf[c] < 0 {
			x[c] = free(c)
		}
	}
	for c := range n {
		if pivotOf[c] < 0 {
			continue
		}
		row := rows[pivotOf[c]]
		v := new(big.Rat)
		if row[n] != nil {
			v.Set(row[n])
		}
		for j := c + 1; j < n; j++ {
			if pivotOf[j] < 0 && row[j] != nil {
				v.Sub(v, new(big.Rat).Mul(row[j], x[j]))
			}
		}
		x[c] = v
	}
	return x, true
}

// proof is an exact bound on how far a cell can deviate in one direction: a
// combination of published equations (multipliers g) and bounds. Any
// multipliers give a true bound.
type proof struct {
	Limit *big.Rat // nil: no bound follows
	G     map[int]*big.Rat
}

// prove computes the bound that multipliers give, exactly.
func (t *table) prove(cell int, dir int64, g []float64, withheld []bool, known []int) proof {
	if g == nil {
		return proof{}
	}
	p := proof{G: map[int]*big.Rat{}}
	d := map[int]*big.Rat{cell: big.NewRat(dir, 1)}
	for k, v := range simple(g) {
		if math.Abs(v) < 1e-9 {
			continue
		}
		r := rational(v)
		if r == nil {
			return proof{}
		}
		p.G[k] = r
		for j, c := range t.eqs[k].cells {
			if !withheld[c] {
				continue
			}
			if d[c] == nil {
				d[c] = new(big.Rat)
			}
			if t.eqs[k].signs[j] > 0 {
				d[c].Sub(d[c], r)
			} else {
				d[c].Add(d[c], r)
			}
		}
	}
	for _, c := range known {
		delete(d, c)
	}
	limit := new(big.Rat)
	for c, v := range d {
		room := t.up[c]
		switch v.Sign() {
		case 0:
			continue
		case -1:
			room = t.down[c]
		}
		if room == nil {
			return proof{}
		}
		limit.Add(limit, new(big.Rat).Mul(new(big.Rat).Abs(v), room))
	}
	p.Limit = limit
	return p
}

// rational is the fraction with a small denominator that a float stands for,
// or the float itself.
func rational(v float64) *big.Rat {
	for _, den := range []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 60, 840} {
		if k := math.Round(v * den); math.Abs(v*den-k) < 1e-9*den && math.Abs(k) < 1<<52 {
			return big.NewRat(int64(k), int64(den))
		}
	}
	return new(big.Rat).SetFloat64(v)
}
