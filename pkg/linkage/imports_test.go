package linkage

import (
	"os/exec"
	"strings"
	"testing"
)

// TestLinkageCannotReachPayload: whoever sees names must not be able to open
// what is known about them. Each forbidden import says why.
func TestLinkageCannotReachPayload(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	forbidden := map[string]string{
		"/pkg/store":     "opens the database of projects and permits",
		"/pkg/objects":   "opens zones, payload among them",
		"/pkg/keys":      "opens data keys; linkage is given the one key it needs",
		"/pkg/intake":    "sees identifiers and payload together",
		"/pkg/catalogue": "publishes payload",
		"/pkg/pseudonym": "makes project pseudonyms",
		"/pkg/engine":    "runs queries over payload",
		"/pkg/synthetic": "holds the truth that linkage is measured against",
		"/workspace":     "holds researchers' work",
		"/airlock":       "holds outputs",
	}
	for _, dep := range strings.Fields(string(out)) {
		own, ok := strings.CutPrefix(dep, "github.com/ark-tre/ark")
		for f, why := range forbidden {
			if ok && (own == f || strings.HasPrefix(own, f+"/")) {
				t.Errorf("linkage imports %s, which %s", dep, why)
			}
		}
	}
}
