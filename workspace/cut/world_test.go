package cut_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/publish"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/engine"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/folder"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/cut"
)

// program is a real ark-engine, built for this test run.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "ark-cut-test")
	if err != nil {
		panic(err)
	}
	program = os.Getenv("ARK_TEST_ENGINE") // the parent's, in a child process
	if program == "" {
		program = filepath.Join(dir, "ark-engine")
		build := exec.Command("go", "build", "-o", program, "github.com/ark-tre/ark/cmd/ark-engine")
		build.Env = append(os.Environ(), "CGO_ENABLED=1")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build ark-engine: %v\n%s", err, out)
			os.Exit(1)
		}
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

const (
	alpha = "org_00000000000070008000000000000001"
	beta  = "org_00000000000070008000000000000002"
	prj1  = "prj_00000000000070008000000000000001"
	prj2  = "prj_00000000000070008000000000000002"
	n     = 400
)

// world is a folder with a real keyring and object store.
type world struct {
	dir  string
	ring *local.Keyring
	st   *objects.Store
}

func openWorld(t testing.TB, dir string) world {
	t.Helper()
	ring, err := local.Open(filepath.Join(dir, "keys"), time.Now)
	must(t, err)
	back, err := folder.Open(filepath.Join(dir, "objects"), objects.DefaultRules(), time.Now)
	must(t, err)
	return world{dir, ring, objects.New(back, ring, objects.DefaultRules())}
}

func newWorld(t testing.TB) world {
	t.Helper()
	dir := t.TempDir()
	must(t, local.Init(filepath.Join(dir, "keys")))
	must(t, folder.Init(filepath.Join(dir, "objects"), objects.DefaultRules()))
	w := openWorld(t, dir)
	for _, k := range []keys.Name{"payload/data", "index/data", publish.DomainKey, publish.VersionsKey, publish.SigningKey, cut.SidecarKey} {
		must(t, w.ring.Create(context.Background(), k))
	}
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w world) put(t testing.TB, z objects.Zone, key keys.Name, name string, s columnar.Schema, rows [][]columnar.Value) objects.Ref {
	t.Helper()
	var buf bytes.Buffer
	f, err := columnar.NewWriter(&buf, s, columnar.Options{})
	must(t, err)
	for _, r := range rows {
		must(t, f.Append(r))
	}
	must(t, f.Close())
	ref, err := w.st.Put(context.Background(), z, name, key, &buf)
	must(t, err)
	return ref
}

func (w world) read(t testing.TB, ref objects.Ref, columns ...string) (columnar.Schema, [][]columnar.Value) {
	t.Helper()
	f, err := w.st.OpenAt(context.Background(), ref)
	must(t, err)
	defer f.Close()
	r, err := columnar.Open(f, f.Size(), columnar.Limits{})
	must(t, err)
	var out [][]columnar.Value
	for row, err := range r.Rows(context.Background(), columns...) {
		must(t, err)
		out = append(out, append([]columnar.Value{}, row...))
	}
	return r.Schema(), out
}

func (w world) shop() publish.Shop {
	return publish.Shop{Objects: w.st, Keys: w.ring, Tmp: w.dir}
}

// synthetic makes the synthetic version of what was built, as a custodian who
// approves all of its counts has it made.
func (w world) synthetic(t testing.TB, job catalogue.PublishJob, res catalogue.PublishResult) map[string]objects.Ref {
	t.Helper()
	a := catalogue.Approval{Version: job.Version, Custodian: "usr_1", Hashes: map[string]string{}}
	for table, ref := range res.Marginals {
		a.Hashes[table] = ref.SHA256
	}
	made, err := w.shop().Synthesize(t.Context(), catalogue.SynthesisJob{Version: job.Version, Slug: job.Dataset.Slug, Profile: job.Dataset.Profile,
		Marginals: res.Marginals, Approval: a, Own: job.Own, Tables: res.Tables, Dictionary: job.Dataset.Tables})
	must(t, err)
	return made.Synthetic
}

func (w world) cutter() cut.Shop {
	return cut.Shop{Objects: w.st, Keys: w.ring, Tmp: w.dir, Database: func(ctx context.Context, dir string, tables map[string]string, out string) error {
		files := engine.Tables{}
		for name, path := range tables {
			files[name] = filepath.Base(path)
		}
		return engine.Runner{Program: program}.BuildDatabase(ctx, dir, files, filepath.Base(out))
	}}
}

func person(i int) string { return fmt.Sprintf("PERSON%07d", i) }

var visits = columnar.Schema{{Name: "record_key", Type: cell.String}, {Name: "person_record_key", Type: cell.String}, {Name: "code", Type: cell.String, Nullable: true},
	{Name: "day", Type: cell.Date, Nullable: true}, {Name: "cost", Type: cell.Float64, Nullable: true}, {Name: "encounter", Type: cell.String, Nullable: true}, {Name: "deleted", Type: cell.Bool}}

// visit is the one visit of person i in a source. Persons with i%4 == 3 are
// known to beta alone; costs of i%5 == 0 are not known.
func visit(source string, i int, code string, deleted bool) []columnar.Value {
	cost := cell.Float(float64(i))
	if i%5 == 0 {
		cost = columnar.Value{}
	}
	return []columnar.Value{cell.Str(fmt.Sprintf("%s-R%05d", source, i)), cell.Str(fmt.Sprintf("%s-P%05d", source, i)), cell.Str(code), cell.Day(int32(18000 + i)), cost,
		cell.Str(fmt.Sprintf("%s-E%05d", source, i/3)), cell.Flag(deleted)}
}

// job is a publishing of two sources: the second delivery of the first
// corrects the visit of person 8 and withdraws that of person 12; persons 20
// to 24 object.
func (w world) job(t testing.TB) catalogue.PublishJob {
	t.Helper()
	var a1, b1, index, persons, objections [][]columnar.Value
	for i := range n {
		if i%4 != 3 {
			a1 = append(a1, visit("a", i, "A", false))
			index = append(index, []columnar.Value{cell.Str(fmt.Sprintf("a-P%05d", i)), cell.Str(person(i))})
		}
		persons = append(persons, []columnar.Value{cell.Str(person(i)), cell.Int(int64(1930 + i%80)), cell.Str([]string{"1", "2"}[i%2])})
	}
	for i := range n {
		if i%2 == 0 || i%4 == 3 {
			b1 = append(b1, visit("b", i, "B", false))
			index = append(index, []columnar.Value{cell.Str(fmt.Sprintf("b-P%05d", i)), cell.Str(person(i))})
		}
	}
	for i := 20; i < 25; i++ {
		objections = append(objections, []columnar.Value{cell.Str(person(i))})
	}
	one := columnar.Schema{{Name: "person_id", Type: cell.String}}
	payload := func(name string, rows [][]columnar.Value) objects.Ref {
		return w.put(t, objects.Payload, "payload/data", name, visits, rows)
	}
	table := catalogue.Table{Name: "visits", From: []catalogue.Origin{{Source: "a", Table: "visits"}, {Source: "b", Table: "visits"}}, Variables: []catalogue.Variable{
		{Name: "code", Type: "string", Transform: "keep"}, {Name: "day", Type: "date", Transform: "month"}, {Name: "cost", Type: "number", Transform: "keep"}, {Name: "encounter", Type: "string", Transform: "entity"}}}
	people := catalogue.Table{Name: "person", Variables: []catalogue.Variable{{Name: "year_of_birth", Type: "integer", Transform: "keep"}, {Name: "sex", Type: "string", Transform: "keep"}}}
	in := func(source, org string, number int, ref objects.Ref) catalogue.PublishInput {
		return catalogue.PublishInput{Table: "visits", Source: source, Org: org, Origin: "visits", Delivery: ark.MakeID(ark.PrefixDelivery)[:30] + fmt.Sprint(number), Number: number, Ref: ref}
	}
	job := catalogue.PublishJob{Version: "ver_00000000000070008000000000000001", Number: 1, Linkage: "lnk_1",
		Dataset: catalogue.Dataset{Slug: "community", Profile: "ark", Tables: []catalogue.Table{people, table}},
		Inputs: []catalogue.PublishInput{
			in("a", alpha, 2, payload("a/2/visits", [][]columnar.Value{visit("a", 8, "FIXED", false), visit("a", 12, "A", true)})),
			in("a", alpha, 1, payload("a/1/visits", a1)), in("b", beta, 1, payload("b/1/visits", b1))},
		Index:      w.put(t, objects.Index, "index/data", "index", columnar.Schema{{Name: "person_record_key", Type: cell.String}, {Name: "person_id", Type: cell.String}}, index),
		Persons:    w.put(t, objects.Index, "index/data", "persons", columnar.Schema{{Name: "person_id", Type: cell.String}, {Name: "year_of_birth", Type: cell.Int64, Nullable: true}, {Name: "sex", Type: cell.String, Nullable: true}}, persons),
		Objections: w.put(t, objects.Index, "index/data", "objections", one, objections)}
	job.Inputs[0].Order, job.Inputs[1].Order = 2, 1
	for i := range job.Inputs {
		job.Inputs[i].Delivery = fmt.Sprintf("dlv_%d", i) // the same in every run
	}
	return job
}

// cutJob asks for all of the version but what ask takes away.
func cutJob(project string, job catalogue.PublishJob, res catalogue.PublishResult, change func(*catalogue.Cut)) workspace.CutJob {
	c := catalogue.Cut{Slug: "community", Version: job.Version, Profile: "ark"}
	for _, t := range job.Dataset.Tables {
		for _, p := range res.Tables {
			if p.Name == t.Name {
				c.Tables = append(c.Tables, catalogue.CutTable{Name: t.Name, Ref: p.Ref, Variables: t.Variables})
			}
		}
	}
	if change != nil {
		change(&c)
	}
	return workspace.CutJob{Extract: "ext_" + project[4:], Project: project, Permit: "prm_1", PermitHash: "h", OptOut: "applied", Cuts: []catalogue.Cut{c}}
}

// behind tells by its sidecar who stands behind each row of an extract's tables,
// in their order. Runs of one person are as long as they can be.
func (w *world) behind(t *testing.T, sidecar objects.Ref, rows map[string][][]columnar.Value) map[string][]int64 {
	t.Helper()
	_, side := w.read(t, sidecar)
	out, last := map[string][]int64{}, ""
	for i, s := range side {
		table, to := s[0].Str(), int64(len(rows[s[0].Str()]))
		if i+1 < len(side) && side[i+1][0].Str() == table {
			to = side[i+1][1].Int()
		}
		if have := out[table]; int64(len(have)) != s[1].Int() || to <= s[1].Int() || table != last && have != nil || len(have) > 0 && have[len(have)-1] == s[2].Int() {
			t.Fatalf("line %d of the sidecar is of rows %d to %d of %s, after %d rows", i, s[1].Int(), to, table, len(have))
		}
		for range to - s[1].Int() {
			out[table] = append(out[table], s[2].Int())
		}
		last = table
	}
	return out
}
