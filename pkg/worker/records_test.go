package worker

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/keys"
)

// weighted is a file of weights in JSON.
func weighted(t *testing.T, v ...float64) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"weights": v})
	must(t, err)
	return string(text)
}

// TestAModelHoldsARecord: a record of the pinned extract among a model's
// parameters fails it; a record of nobody, or an extract that is gone, leaves it
// to people.
func TestAModelHoldsARecord(t *testing.T) {
	b := bench(t).inspector(t)
	var rows [][]columnar.Value
	one := func(i int) []float64 {
		return []float64{float64(20 + i*7%70), 40 + float64(i*37%900)/10, 2 + float64(i*53%170)/10, float64(i*101%1999) / 10}
	}
	shape := columnar.Schema{{Name: "person", Type: cell.String}, {Name: "age", Type: cell.Int64}, {Name: "egfr", Type: cell.Float64}, {Name: "urea", Type: cell.Float64}, {Name: "acr", Type: cell.Float64, Nullable: true}}
	for i := range 4000 {
		v := one(i)
		rows = append(rows, []columnar.Value{cell.Str(fmt.Sprintf("who-%04d", i)), cell.Int(int64(v[0])), cell.Float(v[1]), cell.Float(v[2]), cell.Float(v[3])})
	}
	data := airlock.Data{Tables: []airlock.DataTable{{Name: "tests", Ref: b.parquet(t, keys.Of(keys.Project, "prj-a"), "prj-a/ext/tests.parquet", shape, rows)}}}
	weights := []float64{0.25, -1.5, 3.0625, 0.0071, -0.33}
	somebody := slices.Concat(weights, one(1234), weights)
	nobody := slices.Concat(weights, []float64{one(1)[0], one(2)[1], one(3)[2], one(4)[3]}, weights)
	for i, c := range []struct {
		name string
		v    []float64
		data airlock.Data
		want bool
	}{{"somebody", somebody, data, true}, {"nobody", nobody, data, false}, {"no extract", somebody, airlock.Data{}, false}} {
		res := b.checks(t, airlock.CheckJob{Request: "r", Project: "prj-a", Profile: "ark", Behind: airlock.Behind{Data: c.data}, Files: []airlock.CheckOf{b.submit(t, fmt.Sprintf("m%d", i), "model.json", weighted(t, c.v...))}})
		got := slices.Contains(rules(res.Files[0].Findings), "model-extract-record")
		if got != c.want || got && res.Files[0].Verdict != "fail" {
			t.Errorf("%s: found %v, want %v: %s %v", c.name, got, c.want, res.Files[0].Verdict, rules(res.Files[0].Findings))
		}
	}
}
