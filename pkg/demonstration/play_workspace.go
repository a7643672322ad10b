package demonstration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/client"
	"github.com/ark-tre/ark/pkg/identity"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/notebook"
)

// desk is a browser inside a workspace's own origin.
type desk struct {
	base string // origin of the workspace
	http *http.Client
}

// work opens a workspace and works in it: SQL and a notebook cell.
func (p *play) work(ctx context.Context) error {
	amina := p.as(ctx, "amina")
	if err := refused(p.as(ctx, "dev").Post(ctx, "/projects/"+p.project+"/workspace", nil, nil), "a workspace for somebody who is not on the permit", ark.Forbidden, ark.Unknown, ark.Withheld); err != nil {
		return err
	}
	var w workspace.Workspace
	if err := amina.Post(ctx, "/projects/"+p.project+"/workspace", nil, &w); err != nil {
		return err
	}
	p.ws = w.ID
	if err := p.running(ctx, amina, &w); err != nil {
		return err
	}
	p.Say("    self-test: %d escape attempts, %d stopped", w.SelfTest.Attempts, w.SelfTest.Held)
	if err := must(w.SelfTest.Passed(), "the self-test did not pass: %s", jsonText(w.SelfTest)); err != nil {
		return err
	}
	return p.again(ctx, func(ctx context.Context) error {
		d, err := p.enter(ctx, amina)
		if err != nil {
			return err
		}
		if err := p.sql(ctx, d); err != nil {
			return fmt.Errorf("sql: %w", err)
		}
		return p.notebook(ctx, d)
	})
}

func (p *play) running(ctx context.Context, c *client.Client, w *workspace.Workspace) error {
	return c.Until(ctx, longest, "the workspace to run", "/workspaces/"+p.ws, w, func() (bool, error) {
		return w.State == "running", must(w.State != "failed", "the workspace failed: %s", w.Says)
	})
}

// enter follows the one-time address into the workspace's own origin, in a
// browser that has no cookie of the portal.
func (p *play) enter(ctx context.Context, c *client.Client) (desk, error) {
	var in struct {
		Address string `json:"address"`
	}
	if err := c.Post(ctx, "/workspaces/"+p.ws+"/enter", nil, &in); err != nil {
		return desk{}, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return desk{}, err
	}
	u, err := url.Parse(in.Address)
	if err != nil {
		return desk{}, err
	}
	d := desk{base: u.Scheme + "://" + u.Host, http: &http.Client{Jar: jar, Transport: identity.Transport(), Timeout: 2 * time.Minute}}
	if status, _, err := d.call(ctx, http.MethodGet, "/sql/", nil, nil); err != nil || status == http.StatusOK {
		return d, fmt.Errorf("the workspace let somebody in without a ticket (status %d, %v)", status, err)
	}
	resp, err := d.http.Get(in.Address)
	if err != nil {
		return d, err
	}
	resp.Body.Close()
	if err := must(resp.StatusCode < 400, "the way into the workspace answered %d", resp.StatusCode); err != nil {
		return d, err
	}
	other := &http.Client{Transport: identity.Transport(), Timeout: time.Minute}
	again, err := other.Get(in.Address)
	if err != nil {
		return d, err
	}
	again.Body.Close()
	return d, must(again.StatusCode >= 400, "the one-time address worked twice (status %d)", again.StatusCode)
}

// call sends in as JSON and reads the answer into out.
func (d desk) call(ctx context.Context, method, path string, in, out any) (int, string, error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return 0, "", err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, d.base+path, body)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", d.base)
	resp, err := d.http.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err == nil && out != nil && resp.StatusCode == http.StatusOK {
		err = json.Unmarshal(raw, out)
	}
	return resp.StatusCode, string(raw), err
}

// answer is what the SQL page's server gives.
type answer struct {
	Columns []struct {
		Name string `json:"name"`
	} `json:"columns"`
	Rows      [][]any `json:"rows"`
	Truncated bool    `json:"truncated"`
}

func (d desk) query(ctx context.Context, sql string) (answer, error) {
	var a answer
	var status int
	var text string
	for try := 0; ; try++ {
		var err error
		if status, text, err = d.call(ctx, http.MethodPost, "/sql/query", map[string]string{"sql": sql}, &a); err != nil {
			return a, err
		}
		if status != http.StatusServiceUnavailable || try == 60 { // the app is starting
			break
		}
		if err := sleep(ctx, time.Second); err != nil {
			return a, err
		}
	}
	return a, must(status == http.StatusOK, "the query answered %d: %.300s", status, text)
}

const (
	persons     = "emergency_care__person"
	attendances = "emergency_care__attendances"
)

// sql checks that the extract holds exactly what the permit grants, that the
// page's cap holds, and that SQL does not lead out.
func (p *play) sql(ctx context.Context, d desk) error {
	a, err := d.query(ctx, `SELECT DISTINCT table_name, column_name FROM information_schema.columns WHERE table_name LIKE 'emergency%' ORDER BY 1, 2`)
	if err != nil {
		return err
	}
	var have []string
	for _, r := range a.Rows {
		have = append(have, fmt.Sprint(r[0])+"."+fmt.Sprint(r[1]))
	}
	want := []string{attendances + ".acuity", attendances + ".alcohol_related", attendances + ".arrived_month", attendances + ".disposal", attendances + ".person",
		persons + ".imd_decile", persons + ".person", persons + ".sex", persons + ".year_of_birth"}
	if err := must(strings.Join(have, " ") == strings.Join(want, " "), "the extract holds %v and the permit grants %v", have, want); err != nil {
		return err
	}
	if a, err = d.query(ctx, `SELECT count(*), max(year_of_birth) FROM `+persons); err != nil {
		return err
	}
	p.Say("    extract: %v people, born up to %v", a.Rows[0][0], a.Rows[0][1])
	if err := must(fmt.Sprint(a.Rows[0][1]) <= "2006", "the extract holds somebody born after the permit's filter"); err != nil {
		return err
	}
	if a, err = d.query(ctx, `SELECT * FROM `+attendances); err != nil {
		return err
	}
	if err := must(len(a.Rows) <= 1000, "the screen showed %d rows", len(a.Rows)); err != nil {
		return err
	}
	for _, bad := range []string{`SELECT * FROM read_text('/etc/passwd')`, `COPY ` + persons + ` TO '/tmp/x.csv'`, `ATTACH '/tmp/x.db'`, `INSTALL httpfs`, `SELECT * FROM read_csv('http://192.0.2.1/x')`} {
		if _, err := d.query(ctx, bad); err == nil {
			return fmt.Errorf("%s was allowed", bad)
		}
	}
	return nil
}

// notebook runs cells: pandas over the extract, a figure, files for the
// outbox, and a try to reach the network.
func (p *play) notebook(ctx context.Context, d desk) error {
	n := notebook.Client{Base: d.base + "/jupyter/", HTTP: d.http}
	wait, stop := context.WithTimeout(ctx, 3*time.Minute)
	defer stop()
	if err := n.Ready(wait); err != nil {
		return err
	}
	rs, err := n.Run(wait, cells...)
	if err != nil {
		return err
	}
	for i, r := range rs {
		if r.Error != "" {
			return fmt.Errorf("cell %d: %s", i+1, r.Error)
		}
	}
	if err := must(len(rs) == len(cells), "only %d of %d cells ran", len(rs), len(cells)); err != nil {
		return err
	}
	last := rs[len(rs)-1].Stdout
	if err := must(strings.Contains(last, "no network"), "a notebook reached the network: %q", last); err != nil {
		return err
	}
	for _, path := range []string{"/jupyter/files/outbox/rows.csv", "/jupyter/nbconvert/html/x.ipynb"} {
		status, _, err := d.call(ctx, http.MethodGet, path, nil, nil)
		if err != nil {
			return err
		}
		if err := must(status >= 400, "the download route %s answered %d", path, status); err != nil {
			return err
		}
	}
	return nil
}

// cells make: rounded.csv, which may leave; small.csv, whose counts are small
// and exact; by_sex.csv with its specification; rows.csv, one row a person; figure.png; and a try at the network.
var cells = []string{
	`import duckdb, os, pandas as pd
con = duckdb.connect()
folder = "/workspace/extract"
people = con.execute(f"SELECT * FROM read_parquet('{folder}/emergency_care__person.parquet')").df()
visits = con.execute(f"SELECT * FROM read_parquet('{folder}/emergency_care__attendances.parquet')").df()
outbox = "/workspace/outbox"
print(len(people) > 0, len(visits) > 0)`,
	`both = visits.merge(people, on="person")
exact = both.groupby("sex").person.nunique().rename("people").reset_index()
exact = exact[exact.people >= 20]
rounded = exact.assign(people=(5 * (exact.people / 5).round()).astype(int))
rounded.to_csv(f"{outbox}/rounded.csv", index=False)
small = both[both.alcohol_related == "Y"].groupby(["imd_decile", "sex"]).person.nunique().rename("people").reset_index()
small.to_csv(f"{outbox}/small.csv", index=False)
small.to_csv(f"{outbox}/CANARY-zq7.csv", index=False)
both.head(40).to_csv(f"{outbox}/rows.csv", index=False)
print(rounded.shape, small.shape)`,
	`import json
sexes = people.groupby("sex").person.nunique().rename("count").reset_index()
sexes["count"] = sexes["count"].map(lambda n: "*" if n < 10 else str(5 * round(n / 5)))
sexes.to_csv(f"{outbox}/by_sex.csv", index=False)
json.dump({"ark": 1, "kind": "crosstab", "data": "emergency_care__person", "rows": ["sex"]}, open(f"{outbox}/by_sex.csv.ark.json", "w"))
print(sexes.shape)`,
	`import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
ax = rounded.plot.bar(x="sex", y="people", legend=False)
ax.set_title("People with an attendance, rounded to 5")
plt.tight_layout(); plt.savefig(f"{outbox}/figure.png"); plt.close()
print(os.path.getsize(f"{outbox}/figure.png") > 0)`,
	`import socket
try:
    socket.create_connection(("192.0.2.1", 80), timeout=3); print("reached")
except OSError as e:
    print("no network")`,
}
