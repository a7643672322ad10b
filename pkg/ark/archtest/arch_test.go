package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/ark-tre/ark/"

type listed struct {
	ImportPath, Doc string
	Imports, Deps   []string
}

// packages lists the packages of the house by their path below the module.
func packages(t *testing.T) map[string]listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,Imports,Deps", module+"...")
	cmd.Dir = "../../.."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := map[string]listed{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(p.ImportPath, module)] = p
	}
	if len(all) < 40 {
		t.Fatalf("only %d packages listed: the test looks at nothing", len(all))
	}
	return all
}

// within reports whether path is the package or folder f, or below it.
func within(path, f string) bool { return path == f || strings.HasPrefix(path, f+"/") }

// forbidden are the imports, direct or through others, that may not be, and why.
var forbidden = []struct{ from, to, why string }{
	{"pkg/ark", module + "pkg/store", "the nouns know nothing of what is built on them"},
	{"pkg/keys", module + "pkg/objects", "keys are below objects"},
	{"pkg/objects", module + "pkg/store", "bytes know nothing of metadata"},
	{"pkg/ledger", module + "pkg/store", "the ledger records whatever leaves it an outbox"},
	{"pkg/engine", module + "pkg/keys", "the engine holds no credential"},
	{"pkg/engine", module + "pkg/objects", "the engine reads files of a folder and nothing else"},
	{"pkg/columnar", module + "pkg/objects", "a format knows nothing of where files are"},
	{"pkg/filter", module + "pkg/store", "the language is text in, answers out"},
	{"pkg/store", module + "policies", "the store asks a Decider; the policies are one"},
	{"pkg/store", module + "pkg/governance", "the door is below the rooms"},
	{"policies", module + "pkg/governance", "policies decide on plain attributes"},
	{"policies", module + "airlock", "policies decide on plain attributes"},
	{"policies", module + "workspace", "policies decide on plain attributes"},
	{"pkg/linkage", module + "pkg/intake", "who sees names reaches no reader of payload"},
	{"pkg/linkage", module + "pkg/catalogue", "who sees names reaches no reader of payload"},
	{"pkg/linkage", module + "pkg/objects", "linkage is handed its files; it opens no zone"},
	{"pkg/linkage", module + "pkg/keys", "linkage is given the one key it needs"},
	{"pkg/intake", module + "pkg/linkage", "a later stage never calls an earlier one, nor the reverse"},
	{"pkg/catalogue", module + "pkg/linkage", "publishing reads the person index as a file"},
	{"pkg/catalogue", module + "pkg/governance", "governance reads the catalogue, not the reverse"},
	{"pkg/governance", module + "airlock", "decisions come before the rooms that obey them"},
	{"pkg/governance", module + "workspace", "decisions come before the rooms that obey them"},
	{"pkg/governance", module + "pkg/keys/local", "who decides opens no keyring"},
	{"pkg/governance", module + "pkg/keys/vault", "who decides opens no keyring"},
	{"workspace", module + "airlock", "the two rooms meet in the stores only"},
	{"airlock", module + "workspace", "the two rooms meet in the stores only"},
	{"airlock/inspect", module + "pkg/intake", "what parses hostile files reaches no deliveries"},
	{"airlock/inspect", module + "pkg/store", "what parses hostile files reaches no database"},
	{"airlock/disclosure", module + "pkg/store", "rules judge bytes they are given"},
	{"airlock/bundle", module + "pkg/store", "a bundle verifies with a public key and nothing else"},
	{"airlock", module + "pkg/linkage", "the airlock cannot read identifiers"},
	{"pkg/portal", module + "pkg/keys/local", "the process that meets browsers opens no keyring"},
	{"pkg/portal", module + "pkg/keys/vault", "the process that meets browsers opens no keyring"},
	{"pkg/portal", module + "pkg/worker", "the portal asks workers over their sockets"},
	{"pkg/portal", module + "pkg/engine", "the portal runs no queries"},
	{"pkg/portal", module + "airlock/bundle", "the portal seals no release"},
	{"cmd/ark", "github.com/marcboeker/go-duckdb", "ark is built without cgo; DuckDB lives in ark-engine alone"},
	{"cmd/ark-enclaved", "github.com/marcboeker/go-duckdb", "the privileged program is small"},
	{"cmd/ark-enclaved", module + "pkg/store", "the privileged program opens no database"},
	{"cmd/ark-enclaved", module + "pkg/portal", "the privileged program serves no pages"},
	{"cmd/ark-inspect", module + "pkg/keys", "what parses hostile files holds no credential"},
	{"cmd/ark-inspect", module + "pkg/store", "what parses hostile files reaches no database"},
	{"cmd/ark-inspect", module + "pkg/objects", "what parses hostile files reaches no object"},
	{"cmd/ark-engine", module + "pkg/keys/local", "the engine holds no credential"},
	{"cmd/ark-engine", module + "pkg/store", "the engine holds no credential"},
}

func TestImportDirection(t *testing.T) {
	all := packages(t)
	for _, f := range forbidden {
		found := false
		for path, p := range all {
			if !within(path, f.from) {
				continue
			}
			found = true
			for _, dep := range p.Deps {
				if within(dep, strings.TrimSuffix(f.to, "/")) {
					t.Errorf("%s reaches %s: %s", path, dep, f.why)
				}
			}
		}
		if !found && !strings.HasPrefix(f.from, "cmd/") {
			t.Errorf("there is no package %s: the rule looks at nothing", f.from)
		}
	}
	for path, p := range all {
		for _, dep := range p.Imports {
			to := strings.TrimPrefix(dep, module)
			switch {
			case within(dep, "github.com/marcboeker/go-duckdb") && !within(path, "pkg/engine"):
				t.Errorf("%s imports DuckDB: pkg/engine is the only one, so that a swap is one package", path)
			case to != dep && within(to, "cmd"):
				t.Errorf("%s imports a program", path)
			case to != dep && forTests(to) && !forTests(path):
				t.Errorf("%s imports %s, which is for tests", path, to)
			case to != dep && within(path, "pkg/ark") && path == "pkg/ark":
				t.Errorf("the nouns import %s; they stand on the standard library alone", to)
			}
		}
	}
}

// forTests reports whether a package is for tests only: its name ends so, and
// it is not one of the two whose word merely does.
func forTests(path string) bool {
	name := path[strings.LastIndex(path, "/")+1:]
	return strings.HasSuffix(name, "test") && name != "attest" && name != "selftest"
}

// TestEveryPackageSaysWhatItIsFor: a package comment, of more than a name.
func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for path, p := range packages(t) {
		if len(p.Doc) < 40 {
			t.Errorf("%s has no package comment that says what it is for: %q", path, p.Doc)
		}
	}
}

// TestTopOfTheTree: what git tracks at the top is what the plan names.
func TestTopOfTheTree(t *testing.T) {
	cmd := exec.Command("git", "ls-tree", "--name-only", "HEAD")
	cmd.Dir = "../../.."
	out, err := cmd.Output()
	if err != nil {
		t.Skip("this is no git checkout")
	}
	allowed := []string{"cmd", "pkg", "workspace", "policies", "airlock", "deploy", "docs", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE"}
	for _, name := range strings.Fields(string(out)) {
		if !strings.HasPrefix(name, ".") && !slices.Contains(allowed, name) {
			t.Errorf("%s lies at the top of the tree and is not in its plan", name)
		}
	}
}
