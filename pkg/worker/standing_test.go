package worker

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/workspace/cut"
)

// grown is the extract of a later version: people have come.
func (b Bench) grown(t *testing.T, version, people int) airlock.Data {
	t.Helper()
	var rows, side [][]columnar.Value
	for i := range people {
		rows = append(rows, []columnar.Value{cell.Str(fmt.Sprintf("name-%04d", i)), cell.Str([]string{"north", "south", "quay"}[min(i%2+2*(i%61/60), 2)])})
		side = append(side, []columnar.Value{cell.Str("visits"), cell.Int(int64(i)), cell.Int(int64(7_000_000_000_000 + i))})
	}
	shape := columnar.Schema{{Name: "person", Type: cell.String}, {Name: "side", Type: cell.String, Nullable: true}}
	at := fmt.Sprintf("prj-a/v%d/", version)
	return airlock.Data{Tables: []airlock.DataTable{{Name: "visits", Ref: b.parquet(t, keys.Of(keys.Project, "prj-a"), at+"visits.parquet", shape, rows)}},
		Sidecar: b.parquet(t, cut.SidecarKey, at+"sidecar.parquet", cut.SidecarSchema, side)}
}

// TestAStandingOutputIsMadeAndDifferenced makes one table of three versions,
// and judges each beside those of its series that left: rounded counts pass,
// since a few people more do not show in them; exact ones are stopped.
func TestAStandingOutputIsMadeAndDifferenced(t *testing.T) {
	b := bench(t)
	spec := b.submit(t, "spec", "side.csv"+airlock.SpecSuffix, `{"ark":1,"kind":"crosstab","data":"visits","rows":["side"]}`)
	spec.Kind = airlock.KindSupporting
	do := func(job airlock.MakeJob) airlock.MakeResult {
		t.Helper()
		raw, err := json.Marshal(job)
		must(t, err)
		got, err := b.makeSteps()[0].Do(t.Context(), raw, nil)
		must(t, err)
		return got.(airlock.MakeResult)
	}
	p, err := Profile("ark")
	must(t, err)
	var history []objects.Ref
	for n, people := range []int{400, 403, 431} {
		data := b.grown(t, n, people)
		job := airlock.MakeJob{Standing: "sto", Project: "prj-a", Profile: "ark", Name: "side.csv", Spec: spec.Ref, Data: data}
		if res := do(job); res.Failed != "" || res.Table.Name != "" || res.Rows != 3 {
			t.Fatalf("a trial: %+v", res)
		}
		job.Run = fmt.Sprintf("run-%d", n)
		res := do(job)
		if again := do(job); again != res {
			t.Errorf("made twice: %+v and %+v", res, again)
		}
		f := airlock.CheckOf{ID: job.Run, Name: "side.csv", Kind: airlock.KindOutput, Ref: res.Table, Ordinal: 1}
		text, err := b.bytes(t.Context(), f.Ref)
		must(t, err)
		if !strings.HasPrefix(string(text), "side,count\n") || !strings.Contains(string(text), "quay,*") {
			t.Fatalf("version %d is %q", n, text)
		}
		behind := airlock.Behind{Data: data, Specs: []airlock.CheckOf{spec}, History: history}
		judge := func(text []byte) string {
			a := b.again(p, behind)
			defer a.close()
			found, err := a.judge(t.Context(), b.leaves(t, f, text), nil)
			must(t, err)
			return strings.Join(rules(found), " ")
		}
		if got := judge(text); got != "" {
			t.Errorf("version %d beside its series: %s", n, got)
		}
		if n == 1 {
			exact := fmt.Sprintf("side,count\nnorth,%d\nsouth,%d\nquay,*\n", 199, 198)
			if got := judge([]byte(exact)); got == "" {
				t.Error("exact counts of a refreshed table passed")
			}
		}
		a := b.again(p, behind)
		kept, _, err := a.keepSets(t.Context(), airlock.ReleaseJob{Release: job.Run, Project: "prj-a", Files: []airlock.CheckOf{f}, Behind: behind}, []leaving{b.leaves(t, f, text)})
		a.close()
		must(t, err)
		history = append(history, kept)
	}
	for name, text := range map[string]string{
		"model":  `{"ark":1,"kind":"linear","data":"visits","outcome":"side","predictors":["person"]}`,
		"column": `{"ark":1,"kind":"crosstab","data":"visits","rows":["nothing"]}`,
		"table":  `{"ark":1,"kind":"crosstab","data":"elsewhere","rows":["side"]}`,
		"json":   `{"ark":`,
	} {
		bad := b.submit(t, name, "x.csv"+airlock.SpecSuffix, text)
		if res := do(airlock.MakeJob{Standing: "sto", Project: "prj-a", Profile: "ark", Name: "x.csv", Spec: bad.Ref, Data: b.grown(t, 9, 50)}); res.Failed == "" || res.Table.Name != "" {
			t.Errorf("%s: %+v", name, res)
		}
	}
}

// leaves is a file as judging takes it, after inspection has found nothing.
func (b Bench) leaves(t *testing.T, f airlock.CheckOf, data []byte) leaving {
	t.Helper()
	tables, err := tablesOf(f, data, inspect.Result{})
	must(t, err)
	return leaving{f, tables}
}
