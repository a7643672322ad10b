package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/engine"
	"github.com/ark-tre/ark/pkg/filter"
)

var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "ark-engine-test")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "ark-engine")
	build := exec.Command("go", "build", "-o", program, "github.com/ark-tre/ark/cmd/ark-engine")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build ark-engine: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

var people = columnar.Schema{
	{Name: "person", Type: columnar.String}, {Name: "age", Type: columnar.Int64, Nullable: true}, {Name: "sex", Type: columnar.String, Nullable: true},
	{Name: "born", Type: columnar.Date, Nullable: true}, {Name: "seen", Type: columnar.Timestamp, Nullable: true}, {Name: "bmi", Type: columnar.Float64, Nullable: true}, {Name: "smoker", Type: columnar.Bool, Nullable: true},
}

// folder makes a working folder with people.parquet: n rows, two per person.
func folder(t testing.TB, n int) (engine.Runner, string) {
	t.Helper()
	dir := t.TempDir()
	var buf bytes.Buffer
	w, err := columnar.NewWriter(&buf, people, columnar.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		row := []cell.Value{
			cell.Str(fmt.Sprintf("p%05d", i/2)), cell.Int(int64(20 + i/2%50)), cell.Str([]string{"1", "2"}[i/2%2]),
			cell.Day(int32(i)), cell.Micros(int64(i) * 1e9), cell.Float(float64(i) / 4), cell.Flag(i%3 == 0),
		}
		if i%10 == 9 {
			row[5], row[6] = cell.Null, cell.Null
		}
		if err := w.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "people.parquet"), buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	run := engine.Runner{Program: program, Limits: engine.Limits{Memory: 256 << 20, Seconds: 60}}
	if _, err := run.Probe(t.Context(), dir); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Logf("trying without Landlock: %v", err)
		run.Limits.Weak = true
	}
	return run, dir
}

func where(t testing.TB, text string) *filter.Checked {
	t.Helper()
	e, err := filter.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Check(filter.Scope{Types: people.Types()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCount(t *testing.T) {
	run, dir := folder(t, 1000)
	got, err := run.Count(t.Context(), dir, engine.Select{Table: "people.parquet", Where: where(t, "age >= 60 AND sex = '1'")}, "person")
	if err != nil {
		t.Fatal(err)
	}
	want := engine.Counts{Rows: 100, Total: 1000, Distinct: 50}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestUnique(t *testing.T) {
	run, dir := folder(t, 102) // 51 people; ages 20–69 go round once, so only the first age has two people of different sex
	sel := engine.Select{Table: "people.parquet"}
	got, err := run.Unique(t.Context(), dir, sel, "person", []string{"age"})
	if err != nil {
		t.Fatal(err)
	}
	if want := (engine.Uniqueness{People: 51, Combinations: 50, Alone: 49}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if s := got.Share(); s < 0.96 || s > 0.961 {
		t.Errorf("share %f", s)
	}
}

func TestExtract(t *testing.T) {
	run, dir := folder(t, 5000)
	n, err := run.Extract(t.Context(), dir, engine.Select{
		Table: "people.parquet", Columns: []string{"bmi", "person", "born", "seen", "smoker", "age"}, As: []string{"index", "who", "born", "seen", "smoker", "age"},
		Where: where(t, "bmi > 100 AND seen < '2038-01-01'"), OrderBy: []string{"bmi", "person"},
	}, "out.parquet")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "out.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, _ := f.Stat()
	r, err := columnar.Open(f, st.Size(), columnar.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"index", "who", "born", "seen", "smoker", "age"}, r.Schema().Names()); d != "" {
		t.Error(d)
	}
	var rows int64
	last := 100.0
	for row, err := range r.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		i := int64(row[0].Float() * 4)
		if row[0].Float() <= last || row[1].Str() != fmt.Sprintf("p%05d", i/2) || row[2] != cell.Day(int32(i)) || row[3] != cell.Micros(i*1e9) || row[5].Type() != cell.Int64 {
			t.Fatalf("row %d is wrong", rows)
		}
		last = row[0].Float()
		rows++
	}
	if rows != n || rows == 0 {
		t.Errorf("%d rows read, %d reported", rows, n)
	}
}

func TestQueryTypes(t *testing.T) {
	run, dir := folder(t, 10)
	res, err := run.Query(t.Context(), dir, engine.Tables{"people": "people.parquet"}, `SELECT count(*) AS n, sum(age) AS s, avg(bmi) AS m, min(born) AS d, max(seen) AS t, bool_or(smoker) AS b, '' AS e, NULL AS z, 0.1::DECIMAL(4,2) AS c, 'nan'::DOUBLE AS nan FROM people -- end`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, v := range res.Rows[0] {
		got = append(got, fmt.Sprintf("%s %s %s %v", res.Columns[i].Name, v.Type(), v.Text(), v.IsNull()))
	}
	want := []string{"n int64 10 false", "s float64 220 false", "m float64 1 false", "d date 1970-01-01 false", "t timestamp 1970-01-01T02:30:00Z false", "b bool true false", "e string  false", "z   true", "c float64 0.1 false", "nan float64 NaN false"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !res.Walls.Seccomp || !res.Walls.NoNewPrivs || (res.Walls.Landlock == 0 && !run.Limits.Weak) {
		t.Errorf("walls: %+v", res.Walls)
	}
}

func TestBuildDatabase(t *testing.T) {
	run, dir := folder(t, 100)
	if err := run.BuildDatabase(t.Context(), dir, engine.Tables{"people": "people.parquet", "again": "people.parquet"}, "extract.duckdb"); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range left {
		names = append(names, e.Name())
	}
	if d := cmp.Diff([]string{"extract.duckdb", "people.parquet"}, names); d != "" {
		t.Errorf("left in the folder: %s", d)
	}
}

func TestRefusals(t *testing.T) {
	run, dir := folder(t, 100)
	people := engine.Tables{"people": "people.parquet"}
	for _, tt := range []struct {
		name string
		kind ark.Kind
		do   func() error
	}{
		{"path", ark.Invalid, func() error {
			_, err := run.Query(t.Context(), dir, engine.Tables{"a": "../x.parquet"}, "SELECT 1")
			return err
		}},
		{"glob", ark.Invalid, func() error {
			_, err := run.Query(t.Context(), dir, engine.Tables{"a": "*.parquet"}, "SELECT 1")
			return err
		}},
		{"two", ark.Invalid, func() error { _, err := run.Query(t.Context(), dir, people, "SELECT 1; SELECT 2"); return err }},
		{"syntax", ark.Invalid, func() error { _, err := run.Query(t.Context(), dir, people, "SELEC"); return err }},
		{"missing-file", ark.Forbidden, func() error {
			_, err := run.Query(t.Context(), dir, engine.Tables{"a": "none.parquet"}, "SELECT 1")
			return err
		}},
		{"cast", ark.Invalid, func() error {
			_, err := run.Query(t.Context(), dir, people, "SELECT person::INT FROM people")
			return err
		}},
		{"memory", ark.TooMuch, func() error {
			r := run
			r.Limits.Memory, r.Limits.Disk = 64<<20, 32<<20
			_, err := r.Query(t.Context(), dir, people, "SELECT list(a.range || '-' || b.range) FROM range(100000) a, range(1000) b")
			return err
		}},
		{"time", ark.TooMuch, func() error {
			r := run
			r.Limits.Seconds = 1
			_, err := r.Query(t.Context(), dir, people, "SELECT count(*) FROM range(10000000) a, range(1000000) b WHERE hash(a.range, b.range) = 1")
			return err
		}},
		{"no-program", ark.Unavailable, func() error { _, err := engine.Runner{}.Query(t.Context(), dir, people, "SELECT 1"); return err }},
		{"wrong-program", ark.Unavailable, func() error {
			_, err := engine.Runner{Program: "/nonexistent"}.Query(t.Context(), dir, people, "SELECT 1")
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.do()
			if !ark.Is(err, tt.kind) {
				t.Errorf("%v (%s), want %s", err, ark.KindOf(err), tt.kind)
			}
			if err != nil && strings.Contains(err.Error(), "p0000") {
				t.Errorf("the fault holds a row's value: %v", err)
			}
		})
	}
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, stop)
	start := time.Now()
	_, err := run.Query(ctx, dir, people, "SELECT count(*) FROM range(10000000) a, range(1000000) b WHERE hash(a.range, b.range) = 1")
	if err == nil || time.Since(start) > 10*time.Second {
		t.Errorf("cancel took %s: %v", time.Since(start), err)
	}
}

// What the engine may never do, whoever writes the SQL.
func TestEscapes(t *testing.T) {
	run, dir := folder(t, 10)
	outside := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(outside, []byte("a\ncanary\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(dir, "people.parquet")
	probes := []string{
		"SELECT * FROM read_text('%s')", "SELECT * FROM read_blob('%s')", "SELECT * FROM read_csv('%s')", "SELECT * FROM read_csv_auto('%s')", "SELECT * FROM '%s'",
		"SELECT * FROM glob('%s*')", "SELECT * FROM sniff_csv('%s')", "SELECT * FROM read_json('%s')", "SELECT * FROM read_ndjson_objects('%s')",
		"SELECT * FROM read_parquet('%s')", "SELECT * FROM parquet_metadata('%s')", "SELECT * FROM parquet_schema('%s')", "SELECT * FROM parquet_scan('%s')",
		"COPY (SELECT 1) TO '%s.out'", "COPY people FROM '%s'", "EXPORT DATABASE '%s.d'", "IMPORT DATABASE '%s'", "ATTACH '%s' AS x", "ATTACH '%s.db' AS x",
		"INSTALL httpfs", "LOAD httpfs", "LOAD '%s'", "INSTALL '%s'", "SELECT * FROM read_csv('http://127.0.0.1:9/x')", "SELECT * FROM 's3://b/k'",
		"SET enable_external_access = true", "SET lock_configuration = false", "RESET enable_external_access", "PRAGMA enable_profiling", "SET profile_output = '%s'", "SET log_query_path = '%s'",
		"SET temp_directory = '%s'", "SET home_directory = '%s'", "PRAGMA disable_external_access", "CREATE SECRET s (TYPE S3)", "SET file_search_path = '/'", "CREATE PERSISTENT SECRET (TYPE S3)",
		"SELECT getenv('HOME')", "CHECKPOINT", "SELECT * FROM duckdb_secrets()) UNION ALL SELECT * FROM read_text('%s'",
	}
	harmless := []string{"SELECT getenv('HOME')", "CHECKPOINT"}
	held := 0
	for _, path := range []string{outside, inside, "/etc/passwd"} {
		for _, p := range probes {
			sql := p
			if strings.Contains(p, "%s") {
				sql = fmt.Sprintf(p, path)
			} else if path != outside {
				continue
			}
			res, err := run.Query(t.Context(), dir, engine.Tables{"people": "people.parquet"}, sql)
			if err == nil && !slices.Contains(harmless, p) {
				t.Errorf("succeeded: %s (%d rows)", sql, len(res.Rows))
				continue
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("the fault of %s holds the file's content", sql)
			}
			held++
		}
	}
	t.Logf("%d probes held", held)
	if held < 20 {
		t.Errorf("only %d probes were played", held)
	}
	if b, _ := os.ReadFile(outside); string(b) != "a\ncanary\n" {
		t.Error("the file outside was changed")
	}
}

// The first wall alone: SQL of Ark's own making is not locked, and still sees
// its folder only.
func TestWallsAroundUnlockedSQL(t *testing.T) {
	run, dir := folder(t, 10)
	if run.Limits.Weak {
		t.Skip("no Landlock here")
	}
	outside := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(outside, []byte("a\ncanary\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"SELECT * FROM read_text('" + outside + "')", "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM glob('/etc/*')", "SELECT * FROM read_text('/proc/self/environ')",
		"SELECT * FROM read_csv('" + outside + "')",
	} {
		if res, err := run.View(t.Context(), dir, engine.Tables{"people": "people.parquet"}, sql); err == nil && len(res.Rows) > 0 {
			t.Errorf("succeeded: %s", sql)
		}
	}
	if _, err := run.Copy(t.Context(), dir, engine.Tables{}, "SELECT 1) TO '"+outside+"' (FORMAT CSV); COPY (SELECT 1", "x.parquet"); err == nil {
		t.Error("a copy broke out of its statement")
	}
	if b, _ := os.ReadFile(outside); string(b) != "a\ncanary\n" {
		t.Error("the file outside was changed")
	}
}
