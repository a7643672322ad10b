package portal

import (
	"bytes"
	"encoding/json"
	"html"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	formTag  = regexp.MustCompile(`<form\b[^>]*>`)
	actionIs = regexp.MustCompile(`\baction="([^"]*)"`)
	methodIs = regexp.MustCompile(`(?i)\bmethod="?post`)
)

// form is one form of a page, for the browser.
type form struct {
	Page   string `json:"page"`
	Cookie string `json:"cookie,omitempty"`
	Nth    int    `json:"nth"`
	Action string `json:"action"`
	Method string `json:"method"`
}

// sentElsewhere are the routes whose form stands on no page of the story, with
// the test that sends it.
var sentElsewhere = map[string]string{}

// TestEveryFormWithoutScript sends every kind of form of every page that any
// role can see in a browser that runs no script: all of them are taken, and
// every address that takes a form is the address of one that was sent.
func TestEveryFormWithoutScript(t *testing.T) {
	needBrowser(t)
	b := newBench(t)
	b.story()
	forms, kinds := []form{}, map[string]bool{}
	for _, who := range []string{"researcher", "custodian", "labcustodian", "lay", "checker1", "checker2", "engineer", "operator", "auditor", "colleague", ""} {
		pages := b.crawl(who)
		paths := make([]string, 0, len(pages))
		for p := range pages {
			paths = append(paths, p)
		}
		slices.Sort(paths)
		for _, p := range paths {
			if b.failed[who+p] != 0 {
				continue
			}
			for nth, tag := range formTag.FindAllString(pages[p], -1) {
				f := form{Page: b.origin() + p, Nth: nth, Action: p, Method: "GET"}
				if m := actionIs.FindStringSubmatch(tag); m != nil && m[1] != "" {
					f.Action = html.UnescapeString(m[1])
				}
				if methodIs.MatchString(tag) {
					f.Method = "POST"
				}
				if who != "" {
					f.Cookie = "ark=" + b.user(who)
				}
				if kind := f.Method + " " + kindOf(f.Action); !kinds[kind] {
					kinds[kind] = true
					forms = append(forms, f)
				}
			}
		}
	}
	// What ends things comes last, so that the other forms are still there.
	last := func(f form) int {
		return slices.IndexFunc([]string{"/withdraw", "/release", "/reject", "/return", "/finish", "/suspend", "/close", "/destroy", "/sign-out"}, func(x string) bool { return strings.HasSuffix(f.Action, x) })
	}
	slices.SortStableFunc(forms, func(x, y form) int { return last(x) - last(y) })

	in, err := json.Marshal(map[string]any{"forms": forms})
	b.must(err)
	cmd := exec.Command("node", "browsertest/forms.mjs")
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), io.MultiWriter(&out, os.Stderr), os.Stderr
	b.must(cmd.Run())
	done, refused, sent := 0, 0, map[string]bool{}
	for line := range strings.Lines(out.String()) {
		var x struct {
			Page, Action, Method, Error, To string
			Status                          int
		}
		b.must(json.Unmarshal([]byte(line), &x))
		kind := x.Method + " " + kindOf(x.Action)
		switch {
		case x.Error != "" || x.Status == 0:
			t.Errorf("%s on %s: %s", kind, x.Page, x.Error)
		case x.Status >= 500 || x.Status == 403 || x.Status == 404 || x.Status == 405 || x.Status == 415:
			t.Errorf("%s on %s was answered %d", kind, x.Page, x.Status)
		case x.Status < 400:
			done++
		default: // the page comes again with what is to be mended
			refused++
			t.Logf("%s: %d, what was typed comes back with what to mend", kind, x.Status)
		}
		sent[kind] = true
	}
	if len(sent) != len(forms) {
		t.Errorf("%d of %d forms were sent", len(sent), len(forms))
	}
	var never []string
	for _, r := range b.p.Routes() {
		if !r.Mutates() || sentElsewhere[r.Pattern] != "" {
			continue
		}
		method, path, _ := strings.Cut(r.Pattern, " ")
		shape := regexp.MustCompile("^" + method + " " + regexp.MustCompile(`\\\{[a-z.]+\\\}`).ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "$")
		if !slices.ContainsFunc(forms, func(f form) bool {
			path, _, _ := strings.Cut(f.Action, "?")
			return shape.MatchString(f.Method + " " + path)
		}) {
			never = append(never, r.Pattern)
		}
	}
	if len(never) > 0 {
		t.Errorf("no form on any page sends to %q", never)
	}
	t.Logf("%d kinds of form without script: %d done, %d sent back to be mended", len(sent), done, refused)
}
