package catalogue

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJoined(t *testing.T) {
	run := func(events string) Linkage {
		return Linkage{Report: json.RawMessage(`{"persons":9,"events":` + events + `}`)}
	}
	runs := []Linkage{run(`[]`), {}, run(`[{"kind":"merge","from":["b","c"],"into":["b"]},{"kind":"split","from":["x"],"into":["x","y"]}]`),
		run(`[{"kind":"merge","from":["a","b"],"into":["a"]},{"kind":"split","from":["m"],"into":["n","m"]}]`)}
	got, linked := joined(runs)
	if d := cmp.Diff(got, [][]string{{"a", "b", "c"}, {"m", "n"}, {"x", "y"}}); d != "" || linked != 4 {
		t.Errorf("%d\n%s", linked, d)
	}
	if got, linked := joined(append(runs, Linkage{Report: json.RawMessage(`{"events":7}`)})); len(got) != 0 || linked != 0 {
		t.Errorf("a report that can't be read: %v of %d", got, linked)
	}
	if got, linked := joined(runs[:2]); len(got) != 0 || linked != 2 {
		t.Errorf("nobody joined or parted: %v of %d", got, linked)
	}
}
