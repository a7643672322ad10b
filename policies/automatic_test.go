package policies

import (
	"math"
	"strings"
	"testing"
)

func TestAutomaticReleaseIsOff(t *testing.T) {
	a, err := LoadAutomatic()
	if err != nil {
		t.Fatal(err)
	}
	if a.On || a.Figures != nil {
		t.Errorf("it is shipped as %+v", a)
	}
}

// TestAutomaticReleaseNeedsFigures switches it on in every way that is not justified.
func TestAutomaticReleaseNeedsFigures(t *testing.T) {
	on := strings.Replace(string(automaticText), "on: false", "on: true", 1)
	with := func(figures string) string { return strings.Replace(on, "figures: null", "figures: "+figures, 1) }
	good := "{requests: 4000, missed: 3, seeded: 1000, passed: 2, source: docs}"
	for name, text := range map[string]string{
		"no figures":              on,
		"too few requests":        with("{requests: 999, missed: 0, seeded: 1000, passed: 0, source: docs}"),
		"too few seeded":          with("{requests: 4000, missed: 0, seeded: 299, passed: 0, source: docs}"),
		"people stopped too many": with("{requests: 4000, missed: 8, seeded: 1000, passed: 0, source: docs}"),
		"bad ones passed":         with("{requests: 4000, missed: 0, seeded: 1000, passed: 6, source: docs}"),
		"fewer than none":         with("{requests: 4000, missed: -1, seeded: 1000, passed: 0, source: docs}"),
		"no source":               with("{requests: 4000, missed: 0, seeded: 1000, passed: 0}"),
		"another key":             with("{requests: 4000, missed: 0, seeded: 1000, passed: 0, source: docs, trust: me}"),
		"needs lowered":           strings.Replace(with(good), "requests: 1000 #", "requests: 1 #", 1),
		"needs widened":           strings.Replace(with(good), "missed: 0.003", "missed: .nan", 1),
		"no class":                strings.Replace(with(good), "classes: [standing]", "classes: []", 1),
	} {
		if a, err := ParseAutomatic([]byte(text)); err == nil || a.On {
			t.Errorf("%s: it is on", name)
		}
	}
	if a, err := ParseAutomatic([]byte(with(good))); err != nil || !a.On {
		t.Errorf("justified by figures: %v", err)
	}
}

func TestUpperEndOfAShare(t *testing.T) {
	for _, c := range []struct {
		k, n int
		want float64
	}{{0, 300, 0.009936}, {0, 1000, 0.002991}, {3, 4000, 0.001937}, {1, 10, 0.394163}} {
		if got := upper(c.k, c.n); math.Abs(got-c.want) > 2e-5 {
			t.Errorf("%d of %d: %.6f, want %.6f", c.k, c.n, got, c.want)
		}
	}
}
