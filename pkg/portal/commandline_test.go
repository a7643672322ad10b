package portal

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/identity"
)

// TestHandingASessionToTheCommandLine: the page asks, shows the word that the
// command line shows, and gives nothing away by being looked at; what is
// confirmed goes to a port of this machine and nowhere else.
func TestHandingASessionToTheCommandLine(t *testing.T) {
	b := newBench(t)
	b.people()
	q := url.Values{"port": {"40000"}, "state": {strings.Repeat("s", 43)}, "challenge": {strings.Repeat("c", 43)}}
	at := HandoverPath + "?" + q.Encode()
	resp, _ := b.do("", http.MethodGet, at, nil)
	signIn := SignInPath + "?" + url.Values{"to": {at}}.Encode()
	if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || to != signIn {
		t.Errorf("signed in nowhere: %d %s", resp.StatusCode, to)
	}
	page := b.get("researcher", at)
	for _, want := range []string{identity.WordOf(q.Get("challenge")), "Only if you have just asked for it yourself", `action="` + HandoverPath + `"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	lookAt(t, []look{{Name: "command-line", URL: b.origin() + at, Cookie: "ark=" + b.user("researcher")}})
	if b.door.handed != 0 {
		t.Error("a session is handed over by looking at the page")
	}
	pairs := func(v url.Values) (out []string) {
		for k, x := range v {
			out = append(out, k, x[0])
		}
		return out
	}
	for name, bad := range map[string][2]string{"another host": {"port", "80@evil.example"}, "no challenge": {"challenge", ""}, "an act of no form": {"for", "everything"}} {
		v := url.Values{"port": q["port"], "state": q["state"], "challenge": q["challenge"]}
		v.Set(bad[0], bad[1])
		if resp, _ := b.do("researcher", http.MethodGet, HandoverPath+"?"+v.Encode(), nil); resp.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: the page is answered %d", name, resp.StatusCode)
		}
		if code, to, _ := b.post("researcher", HandoverPath, pairs(v)...); code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", name, code, to)
		}
	}
	form := strings.NewReader(q.Encode())
	if resp, _ := b.do("researcher", http.MethodPost, HandoverPath, form, "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site"); resp.StatusCode != http.StatusForbidden || b.door.handed != 0 {
		t.Errorf("posted from another site: %d", resp.StatusCode)
	}
	resp, body := b.do("researcher", http.MethodPost, HandoverPath, strings.NewReader(q.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	want := "http://127.0.0.1:40000/?code=CODE&state=" + q.Get("state")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Refresh") != "0; url="+want || resp.Header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(body, "Back to the command line") || b.door.handed != 1 {
		t.Errorf("confirmed: %d %q", resp.StatusCode, resp.Header.Get("Refresh"))
	}
	q.Set("for", "request.release/Request/req_none")
	if code, _, _ := b.post("researcher", HandoverPath, pairs(q)...); code != http.StatusConflict || b.door.handed != 1 {
		t.Errorf("with a second factor that was not shown: %d", code)
	}
	if resp, _ := b.do("researcher", http.MethodGet, HandoverPath+"?"+q.Encode(), nil); resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(resp.Header.Get("Location"), "/step-up?for=request.release") {
		t.Errorf("the page with a second factor to show: %d %s", resp.StatusCode, resp.Header.Get("Location"))
	}
	if code, _, _ := b.post("", HandoverPath+"/session", "code", "WRONG", "verifier", "v"); code != http.StatusForbidden {
		t.Errorf("a wrong code: %d", code)
	}
	if code, _, _ := b.post("", HandoverPath+"/session", "code", "CODE", "verifier", "v"); code != http.StatusNoContent {
		t.Errorf("a right code: %d", code)
	}
}
