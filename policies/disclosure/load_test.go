package disclosure

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ark-tre/ark/pkg/ark"
)

func mustShipped(t testing.TB, name string) Profile {
	t.Helper()
	p, err := Shipped(name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return p
}

func TestShippedProfilesLoad(t *testing.T) {
	want := []string{"abs-datalab", "acro", "ark", "cms", "hes", "nhs-england-sde", "opensafely", "statistics-denmark", "uk-llc", "us-drb"}
	if got := Names(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("names %v, want %v", got, want)
	}
	for _, name := range want {
		if p := mustShipped(t, name); p.Name != name {
			t.Errorf("file %s holds the profile %s", name, p.Name)
		}
	}
}

// Figures typed from the pages named in each profile's evidence.
func TestShippedThresholds(t *testing.T) {
	for name, least := range map[string]int64{
		"ark": 10, "acro": 10, "opensafely": 8, "nhs-england-sde": 10, "hes": 8,
		"uk-llc": 10, "abs-datalab": 10, "cms": 11, "us-drb": 15, "statistics-denmark": 5,
	} {
		if got := mustShipped(t, name).Counts.Least(); got != least {
			t.Errorf("%s: smallest showable count %d, want %d", name, got, least)
		}
	}
}

func TestParseIsStrict(t *testing.T) {
	raw, err := shipped.ReadFile("profiles/ark.yaml")
	if err != nil {
		t.Fatal(err)
	}
	good := string(raw)
	for name, bad := range map[string]string{
		"unknown-key":      good + "surprise: 1\n",
		"unknown-nested":   strings.Replace(good, "  threshold: 10", "  threshold: 10\n  treshold: 3", 1),
		"second-document":  good + "---\nname: other\n",
		"no-evidence":      strings.Replace(good, "  counts.threshold: {", "  counts.zeros_: {", 1),
		"zero-threshold":   strings.Replace(good, "threshold: 10", "threshold: 0", 1),
		"no-strictness":    strings.Replace(good, "  strictness: below\n", "", 1),
		"unknown-class":    strings.Replace(good, "[frequencies,", "[everything,", 1),
		"unknown-severity": strings.Replace(good, "zeros: review", "zeros: fine", 1),
		"share-over-one":   strings.Replace(good, `share: "0.90"`, `share: "90"`, 1),
		"empty":            "",
		"not-yaml":         "\x00\x01",
	} {
		t.Run(name, func(t *testing.T) {
			if bad == good {
				t.Fatal("the replacement changed nothing")
			}
			if _, err := Parse([]byte(bad)); !ark.Is(err, ark.Invalid) {
				t.Errorf("got %v, want an invalid fault", err)
			}
		})
	}
}

func TestUnknownProfileNamesTheChoices(t *testing.T) {
	for _, name := range []string{"nobody", "../ark", "", "no/such.yaml"} {
		if _, err := Open(name); !ark.Is(err, ark.Unknown) {
			t.Errorf("Open(%q) = %v, want unknown", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, n := range Names() {
		b, _ := shipped.ReadFile("profiles/" + n + ".yaml")
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err == nil && (p.Counts.Least() < 1 || len(p.Classes) == 0) {
			t.Errorf("accepted a profile that guards nothing")
		}
	})
}

func TestZeroProfileRefuses(t *testing.T) {
	var p Profile
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(-10, 1<<40).Draw(t, "n")
		if s := RoundCount(p, n); !s.Masked {
			t.Fatalf("the zero profile shows %d as %q", n, s.Text)
		}
	})
	if p.Allows(Frequencies) || p.AllowsFile("csv") || !p.Dates.FinerThan("year") {
		t.Error("the zero profile allows something")
	}
}
