package catalogue

import (
	"testing"

	"github.com/ark-tre/ark/pkg/objects"
)

func TestAnswersSettleAPair(t *testing.T) {
	for _, c := range []struct {
		says []string
		want string
	}{
		{nil, "waiting"},
		{[]string{PairSame}, "waiting"},
		{[]string{PairSame, PairSame}, PairSame},
		{[]string{PairDifferent, PairDifferent}, PairDifferent},
		{[]string{PairUnclear, PairUnclear}, PairUnclear},
		{[]string{PairSame, PairDifferent}, "disputed"},
		{[]string{PairSame, PairUnclear}, "disputed"},
		{[]string{PairSame, PairDifferent, PairSame}, PairSame},
		{[]string{PairSame, PairDifferent, PairDifferent}, PairDifferent},
		{[]string{PairSame, PairDifferent, PairUnclear}, PairUnclear},
	} {
		var as []Answer
		for _, s := range c.says {
			as = append(as, Answer{Says: s})
		}
		if got := settled(as); got != c.want {
			t.Errorf("%v settle as %s, want %s", c.says, got, c.want)
		}
	}
}

// TestWhenARunGoesOnFromTheOneBefore: only when all it had is there still, what
// is new is little, and not for ever.
func TestWhenARunGoesOnFromTheOneBefore(t *testing.T) {
	state := func(n string) map[string]objects.Ref {
		return map[string]objects.Ref{"state": {Name: n}, "links": {Name: "links-" + n}}
	}
	full := Linkage{ID: "l1", Deliveries: []string{"a", "b"}, Outputs: state("s1")}
	next := Linkage{ID: "l2", Deliveries: []string{"a", "b", "c"}, Outputs: state("s2"), Base: "l1"}
	rows := map[string]int64{"a": 5000, "b": 1000, "c": 100, "d": 100, "big": 2000}
	job := func(ds ...string) *LinkJob {
		j := &LinkJob{}
		for _, d := range ds {
			j.Inputs = append(j.Inputs, LinkInput{Delivery: d, Source: map[bool]string{true: "other", false: "gp"}[d == "b"]})
		}
		return j
	}
	for name, c := range map[string]struct {
		job    *LinkJob
		last   *Linkage
		runs   []Linkage
		states int
	}{
		"the first run":                      {job("a", "b"), nil, nil, 0},
		"a small delivery":                   {job("a", "b", "c"), &full, []Linkage{full}, 1},
		"and another":                        {job("a", "b", "c", "d"), &next, []Linkage{full, next}, 2},
		"older than what its source had":     {job("c", "a", "b"), &full, []Linkage{full}, 0},
		"older than what another source had": {job("a", "c", "b"), &full, []Linkage{full}, 1},
		"nothing new":                        {job("a", "b"), &full, []Linkage{full}, 0},
		"one was taken back":                 {job("a", "c"), &full, []Linkage{full}, 0},
		"much is new":                        {job("a", "b", "big"), &full, []Linkage{full}, 0},
		"a run without a state":              {job("a", "b", "c"), &Linkage{ID: "l0", Deliveries: []string{"a", "b"}}, []Linkage{{ID: "l0"}}, 0},
		"a lost run":                         {job("a", "b", "c", "d"), &next, []Linkage{next}, 0},
	} {
		c.job.extend(c.last, c.runs, rows)
		got := 0
		if c.job.Base != nil {
			got = len(c.job.Base.States)
			if c.job.Base.States[0].Name != "s1" || c.job.Base.Links.Name == "" {
				t.Errorf("%s: base %+v", name, c.job.Base)
			}
		}
		if got != c.states {
			t.Errorf("%s: %d states, want %d", name, got, c.states)
		}
	}
	last, runs := full, []Linkage{full}
	for range extensions {
		l := Linkage{ID: last.ID + "x", Deliveries: full.Deliveries, Outputs: state("s"), Base: last.ID}
		runs, last = append(runs, l), l
	}
	j := job("a", "b", "c")
	if j.extend(&last, runs, rows); j.Base != nil {
		t.Error("extensions go on for ever")
	}
}
