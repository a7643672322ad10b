package differencing

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func (r Release) linkedBy(name string) Release {
	r.Linked = name
	return r
}

func kinds(cs []Conflict) []Kind {
	var out []Kind
	for _, c := range cs {
		if !slices.Contains(out, c.Kind) {
			out = append(out, c.Kind)
		}
	}
	return out
}

// visits is a count of records, each person's number given as often as there are.
func visits(people ...uint64) Figure { return count(0, people...) }

func twice(people []uint64) []uint64 { return append(slices.Clone(people), people...) }

// TestAMergeIsComparedProperly: linkage L2 finds that each of some pairs of
// people of L1 is one person, or that one of L1 is two.
func TestAMergeIsComparedProperly(t *testing.T) {
	const pairs = 14
	all, others := span(0, 200), span(200, 200+pairs)
	one, six := Same{}, Same{}
	for i := range pairs { // person i of all is person i of others
		g := [][]uint64{{all[i], others[i]}}
		if one = one.With(g); i < 6 {
			six = six.With(g)
		}
	}
	join := func(xs ...[]uint64) []uint64 { return slices.Concat(xs...) }
	model := func(people []uint64) Figure {
		f := count(0, people...)
		f.Statistic, f.Of, f.Printed = "model", "linear\x1fy", 0
		return f
	}
	for _, c := range []struct {
		name  string
		same  Same
		past  []Release
		new   Release
		wants []Kind
	}{
		{"records of both are records of one", one,
			[]Release{release("o", visits(join(twice(all), others)...)).linkedBy("L1")},
			release("n", visits(join(twice(all), all[:pairs])...)).linkedBy("L2"), nil},
		{"and parted again", one,
			[]Release{release("o", visits(join(twice(all), all[:pairs])...)).linkedBy("L2")},
			release("n", visits(join(twice(all), others)...)).linkedBy("L3"), nil},
		{"and one has left", one,
			[]Release{release("o", visits(join(twice(all), others)...)).linkedBy("L1")},
			release("n", visits(join(twice(all[:199]), all[:pairs])...)).linkedBy("L2"), []Kind{Difference}},
		{"each counts once: six fewer", six,
			[]Release{release("o", count(0, join(all, others[:6])...)).linkedBy("L1")},
			release("n", count(0, all...)).linkedBy("L2"), []Kind{Difference}},
		{"each counts once: fourteen fewer, and one has left", one,
			[]Release{release("o", count(0, join(all, others)...)).linkedBy("L1")},
			release("n", count(0, all[:199]...)).linkedBy("L2"), []Kind{Relinked}},
		{"each counts once: fourteen fewer, and twenty have left", one,
			[]Release{release("o", count(0, join(all, others)...)).linkedBy("L1")},
			release("n", count(0, all[:180]...)).linkedBy("L2"), nil},
		{"the same, rounded", one,
			[]Release{release("o", count(4, join(all, others)...)).linkedBy("L1")},
			release("n", count(4, all[:199]...)).linkedBy("L2"), nil},
		{"the leaver shows in the sum of two figures", one,
			[]Release{release("o", count(0, join(all[:100], others)...)).linkedBy("L1"), release("p", count(0, all[100:]...)).linkedBy("L1")},
			release("n", count(0, all[:199]...)).linkedBy("L2"), []Kind{Relinked}},
		{"within one linkage they are two", six,
			[]Release{release("o", count(0, append(slices.Clone(all[6:]), all[0])...)).linkedBy("L1")},
			release("n", count(0, append(slices.Clone(all[6:]), others[0])...)).linkedBy("L1"), []Kind{Difference}},
		{"a model of the same people by another linkage", six,
			[]Release{release("o", model(all)).linkedBy("L1")}, release("n", model(append(slices.Clone(all[1:]), others[0]))).linkedBy("L2"), []Kind{Relinked}},
		{"a model of all but one of them", six,
			[]Release{release("o", model(all)).linkedBy("L1")}, release("n", model(append(slices.Clone(all[2:]), others[0]))).linkedBy("L2"), []Kind{Nested}},
		{"nobody moved is in it", one,
			[]Release{release("o", count(0, all[50:]...)).linkedBy("L1")}, release("n", count(0, all[50:]...)).linkedBy("L2"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := NewSame(c.same)
			defer h.Close()
			for _, r := range c.past {
				load(t, h, r)
			}
			if got := kinds(conflicts(t, h, c.new)); !slices.Equal(got, c.wants) {
				t.Errorf("%v, want %v", got, c.wants)
			}
		})
	}
}

// TestAReleaseKeepsWhoItsPeopleAre: what a release says of its people is with
// it, and nothing of others; a history that did not know it says so.
func TestAReleaseKeepsWhoItsPeopleAre(t *testing.T) {
	r := release("x", count(0, span(0, 30)...))
	a, b := span(0, 1)[0], span(900, 903)
	r.Same = Same{}.With([][]uint64{{a, b[0]}, {b[1], b[2]}})
	h := New()
	load(t, h, r)
	want := []uint64{a, b[0]}
	slices.Sort(want)
	if d := cmp.Diff(h.Lacking(), [][]uint64{want}); d != "" {
		t.Fatal(d)
	}
	h = NewSame(Same{}.With(h.Lacking()))
	load(t, h, r)
	if got := h.Lacking(); len(got) > 0 {
		t.Errorf("%v is still not known", got)
	}
	// The person is found again under the other number.
	if got := conflicts(t, h, release("n", count(0, append(span(2, 30), b[0])...)).linkedBy("L2")); len(got) == 0 || got[0].People != 1 {
		t.Errorf("%+v", got)
	}
}

// relinkedWorld draws releases by three linkages, of people some of whom go by
// other numbers from one to the next; each record keeps its person.
func relinkedWorld(t *rapid.T) (Same, func(id string) Release) {
	var groups [][]uint64
	number := [3]map[int]uint64{{}, {}, {}}
	for p := range 40 {
		own := mix(uint64(p)) >> 1
		for l := range 3 {
			number[l][p] = own
			if l > 0 {
				number[l][p] = number[l-1][p]
			}
			if rapid.IntRange(0, 9).Draw(t, "moves") == 0 { // goes into a neighbour
				number[l][p] = mix(uint64((p+1)%40)) >> 1
				groups = append(groups, []uint64{own, number[l][p]})
			}
		}
	}
	draw := func(id string) Release {
		l := rapid.IntRange(0, 2).Draw(t, "linkage")
		r := Release{ID: id, Linked: fmt.Sprint("L", l)}
		for range rapid.IntRange(1, 3).Draw(t, "figures") {
			from := rapid.IntRange(0, 12).Draw(t, "from")
			var who []uint64
			for p := from; p < from+rapid.IntRange(12, 27).Draw(t, "n"); p++ {
				who = append(who, number[l][p])
			}
			r.Figures = append(r.Figures, count(rapid.SampledFrom([]float64{0, 0, 4}).Draw(t, "slack"), who...))
		}
		return r
	}
	return SameOf(groups), draw
}

// TestLinkageChangesNeitherOrderNorMore: over merges and parts too, one more
// release never turns what does not pass into a pass, and the order of releases
// does not matter.
func TestLinkageChangesNeitherOrderNorMore(t *testing.T) {
	moved := 0
	rapid.Check(t, func(t *rapid.T) {
		same, draw := relinkedWorld(t)
		var past []Release
		for i := range rapid.IntRange(1, 4).Draw(t, "past") {
			past = append(past, draw(fmt.Sprint(i)))
		}
		n, more := draw("new"), draw("more")
		one, two, three := cached(t), cached(t), cached(t)
		for _, h := range []*History{one, two, three} {
			lp := h.lp
			*h = *NewSame(same)
			h.lp = lp
		}
		for _, r := range past {
			mustLoad(t, one, r)
			mustLoad(t, three, r)
		}
		for _, r := range rapid.Permutation(past).Draw(t, "order") {
			mustLoad(t, two, r)
		}
		mustLoad(t, three, more)
		if len(one.rest) > 0 {
			moved++
		}
		a, b, c := says(t, one, n), says(t, two, n), says(t, three, n)
		if a != b {
			t.Fatalf("the order decides: %d and %d", a, b)
		}
		if c < a {
			t.Fatalf("one more release makes %d of %d", c, a)
		}
	})
	if moved == 0 {
		t.Error("nobody ever moved: the test looks at nothing")
	}
}

// says is 2 for a conflict that fails, 1 for one to look at, 0 for none.
func says(t *rapid.T, h *History, r Release) (worst int) {
	rep, err := h.Compare(context.Background(), r, 10, DefaultWork())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range rep.Conflicts {
		if worst = max(worst, 1); c.Kind != Relinked {
			worst = 2
		}
	}
	return worst
}
