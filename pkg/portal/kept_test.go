package portal

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestNoFormIsLostToAnEndedSession sends every kind of form of every page that
// any role can see after its session has ended: after signing in, the sender
// finds it as it was typed, ready to be sent. Of files the page says which they
// were, and takes them again.
func TestNoFormIsLostToAnEndedSession(t *testing.T) {
	if raceDetector {
		t.Skip("the forms are sent without the race detector")
	}
	b := newBench(t)
	_, ws, _, _ := b.story()
	b.edges(ws)
	b.few = true
	kept, withFiles := 0, 0
	forms := b.formsSeen()
	for _, kind := range slices.Sorted(maps.Keys(forms)) {
		f := forms[kind][0]
		if f.who == "" {
			continue // nobody has to sign in for it
		}
		ended := f
		ended.who = ""
		resp, _ := b.send(ended)
		to := resp.Header.Get("Location")
		if f.files {
			withFiles++
		}
		cookie := ""
		for _, c := range resp.Cookies() {
			if c.Name == keptCookie {
				cookie = c.Value
			}
		}
		if len(f.fields) == 0 && !f.files {
			continue // a button: nothing was typed
		}
		if resp.StatusCode != http.StatusSeeOther || to != "/sign-in?to=%2Fkept" || cookie == "" {
			t.Errorf("%s: answered %d, leads to %s", kind, resp.StatusCode, to)
			continue
		}
		resp, body := b.do(f.who, "GET", "/kept", nil, "Cookie", keptCookie+"="+cookie)
		again := slices.IndexFunc(formsOf(f.who, "/kept", body), func(x form) bool { return x.action == f.action && x.method == f.method })
		if resp.StatusCode != http.StatusOK || again < 0 {
			t.Errorf("%s: the page of what is kept has no form to %s: %d", kind, f.action, resp.StatusCode)
			continue
		}
		has := formsOf(f.who, "/kept", body)[again].fields
		if f.files && (!formsOf(f.who, "/kept", body)[again].files || !strings.Contains(body, "rows.csv") || !strings.Contains(body, "again")) {
			t.Errorf("%s: the page of what is kept does not ask for the file again", kind)
		}
		for name, values := range f.fields {
			if name == "otp" || name == "password" {
				continue
			}
			// A line ends as browsers send it, whatever the page's own ends are.
			plain := func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }
			if !slices.EqualFunc(values, has[name], func(x, y string) bool { return plain(x) == plain(y) }) {
				t.Errorf("%s: %s was typed as %q and is kept as %q", kind, name, values, has[name])
			}
		}
		kept++
	}
	if kept < 40 {
		t.Errorf("only %d kinds of form were tried", kept)
	}
	t.Logf("%d kinds of form came back as typed, %d of them with files to be chosen again", kept, withFiles)
}
