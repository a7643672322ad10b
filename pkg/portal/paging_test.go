package portal

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// notPaged are the lists of the API that come whole, with what bounds them.
var notPaged = map[string]string{
	"/workspaces/{id}/outbox": "the files of one folder, which the workspace's own limits bound",
	"/latency":                "one item for each stage",
}

// before are the lists that go backwards, from the newest.
var before = map[string]string{"/acts": "before"}

// TestEveryListHasPages holds the description of the API: whatever answers with
// items takes a limit and a cursor. Each list that somebody can read is then read one
// by one, and has to give what it gives at once, in the same order.
func TestEveryListHasPages(t *testing.T) {
	b := newBench(t)
	project, ws, _, _ := b.story()
	b.edges(ws)
	_, body := b.api("", "GET", "/openapi.json", "")
	var doc struct {
		Paths map[string]struct {
			Get *struct {
				Parameters []struct{ Name, In string }
				Responses  map[string]struct {
					Content map[string]struct{ Schema *schema }
				}
			}
		}
		Components struct{ Schemas map[string]*schema }
	}
	b.must(json.Unmarshal([]byte(body), &doc))
	ids := map[string]string{"projects": project, "workspaces": ws, "organisations": b.id["hospital"], "datasets": b.id["dataset"], "sources": b.id["source"]}
	lists, read := 0, 0
	for path, ops := range doc.Paths {
		if ops.Get == nil || !isList(ops.Get.Responses["200"].Content["application/json"].Schema, doc.Components.Schemas) {
			continue
		}
		lists++
		cursor := "after"
		if c := before[path]; c != "" {
			cursor = c
		}
		has := func(name string) bool {
			return slices.ContainsFunc(ops.Get.Parameters, func(p struct{ Name, In string }) bool { return p.Name == name && p.In == "query" })
		}
		if whole := notPaged[path] != ""; has("limit") == whole || has(cursor) == whole {
			t.Errorf("GET %s: limit %v, %s %v, and it is said to come whole: %v", path, has("limit"), cursor, has(cursor), whole)
		}
		if notPaged[path] != "" {
			continue
		}
		at := path
		if strings.Contains(path, "{id}") {
			id := ids[strings.Split(path, "/")[1]]
			if id == "" {
				t.Errorf("GET %s: the test knows no such thing", path)
				continue
			}
			at = strings.Replace(path, "{id}", id, 1)
		}
		most := 0
		for _, who := range []string{"researcher", "custodian", "checker3", "engineer", "operator"} {
			if n := b.paged(who, at, cursor); n > most {
				most = n
			}
		}
		if most > 1 {
			read++
		}
		t.Logf("GET %-40s up to %d items", path, most)
	}
	if lists < 18 || read < 10 {
		t.Errorf("%d lists were found, %d of them hold two things or more", lists, read)
	}
}

func isList(s *schema, all map[string]*schema) bool {
	if s != nil && s.Ref != "" {
		s = all[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]]
	}
	return s != nil && s.Properties["items"] != nil && s.Properties["items"].Items != nil
}

// pending reports an act that has no place in the ledger yet.
func pending(act json.RawMessage) bool {
	var at struct{ Index int64 }
	return json.Unmarshal(act, &at) == nil && at.Index < 0
}

// paged reads a list whole and thing by thing, and returns its length, -1 if
// the user may not read it.
func (b *bench) paged(who, path, cursor string) int {
	b.t.Helper()
	get := func(query url.Values) (items []json.RawMessage, next string, ok bool) {
		resp, body := b.api(who, "GET", path+"?"+query.Encode(), "")
		if resp.StatusCode != 200 {
			return nil, "", false
		}
		var page struct {
			Items []json.RawMessage
			Next  string
		}
		b.must(json.Unmarshal([]byte(body), &page))
		return page.Items, page.Next, true
	}
	all, next, ok := get(url.Values{"limit": {"500"}})
	for try := 0; try < 300 && cursor == "before" && slices.ContainsFunc(all, pending); try++ {
		time.Sleep(100 * time.Millisecond) // the ledger follows the acts, and an act then tells its place in it
		all, next, ok = get(url.Values{"limit": {"500"}})
	}
	if !ok {
		return -1
	}
	if next != "" {
		b.t.Fatalf("%s: there are more than 500", path)
	}
	var one []json.RawMessage
	at := ""
	for n := 0; ; n++ {
		query := url.Values{"limit": {"1"}}
		if at != "" {
			query.Set(cursor, at)
		}
		items, next, ok := get(query)
		if !ok || len(items) > 1 || n > 500 {
			b.t.Fatalf("%s as %s: page %d has %d items, answered %v", path, who, n, len(items), ok)
		}
		one = append(one, items...)
		if at = next; cursor == "before" && len(items) == 1 { // its cursor is the last item's number
			var act struct{ Seq int64 }
			b.must(json.Unmarshal(items[0], &act))
			at = fmt.Sprint(act.Seq)
		}
		if at == "" || len(items) == 0 {
			break
		}
	}
	if !slices.EqualFunc(all, one, func(x, y json.RawMessage) bool { return string(x) == string(y) }) {
		b.t.Errorf("%s as %s: %d items at once, %d one by one", path, who, len(all), len(one))
		for i := range min(len(all), len(one)) {
			if string(all[i]) != string(one[i]) {
				b.t.Errorf("item %d: %s at once, %s one by one", i, all[i], one[i])
				break
			}
		}
	}
	return len(all)
}
