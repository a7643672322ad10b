package portal

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
)

// TestAStepUpServesForOneReleaseOnce presses Release without the second factor:
// it is asked for, and with it the release goes on by itself. The same step-up
// serves for nothing else, not again, not for somebody else, not when it is old,
// and over the API no more than on the pages.
func TestAStepUpServesForOneReleaseOnce(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	_, ws := b.active("Alcohol and emergency care")
	reviewed := func() string {
		id := b.submit(ws)
		b.checked(id, "review")
		b.reviewed("checker1", id, airlock.VoteApprove)
		b.reviewed("checker2", id, airlock.VoteApprove)
		return id
	}
	one, two := reviewed(), reviewed()
	b.door.exact = true
	asked := func(id string) string {
		return "/step-up?" + url.Values{"for": {"request.release/Request/" + id}, "to": {"/kept"}}.Encode()
	}
	press := func(who, id string) (to, cookie string) {
		t.Helper()
		resp, body := b.do(who, http.MethodPost, "/queue/"+id+"/release", strings.NewReader(""), "Content-Type", "application/x-www-form-urlencoded")
		for _, c := range resp.Cookies() {
			if c.Name == keptCookie {
				cookie = c.Name + "=" + c.Value
			}
		}
		if resp.StatusCode != http.StatusSeeOther {
			t.Fatalf("release of %s as %s: %d %s", id, who, resp.StatusCode, mainText(body))
		}
		return resp.Header.Get("Location"), cookie
	}
	state := func(id string) string { return b.view("researcher", id).State }

	if page := b.get("checker1", "/queue/"+one+"/release"); !strings.Contains(page, "You are asked for your second factor when you press the button") || !strings.Contains(page, "not shown for this release yet") {
		t.Error("the page of the release does not say that it will ask")
	}
	to, cookie := press("checker1", one)
	if to != asked(one) || cookie == "" || state(one) != "reviewed" {
		t.Fatalf("pressed without a second factor: to %s, %s", to, state(one))
	}
	if resp, body := b.do("checker1", http.MethodGet, "/kept", nil, "Cookie", cookie); resp.StatusCode != http.StatusOK || !strings.Contains(body, "Send it now") || state(one) != "reviewed" {
		t.Errorf("what is kept goes on without a second factor: %d %s", resp.StatusCode, state(one))
	}
	if resp, _ := b.do("checker2", http.MethodGet, "/kept", nil, "Cookie", cookie); resp.StatusCode != http.StatusNotFound {
		t.Errorf("somebody else reads what is kept: %d", resp.StatusCode)
	}
	b.do("checker1", http.MethodGet, to, nil) // the second factor is shown
	if page := b.get("checker1", "/queue/"+one+"/release"); !strings.Contains(page, "shown for this release") {
		t.Error("the page of the release does not say that it was shown")
	}
	if to, _ := press("checker1", two); to != asked(two) || state(two) != "reviewed" {
		t.Errorf("another release on the same step-up: to %s, %s", to, state(two))
	}
	if resp, body := b.do("checker1", http.MethodGet, "/kept", nil, "Cookie", cookie); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/queue/"+one || state(one) != "approved" {
		t.Fatalf("it does not go on: %d %s, %s %s", resp.StatusCode, resp.Header.Get("Location"), state(one), mainText(body))
	}
	if to, _ := press("checker1", one); to != asked(one) {
		t.Errorf("a step-up that was used serves again: to %s", to)
	}
	b.do("checker1", http.MethodGet, asked(two), nil)
	b.door.at = time.Now().Add(-6 * time.Minute)
	if to, _ := press("checker1", two); to != asked(two) || state(two) != "reviewed" {
		t.Errorf("released on an old step-up: to %s", to)
	}
	for path, want := range map[string]int{"/step-up": 422, "/step-up?for=request.release": 422, "/step-up?for=request.release/Request/../x": 422, "/step-up?for=request.release/Nothing/" + two: 403, "/step-up?for=no.act/Request/" + two: 403, "/step-up?for=request.release/Request/req_none": 404} {
		if resp, _ := b.do("checker1", http.MethodGet, path, nil); resp.StatusCode != want {
			t.Errorf("%s is answered %d, not %d", path, resp.StatusCode, want)
		}
	}
	if resp, _ := b.do("researcher", http.MethodGet, asked(two), nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("the second factor is asked of who may not release: %d", resp.StatusCode)
	}

	// Over the API: what it has to be shown for, and a repeated request.
	release := func(key string) (int, string, string) {
		resp, body := b.do("checker1", http.MethodPost, "/api/v1/requests/"+two+"/release", strings.NewReader("{}"), "Content-Type", "application/json", "Idempotency-Key", key)
		return resp.StatusCode, resp.Header.Get("Idempotency-Replayed"), body
	}
	if code, _, body := release("step-up-1"); code != http.StatusUnauthorized || !strings.Contains(body, `"step_up":"request.release/Request/`+two+`"`) {
		t.Errorf("over the API: %d %s", code, body)
	}
	b.do("checker1", http.MethodGet, asked(two), nil)
	if code, _, body := release("step-up-1"); code >= 300 {
		t.Fatalf("over the API, shown: %d %s", code, body)
	}
	if code, again, body := release("step-up-1"); code >= 300 || again != "true" {
		t.Errorf("the same request again: %d %q %s", code, again, body)
	}
	if code, _, _ := release("step-up-2"); code != http.StatusUnauthorized {
		t.Errorf("a new request on the used step-up: %d", code)
	}
}

// TestSecondFactorsAreCountedByUser: whoever tries sign-ins from the address of
// an office keeps nobody there from releasing, and one user's many tries are
// their own.
func TestSecondFactorsAreCountedByUser(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	_, ws := b.active("Alcohol and emergency care")
	id := b.submit(ws)
	b.checked(id, "review")
	b.reviewed("checker1", id, airlock.VoteApprove)
	b.reviewed("checker2", id, airlock.VoteApprove)
	b.door.exact = true
	ask := func(who, path string) int {
		resp, _ := b.do(who, http.MethodGet, path, nil)
		return resp.StatusCode
	}
	for range 60 {
		ask("", "/sign-in")
	}
	if code := ask("", "/sign-in"); code != http.StatusTooManyRequests {
		t.Fatalf("sign-ins without end: %d", code)
	}
	path := "/step-up?" + url.Values{"for": {"request.release/Request/" + id}, "to": {"/kept"}}.Encode()
	tries := func(who string) (last int) {
		for range 60 {
			b.door.at = time.Now().Add(-6 * time.Minute) // what was shown is old: it is asked for again
			last = ask(who, path)
		}
		return last
	}
	if code := ask("checker1", path); code == http.StatusTooManyRequests {
		t.Error("others' sign-ins keep a user from showing the second factor")
	}
	if code := tries("checker1"); code != http.StatusTooManyRequests {
		t.Errorf("second factors without end: %d", code)
	}
	if code := ask("checker2", path); code == http.StatusTooManyRequests {
		t.Error("one user's tries keep another from theirs")
	}
}
