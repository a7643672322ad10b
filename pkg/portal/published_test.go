package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// elsewhere sends the form, or the API's call, that adds a published table.
func (b *bench) elsewhere(user, path, title, file string) (int, string, string) {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for k, v := range map[string]string{"title": title, "cited": "The trust's yearly report, page 12", "on": "2026-01-31", "dataset": b.id["dataset"], "unit": "people", "population": "Everybody who attended in 2025"} {
		b.must(form.WriteField(k, v))
	}
	part, err := form.CreateFormFile("file", file)
	b.must(err)
	_, err = part.Write([]byte("age,count\n18-39,1243\n40-64,1180\n"))
	b.must(err)
	b.must(form.Close())
	header := []string{"Content-Type", form.FormDataContentType()}
	if strings.HasPrefix(path, apiPrefix) {
		header = append(header, "Idempotency-Key", fmt.Sprintf("published-%08d", len(title)))
	}
	resp, page := b.do(user, http.MethodPost, path, &body, header...)
	return resp.StatusCode, resp.Header.Get("Location"), page
}

// publishedTable adds one that the worker has kept.
func (b *bench) publishedTable(title string) (id string) {
	b.t.Helper()
	code, to, page := b.elsewhere("checker1", "/published", title, "report.csv")
	if code != http.StatusSeeOther {
		b.t.Fatalf("add: %d %s", code, page)
	}
	id = strings.TrimPrefix(to, "/published/")
	b.as("published.apply", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		sets := objects.Ref{Zone: objects.Contributors, Name: "published/" + id + ".sets", SHA256: strings.Repeat("7", 64), Size: 400}
		return b.rooms.Airlock.ApplyPublished(context.Background(), tx, id, airlock.PublishedResult{Figures: 2, Sets: sets})
	})
	return id
}

// TestPublishedTablesThroughThePages adds one by the page and one by the API,
// finds them in the list, and takes one back, which takes two checkers; nobody
// else may do or see any of it.
func TestPublishedTablesThroughThePages(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	_, ws := b.active("Alcohol and emergency care")
	if code, _, page := b.elsewhere("checker1", "/published", "", "report.csv"); code != 422 || !strings.Contains(page, "yearly report, page 12") {
		t.Errorf("without a title: %d, and what was typed is kept: %v", code, strings.Contains(page, "yearly report, page 12"))
	}
	if code, _, _ := b.elsewhere("checker1", "/published", "A program", "report.exe"); code != 422 {
		t.Errorf("a program: %d", code)
	}
	id := b.publishedTable("Attendances by age")
	if code, _, body := b.elsewhere("checker2", apiPrefix+"/published", "By the API", "report.csv"); code >= 300 || !strings.Contains(body, `"state":"checking"`) {
		t.Errorf("by the API: %d %s", code, body)
	}
	for _, who := range []string{"researcher", "colleague", "custodian", "lay", "engineer", "operator", ""} {
		want := 403
		if who == "" {
			want = 401
		}
		for _, path := range []string{"/published", "/published/" + id} {
			if resp, body := b.api(who, "GET", path, ""); resp.StatusCode != want {
				t.Errorf("%q reads %s: %d %s", who, path, resp.StatusCode, body)
			}
			if resp, body := b.do(who, "GET", path, nil); resp.StatusCode == 200 || strings.Contains(body, "Attendances by age") {
				t.Errorf("%q sees %s: %d", who, path, resp.StatusCode)
			}
		}
		if who == "" {
			continue
		}
		for _, path := range []string{"/published", apiPrefix + "/published"} {
			if code, _, _ := b.elsewhere(who, path, "Not theirs", "report.csv"); code != 403 {
				t.Errorf("%q adds one at %s: %d", who, path, code)
			}
		}
		if code, _, _ := b.post(who, "/published/"+id+"/withdraw", "reason", "No."); code != 403 {
			t.Errorf("%q takes it back: %d", who, code)
		}
	}
	if page := b.get("auditor", "/published/"+id); !strings.Contains(page, "yearly report, page 12") || strings.Contains(page, "Ask to take it back") {
		t.Error("an auditor's page lacks where it was published, or lets them take it back")
	}
	if page := b.get("checker1", "/published/"+id); !strings.Contains(page, "/f/") || !strings.Contains(page, "compared with it") {
		t.Error("a checker's page lacks the table or its state")
	}
	lookAt(t, []look{{Name: "published", URL: b.origin() + "/published/" + id, Cookie: "ark=" + b.user("checker1")},
		{Name: "published-list", URL: b.origin() + "/published", Cookie: "ark=" + b.user("checker1")}})
	if code, _, body := b.post("checker1", "/published/"+id+"/withdraw", "reason", ""); code != 422 || !strings.Contains(body, "why it was a mistake") {
		t.Errorf("taken back without a reason: %d", code)
	}
	for i, who := range []string{"checker1", "checker2"} {
		if code, _, body := b.post(who, "/published/"+id+"/withdraw", "reason", "It is another hospital's."); code != 303 {
			t.Fatalf("%s: %d %s", who, code, body)
		}
		want := []string{"second output checker", "not compared with it"}[i]
		if page := b.get("checker2", "/published/"+id); !strings.Contains(page, want) {
			t.Errorf("after %s the page does not say %q", who, want)
		}
	}
	// An author whose output is too near to it learns no more than beside a release.
	request := b.submit(ws)
	v := b.view("researcher", request)
	res := airlock.CheckResult{}
	for _, f := range v.Files {
		res.Files = append(res.Files, airlock.CheckedFile{ID: f.ID, Type: "text/csv", Verdict: "review", Findings: []disclosure.Finding{{Rule: "release-similar", Severity: disclosure.SevReview, File: f.Name,
			Says: "conflicts with an earlier release", Repair: "give a specification", Evidence: map[string]string{"combination": "+ 1243 (figure, published table " + id + ")"}}}})
	}
	b.as("request.apply", store.Resource{Type: "Request", ID: request}, func(tx *store.Tx) ([]store.Event, error) {
		return b.rooms.Airlock.ApplyChecks(context.Background(), tx, request, v.Round, res)
	})
	_, said := b.api("researcher", "GET", "/requests/"+request, "")
	for _, text := range []string{b.get("researcher", "/outputs/"+request), said} {
		if !strings.Contains(strings.ToLower(text), "conflicts with an earlier release") || strings.Contains(text, id) || strings.Contains(text, "1243") || strings.Contains(strings.ToLower(text), "published table") {
			t.Errorf("the author reads %.600s", mainText(text))
		}
	}
	if page := b.get("checker1", "/queue/"+request); !strings.Contains(page, id) {
		t.Error("a checker is not told which table it is")
	}
}

// TestPublishedTablesArePaged: every one is on exactly one page of the list.
func TestPublishedTablesArePaged(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	var want []string
	for n := range publishedInPage + 3 {
		x, err := b.rooms.Airlock.AddPublished(t.Context(), b.actor("checker1"), airlock.Given{Title: fmt.Sprintf("Table number %03d", n), Cited: "Somewhere", On: "2026-01-31", Dataset: b.id["dataset"], Unit: "people", Population: "Everybody", Name: "a.csv", File: b.mem.put("outputs", fmt.Sprint(n))})
		b.must(err)
		want = append(want, x.ID)
	}
	var got []string
	for _, path := range []string{"/published", "/published?page=2"} {
		page := b.get("checker1", path)
		for _, id := range want {
			if strings.Contains(page, `href="/published/`+id+`"`) {
				got = append(got, id)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d of %d are on the two pages", len(got), len(want))
	}
	if page := b.get("checker1", "/published?page=9"); !strings.Contains(page, "page=2") {
		t.Error("a page that there is not does not begin anew")
	}
	_, body := b.api("checker1", "GET", "/published?limit=2", "")
	var list struct {
		Items []airlock.PublishedTable
		Next  string
	}
	b.must(json.Unmarshal([]byte(body), &list))
	if len(list.Items) != 2 || list.Next == "" {
		t.Errorf("by the API: %s", body)
	}
}
