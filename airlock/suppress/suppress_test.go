package suppress

import (
	"context"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock/suppress/highs"
)

func solver(t testing.TB) *highs.Solver { return timed(t, nil) }

// timed is a solver that keeps its limits by a clock, as the command's does
// when it is given a time; without one it counts calls.
func timed(t testing.TB, clock func() time.Duration) *highs.Solver {
	t.Helper()
	s, err := highs.New(context.Background(), highs.Options{CacheDir: filepath.Join(os.TempDir(), "ark-test-highs"), Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func number(n int64) Number { return Number{big.NewRat(n, 1)} }

func id(s string) ID { return ID{Key: s, raw: []byte(`"` + s + `"`)} }

// grid is a two-dimensional table of counts with totals, weights as values.
func grid(rows, cols int, value func(r, c int) int64) *Problem {
	p := &Problem{}
	sum := make([][]int64, rows+1)
	for r := range sum {
		sum[r] = make([]int64, cols+1)
	}
	for r := range rows {
		for c := range cols {
			v := value(r, c)
			sum[r][c] = v
			sum[r][cols] += v
			sum[rows][c] += v
			sum[rows][cols] += v
		}
	}
	name := func(r, c int) ID { return id(fmt.Sprintf("%d.%d", r, c)) }
	for r := range rows + 1 {
		for c := range cols + 1 {
			p.Cells = append(p.Cells, Cell{ID: name(r, c), Value: number(sum[r][c]), Weight: number(sum[r][c]), LB: number(0), UB: number(2*sum[rows][cols] + 1)})
		}
	}
	for r := range rows + 1 {
		e := Equation{Total: name(r, cols)}
		for c := range cols {
			e.Parts = append(e.Parts, name(r, c))
		}
		p.Equations = append(p.Equations, e)
	}
	for c := range cols + 1 {
		e := Equation{Total: name(rows, c)}
		for r := range rows {
			e.Parts = append(e.Parts, name(r, c))
		}
		p.Equations = append(p.Equations, e)
	}
	return p
}

// protectSmall makes every inner count of 1 to 9 primary.
func protectSmall(p *Problem, lpl, upl int64) {
	for _, c := range p.Cells {
		if f, _ := c.Value.Float64(); f > 0 && f < 10 {
			p.Primary = append(p.Primary, Primary{Cell: c.ID, LPL: number(min(lpl, int64(f))), UPL: number(upl), SPL: number(0)})
		}
	}
}

func TestReadRejects(t *testing.T) {
	for name, s := range map[string]string{
		"empty": "", "no-cells": `{"cells":[]}`, "not-additive": `{"cells":[{"id":1,"value":3},{"id":2,"value":2}],"equations":[{"total":1,"parts":[2]}],"primary":[]}`,
		"unknown-key": `{"cells":[{"id":1,"value":3,"wieght":1}]}`, "twice": `{"cells":[{"id":1,"value":3},{"id":"1","value":3}]}`,
		"outside": `{"cells":[{"id":1,"value":3,"lb":4,"ub":null}]}`, "primary-unknown": `{"cells":[{"id":1,"value":3}],"primary":[{"cell":2}]}`,
		"negative-level": `{"cells":[{"id":1,"value":3}],"primary":[{"cell":1,"lpl":-1}]}`, "huge": `{"cells":[{"id":1,"value":1e999}]}`, "nan": `{"cells":[{"id":1,"value":"NaN"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Read(strings.NewReader(s))
			if err == nil {
				_, err = compile(p)
			}
			if err == nil {
				t.Error("it was accepted")
			}
		})
	}
}
