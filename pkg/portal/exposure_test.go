package portal

import (
	"net/http"
	"strings"
	"testing"
)

// TestWhatHasLeftOfADataset: custodians of a dataset see how much its releases
// tell together, by page and by API, and nobody else does.
func TestWhatHasLeftOfADataset(t *testing.T) {
	b := newBench(t)
	_, _, _, release := b.story()
	path := "/datasets/" + b.id["dataset"] + "/released"
	page := b.get("custodian", path)
	for _, want := range []string{"1,204", "Fewer than 10", "differ by at least 10 people"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page, release) || strings.Contains(page, "Alcohol and emergency care") {
		t.Error("the page names a release or a project")
	}
	if link := b.get("custodian", "/catalogue/"+b.id["dataset"]); !strings.Contains(link, path) {
		t.Error("the dataset's page does not lead there")
	}
	if r, body := b.api("custodian", http.MethodGet, "/datasets/"+b.id["dataset"]+"/released", ""); r.StatusCode != http.StatusOK || !strings.Contains(body, `"cells":1204`) || !strings.Contains(body, `"atom":"fewer than 10"`) {
		t.Errorf("the API says %d %s", r.StatusCode, body)
	}
	for _, who := range []string{"researcher", "colleague", "labcustodian", "checker1", "engineer", "operator", "auditor", "lay"} {
		if r, body := b.do(who, http.MethodGet, path, nil); r.StatusCode == http.StatusOK || strings.Contains(body, "1,204") {
			t.Errorf("%s sees it: %d", who, r.StatusCode)
		}
		if r, _ := b.api(who, http.MethodGet, "/datasets/"+b.id["dataset"]+"/released", ""); r.StatusCode == http.StatusOK {
			t.Errorf("%s sees it by the API", who)
		}
		if strings.Contains(b.get(who, "/catalogue/"+b.id["dataset"]), path) {
			t.Errorf("%s is led there", who)
		}
		for _, p := range []string{"/releases/" + release} {
			if r, body := b.api(who, http.MethodGet, p, ""); r.StatusCode == http.StatusOK && strings.Contains(body, "exposure") {
				t.Errorf("%s reads it in %s", who, p)
			}
		}
	}
	lookAt(t, []look{{Name: "what-has-left", URL: b.origin() + path, Cookie: "ark=" + b.user("custodian")}})
}
