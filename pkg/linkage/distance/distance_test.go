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

func TestTalliesOfOneEdit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "a")
		at, c := rapid.IntRange(0, len(a)).Draw(t, "at"), rapid.Byte().Draw(t, "c")
		edited := append([]byte(nil), a...)
		switch how := rapid.IntRange(0, 3).Draw(t, "how"); {
		case how == 0 || at == len(a):
			edited = append(append(append([]byte(nil), a[:at]...), c), a[at:]...)
		case how == 1:
			edited = append(append([]byte(nil), a[:at]...), a[at+1:]...)
		case how == 2:
			edited[at] = c
		case at > 0:
			edited[at], edited[at-1] = a[at-1], a[at]
		}
		if x, y := Tally(string(a)), Tally(string(edited)); FarTallies(x, y) || FarTallies(y, x) {
			t.Fatalf("%q and %q are called far apart", a, edited)
		}
	})
	for _, c := range [][2]string{{"9434765919", "9434711919"}, {"1980-02-03", "1981-12-03"}, {"M1 1AA", "SW1A 1AA"}} {
		if !FarTallies(Tally(c[0]), Tally(c[1])) {
			t.Errorf("%q and %q look one edit apart", c[0], c[1])
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
		if FarTallies(Tally(a), Tally(b)) && DamerauLevenshtein(a, b) <= 1 {
			t.Fatalf("%q and %q are called far apart", a, b)
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
