package distance

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestJaroWinklerKnownValues(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{
		{"MARTHA", "MARHTA", 0.9611111}, {"DIXON", "DICKSONX", 0.8133333},
		{"DWAYNE", "DUANE", 0.84}, {"", "", 1}, {"A", "", 0}, {"ABC", "XYZ", 0},
	} {
		if got := JaroWinkler(c.a, c.b); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("JaroWinkler(%q, %q) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestEditKnownValues(t *testing.T) {
	for _, c := range []struct {
		a, b    string
		lev, dl int
	}{
		{"kitten", "sitting", 3, 3}, {"ca", "abc", 3, 2}, {"ab", "ba", 2, 1},
		{"1901-02-03", "1901-20-03", 2, 1}, {"", "abc", 3, 3}, {"same", "same", 0, 0},
	} {
		if got := Levenshtein(c.a, c.b); got != c.lev {
			t.Errorf("Levenshtein(%q, %q) = %d, want %d", c.a, c.b, got, c.lev)
		}
		if got := DamerauLevenshtein(c.a, c.b); got != c.dl {
			t.Errorf("DamerauLevenshtein(%q, %q) = %d, want %d", c.a, c.b, got, c.dl)
		}
	}
}

func TestDistanceProperties(t *testing.T) {
	word := rapid.StringMatching(`[a-c]{0,9}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		if got, want := WithinOneEdit(a, b), DamerauLevenshtein(a, b) <= 1; got != want {
			t.Fatalf("WithinOneEdit(%q, %q) = %v, want %v", a, b, got, want)
		}
		if got, want := WithinOneLevenshtein(a, b), Levenshtein(a, b) <= 1; got != want {
			t.Fatalf("WithinOneLevenshtein(%q, %q) = %v, want %v", a, b, got, want)
		}
		if Levenshtein(a, b) != Levenshtein(b, a) || DamerauLevenshtein(a, b) > Levenshtein(a, b) {
			t.Fatalf("edit distances of %q and %q disagree", a, b)
		}
		jw := JaroWinkler(a, b)
		if bound := JaroWinklerBound(len(a), len(b), Letters(a), Letters(b)); jw > bound+1e-12 || jw < 0 || jw > 1 {
			t.Fatalf("JaroWinkler(%q, %q) = %v, bound %v", a, b, jw, bound)
		}
		if len(a) > 0 && len(b) > 0 && a != b {
			if l, s := jaroLong(a, b), Jaro(a, b); math.Abs(l-s) > 1e-12 {
				t.Fatalf("long and short Jaro of %q and %q: %v, %v", a, b, l, s)
			}
		}
	})
}
