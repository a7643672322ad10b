package portal

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os/exec"
	"testing"
)

// TestEveryFormInABrowserThatRunsNoScript does what TestEveryFormWithoutScript
// does, in Chromium with scripts switched off: what the browser itself asks of a
// field, what it lets one see and press, is part of it.
func TestEveryFormInABrowserThatRunsNoScript(t *testing.T) {
	if raceDetector {
		t.Skip("the forms are sent without the race detector")
	}
	needBrowser(t)
	b := newBench(t)
	cmd := exec.CommandContext(t.Context(), "node", "browsertest/send.mjs")
	in, err := cmd.StdinPipe()
	b.must(err)
	out, err := cmd.StdoutPipe()
	b.must(err)
	b.must(cmd.Start())
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	answers := bufio.NewReaderSize(out, 1<<20)
	b.everyForm(func(f form) (*http.Response, string) {
		job := map[string]any{"url": b.origin() + f.page, "action": f.action, "fields": f.fields, "cookie": ""}
		if f.who != "" {
			job["cookie"] = "ark=" + b.user(f.who)
		}
		b.must(json.NewEncoder(in).Encode(job))
		line, err := answers.ReadBytes('\n')
		b.must(err)
		var got struct {
			Status                int
			To, Type, Body, Wrong string
			Gone                  bool
		}
		b.must(json.Unmarshal(line, &got))
		if got.Gone { // what was sent before it has taken its form away: another page of its kind is tried
			got.Status, got.Type, got.Body = http.StatusConflict, "text/html", "<main>gone"
		}
		if got.Wrong != "" {
			t.Logf("%s on %s as %s: %s", f.kind(), f.page, f.who, got.Wrong)
		}
		return &http.Response{StatusCode: got.Status, Header: http.Header{"Location": {got.To}, "Content-Type": {got.Type}}}, got.Body
	})
}
