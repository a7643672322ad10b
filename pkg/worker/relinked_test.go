package worker

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/workspace/cut"
)

// linkedExtract is an extract with three records of each of 120 people; number
// gives the sidecar's number behind record k of person i, or 0 for a record
// that the extract does not have.
func (b Bench) linkedExtract(t *testing.T, project, linked string, aliases [][]uint64, number func(i, k int) int64) airlock.Data {
	t.Helper()
	var rows, side [][]columnar.Value
	for i := range 120 {
		for k := range 3 {
			if n := number(i, k); n != 0 {
				side = append(side, []columnar.Value{cell.Str("visits"), cell.Int(int64(len(rows))), cell.Int(n)})
				rows = append(rows, []columnar.Value{cell.Str(fmt.Sprintf("%s-%d", project, n)), cell.Str([]string{"north", "south"}[i%2])})
			}
		}
	}
	d := airlock.Data{Linked: linked,
		Tables:  []airlock.DataTable{{Name: "visits", Ref: b.parquet(t, keys.Of(keys.Project, project), project+"/"+linked+"/visits.parquet", columnar.Schema{{Name: "person", Type: cell.String}, {Name: "side", Type: cell.String, Nullable: true}}, rows)}},
		Sidecar: b.parquet(t, cut.SidecarKey, project+"/"+linked+"/sidecar.parquet", cut.SidecarSchema, side)}
	var same [][]columnar.Value
	for _, g := range aliases {
		for _, n := range g {
			same = append(same, []columnar.Value{cell.Int(int64(n)), cell.Int(int64(g[0]))})
		}
	}
	if len(same) > 0 {
		d.Aliases = b.parquet(t, cut.SidecarKey, project+"/"+linked+"/aliases.parquet", cut.AliasSchema, same)
	}
	return d
}

// TestAReleaseBeforeAMergeIsCompared: a table of another project left when
// linkage took twelve people for two each. The table made after it found them
// to be one is the same in truth and passes; the one without a leaver's three
// records is refused, and so is the older extract's beside the newer release.
func TestAReleaseBeforeAMergeIsCompared(t *testing.T) {
	b := bench(t)
	own := func(i int) int64 { return 7_000_000_000_000 + int64(i) }
	other := func(i int) int64 { return 8_000_000_000_000 + int64(i) }
	before := func(i, k int) int64 {
		if i < 12 && k == 2 {
			return other(i)
		}
		return own(i)
	}
	after := func(i, k int) int64 { return own(i) }
	without := func(who int, of func(i, k int) int64) func(i, k int) int64 {
		return func(i, k int) int64 {
			if i == who {
				return 0
			}
			return of(i, k)
		}
	}
	var same [][]uint64
	for i := range 12 {
		same = append(same, []uint64{uint64(own(i)), uint64(other(i))})
	}
	n := 0
	behind := func(d airlock.Data) airlock.Behind {
		n++
		return airlock.Behind{Data: d, Specs: []airlock.CheckOf{b.submit(t, fmt.Sprint("s", n), "all.csv"+airlock.SpecSuffix, `{"ark":1,"kind":"crosstab","data":"visits","rows":["side"]}`)}}
	}
	counts := func(north, south int) airlock.CheckOf {
		n++
		return b.submit(t, fmt.Sprint("f", n), "all.csv", fmt.Sprintf("side,count\nnorth,%d\nsouth,%d\n", north, south))
	}
	keep := func(f airlock.CheckOf, h airlock.Behind, project string) objects.Ref {
		t.Helper()
		k := b.again(mustProfile(t, "cms"), h)
		defer k.close()
		data, err := b.bytes(context.Background(), f.Ref)
		must(t, err)
		ref, _, err := k.keepSets(context.Background(), airlock.ReleaseJob{Release: "rel-" + f.ID, Project: project, Files: []airlock.CheckOf{f}, Behind: h},
			[]leaving{{f, []table{{name: f.Name, spec: f.Name + airlock.SpecSuffix, data: data}}}})
		must(t, err)
		return ref
	}
	first := behind(b.linkedExtract(t, "prj-a", "lnk-1", nil, before))
	left := keep(counts(180, 180), first, "prj-a")
	for _, c := range []struct {
		name    string
		data    airlock.Data
		north   int
		verdict string
		rule    string
	}{
		{"the same people", b.linkedExtract(t, "prj-b", "lnk-2", same, after), 180, "pass", ""},
		{"one of them has left", b.linkedExtract(t, "prj-b", "lnk-2b", same, without(40, after)), 177, "fail", "release-difference"},
		{"one whom linkage joined has left", b.linkedExtract(t, "prj-b", "lnk-2c", same, without(4, after)), 177, "fail", "release-difference"},
	} {
		h := behind(c.data)
		h.History = []objects.Ref{left}
		if v, fs := b.check(t, counts(c.north, 180), h); string(v) != c.verdict || c.rule != "" && !slices.Contains(rules(fs), c.rule) {
			t.Errorf("%s: %s %+v", c.name, v, fs)
		}
	}
	// The other way round: the newer release brings what it knows to the older
	// extract, which knows of no merge.
	newer := behind(b.linkedExtract(t, "prj-b", "lnk-3", same, without(40, after)))
	kept := keep(counts(177, 180), newer, "prj-b")
	first.History = []objects.Ref{kept}
	if v, fs := b.check(t, counts(180, 180), first); v != "fail" || !slices.Contains(rules(fs), "release-difference") {
		t.Errorf("the older extract beside the newer release: %s %+v", v, fs)
	}
}
