package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/bundle"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/suppress"
	"github.com/ark-tre/ark/airlock/suppress/highs"
	"github.com/ark-tre/ark/pkg/objects"
)

// grid is a random table with totals, its small counts primary.
func grid(rng *rand.Rand) *suppress.Problem {
	const n = 4
	p := &suppress.Problem{}
	sum := [n + 1][n + 1]int64{}
	for r := range n {
		for c := range n {
			v := 10 + rng.Int64N(60)
			if rng.IntN(5) == 0 || r+c == 0 {
				v = 2 + rng.Int64N(8)
			}
			sum[r][c], sum[r][n], sum[n][c], sum[n][n] = v, sum[r][n]+v, sum[n][c]+v, sum[n][n]+v
		}
	}
	num := func(v int64) suppress.Number { return suppress.Number{Rat: big.NewRat(v, 1)} }
	for r := range n + 1 {
		q, k := suppress.Equation{Total: suppress.NumberID(r*(n+1) + n)}, suppress.Equation{Total: suppress.NumberID(n*(n+1) + r)}
		for c := range n + 1 {
			v := sum[r][c]
			p.Cells = append(p.Cells, suppress.Cell{ID: suppress.NumberID(r*(n+1) + c), Value: num(v), Weight: num(v), LB: num(0)})
			if c < n {
				q.Parts, k.Parts = append(q.Parts, suppress.NumberID(r*(n+1)+c)), append(k.Parts, suppress.NumberID(c*(n+1)+r))
			}
			if v < 10 {
				p.Primary = append(p.Primary, suppress.Primary{Cell: suppress.NumberID(r*(n+1) + c), LPL: num(1), UPL: num(2), SPL: num(0)})
			}
		}
		p.Equations = append(p.Equations, q, k)
	}
	return p
}

// Whoever has a table, its released certificate and the public record of its
// release knows no more than whoever has the table: every true table that fits
// what is published gives the same certificate and the same record, whatever
// the rules found on the way, so that neither narrows anything.
func TestRecordAndCertificateNarrowNothing(t *testing.T) {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = t.TempDir()
	}
	must(t, os.MkdirAll(filepath.Join(dir, "ark", "highs"), 0o700))
	solver, err := highs.New(context.Background(), highs.Options{CacheDir: filepath.Join(dir, "ark", "highs")})
	must(t, err)
	defer solver.Close()
	o := suppress.Options{Solver: solver}
	profile, err := Profile("cms")
	must(t, err)
	// leaves is what leaves beside the table: its bytes, and what the airlock
	// found and decided inside as it judged the true one.
	leaves := func(p *suppress.Problem, seed int) ([]byte, *suppress.Certificate) {
		t.Helper()
		cert, err := suppress.Certify(context.Background(), p, o)
		must(t, err)
		job := airlock.ReleaseJob{Release: "rel-1", Request: "req-1", Project: "prj-a", Profile: "cms", Checkers: 2, At: time.Date(2026, 11, 22, 0, 0, seed%60, 0, time.UTC),
			Inside: json.RawMessage(`{"rounds":` + strconv.Itoa(seed) + `}`),
			Files:  []airlock.CheckOf{{ID: "f" + strconv.Itoa(seed), Name: "t.csv", Ordinal: 1, Approvals: 2, Ref: objects.Ref{SHA256: strings.Repeat("0", 64)}}}}
		if seed > 0 { // inside, a rule had something to find in this one, and people overrode it
			job.Files[0].Overridden = []string{disclose.Rules()[seed%len(disclose.Rules())].ID}
		}
		rec, err := publicRecord(job, profile)
		must(t, err)
		both, err := json.Marshal(struct {
			R bundle.Record
			C *suppress.Certificate
		}{rec, cert})
		must(t, err)
		return both, cert
	}
	tried := 0
	for seed := range uint64(5) {
		p := grid(rand.New(rand.NewPCG(seed, 5)))
		r, err := suppress.Solve(context.Background(), p, o, suppress.Budget{})
		must(t, err)
		if r.Status == "infeasible" {
			continue
		}
		p.Suppressed = r.Suppressed
		want, cert := leaves(p, 0)
		// What the table alone tells of each withheld cell.
		var open suppress.Open
		var ask []int
		at := map[string]int{}
		for i, c := range cert.Cells {
			at[c.ID.Key] = i
			x := suppress.OpenCell{Lo: c.LB.Rat, Hi: c.UB.Rat}
			if c.Withheld {
				ask = append(ask, i)
			} else {
				x = suppress.OpenCell{Lo: c.Value.Rat, Hi: c.Value.Rat}
			}
			open.Cells = append(open.Cells, x)
		}
		for _, e := range cert.Equations {
			q := suppress.OpenEquation{Total: at[e.Total.Key]}
			for _, k := range e.Parts {
				q.Parts = append(q.Parts, at[k.Key])
			}
			open.Equations = append(open.Equations, q)
		}
		alone, err := suppress.Attack(context.Background(), open, ask, o)
		must(t, err)
		// Both ends of each interval are tables that give the same bytes.
		if len(cert.Witnesses) != len(ask) {
			t.Fatalf("%d witnesses of %d withheld cells", len(cert.Witnesses), len(ask))
		}
		for k, w := range cert.Witnesses {
			for end, table := range []map[string]suppress.Number{w.Low, w.High} {
				other := grid(rand.New(rand.NewPCG(seed, 5)))
				for i := range other.Cells {
					if n, ok := table[other.Cells[i].ID.Key]; ok {
						other.Cells[i].Value = n
					}
				}
				reach, bound := other.Cells[at[w.Cell.Key]].Value.Rat, alone[k].Lo
				if end == 1 {
					bound = alone[k].Hi
				}
				if bound == nil || reach.Cmp(bound) != 0 {
					t.Errorf("cell %s: a table behind the release reaches %v, the table alone tells %v", w.Cell.Key, reach, bound)
				}
				other.Suppressed = r.Suppressed
				if got, _ := leaves(other, 1+k); !bytes.Equal(got, want) {
					t.Errorf("cell %s: another true table behind the same release leaves other bytes", w.Cell.Key)
				}
				tried++
			}
		}
	}
	if tried < 20 {
		t.Errorf("%d tables tried", tried)
	}
}
