package portal

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ark-tre/ark/pkg/portal/browsertest"
)

// look is one page for the browser to look at.
type look struct {
	Name   string `json:"name"`
	URL    string `json:"url"`
	Cookie string `json:"cookie,omitempty"`
	Status int    `json:"status,omitempty"`
	Steps  []step `json:"steps,omitempty"`
	Window bool   `json:"window,omitempty"` // the picture is of the window, not of the whole page
	Plain  bool   `json:"plain,omitempty"`  // on a desktop alone: others of its kind are looked at in all sizes
}

// step presses a key and looks for what should then be there.
type step struct {
	Press  string `json:"press,omitempty"`
	Leads  bool   `json:"leads,omitempty"` // to another page
	Expect string `json:"expect,omitempty"`
}

// seen is what the browser found on one page at one size.
type seen struct {
	Name, Size string
	Errors     []string
	Axe        []string
	Overflow   bool
}

// lookAt opens the pages in headless Chromium, on a desktop, on a phone and at 200 %, and
// fails on console errors, violations of the content security policy, axe
// findings and pages wider than the screen. Pictures go to the folder named by
// ARK_SHOTS, if it is set.
func lookAt(t *testing.T, pages []look) {
	t.Helper()
	needBrowser(t)
	job := map[string]any{"pages": pages, "axe": true}
	if d := os.Getenv("ARK_SHOTS"); d != "" {
		d, err := filepath.Abs(d)
		if err != nil {
			t.Fatal(err)
		}
		job["shots"] = d
	}
	in, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "browsertest/look.mjs")
	cmd.Stdin = bytes.NewReader(in)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	lines, want := 0, 0
	for _, p := range pages {
		if want += 3; p.Plain {
			want -= 2
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		var s seen
		if json.Unmarshal([]byte(line), &s) != nil {
			continue
		}
		lines++
		for _, e := range s.Errors {
			t.Errorf("%s on %s: %s", s.Name, s.Size, e)
		}
		for _, e := range s.Axe {
			t.Errorf("%s on %s: axe: %s", s.Name, s.Size, e)
		}
		if s.Overflow {
			t.Errorf("%s on %s: wider than the screen", s.Name, s.Size)
		}
	}
	if lines != want {
		t.Fatalf("the browser looked at %d of %d pages: %v\n%s", lines, want, err, stderr.String())
	}
}

// needBrowser skips where there is no Chromium; in CI that is a failure.
func needBrowser(t *testing.T) {
	t.Helper()
	if raceDetector {
		t.Skip("the browser looks at pages without the race detector")
	}
	missing := ""
	if _, err := os.Stat("/usr/bin/chromium"); err != nil {
		missing = "chromium is not installed"
	} else if err := browserTools(); err != nil {
		missing = err.Error()
	}
	if missing == "" {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}

// browserTools installs what browsertest/package-lock.json pins, once.
var browserTools = sync.OnceValue(func() error { return browsertest.Tools("browsertest") })
