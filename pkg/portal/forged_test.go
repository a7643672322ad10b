package portal

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// other adds a researcher who leads a project of their own, with a workspace,
// and plays what follows as theirs.
func (b *bench) other(name string, play func()) {
	b.t.Helper()
	ctx, op := context.Background(), b.actor("operator")
	u, err := b.rooms.Governance.AddUser(ctx, op, governance.User{Name: "Dr " + name, Email: name + "@example.org", Org: b.id["university"], Issuer: "http://id.localhost", Subject: name, Roles: []ark.Role{ark.Researcher}})
	b.must(err)
	at := b.rooms.Governance.St.Now()
	b.must(b.rooms.Governance.RecordTraining(ctx, op, u.ID, at.AddDate(1, 0, 0), at.AddDate(0, 6, 0)))
	first := b.id["researcher"]
	b.id[name], b.id["researcher"] = u.ID, u.ID
	play()
	b.id["researcher"] = first
}

// damaged has a file of the request found not to be what was submitted.
func (b *bench) damaged(request string) (file string) {
	file = b.view("checker1", request).Files[0].ID
	b.must(b.rooms.Airlock.Damaged(context.Background(), request, file))
	return file
}

// acts counts what was done; looks and refusals are recorded too.
func (b *bench) acts() int64 {
	b.t.Helper()
	var n int64
	b.must(b.st.View(b.t.Context(), func(q store.Querier) error {
		return q.QueryRowContext(b.t.Context(), `SELECT count(*) FROM outbox WHERE type NOT LIKE 'access.%' AND type <> 'refused'`).Scan(&n)
	}))
	return n
}

// TestIdsOfAnotherProject asks for everything of a project – its pages and all
// operations of the API, with its own true ids – as the lead of another, as a
// member of the project who is a checker too. Nothing is shown, and nothing is
// done.
func TestIdsOfAnotherProject(t *testing.T) {
	b := newBench(t)
	project, ws, request, release := b.story()
	open := b.submit(ws)
	b.checked(open, "review")
	damaged := b.submit(ws)
	b.checked(damaged, "review")
	file := b.damaged(damaged)
	standing, input := b.series(b.specified(ws)), b.brought(ws, "helper.py")
	b.other("stranger", func() { b.active("Another question") })
	b.must(b.rooms.Governance.SetRoles(t.Context(), b.actor("operator"), b.user("colleague"), []ark.Role{ark.Researcher, ark.Checker}))
	b.door.fresh = true

	targets := map[string][]string{"Request": {request, open, damaged}, "Release": {release}, "Workspace": {ws}, "Project": {project}, "Standing": {standing}, "Input": {input}}
	type ask struct{ kind, method, path, body, action string }
	var asks []ask
	for _, r := range b.p.Routes() {
		method, path, _ := strings.Cut(r.Pattern, " ")
		kind := b.p.cfg.Access.Actions()[r.Action].Resource
		for _, id := range targets[kind] {
			asks = append(asks, ask{kind, method, fillPath(strings.NewReplacer("{id}", id, "{file}", file).Replace(path)), "file=" + file + "&vote=approve&text=x&reason=x&title=x&user=" + b.user("stranger"), r.Action})
		}
	}
	pages := len(asks)
	for _, op := range b.p.Operations() {
		for _, id := range targets[op.On] {
			asks = append(asks, ask{op.On, op.Method, apiPrefix + fillPath(strings.NewReplacer("{id}", id, "{file}", file).Replace(op.Path)), "{}", op.Action})
		}
	}
	if pages < 90 || len(asks)-pages < 60 {
		t.Fatalf("only %d addresses of pages and %d of the API", pages, len(asks)-pages)
	}
	for _, who := range []string{"stranger", "colleague"} {
		was, n := b.acts(), 0
		for i, a := range asks {
			if who == "colleague" && (a.kind != "Request" || a.action == "request.read" || a.action == "request.comment") {
				continue
			}
			head := []string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"}
			if strings.HasPrefix(a.path, apiPrefix) {
				head = []string{"Content-Type", "application/json", "Idempotency-Key", fmt.Sprintf("forged-%s-%04d", who, i)}
			}
			resp, body := b.do(who, a.method, a.path, strings.NewReader(a.body), head...)
			n++
			if resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %s %s (%s): %d %.200s", who, a.method, a.path, a.action, resp.StatusCode, body)
			}
			if strings.Contains(body, "CANARY") || strings.Contains(body, "Alcohol and emergency care") {
				t.Errorf("%s: %s %s tells of the project", who, a.method, a.path)
			}
		}
		t.Logf("%s: %d requests refused", who, n)
		if now := b.acts(); now != was {
			t.Errorf("%s did %d acts", who, now-was)
		}
	}
}

// TestIdsOfAnotherProjectInsideOnesOwn puts files, comments, rounds and releases
// of another project where one's own belong.
func TestIdsOfAnotherProjectInsideOnesOwn(t *testing.T) {
	b := newBench(t)
	_, ws, released, release := b.story()
	theirs := b.submit(ws)
	b.checked(theirs, "review")
	theirFile := b.view("checker1", theirs).Files[0].ID
	b.post("checker1", "/queue/"+theirs+"/comment", "file", theirFile, "text", "THEIRS: please round.", "public", "yes")
	comment := b.view("checker1", theirs).Comments[0].ID
	var mine string
	b.other("stranger", func() {
		_, own := b.active("Another question")
		mine = b.submit(own)
		b.checked(mine, "review")
	})
	state := func() string {
		out := ""
		for _, who := range []string{"checker1", "checker2"} {
			for _, id := range []string{theirs, mine} {
				v := b.view(who, id)
				out += fmt.Sprintf("%s %s %s %+v %+v|", who, id, v.State, v.Files, v.Comments)
			}
		}
		return out
	}
	was, before := b.acts(), state()
	key := 0
	for _, a := range []struct{ who, path, body string }{
		{"checker1", "/queue/" + mine + "/vote", "file=" + theirFile + "&vote=approve"},
		{"checker1", "/queue/" + mine + "/comment", "file=" + theirFile + "&text=x"},
		{"checker1", "/queue/" + mine + "/comment", "reply=" + comment + "&text=x"},
		{"checker1", "/queue/" + mine + "/resolve", "comment=" + comment},
		{"stranger", "/outputs/" + mine + "/comment", "file=" + theirFile + "&text=x"},
		{"stranger", "/outputs/" + mine + "/comment", "reply=" + comment + "&text=x"},
		{"stranger", "/outputs/" + mine + "/resolve", "comment=" + comment},
		{"checker1", apiPrefix + "/requests/" + mine + "/vote", `{"file":"` + theirFile + `","vote":"approve"}`},
		{"checker1", apiPrefix + "/requests/" + mine + "/comment", `{"file":"` + theirFile + `","text":"x"}`},
		{"checker1", apiPrefix + "/requests/" + mine + "/comment", `{"reply":"` + comment + `","text":"x"}`},
		{"checker1", apiPrefix + "/requests/" + mine + "/resolve", `{"comment":"` + comment + `"}`},
		{"stranger", apiPrefix + "/requests/" + mine + "/comment", `{"file":"` + theirFile + `","text":"x"}`},
		{"stranger", apiPrefix + "/requests/" + mine + "/resolve", `{"comment":"` + comment + `"}`},
		{"stranger", "/outputs/" + mine + "/files/" + theirFile, ""},
		{"checker1", "/outputs/" + mine + "/files/" + theirFile, ""},
	} {
		method, head := http.MethodPost, []string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"}
		if a.body == "" {
			method = http.MethodGet
		} else if a.body[0] == '{' {
			key++
			head = []string{"Content-Type", "application/json", "Idempotency-Key", fmt.Sprintf("inside-%06d", key)}
		}
		resp, body := b.do(a.who, method, a.path, strings.NewReader(a.body), head...)
		if !slices.Contains([]int{http.StatusNotFound, http.StatusForbidden, http.StatusConflict, http.StatusUnprocessableEntity}, resp.StatusCode) {
			t.Errorf("%s: %s %s: %d %.200s", a.who, a.path, a.body, resp.StatusCode, body)
		}
		if strings.Contains(body, "THEIRS") {
			t.Errorf("%s: %s shows another's comment", a.who, a.path)
		}
	}
	if now := b.acts(); now != was || state() != before {
		t.Errorf("%d acts were done", now-was)
	}
	// What an author may not have held beside is not, whatever the address says.
	for _, query := range []string{"?file=" + theirFile, "?beside=" + queryEscape(release+" 1"), "?round=1&file=" + theirFile} {
		resp, body := b.do("stranger", "GET", "/outputs/"+mine+query, nil)
		if resp.StatusCode >= 500 || strings.Contains(body, "THEIRS") || strings.Contains(body, theirs) || strings.Contains(body, released) {
			t.Errorf("%s shows another's: %d", query, resp.StatusCode)
		}
	}
	if v := b.view("checker1", mine); v.State != "submitted" || v.Files[0].YourVote != "" {
		t.Errorf("%s %+v", v.State, v.Files)
	}
}
