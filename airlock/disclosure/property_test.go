package disclosure

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	policy "github.com/ark-tre/ark/policies/disclosure"
)

var order = map[Verdict]int{Pass: 0, Review: 1, Fail: 2}

// Permuting the rows of a table without totals changes no verdict and no rule.
func TestRowOrderChangesNothing(t *testing.T) {
	p := profile(t, "ark")
	rapid.Check(t, func(t *rapid.T) {
		g := gen{rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))}
		f := g.long()
		if rapid.Bool().Draw(t, "plant") {
			f = f.set(f.open[g.IntN(len(f.open))], "4")
		}
		v1, a := judgeForm(t, p, f)
		body := f.lines[1:]
		perm := rapid.Permutation(body).Draw(t, "rows")
		v2, b := judgeForm(t, p, form{f.name, append([]string{f.lines[0]}, perm...), nil})
		if v1 != v2 || rulesOf(a) != rulesOf(b) || len(a) != len(b) {
			t.Fatalf("%s %s, reordered %s %s", v1, rulesOf(a), v2, rulesOf(b))
		}
	})
}

// A profile with a larger threshold never passes what a laxer one doesn't.
func TestStricterProfileNeverPassesMore(t *testing.T) {
	base := profile(t, "uk-llc")
	rapid.Check(t, func(t *rapid.T) {
		g := gen{rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))}
		var f form
		if rapid.Bool().Draw(t, "plant") {
			f, _ = g.plant()
		} else {
			f = g.clean()
		}
		lax, strict := base, base
		lax.Counts.Threshold = rapid.Int64Range(2, 15).Draw(t, "lax")
		strict.Counts.Threshold = lax.Counts.Threshold + rapid.Int64Range(0, 20).Draw(t, "more")
		lax.Counts.Zeros = rapid.SampledFrom([]policy.Severity{policy.Allow, policy.Review, policy.Fail}).Draw(t, "zeros")
		strict.Counts.Zeros = lax.Counts.Zeros.Stricter(rapid.SampledFrom([]policy.Severity{policy.Allow, policy.Review, policy.Fail}).Draw(t, "zeros2"))
		a, _ := judgeForm(t, lax, f)
		b, fs := judgeForm(t, strict, f)
		if order[b] < order[a] {
			t.Fatalf("threshold %d: %s, threshold %d: %s %v\n%s", lax.Counts.Threshold, a, strict.Counts.Threshold, b, fs, f.csv())
		}
	})
}

// The same bytes give the same findings, one by one.
func TestDeterministic(t *testing.T) {
	p := profile(t, "ark")
	g := gen{rand.New(rand.NewPCG(5, 5))}
	for range 50 {
		f, _ := g.plant()
		_, a := judgeForm(t, p, f)
		_, b := judgeForm(t, p, f)
		if !slices.EqualFunc(a, b, func(x, y Finding) bool { return x.Rule == y.Rule && x.Where.Ref == y.Where.Ref && x.Says == y.Says }) {
			t.Fatal("two runs differ")
		}
	}
}

// fataler is what testing and rapid share.
type fataler interface {
	Helper()
	Fatal(...any)
}
