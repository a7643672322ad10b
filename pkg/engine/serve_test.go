package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/engine"
)

type server struct {
	t            *testing.T
	http         *http.Client
	home, outbox string
	cmd          *exec.Cmd
}

// serve starts a workspace's SQL server over an extract with 3,000 rows.
func serve(t *testing.T, flags ...string) *server {
	t.Helper()
	run, dir := folder(t, 3000)
	if err := run.BuildDatabase(t.Context(), dir, engine.Tables{"people": "people.parquet"}, "extract.duckdb"); err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, home: t.TempDir(), outbox: t.TempDir()}
	short, err := os.MkdirTemp("", "s") // a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	socket := filepath.Join(short, "sql.sock")
	args := append([]string{"serve", "--db", filepath.Join(dir, "extract.duckdb"), "--socket", socket, "--home", s.home, "--outbox", s.outbox, "--memory", "256"}, flags...)
	if run.Limits.Weak {
		args = append(args, "--weak")
	}
	s.cmd = exec.Command(program, args...)
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.cmd.Process.Signal(syscall.SIGTERM); s.cmd.Wait() })
	s.http = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	for range 100 {
		if r, err := s.http.Get("http://sql/healthz"); err == nil {
			r.Body.Close()
			return s
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the server does not answer")
	return nil
}

type answer struct {
	Columns            []struct{ Name, Type string }
	Rows               [][]any
	Truncated, Clipped bool
	Kind, Says, Remedy string
	Name               string
	Bytes              int64
	status             int
	raw                string
}

func (s *server) post(path string, body any) answer {
	s.t.Helper()
	b, _ := json.Marshal(body)
	r, err := s.http.Post("http://sql"+path, "application/json", bytes.NewReader(b))
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	a := answer{status: r.StatusCode}
	raw, _ := io.ReadAll(r.Body)
	a.raw = string(raw)
	json.Unmarshal(raw, &a)
	return a
}

func (s *server) query(sql string) answer {
	s.t.Helper()
	return s.post("/query", map[string]string{"sql": sql})
}

func (s *server) get(path string) (string, http.Header) {
	s.t.Helper()
	r, err := s.http.Get("http://sql" + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	return string(b), r.Header
}

func TestServe(t *testing.T) {
	for _, mode := range []string{"memory", "spill"} {
		t.Run(mode, func(t *testing.T) {
			var flags []string
			if mode == "spill" {
				flags = []string{"--spill", t.TempDir()}
			}
			s := serve(t, flags...)
			s.answers()
			s.lockHolds()
			s.answers() // the probes broke nothing
		})
	}
}

func (s *server) answers() {
	t := s.t
	t.Helper()
	a := s.query("SELECT count(*), avg(bmi) FROM people")
	if a.status != 200 || fmt.Sprint(a.Rows) != "[[3000 373.75]]" && a.Rows[0][0] != 3000.0 {
		t.Errorf("count: %d %s", a.status, a.raw)
	}
	if a = s.query("SELECT * FROM people ORDER BY born DESC; -- all"); len(a.Rows) != 1000 || !a.Truncated || a.Rows[0][3] != "1978-03-19" {
		t.Errorf("cap: %d rows, truncated %v, %s", len(a.Rows), a.Truncated, a.raw[:min(300, len(a.raw))])
	}
	if a = s.query("SELECT repeat('x', 5000), 9007199254740993, 'nan'::DOUBLE, NULL, [1,2], {'a': DATE '2020-01-01'}"); !a.Clipped || len(a.Rows[0][0].(string)) > 2010 || a.Rows[0][1] != "9007199254740993" || a.Rows[0][2] != "NaN" || a.Rows[0][3] != nil {
		t.Errorf("cells: %s", a.raw)
	}
	if a = s.query("CREATE OR REPLACE TABLE mine AS SELECT person, count(*) n FROM people GROUP BY 1; CREATE OR REPLACE VIEW v AS FROM mine WHERE n > 1"); a.status != 200 {
		t.Errorf("own tables: %s", a.raw)
	}
	if a = s.query("WITH x AS (SELECT 1 AS person, 5 AS n) INSERT INTO mine SELECT * FROM x"); a.status != 200 {
		t.Errorf("insert: %s", a.raw)
	}
	if a = s.query("FROM v LIMIT 2"); len(a.Rows) != 2 {
		t.Errorf("own view: %s", a.raw)
	}
	for _, sql := range []string{"DESCRIBE people", "SUMMARIZE people", "EXPLAIN SELECT 1", "SHOW TABLES", "PIVOT (SELECT sex, age FROM people LIMIT 9) ON sex USING sum(age)", "(SELECT 1)", "VALUES (1)", "TABLE mine"} {
		if a = s.query(sql); a.status != 200 || len(a.Columns) == 0 {
			t.Errorf("%s: %s", sql, a.raw)
		}
	}
	body, _ := s.get("/schema")
	if !strings.Contains(body, `{"name":"people","mine":false,"columns":[{"name":"person","type":"VARCHAR"}`) || !strings.Contains(body, `{"name":"mine","mine":true`) || strings.Count(body, `"people"`) != 1 {
		t.Errorf("schema: %s", body)
	}
}

// lockHolds plays what a user's own statement might try.
func (s *server) lockHolds() {
	t := s.t
	t.Helper()
	outside := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(outside, []byte("a\ncanary\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, path := range []string{outside, "/etc/hostname", filepath.Join(s.outbox, "x"), filepath.Join(s.home, ".sql-history.ndjson"), "/proc/self/maps"} {
		for _, p := range []string{
			"SELECT * FROM read_text('%s')", "SELECT * FROM read_blob('%s')", "SELECT * FROM read_csv('%s')", "FROM '%s'", "SELECT * FROM sniff_csv('%s')",
			"SELECT * FROM read_json('%s')", "SELECT * FROM read_parquet('%s')", "SELECT * FROM parquet_metadata('%s')", "SELECT * FROM glob('%s')", "COPY (SELECT 1) TO '%s'", "COPY people TO '%s.parquet' (FORMAT PARQUET)",
			"CREATE TABLE loot AS FROM '%s'", "CREATE TABLE loot(a VARCHAR); COPY loot FROM '%s'", "EXPORT DATABASE '%s.d'", "IMPORT DATABASE '%s'", "ATTACH '%s' AS x", "ATTACH '%s.db' AS x", "LOAD '%s'", "INSTALL '%s'",
			"SET temp_directory = '%s'", "SET profile_output = '%s'", "PRAGMA profile_output = '%s'", "SET log_query_path = '%s'", "SET home_directory = '%s'", "SET secret_directory = '%s'", "SET extension_directory = '%s'", "SET file_search_path = '%s'",
			"BEGIN; SET enable_external_access = true; SELECT * FROM read_text('%s')", "PREPARE p AS SELECT * FROM read_text('%s'); EXECUTE p", "CREATE MACRO f() AS TABLE SELECT * FROM read_text('%s'); FROM f()",
			"SELECT * FROM query('SELECT * FROM read_text(''%s'')')", "SELECT * FROM query_table('%s')",
		} {
			a := s.query(fmt.Sprintf(p, path))
			if strings.HasPrefix(p, "BEGIN") {
				s.query("ROLLBACK")
			}
			s.query("DROP TABLE IF EXISTS loot")
			if a.status == 200 && !(strings.Contains(p, "glob") && len(a.Rows) == 0) {
				t.Errorf("succeeded: %s: %s", fmt.Sprintf(p, path), a.raw[:min(200, len(a.raw))])
			}
			if strings.Contains(a.raw, "canary") {
				t.Errorf("%s showed the file", p)
			}
			held++
		}
	}
	for _, sql := range []string{
		"INSTALL httpfs", "LOAD httpfs", "INSTALL httpfs FROM community", "LOAD json", "FROM 'http://127.0.0.1:9/x.csv'", "FROM read_parquet('s3://b/k')", "ATTACH 'http://127.0.0.1:9/x.duckdb'",
		"SET enable_external_access = true", "SET GLOBAL enable_external_access = true", "RESET enable_external_access", "SET lock_configuration = false", "SET disabled_filesystems = ''", "PRAGMA enable_profiling", "PRAGMA enable_external_access", "PREPARE p AS PRAGMA enable_profiling; EXECUTE p", "PREPARE p AS SET threads = 100; EXECUTE p", "EXPLAIN ANALYZE COPY (SELECT 1) TO '/tmp/x.csv'", "CALL pragma_version()", "USE extract", "CHECKPOINT", "VACUUM",
		"CREATE SECRET s (TYPE S3)", "CREATE PERSISTENT SECRET s (TYPE S3)", "SET memory_limit = '100GB'", "SET threads = 100", "SET allow_unsigned_extensions = true", "DETACH extract", "/* x */ detach extract",
		"INSERT INTO extract.main.people SELECT * FROM extract.main.people", "DROP TABLE extract.main.people", "CREATE TABLE extract.main.x AS SELECT 1", "DELETE FROM extract.people", "UPDATE extract.people SET age = 1", "ALTER TABLE extract.people ADD COLUMN x INT",
	} {
		if a := s.query(sql); a.status == 200 {
			t.Errorf("succeeded: %s: %s", sql, a.raw)
		}
		held++
	}
	t.Logf("%d probes held", held)
	if b, _ := os.ReadFile(outside); string(b) != "a\ncanary\n" {
		t.Error("the file outside was changed")
	}
	if left, _ := os.ReadDir(s.outbox); len(left) > 0 {
		t.Errorf("SQL wrote into the outbox by itself: %v", left)
	}
}

// What an error says never holds a value that the user did not write.
func TestServeErrors(t *testing.T) {
	s := serve(t)
	for sql, want := range map[string]string{
		"SELEC 1":                                   "check its spelling",
		"SELECT 1 FRM x":                            "syntax error",
		"SELECT agee FROM people":                   `Referenced column "agee" not found`,
		"SELECT * FROM peopel":                      "peopel",
		"SELECT person::INT FROM people":            "TRY_CAST",
		"SELECT CAST(person AS DATE) FROM people":   "TRY_CAST",
		"SELECT error(person) FROM people":          "a function was given a value it can't take",
		"SELECT strptime(person, '%Y') FROM people": "",
		"SELECT ('[' || person)::JSON FROM people":  "",
		"SELECT (age * 100)::TINYINT FROM people":   "",
		"CREATE TABLE k(p VARCHAR PRIMARY KEY); INSERT INTO k SELECT person FROM people": "constraint",
		"SELECT * FROM query((SELECT 'SELECT ' || min(person) FROM people))":             "",
		"":             "there is no SQL to run",
		";;-- nothing": "there is no SQL to run",
	} {
		a := s.query(sql)
		if a.status < 400 || !strings.Contains(a.Says+a.Remedy, want) {
			t.Errorf("%s: %d %s", sql, a.status, a.raw)
		}
		if strings.Contains(a.raw, "p0") || a.Says == "" {
			t.Errorf("%s shows a value: %s", sql, a.raw)
		}
	}
}

func TestServeOutbox(t *testing.T) {
	s := serve(t)
	a := s.post("/outbox", map[string]string{"sql": "SELECT sex, count(*) AS n, 'a,\"b' AS q, NULL AS z FROM people GROUP BY sex ORDER BY sex", "name": "by-sex.csv"})
	if a.status != 200 {
		t.Fatal(a.raw)
	}
	b, err := os.ReadFile(filepath.Join(s.outbox, "by-sex.csv"))
	if want := "sex,n,q,z\n1,1500,\"a,\"\"b\",\n2,1500,\"a,\"\"b\",\n"; err != nil || string(b) != want || a.Bytes != int64(len(want)) {
		t.Errorf("%v: %q", err, b)
	}
	for _, name := range []string{"", "x", "../x.csv", "/tmp/x.csv", "a/b.csv", ".x.csv", "x.csv\x00", "x.parquet", strings.Repeat("a", 200) + ".csv"} {
		if a := s.post("/outbox", map[string]string{"sql": "SELECT 1", "name": name}); a.status != 400 {
			t.Errorf("name %q: %d", name, a.status)
		}
	}
	victim := filepath.Join(t.TempDir(), "victim")
	os.WriteFile(victim, []byte("keep"), 0o600)
	os.Symlink(victim, filepath.Join(s.outbox, ".link.csv.part"))
	os.Symlink(victim, filepath.Join(s.outbox, "link.csv"))
	if a := s.post("/outbox", map[string]string{"sql": "SELECT 1 AS x", "name": "link.csv"}); a.status != 200 {
		t.Errorf("over a link: %s", a.raw)
	}
	if b, _ := os.ReadFile(victim); string(b) != "keep" {
		t.Error("a link in the outbox was followed")
	}
	if a := s.post("/outbox", map[string]string{"sql": "SELECT nothing FROM people", "name": "bad.csv"}); a.status != 400 {
		t.Errorf("bad SQL: %d", a.status)
	}
	left, _ := os.ReadDir(s.outbox)
	if len(left) != 2 {
		t.Errorf("%d files in the outbox, want 2: %v", len(left), left)
	}
}

func TestServePage(t *testing.T) {
	s := serve(t)
	body, h := s.get("/")
	if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy: %s", csp)
	}
	for _, bad := range []string{"style=", "onclick", "<style", "http://", "https://", "<script>"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
	for _, path := range []string{"/app.js", "/app.css"} {
		if body, h := s.get(path); body == "" || h.Get("X-Content-Type-Options") != "nosniff" || strings.Contains(body, "innerHTML") || strings.Contains(body, "eval(") {
			t.Errorf("%s is missing or unsafe", path)
		}
	}
	s.query("SELECT 41 + 1 AS kept_in_history")
	if body, _ := s.get("/history"); !strings.Contains(body, "kept_in_history") {
		t.Errorf("history: %s", body)
	}
	if b, err := os.ReadFile(filepath.Join(s.home, ".sql-history.ndjson")); err != nil || !strings.Contains(string(b), "kept_in_history") {
		t.Errorf("history file: %v", err)
	}
	if body, _ := s.get("/healthz"); !strings.Contains(body, `"seccomp":true`) {
		t.Errorf("walls: %s", body)
	}
}

func TestServeRequests(t *testing.T) {
	s := serve(t)
	send := func(method, path, kind, body string, header ...string) int {
		r, _ := http.NewRequest(method, "http://sql"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		res, err := s.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	for _, tt := range []struct {
		name string
		got  int
		want int
	}{
		{"form", send("POST", "/query", "application/x-www-form-urlencoded", "sql=SELECT 1"), 400},
		{"not-json", send("POST", "/query", "application/json", "SELECT 1"), 400},
		{"unknown-field", send("POST", "/query", "application/json", `{"sql":"SELECT 1","x":1}`), 400},
		{"long", send("POST", "/query", "application/json", `{"sql":"`+strings.Repeat("x", 2<<20)+`"}`), 413},
		{"zero-byte", send("POST", "/query", "application/json", `{"sql":"SELECT 1 \u0000"}`), 400},
		{"get-query", send("GET", "/query", "", ""), 405},
		{"no-such-page", send("GET", "/etc/passwd", "", ""), 404},
		{"dotdot", send("GET", "/../../etc/passwd", "", ""), 404},
		{"foreign", send("POST", "/query", "application/json", `{"sql":"SELECT 1"}`, "Sec-Fetch-Site", "cross-site"), 403},
		{"own", send("POST", "/query", "application/json", `{"sql":"SELECT 1"}`, "Sec-Fetch-Site", "same-origin"), 200},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, tt.got, tt.want)
		}
	}
}

const endless = "SELECT count(*) FROM range(10000000) a, range(1000000) b WHERE hash(a.range, b.range) = 1"

// A statement ends at its time-out, at cancel and when the user goes away; the
// engine answers the next one even if the statement would not stop.
func TestServeStops(t *testing.T) {
	s := serve(t, "--timeout", "1s")
	start := time.Now()
	if a := s.query(endless); a.status != 413 {
		t.Errorf("time-out: %d %s", a.status, a.raw)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("the time-out took %s", d)
	}
	time.Sleep(500 * time.Millisecond)
	if a := s.query("SELECT 1 AS x"); a.status != 200 {
		t.Errorf("after the time-out: %s", a.raw)
	}
	s = serve(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		if a := s.query("SELECT sum(sqrt(range)) FROM range(100000000000)"); a.status != 409 {
			t.Errorf("cancelled: %d %s", a.status, a.raw)
		}
	})
	time.Sleep(400 * time.Millisecond)
	if a := s.post("/cancel", map[string]string{}); a.status != 204 {
		t.Errorf("cancel: %d", a.status)
	}
	wg.Wait()
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	r, _ := http.NewRequestWithContext(ctx, "POST", "http://sql/query", strings.NewReader(`{"sql":"SELECT sum(sqrt(range)) FROM range(100000000000)"}`))
	r.Header.Set("Content-Type", "application/json")
	if _, err := s.http.Do(r); err == nil {
		t.Error("the request did not end")
	}
	if a := s.query("SELECT 1 AS x"); a.status != 200 {
		t.Errorf("after the user went away: %s", a.raw)
	}
	if a := s.query("SELECT list(a.range || '-' || b.range) FROM range(100000) a, range(1000) b"); a.status != 413 {
		t.Errorf("out of memory: %d %s", a.status, a.raw)
	}
	if a := s.query("SELECT 1 AS x"); a.status != 200 {
		t.Errorf("after running out of memory: %s", a.raw)
	}
}
