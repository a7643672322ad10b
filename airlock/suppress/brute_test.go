package suppress

import (
	"context"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
)

// brute lists every whole table of a 2×3 grid with totals inside its bounds.
// In two dimensions the attacker's extremes are whole, so that this is an
// oracle that shares nothing with the solver.
type brute struct {
	tables [][12]int8
	truth  [12]int8
}

const bruteMax = 4

func newBrute(rng *rand.Rand) brute {
	var b brute
	var cur [6]int8
	lay := func(in [6]int8) [12]int8 { // rows of 3 and a total, then the totals row
		r1, r2 := in[0]+in[1]+in[2], in[3]+in[4]+in[5]
		return [12]int8{in[0], in[1], in[2], r1, in[3], in[4], in[5], r2, in[0] + in[3], in[1] + in[4], in[2] + in[5], r1 + r2}
	}
	var rec func(int)
	rec = func(i int) {
		if i == 6 {
			b.tables = append(b.tables, lay(cur))
			return
		}
		for v := int8(0); v <= bruteMax; v++ {
			cur[i] = v
			rec(i + 1)
		}
	}
	rec(0)
	var in [6]int8
	for i := range in {
		in[i] = int8(rng.IntN(bruteMax + 1))
	}
	b.truth = lay(in)
	return b
}

// interval is what is consistent with the published cells.
func (b brute) intervals(withheld uint) (lo, hi [12]int8) {
	lo, hi = b.truth, b.truth
	for i := range b.tables {
		t := &b.tables[i]
		ok := true
		for c := range t {
			if withheld&(1<<c) == 0 && t[c] != b.truth[c] {
				ok = false
				break
			}
		}
		if ok {
			for c := range t {
				lo[c], hi[c] = min(lo[c], t[c]), max(hi[c], t[c])
			}
		}
	}
	return lo, hi
}

func (b brute) problem() *Problem {
	p := grid(2, 3, func(r, c int) int64 { return int64(b.truth[4*r+c]) })
	for i := range p.Cells {
		most := int64(bruteMax)
		switch {
		case i == 11:
			most *= 6
		case i%4 == 3:
			most *= 3
		case i >= 8:
			most *= 2
		}
		p.Cells[i].UB = number(most)
		p.Cells[i].Weight = number(int64(b.truth[i]) + 1)
	}
	return p
}

func TestSolveAgreesWithBruteForce(t *testing.T) {
	s := solver(t)
	ctx := context.Background()
	for seed := range uint64(14) {
		t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, seed))
			b := newBrute(rng)
			p := b.problem()
			var prim uint
			for range 1 + rng.IntN(2) {
				c := []int{0, 1, 2, 4, 5, 6}[rng.IntN(6)]
				if prim&(1<<c) != 0 {
					continue
				}
				prim |= 1 << c
				l, u := int64(0), int64(0)
				if rng.IntN(3) > 0 {
					l, u = rng.Int64N(int64(b.truth[c])+1), rng.Int64N(int64(bruteMax-b.truth[c])+1)
				}
				p.Primary = append(p.Primary, Primary{Cell: p.Cells[c].ID, LPL: number(l), UPL: number(u), SPL: number(rng.Int64N(2) * (l + u))})
			}
			safe := func(w uint) bool {
				lo, hi := b.intervals(w)
				for _, q := range p.Primary {
					for c := range p.Cells {
						if p.Cells[c].ID.Key != q.Cell.Key {
							continue
						}
						v := int64(b.truth[c])
						up, down := int64(hi[c])-v, v-int64(lo[c])
						l, u, sp := q.LPL.Num().Int64(), q.UPL.Num().Int64(), q.SPL.Num().Int64()
						if up < u || down < l || up+down < sp || l == 0 && u == 0 && up+down == 0 {
							return false
						}
					}
				}
				return true
			}
			best := int64(-1)
			for w := uint(0); w < 1<<12; w++ {
				if w&prim != prim {
					continue
				}
				cost := int64(0)
				for c := range p.Cells {
					if w&(1<<c) != 0 && prim&(1<<c) == 0 {
						cost += p.Cells[c].Weight.Num().Int64()
					}
				}
				if (best < 0 || cost < best) && safe(w) {
					best = cost
				}
			}
			r, err := Solve(ctx, p, Options{Solver: s}, Budget{})
			if err != nil {
				t.Fatal(err)
			}
			if best < 0 {
				if r.Status != "infeasible" {
					t.Fatalf("brute force finds none, the solver %s", r.Status)
				}
				return
			}
			if r.Status != "optimal" || r.Cost.Cmp(big.NewRat(best, 1)) != 0 {
				t.Fatalf("%s at cost %s (bound %s), brute force finds %d", r.Status, Text(r.Cost.Rat), Text(r.Bound.Rat), best)
			}
			// The audit of the pattern, and of random ones, agrees cell by cell.
			for k := range 4 {
				w := uint(0)
				for c, on := range r.pattern {
					if on {
						w |= 1 << c
					}
				}
				if k > 0 {
					w = uint(rng.IntN(1<<12)) | prim
				}
				q := *p
				q.Suppressed = nil
				for c := range p.Cells {
					if w&(1<<c) != 0 {
						q.Suppressed = append(q.Suppressed, p.Cells[c].ID)
					}
				}
				a, err := AuditPattern(ctx, &q, Options{Solver: s})
				if err != nil {
					t.Fatal(err)
				}
				lo, hi := b.intervals(w)
				for c := range p.Cells {
					iv, ok := a.Intervals[p.Cells[c].ID.Key]
					if ok != (w&(1<<c) != 0) {
						t.Fatalf("interval of cell %d given: %v", c, ok)
					}
					if ok && (Text(iv[0].Rat) != fmt.Sprint(lo[c]) || Text(iv[1].Rat) != fmt.Sprint(hi[c])) {
						t.Errorf("cell %d: %s … %s, brute force %d … %d", c, Text(iv[0].Rat), Text(iv[1].Rat), lo[c], hi[c])
					}
				}
				if safe(w) != (len(a.Unprotected) == 0) {
					t.Errorf("pattern %b: unprotected %v, brute force says safe %v", w, a.Unprotected, safe(w))
				}
			}
		})
	}
}
