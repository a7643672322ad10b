package portal

import (
	"bytes"
	"context"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace/trace/seal"
)

// form is one form of a page as the server drew it: what a browser that runs no
// script would send when its first button is pressed.
type form struct {
	who, page, method, action string
	files, pressable          bool // multipart; some button of it can be pressed
	fields                    url.Values
}

// kind is the form's method and address without identifiers.
func (f form) kind() string { return f.method + " " + kindOf(f.action) }

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func text(n *html.Node, name string) string { v, _ := attribute(n, name); return v }
func has(n *html.Node, name string) bool    { _, ok := attribute(n, name); return ok }

func each(n *html.Node, fn func(*html.Node)) {
	fn(n)
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		each(c, fn)
	}
}

// formsOf reads the forms of a page, each with its fields filled as by a user
// who types into what is empty and takes the last of what can be chosen.
func formsOf(who, page, body string) (out []form) {
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		return nil
	}
	byID := map[string]*form{}
	var order []*form
	into := func(n *html.Node, f *form) { each(n, func(n *html.Node) { f.field(n) }) }
	each(root, func(n *html.Node) {
		if n.Type != html.ElementNode || n.Data != "form" {
			return
		}
		f := &form{who: who, page: page, method: strings.ToUpper(text(n, "method")), action: text(n, "action"), files: text(n, "enctype") == "multipart/form-data", fields: url.Values{}}
		if f.method == "" {
			f.method = http.MethodGet
		}
		if f.action == "" {
			f.action = page
		}
		into(n, f)
		if id := text(n, "id"); id != "" {
			byID[id] = f
		}
		order = append(order, f)
	})
	each(root, func(n *html.Node) { // fields that stand outside of their form
		if f := byID[text(n, "form")]; f != nil && n.Type == html.ElementNode {
			f.field(n)
		}
		if to := text(n, "formaction"); to != "" && n.Type == html.ElementNode { // a button that sends its form elsewhere
			for up := n.Parent; up != nil; up = up.Parent {
				if up.Type == html.ElementNode && up.Data == "form" {
					f := &form{who: who, page: page, method: strings.ToUpper(text(up, "method")), action: to, files: text(up, "enctype") == "multipart/form-data", fields: url.Values{}}
					into(up, f)
					order = append(order, f)
				}
			}
		}
	})
	for _, f := range order {
		out = append(out, *f)
	}
	return out
}

// field adds what the element sends.
func (f *form) field(n *html.Node) {
	name := text(n, "name")
	if n.Data == "button" && text(n, "type") != "button" && !has(n, "disabled") && text(n, "aria-disabled") != "true" {
		f.pressable = true
	}
	if n.Type != html.ElementNode || name == "" || has(n, "disabled") {
		return
	}
	value := text(n, "value")
	switch n.Data {
	case "textarea":
		each(n, func(c *html.Node) {
			if c.Type == html.TextNode {
				value += c.Data
			}
		})
		if strings.TrimSpace(value) == "" {
			value = "Typed into a page that runs no script."
		}
		f.fields.Set(name, value)
	case "select":
		each(n, func(c *html.Node) {
			if c.Type == html.ElementNode && c.Data == "option" && (has(c, "selected") || f.fields.Get(name) == "") {
				f.fields.Set(name, text(c, "value"))
			}
		})
	case "button":
		if _, ok := f.fields[name]; !ok {
			f.fields.Set(name, value)
		}
	case "input":
		switch text(n, "type") {
		case "file":
			f.fields.Set(name, "\x00file")
		case "radio":
			if has(n, "checked") || f.fields.Get(name) == "" {
				f.fields.Set(name, value)
			}
		case "checkbox":
			if has(n, "checked") || has(n, "required") || len(f.fields[name]) == 0 {
				f.fields.Add(name, value)
			}
		case "number":
			if value == "" {
				value = "1"
			}
			f.fields.Set(name, value)
		case "date":
			if value == "" {
				value = "2027-01-31"
			}
			f.fields.Set(name, value)
		case "email":
			f.fields.Set(name, "new@example.org")
		case "hidden", "submit":
			f.fields.Add(name, value)
		default:
			if value == "" {
				value = "Typed without script"
			}
			f.fields.Set(name, value)
		}
	}
}

// send submits the form as a browser does: a file goes as one of two lines.
func (b *bench) send(f form) (*http.Response, string) {
	b.t.Helper()
	header := []string{"Sec-Fetch-Site", "same-origin", "Origin", b.origin(), "Referer", "http://localhost" + f.page, "Accept", "text/html"}
	if !f.files {
		body := f.fields
		return b.do(f.who, f.method, f.action, strings.NewReader(body.Encode()), append(header, "Content-Type", "application/x-www-form-urlencoded")...)
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, values := range f.fields {
		for _, v := range values {
			if v == "\x00file" {
				part, err := w.CreateFormFile(name, "rows.csv")
				b.must(err)
				_, err = part.Write([]byte("a,b\n1,2\n"))
				b.must(err)
				continue
			}
			b.must(w.WriteField(name, v))
		}
	}
	b.must(w.Close())
	return b.do(f.who, f.method, f.action, &body, append(header, "Content-Type", w.FormDataContentType())...)
}

// sentElsewhere are the addresses whose form stands on no page of this story,
// with the reason.
var sentElsewhere = map[string]string{
	"POST /logged-out":                   "the identity provider sends it, from its server: TestOutsideBackChannelLogout",
	"POST /sign-in/command-line":         "a program's address leads to it: TestHandingASessionToTheCommandLine posts it",
	"POST /sign-in/command-line/session": "the command line sends it, from no page: the same test",
	"POST /traces/{id}/token":            "no answer is sealed in this story: TestTraceOfAPersonTakesTwo posts it",
	"POST /traces/{id}/answer":           "nothing was found in this story: the tests of traces post it",
	"POST /incidents/{id}/settle":        "no stored file is damaged in this story; not sent without script",
	"POST /inputs/{id}/settle":           "the same of a file to be brought in",
	"POST /jobs/{id}/retry":              "no job fails in this story; not sent without script",
	"POST /queue/{id}/sign-off":          "no release of this story needs a custodian's consent; not sent without script",
	"POST /versions/{id}/destroy":        "no version of this story has had its time: TestEndOfAVersion posts it",
	"POST /versions/{id}/confirm":        "the same",
	"POST /queue/{id}/waive":             "no failed rule of this story is a contract's own; not sent without script",
}

// late are acts after which other forms are gone, in the order they are sent,
// after all others.
var late = []string{"/queue/ID/finish", "/queue/ID/sign-off", "/queue/ID/waive", "/queue/ID/override", "/queue/ID/arbitrate", "/queue/ID/return", "/queue/ID/release", "/queue/ID/reject", "/appeal", "/resubmit", "/contest", "/hold", "/resume", "/outputs/ID/withdraw", "/inputs/ID/withdraw", "/standing/ID/approve", "/standing/ID/decline", "/standing/ID/end", "/workspaces/ID/freeze", "/stop", "/start"}

// final are acts after which most forms are gone: they are sent in the second round.
var final = []string{"/freeze", "/projects/ID/suspend", "/versions/1/withdraw", "/projects/ID/withdraw", "/withdraw", "/recall", "/close", "/destroy", "/users/ID/suspend", "/users/ID/roles", "/users/ID/training", "/sign-out"}

// formsSeen are the forms that change something on all pages that anybody sees,
// by kind: at most a dozen of each.
func (b *bench) formsSeen() map[string][]form {
	forms := map[string][]form{}
	for _, who := range []string{"researcher", "custodian", "labcustodian", "lay", "checker1", "checker2", "checker3", "engineer", "operator", "auditor", "colleague", ""} {
		pages := b.crawl(who)
		paths := make([]string, 0, len(pages))
		for p := range pages {
			paths = append(paths, p)
		}
		slices.Sort(paths)
		for _, p := range paths {
			if b.failed[who+p] != 0 {
				continue
			}
			for _, f := range formsOf(who, p, pages[p]) {
				if f.method == http.MethodPost && f.pressable && len(forms[f.kind()]) < 12 {
					forms[f.kind()] = append(forms[f.kind()], f)
				}
			}
		}
	}
	return forms
}

// TestEveryFormWithoutScript sends every kind of form of every page that any
// role can see as a browser would that runs no script, from what the server
// drew alone: each is done, or the page comes again with what to mend. Every
// address that changes something is the address of one of these forms.
func TestEveryFormWithoutScript(t *testing.T) {
	if raceDetector {
		t.Skip("the forms are sent without the race detector")
	}
	b := newBench(t)
	b.everyForm(b.send)
}

// everyForm has every kind of form sent.
func (b *bench) everyForm(send func(form) (*http.Response, string)) {
	t := b.t
	_, ws, _, _ := b.story()
	b.edges(ws)
	b.publish() // a version whose counts wait for a custodian
	for _, name := range []string{"let-in.py", "refused.py", "taken-back.py"} {
		b.brought(ws, name)
	}
	b.door.fresh = true
	b.few = true
	taken, said := map[string]bool{}, map[string][]string{}
	done, mended := 0, 0
	for round := range 3 { // what is done brings forms that were not there before
		forms := b.formsSeen()
		last := func(kind string) int {
			return slices.IndexFunc(slices.Concat(late, final), func(x string) bool { return strings.HasSuffix(kind, x) })
		}
		kinds := slices.Sorted(maps.Keys(forms))
		slices.SortStableFunc(kinds, func(x, y string) int { return last(x) - last(y) })
		for _, kind := range kinds {
			for _, f := range forms[kind] {
				if taken[kind] || round == 0 && last(kind) >= len(late) {
					break
				}
				b.door.fresh = true
				resp, body := send(f)
				page := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") && strings.Contains(body, "<main")
				switch {
				case resp.StatusCode == http.StatusSeeOther && !strings.HasPrefix(resp.Header.Get("Location"), "/sign-in"), resp.StatusCode == http.StatusOK && page:
					done++
					taken[kind] = true
				case (resp.StatusCode == http.StatusUnprocessableEntity || resp.StatusCode == http.StatusBadRequest) && page:
					mended++
					taken[kind] = true
				case resp.StatusCode >= 500 || resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusMethodNotAllowed || resp.StatusCode == http.StatusUnsupportedMediaType || !page:
					t.Errorf("%s on %s as %s was answered %d %s: %.300s", kind, f.page, f.who, resp.StatusCode, resp.Header.Get("Content-Type"), body)
				}
				said[kind] = append(said[kind], f.who+" on "+f.page+": "+http.StatusText(resp.StatusCode)+" "+mainText(body))
			}
		}
	}
	for kind, answers := range said {
		if !taken[kind] {
			t.Errorf("%s was taken on no page: %q", kind, answers)
		}
	}
	for _, r := range b.p.Routes() {
		if !r.Mutates() {
			continue
		}
		method, path, _ := strings.Cut(r.Pattern, " ")
		shape := regexp.MustCompile("^" + method + " " + regexp.MustCompile(`\\\{[a-z.]+\\\}`).ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "$")
		found := false
		for kind := range taken {
			found = found || shape.MatchString(kind)
		}
		switch {
		case !found && sentElsewhere[r.Pattern] == "":
			t.Errorf("no form on any page sends to %s", r.Pattern)
		case found && sentElsewhere[r.Pattern] != "":
			t.Errorf("%s has a form on a page of the story: take it off the list of those that have none", r.Pattern)
		}
	}
	t.Logf("%d kinds of form without script: %d done, %d sent back to be mended; %d addresses have none, with a reason", len(taken), done, mended, len(sentElsewhere))
}

var mainPart = regexp.MustCompile(`(?s)<main.*?</main>`)

// mainText is the beginning of what a page says.
func mainText(body string) string {
	s := strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(mainPart.FindString(body), " ")), " ")
	return s[:min(len(s), 160)]
}

// edges takes what the story leaves out to where its forms stand.
func (b *bench) edges(ws string) {
	ctx := context.Background()
	u, err := b.rooms.Governance.AddUser(ctx, b.actor("operator"), governance.User{Name: "Ciaran Third", Email: "checker3@example.org", Org: b.id["ark"], Issuer: "http://id.localhost", Subject: "checker3", Roles: []ark.Role{ark.Checker}})
	b.must(err)
	b.id["checker3"] = u.ID
	sent := func(who, path string, pairs ...string) string {
		b.t.Helper()
		b.door.fresh = true
		code, to, body := b.post(who, path, pairs...)
		b.door.fresh = false
		if code != http.StatusSeeOther {
			b.t.Fatalf("%s as %s: %d %s", path, who, code, mainText(body))
		}
		return to
	}
	open := func(first, second string) string {
		id := b.submit(ws)
		b.checked(id, "review")
		if first != "" {
			b.reviewed("checker1", id, first)
			b.reviewed("checker2", id, second)
		}
		return id
	}
	_, public, err := seal.NewKey()
	b.must(err)
	sent("custodian", "/organisations/"+b.id["hospital"]+"/key", "key", public)
	b.active("Frozen")
	// One that waits for its reviewer to finish, two that may leave, two that were returned.
	voted := open("", "")
	for _, f := range b.view("checker1", voted).Files {
		if f.Kind == airlock.KindOutput {
			sent("checker1", "/queue/"+voted+"/vote", "file", f.ID, "vote", airlock.VoteApprove)
		}
	}
	for range 3 {
		open(airlock.VoteApprove, airlock.VoteApprove)
	}
	for _, appeal := range []bool{false, true} {
		id := open("", "")
		sent("checker1", "/queue/"+id+"/comment", "file", b.view("checker1", id).Files[0].ID, "text", "Please suppress the seven.", "public", "yes")
		b.reviewed("checker1", id, airlock.VoteChanges)
		b.reviewed("checker2", id, airlock.VoteApprove)
		sent("checker1", "/queue/"+id+"/return")
		if appeal {
			sent("researcher", "/outputs/"+id+"/appeal", "reason", "Seven people is the number of hospitals, not of people.")
		}
	}
	contested := b.submit(ws)
	b.checked(contested, "fail")
	sent("researcher", "/outputs/"+contested+"/contest", "reason", "It counts hospitals, not people.")
	// A standing output that runs, one that was only asked for, and one that has run.
	release := b.specified(ws)
	standing := b.series(release)
	run := b.run(standing, 2, "age,sex,count\n18-39,F,1240\n18-39,M,1180\n")
	b.checked(run, "pass")
	b.reviewed("checker1", run, airlock.VoteApprove)
	b.release(run)
	for range 2 {
		to := sent("researcher", "/releases/"+release+"/standing", "file", "1", "title", "Again", "use", "The emergency department plans by it.", "recipients", b.user("researcher"))
		b.as("standing.apply", store.Resource{Type: "Standing", ID: strings.TrimPrefix(to, "/standing/")}, func(tx *store.Tx) ([]store.Event, error) {
			return b.rooms.Airlock.ApplyMake(ctx, tx, airlock.MakeJob{Standing: strings.TrimPrefix(to, "/standing/")}, airlock.MakeResult{})
		})
	}
	// A release that should not have left.
	past := b.release(open(airlock.VoteApprove, airlock.VoteApprove))
	sent("custodian", "/releases/"+past+"/freeze", "reason", "A cell of 7 left.")
}
