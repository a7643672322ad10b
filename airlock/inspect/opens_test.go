package inspect_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect"
)

// readers are the Python packages of deploy/tools/readers.
func readers(t *testing.T) string {
	t.Helper()
	lock, err := os.ReadFile("../../deploy/tools/readers/requirements.txt")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(lock)
	dir, err := filepath.Abs("../../.cache/readers/" + hex.EncodeToString(sum[:])[:16])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("the readers are not installed: deploy/tools/readers/build.sh")
		}
		t.Skip("the readers are not installed: deploy/tools/readers/build.sh")
	}
	return dir
}

// Every rebuilt file of the corpus opens in openpyxl, pandas, Pillow, pdfium,
// svglib, lxml, nbformat, and LibreOffice where it is installed; harmless
// tables, pages and documents say what they said.
func TestRebuiltFilesOpenInTheToolsPeopleUse(t *testing.T) {
	packages := readers(t)
	s := start(t, inspect.Inspector{}, nil)
	was, now := t.TempDir(), t.TempDir()
	n := 0
	for i, c := range corpus(t) {
		r := look(t, s, c.name, c.data)
		if r.Rebuilt == nil {
			continue
		}
		n++
		ext := path.Ext(c.name)
		out := ext
		if r.Ending != "" {
			out = "." + r.Ending
		}
		name := fmt.Sprintf("%04d-%s", i, c.technique)
		if err := os.WriteFile(filepath.Join(now, name+out), r.Rebuilt, 0o600); err != nil {
			t.Fatal(err)
		}
		if c.label == "harmless" && r.Verdict != disclosure.Fail && out == ext && ext != ".ipynb" {
			if err := os.WriteFile(filepath.Join(was, name+ext), c.data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd := exec.Command("python3", "testdata/opens.py", was, now)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+packages, "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	opened := map[string]int{}
	for l := range strings.Lines(string(out)) {
		if f, ok := strings.CutPrefix(l, "FAILED "); ok {
			t.Error(strings.TrimSpace(f))
		}
		if f, ok := strings.CutPrefix(l, "opened "); ok {
			if err := json.Unmarshal([]byte(f), &opened); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, kind := range []string{"csv", "tsv", "xlsx", "png", "jpg", "svg", "pdf", "html", "ipynb", "json", "zip", "text"} {
		if opened[kind] == 0 {
			t.Errorf("no rebuilt %s was opened", kind)
		}
	}
	t.Logf("%d rebuilt: opened %v", n, opened)
}
