package files

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/linkage"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

const fake = "../bench/data/fake_1000.csv.gz"

func run(t *testing.T, q Request) *Done {
	t.Helper()
	if q.Out == "" {
		q.Out = t.TempDir()
	}
	d, err := Link(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func rows(t *testing.T, path string) [][]columnar.Value {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := columnar.Open(bytes.NewReader(b), int64(len(b)), columnar.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var out [][]columnar.Value
	for row, err := range r.Rows(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, append([]columnar.Value(nil), row...))
	}
	return out
}

func TestOutputsHaveTheirShape(t *testing.T) {
	out := t.TempDir()
	run(t, Request{Inputs: []Input{{"fake", fake}}, Out: out})
	seen := map[string]bool{}
	for _, r := range rows(t, filepath.Join(out, "pairs.parquet")) {
		l, rt := r[0].Str(), r[1].Str()
		if l >= rt {
			t.Fatalf("a pair is not in order")
		}
		if k := l + "\x00" + rt; seen[k] {
			t.Fatalf("a pair is repeated")
		} else {
			seen[k] = true
		}
		w, p := r[2].Float(), r[3].Float()
		if p < 0.01 || p > 1 || (w > 0) != (p > 0.5) {
			t.Errorf("weight %v and probability %v don't fit", w, p)
		}
		if !r[5].IsNull() {
			t.Errorf("a probabilistic pair has tier %q", r[5].Str())
		}
	}
	if n := len(rows(t, filepath.Join(out, "clusters.parquet"))); n != 1000 {
		t.Errorf("%d rows of clusters, want 1000", n)
	}
	page, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	report, err := os.ReadFile(filepath.Join(out, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, canary := range []string{"robert255@smith.net", "Robert", "1971-06-24", "Allen"} {
		if bytes.Contains(page, []byte(canary)) || bytes.Contains(report, []byte(canary)) {
			t.Errorf("a report holds the value of an identifier")
		}
	}
	var rep Report
	if err := json.Unmarshal(report, &rep); err != nil || rep.Rows != 1000 {
		t.Errorf("report.json: %v, %d rows", err, rep.Rows)
	}
}

func TestSameBytesAtAnyThreadCount(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	for i, threads := range []int{1, 2, 5} {
		run(t, Request{Inputs: []Input{{"fake", fake}}, Out: dirs[i], Options: linkage.Options{Threads: threads}})
	}
	for _, name := range []string{"pairs.parquet", "clusters.parquet", "report.json", "report.html"} {
		first, err := os.ReadFile(filepath.Join(dirs[0], name))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range dirs[1:] {
			if b, err := os.ReadFile(filepath.Join(d, name)); err != nil || !bytes.Equal(first, b) {
				t.Errorf("%s differs with the number of threads (%v)", name, err)
			}
		}
	}
}

func TestSeveralInputsAreNamed(t *testing.T) {
	out := t.TempDir()
	d := run(t, Request{Inputs: []Input{{"a", "../bench/data/febrl4a.csv.gz"}, {"b", "../bench/data/febrl4b.csv.gz"}}, Out: out})
	if d.Result.Model.Mode != model.Link {
		t.Errorf("mode %q, want link", d.Result.Model.Mode)
	}
	for _, r := range rows(t, filepath.Join(out, "pairs.parquet"))[:100] {
		if !strings.HasPrefix(r[0].Str(), "a/rec-") || !strings.HasPrefix(r[1].Str(), "b/rec-") {
			t.Fatalf("ids are not NAME/id of both inputs")
		}
	}
}

func TestExportedModelGivesTheSameWeights(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "splink.json")
	run(t, Request{Inputs: []Input{{"h", fake}}, Out: filepath.Join(dir, "one"), Export: path})
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.ReadSplink("splink.json", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := m.WriteSplink(&again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, again.Bytes()) {
		t.Error("a model read and written again differs")
	}
}

// TestBadInputIsRefusedClearly: each case names what is wrong and where, and
// never a value of the row.
func TestBadInputIsRefusedClearly(t *testing.T) {
	const secret = "SECRETVALUE"
	good := "id,given_name,family_name,date_of_birth\n"
	for _, c := range []struct {
		name, data, spec, splink, id string
		want                         string
	}{
		{"empty", "", "", "", "", "empty"},
		{"header_only", good, "", "", "", "no rows"},
		{"ragged", good + "1,a,b\n", "", "", "", "fields"},
		{"repeated_ids", good + "1,a,b,2000-01-01\n1," + secret + ",c,2001-01-01\n", "", "", "", "earlier row"},
		{"null_id", good + ",a,b,2000-01-01\n", "", "", "", "no id"},
		{"no_id_column", "given_name,family_name\na,b\n", "", "", "", "--id"},
		{"unknown_id", good + "1,a,b,2000-01-01\n", "", "", "nope", "no such column"},
		{"nothing_known", "id,colour\n1,red\n2,red\n", "", "", "", "who a person is"},
		{"all_null", good + "1,,,\n2,,,\n", "", "", "", "who a person is"},
		{"twice_named", "id,id\n1,2\n", "", "", "", "another column"},
		{"damaged_parquet", "PAR1" + secret + "PAR1", "", "", "", "Parquet"},
		{"bad_spec", good + "1,a,b,2000-01-01\n", "version: 1\nnope: 2\n", "", "", "nope"},
		{"spec_version", good + "1,a,b,2000-01-01\n", "version: 7\n", "", "", "version"},
		{"model_unknown_key", good + "1,a,b,2000-01-01\n", "", `{"link_type":"dedupe_only","strange_key":1}`, "", "strange_key"},
		{"model_missing_column", good + "1,a,b,2000-01-01\n", "", splinkOf(`"colour_l" = "colour_r"`, "0.9", "0.1"), "", "column"},
		{"model_bad_expression", good + "1,a,b,2000-01-01\n", "", splinkOf(`DROP TABLE x`, "0.9", "0.1"), "", "expression"},
		{"model_probability", good + "1,a,b,2000-01-01\n", "", splinkOf(`"given_name_l" = "given_name_r"`, "1.9", "0.1"), "", "between 0 and 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			q := Request{Inputs: []Input{{"in", write(t, dir, "in", c.data)}}, ID: c.id, Out: filepath.Join(dir, "out")}
			if c.spec != "" {
				q.Spec = write(t, dir, "spec.yaml", c.spec)
			}
			if c.splink != "" {
				q.Splink = write(t, dir, "m.json", c.splink)
			}
			_, err := Link(context.Background(), q)
			if err == nil {
				t.Fatal("it was accepted")
			}
			if !ark.Is(err, ark.Invalid) && !ark.Is(err, ark.TooMuch) {
				t.Errorf("kind %v: %v", ark.KindOf(err), err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q does not say %q", err, c.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error holds a value of the row")
			}
		})
	}
}

func splinkOf(condition, m, u string) string {
	return fmt.Sprintf(`{"link_type":"dedupe_only","probability_two_random_records_match":0.01,
 "blocking_rules_to_generate_predictions":[{"blocking_rule":"l.given_name = r.given_name","sql_dialect":"duckdb"}],
 "comparisons":[{"output_column_name":"x","comparison_levels":[{"sql_condition":%q,"m_probability":%s,"u_probability":%s},
 {"sql_condition":"ELSE","m_probability":0.1,"u_probability":0.9}]}]}`, condition, m, u)
}

func write(t *testing.T, dir, name, data string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOddInputIsGuarded: input that is odd but usable gives an answer that is
// finite and bounded.
func TestOddInputIsGuarded(t *testing.T) {
	for _, c := range []struct {
		name  string
		n     int
		row   func(i int) string
		model string
	}{
		{"one_value_everywhere", 1_000_000, func(int) string { return "smith,2000-01-01" }, ""},
		{"one_column_null", 500, func(i int) string { return fmt.Sprintf("name%d,", i%100) }, ""},
		{"hostile_unicode", 200, func(i int) string {
			return "\u202e\u0000a\u0301\u200b" + string(rune('a'+i%26)) + "\xff\xfe,2000-01-0" + string(rune('1'+i%9))
		}, ""},
		{"zero_probabilities", 50, func(i int) string { return fmt.Sprintf("name%d,2000-01-01", i%10) },
			strings.ReplaceAll(splinkOf(`"family_name_l" = "family_name_r"`, "0", "0"), "given_name", "family_name")},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			b.WriteString("id,family_name,date_of_birth\n")
			for i := range c.n {
				fmt.Fprintf(&b, "%d,%s\n", i, c.row(i))
			}
			dir := t.TempDir()
			q := Request{Inputs: []Input{{"in", write(t, dir, "in.csv", b.String())}}, Out: filepath.Join(dir, "out")}
			if c.model != "" {
				q.Splink = write(t, dir, "m.json", c.model)
			}
			d := run(t, q)
			for _, e := range d.Result.Edges {
				if e.Weight != e.Weight || e.Weight > 1e6 || e.Weight < -1e6 {
					t.Fatalf("weight %v", e.Weight)
				}
			}
		})
	}
}
