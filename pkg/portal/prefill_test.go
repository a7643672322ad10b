package portal

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ark-tre/ark/airlock/acro"
	"github.com/ark-tre/ark/workspace/volume"
)

// TestAnOutboxFillsTheFormIn: what ACRO wrote, or the specifications beside the
// outputs, answer what a checker asks; request.json comes before both.
func TestAnOutboxFillsTheFormIn(t *testing.T) {
	spec := func(s string) GroupIn {
		t.Helper()
		g, ok := specGroup([]byte(s), "out/table1.csv", "out/table1.csv.ark.json")
		if !ok {
			t.Fatalf("no group of %s", s)
		}
		return g
	}
	g := spec(`{"ark":1,"kind":"crosstab","data":"gp__visits","rows":["region"],"cols":["sex"],"filter":"age >= 18","rounding":{"base":5}}`)
	if g.Name != "table1" || g.Kind != "table" || g.Context != "Counts by region, sex from gp__visits." || g.Population != "Those in the extract with age >= 18" || g.Controls != "Counts are rounded to 5." ||
		!cmp.Equal(g.Output, []string{"out/table1.csv"}) || !cmp.Equal(g.Supporting, []string{"out/table1.csv.ark.json"}) {
		t.Errorf("a crosstab: %+v", g)
	}
	if g := spec(`{"kind":"crosstab","rows":["year"],"values":"cost","aggfunc":"mean"}`); g.Context != "Mean of cost by year." || g.Controls != "" {
		t.Errorf("means: %+v", g)
	}
	if g := spec(`{"kind":"cox","time":"days","event":"died","predictors":["age","sex"]}`); g.Kind != "model" || g.Context != "A cox model of died on age, sex." {
		t.Errorf("a model: %+v", g)
	}
	if g := spec(`{"kind":"figure","of":"table1.csv"}`); g.Kind != "figure" || g.Context != "A figure of the table table1.csv." {
		t.Errorf("a figure: %+v", g)
	}
	for _, s := range []string{"", "[]", `{"kind":""}`, `{"groups":[]}`} {
		if _, ok := specGroup([]byte(s), "a", "b"); ok {
			t.Errorf("a group of %q", s)
		}
	}

	raw, err := os.ReadFile("../../airlock/acro/testdata/results/results.json")
	if err != nil {
		t.Fatal(err)
	}
	r, err := acro.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	var files []volume.Entry
	for _, n := range []string{"acro/results.json", "acro/counts_0.csv", "acro/checksums/counts_0.csv.txt", "acro/output_3_0.csv", "acro/session_summary.csv"} {
		files = append(files, volume.Entry{Name: n})
	}
	groups := acroGroups(r, "acro", files)
	if len(groups) != 2 {
		t.Fatalf("the groups are %+v", groups)
	}
	model, counts := groups[0], groups[1]
	if counts.Name != "counts" {
		model, counts = counts, model
	}
	if counts.Kind != "table" || !strings.Contains(counts.Context, "Charities by year") || !strings.Contains(counts.Controls, "Exception asked for") || model.Kind != "model" ||
		!strings.Contains(strings.Join(append(counts.Supporting, model.Supporting...), " "), "acro/results.json") || !strings.Contains(strings.Join(append(counts.Supporting, model.Supporting...), " "), "acro/session_summary.csv") {
		t.Errorf("the groups are %+v", groups)
	}
}

// TestOnePressSubmits: the API submits what the outbox says, and says so when it
// says nothing.
func TestOnePressSubmits(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	_, ws := b.active("One press")
	times := 0
	submit := func(files map[string]string) (int, string) {
		times++
		b.p.cfg.Rooms.Outputs, b.p.cfg.Rooms.Enclave = &pinned{b.mem, files}, testEnclave{files}
		got, body := b.api("researcher", "POST", "/workspaces/"+ws+"/requests", `{"prepared":true}`, "Idempotency-Key", fmt.Sprintf("one-press-%d", times))
		return got.StatusCode, body
	}
	if code, body := submit(map[string]string{"rates.csv": "a,b\n1,20\n"}); code != 422 && code != 400 || !strings.Contains(body, "does not say how") {
		t.Errorf("an outbox that says nothing: %d %s", code, body)
	}
	code, body := submit(map[string]string{"rates.csv": "a,b\n1,20\n", "rates.csv.ark.json": `{"kind":"crosstab","data":"gp__visits","rows":["region"],"cols":[],"rounding":{"base":5}}`})
	if code/100 != 2 || !strings.Contains(body, "Counts by region from gp__visits.") {
		t.Errorf("one press with a specification: %d %s", code, body)
	}
	// Looking at the page keeps nothing of the outbox: no object is left that
	// no row names.
	kept := len(b.mem.at)
	if page := b.get("researcher", "/workspaces/"+ws+"/submit"); !strings.Contains(page, "Counts by region from gp__visits.") || len(b.mem.at) != kept {
		t.Errorf("the form was not filled in, or %d objects were stored for it", len(b.mem.at)-kept)
	}
	if code, body := submit(map[string]string{"request.json": `{"groups":[{"name":"g","secret":1}]}`}); code/100 != 4 {
		t.Errorf("a request file that is not one: %d %s", code, body)
	}
}
