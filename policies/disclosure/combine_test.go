package disclosure

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ark-tre/ark/pkg/ark"
)

func TestCombineTakesTheStricter(t *testing.T) {
	a, b := mustShipped(t, "nhs-england-sde"), mustShipped(t, "opensafely")
	c, err := Combine(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if c.Counts.Least() != 10 || c.Counts.Strictness != Below || c.Counts.Zeros != Review {
		t.Errorf("counts %+v", c.Counts)
	}
	if !slices.Contains(c.Geography.Deny, "icb") || c.AllowsFile("html") || !c.AllowsFile("csv") {
		t.Errorf("areas %v, files %v", c.Geography, c.Files)
	}
	if err := c.Check(); err != nil && !strings.Contains(err.Error(), "name") {
		t.Errorf("the combination is not a valid profile: %v", err)
	}
}

func TestCombineUnitesDominance(t *testing.T) {
	a, b := mustShipped(t, "ark"), mustShipped(t, "abs-datalab")
	b.Counts.Unit = a.Counts.Unit
	c, err := Combine(a, b)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range c.Dominance.Rules {
		got = append(got, d.String())
	}
	if diff := cmp.Diff([]string{"nk:2:0.90:ge", "p:0.10", "nk:1:0.50", "nk:2:0.67"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCombineConflicts(t *testing.T) {
	_, err := Combine(mustShipped(t, "ark"), mustShipped(t, "us-drb"))
	if !ark.Is(err, ark.Conflict) || !strings.Contains(err.Error(), "rounding") {
		t.Errorf("different rounding: %v", err)
	}
	if _, err := Combine(); !ark.Is(err, ark.Invalid) {
		t.Errorf("no profile: %v", err)
	}
}

func TestCombineIsSymmetricAndIdempotent(t *testing.T) {
	for _, x := range Names() {
		for _, y := range Names() {
			a, b := mustShipped(t, x), mustShipped(t, y)
			ab, err1 := Combine(a, b)
			ba, err2 := Combine(b, a)
			if (err1 == nil) != (err2 == nil) {
				t.Errorf("%s, %s: order decides whether they conflict", x, y)
			}
			if err1 != nil {
				continue
			}
			if ab.Counts.Least() != ba.Counts.Least() || ab.Contributors != ba.Contributors || ab.Dates != ba.Dates || ab.MaxRows != ba.MaxRows {
				t.Errorf("%s, %s: order decides an ordered parameter", x, y)
			}
			if ab.Counts.Least() < max(a.Counts.Least(), b.Counts.Least()) {
				t.Errorf("%s, %s: combined threshold is laxer", x, y)
			}
			for _, c := range ab.Classes {
				if !a.Allows(c) || !b.Allows(c) {
					t.Errorf("%s, %s: class %s was not allowed by both", x, y, c)
				}
			}
		}
	}
}
