package portal

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// faces reads the hand-written table of the airlock's acts.
func faces(t *testing.T) [][]string {
	t.Helper()
	raw, err := os.ReadFile("../../airlock/testdata/faces.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		if f := strings.Split(line, "\t"); len(f) == 4 && f[0] != "action" && !strings.HasPrefix(line, "#") {
			out = append(out, f)
		}
	}
	return out
}

// TestEveryActOfTheAirlockHasItsFaces: what a person may do to a request or a
// release can be done on a page and by the API, under the same action; nothing
// changes a request or release beside the table.
func TestEveryActOfTheAirlockHasItsFaces(t *testing.T) {
	b := newBench(t)
	pages, ops := map[string]string{}, map[string]string{}
	for _, r := range b.p.Routes() {
		pages[r.Pattern] = r.Action
	}
	for _, op := range b.p.Operations() {
		ops[op.Method+" "+op.Path] = op.Action
	}
	var have, listedOps []string
	for _, f := range faces(t) {
		have = append(have, f[0])
		if pages[f[1]] != f[0] {
			t.Errorf("%s has no page %s (it does %q)", f[0], f[1], pages[f[1]])
		}
		if f[2] != "-" && ops[f[2]] != f[0] {
			t.Errorf("%s has no operation %s (it does %q)", f[0], f[2], ops[f[2]])
		}
		listedOps = append(listedOps, f[2])
	}
	for name, a := range b.p.cfg.Access.Actions() {
		byPeople := a.Who != "workers" && a.Who != "the airlock worker" && !strings.HasPrefix(a.Who, "the system")
		if (a.Resource == "Request" || a.Resource == "Release") && byPeople && !slices.Contains(have, name) {
			t.Errorf("%s is not in the table", name)
		}
	}
	for _, op := range b.p.Operations() {
		if (op.On == "Request" || op.On == "Release") && op.Method == "POST" && !slices.Contains(listedOps, op.Method+" "+op.Path) {
			t.Errorf("%s %s is not in the table", op.Method, op.Path)
		}
	}
}
