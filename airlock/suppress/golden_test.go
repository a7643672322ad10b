package suppress

import (
	"context"
	"slices"
	"testing"
)

// ADV-03 in own numbers: at least two withheld in every row and column, and
// still one cell follows exactly. Rows a, b and columns w, x hold 2×2 blocks
// that touch in one cell only.
func TestLooksRightAndIsExact(t *testing.T) {
	v := [4][4]int64{{20, 50, 10, 19}, {8, 19, 22, 12}, {17, 32, 12, 47}, {9, 21, 33, 14}}
	p := grid(4, 4, func(r, c int) int64 { return v[r][c] })
	// Rows 0,1 × columns 0,1 and rows 2,3 × columns 2,3, joined by 0.2 alone:
	// sum rows 0 and 1 less columns 0 and 1 to get it.
	for _, n := range []string{"0.0", "0.1", "1.0", "1.1", "2.2", "2.3", "3.2", "3.3", "0.2"} {
		p.Suppressed = append(p.Suppressed, id(n))
	}
	p.Primary = []Primary{{Cell: id("0.2"), LPL: number(0), UPL: number(0), SPL: number(0)}, {Cell: id("1.0"), LPL: number(0), UPL: number(0), SPL: number(0)}}
	a, err := AuditPattern(context.Background(), p, Options{Solver: solver(t)})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Exact) != 1 || a.Exact[0].Key != "0.2" || len(a.Unprotected) != 1 || Text(a.Intervals["0.2"][0].Rat) != "10" {
		t.Errorf("%+v", a)
	}
}

// ADV-05: two single respondents in one row of a withheld 2×2 block: outsiders
// learn nothing, each of the two learns the other.
func TestSingletonsInARow(t *testing.T) {
	p := grid(3, 3, func(r, c int) int64 { return [3][3]int64{{4, 6, 30}, {20, 30, 40}, {25, 35, 45}}[r][c] })
	one := int64(1)
	for i := range p.Cells {
		switch p.Cells[i].ID.Key {
		case "0.0", "0.1":
			p.Cells[i].Contributors = &one
			p.Suppressed = append(p.Suppressed, p.Cells[i].ID)
			p.Primary = append(p.Primary, Primary{Cell: p.Cells[i].ID, LPL: number(0), UPL: number(0), SPL: number(0)})
		case "1.0", "1.1":
			p.Suppressed = append(p.Suppressed, p.Cells[i].ID)
		}
	}
	s := solver(t)
	out, err := AuditPattern(context.Background(), p, Options{Solver: s})
	if err != nil || len(out.Exact)+len(out.Unprotected) != 0 {
		t.Fatalf("outsiders: %+v %v", out, err)
	}
	in, err := AuditPattern(context.Background(), p, Options{Solver: s, Insiders: true})
	if err != nil || len(in.Unprotected) != 2 {
		t.Fatalf("insiders: %+v %v", in, err)
	}
	r, err := Solve(context.Background(), p, Options{Solver: s, Insiders: true}, Budget{})
	if err != nil || r.Status == "infeasible" {
		t.Fatalf("%+v %v", r, err)
	}
	p.Suppressed = r.Suppressed
	if again, err := AuditPattern(context.Background(), p, Options{Solver: s, Insiders: true}); err != nil || len(again.Unprotected)+len(again.Exact) != 0 {
		t.Errorf("the pattern found is open to insiders: %+v %v", again, err)
	}
}

func TestInfeasibleAndUnbounded(t *testing.T) {
	s := solver(t)
	no := false
	p := grid(2, 2, func(r, c int) int64 { return int64(5 + r + c) })
	p.Primary = []Primary{{Cell: id("0.0"), LPL: number(1), UPL: number(1), SPL: number(0)}}
	for i := range p.Cells {
		p.Cells[i].Eligible = &no
	}
	if r, err := Solve(context.Background(), p, Options{Solver: s}, Budget{}); err != nil || r.Status != "infeasible" {
		t.Errorf("%+v %v", r, err)
	}
	q := grid(2, 2, func(r, c int) int64 { return int64(5 + r + c) })
	for i := range q.Cells {
		q.Cells[i].LB, q.Cells[i].UB = Number{}, Number{}
		q.Suppressed = append(q.Suppressed, q.Cells[i].ID)
	}
	a, err := AuditPattern(context.Background(), q, Options{Solver: s})
	if err != nil || a.Intervals["0.0"][0].Rat != nil || a.Intervals["0.0"][1].Rat != nil || len(a.Exact) != 0 {
		t.Errorf("%+v %v", a, err)
	}
}

// The same problem gives the same pattern, whatever the order of its cells.
func TestOrderOfCellsChangesNoCost(t *testing.T) {
	p, r, o := solved(t)
	q := *p
	q.Cells = slices.Clone(p.Cells)
	slices.Reverse(q.Cells)
	q.Equations = slices.Clone(p.Equations)
	slices.Reverse(q.Equations)
	again, err := Solve(context.Background(), &q, o, Budget{})
	if err != nil || again.Cost.Cmp(r.Cost.Rat) != 0 || again.Status != r.Status {
		t.Errorf("cost %s then %s (%v)", Text(r.Cost.Rat), Text(again.Cost.Rat), err)
	}
	same, err := Solve(context.Background(), p, o, Budget{})
	if err != nil || !slices.EqualFunc(same.Suppressed, r.Suppressed, func(a, b ID) bool { return a.Key == b.Key }) {
		t.Errorf("a second run gives another pattern: %v", err)
	}
}

// The four standards on a row of two withheld cells, one of a single
// contributor: each asks for more than the one before.
func TestStandards(t *testing.T) {
	one := int64(1)
	s := solver(t)
	make := func() *Problem {
		p := grid(4, 4, func(r, c int) int64 {
			return [4][4]int64{{4, 6, 30, 22}, {20, 30, 40, 18}, {25, 35, 45, 27}, {19, 28, 31, 44}}[r][c]
		})
		for i := range p.Cells {
			switch p.Cells[i].ID.Key {
			case "0.0":
				p.Cells[i].Contributors = &one
				p.Primary = append(p.Primary, Primary{Cell: p.Cells[i].ID, LPL: number(1), UPL: number(6), SPL: number(0)})
			case "0.1":
				p.Primary = append(p.Primary, Primary{Cell: p.Cells[i].ID, LPL: number(2), UPL: number(9), SPL: number(0)})
			}
		}
		return p
	}
	last := number(0).Rat
	for _, name := range []string{"ps1", "ps1*", "ps2*"} {
		o, err := Standard(Options{Solver: s}, name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Solve(context.Background(), make(), o, Budget{})
		if err != nil || r.Status != "optimal" {
			t.Fatalf("%s: %+v %v", name, r, err)
		}
		if r.Cost.Cmp(last) < 0 {
			t.Errorf("%s costs %s, less than a weaker standard", name, Text(r.Cost.Rat))
		}
		last = r.Cost.Rat
		p := make()
		p.Suppressed = r.Suppressed
		a, err := AuditPattern(context.Background(), p, o)
		if err != nil || len(a.Unprotected) > 0 {
			t.Errorf("%s: the audit disagrees: %+v %v", name, a, err)
		}
		t.Logf("%s: cost %s, %d withheld", name, Text(r.Cost.Rat), len(r.Suppressed))
	}
	// Under ps2 the insider must not work the other cell out; under ps2* he
	// must not come near it either.
	p := make()
	for _, n := range []string{"0.0", "0.1", "1.0", "1.1"} {
		p.Suppressed = append(p.Suppressed, id(n))
	}
	for name, want := range map[string]int{"ps1": 0, "ps2": 1, "ps2*": 1} {
		o, _ := Standard(Options{Solver: s}, name)
		a, err := AuditPattern(context.Background(), p, o)
		if err != nil || len(a.Unprotected) != want {
			t.Errorf("%s: %v unprotected, want %d (%v)", name, a.Unprotected, want, err)
		}
	}
	if _, err := Standard(Options{}, "ps3"); err == nil {
		t.Error("an unknown standard was accepted")
	}
}
