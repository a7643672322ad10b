package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/pkg/objects"
)

// published keeps a table as the step does, after inspection has found nothing.
func (b Bench) published(t testing.TB, id, text string) airlock.PublishedResult {
	t.Helper()
	res, err := b.keepPublished(context.Background(), mustProfile(t, "cms"), airlock.PublishedJob{ID: id, Name: "table.csv", Profile: "cms"}, []byte(text), inspect.Result{})
	must(t, err)
	return res
}

// TestAPublishedTableIsRemembered: counts that differ from published ones by
// two people pass beside nothing, and not beside the published table; whether
// they come with a specification or not, and whatever the table is headed.
func TestAPublishedTableIsRemembered(t *testing.T) {
	b := bench(t)
	behind := airlock.Behind{Data: b.extract(t, "prj-a", 0)}
	most := b.submit(t, "f1", "most.csv", "side,count\nnorth,58\nsouth,58\n")
	spec := b.submit(t, "s1", "most.csv"+airlock.SpecSuffix, `{"ark":1,"kind":"crosstab","data":"visits","rows":["side"],"filter":"age < 78"}`)
	spec.Kind = airlock.KindSupporting
	n := 0
	for name, c := range map[string]struct {
		text  string
		found bool
	}{
		"the same heading":          {"side,count\nnorth,60\nsouth,60\n", true},
		"a heading of its own":      {"Side of the river,People seen\nNorth,60\nSouth,60\n", true},
		"one side withheld":         {"side,count\nnorth,60\nsouth,*\n", true},
		"beside a share":            {"Side,People seen,Per cent\nNorth,60,50.0\nSouth,60,50.0\n", true},
		"far from it":               {"side,count\nnorth,90\nsouth,91\n", false},
		"the same figures":          {"side,count\nnorth,58\nsouth,58\n", false},
		"of other things":           {"ward,count\na,60\nb,60\n", false},
		"one row in common":         {"Side of the river,People seen\nNorth,60\nCity,60\n", false},
		"small numbers of anything": {"Side of the river,Wards\nNorth,3\nSouth,5\n", false},
	} {
		n++
		id := fmt.Sprintf("pub_0000000000007000800000000000%04d", n)
		res := b.published(t, id, c.text)
		if res.Refused != "" || res.Figures < 2 || res.Sets.Zone != objects.Contributors {
			t.Fatalf("%s was kept as %+v", name, res)
		}
		for _, specified := range []bool{true, false} {
			with := behind
			if specified {
				with.Specs = []airlock.CheckOf{spec}
			}
			alone, before := b.check(t, most, with)
			with.History = []objects.Ref{res.Sets}
			beside, after := b.check(t, most, with)
			if specified && (alone != disclose.Pass || (beside == disclose.Pass) == c.found) {
				t.Errorf("%s: %s alone, %s beside it, found: %v", name, alone, beside, c.found)
			}
			if slices.Contains(rules(before), "release-similar") || slices.Contains(rules(after), "release-similar") != c.found {
				t.Errorf("%s, specified %v: %v alone, %v beside it", name, specified, rules(before), rules(after))
			}
			for _, f := range after {
				if f.Rule == "release-similar" && (!strings.Contains(f.Evidence["combination"], "published table "+id) || strings.Contains(f.Says, "60")) {
					t.Errorf("%s: a checker reads %q, an author %q", name, f.Evidence["combination"], f.Says)
				}
			}
		}
	}
}

// TestWhatIsNoTableIsNotKept: of a file that inspection stops, or that has no
// figures, nothing is kept, and its adder is told.
func TestWhatIsNoTableIsNotKept(t *testing.T) {
	b := bench(t)
	for _, text := range []string{"", "just words\n", "region\nnorth\nsouth\n"} {
		if res := b.published(t, "pub_00000000000070008000000000000002", text); res.Refused == "" || res.Sets.Name != "" {
			t.Errorf("%q was kept: %+v", text, res)
		}
	}
	stopped := inspect.Result{Findings: []disclose.Finding{{Rule: "identifier-nhs-number", Severity: disclose.SevFail, Says: "it holds an NHS number"}}}
	res, err := b.keepPublished(t.Context(), mustProfile(t, "cms"), airlock.PublishedJob{ID: "pub_00000000000070008000000000000003", Name: "table.csv"}, []byte("a,count\nx,60\n"), stopped)
	must(t, err)
	if !strings.Contains(res.Refused, "NHS number") || res.Sets.Name != "" {
		t.Errorf("a file that inspection stopped: %+v", res)
	}
	// The same bytes again are the same object: a crash between storing and
	// telling loses nothing.
	first, again := b.published(t, "pub_00000000000070008000000000000004", "a,count\nx,60\n"), b.published(t, "pub_00000000000070008000000000000004", "a,count\nx,60\n")
	if first.Sets != again.Sets || first.Figures < 1 {
		t.Errorf("kept twice: %+v, %+v", first, again)
	}
}
