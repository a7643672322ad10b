package portal

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// written finds the types of recorded acts that programs write out in full.
var written = regexp.MustCompile(`(?:\{Type: *|vent\()"([a-z-]+\.[a-z-]+)"[,}]`)

// An act in a history is told in words, whichever room recorded it.
func TestEveryRecordedActHasWords(t *testing.T) {
	found := 0
	for _, tree := range []string{"../../pkg", "../../airlock", "../../workspace"} {
		err := filepath.WalkDir(tree, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range written.FindAllStringSubmatch(string(text), -1) {
				if found++; actText[m[1]] == "" {
					t.Errorf("%s records %q, for which a history has no words", path, m[1])
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 80 {
		t.Errorf("only %d acts were found in the sources: the pattern no longer fits them", found)
	}
}

func TestAFileNameKeepsItsLetters(t *testing.T) {
	for in, want := range map[string]string{
		"packages.csv: the file's hash is not the manifest's": "packages.csv: the file's hash is not the manifest's.",
		"it is refused.": "It is refused.",
		"":               "",
	} {
		if got := sentence(in); got != want {
			t.Errorf("sentence(%q) = %q, want %q", in, got, want)
		}
	}
}
