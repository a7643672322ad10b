package engine

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// TestRulesByValueAndByBlock compares the pairs that rules bring when they look
// at values, when they look at the numbers of blocks, and as they are said.
func TestRulesByValueAndByBlock(t *testing.T) {
	rules := []string{
		"l.a = r.a",
		"l.b = r.b and l.c = r.c",
		"l.c = r.c and l.d = r.d and l.b = r.b", // brings nothing that the one before does not
		"l.c = r.c and l.d = r.d and substr(l.a, 1, 1) = substr(r.a, 1, 1)",
		"l.d = r.d and l.e = r.e and l.b != r.b",
		"substr(l.a, 2, 1) = substr(r.a, 2, 1) and l.d = r.d and l.c = r.c and l.e = r.e",
	}
	says := func(l, r []string) int {
		same := func(i int) bool { return l[i] != "" && l[i] == r[i] }
		part := func(from int) bool { return l[0] != "" && r[0] != "" && l[0][from] == r[0][from] }
		for k, holds := range []bool{
			same(0), same(1) && same(2), false, same(2) && same(3) && part(0),
			same(3) && same(4) && l[1] != "" && r[1] != "" && l[1] != r[1],
			part(1) && same(3) && same(2) && same(4),
		} {
			if holds {
				return k
			}
		}
		return -1
	}
	for _, n := range []int{2, 40, 1500} {
		random := rand.New(rand.NewPCG(uint64(n), 7))
		rows := make([][]string, n)
		var csv strings.Builder
		csv.WriteString("id,a,b,c,d,e\n")
		for i := range rows {
			csv.WriteString(strconv.Itoa(i))
			for _, values := range []int{400, 60, 20, 15, 9} {
				s := ""
				if random.IntN(8) > 0 {
					s = strconv.Itoa(10_000 + random.IntN(values)*7919)[1:]
				}
				rows[i] = append(rows[i], s)
				csv.WriteString("," + s)
			}
			csv.WriteByte('\n')
		}
		want := map[[2]uint32]int{}
		for l := range rows {
			for r := l + 1; r < n; r++ {
				if k := says(rows[l], rows[r]); k >= 0 {
					want[[2]uint32{uint32(l), uint32(r)}] = k
				}
			}
		}
		var before []Edge
		var shares []RuleShare
		for _, limit := range []int{0, 1 << 30} {
			b := frame.NewBuilder()
			if err := b.AddCSV("rows", strings.NewReader(csv.String())); err != nil {
				t.Fatal(err)
			}
			m := &model.Model{Name: "test", Mode: model.Dedupe, Prior: 0.001, Trained: true, Raw: true, MaxBlock: limit}
			for _, c := range []string{"a", "b"} {
				m.Comparisons = append(m.Comparisons, model.Comparison{Name: c, Levels: []model.Level{
					{Condition: c + "_l is null or " + c + "_r is null", IsNull: true},
					{Condition: c + "_l = " + c + "_r", M: 0.9, U: 0.1},
					{Condition: "else", M: 0.1, U: 0.9},
				}})
			}
			for _, r := range rules {
				m.Rules = append(m.Rules, model.Rule{Name: r, When: r})
			}
			p, err := Compile(m, b.Frame(), 1+n%3)
			if err != nil {
				t.Fatal(err)
			}
			if p.keyed != (limit == 0) {
				t.Fatalf("with blocks of at most %d rules look at values: %v", limit, p.keyed)
			}
			s, err := p.Estimate(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			edges, err := s.Pairs(context.Background(), -100)
			if err != nil {
				t.Fatal(err)
			}
			got := map[[2]uint32]int{}
			for _, e := range edges {
				got[[2]uint32{e.L, e.R}] = int(e.Rule)
			}
			if d := cmp.Diff(want, got); d != "" || len(got) != len(edges) {
				t.Fatalf("%d rows: other pairs than the rules say (-said +brought):\n%s", n, d)
			}
			if limit == 0 {
				before, shares = edges, s.Rules()
				continue
			}
			if d := cmp.Diff(before, edges); d != "" {
				t.Errorf("%d rows: by value and by block not the same pairs in the same order:\n%s", n, d)
			}
			if d := cmp.Diff(shares, s.Rules()); d != "" {
				t.Errorf("%d rows: rules hold for other numbers of pairs:\n%s", n, d)
			}
			if n == 1500 && shares[2].Pairs == 0 {
				t.Error("the covered rule holds for no pair")
			}
		}
	}
}
