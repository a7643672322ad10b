package policies

import (
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated pages under docs/ anew")

// page holds a generated page against the file in docs/.
func page(t *testing.T, name, want string) {
	t.Helper()
	path := "../docs/" + name
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("docs/%s is stale (%v): run go test ./policies -update", name, err)
	}
}

func TestStatesPageIsCurrent(t *testing.T) {
	all, err := LoadMachines()
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(all))
	for n := range all {
		names = append(names, n)
	}
	sort.Strings(names)
	var b strings.Builder
	b.WriteString("# States\n\nGenerated from `policies/states.yaml` by a test; do not edit. A change of state that is not drawn here is refused.\n")
	for _, n := range names {
		m := all[n]
		fmt.Fprintf(&b, "\n## %s\n\n```mermaid\n%s```\n\n| state | in words | next step is with |\n|---|---|---|\n", m.Noun, m.Diagram())
		states := make([]string, 0, len(m.States))
		for s := range m.States {
			states = append(states, s)
		}
		sort.Strings(states)
		for _, s := range states {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", s, m.States[s].Says, m.States[s].Owner)
		}
	}
	page(t, "states.md", b.String())
}

func TestAccessPageIsCurrent(t *testing.T) {
	access, err := LoadAccess()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("# Who may do what\n\nGenerated from `policies/actions.tsv` by a test; do not edit. The rules are in `policies/access.cedar`, the expected answers in `policies/access_matrix.tsv`.\n\n| action | on | what it is | who may |\n|---|---|---|---|\n")
	names := make([]string, 0, len(access.Actions()))
	for n := range access.Actions() {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		a := access.Actions()[n]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", a.Name, a.Resource, a.Words, a.Who)
	}
	page(t, "access.md", b.String())
}
