package worker

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/differencing"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/folder"
	"github.com/ark-tre/ark/workspace/cut"
)

func bench(t testing.TB) Bench {
	dir := t.TempDir()
	must(t, local.Init(filepath.Join(dir, "keys")))
	ring, err := local.Open(filepath.Join(dir, "keys"), time.Now)
	must(t, err)
	must(t, folder.Init(filepath.Join(dir, "objects"), objects.DefaultRules()))
	back, err := folder.Open(filepath.Join(dir, "objects"), objects.DefaultRules(), time.Now)
	must(t, err)
	for _, k := range []keys.Name{OutputsKey, ReleaseKey, ContributorsKey, cut.SidecarKey, "project/prj-a", "project/prj-b"} {
		must(t, ring.Create(context.Background(), k))
	}
	return Bench{Objects: objects.New(back, ring, objects.DefaultRules()), Keys: ring, Tmp: dir}
}

func (b Bench) parquet(t testing.TB, key keys.Name, name string, s columnar.Schema, rows [][]columnar.Value) objects.Ref {
	t.Helper()
	var buf bytes.Buffer
	w, err := columnar.NewWriter(&buf, s, columnar.Options{})
	must(t, err)
	for _, r := range rows {
		must(t, w.Append(r))
	}
	must(t, w.Close())
	ref, err := b.Objects.Put(context.Background(), objects.Extracts, name, key, &buf)
	must(t, err)
	return ref
}

// extract cuts the same 120 people for a project: with names of its own, in an
// order of its own, and a sidecar that gives each the same number everywhere.
func (b Bench) extract(t *testing.T, project string, shift int) airlock.Data {
	t.Helper()
	var rows, side [][]columnar.Value
	for i := range 120 {
		who := (i + shift) % 120
		rows = append(rows, []columnar.Value{cell.Str(fmt.Sprintf("%s-name-%03d", project, who)), cell.Int(int64(20 + who/2)), cell.Str([]string{"north", "south"}[who%2])})
		side = append(side, []columnar.Value{cell.Str("visits"), cell.Int(int64(i)), cell.Int(int64(7_000_000_000_000 + who))})
	}
	shape := columnar.Schema{{Name: "person", Type: cell.String}, {Name: "age", Type: cell.Int64, Nullable: true}, {Name: "side", Type: cell.String, Nullable: true}}
	return airlock.Data{Tables: []airlock.DataTable{{Name: "visits", Ref: b.parquet(t, keys.Of(keys.Project, project), project+"/ext/visits.parquet", shape, rows)}},
		Sidecar: b.parquet(t, cut.SidecarKey, project+"/ext/sidecar.parquet", cut.SidecarSchema, side)}
}

func (b Bench) submit(t testing.TB, id, name, text string) airlock.CheckOf {
	t.Helper()
	ref, err := b.Objects.Put(context.Background(), objects.Outputs, "in/"+id, OutputsKey, strings.NewReader(text))
	must(t, err)
	return airlock.CheckOf{ID: id, Name: name, Kind: airlock.KindOutput, Ref: ref, Ordinal: 1}
}

// check judges a file as the step does, after inspection has found nothing.
func (b Bench) check(t testing.TB, f airlock.CheckOf, behind airlock.Behind, profile ...string) (disclose.Verdict, []disclose.Finding) {
	t.Helper()
	p, err := Profile(append(profile, "cms")[0])
	must(t, err)
	data, err := b.bytes(context.Background(), f.Ref)
	must(t, err)
	a := b.again(p, behind)
	defer a.close()
	tables, err := tablesOf(f, data, inspect.Result{})
	must(t, err)
	found, err := a.judge(context.Background(), leaving{f, tables}, nil)
	must(t, err)
	return disclose.Judge(found), found
}

func rules(fs []disclose.Finding) []string {
	var out []string
	for _, f := range fs {
		if f.Severity != disclose.SevInfo && !slices.Contains(out, f.Rule) {
			out = append(out, f.Rule)
		}
	}
	return out
}

// TestAReleaseOfAnotherProjectIsRemembered walks a table that passes alone and
// not beside what another project released, over two extracts that share no
// name of a person.
func TestAReleaseOfAnotherProjectIsRemembered(t *testing.T) {
	b := bench(t)
	a, other := b.extract(t, "prj-a", 0), b.extract(t, "prj-b", 41)
	spec := func(id, name, filter string) airlock.CheckOf {
		f := b.submit(t, id, name+airlock.SpecSuffix, `{"ark":1,"kind":"crosstab","data":"visits","rows":["side"],"filter":"`+filter+`"}`)
		f.Kind = airlock.KindSupporting
		return f
	}
	all, most := b.submit(t, "f1", "all.csv", "side,count\nnorth,60\nsouth,60\n"), b.submit(t, "f2", "most.csv", "side,count\nnorth,58\nsouth,58\n")
	first := airlock.Behind{Data: a, Specs: []airlock.CheckOf{spec("s1", "all.csv", "")}}
	second := airlock.Behind{Data: other, Specs: []airlock.CheckOf{spec("s2", "most.csv", "age < 78")}}
	if v, fs := b.check(t, all, first); v != "pass" {
		t.Fatalf("the first table: %s %v", v, rules(fs))
	}
	if v, fs := b.check(t, most, second); v != "pass" {
		t.Fatalf("the second table alone: %s %v", v, rules(fs))
	}
	p, err := Profile("cms")
	must(t, err)
	keeper := b.again(p, first)
	defer keeper.close()
	data, err := b.bytes(context.Background(), all.Ref)
	must(t, err)
	kept, stand, err := keeper.keepSets(context.Background(), airlock.ReleaseJob{Release: "rel-1", Project: "prj-a", Files: []airlock.CheckOf{all}, Behind: first, Concerns: []airlock.Concern{{Dataset: "dst-1"}}},
		[]leaving{{all, []table{{name: all.Name, spec: all.Name + airlock.SpecSuffix, data: data}}}})
	must(t, err)
	if kept.Zone != objects.Contributors {
		t.Fatalf("kept at %+v", kept)
	}
	if want := (airlock.Exposure{Dataset: "dst-1", Cells: 2, Atom: "about 60", Nearest: "at least 11"}); len(stand) != 1 || stand[0] != want {
		t.Errorf("the dataset stands at %+v", stand)
	}
	second.History = []objects.Ref{kept}
	if v, fs := b.check(t, most, second); v != "fail" || !slices.Equal(rules(fs), []string{"release-difference"}) || fs[0].Evidence["people"] != "2" {
		t.Errorf("beside the other project's release: %s %v", v, fs)
	}
	// The kept sets hold no name of either extract.
	r, err := b.Objects.Open(context.Background(), kept)
	must(t, err)
	defer r.Close()
	var sets bytes.Buffer
	_, err = sets.ReadFrom(r)
	must(t, err)
	if bytes.Contains(sets.Bytes(), []byte("-name-")) {
		t.Error("a name of a person is in the sets")
	}
}

func TestWhatIsNotReproducibleOrNotSaidDoesNotPass(t *testing.T) {
	b := bench(t)
	behind := airlock.Behind{Data: b.extract(t, "prj-a", 3)}
	table := b.submit(t, "f1", "t.csv", "side,count\nnorth,60\nsouth,61\n")
	for i, c := range []struct {
		spec, verdict, rule string
	}{
		{"", "review", "release-unspecified"},
		{`{"kind":"crosstab","data":"visits","rows":["side"]}`, "fail", "table-not-reproducible"},
		{`{"kind":"crosstab","data":"visits","rows":["nothing"]}`, "fail", "table-not-reproducible"},
		{`{"kind":"crosstab","data":"elsewhere","rows":["side"]}`, "review", "release-unspecified"},
		{`{"kind":`, "review", "release-unspecified"},
	} {
		if behind.Specs = nil; c.spec != "" {
			behind.Specs = []airlock.CheckOf{b.submit(t, fmt.Sprint("s", i), "t.csv"+airlock.SpecSuffix, c.spec)}
		}
		v, fs := b.check(t, table, behind)
		if string(v) != c.verdict || !slices.Contains(rules(fs), c.rule) {
			t.Errorf("%q: %s %v, want %s with %s", c.spec, v, rules(fs), c.verdict, c.rule)
		}
	}
}

// TestTheSealedStoreYieldsNobody: with every kept set opened, every name of the
// extract and the whole index of numbers of another key, nobody can be told;
// with the sealed bytes alone nothing at all. With the sidecar everybody can,
// so that the test looks at something.
func TestTheSealedStoreYieldsNobody(t *testing.T) {
	b := bench(t)
	behind := airlock.Behind{Data: b.extract(t, "prj-a", 0)}
	behind.Specs = []airlock.CheckOf{b.submit(t, "s1", "all.csv"+airlock.SpecSuffix, `{"kind":"crosstab","data":"visits","rows":["side"]}`)}
	all := b.submit(t, "f1", "all.csv", "side,count\nnorth,60\nsouth,60\n")
	data, err := b.bytes(context.Background(), all.Ref)
	must(t, err)
	keeper := b.again(mustProfile(t, "cms"), behind)
	defer keeper.close()
	ref, _, err := keeper.keepSets(context.Background(), airlock.ReleaseJob{Release: "rel-1", Project: "prj-a", Files: []airlock.CheckOf{all}, Behind: behind},
		[]leaving{{all, []table{{name: all.Name, spec: all.Name + airlock.SpecSuffix, data: data}}}})
	must(t, err)
	opened, err := keeper.b.Objects.Get(context.Background(), ref)
	must(t, err)
	count := func(store []byte, number func(i int, name string) uint64) (n int) {
		for i := range 120 {
			name := fmt.Sprintf("prj-a-name-%03d", i)
			if bytes.Contains(store, []byte(name)) || bytes.Contains(store, binary.BigEndian.AppendUint64(nil, number(i, name))) {
				n++
			}
		}
		return n
	}
	sidecar := func(i int, _ string) uint64 { return uint64(7_000_000_000_000 + i) }
	if n := count(opened, sidecar); n != 120 {
		t.Fatalf("with the sidecar %d of 120 are found: the test looks at nothing", n)
	}
	guess := differencing.Keyed([]byte("some other key of thirty-two byt"))
	for what, number := range map[string]func(int, string) uint64{
		"a key of one's own": func(_ int, name string) uint64 { return guess(name) },
		"the names' bytes":   func(_ int, name string) uint64 { return binary.BigEndian.Uint64([]byte(name)) },
		"their order":        func(i int, _ string) uint64 { return uint64(i) },
	} {
		if n := count(opened, number); n != 0 {
			t.Errorf("by %s %d people are found", what, n)
		}
	}
	// Sealed, the store does not even show the numbers.
	found := 0
	must(t, filepath.WalkDir(filepath.Join(b.Tmp, "objects"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		found += count(raw, sidecar)
		return err
	}))
	if found != 0 {
		t.Errorf("the sealed bytes show %d people", found)
	}
}

// TestASidecarFitsItsExtract walks sidecars beside a table, by runs and by rows
// as an older Ark wrote them: whatever is not of the same cut is refused, not
// taken for somebody.
func TestASidecarFitsItsExtract(t *testing.T) {
	b := bench(t)
	names := []string{"p1", "p1", "p1", "p2", "p3", "p3"}
	var rows [][]columnar.Value
	for _, n := range names {
		rows = append(rows, []columnar.Value{cell.Str(n)})
	}
	table := b.parquet(t, "project/prj-a", "prj-a/fit/visits.parquet", columnar.Schema{{Name: "person", Type: cell.String}}, rows)
	data, err := b.Objects.Get(t.Context(), table)
	must(t, err)
	line := func(table string, row, person int64) []columnar.Value {
		return []columnar.Value{cell.Str(table), cell.Int(row), cell.Int(person)}
	}
	before := [][]columnar.Value{line("other", 0, 9), line("other", 1, 8)} // of a table nobody asks for
	runs := [][]columnar.Value{line("visits", 0, 1), line("visits", 3, 2), line("visits", 4, 3)}
	for what, c := range map[string]struct {
		side [][]columnar.Value
		want []string
		says string
	}{
		"runs":                       {slices.Concat(before, runs), []string{"p1", "p2", "p3"}, ""},
		"one of them":                {slices.Concat(before, runs), []string{"p2"}, ""},
		"every row":                  {[][]columnar.Value{line("visits", 0, 1), line("visits", 1, 1), line("visits", 2, 1), line("visits", 3, 2), line("visits", 4, 3), line("visits", 5, 3)}, []string{"p1", "p2", "p3"}, ""},
		"somebody else":              {runs, []string{"p1", "p4"}, "not in the extract"},
		"the first row untold":       {[][]columnar.Value{line("visits", 1, 1), line("visits", 3, 2), line("visits", 4, 3)}, []string{"p3"}, "does not fit"},
		"a run too long":             {[][]columnar.Value{line("visits", 0, 1), line("visits", 4, 3)}, []string{"p3"}, "does not fit"},
		"a person untold at the end": {[][]columnar.Value{line("visits", 0, 1), line("visits", 3, 2)}, []string{"p3"}, "does not fit"},
		"two numbers in a run":       {[][]columnar.Value{line("visits", 0, 1), line("visits", 1, 7), line("visits", 3, 2), line("visits", 4, 3)}, []string{"p3"}, "does not fit"},
		"rows past the end":          {slices.Concat(runs, [][]columnar.Value{line("visits", 6, 4)}), []string{"p4"}, "does not fit"},
		"rows out of order":          {[][]columnar.Value{line("visits", 0, 1), line("visits", 4, 3), line("visits", 3, 2)}, []string{"p2"}, "does not fit"},
		"rows of another table":      {[][]columnar.Value{line("visits", 0, 1), line("other", 3, 2), line("visits", 4, 3)}, []string{"p3"}, "does not fit"},
		"nothing":                    {nil, []string{"p1"}, "not in the extract"},
		"nothing of the table asked": {before, []string{"p1"}, "not in the extract"},
	} {
		a := b.again(mustProfile(t, "cms"), airlock.Behind{Data: airlock.Data{Sidecar: b.parquet(t, cut.SidecarKey, "prj-a/fit/"+strings.ReplaceAll(what, " ", "-")+".parquet", cut.SidecarSchema, c.side)}})
		want := map[string]bool{}
		for _, n := range c.want {
			want[n] = true
		}
		err := a.learn(t.Context(), want, map[string][]byte{"visits": data})
		a.close()
		if err != nil || c.says != "" {
			if err == nil || c.says == "" || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v, want %q", what, err, c.says)
			}
			continue
		}
		for _, n := range c.want {
			if a.persons[n] != uint64(n[1]-'0') {
				t.Errorf("%s: %s goes by %d", what, n, a.persons[n])
			}
		}
	}
}
