package demonstration

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/notebook"
)

// study is one page of docs/studies: what it asks for, and what its estimates
// are to be, by the generator's own truth.
type study struct {
	page      string
	dataset   string
	variables map[string][]string
	truth     func(region string) (map[string]between, error)
}

// between is where an estimate has to lie.
type between struct{ truth, from, to float64 }

var primaryCare = map[string][]string{"person": {"year_of_birth", "sex", "imd_decile"}, "events": {"event_date", "code", "value"}}

var studies = []study{
	{"chronic-kidney-disease", "primary-care", primaryCare, kidneyTruth},
	{"alcohol-attendances", "emergency-care", map[string][]string{"person": {"sex", "imd_decile"}, "attendances": {"alcohol_related", "diagnosis"}}, alcoholTruth},
	{"breast-cancer-risk", "primary-care", primaryCare, func(region string) (map[string]between, error) {
		e, err := effectsOf(region)
		r := e["breast_cancer_rate_ratio_at_high_risk"]
		return map[string]between{"risk_ratio": {r, r * 0.6, r * 1.5}}, err
	}},
	{"childhood-obesity", "primary-care", primaryCare, func(region string) (map[string]between, error) {
		e, err := effectsOf(region)
		a, b := e["family_helped_share_of_obese_children_deciles_1_to_3"], e["family_helped_share_of_obese_children_deciles_4_to_10"]
		return map[string]between{"helped_deprived": {a, a - 0.12, a + 0.12}, "helped_others": {b, b - 0.12, b + 0.12}}, err
	}},
}

// Studies does the studies of docs/studies: each applies, is permitted, works
// in a workspace with the page's own queries, holds the estimate against the
// generator's truth, and takes its table through the airlock.
func Studies(ctx context.Context, o Options, u *Users) error {
	tmp, err := os.MkdirTemp("", "ark-studies-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	for _, s := range studies {
		p := &play{Options: o, u: u, tmp: tmp, began: time.Now()}
		if err := p.study(ctx, s); err != nil {
			return fmt.Errorf("study %s: %w", s.page, err)
		}
		o.Say("ok  study %s (%.1f s)", s.page, time.Since(p.began).Seconds())
	}
	return nil
}

var fenced = regexp.MustCompile("(?s)```sql (result|estimate)\n(.*?)```")

// queries are the two of a page.
func (s study) queries(tree string) (title string, out map[string]string, err error) {
	text, err := os.ReadFile(filepath.Join(tree, "docs", "studies", s.page+".md"))
	if err != nil {
		return "", nil, err
	}
	title, _, _ = strings.Cut(strings.TrimPrefix(string(text), "# "), "\n")
	out = map[string]string{}
	for _, m := range fenced.FindAllStringSubmatch(string(text), -1) {
		out[m[1]] = m[2]
	}
	return title, out, must(len(out) == 2, "the page %s has not its two queries", s.page)
}

func (p *play) study(ctx context.Context, s study) error {
	title, sql, err := s.queries(p.Tree)
	if err != nil {
		return err
	}
	if err := p.askFor(ctx, s, title); err != nil {
		return err
	}
	estimates, table, err := p.compute(ctx, s, sql)
	if err != nil {
		return err
	}
	want, err := s.truth(p.region())
	if err != nil {
		return err
	}
	for name, w := range want {
		got := estimates[name]
		p.Say("    %s: planted %.3f, estimated %.3f", name, w.truth, got)
		if err := must(got >= w.from && got <= w.to, "the estimate %s is %.3f; planted is %.3f, and between %.3f and %.3f was expected", name, got, w.truth, w.from, w.to); err != nil {
			return err
		}
	}
	for _, line := range table {
		p.Say("    %s", line)
	}
	return p.leave(ctx, title)
}

// askFor applies for a study's variables, and the custodians asked approve.
func (p *play) askFor(ctx context.Context, s study, title string) error {
	amina := p.as(ctx, "amina")
	ds, err := all[catalogue.Dataset](ctx, amina, "/datasets")
	if err != nil {
		return err
	}
	var d catalogue.Dataset
	for _, x := range ds {
		if x.Slug == s.dataset {
			d = x
		}
	}
	var project governance.Project
	if err := amina.Post(ctx, "/projects", map[string]string{"title": title}, &project); err != nil {
		return err
	}
	p.project = project.ID
	me, err := userID(ctx, amina)
	if err != nil {
		return err
	}
	a := application(d, me)
	a.Title = title
	a.Asks = []governance.Ask{{Dataset: d.ID, Variables: s.variables, Filters: map[string]string{}, Why: map[string]string{}}}
	for table, vs := range s.variables {
		for _, v := range vs {
			a.Asks[0].Why[table+"."+v] = "The question is about this variable."
		}
	}
	if err := amina.Put(ctx, "/projects/"+p.project+"/application", a, nil); err != nil {
		return err
	}
	if err := amina.Post(ctx, "/projects/"+p.project+"/submit", nil, nil); err != nil {
		return err
	}
	if err := p.state(ctx, amina, "in-review"); err != nil {
		return err
	}
	for _, who := range []string{"carol", "colin"} {
		for {
			r, err := p.waiting(ctx, p.as(ctx, who))
			if err != nil {
				break // nothing more is asked of this custodian
			}
			if err := p.as(ctx, who).Post(ctx, "/reviews/"+r.ID+"/decision", governance.Verdict{Decision: "approved"}, nil); err != nil {
				return err
			}
		}
	}
	return p.permitted(ctx, amina)
}

// compute runs a page's queries in a notebook of the study's workspace and
// leaves the rounded table in the outbox.
func (p *play) compute(ctx context.Context, s study, sql map[string]string) (map[string]float64, []string, error) {
	amina := p.as(ctx, "amina")
	var w workspace.Workspace
	if err := amina.Post(ctx, "/projects/"+p.project+"/workspace", nil, &w); err != nil {
		return nil, nil, err
	}
	p.ws = w.ID
	if err := p.running(ctx, amina, &w); err != nil {
		return nil, nil, err
	}
	d, err := p.enter(ctx, amina)
	if err != nil {
		return nil, nil, err
	}
	wait, stop := context.WithTimeout(ctx, 3*time.Minute)
	defer stop()
	n := notebook.Client{Base: d.base + "/jupyter/", HTTP: d.http}
	if err := n.Ready(wait); err != nil {
		return nil, nil, err
	}
	rs, err := n.Run(wait, `import duckdb, glob, json, os
con = duckdb.connect()
for path in glob.glob("/workspace/extract/*.parquet"):
    con.execute(f"CREATE VIEW {os.path.basename(path)[:-8]} AS SELECT * FROM read_parquet('{path}')")
con.execute("CREATE TABLE result AS " + `+quote(sql["result"])+`)
print(json.dumps({k: v[0] for k, v in con.execute(`+quote(sql["estimate"])+`).df().to_dict("list").items()}))`,
		`table = con.execute("SELECT * FROM result").df()
table = table[table.people >= 10]
table = table.assign(people=(5 * (table.people / 5).round()).astype(int))
table.to_csv("/workspace/outbox/result.csv", index=False)
print(table.to_csv(index=False))`)
	if err != nil {
		return nil, nil, err
	}
	for i, r := range rs {
		if r.Error != "" {
			return nil, nil, fmt.Errorf("cell %d: %s", i+1, r.Error)
		}
	}
	estimates := map[string]float64{}
	if err := json.Unmarshal([]byte(rs[0].Stdout), &estimates); err != nil {
		return nil, nil, fmt.Errorf("the estimates of %s cannot be read: %w", s.page, err)
	}
	return estimates, strings.Split(strings.TrimSpace(rs[1].Stdout), "\n"), nil
}

// quote writes text as a Python string.
func quote(text string) string { return `"""` + strings.TrimSpace(text) + `"""` }

// leave takes the table through the airlock and stops the workspace.
func (p *play) leave(ctx context.Context, title string) error {
	amina := p.as(ctx, "amina")
	var v airlock.View
	in := map[string]any{"output": []string{"result.csv"}, "group": airlock.Group{Name: title, Context: "The study's one table: people by group.",
		Population: "As the study's page says.", Controls: "Counts under 10 dropped, the rest rounded to the nearest 5.", Relation: "The only output of this project."}}
	if err := amina.Post(ctx, "/workspaces/"+p.ws+"/requests", in, &v); err != nil {
		return err
	}
	p.request = v.ID
	v, err := p.checked(ctx, amina)
	if err != nil {
		return err
	}
	if v.State != "submitted" {
		return fmt.Errorf("the table was not taken: the request is %s: %s", v.State, jsonText(v.Files))
	}
	if err := p.review(ctx); err != nil {
		return err
	}
	err = amina.Post(ctx, "/workspaces/"+p.ws+"/stop", nil, nil)
	if ark.Is(err, ark.Conflict) {
		return nil
	}
	return err
}

func effectsOf(region string) (map[string]float64, error) {
	var raw map[string]any
	if err := readJSON(filepath.Join(region, "truth", "effects.json"), &raw); err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for k, v := range raw {
		if x, ok := v.(float64); ok {
			out[k] = x
		}
	}
	return out, nil
}

// truly is a line of truth/people.csv.
type truly struct {
	decile, alcohol, died, onset, recorded string
}

// truePeople are the rows of truth/people.csv and where each column is.
func truePeople(region string) (rows [][]string, at map[string]int, err error) {
	f, err := os.Open(filepath.Join(region, "truth", "people.csv"))
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	rows, err = csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, nil, err
	}
	at = map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	return rows[1:], at, nil
}

func trulyAll(region string) ([]truly, error) {
	rows, at, err := truePeople(region)
	if err != nil {
		return nil, err
	}
	var out []truly
	for _, r := range rows {
		out = append(out, truly{r[at["imd_decile"]], r[at["alcohol"]], r[at["died"]], r[at["ckd_onset"]], r[at["ckd_recorded"]]})
	}
	return out, nil
}

func deprived(decile string) bool { return decile == "1" || decile == "2" || decile == "3" }

// kidneyTruth is the share whom a practice has recorded by the end, of those
// whose kidney function fell below 60 at least half a year before it.
func kidneyTruth(region string) (map[string]between, error) {
	people, err := trulyAll(region)
	if err != nil {
		return nil, err
	}
	n, known := map[bool]float64{}, map[bool]float64{}
	for _, t := range people {
		if t.onset == "" || t.onset > "2024-06-30" || t.died != "" && t.died < "2019-01-01" {
			continue
		}
		n[deprived(t.decile)]++
		if t.recorded != "" && t.recorded <= "2024-12-31" {
			known[deprived(t.decile)]++
		}
	}
	out := map[string]between{}
	for name, d := range map[string]bool{"detected_deprived": true, "detected_others": false} {
		x := known[d] / n[d]
		out[name] = between{x, x - 0.12, x + 0.12}
	}
	return out, nil
}

// alcoholTruth is how often people of the poorest deciles are to come, over
// those of the richest, by what they drink.
func alcoholTruth(region string) (map[string]between, error) {
	people, err := trulyAll(region)
	if err != nil {
		return nil, err
	}
	e, err := effectsOf(region)
	if err != nil {
		return nil, err
	}
	rate := map[string]float64{"0": 0.008, "1": 0.08, "2": e["attendances_per_year_of_harmful_drinkers"]}
	n, visits := map[bool]float64{}, map[bool]float64{}
	for _, t := range people {
		if !deprived(t.decile) && t.decile != "8" && t.decile != "9" && t.decile != "10" || t.died != "" && t.died < "2019-01-01" {
			continue
		}
		n[deprived(t.decile)]++
		visits[deprived(t.decile)] += rate[t.alcohol]
	}
	x := (visits[true] / n[true]) / (visits[false] / n[false])
	return map[string]between{"rate_ratio": {x, x * 0.7, x * 1.35}}, nil
}
