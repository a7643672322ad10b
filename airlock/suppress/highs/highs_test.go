package highs

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
)

func solver(t testing.TB) *Solver {
	t.Helper()
	s, err := New(context.Background(), Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestLP(t *testing.T) {
	s := solver(t)
	// max x+y, x+2y ≤ 4, 3x+y ≤ 6: x = 1.6, y = 1.2.
	m, err := s.Load(Problem{Cost: []float64{-1, -1}, ColLo: []float64{0, 0}, ColHi: []float64{math.Inf(1), math.Inf(1)},
		RowLo: []float64{math.Inf(-1), math.Inf(-1)}, RowHi: []float64{4, 6}, Start: []int32{0, 2, 4}, Index: []int32{0, 1, 0, 1}, Value: []float64{1, 2, 3, 1}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Solve()
	if err != nil || got.Status != Optimal || math.Abs(got.X[0]-1.6) > 1e-9 || math.Abs(got.X[1]-1.2) > 1e-9 {
		t.Fatalf("%+v %v", got, err)
	}
	if err := m.SetCost([]float64{1, 0}); err != nil {
		t.Fatal(err)
	}
	if err := m.AddRow(1, math.Inf(1), []int32{0}, []float64{1}); err != nil {
		t.Fatal(err)
	}
	if got, err = m.Solve(); err != nil || math.Abs(got.Objective-1) > 1e-9 {
		t.Fatalf("%+v %v", got, err)
	}
}

func TestMIPAndInfeasible(t *testing.T) {
	s := solver(t)
	// A knapsack by covering: min 3a+2b+4c, a+b+c ≥ 2, whole, 0..1 → 5.
	p := Problem{Cost: []float64{3, 2, 4}, ColLo: []float64{0, 0, 0}, ColHi: []float64{1, 1, 1}, RowLo: []float64{1.5}, RowHi: []float64{math.Inf(1)},
		Start: []int32{0, 3}, Index: []int32{0, 1, 2}, Value: []float64{1, 1, 1}, Integer: true}
	m, err := s.Load(p)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := m.Solve(); err != nil || got.Status != Optimal || math.Abs(got.Objective-5) > 1e-6 || got.Bound > 5+1e-6 {
		t.Fatalf("%+v %v", got, err)
	}
	p.RowLo[0] = 4
	m, err = s.Load(p)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := m.Solve(); err != nil || got.Status != Infeasible {
		t.Fatalf("%+v %v", got, err)
	}
}

// Highs_writeModel (export Q) with a path of the host must not make a file.
func TestGuestHasNoFiles(t *testing.T) {
	s := solver(t)
	m, err := s.Load(Problem{Cost: []float64{1}, ColLo: []float64{0}, ColHi: []float64{1}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.lp")
	x := &scratch{s: s}
	p := x.text(path)
	write := s.module.ExportedFunction("Q")
	if write == nil || x.err != nil {
		t.Fatalf("the export that writes models is gone: %v", x.err)
	}
	_, _ = write.Call(context.Background(), m.h, p)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the guest wrote a file: %v", err)
	}
}

func TestCancelStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s, err := New(ctx, Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	cancel()
	if _, err := s.Load(Problem{Cost: []float64{1}, ColLo: []float64{0}, ColHi: []float64{1}}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled solver went on: %v", err)
	}
}
