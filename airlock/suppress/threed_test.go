package suppress

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// cube is an n×n×n table with every marginal total: linked in three ways.
func cube(n int, rng *rand.Rand) *Problem {
	p := &Problem{}
	value := map[[3]int]int64{}
	each := func(f func(k [3]int)) {
		for a := range n + 1 {
			for b := range n + 1 {
				for c := range n + 1 {
					f([3]int{a, b, c})
				}
			}
		}
	}
	each(func(k [3]int) {
		if k[0] < n && k[1] < n && k[2] < n {
			value[k] = 10 + rng.Int64N(200)
			if rng.IntN(100) < 10 {
				value[k] = 1 + rng.Int64N(9)
			}
		}
	})
	for d := range 3 {
		each(func(k [3]int) {
			if k[d] != n {
				return
			}
			for e := d + 1; e < 3; e++ {
				if k[e] == n {
					return
				}
			}
			sum := int64(0)
			for i := range n {
				k[d] = i
				sum += value[k]
			}
			k[d] = n
			value[k] = sum
		})
	}
	name := func(k [3]int) ID { return id(fmt.Sprintf("%d.%d.%d", k[0], k[1], k[2])) }
	each(func(k [3]int) {
		v := value[k]
		p.Cells = append(p.Cells, Cell{ID: name(k), Value: number(v), Weight: number(v), LB: number(v / 2), UB: number(v + v/2 + 8)})
	})
	for d := range 3 {
		each(func(k [3]int) {
			if k[d] != n {
				return
			}
			e := Equation{Total: name(k)}
			for i := range n {
				k[d] = i
				e.Parts = append(e.Parts, name(k))
			}
			p.Equations = append(p.Equations, e)
		})
	}
	for i := range p.Cells {
		if v := p.Cells[i].Value.Num().Int64(); v < 10 {
			p.Cells[i].LB = number(0)
			p.Primary = append(p.Primary, Primary{Cell: p.Cells[i].ID, LPL: number(1), UPL: number(2), SPL: number(0)})
		}
	}
	return p
}

// In three dimensions vertices need not be whole: what is found is verified in
// rationals all the same, and an audit of the pattern agrees.
func TestThreeDimensions(t *testing.T) {
	s := solver(t)
	for seed := range uint64(4) {
		p := cube(3, rand.New(rand.NewPCG(seed, 3)))
		if len(p.Primary) == 0 {
			continue
		}
		r, err := Solve(context.Background(), p, Options{Solver: s}, Budget{Work: 3000})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("seed %d: %d cells, %d primaries, %s, cost %s, bound %s, work %d", seed, len(p.Cells), len(p.Primary), r.Status, Text(r.Cost.Rat), Text(r.Bound.Rat), r.Work)
		if r.Status == "infeasible" || r.Bound.Cmp(r.Cost.Rat) > 0 {
			t.Errorf("%s, cost %s, bound %s", r.Status, Text(r.Cost.Rat), Text(r.Bound.Rat))
			continue
		}
		p.Suppressed = r.Suppressed
		a, err := AuditPattern(context.Background(), p, Options{Solver: s})
		if err != nil || len(a.Exact)+len(a.Unprotected) > 0 {
			t.Errorf("the audit disagrees: %+v %v", a, err)
		}
		in, err := r.Internal()
		if err != nil {
			t.Fatal(err)
		}
		if v := Verify(in); !v.Valid {
			t.Errorf("the certificate is not valid: %v", v.Faults)
		}
	}
}

// TestCubes prints sizes, gaps and times of tables of three dimensions; it is
// for `make bench`.
func TestCubes(t *testing.T) {
	sizes := os.Getenv("ARK_BENCH_CUBE")
	if sizes == "" {
		t.Skip("set ARK_BENCH_CUBE=5,6 to measure cubes of 6³ and 7³ cells")
	}
	for _, s := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		p := cube(n, rand.New(rand.NewPCG(1, 3)))
		began := time.Now()
		clock := func() time.Duration { return time.Since(began) }
		r, err := Solve(context.Background(), p, Options{Solver: timed(t, clock)}, Budget{Time: 60 * time.Second, Work: 1 << 40, Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d cells in three dimensions, %d primaries: %s cost %s bound %s gap %.4f; %d cuts, %v, peak memory %s", len(p.Cells), len(p.Primary), r.Status, Text(r.Cost.Rat), Text(r.Bound.Rat), r.Gap, r.Cuts, time.Since(began).Round(time.Millisecond), peak())
	}
}
