package disclosure

import (
	"context"
	"slices"
	"strings"
	"testing"

	policy "github.com/ark-tre/ark/policies/disclosure"
)

// A fail takes two users; a threshold in a contract takes its custodian too,
// and the finding says whose it is.
func TestOverrides(t *testing.T) {
	a, b := profile(t, "uk-llc"), profile(t, "statistics-denmark")
	a.Custodian, a.Contractual = "org-a", []string{"counts"}
	b.Custodian = "org-b"
	p, err := policy.Combine(a, b)
	if err != nil {
		t.Fatal(err)
	}
	_, fs, err := CheckTable(context.Background(), p, File{Name: "t.csv", Reader: strings.NewReader("g,n\na,8\nb,30\n")})
	if err != nil || len(fs) != 1 {
		t.Fatalf("%+v %v", fs, err)
	}
	if fs[0].Evidence["profiles"] != "uk-llc" || fs[0].Evidence["contract_of"] != "org-a" {
		t.Errorf("%v", fs[0].Evidence)
	}
	if n := Needed(p, fs[0]); n.Users != 2 || !slices.Equal(n.Custodians, []string{"org-a"}) {
		t.Errorf("%+v", n)
	}
	fs[0].Rule = "formula-cell"
	if n := Needed(p, fs[0]); n.Users != 2 || len(n.Custodians) != 0 {
		t.Errorf("%+v", n)
	}
	fs[0].Severity = SevReview
	if n := Needed(p, fs[0]); n.Users != 0 {
		t.Errorf("a review needs no override: %+v", n)
	}
	// Every rule that a profile's value governs is a rule, and a contract on a
	// value not set is refused.
	a.Contractual = []string{"counts.nonsense"}
	if a.Check() == nil {
		t.Error("a contract on nothing was accepted")
	}
}

// Weights from the microdata: two respondents of equal size, one standing for
// twenty, don't dominate; without weights they do.
func TestWeightsFromTheMicrodata(t *testing.T) {
	data := "g,v,w\na,100,20\na,90,20\na,1,1\n" + strings.Repeat("b,10,1\n", 20)
	frame, err := ReadFrame(context.Background(), strings.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	v, sum := "v", "sum"
	m := Microdata{Frame: frame, Spec: Spec{Kind: KindCrosstab, Rows: []string{"g"}, Values: &v, AggFunc: &sum}}
	p := profile(t, "ark")
	for weight, want := range map[string]bool{"": true, "w": false} {
		p.Dominance.Weight = weight
		_, fs, err := CheckMicrodata(context.Background(), p, m, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(rulesOf(fs), "cell-dominated"); got != want {
			t.Errorf("weight %q: dominated %v, want %v", weight, got, want)
		}
	}
}
