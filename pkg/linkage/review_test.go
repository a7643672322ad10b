package linkage

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"strings"
	"testing"
)

func reviewed(t *testing.T, in IndexInput) []ReviewPair {
	t.Helper()
	in.Key = bytes.Repeat([]byte{7}, 32)
	var out []ReviewPair
	_, err := BuildIndex(context.Background(), in, IndexOutput{PersonIndex: io.Discard, Links: io.Discard, Persons: io.Discard, Report: io.Discard,
		Review: func(ps []ReviewPair) error { out = ps; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestReviewMasksWhatAgrees: reviewers get pairs that the evidence leaves open
// and samples of both outcomes, with a waterfall that adds up and without any
// value on which the two agree; what people settled is not asked again.
func TestReviewMasksWhatAgrees(t *testing.T) {
	rows := town(1500)
	for i := 0; i < 600; i += 6 { // some move, lose their number and are misspelt
		rows[i].nhs, rows[i].postcode = "", ""
		rows[i].given = rows[i].given[:1] + "x"
	}
	twin := rows[1]
	twin.key, twin.given, twin.nhs, twin.source = "TWIN1", "zebedee", "", "hospital"
	in := IndexInput{Identifiers: []File{identifiers(t, "d1", append(rows, twin))}}
	pairs := reviewed(t, in)
	kinds := map[string]int{}
	for _, p := range pairs {
		kinds[p.Kind]++
		sum := p.Prior + p.Rarity
		for _, f := range p.Fields {
			sum += f.Bits
			for _, v := range f.Values {
				if v.Same && (v.Left != "" || v.Right != "") || v.Left != "" && v.Left == v.Right {
					t.Errorf("%s is shown though both say the same", v.Column)
				}
			}
		}
		if math.Abs(sum-p.Weight) > 1e-6 {
			t.Errorf("the waterfall ends at %.6f, the weight is %.6f", sum, p.Weight)
		}
		if p.L >= p.R || p.Sources[0] == "" || p.Sources[1] == "" {
			t.Errorf("pair %+v lacks keys in order or sources", p)
		}
	}
	for _, k := range []string{ReviewGrey, ReviewLink} {
		if kinds[k] == 0 {
			t.Errorf("no pair of kind %s among %v", k, kinds)
		}
	}
	again, _ := json.Marshal(reviewed(t, in))
	if first, _ := json.Marshal(pairs); !bytes.Equal(first, again) {
		t.Error("the same records gave other pairs")
	}
	in.Decisions = []Decision{{L: pairs[0].L, R: pairs[0].R, Same: true, Reason: "two reviewers agreed"}}
	for _, p := range reviewed(t, in) {
		if p.L == pairs[0].L && p.R == pairs[0].R {
			t.Error("a settled pair is asked again")
		}
	}
}

// TestBiasIsRoundedAndBySender: counts of people are shown as the profile says
// or not at all, the senders' among them.
func TestBiasIsRoundedAndBySender(t *testing.T) {
	rows := town(400)
	in := IndexInput{Identifiers: []File{identifiers(t, "d1", rows)}, Demographics: []File{demographics(t, rows)}}
	_, rep := build(t, in)
	for _, g := range rep.Bias {
		if g.Persons != nil || g.Single != nil {
			t.Fatalf("without a profile the count of %s %s is shown", g.By, g.Value)
		}
	}
	in.Show = func(n int) *int {
		if n < 20 {
			return nil
		}
		n = n / 10 * 10
		return &n
	}
	_, rep = build(t, in)
	shown, by := 0, map[string]bool{}
	for _, g := range rep.Bias {
		by[g.By] = true
		for _, n := range []*int{g.Persons, g.Single} {
			if n != nil {
				shown++
				if *n%10 != 0 || *n < 20 {
					t.Errorf("%s %s shows %d", g.By, g.Value, *n)
				}
			}
		}
	}
	if shown == 0 || !by["sender"] || !by["sex"] || !by["year_of_birth"] {
		t.Errorf("%d counts shown by %v", shown, by)
	}
	var b strings.Builder
	if err := json.NewEncoder(&b).Encode(rep.Bias); err != nil || strings.Contains(b.String(), rows[0].key) {
		t.Error("the report of bias names a record")
	}
}
