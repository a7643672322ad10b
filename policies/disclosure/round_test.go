package disclosure

import (
	"testing"

	"pgregory.net/rapid"
)

func TestRoundCount(t *testing.T) {
	for _, c := range []struct {
		profile string
		n       int64
		want    string
	}{
		{"ark", 0, "fewer than 10"}, {"ark", 1, "fewer than 10"}, {"ark", 9, "fewer than 10"},
		{"ark", 10, "10"}, {"ark", 12, "10"}, {"ark", 13, "15"}, {"ark", 1234567, "1,234,565"},
		// The worked table of the OpenSAFELY page: 3 → redacted, 8 → 10, 16 → 15, 23 → 25, 44 → 45.
		{"opensafely", 3, "7 or fewer"}, {"opensafely", 7, "7 or fewer"}, {"opensafely", 8, "10"},
		{"opensafely", 16, "15"}, {"opensafely", 23, "25"}, {"opensafely", 18, "20"},
		{"opensafely", 31, "30"}, {"opensafely", 44, "45"},
		{"hes", 0, "0"}, {"hes", 7, "7 or fewer"}, {"hes", 8, "10"},
		{"cms", 10, "fewer than 11"}, {"cms", 11, "11"}, {"cms", 0, "0"},
		// DRB bands: 15-99 to 10, 100-999 to 50, then 100, 500, 1000, four significant digits; half to even.
		{"us-drb", 14, "fewer than 15"}, {"us-drb", 15, "20"}, {"us-drb", 25, "20"}, {"us-drb", 124, "100"},
		{"us-drb", 1049, "1,000"}, {"us-drb", 10250, "10,000"}, {"us-drb", 10750, "11,000"}, {"us-drb", 1234567, "1,235,000"},
	} {
		if got := RoundCount(mustShipped(t, c.profile), c.n).Text; got != c.want {
			t.Errorf("%s %d: %q, want %q", c.profile, c.n, got, c.want)
		}
	}
}

func TestMidpointSix(t *testing.T) {
	// OpenSAFELY: [1..6] → 3, [7..12] → 9; for a shown x the truth lies in x-2 … x+3.
	r := &Rounding{Base: 6, Mode: Midpoint}
	for n, want := range map[int64]int64{0: 0, 1: 3, 6: 3, 7: 9, 12: 9, 13: 15} {
		if got := r.Round(n); got != want {
			t.Errorf("%d → %d, want %d", n, got, want)
		}
	}
	if lo, hi := r.Interval(9); lo != 7 || hi != 12 {
		t.Errorf("interval of 9 is %d … %d", lo, hi)
	}
}

func TestRoundingHoldsTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &Rounding{Base: rapid.Int64Range(2, 25).Draw(t, "base"),
			Mode: rapid.SampledFrom([]RoundingMode{Nearest, NearestEven, Midpoint}).Draw(t, "mode")}
		n := rapid.Int64Range(1, 100000).Draw(t, "n")
		v := r.Round(n)
		if lo, hi := r.Interval(v); v > 0 && (n < lo || n > hi) {
			t.Fatalf("%d shown as %d, whose interval is %d … %d", n, v, lo, hi)
		}
		if !r.Rounded(v) {
			t.Fatalf("%d rounds to %d, which is not seen as rounded", n, v)
		}
	})
}

func TestSmallCountsNeverShow(t *testing.T) {
	for _, name := range Names() {
		p := mustShipped(t, name)
		for n := int64(1); n < p.Counts.Least(); n++ {
			if s := RoundCount(p, n); !s.Masked {
				t.Errorf("%s shows %d as %q", name, n, s.Text)
			}
		}
	}
}
