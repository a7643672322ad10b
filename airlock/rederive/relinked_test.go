package rederive_test

import (
	"fmt"
	"testing"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/rederive"
)

// relinked is two versions of a world of events, one to three a person: some
// people of the first are two by its linkage, whom the second joins; or one,
// whom the second parts.
type relinked struct {
	*world
	two   map[int]bool // these go by two names
	parts bool         // the second version parts them, the first joins them
	names [][2]string
}

func newRelinked(seed uint64, n, moved int, parts bool) *relinked {
	r := &relinked{world: newWorld(seed, n), two: map[int]bool{}, parts: parts}
	for k := range moved {
		r.two[r.people[k*3].id] = true
		r.names = append(r.names, [2]string{fmt.Sprintf("p%d", r.people[k*3].id), fmt.Sprintf("q%d", r.people[k*3].id)})
	}
	return r
}

// version is the events, as the linkage of that version names people.
func (r *relinked) version(second bool) string {
	out := "person,age,region,sex,bmi,all\n"
	for _, p := range r.people {
		for k := range 1 + p.id%3 {
			name := fmt.Sprintf("p%d", p.id)
			if r.two[p.id] && k > 0 && second == r.parts {
				name = fmt.Sprintf("q%d", p.id)
			}
			out += fmt.Sprintf("%s,%d,r%d,%s,%.1f,x\n", name, p.age, p.region, []string{"F", "M"}[p.sex], p.bmi)
		}
	}
	return out
}

func linkedOutput(t testing.TB, csv string, by []string, filter string, st style, linked string) rederive.Output {
	o := output(t, csv, crosstab(by, nil, filter), st)
	o.Linked = linked
	return o
}

// TestNoAttackOverAMergePasses: between two releases linkage joins or parts as
// many people as would hide it that one to three left, or that a filter of the
// second leaves them out.
func TestNoAttackOverAMergePasses(t *testing.T) {
	const each = 24
	for _, a := range []struct {
		name  string
		parts bool
		leave bool // they leave the data; else the filter leaves them out
	}{{"left between two linkages that join", false, true}, {"left between two that part", true, true}, {"filtered, after a join", false, false}, {"filtered, after a part", true, false}} {
		passed, alone, without := 0, 0, 0
		for i := range each {
			w := newRelinked(uint64(5000+i), 400+40*(i%7), 12+i%20, a.parts)
			few := 1 + i%3
			if !a.leave {
				for k := range few {
					w.people[200+k*5].age = 97
				}
			}
			by := [][]string{{"all"}, {"region"}, {"sex"}}[i%3]
			first := linkedOutput(t, w.version(false), by, "", style{}, "L1")
			filter := "age < 90"
			if a.leave {
				filter = ""
				w.people = append(w.people[:200], w.people[200+few:]...)
			}
			last := linkedOutput(t, w.version(true), by, filter, style{}, "L2")
			p := profile(t, "ark")
			x, blind := newPastOf(t, p, w.names), newPast(t, p)
			x.keep(first)
			blind.keep(first)
			if v, _ := newPast(t, p).check(last); v == disclosure.Pass {
				alone++
			}
			if v, _ := blind.check(last); v == disclosure.Pass {
				without++
			}
			if v, _ := x.check(last); v == disclosure.Pass {
				if passed++; passed < 3 {
					t.Errorf("%s %d passes:\n%s%s", a.name, i, first.Data, last.Data)
				}
			}
		}
		t.Logf("%-36s %d of %d pass; %d of their last tables pass alone, %d would without the aliases", a.name, passed, each, alone, without)
		if alone < each*3/4 || without == 0 {
			t.Errorf("%s: %d pass alone and %d without aliases, so that these decide nothing", a.name, alone, without)
		}
	}
}

// TestRevisionsOverAMergePass: the same table of the next version, over
// linkages that join or part a few people and no other change, passes exact;
// with people who came and went, rounded.
func TestRevisionsOverAMergePass(t *testing.T) {
	const each = 60
	stopped := 0
	for i := range 2 * each {
		w := newRelinked(uint64(9000+i), 500+30*(i%9), 1+i%25, i%2 == 0)
		st := style{}
		p := profile(t, "ark")
		if i >= each {
			st = style{round: nearest, suppress: true}
		}
		first := linkedOutput(t, w.version(false), []string{"region", "sex"}, "", st, "L1")
		if i >= each {
			for range w.IntN(30) {
				w.join()
			}
			w.people = w.people[w.IntN(6):]
		}
		x := newPastOf(t, p, w.names)
		x.keep(first)
		if v, fs := x.check(linkedOutput(t, w.version(true), []string{"region", "sex"}, "", st, "L2")); v != disclosure.Pass {
			if stopped++; stopped < 4 {
				t.Logf("%d: %s %v", i, v, ruleIDs(fs))
			}
		}
	}
	t.Logf("%d of %d revisions over a change of linkage do not pass", stopped, 2*each)
	if stopped*20 > 2*each {
		t.Error("more than 5 % do not pass")
	}
}
