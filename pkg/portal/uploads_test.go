package portal

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/catalogue"
)

// A delivery that breaks off goes on where it was: parts that are there stay, a
// part with other bytes is refused, and what is whole is delivered once.
func TestDeliveryInParts(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	parts := []string{"key,value\n1,", "2\n3,4\n"}
	sum := func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
	resp, body := b.api("engineer", "GET", "/sources", "")
	var sources List[catalogue.Source]
	if err := json.Unmarshal([]byte(body), &sources); err != nil || len(sources.Items) == 0 {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	slug := sources.Items[0].Slug
	manifest, err := json.Marshal(fmt.Sprintf(`{"source":%q,"delivery":"in-parts","files":[{"name":"a.csv","table":"attendances","rows":2,"sha256":%q}]}`, slug, sum(strings.Join(parts, ""))))
	b.must(err)
	n := 0
	call := func(user, method, path, body string, want int) (u catalogue.Upload) {
		t.Helper()
		n++
		resp, text := b.api(user, method, "/sources/"+sources.Items[0].ID+"/uploads"+path, body, "Idempotency-Key", fmt.Sprintf("upload-%06d", n))
		if resp.StatusCode != want {
			t.Fatalf("%s %s: %d, want %d: %s", method, path, resp.StatusCode, want, text)
		}
		if want == 200 {
			b.must(json.Unmarshal([]byte(text), &u))
		}
		return u
	}
	open := `{"manifest":` + string(manifest) + `}`
	call("researcher", "POST", "", open, 403)
	u := call("engineer", "POST", "", open, 200)
	part := func(i int, text, hash string) string {
		return fmt.Sprintf("/%s/files/a.csv/parts/%d?sha256=%s", u.ID, i, hash)
	}
	call("researcher", "PUT", part(1, parts[0], sum(parts[0])), parts[0], 403)
	call("engineer", "PUT", part(1, parts[0], sum("other")), parts[0], 422)
	call("engineer", "PUT", strings.Replace(part(1, "", sum(parts[0])), "a.csv", "b.csv", 1), parts[0], 422)
	call("engineer", "PUT", part(2, parts[1], sum(parts[1])), parts[1], 200)
	call("engineer", "POST", "/"+u.ID+"/complete", "", 409) // the first part is missing
	again := call("engineer", "POST", "", open, 200)        // the sender starts anew, and finds what is there
	if again.ID != u.ID || len(again.Files) != 1 || len(again.Files[0].Parts) != 1 || again.Files[0].Parts[0].Number != 2 {
		t.Fatalf("%+v", again)
	}
	call("engineer", "PUT", part(1, parts[0], sum(parts[0])), parts[0], 200)
	call("engineer", "PUT", part(1, parts[0], sum(parts[0])), parts[0], 200)
	call("engineer", "PUT", part(1, "x", sum("x")), "x", 409)
	if u := call("engineer", "GET", "/"+u.ID, "", 200); len(u.Files[0].Parts) != 2 {
		t.Fatalf("%+v", u)
	}
	// What was refused left no object behind, and what came again no second one.
	if landed := b.mem.lands["part"]; landed != 2 {
		t.Errorf("%d parts were stored, want 2", landed)
	}
	first, second := call("engineer", "POST", "/"+u.ID+"/complete", "", 200), call("engineer", "POST", "/"+u.ID+"/complete", "", 200)
	if first.ID == "" || first.ID != second.ID {
		t.Errorf("delivered twice: %s and %s", first.ID, second.ID)
	}
	call("engineer", "PUT", part(1, parts[0], sum(parts[0])), parts[0], 409)
	_, body = b.api("engineer", "GET", "/sources/"+sources.Items[0].ID+"/deliveries", "")
	var ds List[catalogue.Delivery]
	b.must(json.Unmarshal([]byte(body), &ds))
	last := ds.Items[len(ds.Items)-1]
	if last.Name != "in-parts" || len(last.Files) != 2 || len(last.Files[1].Parts) != 2 || last.Files[1].Size() != int64(len(strings.Join(parts, ""))) {
		t.Errorf("%+v", last)
	}
	if page := b.get("engineer", "/sources/"+sources.Items[0].ID+"/deliveries/"+last.ID); !strings.Contains(page, "2 parts") {
		t.Error("the delivery's page does not say that the file came in parts")
	}
}
