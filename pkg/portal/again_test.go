package portal

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/governance"
)

// dead is the connection of a server that is killed when it begins to answer:
// the act is committed, and nothing after it is done.
type dead struct{ header http.Header }

func (d dead) Header() http.Header         { return d.header }
func (d dead) WriteHeader(int)             { panic(http.ErrAbortHandler) }
func (d dead) Write(b []byte) (int, error) { panic(http.ErrAbortHandler) }

// killed sends a change and kills the server between commit and answer.
func (b *bench) killed(user, method, path, body, key string) {
	b.t.Helper()
	r := httptest.NewRequest(method, b.origin()+apiPrefix+path, strings.NewReader(body))
	r.Host = strings.TrimPrefix(b.origin(), "http://")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	r.AddCookie(&http.Cookie{Name: "ark", Value: b.user(user)})
	died := false
	func() {
		defer func() { died = recover() != nil }()
		b.p.mux.ServeHTTP(dead{http.Header{}}, r)
	}()
	if !died {
		b.t.Fatal("the server was not killed")
	}
}

// TestAKillBeforeTheAnswerRepeatsNothing kills the server between the commit of
// an act and its answer, and asks again with the same key: the act is not done
// again, and the answer is the one that was lost.
func TestAKillBeforeTheAnswerRepeatsNothing(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	projects := func() []governance.Project {
		_, body := b.api("researcher", "GET", "/projects", "")
		var l List[governance.Project]
		b.must(json.Unmarshal([]byte(body), &l))
		return l.Items
	}
	acts := func() int64 {
		n, err := b.st.Last(t.Context())
		b.must(err)
		return n
	}

	b.killed("researcher", "POST", "/projects", `{"title":"One"}`, "killed-0001")
	for range 2 {
		resp, body := b.api("researcher", "POST", "/projects", `{"title":"One"}`, "Idempotency-Key", "killed-0001")
		var made governance.Project
		if err := json.Unmarshal([]byte(body), &made); err != nil || resp.StatusCode != 200 || resp.Header.Get("Idempotency-Replayed") != "true" || len(projects()) != 1 || made.ID != projects()[0].ID || made.Title != "One" {
			t.Fatalf("asked again: %d %s; %d projects", resp.StatusCode, body, len(projects()))
		}
	}
	if resp, body := b.api("researcher", "POST", "/projects", `{"title":"Two"}`, "Idempotency-Key", "killed-0001"); resp.StatusCode != 409 || len(projects()) != 1 {
		t.Errorf("the key for another request: %d %s", resp.StatusCode, body)
	}

	id := b.application("Killed")
	was := acts()
	b.killed("researcher", "POST", "/projects/"+id+"/submit", ``, "killed-0002")
	if now := acts(); now == was {
		t.Fatal("the act before the kill was not done")
	}
	was = acts()
	if resp, body := b.api("researcher", "POST", "/projects/"+id+"/submit", ``, "Idempotency-Key", "killed-0002"); resp.StatusCode != 204 || body != "" || acts() != was {
		t.Errorf("a change without an answer, asked again: %d %s, %d acts more", resp.StatusCode, body, acts()-was)
	}
}

// TestALostAnswerIsFoundAgain: where the act alone does not tell the answer,
// the thing is read again, as who asks, and what nobody can read is named.
func TestALostAnswerIsFoundAgain(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	_, ws := b.active("Lost")
	request := b.submit(ws)
	ask := func(user string) *http.Request {
		r := httptest.NewRequest("POST", b.origin()+apiPrefix+"/workspaces/"+ws+"/requests", nil)
		r.AddCookie(&http.Cookie{Name: "ark", Value: b.user(user)})
		return r
	}
	view := reflect.TypeFor[Body[airlock.View]]()
	got, err := b.p.api.found(Op{}, ask("researcher"), view, request)
	if err != nil || got.Status != 200 || !strings.Contains(got.Body, request) {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := b.p.api.found(Op{}, ask("researcher"), reflect.TypeFor[Body[Entered]](), ws); err == nil || !strings.Contains(err.Error(), ws) {
		t.Errorf("an answer that can't be read again: %+v %v", got, err)
	}
	if got, err := b.p.api.found(Op{}, ask("engineer"), view, request); err == nil {
		t.Errorf("a stranger was answered %+v", got)
	}
}

// TestAChangeToWhatHasChangedIsRefused: If-Match with the tag that was read.
func TestAChangeToWhatHasChangedIsRefused(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	id := b.application("Matched")
	tag := func() string {
		resp, body := b.api("researcher", "GET", "/projects/"+id, "")
		if resp.StatusCode != 200 || resp.Header.Get("ETag") == "" {
			t.Fatalf("%d %s", resp.StatusCode, body)
		}
		return resp.Header.Get("ETag")
	}
	submit := func(key, match string) (int, string) {
		resp, body := b.api("researcher", "POST", "/projects/"+id+"/submit", ``, "Idempotency-Key", key, "If-Match", match)
		if resp.StatusCode >= 400 {
			problemIn(t, resp, body)
		}
		return resp.StatusCode, body
	}
	old := tag()
	b.must(b.rooms.Governance.EditApplication(t.Context(), b.actor("researcher"), id, b.answers("Another title")))
	if tag() == old {
		t.Fatal("the tag did not change with the thing")
	}
	before, _ := b.st.Last(t.Context())
	for i, match := range []string{old, `"x"`, `W/` + tag(), ``} {
		if code, body := submit("stale-000"+string(rune('1'+i)), match); code != 412 {
			t.Errorf("If-Match %s: %d %s", match, code, body)
		}
	}
	if after, _ := b.st.Last(t.Context()); after != before {
		t.Error("a refused change did something")
	}
	if code, body := submit("fresh-0001", `"x", `+tag()); code != 204 {
		t.Errorf("the tag it has: %d %s", code, body)
	}
	if code, body := submit("fresh-0001", `"x"`); code != 204 {
		t.Errorf("the same key again: %d %s", code, body)
	}
}

// TestALostAnswerIsFoundInAList: what has no address of its own in the API is
// found in the list that it stands in.
func TestALostAnswerIsFoundInAList(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	_, body := b.api("engineer", "GET", "/datasets", "")
	var l List[struct{ ID string }]
	b.must(json.Unmarshal([]byte(body), &l))
	path := "/datasets/" + l.Items[0].ID + "/versions"
	b.killed("engineer", "POST", path, ``, "killed-0003")
	resp, body := b.api("engineer", "POST", path, ``, "Idempotency-Key", "killed-0003")
	var v VersionOut
	if err := json.Unmarshal([]byte(body), &v); err != nil || resp.StatusCode != 200 || v.ID == "" {
		t.Errorf("asked again: %d %s", resp.StatusCode, body)
	}
}

// TestStreamedBodiesAreToldApart: a body that is streamed is compared by what
// is in it, not by its length.
func TestStreamedBodiesAreToldApart(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	send := func(list string) (int, string, bool) {
		resp, body := b.api("engineer", "POST", "/lists/objections", list, "Idempotency-Key", "stream-0001", "Content-Type", "application/octet-stream")
		return resp.StatusCode, body, resp.Header.Get("Idempotency-Replayed") == "true"
	}
	first, body, _ := send("9434765919\n")
	if first >= 300 {
		t.Fatalf("a list: %d %s", first, body)
	}
	if got, _, replayed := send("9434765919\n"); got != first || !replayed {
		t.Errorf("the same again: %d, replayed: %v", got, replayed)
	}
	if got, body, _ := send("9434765870\n"); got != http.StatusConflict {
		t.Errorf("another list of the same length under the same key: %d %s", got, body)
	}
}
