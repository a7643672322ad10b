package suppress

import (
	"bytes"
	"context"
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

func solved(t *testing.T) (*Problem, *Result, Options) {
	t.Helper()
	o := Options{Solver: solver(t)}
	rng := rand.New(rand.NewPCG(3, 3))
	p := grid(5, 5, func(int, int) int64 {
		if rng.IntN(4) == 0 {
			return 1 + rng.Int64N(9)
		}
		return 10 + rng.Int64N(60)
	})
	protectSmall(p, 2, 3)
	r, err := Solve(context.Background(), p, o, Budget{})
	if err != nil || r.Status != "optimal" {
		t.Fatalf("%+v %v", r, err)
	}
	return p, r, o
}

func TestCertificatesVerify(t *testing.T) {
	_, r, o := solved(t)
	in, err := r.Internal()
	if err != nil {
		t.Fatal(err)
	}
	out, err := r.Released(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Certificate{in, out} {
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ReadCertificate(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if v := Verify(back); !v.Valid || len(v.Shows) == 0 {
			t.Errorf("%s: %v", c.Kind, v.Faults)
		}
	}
	if in.Published != out.Published {
		t.Error("the two certificates are not of one table")
	}
}

// Whatever the true values, the same published table gives the same bytes: so
// the released certificate cannot tell the attacker anything the table doesn't.
func TestReleasedDependsOnThePublishedAlone(t *testing.T) {
	p, r, o := solved(t)
	first, err := r.Released(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	in, err := r.Internal()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range in.Witnesses[:3] {
		q := *p
		q.Cells = append([]Cell(nil), p.Cells...)
		for i := range q.Cells {
			if n, ok := w.High[q.Cells[i].ID.Key]; ok {
				q.Cells[i].Value = n
			}
			q.Cells[i].Weight = Number{big.NewRat(7, 1)}
		}
		if _, err := compile(&q); err != nil {
			t.Fatalf("the witness is no table: %v", err)
		}
		second, err := released(context.Background(), &q, r.pattern, o)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(first)
		b, _ := json.Marshal(second)
		if !bytes.Equal(a, b) {
			t.Error("another true table behind the same publication gives another certificate")
		}
	}
	b, _ := json.Marshal(first)
	for _, word := range []string{"primary", "cost", "bound", "gap", "weight", "status", "lpl"} {
		if strings.Contains(string(b), `"`+word) {
			t.Errorf("the released certificate speaks of %s", word)
		}
	}
}

func TestVerifyRejectsTampering(t *testing.T) {
	_, r, o := solved(t)
	out, err := r.Released(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	in, err := r.Internal()
	if err != nil {
		t.Fatal(err)
	}
	clone := func(c *Certificate) *Certificate {
		b, _ := json.Marshal(c)
		back, err := ReadCertificate(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		return back
	}
	for name, spoil := range map[string]func() *Certificate{
		"published-value": func() *Certificate {
			c := clone(out)
			for i := range c.Cells {
				if c.Cells[i].Value != nil {
					c.Cells[i].Value = &Number{big.NewRat(1, 3)}
					break
				}
			}
			return c
		},
		"witness-value": func() *Certificate {
			c := clone(out)
			for k, n := range c.Witnesses[0].Low {
				c.Witnesses[0].Low[k] = Number{new(big.Rat).Add(n.Rat, big.NewRat(1, 1))}
				break
			}
			return c
		},
		"missing-witness":  func() *Certificate { c := clone(out); c.Witnesses = c.Witnesses[1:]; return c },
		"higher-level":     func() *Certificate { c := clone(in); c.Primary[0].UPL = number(1 << 30); return c },
		"cheaper":          func() *Certificate { c := clone(in); c.Cost = &Number{new(big.Rat)}; return c },
		"dropped-equation": func() *Certificate { c := clone(out); c.Equations = c.Equations[1:]; return c },
	} {
		t.Run(name, func(t *testing.T) {
			if v := Verify(spoil()); v.Valid {
				t.Error("it was accepted")
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"cells":[{"id":1,"value":3},{"id":"b","value":3,"lb":null,"ub":9}],"equations":[{"total":1,"parts":["b"]}],"primary":[{"cell":1,"lpl":1,"upl":1,"spl":0}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		if tab, err := compile(p); err == nil && tab.n == 0 {
			t.Error("a problem without cells was accepted")
		}
	})
}

// Over random tables: what the released certificate's witnesses reach is what
// the published table alone lets an attacker reach, no less and no more, for
// every withheld cell alike; so neither its ends nor its middle tell more. And
// every true table behind the publication gives the same certificate.
func TestReleasedNarrowsNothing(t *testing.T) {
	o := Options{Solver: solver(t)}
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 77))
		p := grid(4, 5, func(int, int) int64 {
			if rng.IntN(5) == 0 {
				return 1 + rng.Int64N(9)
			}
			return 10 + rng.Int64N(60)
		})
		protectSmall(p, 2, 3)
		if len(p.Primary) == 0 {
			continue
		}
		r, err := Solve(context.Background(), p, o, Budget{})
		if err != nil || r.Status == "infeasible" {
			t.Fatalf("%+v %v", r, err)
		}
		first, err := r.Released(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		// The attacker with the table alone: bounds, equations, published values.
		var open Open
		var ask []int
		at := map[string]int{}
		for i, c := range p.Cells {
			at[c.ID.Key] = i
			x := OpenCell{c.LB.Rat, c.UB.Rat}
			if r.pattern[i] {
				ask = append(ask, i)
			} else {
				x = OpenCell{c.Value.Rat, c.Value.Rat}
			}
			open.Cells = append(open.Cells, x)
		}
		for _, e := range p.Equations {
			q := OpenEquation{Total: at[e.Total.Key]}
			for _, part := range e.Parts {
				q.Parts = append(q.Parts, at[part.Key])
			}
			open.Equations = append(open.Equations, q)
		}
		alone, err := Attack(context.Background(), open, ask, o)
		if err != nil {
			t.Fatal(err)
		}
		v := Verify(first)
		if !v.Valid {
			t.Fatal(v.Faults)
		}
		for k, i := range ask {
			iv := v.Intervals[p.Cells[i].ID.Key]
			for side, end := range []*big.Rat{alone[k].Lo, alone[k].Hi} {
				if end != nil && iv[side].Cmp(end) != 0 {
					t.Errorf("seed %d, cell %s: the certificate reaches %s, the table alone %s", seed, p.Cells[i].ID.Key, Text(iv[side].Rat), Text(end))
				}
			}
		}
		// Any of the attacker's own tables in place of the true one.
		in, err := r.Internal()
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range in.Witnesses {
			for _, tab := range []map[string]Number{w.Low, w.High} {
				q := *p
				q.Cells = append([]Cell(nil), p.Cells...)
				for i := range q.Cells {
					if n, ok := tab[q.Cells[i].ID.Key]; ok {
						q.Cells[i].Value = n
					}
				}
				second, err := released(context.Background(), &q, r.pattern, o)
				if err != nil {
					t.Fatal(err)
				}
				a, _ := json.Marshal(first)
				b, _ := json.Marshal(second)
				if !bytes.Equal(a, b) {
					t.Fatalf("seed %d: another true table gives another certificate", seed)
				}
			}
		}
	}
}
