package gateway_test

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/engine"
	"github.com/ark-tre/ark/workspace/apps"
	"github.com/ark-tre/ark/workspace/enclave"
	"github.com/ark-tre/ark/workspace/enclave/enclavetest"
	"github.com/ark-tre/ark/workspace/gateway"
	"github.com/ark-tre/ark/workspace/notebook"
)

// counts is a durable counter for one test.
type counts struct {
	mu  sync.Mutex
	sum map[string]int64
}

func (c *counts) add(_ context.Context, workspace string, window time.Time, n int64) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sum == nil {
		c.sum = map[string]int64{}
	}
	key := workspace + window.String()
	c.sum[key] += n
	return c.sum[key], nil
}

// front is a gateway behind a real HTTP server, and a browser's client of it.
type front struct {
	*gateway.Gateway
	client *http.Client
	closed atomic.Bool // what Authorise answers
	counts counts
	budget *gateway.Budget
}

func newFront(t *testing.T, budget int64, dial func(context.Context, string, string) (net.Conn, error)) *front {
	t.Helper()
	f := &front{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.ServeHTTP(w, r) }))
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	f.budget = &gateway.Budget{Bytes: budget, Window: 24 * time.Hour, Now: time.Now, Count: f.counts.add}
	g, err := gateway.New(gateway.Config{
		Origin: "http://ws.localhost:" + port, Portal: "http://localhost:" + port,
		Authorise: func(context.Context, gateway.Session) error {
			if f.closed.Load() {
				return ark.Faultf(ark.Lapsed, "Your training has lapsed.")
			}
			return nil
		},
		Dial: dial, Meter: f.budget, Recheck: 50 * time.Millisecond, Now: time.Now, Random: rand.Reader,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Gateway = g
	server.Start()
	t.Cleanup(server.Close)
	jar, _ := cookiejar.New(nil)
	f.client = &http.Client{Jar: jar, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", server.Listener.Addr().String())
	}}}
	return f
}

// enter signs the browser in to a workspace and returns its origin.
func (f *front) enter(t *testing.T, workspace string) string {
	t.Helper()
	address, err := f.Enter(gateway.Session{Workspace: workspace, User: "usr_a", Portal: "p", Apps: []string{apps.SQL, apps.Jupyter}})
	if err != nil {
		t.Fatal(err)
	}
	if err := (notebook.Client{HTTP: f.client}).Enter(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	return f.OriginOf(workspace)
}

func TestACellRunsThroughTheGateway(t *testing.T) {
	d := enclavetest.Start(t)
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		t.Fatal(err)
	}
	limits := enclave.DefaultLimits()
	limits.DiskBytes = 64 << 20
	q := enclave.Request{ID: ark.MakeID(ark.PrefixWorkspace), Project: "prj_a", User: "usr_a", Limits: limits, Key: key}
	extract := []enclave.File{
		{Name: "people.csv", Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader("person,age\na,40\nb,60\n")), nil
		}},
		{Name: "extract.duckdb", Open: database(t, d.Engine)},
	}
	begin := time.Now()
	if _, _, err := d.Provision(t.Context(), q, extract); err != nil {
		t.Fatal(err)
	}
	t.Logf("provisioned and self-tested in %s", time.Since(begin).Round(time.Millisecond))
	begin = time.Now()
	if err := d.Client.Start(t.Context(), q.ID, key, apps.SQL, apps.Jupyter); err != nil {
		t.Fatal(err)
	}
	t.Logf("sandbox started in %s", time.Since(begin).Round(time.Millisecond))
	f := newFront(t, 64<<20, d.DialApp)
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
	defer cancel()
	nb := notebook.Client{Base: f.enter(t, q.ID) + "/jupyter/", HTTP: f.client}
	if err := nb.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("JupyterLab answered after %s", time.Since(begin).Round(time.Millisecond))
	results, err := nb.Run(ctx,
		"import pandas, pyarrow, duckdb\nprint(pandas.read_csv('/workspace/extract/people.csv').age.mean())",
		"duckdb.sql(\"select sum(age) s from '/workspace/extract/people.csv'\").limit(1).fetchall()[0][0]",
		"%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1,2]);plt.show()",
		"c = duckdb.connect('/workspace/extract/extract.duckdb', read_only=True)\nc.sql('select count(*) from visits').limit(1).fetchall()[0][0]",
		"open('/workspace/outbox/table.csv','w').write('n\\n10\\n')",
		"import ark\nark.save(ark.sql('select ward, count(*) n from visits group by ward order by ward'), 'wards.csv'), len(ark.tables()), len(ark.read('visits')) + len(ark.table('visits'))",
		"import socket\nsocket.create_connection(('1.1.1.1',53),timeout=2)",
	)
	if err != nil {
		if text, readErr := os.ReadFile(d.Dir + "/run/ws/" + q.ID + "/volume/sealed/home/.ark/jupyter.log"); readErr == nil {
			t.Logf("%s", text)
		}
		t.Fatal(err)
	}
	t.Logf("seven cells after %s: %+v", time.Since(begin).Round(time.Millisecond), results)
	if len(results) != 7 || strings.TrimSpace(results[0].Stdout) != "50.0" || results[1].Value != "100" || len(results[2].Images) == 0 || results[3].Value != "100" || results[5].Value != "('/workspace/outbox/wards.csv', 2, 200)" || results[6].Error == "" {
		t.Errorf("the cells gave %+v", results)
	}
	var file strings.Builder
	sum, err := d.ReadOutbox(ctx, q.ID, "table.csv", &file)
	if err != nil || file.String() != "n\n10\n" || len(sum) != 64 {
		t.Errorf("the outbox gave %q, %q, %v", file.String(), sum, err)
	}
	u, err := d.Usage(ctx, q.ID)
	if err != nil || u.CPU == 0 || u.MemoryBytes == 0 || u.DiskBytes == 0 {
		t.Errorf("usage is %+v, %v", u, err)
	}
	t.Logf("usage: %+v", u)
	askR(t, ctx, nb)
	askSQL(t, f, f.OriginOf(q.ID))
}

// database builds an extract.duckdb with the real engine: one table of 100 rows.
func database(t *testing.T, program string) func(context.Context) (io.ReadCloser, error) {
	t.Helper()
	dir := t.TempDir()
	run := engine.Runner{Program: program}
	if _, err := run.Copy(t.Context(), dir, nil, "SELECT range AS person, range % 7 AS ward FROM range(100)", "visits.parquet"); err != nil {
		t.Fatal(err)
	}
	if err := run.BuildDatabase(t.Context(), dir, engine.Tables{"visits": "visits.parquet"}, "extract.duckdb"); err != nil {
		t.Fatal(err)
	}
	return func(context.Context) (io.ReadCloser, error) { return os.Open(filepath.Join(dir, "extract.duckdb")) }
}

// askR fits a model in the R kernel.
func askR(t *testing.T, ctx context.Context, nb notebook.Client) {
	t.Helper()
	nb.Kernel = "ir"
	begin := time.Now()
	results, err := nb.Run(ctx, "d <- read.csv('/workspace/extract/people.csv')\nmean(d$age)", "library(survival)\ncat(R.version$major)")
	t.Logf("R answered after %s: %+v", time.Since(begin).Round(time.Millisecond), results)
	if err != nil || len(results) != 2 || !strings.Contains(results[0].Value, "50") || results[1].Stdout != "4" {
		t.Errorf("R gave %+v, %v", results, err)
	}
}

// askSQL asks the SQL app one question and looks at its page.
func askSQL(t *testing.T, f *front, origin string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, origin+"/sql/query", strings.NewReader(`{"sql":"SELECT count(*) AS n FROM visits"}`))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Origin", origin)
	q.Header.Set("Content-Type", "application/json")
	begin := time.Now()
	resp, err := f.client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	t.Logf("the SQL app answered after %s: %d %.400s", time.Since(begin).Round(time.Millisecond), resp.StatusCode, text)
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(text), "100") {
		t.Error("the SQL app did not count the rows")
	}
	page, err := f.client.Get(origin + "/sql/")
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close()
	if csp := page.Header.Get("Content-Security-Policy"); page.StatusCode != http.StatusOK || strings.Contains(csp, "unsafe") || csp == "" {
		t.Errorf("the SQL page has status %d and policy %q", page.StatusCode, csp)
	}
}
