package cut_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/cut"
)

// TestPublish holds a version against what was delivered, counted by hand.
func TestPublish(t *testing.T) {
	w := newWorld(t)
	res, err := w.shop().Build(t.Context(), w.job(t))
	must(t, err)
	tables := map[string]objects.Ref{}
	for _, p := range res.Tables {
		tables[p.Name] = p.Ref
	}
	_, rows := w.read(t, tables["visits"], "person", "_org", "code", "day")
	codes, orgs, persons := map[string]int{}, map[string]int{}, map[string]bool{}
	for i, r := range rows {
		codes[r[2].Str()]++
		orgs[r[1].Str()]++
		persons[r[0].Str()] = true
		if r[3].Time().Day() != 1 {
			t.Errorf("row %d: the day was not made a month", i)
		}
		if strings.Contains(r[0].Str(), "PERSON") {
			t.Errorf("row %d carries the person index's own key", i)
		}
	}
	// alpha: 300 persons, less 4 of the objectors (20, 21, 22, 24), less the
	// withdrawn row of 12; beta: 300, less 4 (20, 22, 23, 24).
	if want := map[string]int{"A": 294, "FIXED": 1, "B": 296}; !cmp.Equal(codes, want) {
		t.Errorf("rows by code: %v, want %v", codes, want)
	}
	if want := map[string]int{alpha: 295, beta: 296}; !cmp.Equal(orgs, want) {
		t.Errorf("rows by organisation: %v", orgs)
	}
	_, people := w.read(t, tables["person"], "person")
	if len(people) != 395 || len(persons) != 395 {
		t.Errorf("%d people, %d with a row; want 395: five object", len(people), len(persons))
	}
	if !slices.IsSortedFunc(people, func(a, b []columnar.Value) int { return strings.Compare(a[0].Str(), b[0].Str()) }) {
		t.Error("people are not in the order of their pseudonyms")
	}
}

// figures is what two runs are compared by: hashes of plaintexts.
// Attack: a person whose own record the source left out comes back by another
// table of a later delivery. Nothing of them at that source is published; what
// another organisation knows of them stays.
func TestWithdrawnPeopleDoNotComeBack(t *testing.T) {
	w := newWorld(t)
	job := w.job(t)
	people := columnar.Schema{{Name: "record_key", Type: cell.String}, {Name: "person_record_key", Type: cell.String}, {Name: "deleted", Type: cell.Bool}}
	guard := func(name string, number int, deleted bool) catalogue.PublishInput {
		ref := w.put(t, objects.Payload, "payload/data", name, people, [][]columnar.Value{{cell.Str("a-G16"), cell.Str("a-P00016"), cell.Flag(deleted)}, {cell.Str("a-G17"), cell.Str("a-P00017"), cell.Flag(false)}})
		return catalogue.PublishInput{Source: "a", Org: alpha, Origin: "people", Delivery: "dlv_g", Number: number, Ref: ref}
	}
	job.Guards = []catalogue.PublishInput{guard("a/2/people", 2, true), guard("a/1/people", 1, false)}
	res, err := w.shop().Build(t.Context(), job)
	must(t, err)
	for _, p := range res.Tables {
		if p.Name == "visits" && p.Rows != 590 {
			t.Errorf("%d visits, want 590: one less than without the guard", p.Rows)
		}
	}
	// Attack: the older delivery, in which the person may pass, arrives late.
	job.Version = "ver_00000000000070008000000000000003"
	job.Guards[0].Number, job.Guards[0].Order, job.Guards[1].Number, job.Guards[1].Order = 1, 2, 2, 1
	job.Inputs[0].Number, job.Inputs[1].Number = 1, 2
	late, err := w.shop().Build(t.Context(), job)
	must(t, err)
	for i, p := range late.Tables {
		if p.Rows != res.Tables[i].Rows || p.Ref.SHA256 != res.Tables[i].Ref.SHA256 {
			t.Errorf("%s: %d rows of deliveries that arrived in another order, want the %d of before", p.Name, p.Rows, res.Tables[i].Rows)
		}
	}
	job.Guards = job.Guards[1:] // the source says the person may pass after all
	job.Version = "ver_00000000000070008000000000000002"
	if res, err = w.shop().Build(t.Context(), job); err != nil || res.Tables[0].Rows != 591 {
		t.Errorf("without the withdrawal: %v %d", err, res.Tables[0].Rows)
	}
}

// Attack: one person with a rare code on many rows, in an input that is not in
// the order of people. Rows are not people: the code is no marginal.
func TestOnePersonsRareCodeIsNoMarginal(t *testing.T) {
	w := newWorld(t)
	job := w.job(t)
	var rows [][]columnar.Value
	for i := range n {
		if i%4 != 3 {
			rows = append(rows, visit("a", i, "A", false))
			again := visit("a", 16, "RARE", false)
			again[0] = cell.Str(fmt.Sprintf("a-R%05d-x", i)) // between the rows of others
			rows = append(rows, again)
		}
	}
	for i := range job.Inputs {
		if job.Inputs[i].Source == "a" && job.Inputs[i].Number == 1 {
			job.Inputs[i].Ref = w.put(t, objects.Payload, "payload/data", "a/1/rare", visits, rows)
		}
	}
	res, err := w.shop().Build(t.Context(), job)
	must(t, err)
	raw, err := w.st.Get(t.Context(), w.synthetic(t, job, res)["visits"])
	must(t, err)
	if strings.Contains(string(raw), "RARE") || !strings.Contains(string(raw), "A,") {
		t.Error("a code of one person is in the synthetic version, or a common one is not")
	}
}

func figures(t *testing.T, w world, job catalogue.PublishJob) map[string]string {
	t.Helper()
	out := map[string]string{}
	res, err := w.shop().Build(t.Context(), job)
	must(t, err)
	for _, p := range res.Tables {
		out["version/"+p.Name] = p.Ref.SHA256
	}
	for name, ref := range w.synthetic(t, job, res) {
		out["synthetic/"+name] = ref.SHA256
	}
	out["version/manifest"] = res.Manifest.SHA256
	ext, err := w.cutter().Cut(t.Context(), cutJob(prj1, job, res, nil))
	must(t, err)
	for _, p := range ext.Tables {
		out["extract/"+p.Name] = p.Ref.SHA256
	}
	out["extract/sidecar"], out["extract/manifest"] = ext.Sidecar.SHA256, ext.Manifest.SHA256
	return out
}

const childEnv = "ARK_TEST_CUT_CHILD"

// TestSameInputsSameBytes: built again, and built by a fresh process with
// another number of threads, every plaintext has the same hash.
func TestSameInputsSameBytes(t *testing.T) {
	if dir := os.Getenv(childEnv); dir != "" {
		raw, err := os.ReadFile(filepath.Join(dir, "job.json"))
		must(t, err)
		var job catalogue.PublishJob
		must(t, json.Unmarshal(raw, &job))
		raw, err = json.Marshal(figures(t, openWorld(t, dir), job))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, "figures.json"), raw, 0o600))
		return
	}
	w := newWorld(t)
	job := w.job(t)
	// Children work in copies of the folder as it was before anything was built.
	must(t, w.ring.Create(t.Context(), cut.ProjectKey(prj1)))
	others := map[string]string{"1": t.TempDir(), "7": t.TempDir()}
	for _, other := range others {
		for _, name := range []string{"keys", "objects"} {
			must(t, os.CopyFS(filepath.Join(other, name), os.DirFS(filepath.Join(w.dir, name))))
		}
	}
	first := figures(t, w, job)
	if len(first) != 9 {
		t.Errorf("%d figures: %v", len(first), first)
	}
	if again := figures(t, w, job); !cmp.Equal(first, again) {
		t.Error("built again:", cmp.Diff(first, again))
	}
	raw, err := json.Marshal(job)
	must(t, err)
	for threads, other := range others {
		must(t, os.WriteFile(filepath.Join(other, "job.json"), raw, 0o600))
		c := exec.Command(os.Args[0], "-test.run=^TestSameInputsSameBytes$")
		c.Env = append(os.Environ(), childEnv+"="+other, "GOMAXPROCS="+threads, "ARK_TEST_ENGINE="+program)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("with %s threads: %v\n%s", threads, err, out)
		}
		raw, err := os.ReadFile(filepath.Join(other, "figures.json"))
		must(t, err)
		got := map[string]string{}
		must(t, json.Unmarshal(raw, &got))
		if !cmp.Equal(first, got) {
			t.Errorf("with %s threads: %s", threads, cmp.Diff(first, got))
		}
	}
}

// extract cuts, and returns the rows of each table.
func extract(t *testing.T, w world, job workspace.CutJob) (workspace.CutResult, map[string][][]columnar.Value, map[string]columnar.Schema) {
	t.Helper()
	res, err := w.cutter().Cut(t.Context(), job)
	must(t, err)
	rows, schemas := map[string][][]columnar.Value{}, map[string]columnar.Schema{}
	for _, p := range res.Tables {
		schemas[p.Name], rows[p.Name] = w.read(t, p.Ref)
	}
	return res, rows, schemas
}

// TestTwoProjectsShareNothing: no key and no order.
func TestTwoProjectsShareNothing(t *testing.T) {
	w := newWorld(t)
	job := w.job(t)
	res, err := w.shop().Build(t.Context(), job)
	must(t, err)
	_, one, _ := extract(t, w, cutJob(prj1, job, res, nil))
	_, two, _ := extract(t, w, cutJob(prj2, job, res, nil))
	keysOf := func(rows [][]columnar.Value, at int) map[string]bool {
		out := map[string]bool{}
		for _, r := range rows {
			out[r[at].Str()] = true
		}
		return out
	}
	_, version := w.read(t, res.Tables[0].Ref, "person", "encounter")
	for name, at := range map[string][2]int{"person": {0, 0}, "encounter": {4, 1}} {
		a, b, v := keysOf(one["community__visits"], at[0]), keysOf(two["community__visits"], at[0]), keysOf(version, at[1])
		if len(a) != len(b) || len(a) != len(v) || len(a) < 100 {
			t.Errorf("%s: %d, %d and %d different keys: a key lost its meaning", name, len(a), len(b), len(v))
		}
		for k := range a {
			if b[k] || v[k] {
				t.Errorf("%s %s is in both", name, k)
			}
		}
	}
	// The cost names the row: where does it stand in each?
	place := map[float64]int{}
	for i, r := range one["community__visits"] {
		if !r[3].IsNull() && r[1].Str() == "B" {
			place[r[3].Float()] = i
		}
	}
	var x, y []float64
	for i, r := range two["community__visits"] {
		if !r[3].IsNull() && r[1].Str() == "B" {
			x, y = append(x, float64(i)), append(y, float64(place[r[3].Float()]))
		}
	}
	if c := correlation(x, y); len(x) < 200 || math.Abs(c) > 0.25 { // 4 standard errors at 236 rows
		t.Errorf("the order of %d rows correlates at %.2f", len(x), c)
	}
}

func correlation(x, y []float64) float64 {
	var sx, sy, sxx, syy, sxy float64
	m := float64(len(x))
	for i := range x {
		sx, sy, sxx, syy, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], syy+y[i]*y[i], sxy+x[i]*y[i]
	}
	return (m*sxy - sx*sy) / math.Sqrt((m*sxx-sx*sx)*(m*syy-sy*sy))
}

// TestOnlyWhatIsGranted: columns, rows, organisations, opt-outs.
func TestOnlyWhatIsGranted(t *testing.T) {
	w := newWorld(t)
	job := w.job(t)
	res, err := w.shop().Build(t.Context(), job)
	must(t, err)
	pick := func(c *catalogue.Cut, table string, names ...string) {
		for i := range c.Tables {
			if c.Tables[i].Name == table {
				c.Tables[i].Variables = slices.DeleteFunc(slices.Clone(c.Tables[i].Variables), func(v catalogue.Variable) bool { return !slices.Contains(names, v.Name) })
			}
		}
	}
	filter := func(c *catalogue.Cut, table, text string) {
		for i := range c.Tables {
			if c.Tables[i].Name == table {
				c.Tables[i].Filter = text
			}
		}
	}
	optOuts := w.put(t, objects.Index, "index/data", "optouts", columnar.Schema{{Name: "person_id", Type: cell.String}}, [][]columnar.Value{{cell.Str(person(30))}, {cell.Str(person(31))}})
	// Of 591 visits: A-rows 295 (one FIXED), B-rows 296. Every fifth cost is null.
	for name, c := range map[string]struct {
		change         func(*catalogue.Cut)
		optOuts        bool
		visits, people int
	}{
		"everything":                       {nil, false, 591, 395},
		"without alpha":                    {func(c *catalogue.Cut) { c.Without = []string{alpha} }, false, 296, 296},
		"without beta":                     {func(c *catalogue.Cut) { c.Without = []string{beta} }, false, 295, 295},
		"without both":                     {func(c *catalogue.Cut) { c.Without = []string{alpha, beta} }, false, 0, 0},
		"opt-outs":                         {nil, true, 588, 393}, // 30 is in both, 31 (31%4 == 3) in beta alone
		"a filter on a column not granted": {func(c *catalogue.Cut) { pick(c, "visits", "day"); filter(c, "visits", "code = 'FIXED'") }, false, 1, 395},
		"null is not true":                 {func(c *catalogue.Cut) { filter(c, "visits", "cost >= 0") }, false, 473, 395},
		"nor is its opposite":              {func(c *catalogue.Cut) { filter(c, "visits", "NOT (cost >= 0)") }, false, 0, 395},
		"null asked for":                   {func(c *catalogue.Cut) { filter(c, "visits", "cost IS NULL") }, false, 118, 395},
		"a filter on persons":              {func(c *catalogue.Cut) { filter(c, "person", "sex = '1'") }, false, 393, 197},
		"only the person table":            {func(c *catalogue.Cut) { pick(c, "visits"); pick(c, "person", "sex") }, false, -1, 395},
		"only visits":                      {func(c *catalogue.Cut) { pick(c, "person"); pick(c, "visits", "code") }, false, 591, -1},
	} {
		project := ark.MakeID(ark.PrefixProject)
		cj := cutJob(project, job, res, c.change)
		if c.optOuts {
			cj.OptOuts = optOuts
		}
		got, rows, schemas := extract(t, w, cj)
		// How many were left out is said as the profile shows it: two are "fewer than 10".
		if c.optOuts != (len(got.OptedOut) == 1) || c.optOuts && (got.OptedOut[0].Dataset != "community" || !strings.HasPrefix(got.OptedOut[0].People, "fewer than")) {
			t.Errorf("%s: left out %v", name, got.OptedOut)
		}
		for table, want := range map[string]int{"community__visits": c.visits, "community__person": c.people} {
			have, there := rows[table]
			if _, has := schemas[table]; want < 0 && has || want >= 0 && (!has || len(have) != want) {
				t.Errorf("%s: %s has %d rows (there: %v), want %d", name, table, len(have), there, want)
			}
		}
		total := 0
		for _, ct := range cj.Cuts[0].Tables {
			table := "community__" + ct.Name
			want := []string{"person"}
			for _, v := range ct.Variables {
				want = append(want, v.Name)
			}
			if s, ok := schemas[table]; ok && !cmp.Equal(s.Names(), want) {
				t.Errorf("%s: %s holds the columns %v, granted are %v", name, table, s.Names(), want)
			}
			total += len(rows[table])
		}
		// The sidecar says who is behind every row, each once, the same person
		// for the same project pseudonym, and another for another.
		of, back, told := map[string]int64{}, map[int64]string{}, 0
		for table, numbers := range w.behind(t, got.Sidecar, rows) {
			for i, number := range numbers {
				at := rows[table][i][0].Str()
				if was, ok := of[at]; ok && was != number || back[number] != "" && back[number] != at {
					t.Errorf("%s: by the sidecar row %d of %s has a person with two numbers, or of one number with another", name, i, table)
				}
				of[at], back[number] = number, at
			}
			told += len(numbers)
		}
		if told != total {
			t.Errorf("%s: the sidecar tells of %d rows of %d", name, told, total)
		}
	}
	for name, bad := range map[string]string{"the organisation": "_org = 'x'", "the organisations of a person": "_orgs = 'x'", "the person's key": "person = 'x'"} {
		table := "visits"
		if strings.Contains(bad, "_orgs") {
			table = "person"
		}
		_, err := w.cutter().Cut(t.Context(), cutJob(prj2, job, res, func(c *catalogue.Cut) { filter(c, table, bad) }))
		if !ark.Is(err, ark.Invalid) {
			t.Errorf("a filter on %s: %v", name, err)
		}
	}
	if _, err := w.cutter().Cut(t.Context(), cutJob(prj2, job, res, func(c *catalogue.Cut) { pick(c, "visits"); pick(c, "person") })); !ark.Is(err, ark.Invalid) {
		t.Errorf("a cut of nothing: %v", err)
	}
}

// TestNothingOfTheArkInAnExtract looks for what must not be there in the bytes
// themselves: keys of the Ark, organisations, hidden columns.
func TestNothingOfTheArkInAnExtract(t *testing.T) {
	w := newWorld(t)
	job := w.job(t)
	res, err := w.shop().Build(t.Context(), job)
	must(t, err)
	ext, _, _ := extract(t, w, cutJob(prj1, job, res, nil))
	_, inArk := w.read(t, res.Tables[1].Ref, "person")
	look := []string{alpha, beta, "_org", "_order", "_side", "a-R00", "b-P00", "a-E00", person(7), inArk[0][0].Str(), inArk[200][0].Str()}
	for _, p := range append(ext.Tables, workspace.ExtractTable{Name: "database", Ref: ext.Database}) {
		f, err := w.st.OpenAt(t.Context(), p.Ref)
		must(t, err)
		raw := make([]byte, f.Size())
		_, err = f.ReadAt(raw, 0)
		must(t, err)
		f.Close()
		for _, s := range look {
			if strings.Contains(string(raw), s) {
				t.Errorf("%s holds %q", p.Name, s)
			}
		}
	}
	// Who holds another project's key opens nothing.
	must(t, w.ring.Create(t.Context(), "project/"+prj2))
	if _, err := w.ring.Destroy(t.Context(), "project/"+prj1); err != nil {
		t.Fatal(err)
	}
	if f, err := w.st.OpenAt(t.Context(), ext.Tables[0].Ref); err == nil {
		f.Close()
		t.Error("the extract opens after its project's key was destroyed")
	}
	if _, side := w.read(t, ext.Sidecar); len(side) == 0 {
		t.Error("the sidecar went with the project's key")
	}
}
