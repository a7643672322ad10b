package portal

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
)

func (b *bench) api(user, method, path, body string, header ...string) (*http.Response, string) {
	b.t.Helper()
	h := append([]string{"Content-Type", "application/json"}, header...)
	return b.do(user, method, apiPrefix+path, strings.NewReader(body), h...)
}

func problemIn(t *testing.T, resp *http.Response, body string) Problem {
	t.Helper()
	var p Problem
	if err := json.Unmarshal([]byte(body), &p); err != nil || resp.Header.Get("Content-Type") != "application/problem+json" || p.Status != resp.StatusCode || p.Detail == "" || !strings.HasPrefix(p.Instance, "urn:ark:request:") {
		t.Errorf("no problem: %d %s %s (%v)", resp.StatusCode, resp.Header.Get("Content-Type"), body, err)
	}
	return p
}

func TestIdempotency(t *testing.T) {
	b := newBench(t)
	b.people()
	count := func() int {
		_, body := b.api("researcher", "GET", "/projects", "")
		var l List[governance.Project]
		if err := json.Unmarshal([]byte(body), &l); err != nil {
			t.Fatal(err)
		}
		return len(l.Items)
	}
	resp, body := b.api("researcher", "POST", "/projects", `{"title":"One"}`)
	if p := problemIn(t, resp, body); p.Kind != "invalid" || len(p.Where) == 0 || p.Where[0].Field != "Idempotency-Key" {
		t.Errorf("without a key: %+v", p)
	}
	r1, b1 := b.api("researcher", "POST", "/projects", `{"title":"One"}`, "Idempotency-Key", "key-00000001")
	r2, b2 := b.api("researcher", "POST", "/projects", `{"title":"One"}`, "Idempotency-Key", "key-00000001")
	if r1.StatusCode != 200 || r2.StatusCode != 200 || b1 != b2 || r2.Header.Get("Idempotency-Replayed") != "true" || count() != 1 {
		t.Errorf("repeat: %d %d %q %q, %d projects", r1.StatusCode, r2.StatusCode, b1, b2, count())
	}
	resp, body = b.api("researcher", "POST", "/projects", `{"title":"Two"}`, "Idempotency-Key", "key-00000001")
	if p := problemIn(t, resp, body); p.Kind != "conflict" || count() != 1 {
		t.Errorf("the same key for another request: %+v", p)
	}
	// Another user's key is another key.
	if r, _ := b.api("colleague", "POST", "/projects", `{"title":"One"}`, "Idempotency-Key", "key-00000001"); r.StatusCode != 200 || r.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("another user's key was taken for the same: %d", r.StatusCode)
	}
	// A refused request is refused again, and not done.
	for range 2 {
		resp, body = b.api("custodian", "POST", "/projects", `{"title":"No"}`, "Idempotency-Key", "key-00000002")
		if p := problemIn(t, resp, body); (p.Kind != "forbidden" && p.Kind != "lapsed") || p.Policy == "" {
			t.Errorf("refusal: %+v", p)
		}
	}
}

// TestUnchangedAnswersAreNotSentAgain: every answer of a GET carries an ETag,
// and 304 is the answer to who has it; another user's tag is of another answer.
func TestUnchangedAnswersAreNotSentAgain(t *testing.T) {
	b := newBench(t)
	b.people()
	first, body := b.do("researcher", "GET", apiPrefix+"/me", nil)
	tag := first.Header.Get("ETag")
	if first.StatusCode != 200 || tag == "" || body == "" {
		t.Fatalf("%d, tag %q", first.StatusCode, tag)
	}
	again, body := b.do("researcher", "GET", apiPrefix+"/me", nil, "If-None-Match", `"x", `+tag)
	if again.StatusCode != 304 || body != "" || again.Header.Get("ETag") != tag {
		t.Errorf("who has the answer got %d with %d bytes", again.StatusCode, len(body))
	}
	if other, _ := b.do("custodian", "GET", apiPrefix+"/me", nil, "If-None-Match", tag); other.StatusCode != 200 {
		t.Errorf("another user with that tag got %d", other.StatusCode)
	}
	if none, _ := b.do("researcher", "GET", apiPrefix+"/projects/prj_0", nil, "If-None-Match", "*"); none.StatusCode < 400 || none.Header.Get("ETag") != "" {
		t.Errorf("a problem got %d and the tag %q", none.StatusCode, none.Header.Get("ETag"))
	}
}

func TestBadInputIsRefusedClearly(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	id := b.application("Bad input")
	long := strings.Repeat("x", 10<<20)
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		kind               string
	}{
		"no_json":            {"POST", "/projects", `{`, 422, "invalid"},
		"wrong_type":         {"POST", "/projects", `{"title":7}`, 422, "invalid"},
		"unknown_field":      {"POST", "/projects", `{"title":"x","more":"SECRETVALUE"}`, 422, "invalid"},
		"ten_megabytes":      {"POST", "/projects", `{"title":"` + long + `"}`, 413, "too-much"},
		"unknown_query":      {"GET", "/projects?x=1", ``, 422, "invalid"},
		"unknown_operation":  {"GET", "/nothing", ``, 404, "unknown"},
		"unknown_project":    {"GET", "/projects/prj_00000000000000000000000000000000", ``, 404, "unknown"},
		"sql_in_the_id":      {"GET", "/projects/'%20OR%201=1%20--", ``, 404, "unknown"},
		"another_kind_of_id": {"GET", "/projects/" + b.id["dataset"], ``, 404, "unknown"},
		"sql_in_a_filter":    {"POST", "/datasets/" + b.id["dataset"] + "/feasibility", `{"filters":{"person":"1=1; DROP TABLE users"}}`, 422, "invalid"},
		"cyclic_reference":   {"POST", "/datasets/" + b.id["dataset"] + "/feasibility", `{"filters":{"person":"@self"}}`, 422, "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := b.api("researcher", c.method, c.path, c.body, "Idempotency-Key", "bad-"+name)
			p := problemIn(t, resp, body)
			if resp.StatusCode != c.status && !(c.status == 422 && resp.StatusCode == 400) || p.Kind != c.kind {
				t.Errorf("%d %+v", resp.StatusCode, p)
			}
			if strings.Contains(body, "SECRETVALUE") || len(body) > 2000 {
				t.Errorf("the answer repeats what was sent: %.300s", body)
			}
		})
	}
	// The same on pages.
	if code, _, body := b.post("researcher", "/projects/"+id+"/application/part/project", "lay_summary", long); code != 413 || len(body) > 40_000 {
		t.Errorf("ten megabytes in a form: %d, %d bytes back", code, len(body))
	}
}

func TestOpenAPIIsComplete(t *testing.T) {
	b := newBench(t)
	resp, body := b.api("", "GET", "/openapi.json", "")
	if resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	var doc struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			Summary    string `json:"summary"`
			Parameters []struct {
				Name     string `json:"name"`
				Required bool   `json:"required"`
			} `json:"parameters"`
			Responses map[string]json.RawMessage `json:"responses"`
		} `json:"paths"`
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %s", doc.OpenAPI)
	}
	n := 0
	for _, op := range b.p.Operations() {
		o, ok := doc.Paths[op.Path][strings.ToLower(op.Method)]
		if !ok || o.Summary == "" || o.Responses["default"] == nil {
			t.Errorf("%s %s is not in the document, or has no summary or problem", op.Method, op.Path)
			continue
		}
		n++
		key := false
		for _, p := range o.Parameters {
			key = key || p.Name == "Idempotency-Key" && p.Required
		}
		if key != (op.Method != "GET") {
			t.Errorf("%s %s: Idempotency-Key is documented: %v", op.Method, op.Path, key)
		}
	}
	total := 0
	for _, methods := range doc.Paths {
		total += len(methods)
	}
	if n != total {
		t.Errorf("the document has %d operations, the routes %d", total, n)
	}
}

func TestAnotherSiteCannotAct(t *testing.T) {
	b := newBench(t)
	b.people()
	for name, h := range map[string][]string{"fetch_metadata": {"Sec-Fetch-Site", "cross-site"}, "sibling": {"Sec-Fetch-Site", "same-site"}, "origin": {"Origin", "http://evil.example"}, "workspace": {"Origin", "http://wsp-0.ws.localhost"}} {
		h = append(h, "Content-Type", "application/x-www-form-urlencoded", "Idempotency-Key", "cross-"+name)
		for _, path := range []string{"/projects", apiPrefix + "/projects", "/sign-out", "/role"} {
			if resp, _ := b.do("researcher", "POST", path, strings.NewReader("title=x&role=researcher"), h...); resp.StatusCode != 403 {
				t.Errorf("%s %s: %d", name, path, resp.StatusCode)
			}
		}
	}
}

func TestSignInIsThrottled(t *testing.T) {
	b := newBench(t)
	n := 0
	for range 60 {
		if resp, _ := b.do("", "GET", "/sign-in", nil); resp.StatusCode == 303 {
			n++
		} else if resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" {
			t.Fatalf("throttled: %d", resp.StatusCode)
		}
	}
	if n > 25 {
		t.Errorf("%d of 60 sign-ins were let through at once", n)
	}
}

func TestSigningInLeadsNowhereElse(t *testing.T) {
	b := newBench(t)
	b.people()
	for _, to := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "http://localhost.evil.example/"} {
		resp, _ := b.do("researcher", "GET", "/sign-in?to="+queryEscape(to), nil)
		if loc := resp.Header.Get("Location"); loc != "/home" {
			t.Errorf("%s leads to %q", to, loc)
		}
	}
}

func TestEveryKindHasItsStatus(t *testing.T) {
	for k, want := range map[ark.Kind]int{ark.Internal: 500, ark.Invalid: 422, ark.Unknown: 404, ark.Withheld: 404, ark.Forbidden: 403, ark.Conflict: 409, ark.Lapsed: 403, ark.Unavailable: 503, ark.TooMuch: 413, ark.Unsigned: 401, ark.Kind(99): 500} {
		if got := Status(k); got != want {
			t.Errorf("%v: %d, want %d", k, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{30 * time.Second: "less than a minute", time.Minute: "1 minute", 90 * time.Minute: "1 hour", 53 * time.Hour: "2 days 5 hours", 24 * time.Hour: "1 day", -time.Hour: "less than a minute"} {
		if got := wait(d); got != want {
			t.Errorf("wait(%v) = %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "−1,234"} {
		if got := number(n); got != want {
			t.Errorf("number(%d) = %q, want %q", n, got, want)
		}
	}
	for ref, want := range map[string][2]int{"B12": {12, 2}, "AA1": {1, 27}, "C7:D9": {7, 3}, "": {0, 0}, "12B": {0, 0}, "B": {0, 2}, "<x>": {0, 0}} {
		r, c := cellOf(ref)
		if [2]int{r, c} != want {
			t.Errorf("cellOf(%q) = %d, %d", ref, r, c)
		}
	}
}
