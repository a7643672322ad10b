package rederive_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/rederive"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// An attack is a list of tables, each of which passes alone, the last of which
// gives a few people away beside the others. kind(w, i) makes the i-th.
type attack struct {
	name string
	make func(t testing.TB, w *world, i int) (policy.Profile, []rederive.Output)
}

func rounds(p policy.Profile, mode policy.RoundingMode, base int64) policy.Profile {
	p.Rounding = &policy.Rounding{Base: base, Mode: mode, Order: "suppress-then-round", Totals: "own"}
	return p
}

func attacks() []attack {
	exact := style{decimals: 2}
	return []attack{
		{"nested populations", func(t testing.TB, w *world, i int) (policy.Profile, []rederive.Output) {
			for k := range 1 + i%6 {
				w.people[k*7].age = 97
			}
			d := w.csv()
			by := [][]string{{"region"}, {"sex"}, {"job"}}[i%3]
			return profile(t, "ark"), []rederive.Output{output(t, d, crosstab(by, nil, ""), exact), output(t, d, crosstab(by, nil, "age < 90"), exact)}
		}},
		{"recoded bands", func(t testing.TB, w *world, i int) (policy.Profile, []rederive.Output) {
			cut := 40 + i%10
			n := 0
			for k := range w.people {
				if p := &w.people[k]; p.age >= cut && p.age < cut+2 {
					if n++; n > 1+i%8 {
						p.age = 70
					}
				}
			}
			band := func(at int) func(someone) string {
				return func(p someone) string {
					switch {
					case p.age < 30:
						return "a"
					case p.age < at:
						return "b"
					case p.age < 60:
						return "c"
					}
					return "d"
				}
			}
			d := w.csv(extra{"band_a", band(cut)}, extra{"band_b", band(cut + 2)})
			return profile(t, "ark"), []rederive.Output{output(t, d, crosstab([]string{"band_a"}, nil, ""), exact), output(t, d, crosstab([]string{"band_b"}, nil, ""), exact)}
		}},
		{"geographies", func(t testing.TB, w *world, i int) (policy.Profile, []rederive.Output) {
			n := 0
			for k := range w.people {
				if p := &w.people[k]; p.district == 3 {
					if n++; n > 1+i%9 {
						p.district = 2
					}
				}
			}
			board := func(p someone) string {
				if p.district == 3 {
					return "r1"
				}
				return fmt.Sprintf("r%d", p.region)
			}
			d := w.csv(extra{"board", board})
			return profile(t, "ark"), []rederive.Output{output(t, d, crosstab([]string{"board"}, nil, ""), exact), output(t, d, crosstab([]string{"region"}, nil, ""), exact)}
		}},
		{"three linked tables", func(t testing.TB, w *world, i int) (policy.Profile, []rederive.Output) {
			n := 0
			for k := range w.people {
				if p := &w.people[k]; p.job == 2 && p.sex == 0 {
					if n++; n > 1+i%9 {
						p.sex = 1
					}
				}
			}
			d := w.csv()
			out := []rederive.Output{output(t, d, crosstab([]string{"sex"}, nil, ""), exact), output(t, d, crosstab([]string{"sex"}, nil, "job <> 'j2'"), exact)}
			if i%2 == 0 {
				out = []rederive.Output{output(t, d, crosstab([]string{"job"}, nil, ""), exact), output(t, d, crosstab([]string{"sex"}, nil, "job <> 'j2'"), exact), output(t, d, crosstab([]string{"sex"}, nil, ""), exact)}
			}
			return profile(t, "ark"), out
		}},
		{"A or B, B or C, A or C", func(t testing.TB, w *world, i int) (policy.Profile, []rederive.Output) {
			for k := range w.people {
				w.people[k].group = []string{"A", "C"}[k%2]
			}
			for k := range 1 + i%9 {
				w.people[k*3].group = "B"
			}
			d := w.csv(extra{"all", func(someone) string { return "x" }})
			var out []rederive.Output
			for _, f := range []string{"grp IN ('A','B')", "grp IN ('B','C')", "grp IN ('A','C')"} {
				out = append(out, output(t, d, crosstab([]string{"all"}, nil, f), exact))
			}
			slices.Reverse(out[i%3:])
			return profile(t, "ark"), out
		}},
		{"suppressed beside plain", func(t testing.TB, w *world, i int) (policy.Profile, []rederive.Output) {
			n := 0
			for k := range w.people {
				if p := &w.people[k]; p.region == 3 {
					if n++; n > 2+i%7 {
						p.region = 1
					}
				}
			}
			d := w.csv(extra{"all", func(someone) string { return "x" }})
			small := style{suppress: true}
			out := []rederive.Output{output(t, d, crosstab([]string{"region"}, nil, ""), small), output(t, d, crosstab([]string{"all"}, nil, ""), exact)}
			if i%2 == 0 {
				slices.Reverse(out)
			}
			return profile(t, "ark"), out
		}},
		{"leave one out: means", func(t testing.TB, w *world, i int) (policy.Profile, []rederive.Output) {
			w.people = w.people[:60+20*(i%8)]
			d := w.csv(extra{"all", func(someone) string { return "x" }})
			agg := []string{"mean", "sum", "std"}[i%3]
			st := style{decimals: 1 + i%2}
			return profile(t, "ark"), []rederive.Output{output(t, d, of(crosstab([]string{"all"}, nil, ""), "bmi", agg), st), output(t, d, of(crosstab([]string{"all"}, nil, "person <> 'p7'"), "bmi", agg), st)}
		}},
		{"plus one refresh", func(t testing.TB, w *world, i int) (policy.Profile, []rederive.Output) {
			d1 := w.csv()
			for range 1 + i%3 {
				w.join()
			}
			d2 := w.csv()
			by := [][]string{{"region"}, {"sex"}, {"sex", "job"}}[i%3]
			return profile(t, "ark"), []rederive.Output{output(t, d1, crosstab(by, nil, ""), exact), output(t, d2, crosstab(by, nil, ""), exact)}
		}},
		{"two projects", func(t testing.TB, w *world, i int) (policy.Profile, []rederive.Output) {
			for k := range 1 + i%6 {
				w.people[k*11].visits = 9
			}
			d1, d2 := w.csv(), w.csv(extra{"area", func(p someone) string { return fmt.Sprintf("area %d", p.region) }})
			return profile(t, "ark"), []rederive.Output{output(t, d1, crosstab([]string{"region"}, nil, ""), exact), output(t, d2, crosstab([]string{"area"}, nil, "visits < 8"), exact)}
		}},
		{"slow drip", func(t testing.TB, w *world, i int) (policy.Profile, []rederive.Output) {
			n := 0
			for k := range w.people {
				if p := &w.people[k]; p.age == 50 && p.sex == 0 {
					if n++; n > 1+i%9 {
						p.sex = 1
					}
				}
			}
			for range 12 {
				w.join()
				w.people[len(w.people)-1].age, w.people[len(w.people)-1].sex = 50, 1
			}
			d := w.csv(extra{"all", func(someone) string { return "x" }})
			var out []rederive.Output
			for _, f := range []string{"age < 30", "age < 40", "age < 50", "age < 51", "age < 60", "age < 40 AND sex = 'M'", "age < 60 AND sex = 'M'", "age < 50 AND sex = 'M'", "age < 51 AND sex = 'M'"} {
				out = append(out, output(t, d, crosstab([]string{"all"}, nil, f), exact))
			}
			return profile(t, "ark"), out
		}},
		{"averaging", func(t testing.TB, w *world, i int) (policy.Profile, []rederive.Output) {
			d := w.csv()
			draw := style{round: func(n int64) int64 {
				if n%5 == 0 {
					return n
				}
				return n/5*5 + 5*int64(w.IntN(2))
			}}
			var out []rederive.Output
			for range 6 {
				out = append(out, output(t, d, crosstab([]string{"district"}, nil, ""), draw))
			}
			return rounds(profile(t, "ark"), policy.Random, 5), out
		}},
		{"one side rounded", func(t testing.TB, w *world, i int) (policy.Profile, []rederive.Output) {
			for k := range 1 + i%4 {
				w.people[k*7].age, w.people[k*7].region = 97, 0
			}
			d := w.csv()
			return profile(t, "ark"), []rederive.Output{output(t, d, crosstab([]string{"region"}, nil, ""), exact), output(t, d, crosstab([]string{"region"}, nil, "age < 90"), style{round: nearest})}
		}},
	}
}

const perKind = 45

func TestNoPlantedAttackPasses(t *testing.T) {
	total := 0
	for k, a := range attacks() {
		passed, alone := 0, 0
		for i := range perKind {
			w := newWorld(uint64(1000*k+i), 500+50*(i%9))
			p, outs := a.make(t, w, i)
			x := newPast(t, p)
			for _, o := range outs[:len(outs)-1] {
				x.keep(o)
			}
			last := outs[len(outs)-1]
			if v, _ := newPast(t, p).check(last); v == disclosure.Pass {
				alone++
			}
			v, _ := x.check(last)
			if v == disclosure.Pass {
				passed++
				if passed < 3 {
					t.Errorf("%s %d passes", a.name, i)
					for _, o := range outs {
						t.Logf("%s", o.Data)
					}
				}
			}
			total++
		}
		t.Logf("%-24s %d of %d pass; %d of their last tables pass alone", a.name, passed, perKind, alone)
		if alone < perKind*3/4 {
			t.Errorf("%s: only %d of the last tables pass alone, so that the past decides too little", a.name, alone)
		}
	}
	if total < 500 {
		t.Errorf("only %d attacks", total)
	}
}

// A revision is a sequence of tables that a team releases in good faith.
func revise(t testing.TB, w *world, i int) []rederive.Output {
	rounded := style{round: nearest, suppress: true, decimals: 0}
	base := crosstab([]string{"region", "sex"}, nil, "age >= 20")
	var out []rederive.Output
	d := w.csv()
	switch i % 6 {
	case 0: // the cohort is tweaked
		out = append(out, output(t, d, base, rounded))
		for _, f := range []string{"age >= 19", "age >= 18", "age >= 18 AND age < 75"} {
			s := base
			s.Filter = f
			out = append(out, output(t, d, s, rounded))
		}
	case 1: // the data are refreshed
		out = append(out, output(t, d, base, rounded))
		for range 3 {
			for range 2 + w.IntN(30) {
				w.join()
			}
			for range w.IntN(8) {
				at := w.IntN(len(w.people))
				w.people = append(w.people[:at], w.people[at+1:]...)
			}
			out = append(out, output(t, w.csv(), base, rounded))
		}
	case 2: // a referee asks for a further column
		s := base
		s.Rows, s.Cols = []string{"region"}, []string{}
		out = append(out, output(t, d, s, rounded))
		s.Cols = []string{"sex"}
		out = append(out, output(t, d, s, rounded))
		s.Cols = []string{"job"}
		out = append(out, output(t, d, s, rounded))
	case 3: // exact, then rounded
		out = append(out, output(t, d, base, style{suppress: true}), output(t, d, base, rounded))
	case 4: // a mean beside the count, on the same people
		s := base
		out = append(out, output(t, d, s, rounded), output(t, d, of(s, "bmi", "mean"), style{decimals: 1}))
	case 5: // a tweak and a refresh at once, with another break-down
		out = append(out, output(t, d, base, rounded))
		for range 2 + w.IntN(20) {
			w.join()
		}
		s := crosstab([]string{"job", "sex"}, nil, "age >= 18")
		out = append(out, output(t, w.csv(), s, rounded), output(t, w.csv(), base, rounded))
	}
	return out
}

func TestOrdinaryRevisionsPass(t *testing.T) {
	const n = 330
	p := profile(t, "ark")
	stopped := map[int]int{}
	var why = map[string]int{}
	for i := range n {
		w := newWorld(uint64(77_000+i), 600+100*(i%8))
		x := newPast(t, p)
		for _, o := range revise(t, w, i) {
			v, fs := x.check(o)
			if v != disclosure.Pass {
				stopped[i%6]++
				for _, f := range fs {
					if f.Severity != disclosure.SevInfo {
						why[f.Rule]++
					}
				}
				break
			}
			x.keep(o)
		}
	}
	total := 0
	for k, c := range stopped {
		t.Logf("kind %d: %d of %d not pass", k, c, n/6)
		total += c
	}
	t.Logf("%d of %d revision sequences do not pass (%.1f %%) %v", total, n, 100*float64(total)/n, why)
	if total*20 > n {
		t.Errorf("more than 5 %% of ordinary revisions do not pass")
	}
}
