package protect

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/suppress"
)

// TestPageIsFresh keeps docs/suppression.md as the code makes it: one table
// protected, with both certificates and what an attacker gets from each.
// ARK_GOLDEN=update writes it.
func TestPageIsFresh(t *testing.T) {
	got := page(t)
	const name = "../../docs/suppression.md"
	if os.Getenv("ARK_GOLDEN") == "update" {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil || string(want) != got {
		t.Errorf("docs/suppression.md is stale: run this test with ARK_GOLDEN=update (%v)", err)
	}
}

const example = "region,Asthma,COPD,Stroke,Total\nNorth,45,6,62,113\nSouth,80,31,27,138\nEast,52,40,33,125\nTotal,177,77,122,376\n"

func page(t *testing.T) string {
	t.Helper()
	ctx, s, p := context.Background(), solver(t), profile(t, "cms")
	o := suppress.Options{Solver: s, Insiders: true}
	r, err := Tables(ctx, p, []disclosure.File{file("table.csv", example, nil)}, o, suppress.Budget{})
	if err != nil || r.Result == nil {
		t.Fatalf("%+v %v", r, err)
	}
	in, err := r.Result.Internal()
	if err != nil {
		t.Fatal(err)
	}
	out, err := r.Result.Released(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	vi, vo := suppress.Verify(in), suppress.Verify(out)
	if !vi.Valid || !vo.Valid {
		t.Fatal(vi.Faults, vo.Faults)
	}
	l, err := disclosure.ReadLinked(p, []disclosure.File{file("table.csv", example, nil)})
	if err != nil {
		t.Fatal(err)
	}
	// The attacker with the published table and nothing else.
	var open suppress.Open
	var ask []int
	names := []string{}
	for i, c := range in.Cells {
		x := suppress.OpenCell{Lo: c.Value.Rat, Hi: c.Value.Rat}
		if c.Withheld {
			x = suppress.OpenCell{Lo: c.LB.Rat, Hi: c.UB.Rat}
			ask, names = append(ask, i), append(names, c.ID.Key)
		}
		open.Cells = append(open.Cells, x)
	}
	for _, e := range l.Equations {
		open.Equations = append(open.Equations, suppress.OpenEquation(e))
	}
	alone, err := suppress.Attack(ctx, open, ask, o)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	table := func(csv string) {
		for i, line := range strings.Split(strings.TrimSpace(csv), "\n") {
			w("| %s |", strings.ReplaceAll(line, ",", " | "))
			if i == 0 {
				w("|%s", strings.Repeat("---|", strings.Count(line, ",")+1))
			}
		}
		w("")
	}
	w("# One table protected, with both certificates")
	w("")
	w("Written by a test of `airlock/protect`, which fails when it is stale. The rules are in [disclosure.md](disclosure.md).")
	w("")
	w("Under the profile `cms` a count of 1 to 10 may be neither shown nor derivable. In this table one count is:")
	w("")
	table(example)
	w("`ark disclose protect table.csv --profile cms --certificate DIR` withholds it and as few others as it can (%d cells, %d sums; status %s, cost %s, bound %s, gap %.0f), marks all alike, and judges the result again from its bytes (verdict %s):", r.Audit.Cells, r.Audit.Equations, r.Audit.Status, suppress.Text(r.Audit.Cost.Rat), suppress.Text(r.Audit.Bound.Rat), r.Audit.Gap, r.Verdict)
	w("")
	table(r.Tables["table.csv"])
	w("## What an attacker gets")
	w("")
	w("| withheld cell | true count | from the table alone | from the released certificate | from the internal certificate |")
	w("|---|---|---|---|---|")
	for k, i := range ask {
		iv := vo.Intervals[names[k]]
		w("| %s | %s | %s | %s | the count itself |", strings.Join(l.Cells[i].Labels, ", "), suppress.Text(in.Cells[i].Value.Rat),
			span(alone[k].Lo, alone[k].Hi), span(iv[0].Rat, iv[1].Rat))
		if iv[0].Cmp(alone[k].Lo) != 0 || iv[1].Cmp(alone[k].Hi) != 0 {
			t.Errorf("the released certificate says another thing of %v than the table", l.Cells[i].Labels)
		}
	}
	w("")
	w("The released certificate is computed from the published table alone: whoever has the table could compute it, and every true table behind it gives the same bytes (a test holds this over random tables). It tells neither which cell was the sensitive one, nor how the pattern was chosen. The internal one holds the true counts; it stays with the airlock and the custodian.")
	w("")
	w("## What each certificate shows")
	w("")
	w("`ark disclose verify internal.json released.json` checks both in exact arithmetic, trusting neither solver nor maker, and says whether they are of the same table.")
	for _, c := range []struct {
		name string
		v    suppress.Verified
	}{{"Internal", vi}, {"Released", vo}} {
		w("")
		w("%s:", c.name)
		w("")
		for _, s := range c.v.Shows {
			w("- %s", s)
		}
	}
	w("")
	w("A witness is a pair of tables that agree with everything published. The released one for %s:", strings.Join(l.Cells[ask[0]].Labels, ", "))
	w("")
	wit, err := json.MarshalIndent(out.Witnesses[0], "", " ")
	if err != nil {
		t.Fatal(err)
	}
	w("```json\n%s\n```", wit)
	return b.String()
}

func span(lo, hi interface{ RatString() string }) string {
	return lo.RatString() + " to " + hi.RatString()
}
