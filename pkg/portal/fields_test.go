package portal

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/store"
)

// schema is what a test has to know of a schema of the API's description.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       any                `json:"type"`
	Enum       []any              `json:"enum"`
	Properties map[string]*schema `json:"properties"`
	Items      *schema            `json:"items"`
}

// texts lists where free text goes in a schema: "group.name", "output[]".
func (s *schema) texts(all map[string]*schema, at string) []string {
	if s == nil {
		return nil
	}
	if s.Ref != "" {
		return all[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]].texts(all, at)
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if name != "$schema" {
			out = append(out, s.Properties[name].texts(all, strings.TrimPrefix(at+"."+name, "."))...)
		}
	}
	out = append(out, s.Items.texts(all, at+"[]")...)
	if s.Type == "string" && len(s.Enum) == 0 {
		out = append(out, at)
	}
	return out
}

// notWords are fields that take an identifier: nothing else is accepted there.
// A kind is one of a list, a commit is in hexadecimal, degrees of freedom are a
// number: nothing else is accepted, which the test tries.
var notWords = map[string]bool{"file": true, "reply": true, "user": true, "comment": true, "recipients[]": true}

var notText = map[string]bool{"kind": true, "commit": true, "degrees_of_freedom": true}

// ofOthers are acts of those who may read the words, or who write for the
// record: their own words are no output of a workspace.
var ofOthers = []string{"/override", "/waive", "/arbitrate", "/sign-off", "/reject", "/freeze", "/settle", "/reassign", "/assign"}

// TestEveryFieldOfAWorkspaceStaysIn fills every field of the API that a
// researcher or what is in a workspace can fill with a canary of its own, and
// crawls as everyone. A new field fails it until it is filled here.
func TestEveryFieldOfAWorkspaceStaysIn(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	project, ws := b.active("Every field")
	outbox := b.rooms.Outputs.(*pinned).outbox
	outbox["CANARY.csv"] = outbox["rates.csv"]
	maps.Copy(b.rooms.Enclave.(testEnclave).files, outbox)

	filled, keys := map[string]bool{}, []string{}
	fill := func(user, op, path string, body any) string {
		t.Helper()
		keys = append(keys, path)
		raw, err := json.Marshal(body)
		b.must(err)
		resp, text := b.api(user, "POST", path, string(raw), "Idempotency-Key", fmt.Sprintf("field-%08d", len(keys)))
		if resp.StatusCode >= 300 {
			t.Fatalf("%s as %s: %d %s", path, user, resp.StatusCode, text)
		}
		var v any
		b.must(json.Unmarshal(raw, &v))
		var walk func(v any, at string)
		walk = func(v any, at string) {
			switch v := v.(type) {
			case map[string]any:
				for k, x := range v {
					walk(x, strings.TrimPrefix(at+"."+k, "."))
				}
			case []any:
				for _, x := range v {
					walk(x, at+"[]")
				}
			case string:
				if strings.Contains(v, "CANARY") {
					filled[op+" "+at] = true
				}
			}
		}
		walk(v, "")
		return text
	}
	words := func(more string) map[string]any {
		return map[string]any{"name": "CANARY name" + more, "context": "CANARY context, which has to be twenty letters.", "population": "CANARY population", "counts": "CANARY counts", "controls": "CANARY controls", "relation": "CANARY relation", "code": "CANARY code"}
	}
	listed := map[string]any{"groups": []any{words(" in a list")}, "answer": "CANARY answer"}
	group := listed["groups"].([]any)[0].(map[string]any)
	group["output"], group["supporting"] = []string{"CANARY.csv"}, []string{"notes CANARY.txt"}
	short := map[string]any{"group": words(""), "output": []string{"CANARY.csv"}, "supporting": []string{"notes CANARY.txt"}, "answer": "CANARY answer"}

	submit, resubmit := "/workspaces/{id}/requests", "/requests/{id}/resubmit"
	var made struct{ ID string }
	send := func(body any) string {
		b.must(json.Unmarshal([]byte(fill("researcher", submit, "/workspaces/"+ws+"/requests", body)), &made))
		return made.ID
	}
	contested := send(listed)
	b.checked(contested, "fail")
	fill("researcher", "/requests/{id}/contest", "/requests/"+contested+"/contest", map[string]string{"reason": "CANARY contest"})
	blocked := send(short)
	b.checked(blocked, "fail")
	fill("researcher", resubmit, "/requests/"+blocked+"/resubmit", short)
	again := send(short)
	b.checked(again, "fail")
	fill("researcher", resubmit, "/requests/"+again+"/resubmit", listed)
	returned := send(short)
	b.checked(returned, "review")
	first := b.view("checker1", returned).Files[0].ID
	fill("checker1", "/requests/{id}/comment", "/requests/"+returned+"/comment", map[string]any{"text": "CANARY comment", "cell": "CANARY cell", "file": first, "group": -1, "public": true})
	b.reviewed("checker1", returned, airlock.VoteChanges)
	if resp, text := b.api("checker1", "POST", "/requests/"+returned+"/return", "", "Idempotency-Key", "field-return"); resp.StatusCode >= 300 {
		t.Fatalf("return: %d %s", resp.StatusCode, text)
	}
	fill("researcher", "/requests/{id}/appeal", "/requests/"+returned+"/appeal", map[string]string{"reason": "CANARY appeal"})
	specified := b.specified(ws)
	asked := fill("researcher", "/releases/{id}/standing", "/releases/"+specified+"/standing", map[string]any{"file": 1, "title": "CANARY title", "use": "CANARY use of the figures, every week.", "recipients": []string{b.user("custodian")}})
	var standing struct{ ID string }
	b.must(json.Unmarshal([]byte(asked), &standing))
	b.as("standing.apply", store.Resource{Type: "Standing", ID: standing.ID}, func(tx *store.Tx) ([]store.Event, error) {
		return b.rooms.Airlock.ApplyMake(t.Context(), tx, airlock.MakeJob{Standing: standing.ID}, airlock.MakeResult{})
	})

	var api struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct{ Schema *schema }
			}
		}
		Components struct{ Schemas map[string]*schema }
	}
	_, text := b.api("researcher", "GET", "/openapi.json", "")
	b.must(json.Unmarshal([]byte(text), &api))
	fields := 0
	for path, ops := range api.Paths {
		if !strings.HasPrefix(path, "/workspaces/") && !strings.HasPrefix(path, "/requests/") && !strings.HasPrefix(path, "/releases/") && !strings.HasSuffix(path, "/workspace") {
			continue
		}
		if slices.ContainsFunc(ofOthers, func(x string) bool { return strings.HasSuffix(path, x) }) {
			continue
		}
		for _, c := range ops["post"].RequestBody.Content {
			for _, f := range c.Schema.texts(api.Components.Schemas, "") {
				if notWords[f] {
					continue
				}
				if last := f[strings.LastIndexByte(f, '.')+1:]; notText[last] {
					with := words("")
					with[last] = "CANARY"
					raw, _ := json.Marshal(map[string]any{"group": with, "output": []string{"CANARY.csv"}})
					keys = append(keys, f)
					if resp, _ := b.api("researcher", "POST", "/workspaces/"+ws+"/requests", string(raw), "Idempotency-Key", fmt.Sprintf("field-%08d", len(keys))); resp.StatusCode < 300 {
						t.Errorf("%s takes any text", f)
					}
					continue
				}
				fields++
				if !filled[path+" "+f] {
					t.Errorf("%s takes the text %s, which was never filled with a canary", path, f)
				}
			}
		}
	}
	t.Logf("%d fields of text were filled", fields)
	if fields < 20 {
		t.Errorf("only %d fields were found", fields)
	}
	start := []string{"/projects/" + project, "/workspaces/" + ws, apiPrefix + "/workspaces/" + ws, apiPrefix + "/workspaces/" + ws + "/outbox", apiPrefix + "/acts", apiPrefix + "/jobs", apiPrefix + "/workspaces", apiPrefix + "/requests", apiPrefix + "/queue", "/standing", apiPrefix + "/standing", "/metrics", "/feed.xml"}
	for _, r := range []string{contested, blocked, again, returned} {
		start = append(start, "/outputs/"+r, "/queue/"+r, apiPrefix+"/requests/"+r, apiPrefix+"/requests/"+r+"?round=1")
	}
	b.wordsStayIn(ws, start)
}

// wordsStayIn crawls as everyone.
func (b *bench) wordsStayIn(ws string, start []string) {
	b.t.Helper()
	may := map[string][]string{
		"researcher": {"/workspaces/" + ws, "/outputs/", apiPrefix + "/requests", apiPrefix + "/workspaces/" + ws + "/outbox", "/standing", apiPrefix + "/standing"},
		"checker1":   {"/queue/", "/outputs/", apiPrefix + "/requests/", "/standing", apiPrefix + "/standing"},
		"checker2":   {"/queue/", "/outputs/", apiPrefix + "/requests/", "/standing", apiPrefix + "/standing"},
	}
	found := map[string]bool{}
	for _, who := range []string{"", "researcher", "colleague", "custodian", "labcustodian", "checker1", "checker2", "engineer", "operator", "auditor", "lay"} {
		pages := b.crawl(who, start...)
		if len(pages) < 12 {
			b.t.Errorf("only %d pages as %q", len(pages), who)
		}
		for path, body := range pages {
			for _, checker := range []string{b.user("checker1"), b.user("checker2"), "Chris Checker", "Cara Second"} {
				if slices.Contains([]string{"", "researcher", "colleague", "custodian", "lay"}, who) && strings.Contains(body, checker) && !strings.Contains(body, ">user.") { // an account has an entry, what it did has not its name
					b.t.Errorf("%s as %q tells who checked: %s", path, who, checker)
				}
			}
			if !strings.Contains(body, "CANARY") {
				continue
			}
			found[who] = true
			if !slices.ContainsFunc(may[who], func(p string) bool { return strings.HasPrefix(path, p) }) {
				i := strings.Index(body, "CANARY")
				b.t.Errorf("%s as %q shows words of the workspace: …%s…", path, who, body[max(0, i-120):min(len(body), i+40)])
			}
		}
	}
	for who := range may {
		if !found[who] {
			b.t.Errorf("%s, who may see the words, does not", who)
		}
	}
	if strings.Contains(b.log.String(), "CANARY") {
		b.t.Error("the log holds words of the workspace")
	}
}
