package engine_test

import (
	"os/exec"
	"strings"
	"testing"
)

// The client side links no DuckDB, so that ark itself builds without cgo; and
// ark-engine alone links the inside.
func TestDuckDBStaysInside(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "github.com/ark-tre/ark/pkg/engine", "github.com/ark-tre/ark/cmd/ark").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range strings.Fields(string(out)) {
		if strings.Contains(p, "go-duckdb") || strings.HasSuffix(p, "/engine/duck") {
			t.Errorf("%s is linked", p)
		}
	}
	out, err = exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "github.com/ark-tre/ark/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		name, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.Contains(imports, "marcboeker/go-duckdb") && !strings.HasSuffix(name, "/engine/duck") {
			t.Errorf("%s imports go-duckdb", name)
		}
	}
}
