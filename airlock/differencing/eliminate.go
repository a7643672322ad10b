package differencing

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// part is how often each entry is in a combination.
type part map[*entry]float64

// reduced is a row with pivots taken out of it.
type reduced struct {
	vec  []float64 // over the columns looked at
	part part
}

// basis is the rows that can't be made of each other.
type basis struct {
	pivots []int
	rows   []reduced
}

// take reduces v by the basis.
func (b *basis) take(v *reduced) {
	for i, col := range b.pivots {
		f := v.vec[col]
		if math.Abs(f) < tiny {
			continue
		}
		p := b.rows[i]
		f /= p.vec[col]
		for k, y := range p.vec {
			if y != 0 {
				v.vec[k] -= f * y
			}
		}
		v.vec[col] = 0
		for e, y := range p.part {
			if s := v.part[e] - f*y; math.Abs(s) < tiny {
				delete(v.part, e)
			} else {
				v.part[e] = s
			}
		}
	}
}

// largest is the column of the largest entry, or -1.
func largest(v []float64) int {
	best, at := tiny, -1
	for i, y := range v {
		if a := math.Abs(y); a > best {
			best, at = a, i
		}
	}
	return at
}

// maxColumns bounds the large atoms looked at in the first pass; combinations
// that survive it are checked against all.
const maxColumns = 3000

// eliminate takes out of the equations everything about atoms of at least the
// threshold; what is left is about a few people. Rounded rows may be used
// once or twice in a combination: more of them hide any group.
func (x *joint) eliminate(ctx context.Context, exact, open []*entry) error {
	var big []int32
	for a := range x.atoms {
		if !x.small(int32(a)) {
			big = append(big, int32(a))
		}
	}
	cols := big
	if len(cols) > maxColumns {
		cols = nil
		for i := range maxColumns {
			cols = append(cols, big[i*len(big)/maxColumns])
		}
	}
	column := make([]int32, len(x.atoms))
	for i, a := range cols {
		column[a] = int32(i) + 1
	}
	dense := func(e *entry) *reduced {
		v := &reduced{vec: make([]float64, len(cols)), part: part{e: 1}}
		for i, a := range e.atoms {
			if c := column[a]; c > 0 {
				v.vec[c-1] = e.times[i]
			}
		}
		return v
	}
	var b basis
	var nulls []part
	for _, e := range exact {
		v := dense(e)
		b.take(v)
		if at := largest(v.vec); at >= 0 {
			b.pivots, b.rows = append(b.pivots, at), append(b.rows, *v)
			continue
		}
		nulls = append(nulls, v.part)
	}
	if err := x.judgeNulls(ctx, x.settle(nulls, len(cols) < len(big))); err != nil {
		return err
	}
	// Rounded rows, alone and in pairs.
	same := map[string][]part{}
	for _, e := range open {
		v := dense(e)
		b.take(v)
		key, sign := shape(v.vec)
		if sign < 0 {
			for e := range v.part {
				v.part[e] = -v.part[e]
			}
		}
		same[key] = append(same[key], v.part)
	}
	return x.judgeOpen(ctx, same)
}

// shape names a vector up to its sign.
func shape(v []float64) (string, float64) {
	sign := 0.0
	var s strings.Builder
	for i, y := range v {
		if math.Abs(y) < tiny {
			continue
		}
		if sign == 0 {
			sign = math.Copysign(1, y)
		}
		fmt.Fprintf(&s, "%d:%d ", i, int64(math.Round(y*sign*1e5)))
	}
	return s.String(), sign
}

// vector writes a combination over all atoms.
func (x *joint) vector(p part) map[int32]float64 {
	out := map[int32]float64{}
	for e, y := range p {
		for i, a := range e.atoms {
			out[a] += y * e.times[i]
		}
	}
	for a, y := range out {
		if math.Abs(y) < tiny {
			delete(out, a)
		}
	}
	return out
}

// settle checks combinations against the large atoms that were not looked at,
// and keeps those that say nothing of any.
func (x *joint) settle(nulls []part, partial bool) []part {
	if !partial || len(nulls) == 0 {
		return nulls
	}
	column := map[int32]int{}
	vecs := make([]map[int32]float64, len(nulls))
	for i, p := range nulls {
		vecs[i] = x.vector(p)
		for a := range vecs[i] {
			if _, ok := column[a]; !ok && !x.small(a) {
				column[a] = len(column)
			}
		}
	}
	var b basis
	var out []part
	for i, p := range nulls {
		v := &reduced{vec: make([]float64, len(column)), part: p}
		for a, y := range vecs[i] {
			if !x.small(a) {
				v.vec[column[a]] = y
			}
		}
		b.take(v)
		if at := largest(v.vec); at >= 0 {
			b.pivots, b.rows = append(b.pivots, at), append(b.rows, *v)
			continue
		}
		out = append(out, v.part)
	}
	return out
}

// judgeNulls judges combinations about small atoms alone: as they are, brought
// to the fewest atoms each, and, if none of these tells, all there can be.
func (x *joint) judgeNulls(ctx context.Context, nulls []part) error {
	column := map[int32]int{}
	var kept []*reduced
	for _, p := range nulls {
		vec := x.vector(p)
		if len(vec) == 0 {
			continue
		}
		x.judge(vec, p)
		for a := range vec {
			if _, ok := column[a]; !ok {
				column[a] = 0
				x.order = append(x.order, a)
			}
		}
		kept = append(kept, &reduced{part: clone(p)})
	}
	slices.Sort(x.order)
	for i, a := range x.order {
		column[a] = i
	}
	for _, k := range kept {
		k.vec = make([]float64, len(x.order))
		for a, y := range x.vector(k.part) {
			k.vec[column[a]] = y
		}
	}
	rows := echelon(kept)
	for i := range rows {
		x.nulls = append(x.nulls, &rows[i])
		if len(kept) > 1 {
			x.judge(x.sparse(rows[i].vec), rows[i].part)
		}
	}
	if len(rows) < 2 || !x.count() || len(x.seen) > 0 {
		return nil
	}
	return x.search(ctx, nil)
}

// sparse writes a vector over x.order by atoms.
func (x *joint) sparse(v []float64) map[int32]float64 {
	vec := map[int32]float64{}
	for i, y := range v {
		if math.Abs(y) > tiny {
			vec[x.order[i]] = y
		}
	}
	return vec
}

func clone(p part) part {
	out := make(part, len(p))
	for e, y := range p {
		out[e] = y
	}
	return out
}

// echelon brings rows to reduced echelon form.
func echelon(rows []*reduced) []reduced {
	var b basis
	for _, v := range rows {
		v = &reduced{vec: slices.Clone(v.vec), part: clone(v.part)}
		b.take(v)
		if at := largest(v.vec); at >= 0 {
			b.pivots, b.rows = append(b.pivots, at), append(b.rows, *v)
		}
	}
	for i := len(b.rows) - 1; i >= 0; i-- {
		one := basis{pivots: b.pivots[i : i+1], rows: b.rows[i : i+1]}
		for k := range i {
			one.take(&b.rows[k])
		}
	}
	return b.rows
}
