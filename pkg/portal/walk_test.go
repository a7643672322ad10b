package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/store"
)

// checked gives the automatic checks' result to a request, as the worker does.
func (b *bench) checked(request string, verdict disclosure.Verdict) {
	x := b.rooms.Airlock
	v, err := x.ViewOf(context.Background(), b.actor("researcher"), request)
	b.must(err)
	var res airlock.CheckResult
	for _, f := range v.Files {
		c := airlock.CheckedFile{ID: f.ID, Type: "text/csv", Verdict: "pass"}
		if strings.HasSuffix(f.Name, ".csv") {
			c.Verdict = string(verdict)
			c.Findings = []disclosure.Finding{{Rule: "count.below-threshold", Severity: disclosure.Severity(verdict), File: f.Name, Where: disclosure.Where{Ref: "C7"}, Says: "this count is below the threshold of 10", Repair: "suppress it, or group the row with another"}}
		}
		res.Files = append(res.Files, c)
	}
	b.as("request.apply", store.Resource{Type: "Request", ID: request}, func(tx *store.Tx) ([]store.Event, error) {
		return x.ApplyChecks(context.Background(), tx, request, v.Round, res)
	})
}

// submit sends two files of the outbox through the page and returns the request.
func (b *bench) submit(ws string) string {
	b.t.Helper()
	m := b.mark
	code, to, body := b.post("researcher", "/workspaces/"+ws+"/submit", "output", "rates.csv", "supporting", "notes"+m+".txt", "group", "Rates by age and sex"+m,
		"context", "Attendance rates by age and sex in 2025, for the report to the alcohol board."+m, "population", "All attendances with an age; the smallest group has 7 people."+m, "controls", "Rates are rounded to one decimal."+m, "relation", "None before."+m)
	if code != 303 {
		b.t.Fatalf("submit: %d %s", code, body)
	}
	return strings.TrimPrefix(to, "/outputs/")
}

func (b *bench) view(user, request string) airlock.View {
	b.t.Helper()
	v, err := b.rooms.Airlock.ViewOf(context.Background(), b.actor(user), request)
	b.must(err)
	return v
}

// reviewed has a checker vote on everything through the page, and finish.
func (b *bench) reviewed(checker, request, vote string) {
	b.t.Helper()
	for _, f := range b.view(checker, request).Files {
		if f.Kind != airlock.KindOutput {
			continue
		}
		if code, to, body := b.post(checker, "/queue/"+request+"/vote", "file", f.ID, "vote", vote); code != 303 || !strings.Contains(to, f.ID) {
			b.t.Fatalf("vote: %d %s %s", code, to, body)
		}
	}
	if code, _, body := b.post(checker, "/queue/"+request+"/finish"); code != 303 {
		b.t.Fatalf("finish: %d %s", code, body)
	}
}

func (b *bench) release(request string) string {
	b.t.Helper()
	b.door.fresh = true
	if code, to, body := b.post("checker1", "/queue/"+request+"/release"); code != 303 || strings.Contains(to, "step-up") {
		b.t.Fatalf("release: %d %s %s", code, to, body)
	}
	b.door.fresh = false
	var job airlock.ReleaseJob
	b.must(b.st.View(context.Background(), func(q store.Querier) error {
		jobs, err := store.Jobs(context.Background(), q, "kind = 'release' AND subject = $1", request)
		if err != nil {
			return err
		}
		return json.Unmarshal(jobs[len(jobs)-1].Input, &job)
	}))
	var files []airlock.ReleasedFile
	for i, f := range job.Files {
		files = append(files, airlock.ReleasedFile{Ordinal: i + 1, Name: f.Name, SHA256: f.Ref.SHA256, Size: f.Ref.Size})
	}
	b.as("release.apply", store.Resource{Type: "Request", ID: request}, func(tx *store.Tx) ([]store.Event, error) {
		res := airlock.ReleaseResult{Bundle: b.mem.put("releases", "PK bundle"), Files: files}
		for _, c := range job.Concerns {
			res.Exposure = append(res.Exposure, airlock.Exposure{Dataset: c.Dataset, Cells: 1204, Atom: "fewer than 10", Nearest: "at least 10"})
		}
		return b.rooms.Airlock.ApplyRelease(context.Background(), tx, job, res)
	})
	v := b.view("researcher", request)
	return v.Release
}

// TestTheWayThroughThePages walks from an application to a download by posting
// the forms that the pages draw.
func TestTheWayThroughThePages(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()

	// A researcher applies.
	code, to, body := b.post("researcher", "/projects", "title", "Alcohol and emergency care", "dataset", b.id["dataset"])
	if code != 303 {
		t.Fatalf("start: %d %s", code, body)
	}
	project := strings.Split(to, "/")[2]
	base := "/projects/" + project + "/application"
	b.get("researcher", to)
	for _, form := range [][]string{
		{base + "/part/project", "title", "Alcohol and emergency care", "lay_summary", "How often is alcohol the reason?", "public_benefit", "Help where it is needed.", "method", "Rates.", "purposes", "health-research", "legal_basis", "6(1)(e)"},
		{base + "/part/people", "members", b.user("researcher"), "members", b.user("colleague")},
		{base + "/data/" + b.id["dataset"], "v.person", "sex", "v.attendance", "alcohol", "why.attendance.alcohol", "It is the question.", "filter.person", "year_of_birth < 1990"},
		{base + "/data", "opt_out", "applied", "all_or_nothing", "no"},
		{base + "/part/setting", "from", "2026-01-01", "until", "2036-01-01"},
		{base + "/part/outputs", "expected_outputs", "A table\nA figure", "destination", "University"},
	} {
		if code, _, body := b.post("researcher", form[0], form[1:]...); code != 303 {
			t.Fatalf("%s: %d %s", form[0], code, body)
		}
		b.get("researcher", form[0])
	}
	if page := b.get("researcher", base+"/check"); !strings.Contains(page, "attendance.alcohol") || !strings.Contains(page, "It is the question.") {
		t.Error("the answers page lacks answers")
	}
	if code, _, body := b.post("researcher", "/projects/"+project+"/submit"); code != 303 {
		t.Fatalf("submit: %d %s", code, body)
	}
}

func TestAWrongFilterKeepsEverythingTyped(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	id := b.application("Kept")
	code, _, body := b.post("researcher", "/projects/"+id+"/application/data/"+b.id["dataset"], "v.person", "sex", "filter.person", "year_of_birth <", "why.person.ethnicity", "typed words")
	if code != 422 || !strings.Contains(body, "There is a problem") || !strings.Contains(body, "year_of_birth &lt;") || !strings.Contains(body, "typed words") {
		t.Errorf("%d %s", code, body)
	}
}

func TestAnEndedSessionLosesNothing(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	id := b.application("Ended")
	resp, _ := b.do("", "POST", "/projects/"+id+"/application/part/project", strings.NewReader("title=Ended&lay_summary=My+long+words&otp=123456"), "Content-Type", "application/x-www-form-urlencoded")
	if to := resp.Header.Get("Location"); resp.StatusCode != 303 || to != "/sign-in?to=%2Fkept" {
		t.Fatalf("%d %s", resp.StatusCode, to)
	}
	var kept string
	for _, c := range resp.Cookies() {
		if c.Name == keptCookie {
			kept = c.Value
		}
	}
	_, body := b.do("researcher", "GET", "/kept", nil, "Cookie", keptCookie+"="+kept)
	if !strings.Contains(body, "My long words") || strings.Contains(body, "123456") {
		t.Errorf("kept page: %s", body)
	}
	if _, body := b.do("researcher", "GET", "/kept", nil, "Cookie", keptCookie+"=00000000000000000000000000000000"); strings.Contains(body, "My long words") {
		t.Error("a guessed cookie shows the form")
	}
}

// TestAirlockThroughThePages submits, reviews blind, settles, releases and
// downloads, and looks for what each may not see on the way.
func TestAirlockThroughThePages(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	project, ws := b.active("Alcohol and emergency care")
	request := b.submit(ws)
	b.checked(request, "review")

	if page := b.get("checker1", "/queue/"+request); !strings.Contains(page, "Independent phase") || !strings.Contains(page, "rates.csv") {
		t.Error("the review page lacks its phase or files")
	}
	// Blind: after checker1 finished, nothing tells checker2 or the author.
	pages := map[string][]string{"checker2": {"/queue", "/queue/" + request, "/home"}, "researcher": {"/outputs", "/outputs/" + request, "/projects/" + project}}
	before := map[string]string{}
	for who, ps := range pages {
		for _, p := range ps {
			before[who+p] = steady(b.get(who, p))
		}
	}
	b.post("checker1", "/queue/"+request+"/comment", "file", b.view("checker1", request).Files[0].ID, "text", "SECRETOPINION", "public", "yes")
	b.reviewed("checker1", request, airlock.VoteChanges)
	for who, ps := range pages {
		for _, p := range ps {
			after := steady(b.get(who, p))
			if after != before[who+p] {
				t.Errorf("%s as %s changed when the first checker finished:\n%s", p, who, difference(before[who+p], after))
			}
		}
	}
	b.reviewed("checker2", request, airlock.VoteApprove)
	page := b.get("checker2", "/queue/"+request)
	if !strings.Contains(page, "Open phase") || !strings.Contains(page, "SECRETOPINION") || !strings.Contains(page, "Checkers disagree") {
		t.Error("the open phase does not show the other's view")
	}
	for _, who := range []string{"Chris Checker", "Cara Second"} {
		if strings.Contains(b.get("researcher", "/outputs/"+request), who) {
			t.Errorf("the author sees the name of %s", who)
		}
	}
	if code, _, _ := b.post("checker1", "/queue/"+request+"/return"); code != 303 {
		t.Fatal("the request was not returned")
	}
	if page := b.get("researcher", "/outputs/"+request); !strings.Contains(page, "SECRETOPINION") || !strings.Contains(page, "Checker 1") {
		t.Error("the author does not see the comment after the return")
	}
	// Nor does the API name a checker to the author, or one checker to the other.
	for who, others := range map[string][]string{"researcher": {"checker1", "checker2"}, "checker2": {"checker1"}} {
		_, body := b.do(who, "GET", apiPrefix+"/requests/"+request, nil)
		for _, other := range others {
			if !strings.Contains(body, "SECRETOPINION") || strings.Contains(body, b.user(other)) {
				t.Errorf("the API tells %s who %s is, or lacks the comment: %s", who, other, body)
			}
		}
	}
	code, _, body := b.post("researcher", "/outputs/"+request+"/resubmit", "output", "rates.csv", "group", "Rates CANARY", "context", "Attendance rates by age and sex, CANARY again.", "population", "All CANARY", "controls", "Suppressed CANARY", "answer", "Suppressed the 7. CANARY")
	if code != 303 {
		t.Fatalf("resubmit: %d %s", code, body)
	}
	b.checked(request, "review")
	b.reviewed("checker1", request, airlock.VoteApprove)
	b.reviewed("checker2", request, airlock.VoteApprove)

	// Without a fresh second factor the release asks for it and keeps the form.
	code, to, _ := b.post("checker1", "/queue/"+request+"/release")
	if code != 303 || to != "/step-up?for="+url.QueryEscape("request.release/Request/"+request)+"&to=%2Fkept" && to != "/step-up?for="+url.QueryEscape("request.release/Request/"+request)+"&to=%2Fhome" {
		t.Errorf("release without second factor: %d %s", code, to)
	}
	release := b.release(request)
	resp, bundle := b.do("researcher", "GET", "/releases/"+release+"/download", nil)
	if resp.StatusCode != 200 || bundle != "PK bundle" || resp.Header.Get("Content-Type") != "application/zip" {
		t.Errorf("download: %d %q", resp.StatusCode, bundle)
	}
	for _, who := range []string{"custodian", "colleague", "checker1", "lay", ""} {
		if resp, body := b.do(who, "GET", "/releases/"+release+"/download", nil); resp.StatusCode == 200 {
			t.Errorf("%q downloaded the release: %s", who, body)
		}
	}
	// A frozen release is downloaded by nobody.
	if code, _, body := b.post("custodian", "/releases/"+release+"/freeze", "reason", "A cell of 7 left."); code != 303 {
		t.Fatalf("freeze: %d %s", code, body)
	}
	if resp, _ := b.do("researcher", "GET", "/releases/"+release+"/download", nil); resp.StatusCode != 403 {
		t.Errorf("a frozen release was downloaded: %d", resp.StatusCode)
	}
}

var changing = regexp.MustCompile(`reference is [0-9A-Z]{10}|/f/[0-9a-f]{48}|\d+ (minutes?|hours?|days?)|less than a minute`)

// steady is a page without what changes from one look to the next.
func steady(page string) string {
	return changing.ReplaceAllString(proof.ReplaceAllString(page, ""), "…")
}

// proof is the link to an act's entry: the sequencer adds it in its own time.
var proof = regexp.MustCompile(` <a href="/ledger\?at=\d+">entry \d+</a>`)

func difference(a, b string) string {
	al, bl := strings.Split(a, "\n"), strings.Split(b, "\n")
	var out strings.Builder
	for i := 0; i < max(len(al), len(bl)) && out.Len() < 1500; i++ {
		x, y := "", ""
		if i < len(al) {
			x = al[i]
		}
		if i < len(bl) {
			y = bl[i]
		}
		if x != y {
			fmt.Fprintf(&out, "- %.300s\n+ %.300s\n", x, y)
		}
	}
	return out.String()
}
