package differencing

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/ark-tre/ark/airlock/suppress/highs"
	"github.com/ark-tre/ark/pkg/ark"
)

// count is a released count of the people given, open by up to slack.
func count(slack float64, people ...uint64) Figure {
	f := Figure{Statistic: "count", Times: map[uint64]int{}}
	for _, p := range people {
		f.Times[p]++
	}
	n := float64(len(people))
	f.Printed, f.Lo, f.Hi = n, n-slack/2, n+slack/2
	return f
}

func span(from, to uint64) []uint64 {
	var out []uint64
	for p := from; p < to; p++ {
		out = append(out, mix(p)>>1)
	}
	return out
}

func release(id string, fs ...Figure) Release { return Release{ID: id, Figures: fs} }

func load(t testing.TB, h *History, r Release) {
	t.Helper()
	b, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Load(b); err != nil {
		t.Fatal(err)
	}
}

func conflicts(t testing.TB, h *History, r Release) []Conflict {
	t.Helper()
	rep, err := h.Compare(context.Background(), r, 10, DefaultWork())
	if err != nil {
		t.Fatal(err)
	}
	return rep.Conflicts
}

func TestCompare(t *testing.T) {
	all, most := span(0, 200), span(0, 193)
	join := func(xs ...[]uint64) []uint64 { return slices.Concat(xs...) }
	a, b, c := span(0, 100), span(100, 104), span(200, 320)
	for _, x := range []struct {
		name   string
		past   []Release
		new    Release
		people int // of the first conflict; 0: none
	}{
		{"nothing before", nil, release("n", count(0, all...)), 0},
		{"the same again", []Release{release("o", count(0, all...))}, release("n", count(0, all...)), 0},
		{"seven fewer", []Release{release("o", count(0, all...))}, release("n", count(0, most...)), 7},
		{"forty fewer", []Release{release("o", count(0, all...))}, release("n", count(0, span(0, 160)...)), 0},
		{"seven fewer, both rounded to five", []Release{release("o", count(4, all...))}, release("n", count(4, most...)), 0},
		{"seven fewer, one rounded to five", []Release{release("o", count(0, all...))}, release("n", count(4, most...)), 7},
		{"parts of a whole", []Release{release("o", count(0, span(0, 100)...), count(0, span(100, 193)...))}, release("n", count(0, all...)), 7},
		{"A or B, B or C, A or C", []Release{release("o", count(0, join(a, b)...)), release("p", count(0, join(b, c)...))}, release("n", count(0, join(a, c)...)), 4},
		{"one of three records fewer, both rounded to five", []Release{release("o", count(4, join(all, all[:1], all[:1])...))}, release("n", count(4, all[1:]...)), 0},
		{"one of seven records fewer, both rounded to five", []Release{release("o", count(4, join(all, all[:1], all[:1], all[:1], all[:1], all[:1], all[:1])...))}, release("n", count(4, all[1:]...)), 1},
		{"one of many records fewer, both rounded to ten", []Release{release("o", count(9, join(all, slices.Repeat(all[:1], 60))...))}, release("n", count(9, all[1:]...)), 1},
		{"others altogether", []Release{release("o", count(0, all...))}, release("n", count(0, span(1000, 1203)...)), 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			h := New()
			for _, r := range x.past {
				load(t, h, r)
			}
			got := conflicts(t, h, x.new)
			if x.people == 0 && len(got) > 0 || x.people > 0 && (len(got) == 0 || got[0].People != x.people) {
				t.Errorf("%d people wanted, got %+v", x.people, got)
			}
		})
	}
}

func TestRecordsOfOnePersonAreTold(t *testing.T) {
	f, g := count(0, span(0, 50)...), count(0, span(0, 50)...)
	first := mix(0) >> 1
	f.Times[first] = 3
	f.Printed, f.Lo, f.Hi = 52, 52, 52
	g.Times[first] = 2
	g.Printed, g.Lo, g.Hi = 51, 51, 51
	h := New()
	load(t, h, release("o", f))
	if got := conflicts(t, h, release("n", g)); len(got) == 0 || got[0].People != 1 {
		t.Errorf("one record of one person is not told: %+v", got)
	}
}

// world draws releases over a small population, some exact and some rounded.
func drawn(t *rapid.T, id string) Release {
	r := Release{ID: id}
	for range rapid.IntRange(1, 3).Draw(t, "figures") {
		from := uint64(rapid.IntRange(0, 40).Draw(t, "from"))
		to := from + uint64(rapid.IntRange(10, 60).Draw(t, "n"))
		slack := rapid.SampledFrom([]float64{0, 0, 0, 4}).Draw(t, "slack")
		who := span(from, to)
		if rapid.IntRange(0, 3).Draw(t, "records") == 0 { // of some several
			who = append(who, slices.Repeat(span(from, from+3), rapid.IntRange(1, 6).Draw(t, "more"))...)
		}
		r.Figures = append(r.Figures, count(slack, who...))
	}
	return r
}

func TestAReleaseNeverTurnsAFailIntoAPass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var past []Release
		for i := range rapid.IntRange(1, 4).Draw(t, "past") {
			past = append(past, drawn(t, fmt.Sprint(i)))
		}
		n, more := drawn(t, "new"), drawn(t, "more")
		before, after := cached(t), cached(t)
		for _, r := range past {
			mustLoad(t, before, r)
			mustLoad(t, after, r)
		}
		mustLoad(t, after, more)
		if failed(t, before, n) && !failed(t, after, n) {
			t.Fatalf("a fail became a pass")
		}
	})
}

// TestAFinerPartingHidesNothing: a third rounded count parts the first ten
// people into small atoms, beside which ten against eleven must still be seen.
func TestAFinerPartingHidesNothing(t *testing.T) {
	n := release("n", count(0, span(0, 10)...))
	past := []Release{release("0", count(0, span(0, 10)...), count(4, span(0, 11)...)), release("more", count(4, span(1, 11)...))}
	for k := 1; k <= len(past); k++ {
		h := New()
		for _, r := range past[:k] {
			load(t, h, r)
		}
		if len(conflicts(t, h, n)) == 0 {
			t.Errorf("beside %d releases it passes", k)
		}
	}
}

func TestWhatIsNearIsNeverLeftOut(t *testing.T) {
	h := New()
	load(t, h, release("near", count(0, span(0, 193)...)))
	for i := range 20 {
		load(t, h, release(fmt.Sprint(i), count(0, span(0, 400+50*uint64(i))...)))
	}
	rep, err := h.Compare(context.Background(), release("n", count(0, span(0, 200)...)), 10, Work{Figures: 3, People: 1 << 30})
	if err != nil || len(rep.Conflicts) == 0 || rep.Left == 0 {
		t.Errorf("%+v, %v: the count of seven fewer is lost among others, or they are not said to be left out", rep, err)
	}
}

func TestTheOrderOfReleasesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var past []Release
		for i := range rapid.IntRange(2, 5).Draw(t, "past") {
			past = append(past, drawn(t, fmt.Sprint(i)))
		}
		n := drawn(t, "new")
		one, two := cached(t), cached(t)
		for _, r := range past {
			mustLoad(t, one, r)
		}
		for _, r := range rapid.Permutation(past).Draw(t, "order") {
			mustLoad(t, two, r)
		}
		if failed(t, one, n) != failed(t, two, n) {
			t.Fatalf("the order decides")
		}
	})
}

func mustLoad(t *rapid.T, h *History, r Release) {
	b, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Load(b); err != nil {
		t.Fatal(err)
	}
}

func failed(t *rapid.T, h *History, r Release) bool {
	rep, err := h.Compare(context.Background(), r, 10, DefaultWork())
	if err != nil {
		t.Fatal(err)
	}
	return len(rep.Conflicts) > 0
}

func TestMarshalRoundTrip(t *testing.T) {
	r := release("x", count(0, span(0, 30)...), count(4, span(20, 90)...))
	r.Figures[0].Times[mix(3)>>1] = 5
	h := New()
	load(t, h, r)
	if got := h.Releases(); len(got) != 1 || got[0].ID != "x" || got[0].Figures != 2 || got[0].People != 90 {
		t.Errorf("%+v", got)
	}
	row := h.systems["count"].rows[0]
	if row.size != 30 || row.set.times(h.ordinals[mix(3)>>1]) != 5 || row.set.times(h.ordinals[mix(4)>>1]) != 1 {
		t.Errorf("the set is not what was kept: %d people", row.size)
	}
}

func TestADamagedReleaseIsRefused(t *testing.T) {
	b, err := release("x", count(0, span(0, 30)...)).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		bad := bytes.Clone(b)
		bad[i] ^= 1
		if New().Load(bad) == nil {
			t.Fatalf("byte %d can be changed", i)
		}
	}
	for i := range b {
		if New().Load(b[:i]) == nil {
			t.Fatalf("it can be cut to %d bytes", i)
		}
	}
}

func FuzzLoad(f *testing.F) {
	b, err := release("x", count(0, span(0, 30)...)).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) { _ = New().Load(b) })
}

func TestFolder(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "h")
	if _, err := OpenFolder(dir, false); ark.KindOf(err) != ark.Invalid {
		t.Errorf("a folder that is not there: %v", err)
	}
	f, err := OpenFolder(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Add(ctx, release("x", count(0, f.Number("a"), f.Number("b")))); err != nil {
		t.Fatal(err)
	}
	if err := f.Add(ctx, release("x", count(0, f.Number("a")))); ark.KindOf(err) != ark.Conflict {
		t.Errorf("an id twice: %v", err)
	}
	g, err := OpenFolder(dir, false)
	if err != nil || g.Number("a") != f.Number("a") {
		t.Errorf("another number for the same name: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, keyFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFolder(dir, true); err == nil {
		t.Error("a history without its key is opened")
	}
}

// TestTheStoreYieldsNobodyWithoutItsKey: with the kept releases and every name
// of the person index, but not the key, no member can be told.
func TestTheStoreYieldsNobodyWithoutItsKey(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	f, err := OpenFolder(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	other, err := OpenFolder(t.TempDir(), true) // whoever has no key has to guess one
	if err != nil {
		t.Fatal(err)
	}
	var index []string
	var members []uint64
	for i := range 500 {
		index = append(index, fmt.Sprintf("person%03d", i))
		if i%2 == 0 {
			members = append(members, f.Number(index[i]))
		}
	}
	if err := f.Add(ctx, release("x", count(0, members...))); err != nil {
		t.Fatal(err)
	}
	names, err := releaseFiles(dir)
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	store, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	found := func(number func(string) uint64) int {
		n := 0
		for _, name := range index {
			if bytes.Contains(store, []byte(name)) || bytes.Contains(store, binary.BigEndian.AppendUint64(nil, number(name))) {
				n++
			}
		}
		return n
	}
	if n := found(f.Number); n != len(members) {
		t.Fatalf("with the key %d of %d are found: the test looks at nothing", n, len(members))
	}
	if n := found(other.Number); n != 0 {
		t.Errorf("without the key %d people are found", n)
	}
	if n := found(func(s string) uint64 { return binary.BigEndian.Uint64([]byte(s + "        ")) }); n != 0 {
		t.Errorf("%d people are found by their names' bytes", n)
	}
}

// shared is one solver for all tests.
var shared = sync.OnceValues(func() (*highs.Solver, error) {
	return highs.New(context.Background(), highs.Options{CacheDir: filepath.Join(os.TempDir(), "ark-test-highs")})
})

// cached is a history with the shared solver.
func cached(t *rapid.T) *History {
	h := New()
	var err error
	if h.lp, err = shared(); err != nil {
		t.Fatal(err)
	}
	return h
}

// TestASearchCutShortSaysSo: beyond a bound nothing passes by itself.
func TestASearchCutShortSaysSo(t *testing.T) {
	h := New()
	for i := range maxAlone + 1 {
		load(t, h, release(fmt.Sprint(i), count(4, span(0, 100+20*uint64(i))...)))
		rep, err := h.Compare(context.Background(), release("n", count(4, span(0, 50)...)), 10, DefaultWork())
		if err != nil {
			t.Fatal(err)
		}
		if rep.Cut != (i >= maxAlone) {
			t.Fatalf("beside %d releases the search says that it was cut short: %v", i+1, rep.Cut)
		}
	}
}

// TestAMergeDoesNotHideALeaver: of the people of an earlier figure one left, and
// eight became four, who have other numbers now. By the numbers thirteen tell
// the figures apart, in truth one; so it is not to pass by itself.
func TestAMergeDoesNotHideALeaver(t *testing.T) {
	before := span(0, 100)
	after := append(span(9, 100), 9001, 9002, 9003, 9004)
	for _, c := range []struct {
		name     string
		relinked int
		after    []uint64
		slack    float64
		want     []Kind
	}{
		{"not said", 0, after, 0, nil}, // what is looked at is there
		{"said", 12, after, 0, []Kind{Relinked}},
		{"further away than all merges", 12, span(40, 100), 0, nil},
		{"the same people", 12, before, 0, nil},
		{"nearer than the threshold", 12, span(1, 100), 0, []Kind{Difference}},
		{"both rounded", 12, after, 4, nil},
	} {
		h := New()
		h.Relinked = c.relinked
		load(t, h, release("before", count(c.slack, before...)))
		rep, err := h.Compare(context.Background(), release("after", count(c.slack, c.after...)), 10, DefaultWork())
		if err != nil {
			t.Fatal(err)
		}
		var got []Kind
		for _, x := range rep.Conflicts {
			if !slices.Contains(got, x.Kind) {
				got = append(got, x.Kind)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
