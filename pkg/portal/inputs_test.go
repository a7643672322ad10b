package portal

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/ingress"
	"github.com/ark-tre/ark/pkg/store"
)

// upload posts the form that brings files in.
func (b *bench) upload(user, ws string, fields map[string]string, files map[string]string) (int, string, string) {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for k, v := range fields {
		b.must(form.WriteField(k, v))
	}
	for name, text := range files {
		part, err := form.CreateFormFile("files", name)
		b.must(err)
		_, err = part.Write([]byte(text))
		b.must(err)
	}
	b.must(form.Close())
	resp, page := b.do(user, http.MethodPost, "/workspaces/"+ws+"/bring", &body, "Content-Type", form.FormDataContentType())
	return resp.StatusCode, resp.Header.Get("Location"), page
}

// brought asks for a script that passes its checks and waits for a checker.
func (b *bench) brought(ws, name string) (id string) {
	b.t.Helper()
	code, to, page := b.upload("researcher", ws, map[string]string{"title": "A script", "kind": "code", "origin": "Our own", "why": "To run it.", "people": "none"}, map[string]string{name: "print(1)\n"})
	if code != http.StatusSeeOther {
		b.t.Fatalf("bring %s: %d %s", name, code, page)
	}
	id = strings.TrimPrefix(to, "/inputs/")
	b.as("input.apply", store.Resource{Type: "Input", ID: id}, func(tx *store.Tx) ([]store.Event, error) {
		i, err := ingress.Get(context.Background(), tx, id)
		if err != nil {
			return nil, err
		}
		for n := range i.Files {
			i.Files[n].Verdict = "pass"
		}
		return b.rooms.Ingress.ApplyChecks(context.Background(), tx, id, ingress.CheckResult{Files: i.Files})
	})
	return id
}

// TestBringingInThroughThePages brings rows about persons through the form, and
// has the checker and the custodian decide on what was measured.
func TestBringingInThroughThePages(t *testing.T) {
	b := newMarked(t, "")
	b.people()
	b.data()
	_, ws := b.active("Alcohol and emergency care")
	if page := b.get("researcher", "/workspaces/"+ws); !strings.Contains(page, "Bring files in") {
		t.Error("the workspace's page does not offer it")
	}
	fields := map[string]string{"title": "Electoral roll", "kind": "reference", "origin": "The council, its own licence", "people": "counts"}
	if code, _, page := b.upload("researcher", ws, fields, map[string]string{"roll.csv": "year_of_birth,sex\n1950,F\n"}); code != 422 || !strings.Contains(page, "Electoral roll") {
		t.Errorf("without a reason: %d, and what was typed is kept: %v", code, strings.Contains(page, "Electoral roll"))
	}
	fields["why"] = "To see who votes."
	if code, _, _ := b.upload("colleague", ws, fields, map[string]string{"roll.csv": "x\n"}); code != 403 {
		t.Errorf("into another's workspace: %d", code)
	}
	code, to, page := b.upload("researcher", ws, fields, map[string]string{"roll.csv": "year_of_birth,sex\n1950,F\n"})
	if code != 303 {
		t.Fatalf("bring: %d %s", code, page)
	}
	id := strings.TrimPrefix(to, "/inputs/")
	var job ingress.CheckJob
	b.job("check-input", &job)
	f := job.Files[0]
	f.Verdict, f.Type, f.Profile = "review", "text/csv", ingress.Profile{Rows: 812, Persons: true, Quasi: []string{"year_of_birth", "sex", "lsoa"}, Unique: "about 80 in 100", Matched: "about 65 in 100", By: []string{"year_of_birth", "sex"}}
	f.Findings = []disclosure.Finding{{Rule: "inbound-persons", Severity: disclosure.SevReview, Says: "its rows are about persons: about 65 in 100 of them fit exactly one person of the extract", Repair: "the custodians decide on it as on a linkage"}}
	b.as("input.apply", store.Resource{Type: "Input", ID: id}, func(tx *store.Tx) ([]store.Event, error) {
		return b.rooms.Ingress.ApplyChecks(context.Background(), tx, id, ingress.CheckResult{Files: []ingress.File{f}})
	})
	for _, who := range []string{"checker1", "custodian"} {
		if page := b.get(who, "/home"); !strings.Contains(page, "/inputs/"+id) {
			t.Errorf("the home of %s does not say that it waits", who)
		}
	}
	for _, who := range []string{"lay", "engineer", "labcustodian", "colleague"} {
		if resp, _ := b.do(who, "GET", "/inputs/"+id, nil); resp.StatusCode != 403 {
			t.Errorf("%s sees it: %d", who, resp.StatusCode)
		}
	}
	if page := b.get("checker1", "/inputs/"+id+"?file=1"); !strings.Contains(page, "about 65 in 100") || !strings.Contains(page, "/f/") {
		t.Error("the page lacks what was measured, or the file")
	}
	lookAt(t, []look{{Name: "input", URL: b.origin() + "/inputs/" + id, Cookie: "ark=" + b.user("custodian")},
		{Name: "input-list", URL: b.origin() + "/inputs", Cookie: "ark=" + b.user("checker1")},
		{Name: "bring", URL: b.origin() + "/workspaces/" + ws + "/bring", Cookie: "ark=" + b.user("researcher")}})
	b.door.fresh = true
	for _, who := range []string{"checker1", "custodian"} {
		if code, _, body := b.post(who, "/inputs/"+id+"/approve"); code != 303 {
			t.Fatalf("%s: %d %s", who, code, body)
		}
	}
	n, err := b.rooms.Ingress.Deliver(t.Context(), ws, func(context.Context, ingress.File) error { return nil })
	b.must(err)
	if page := b.get("researcher", "/inputs/"+id); n != 1 || !strings.Contains(page, "In the inbox of the workspace") {
		t.Errorf("%d delivered, and the page does not say so", n)
	}
	for _, name := range []string{"Chris Checker", "Dr Priya Shah"} {
		if strings.Contains(b.get("researcher", "/inputs/"+id), name) {
			t.Errorf("the author reads that %s decided", name)
		}
	}
}
