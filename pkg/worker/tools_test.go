package worker

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/engine"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/policies/disclosure"
	"github.com/ark-tre/ark/workspace/apps"
	"github.com/ark-tre/ark/workspace/cut"
	"github.com/ark-tre/ark/workspace/enclave"
	"github.com/ark-tre/ark/workspace/enclave/enclavetest"
	"github.com/ark-tre/ark/workspace/notebook"
)

// stays is an extract of 600 people in two tables, as Parquet bytes and as the
// airlock has it.
func (b Bench) stays(t *testing.T) (map[string][]byte, airlock.Data) {
	t.Helper()
	files := map[string][]byte{}
	var side [][]columnar.Value
	write := func(name string, shape columnar.Schema, row func(i int) []columnar.Value) airlock.DataTable {
		var rows [][]columnar.Value
		for i := range 600 {
			rows = append(rows, append([]columnar.Value{cell.Str(fmt.Sprintf("p%04d", i))}, row(i)...))
			side = append(side, []columnar.Value{cell.Str(name), cell.Int(int64(i)), cell.Int(int64(5_000_000_000_000 + i))})
		}
		shape = append(columnar.Schema{{Name: "person", Type: cell.String}}, shape...)
		ref := b.parquet(t, keys.Of(keys.Project, "prj-a"), "prj-a/ext/"+name+".parquet", shape, rows)
		data, err := b.Objects.Get(context.Background(), ref)
		must(t, err)
		files[name+".parquet"] = data
		return airlock.DataTable{Name: name, Ref: ref}
	}
	hash := func(i, k int) int { return (i*7919 + k*104729 + i*i*31) % 997 }
	stays := write("stays", columnar.Schema{{Name: "age", Type: cell.Int64}, {Name: "sex", Type: cell.String}, {Name: "ward", Type: cell.String}, {Name: "days", Type: cell.Int64}, {Name: "w", Type: cell.Float64}, {Name: "died", Type: cell.Int64}}, func(i int) []columnar.Value {
		return []columnar.Value{cell.Int(int64(18 + hash(i, 1)%60)), cell.Str([]string{"F", "M"}[hash(i, 2)%2]), cell.Str([]string{"a", "b", "c"}[hash(i, 3)%3]), cell.Int(int64(1 + hash(i, 4)%30)), cell.Float(1 + float64(hash(i, 5)%4)/4), cell.Int(int64(min(1, hash(i, 6)%4) ^ 1))}
	})
	tests := write("tests", columnar.Schema{{Name: "result", Type: cell.Int64}}, func(i int) []columnar.Value { return []columnar.Value{cell.Int(int64(hash(i, 9) % 50))} })
	return files, airlock.Data{Tables: []airlock.DataTable{stays, tests}, Sidecar: b.parquet(t, cut.SidecarKey, "prj-a/ext/sidecar.parquet", cut.SidecarSchema, side)}
}

func mustProfile(t testing.TB, name string) disclosure.Profile {
	t.Helper()
	p, err := Profile(name)
	must(t, err)
	return p
}

// made are the outputs that the cells below leave in the outbox, with the
// verdict that the airlock gives each.
var made = []struct{ cell, name, verdict string }{
	{`ark.table("stays", ["ward"], ["sex"], out="py-counts.csv")`, "py-counts.csv", "pass"},
	{`ark.table(ark.sql("select s.person, s.ward, t.result from stays s join tests t using (person) where t.result > 10"), "ward", values="result", stats="mean", out="py-query.csv")`, "py-query.csv", "pass"},
	{`ark.table("stays", "ward", values="days", stats=["mean", "count"], weights="w", where="age >= 30", out="py-weights.csv")`, "py-weights.csv", "pass"},
	{`ark.model("logistic", "died ~ age + sex", "stays", weights="w", out="py-model.csv")`, "py-model.csv", "pass"},
	{`ark.model("cox", "days, died ~ age + sex", ark.read("stays"), out="py-cox.csv")`, "py-cox.csv", "review"},
	{`ark.survival("days", "died", "sex", "stays", out="py-curve.csv")`, "py-curve.csv", "pass"},
	{`ark.histogram("age", [0, 30, 50, 100], "stays", out="py-bins.csv")`, "py-bins.csv", "pass"},
	{`R:ark.table("stays", "ward", "sex", where = "age >= 40", out = "r-counts.csv")`, "r-counts.csv", "pass"},
	{`R:ark.table(ark.sql("select person, ward, days from stays where days > 5"), "ward", values = "days", stats = "mean", out = "r-query.csv")`, "r-query.csv", "pass"},
	{`R:ark.model("linear", days ~ age + ward, "stays", out = "r-model.csv")`, "r-model.csv", "pass"},
	{`R:ark.model("poisson", days ~ sex, ark.read("stays"), out = "r-poisson.csv")`, "r-poisson.csv", "pass"},
	{`ark.table("stays", ["age"], out="py-small.csv", profile=None)`, "py-small.csv", "fail"}, // exact, by single years
}

// TestWhatAWorkspaceMakesIsMadeAgain: the packages for Python and R in a real
// workspace write tables and models whose specifications the airlock makes
// again, and what needs nobody's guess passes.
func TestWhatAWorkspaceMakesIsMadeAgain(t *testing.T) {
	d := enclavetest.Start(t)
	b := bench(t)
	b.Engine = engine.Runner{Program: d.Engine}
	files, data := b.stays(t)
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		t.Fatal(err)
	}
	limits := enclave.DefaultLimits()
	limits.DiskBytes = 64 << 20
	q := enclave.Request{ID: ark.MakeID(ark.PrefixWorkspace), Project: "prj_a", User: "usr_a", Limits: limits, Key: key}
	var extract []enclave.File
	for name, bytes := range files {
		extract = append(extract, enclave.File{Name: name, Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(string(bytes))), nil
		}})
	}
	if _, _, err := d.Provision(t.Context(), q, extract); err != nil {
		t.Fatal(err)
	}
	if err := d.Client.Start(t.Context(), q.ID, key, apps.Jupyter); err != nil {
		t.Fatal(err)
	}
	jar, _ := cookiejar.New(nil)
	nb := notebook.Client{Base: "http://localhost/jupyter/", HTTP: &http.Client{Jar: jar, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return d.DialApp(ctx, q.ID, apps.Jupyter)
	}}}}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	if err := nb.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	python := []string{"import ark, matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt\nlen(ark.read('stays'))"}
	r := []string{"suppressPackageStartupMessages(library(ark))\nnrow(ark.read('stays'))"}
	for _, m := range made {
		if code, ok := strings.CutPrefix(m.cell, "R:"); ok {
			r = append(r, "x <- "+code+"\nnrow(x)")
		} else {
			python = append(python, "len("+m.cell+")")
		}
	}
	python = append(python,
		"plt.bar(['a','b','c'], ark.table('stays', ['ward'], out='wards.csv')['count']); ark.figure(plt.gcf(), 'wards.csv', out='wards.png')",
		"f = ark.read('stays'); f = f[f.age > 70]\ntry:\n  ark.table(f, ['ward'])\nexcept ark.Refused as e: print(e)",
		"c = ark.check()\nprint(sorted(set(zip(c.file, c.verdict))))")
	r = append(r, "ark.figure(function() plot(1:3), 'wards.csv', 'r-wards.png')",
		"f <- ark.read('stays'); f$age <- f$age + 1\ntryCatch(ark.table(f, 'ward'), error = function(e) cat(conditionMessage(e)))")
	begin := time.Now()
	gave, err := nb.Run(ctx, python...)
	if err != nil {
		if text, readErr := os.ReadFile(d.Dir + "/run/ws/" + q.ID + "/volume/sealed/home/.ark/jupyter.log"); readErr == nil {
			t.Logf("%s", text)
		}
		t.Fatal(err)
	}
	t.Logf("%d Python cells in %s", len(python), time.Since(begin).Round(time.Millisecond))
	nb.Kernel = "ir"
	begin = time.Now()
	gaveR, err := nb.Run(ctx, r...)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d R cells in %s", len(r), time.Since(begin).Round(time.Millisecond))
	for i, g := range append(gave, gaveR...) {
		if code := append(python, r...)[i]; g.Error != "" {
			t.Errorf("%s\ngave %s", code, g.Error)
		}
	}
	if t.Failed() {
		return
	}
	n := len(gave)
	if gave[0].Value != "600" || !strings.Contains(gave[n-2].Stdout, "changed since it was read") || !strings.Contains(gaveR[len(gaveR)-1].Stdout, "changed since it was read") {
		t.Errorf("a frame of records: %+v, %+v, %+v", gave[0], gave[n-2], gaveR[len(gaveR)-1])
	}
	if says := gave[n-1].Stdout; !strings.Contains(says, "('py-counts.csv', 'pass')") || !strings.Contains(says, "('py-small.csv', 'fail')") || !strings.Contains(says, "('py-query.csv', 'pass')") {
		t.Errorf("ark.check in the workspace said %s", says)
	}
	fetch := func(name string) string {
		var s strings.Builder
		if _, err := d.ReadOutbox(ctx, q.ID, name, &s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return s.String()
	}
	for i, m := range made {
		behind := airlock.Behind{Data: data, Specs: []airlock.CheckOf{b.submit(t, fmt.Sprint("s", i), m.name+airlock.SpecSuffix, fetch(m.name+airlock.SpecSuffix))}}
		f := b.submit(t, fmt.Sprint("f", i), m.name, fetch(m.name))
		if v, found := b.check(t, f, behind, "ark"); string(v) != m.verdict {
			t.Errorf("%s in the airlock: %s %+v\n%s", m.name, v, found, fetch(m.name))
		}
	}
	if png := fetch("wards.png"); !bytes.HasPrefix([]byte(png), []byte("\x89PNG")) || !strings.Contains(fetch("wards.png.ark.json"), `"of": "wards.csv"`) {
		t.Error("the figure is no picture with its table named")
	}
	if png := fetch("r-wards.png"); !bytes.HasPrefix([]byte(png), []byte("\x89PNG")) {
		t.Error("R's figure is no picture")
	}
}
