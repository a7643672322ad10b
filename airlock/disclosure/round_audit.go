package disclosure

import (
	"context"
	"math"
	"strconv"

	policy "github.com/ark-tre/ark/policies/disclosure"
)

// Controller rounds linked counts so that they stay additive.
type Controller interface {
	Control(ctx context.Context, values []int64, eqs []SystemEquation, base int64) ([]int64, error)
}

func trimFloat(f float64, digits int) string { return strconv.FormatFloat(f, 'f', digits, 64) }

// system is the table's own counts and sums.
func (r *rounder) system() (cells [][2]int, eqs []SystemEquation) {
	index := map[[2]int]int{}
	for _, s := range r.v.sites {
		at := [2]int{s.row, s.col}
		if s.kind == kCount && s.part == 0 && len(r.v.at[at]) == 1 {
			index[at] = len(cells)
			cells = append(cells, at)
		}
	}
	for _, s := range r.v.sums() {
		e := SystemEquation{}
		k, ok := index[s.total]
		left := int64(0)
		if ok {
			left, _ = r.v.whole(s.total[0], s.total[1])
		}
		e.Total = k
		for _, p := range s.parts {
			k, fine := index[p]
			ok = ok && fine
			if ok {
				n, _ := r.v.whole(p[0], p[1])
				left -= n
			}
			e.Parts = append(e.Parts, k)
		}
		if ok && left == 0 {
			eqs = append(eqs, e)
		}
	}
	return cells, eqs
}

// control rounds all counts together.
func (r *rounder) control(ctx context.Context, c Controller) error {
	cells, eqs := r.system()
	values := make([]int64, len(cells))
	for i, at := range cells {
		values[i], _ = r.v.whole(at[0], at[1])
	}
	got, err := c.Control(ctx, values, eqs, r.p.Rounding.Base)
	if err != nil {
		return err
	}
	for i, at := range cells {
		r.val[at], r.out[at] = got[i], strconv.FormatInt(got[i], 10)
		r.audit.Counts++
		r.audit.Furthest = max(r.audit.Furthest, abs(got[i]-values[i]))
		r.further = r.further || abs(got[i]-values[i]) >= r.p.Rounding.Base
	}
	return nil
}

// attacked works out what whoever knows the rule of rounding and which sums
// held among the true counts can say of each of them.
func (r *rounder) attacked(ctx context.Context, a Attacker) error {
	cells, eqs := r.system()
	if len(cells) == 0 {
		return nil
	}
	h := &hidden{}
	made := map[int]bool{} // totals made of what is shown tell nothing
	for i, at := range cells {
		lo, hi := int64(0), int64(math.MaxInt32)
		switch n, shown := r.val[at]; {
		case r.masked[at]:
			lo, hi = 0, r.p.Counts.Least()-1
		case !shown:
			lo, _ = r.v.whole(at[0], at[1])
			hi = lo
		case r.made[at]:
			made[i] = true
		case r.p.Rounding.Mode == policy.Controlled:
			lo, hi = max(n-2*r.p.Rounding.Base+1, 0), n+2*r.p.Rounding.Base-1
			if !r.further {
				lo, hi = max(n-r.p.Rounding.Base+1, 0), n+r.p.Rounding.Base-1
			}
		default:
			lo, hi = r.p.Rounding.Interval(n)
		}
		h.nodes = append(h.nodes, node{Range: Range{Lo: float64(lo), Hi: float64(hi)}})
	}
	for _, e := range eqs {
		h.rels = append(h.rels, relation{SystemEquation: e})
	}
	h.propagate()
	var ask []int
	s := System{Equations: eqs}
	for i, n := range h.nodes {
		s.Cells = append(s.Cells, n.Range)
		if _, shown := r.val[cells[i]]; (shown || r.masked[cells[i]]) && !made[i] {
			ask = append(ask, i)
		}
	}
	if a != nil && len(eqs) > 1 && len(ask) <= 400 {
		got, contradiction, err := a.Narrow(ctx, s, ask)
		if err != nil {
			return err
		}
		for i, k := range ask {
			if !contradiction {
				h.nodes[k].Lo, h.nodes[k].Hi = math.Ceil(got[i].Lo-1e-9), math.Floor(got[i].Hi+1e-9)
			}
		}
	}
	r.audit.Narrowest = -1
	for _, k := range ask {
		n := h.nodes[k]
		if w := int64(n.Hi - n.Lo); r.audit.Narrowest < 0 || w < r.audit.Narrowest {
			r.audit.Narrowest = w
		}
		if n.Lo >= n.Hi {
			r.audit.Exact++
		}
	}
	return nil
}

// closeMeans keeps means and shares from telling the count that rounding hides:
// a mean beside its sum becomes the sum over the shown count, and no figure is
// printed finer than the counts behind it allow. Handbook on SDC 5.7.
func (r *rounder) closeMeans() {
	v := r.v
	for row := range v.t.rows {
		counts := v.inRow(row, kCount)
		if len(counts) != 1 || counts[0].part > 0 {
			continue
		}
		n, shown := r.val[[2]int{row, counts[0].col}]
		if !shown || n <= 0 {
			continue
		}
		sums := v.inRow(row, kSum)
		for _, k := range []kind{kMean, kPercent, kRatio} {
			for _, s := range v.inRow(row, k) {
				at := [2]int{s.row, s.col}
				if len(v.at[at]) != 1 {
					continue
				}
				x := s.v
				if k == kMean && len(sums) == 1 {
					x.f = sums[0].v.f / float64(n)
				}
				if text := coarsen(trimFloat(x.f, x.decimals), x, n); text != v.t.rows[row].cells[s.col].raw {
					r.out[at] = text
					r.audit.Coarsened++
				}
			}
		}
	}
}
