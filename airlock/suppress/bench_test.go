package suppress

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// bounded is an n×n table of counts in which a share of cells is primary and
// every cell is known to the attacker to within half its value.
func bounded(n int, percent int) *Problem {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	p := grid(n, n, func(int, int) int64 {
		if rng.IntN(100) < percent {
			return 1 + rng.Int64N(9)
		}
		return 10 + rng.Int64N(400)
	})
	for i := range p.Cells {
		v := p.Cells[i].Value.Num().Int64()
		p.Cells[i].LB, p.Cells[i].UB = number(v/2), number(v+v/2+1)
		if v < 10 {
			p.Cells[i].LB, p.Cells[i].UB = number(0), number(2*v+10)
		}
	}
	protectSmall(p, 3, 5)
	return p
}

// TestMeasure prints sizes, times, costs and gaps; it is for `make bench`, not
// for every run.
func TestMeasure(t *testing.T) {
	sizes := os.Getenv("ARK_BENCH")
	if sizes == "" {
		t.Skip("set ARK_BENCH=15x4,30x4 to measure tables of 15×15 and 30×30 with 4 % primaries")
	}
	for _, s := range strings.Split(sizes, ",") {
		var n, percent int
		if _, err := fmt.Sscanf(s, "%dx%d", &n, &percent); err != nil {
			t.Fatal(err)
		}
		p := bounded(n, percent)
		began := time.Now()
		clock := func() time.Duration { return time.Since(began) }
		r, err := Solve(context.Background(), p, Options{Solver: timed(t, clock)}, Budget{Time: 60 * time.Second, Work: 1 << 40, Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("peak memory of the process so far: %s", peak())
		t.Logf("%d cells, %d primaries: %s cost %s bound %s gap %.4f; %d cuts, %d units of work, %v", len(p.Cells), len(p.Primary), r.Status, Text(r.Cost.Rat), Text(r.Bound.Rat), r.Gap, r.Cuts, r.Work, time.Since(began).Round(time.Millisecond))
	}
}

// peak is the process's largest resident size, as Linux keeps it.
func peak() string {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "not known"
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return "not known"
}
