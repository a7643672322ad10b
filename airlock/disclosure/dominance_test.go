package disclosure

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func contributions(t testing.TB, s, holdings string) []Contribution {
	t.Helper()
	hs := strings.Split(holdings, ",")
	var out []Contribution
	for i, x := range strings.Split(s, ",") {
		v, ok := ParseDecimal(x)
		if !ok {
			t.Fatalf("%q", x)
		}
		c := Contribution{Value: v}
		if holdings != "" {
			c.Holding = hs[i]
		}
		out = append(out, c)
	}
	return out
}

func TestJudgeCell(t *testing.T) {
	for _, c := range []struct {
		name, values, holdings, rule string
		unsafe                       bool
	}{
		// ACRO v1.0.1, boundaries run: a share of exactly 0.90 fails, p of exactly 10 % doesn't trip.
		{"acro-nk-at-boundary", "45,45,10", "", "nk:2:0.90:ge", true},
		{"handbook-nk-at-boundary", "45,45,10", "", "nk:2:0.90", false},
		{"acro-p-at-boundary", "100,50,10", "", "p:0.10", false},
		{"p-at-boundary-inclusive", "100,50,10", "", "p:0.10:le", true},
		{"p-under", "100,50,9.99", "", "p:0.10", true},
		// ABS DataLab (1,50): must not exceed 50 %. disclosure.md ADV-17.
		{"abs-51-percent", "51,30,19", "", "nk:1:0.50", true},
		{"abs-50-percent", "50,30,20", "", "nk:1:0.50", false},
		{"abs-51-under-2-90", "51,30,19", "", "nk:2:0.90", false},
		// ADV-19: firms 1 and 3 are one holding.
		{"holdings-apart", "40,35,25", "", "nk:2:0.90", false},
		{"holdings-grouped", "40,35,25", "h,,h", "nk:2:0.90", true},
		{"negative-by-absolute-value", "-60,20,20", "", "nk:1:0.50", true},
		{"zero-total-passes-nk", "0,0,0", "", "nk:1:0.5:ge", false},
		{"zero-total-passes-p", "0,0", "", "p:0.1:le", false},
		{"threshold-counts-zeros", "0,0,5", "", "threshold:3", false},
		{"threshold-le", "0,0,5", "", "threshold:3:le", true},
		{"threshold-below", "1,2", "", "threshold:3", true},
		{"one-respondent-p", "7", "", "p:0.0", false},
		{"one-respondent-p10", "7", "", "p:0.1", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := ParseCellRule(c.rule)
			if err != nil {
				t.Fatal(err)
			}
			v, err := JudgeCell(contributions(t, c.values, c.holdings), r)
			if err != nil || v.Unsafe != c.unsafe || (v.Verdict == Fail) != c.unsafe {
				t.Errorf("%+v %v, want unsafe %v", v, err, c.unsafe)
			}
		})
	}
}

func TestWeightsAreEqualRespondents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var packed, spread []Contribution
		for range rapid.IntRange(1, 6).Draw(t, "n") {
			v := big.NewRat(rapid.Int64Range(-50, 50).Draw(t, "v"), 2)
			w := rapid.Int64Range(1, 4).Draw(t, "w")
			packed = append(packed, Contribution{Value: v, Weight: big.NewRat(w, 1)})
			for range w {
				spread = append(spread, Contribution{Value: v})
			}
		}
		rule := rapid.SampledFrom([]string{"nk:1:0.5", "nk:2:0.67:ge", "nk:3:0.9", "p:0.1", "p:0.5:le", "threshold:5", "threshold:5:le"}).Draw(t, "rule")
		r, err := ParseCellRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := JudgeCell(packed, r)
		b, _ := JudgeCell(spread, r)
		if a.Unsafe != b.Unsafe {
			t.Fatalf("weighted %v, written out %v", a, b)
		}
	})
}

// A smaller allowed share, a larger p or a larger threshold never passes more.
func TestStricterRuleNeverPassesMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var cs []Contribution
		for range rapid.IntRange(0, 8).Draw(t, "n") {
			cs = append(cs, Contribution{Value: big.NewRat(rapid.Int64Range(0, 100).Draw(t, "v"), 1)})
		}
		k := rapid.IntRange(10, 89).Draw(t, "k")
		pair := rapid.SampledFrom([][2]string{{"nk:2:0.%02d", "-"}, {"p:0.%02d", "+"}, {"threshold:%d", "+"}}).Draw(t, "pair")
		lax, strict := k, k+5
		if pair[1] == "-" {
			strict = k - 5
		}
		text := func(n int) string {
			return strings.Replace(strings.Replace(pair[0], "%02d", twoDigits(n), 1), "%d", itoa(n), 1)
		}
		r1, _ := ParseCellRule(text(lax))
		r2, _ := ParseCellRule(text(strict))
		a, err1 := JudgeCell(cs, r1)
		b, err2 := JudgeCell(cs, r2)
		if err1 != nil || err2 != nil || a.Unsafe && !b.Unsafe {
			t.Fatalf("%s unsafe, %s safe: %v %v", r1, r2, err1, err2)
		}
	})
}

func twoDigits(n int) string {
	if n < 10 {
		return "0" + itoa(n)
	}
	return itoa(n)
}

func TestBadRules(t *testing.T) {
	for _, s := range []string{"", "nk", "nk:2", "nk:0:0.5", "nk:2:1.01", "nk:2:0.9:le", "p:1.5", "p:-0.1", "p:0.1:ge", "p:1/10", "p:1e-1", "threshold:2.5", "threshold:x", "threshold:3:ge", "pq:1:2", "nk:2:0.9:ge:x", "p:inf"} {
		if _, err := ParseCellRule(s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
}

// The whole-number short cut decides as the rationals do, boundaries included.
func TestWholeNumbersDecideAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var units []unitSum
		for range rapid.IntRange(0, 8).Draw(t, "n") {
			units = append(units, unitSum{micro: rapid.Int64Range(-40, 40).Draw(t, "x") * 250_000})
		}
		r, err := ParseCellRule(rapid.SampledFrom([]string{"nk:1:0.5", "nk:1:0.5:ge", "nk:2:0.75", "nk:2:0.75:ge", "p:0.25", "p:0.25:le", "p:0.1", "nk:3:1:ge"}).Draw(t, "rule"))
		if err != nil {
			t.Fatal(err)
		}
		xs, ok := plain(units)
		v, err := JudgeCell(exactly(units), r)
		if !ok || err != nil || unsafeWhole(xs, r) != v.Unsafe {
			t.Fatalf("%s on %v: whole %v, exact %+v", r, xs, unsafeWhole(xs, r), v)
		}
	})
}
