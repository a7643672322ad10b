package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var verifyLine = regexp.MustCompile(`(?m)^ *(?:bin/)?ark (release verify --key \S+ \S+)$`)

// TestAReleaseIsVerifiedAsThePagesSay runs the command that the README and the
// airlock's page give, in an empty folder that holds the bundle and the public
// key under the names given there, with no Ark, no account and no environment.
func TestAReleaseIsVerifiedAsThePagesSay(t *testing.T) {
	zip, key, broken := sealed(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ark := filepath.Join(dir, "ark")
	if err := os.Symlink(program, ark); err != nil { // this test binary is the program under that name
		t.Fatal(err)
	}
	for _, page := range []string{"README.md", "docs/airlock.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", page))
		if err != nil {
			t.Fatal(err)
		}
		m := verifyLine.FindSubmatch(text)
		if m == nil {
			t.Errorf("%s does not say how a release is verified", page)
			continue
		}
		args := strings.Fields(string(m[1]))
		for from, want := range map[string]bool{zip: true, broken: false} {
			at := t.TempDir()
			for name, file := range map[string]string{args[3]: key, args[4]: from} {
				data, err := os.ReadFile(file)
				if err == nil {
					err = os.WriteFile(filepath.Join(at, name), data, 0o400)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(ark, args...)
			cmd.Dir, cmd.Env = at, []string{"HOME=" + at}
			out, err := cmd.CombinedOutput()
			if (err == nil) != want || strings.HasPrefix(string(out), "verified") != want {
				t.Errorf("%s, %q, whole %v: %v %s", page, m[1], want, err, out)
			}
		}
	}
}
