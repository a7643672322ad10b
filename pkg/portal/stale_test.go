package portal

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// jobs counts the jobs of a kind.
func (b *bench) jobs(kind, subject string) (n int) {
	b.t.Helper()
	b.must(b.st.View(context.Background(), func(q store.Querier) error {
		all, err := store.Jobs(context.Background(), q, "kind = $1 AND subject = $2", kind, subject)
		n = len(all)
		return err
	}))
	return n
}

// asSeen is a request as everyone who may sees it.
func (b *bench) asSeen(request string) string {
	b.t.Helper()
	out := ""
	for _, who := range []string{"researcher", "checker1", "checker2"} {
		if v, err := b.rooms.Airlock.ViewOf(context.Background(), b.actor(who), request); err == nil {
			raw, err := json.Marshal([]any{v.State, v.Round, v.Files, v.Comments})
			b.must(err)
			out += string(raw)
		}
	}
	return out
}

// TestRevokedBetweenPageAndClick loads a page, takes away what allowed it, and
// presses the button that the page showed, there and by the API: it is refused,
// and nothing has changed.
func TestRevokedBetweenPageAndClick(t *testing.T) {
	roles := func(who string, roles ...ark.Role) func(*bench, string) {
		return func(b *bench, _ string) {
			b.must(b.rooms.Governance.SetRoles(context.Background(), b.actor("operator"), b.user(who), roles))
		}
	}
	suspended := func(who string) func(*bench, string) {
		return func(b *bench, _ string) {
			b.must(b.rooms.Governance.Suspend(context.Background(), b.actor("operator"), b.user(who), true))
		}
	}
	stopped := func(b *bench, project string) {
		b.must(b.rooms.Governance.SuspendProject(context.Background(), b.actor("operator"), project, "Stopped for now."))
	}
	untrained := func(b *bench, _ string) {
		b.must(b.rooms.Governance.RecordTraining(context.Background(), b.actor("operator"), b.user("researcher"), time.Now().Add(-time.Hour), time.Time{}))
	}
	file := "file=FILE&vote=approve"
	for name, c := range map[string]struct {
		who, state, page, form, body, api, json string
		revoke                                  func(*bench, string)
	}{
		"a vote, the role gone":               {"checker1", "submitted", "/queue/ID", "/queue/ID/vote", file, "/requests/ID/vote", `{"file":"FILE","vote":"approve"}`, roles("checker1", ark.DataEngineer)},
		"a vote, the account suspended":       {"checker1", "submitted", "/queue/ID", "/queue/ID/vote", file, "/requests/ID/vote", `{"file":"FILE","vote":"approve"}`, suspended("checker1")},
		"a comment, the role gone":            {"checker1", "submitted", "/queue/ID", "/queue/ID/comment", "file=FILE&text=x", "/requests/ID/comment", `{"file":"FILE","text":"x"}`, roles("checker1")},
		"a return, the role gone":             {"checker1", "reviewed", "/queue/ID", "/queue/ID/return", "", "/requests/ID/return", ``, roles("checker1", ark.Researcher)},
		"a rejection, the role gone":          {"checker1", "reviewed", "/queue/ID", "/queue/ID/reject", "reason=Never.", "/requests/ID/reject", `{"reason":"Never."}`, roles("checker1", ark.Auditor)},
		"a release, the role gone":            {"checker1", "reviewed", "/queue/ID/release", "/queue/ID/release", "", "/requests/ID/release", `{}`, roles("checker1", ark.Operator)},
		"a release, the account suspended":    {"checker1", "reviewed", "/queue/ID/release", "/queue/ID/release", "", "/requests/ID/release", `{}`, suspended("checker1")},
		"a submission, the project stopped":   {"researcher", "submitted", "/workspaces/WS/submit", "/workspaces/WS/submit", submitForm, "", "", stopped},
		"a submission, the training over":     {"researcher", "submitted", "/workspaces/WS/submit", "/workspaces/WS/submit", submitForm, "", "", untrained},
		"a submission, the account suspended": {"researcher", "submitted", "/workspaces/WS/submit", "/workspaces/WS/submit", submitForm, "", "", suspended("researcher")},
		"an answer, the training over":        {"researcher", "returned", "/outputs/ID/resubmit", "/outputs/ID/resubmit", submitForm + "&answer=Rounded.", "", "", untrained},
		"a download, the account suspended":   {"researcher", "released", "/releases/REL", "/releases/REL/download", "GET", "", "", suspended("researcher")},
	} {
		t.Run(name, func(t *testing.T) {
			b := newMarked(t, "")
			b.people()
			b.data()
			project, ws := b.active("Revoked")
			request, release := b.submit(ws), ""
			b.checked(request, "review")
			switch c.state {
			case "reviewed", "released":
				b.reviewed("checker1", request, airlock.VoteApprove)
				b.reviewed("checker2", request, airlock.VoteApprove)
				if c.state == "released" {
					release = b.release(request)
				}
			case "returned":
				b.post("checker1", "/queue/"+request+"/comment", "file", b.view("checker1", request).Files[0].ID, "text", "Please round.", "public", "yes")
				if code, _, body := b.post("checker1", "/queue/"+request+"/return"); code != http.StatusSeeOther {
					t.Fatalf("return: %d %s", code, body)
				}
			}
			b.door.fresh = true
			fill := strings.NewReplacer("ID", request, "WS", ws, "REL", release, "FILE", b.view("checker1", request).Files[0].ID)
			b.get(c.who, fill.Replace(c.page))
			c.revoke(b, project)
			was, before, requests := b.acts(), b.asSeen(request), b.countRequests()
			refused := func(how string, resp *http.Response, body string) {
				if resp.StatusCode < 400 || resp.StatusCode >= 500 {
					t.Errorf("%s: %d %s %.300s", how, resp.StatusCode, resp.Header.Get("Location"), body)
				}
			}
			method := http.MethodPost
			if c.body == "GET" {
				method, c.body = http.MethodGet, ""
			}
			resp, body := b.do(c.who, method, fill.Replace(c.form), strings.NewReader(fill.Replace(c.body)), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
			refused("page", resp, body)
			if c.api != "" {
				resp, body := b.do(c.who, "POST", apiPrefix+fill.Replace(c.api), strings.NewReader(fill.Replace(c.json)), "Content-Type", "application/json", "Idempotency-Key", "revoked-0001")
				refused("API", resp, body)
			}
			if now := b.acts(); now != was || b.asSeen(request) != before || b.countRequests() != requests {
				t.Errorf("%d acts were done", now-was)
			}
			if n := b.jobs("release", request); n != 0 && c.state != "released" {
				t.Errorf("%d releases were begun", n)
			}
		})
	}
}

const submitForm = "output=rates.csv&group=Rates&context=Attendance+rates+by+age+and+sex+in+2025.&population=Everybody+with+an+age&controls=Rounded+to+ten&relation=None"

func (b *bench) countRequests() (n int) {
	b.t.Helper()
	b.must(b.st.View(context.Background(), func(q store.Querier) error {
		return q.QueryRowContext(context.Background(), `SELECT count(*) FROM requests`).Scan(&n)
	}))
	return n
}

// TestTwoTabs has one page open twice and presses in both: what the first did
// counts once, and the second is told so or finds it done.
func TestTwoTabs(t *testing.T) {
	b := newMarked(t, "")
	b.people()
	b.data()
	_, ws := b.active("Two tabs")
	ready := func() string {
		request := b.submit(ws)
		b.checked(request, "review")
		b.reviewed("checker1", request, airlock.VoteApprove)
		b.reviewed("checker2", request, airlock.VoteApprove)
		return request
	}
	b.door.fresh = true
	// Both tabs at once, many times: one release is begun.
	request := ready()
	b.get("checker1", "/queue/"+request+"/release")
	b.get("checker2", "/queue/"+request+"/release")
	var all sync.WaitGroup
	codes := make([]int, 8)
	for i := range codes {
		all.Go(func() {
			who := []string{"checker1", "checker2"}[i%2]
			codes[i], _, _ = b.post(who, "/queue/"+request+"/release")
		})
	}
	all.Wait()
	if n := b.jobs("release", request); n != 1 {
		t.Errorf("%d releases were begun: %v", n, codes)
	}
	// One tab returns it, the other still shows the button to release it.
	request = ready()
	b.get("checker1", "/queue/"+request+"/release")
	b.post("checker1", "/queue/"+request+"/comment", "file", b.view("checker1", request).Files[0].ID, "text", "Please round.", "public", "yes")
	if code, _, body := b.post("checker1", "/queue/"+request+"/return"); code != 303 {
		t.Fatalf("return: %d %s", code, body)
	}
	if code, _, body := b.post("checker1", "/queue/"+request+"/release"); code < 400 || code >= 500 || b.jobs("release", request) != 0 {
		t.Errorf("released what was returned in another tab: %d %.300s", code, body)
	}
	// The author withdraws in one tab, answers in the other.
	b.get("researcher", "/outputs/"+request+"/resubmit")
	if code, _, body := b.post("researcher", "/outputs/"+request+"/withdraw"); code != 303 {
		t.Fatalf("withdraw: %d %s", code, body)
	}
	was := b.acts()
	resp, body := b.do("researcher", "POST", "/outputs/"+request+"/resubmit", strings.NewReader(submitForm+"&answer=Rounded."), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
	if resp.StatusCode < 400 || resp.StatusCode >= 500 || b.view("researcher", request).State != "withdrawn" || b.acts() != was {
		t.Errorf("answered what was withdrawn in another tab: %d %.300s", resp.StatusCode, body)
	}
	// A checker finishes in one tab; the page in the other still has its votes.
	request = b.submit(ws)
	b.checked(request, "review")
	b.get("checker1", "/queue/"+request)
	b.reviewed("checker1", request, airlock.VoteApprove)
	seen := b.asSeen(request) // the refusal draws the page again, and that a file was shown is an act
	if code, _, body := b.post("checker1", "/queue/"+request+"/finish"); code < 400 || code >= 500 || b.asSeen(request) != seen {
		t.Errorf("finished twice: %d %.300s", code, body)
	}
	if code, _, body := b.post("checker1", "/queue/"+request+"/vote", "file", b.view("checker1", request).Files[0].ID, "vote", airlock.VoteChanges); code < 400 || code >= 500 || b.asSeen(request) != seen {
		t.Errorf("voted after finishing: %d %.300s", code, body)
	}
}
