package disclosure

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ark-tre/ark/pkg/ark"
)

// TestCasesAreStopped judges what left an Ark and should not have.
func TestCasesAreStopped(t *testing.T) {
	files, err := filepath.Glob("samples/cases/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no cases: %v", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		cases, err := ReadCases(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for _, c := range cases {
			v, fs, err := c.Judge(t.Context(), profile(t, c.Profile), File{})
			if err != nil || string(v) != c.Verdict {
				t.Errorf("%s, %s: %s [%s] %v", f, c.Name, v, rulesOf(fs), err)
			}
		}
	}
}

func TestCasesComeBack(t *testing.T) {
	want := []Case{NewCase("a", "incident x", "ark", "t.csv", []byte("side,n\nnorth,3\n")), NewCase("b", "incident x", "ark", "p.png", []byte("\x89PNG\r\n\x00"))}
	text, err := FormatCases(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadCases(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for i, body := range []string{"side,n\nnorth,3\n", "\x89PNG\r\n\x00"} {
		if b, err := got[i].Data(); err != nil || string(b) != body {
			t.Errorf("case %d holds %q: %v", i, b, err)
		}
	}
	for name, text := range map[string]string{"empty": "", "no list": "a: 1", "unknown field": "- name: a\n  secret: b", "expected to pass": "- {name: a, source: x, profile: ark, file: f.csv, table: x, verdict: pass, rules: []}",
		"no bytes": "- {name: a, source: x, profile: ark, file: f.csv, verdict: fail, rules: []}"} {
		if _, err := ReadCases(strings.NewReader(text)); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
