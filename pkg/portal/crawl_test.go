package portal

import (
	"context"
	"html"
	"os"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/pseudonym"
	"github.com/ark-tre/ark/workspace/trace"
)

var hrefs = regexp.MustCompile(`(?:href|action|src)="(/[^"#]*)`)

// crawl follows every link of the portal's own that user can see and returns
// the pages by path. It never posts, and leaves out what changes something by
// being looked at.
func (b *bench) crawl(user string, start ...string) map[string]string {
	b.t.Helper()
	seen, like := map[string]string{}, map[string]int{}
	todo := append([]string{"/", "/register", "/ledger", "/check", "/safe", "/choice", "/latency"}, start...)
	if user != "" {
		todo = append(todo, "/home", "/account")
	}
	for len(todo) > 0 {
		path := todo[0]
		todo = todo[1:]
		if _, ok := seen[path]; ok || strings.HasPrefix(path, "/assets/") || strings.HasPrefix(path, "/sign-in") || strings.HasPrefix(path, "/step-up") || strings.HasSuffix(path, "/enter") || strings.Contains(path, "/enter?") || len(seen) > 600 {
			continue
		}
		if like[kindOf(path)]++; b.few && (like[kindOf(path)] > 12 || strings.Contains(path, "beside=") || strings.HasPrefix(path, "/ledger?")) {
			continue
		}
		resp, body := b.do(user, "GET", path, nil)
		if resp.StatusCode == 303 && resp.Header.Get("Location") != "" {
			seen[path] = ""
			if to := resp.Header.Get("Location"); strings.HasPrefix(to, "/") {
				todo = append(todo, to)
			}
			continue
		}
		if resp.StatusCode >= 500 {
			b.t.Errorf("%s as %q: %d", path, user, resp.StatusCode)
		}
		seen[path] = body
		if resp.StatusCode != 200 {
			b.failed[user+path] = resp.StatusCode
		}
		if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
			continue
		}
		for _, m := range hrefs.FindAllStringSubmatch(body, -1) {
			todo = append(todo, html.UnescapeString(m[1]))
		}
	}
	return seen
}

// story plays a whole project, so that every kind of page has something to show.
func (b *bench) story() (project, ws, request, release string) {
	b.people()
	b.data()
	project, ws = b.active("Alcohol and emergency care")
	request = b.submit(ws)
	b.checked(request, "review")
	b.reviewed("checker1", request, airlock.VoteApprove)
	b.reviewed("checker2", request, airlock.VoteApprove)
	release = b.release(request)
	b.submitted("How late is kidney disease found?")
	h, err := pseudonym.New(make([]byte, pseudonym.KeyLen))
	b.must(err)
	_, err = b.rooms.Traces.Ask(context.Background(), b.actor("researcher"), project, trace.Ask{Kind: trace.Error, Pseudonym: h.Name(pseudonym.Person, "x"), Reason: "impossible", Dataset: "emergency", Table: "attendance", Variable: "arrived"})
	b.must(err)
	_, err = b.rooms.Catalogue.AddCodeList(context.Background(), b.actor("researcher"), catalogue.CodeList{Name: "kidney-disease", Title: "Kidney disease", System: "icd10", Codes: []catalogue.Code{{Code: "N18.3", Term: "Stage 3"}, {Code: "N18.4", Term: "Stage 4"}}})
	b.must(err)
	b.publishedTable("Attendances by age, yearly report")
	b.publishedTable("Attendances by sex, in a paper")
	b.application("Support for families")
	open := b.submit(ws)
	b.checked(open, "review")
	blocked := b.submit(ws)
	b.checked(blocked, "fail")
	return project, ws, request, release
}

// TestWordsOfAWorkspaceStayIn crawls as everyone and looks for the canary that
// stands in every word a workspace can write.
func TestWordsOfAWorkspaceStayIn(t *testing.T) {
	b := newBench(t)
	project, ws, request, release := b.story()
	start := []string{"/projects/" + project, "/projects/" + project + "/permit", "/projects/" + project + "/application/check", "/workspaces/" + ws, "/outputs/" + request, "/queue/" + request, "/queue/" + request + "/release", "/releases/" + release, "/register/" + project, "/ledger?project=" + project,
		apiPrefix + "/projects/" + project, apiPrefix + "/projects/" + project + "/releases", apiPrefix + "/requests/" + request, apiPrefix + "/requests", apiPrefix + "/queue", apiPrefix + "/releases/" + release, apiPrefix + "/workspaces", apiPrefix + "/workspaces/" + ws, apiPrefix + "/workspaces/" + ws + "/outbox", apiPrefix + "/acts", apiPrefix + "/me", apiPrefix + "/openapi.json"}
	b.wordsStayIn(ws, start)
}

// rareStates are those that a page must have been looked at in.
var rareStates = []string{"/queue/ID Contested", "/queue/ID Appealed", "/outputs/ID Contested", "/outputs/ID Appealed", "/releases/ID Frozen", "/standing/ID Active", "/pairs/ID"}

// TestPagesAreSound looks at every page that each role can reach, in every state
// that it has in the story, in a browser.
func TestPagesAreSound(t *testing.T) {
	if os.Getenv("ARK_SHOTS") == "" && testing.Short() {
		t.Skip("short")
	}
	if raceDetector {
		t.Skip("the browser looks at pages without the race detector")
	}
	b := newBench(t)
	_, ws, _, _ := b.story()
	b.edges(ws)
	b.few = true
	var looks []look
	done, states := map[string]bool{}, map[string]int{}
	for _, who := range []string{"researcher", "custodian", "checker1", "engineer", "operator", "auditor", "lay", "checker3", ""} {
		pages := b.crawl(who)
		paths := make([]string, 0, len(pages))
		for p, body := range pages {
			if strings.HasPrefix(body, "<!DOCTYPE") && b.failed[who+p] == 0 && !strings.HasPrefix(p, "/ledger?") {
				paths = append(paths, p)
			}
		}
		sort.Strings(paths)
		for _, p := range paths {
			kind := who + kindOf(p)
			if kindOf(p) != "/home" && kindOf(p) != "/account" && p != "/projects" {
				kind = kindOf(p) // the same kind of page in the same state is looked at once
			}
			state := kind + stateOf(p, pages[p])
			// A few states of each kind of page, and those that are rare always.
			rare := slices.ContainsFunc(rareStates, func(s string) bool { return strings.HasPrefix(state, s) })
			if done[state] || states[kind] >= 4 && !rare {
				continue
			}
			done[state] = true
			states[kind]++
			l := look{Name: strings.Trim(nameOf(who, p), "-"), URL: b.origin() + p, Plain: states[kind] > 1}
			if l.Plain {
				l.Name += "-" + strconv.Itoa(states[kind])
			}
			if who != "" {
				l.Cookie = "ark=" + b.user(who)
			}
			looks = append(looks, l)
		}
	}
	looks = append(looks, look{Name: "not-found", URL: b.origin() + "/nothing/here", Status: 404})
	t.Logf("%d kinds of page in %d states", len(states), len(done))
	for _, must := range rareStates {
		found := false
		for state := range done {
			found = found || strings.HasPrefix(state, must)
		}
		if !found {
			t.Errorf("no page was looked at in the state %q", must)
		}
	}
	if len(states) < 45 || len(done) < 80 {
		t.Errorf("only %d kinds of page in %d states were found", len(states), len(done))
	}
	lookAt(t, looks)
}

var (
	tagText  = regexp.MustCompile(`class="nhsuk-tag[^"]*">([^<]*)<`)
	formKind = regexp.MustCompile(`<form[^>]* action="([^"#?]*)`)
)

// stateOf is what makes a page one of its kind: the state that it names first,
// and the forms that it has.
func stateOf(path, body string) string {
	_, body, _ = strings.Cut(body, "<main")
	var out []string
	for _, m := range formKind.FindAllStringSubmatch(body, -1) {
		if k := kindOf(html.UnescapeString(m[1])); !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	sort.Strings(out)
	state := ""
	if m := tagText.FindStringSubmatch(body); m != nil && ids.MatchString(path) {
		state = " " + strings.TrimSpace(m[1])
	}
	return state + " " + strings.Join(out, " ")
}

var ids = regexp.MustCompile(`[a-z]{3}_[0-9a-f]{32}`)

func kindOf(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return ids.ReplaceAllString(path, "ID")
}

func nameOf(who, path string) string {
	return who + strings.NewReplacer("/", "-", "ID", "x").Replace(kindOf(path))
}

// TestReviewByKeyboard reviews an output with keys alone: help, next and
// previous file, comment, vote; after the vote the same file is in hand.
func TestReviewByKeyboard(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	_, ws := b.active("By keyboard")
	request := b.submit(ws)
	b.checked(request, "review")
	lookAt(t, []look{{Name: "keyboard", URL: b.origin() + "/queue/" + request, Cookie: "ark=" + b.user("checker1"), Steps: []step{
		{Press: "?", Expect: "[data-review] details[open] input[type=checkbox]"},
		{Press: "j", Leads: true, Expect: ".ark-files li:nth-child(2) a[aria-current]"},
		{Press: "k", Leads: true, Expect: ".ark-files li:nth-child(1) a[aria-current]"},
		{Press: "c", Expect: "textarea#text:focus"},
		{Press: "a", Expect: "textarea#text:focus"}, // a letter in a comment is a letter
		{Press: "Tab"}, {Press: "Tab"}, {Press: "a", Leads: true, Expect: ".ark-files li:nth-child(1) a[aria-current] .nhsuk-tag--green"},
	}}})
	v := b.view("checker1", request)
	if v.Files[0].YourVote != airlock.VoteApprove {
		t.Errorf("the vote is %q", v.Files[0].YourVote)
	}
}

// TestPictures makes the pictures of the README, where ARK_PICTURES says.
func TestPictures(t *testing.T) {
	dir := os.Getenv("ARK_PICTURES")
	if dir == "" {
		t.Skip("ARK_PICTURES names no folder")
	}
	t.Setenv("ARK_SHOTS", dir)
	b := newMarked(t, "")
	b.people()
	b.data()
	_, ws := b.active("Alcohol and emergency care")
	request := b.submit(ws)
	b.checked(request, "review")
	other := b.submitted("How late is kidney disease found?")
	as := func(who, path string) look {
		return look{Name: who, URL: b.origin() + path, Cookie: "ark=" + b.user(who), Window: true}
	}
	named := func(name string, l look) look { l.Name = name; return l }
	// A second round, held against the first, and a release before it.
	_, earlier := b.active("Attendance by deprivation")
	past := b.submit(earlier)
	b.checked(past, "review")
	b.reviewed("checker1", past, airlock.VoteApprove)
	b.reviewed("checker2", past, airlock.VoteApprove)
	release := b.release(past)
	second := b.submit(ws)
	b.checked(second, "review")
	first := b.view("checker1", second).Files[0].ID
	b.post("checker1", "/queue/"+second+"/comment", "file", first, "text", "Seven people: please suppress it, and one more so that it cannot be worked out.", "cell", "C7", "public", "yes")
	b.post("checker1", "/queue/"+second+"/return")
	outbox := b.rooms.Outputs.(*pinned).outbox
	outbox["rates.csv"] = strings.NewReplacer("18-39,M,1180,2.9", "18-39,M,1190,2.9", "65+,M,7,16.8", "65+,M,*,*").Replace(outbox["rates.csv"])
	b.post("researcher", "/outputs/"+second+"/resubmit", "output", "rates.csv", "group", "Rates by age and sex", "context", "Attendance rates by age and sex in 2025, for the report to the alcohol board.", "population", "All attendances with an age.", "counts", "12", "controls", "Counts under ten are suppressed.", "relation", "None before.", "answer", "Suppressed the row of seven; ten people had been left out of another.")
	b.checked(second, "review")
	b.post("checker1", "/queue/"+request+"/claim")
	beside := "/queue/" + second + "?file=" + b.view("checker1", second).Files[0].ID + "&beside=" + queryEscape(release+" 1")
	lookAt(t, []look{as("researcher", "/workspaces/"+ws), as("custodian", "/reviews/"+b.review(other)), as("checker1", "/queue/"+request),
		named("queue", as("checker1", "/queue")), named("side-by-side", as("checker1", beside)), named("release", as("checker1", "/releases/"+release)),
		named("submit", as("researcher", "/workspaces/"+ws+"/submit")), named("author", as("researcher", "/outputs/"+second))})
}
