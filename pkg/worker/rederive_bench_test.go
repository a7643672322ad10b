package worker

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/rederive"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/engine"
	"github.com/ark-tre/ark/workspace/cut"
)

func theEngine(t testing.TB) engine.Runner {
	program := os.Getenv("ARK_ENGINE")
	if program == "" {
		program, _ = filepath.Abs("../../bin/ark-engine")
	}
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("no ark-engine: make build")
	}
	return engine.Runner{Program: program}
}

// records writes an extract of so many records of people, and its sidecar, as
// it is read from Parquet, and keeps the folder a workspace would have.
func (b Bench) records(t testing.TB, people, each int) (airlock.Data, string) {
	t.Helper()
	shape := columnar.Schema{{Name: "person", Type: cell.String}, {Name: "day", Type: cell.Int64}, {Name: "ward", Type: cell.String}, {Name: "cost", Type: cell.Float64}, {Name: "code", Type: cell.String}}
	var table, side bytes.Buffer
	w, err := columnar.NewWriter(&table, shape, columnar.Options{})
	must(t, err)
	s, err := columnar.NewWriter(&side, cut.SidecarSchema, columnar.Options{})
	must(t, err)
	for i := range people * each {
		p := i / each
		h := uint64(i+1) * 0x9e3779b97f4a7c15 >> 20
		must(t, w.Append([]columnar.Value{cell.Str(fmt.Sprintf("P%016d", p*7919)), cell.Int(int64(h % 3650)), cell.Str([]string{"a", "b", "c", "d", "e"}[p%5]), cell.Float(float64(h%100_000) / 100), cell.Str(fmt.Sprintf("C%03d", h%400))}))
		if i%each == 0 {
			must(t, s.Append([]columnar.Value{cell.Str("visits"), cell.Int(int64(i)), cell.Int(int64(9_000_000_000_000 + p))}))
		}
	}
	must(t, w.Close())
	must(t, s.Close())
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "visits.parquet"), table.Bytes(), 0o600))
	ref, err := b.Objects.Put(context.Background(), "extracts", "prj-a/ext/visits.parquet", "project/prj-a", &table)
	must(t, err)
	sided, err := b.Objects.Put(context.Background(), "extracts", "prj-a/ext/sidecar.parquet", cut.SidecarKey, &side)
	must(t, err)
	return airlock.Data{Tables: []airlock.DataTable{{Name: "visits", Ref: ref}}, Sidecar: sided}, dir
}

// BenchmarkMadeAgain is the time that the airlock takes to make a table of a
// query again, with who is behind each cell, beside the time that the
// workspace took to make it: ark table with the same engine and query.
func BenchmarkMadeAgain(t *testing.B) {
	b := bench(t)
	b.Engine = theEngine(t)
	data, dir := b.records(t, 60_000, 50)
	const query = `select person, any_value(ward) as ward, case when sum(cost) > 25000 then 'high' else 'low' end as spent,
		count(distinct code) as codes, max(apart) as longest from (select *, day - lag(day) over (partition by person order by day) as apart from visits) group by person`
	text := `{"ark":1,"kind":"crosstab","query":` + fmt.Sprintf("%q", query) + `,"rows":["ward","spent"]}`
	text = string(bytes.ReplaceAll([]byte(text), []byte(`\t`), []byte(" ")))
	spec, err := rederive.Read(bytes.NewReader([]byte(text)))
	must(t, err)
	profile := mustProfile(t, "ark")
	var asked, again time.Duration
	n := 0
	for t.Loop() {
		began := time.Now()
		got, err := b.Engine.Query(context.Background(), dir, engine.Tables{"visits": "visits.parquet"}, spec.Query)
		must(t, err)
		queried := time.Since(began)
		var names []string
		types := map[string]cell.Type{}
		for _, c := range got.Columns {
			names, types[c.Name] = append(names, c.Name), c.Type
		}
		var out bytes.Buffer
		must(t, rederive.WriteTable(&out, disclose.Microdata{Frame: disclose.NewFrame(names, types, got.Rows), Spec: spec.Table(), Unit: person}, profile, true))
		took := time.Since(began)
		f := b.submit(t, fmt.Sprint("f", n), "t.csv", out.String())
		behind := airlock.Behind{Data: data, Specs: []airlock.CheckOf{b.submit(t, fmt.Sprint("s", n), "t.csv"+airlock.SpecSuffix, text)}}
		began = time.Now()
		v, found := b.check(t, f, behind, "ark")
		again += time.Since(began)
		asked += took
		if n++; v != "pass" {
			t.Fatalf("made again: %s %v\n%s", v, found, out.String())
		}
		t.Logf("%d records of 60,000 people: the query %s, with its table %s", 3_000_000, queried.Round(time.Millisecond), took.Round(time.Millisecond))
	}
	t.ReportMetric(asked.Seconds()/float64(n), "s-in-workspace")
	t.ReportMetric(again.Seconds()/float64(n), "s-again")
	t.ReportMetric(again.Seconds()/asked.Seconds(), "ratio")
}
