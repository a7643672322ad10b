package portal

import (
	"context"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/store"
)

// TestCounts: a custodian of the dataset sees the counts behind a synthetic
// version, and approves exactly those; nobody else does, no other counts pass,
// and without the act there is no synthetic version.
func TestCounts(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data() // publishes version 1, whose counts are approved
	b.publish()
	ctx, k := context.Background(), b.rooms.Catalogue
	at := "/catalogue/" + b.id["dataset"] + "/versions/2/counts"
	var v *catalogue.Version
	read := func() {
		b.must(b.st.View(ctx, func(q store.Querier) error {
			d, err := catalogue.GetDataset(ctx, q, b.id["dataset"])
			if err == nil {
				v, err = catalogue.GetVersion(ctx, q, d.Latest)
			}
			return err
		}))
	}
	read()
	for _, who := range []string{"researcher", "engineer", "labcustodian", "checker1"} {
		if resp, _ := b.do(who, "GET", at, nil); resp.StatusCode < 400 {
			t.Errorf("%s sees the counts", who)
		}
		if _, err := k.ApproveMarginals(ctx, b.actor(who), v.Dataset, v.ID, map[string]string{"person": v.Marginals["person"].SHA256}); !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s approved the counts: %v", who, err)
		}
	}
	if home := b.get("custodian", "/home"); !strings.Contains(home, "Has counts for a synthetic version to approve") {
		t.Error("the custodian is not told that counts wait")
	}
	page := b.get("custodian", at)
	for _, want := range []string{"10,110", v.Marginals["person"].SHA256, "Approve these counts", "Values of too few people"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for name, hashes := range map[string]map[string]string{
		"none": {}, "another's": {"person": hash("x")}, "one too many": {"person": v.Marginals["person"].SHA256, "attendance": hash("x")},
	} {
		if _, err := k.ApproveMarginals(ctx, b.actor("custodian"), v.Dataset, v.ID, hashes); !ark.Is(err, ark.Conflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := b.st.Act(ctx, store.Actor{System: "worker"}, "version.apply", store.Resource{Type: "Dataset", ID: v.Dataset}, func(tx *store.Tx) ([]store.Event, error) {
		return k.ApplySynthesis(ctx, tx, v.ID, catalogue.SynthesisResult{Synthetic: refs{"person": b.mem.put("public", "x")}})
	})
	if !ark.Is(err, ark.Conflict) {
		t.Errorf("a worker gave a synthetic version that nobody approved: %v", err)
	}
	if page := b.get("researcher", "/catalogue/"+v.Dataset); !strings.Contains(page, "Of version 1.") || !strings.Contains(page, "person 0.51") {
		t.Error("until then the older synthetic version is not offered, or its attack not told")
	}
	if resp, body := b.api("custodian", "POST", "/datasets/"+v.Dataset+"/versions/2/counts", `{"hashes":{"person":"`+hash("x")+`"}}`, "Idempotency-Key", "other-counts"); resp.StatusCode != 409 {
		t.Errorf("by the API, other counts: %d %s", resp.StatusCode, body)
	}
	if resp, body := b.api("custodian", "GET", "/datasets/"+v.Dataset+"/versions/2/counts", ""); resp.StatusCode != 200 || !strings.Contains(body, v.Marginals["person"].SHA256) {
		t.Errorf("by the API, the counts: %d %s", resp.StatusCode, body)
	}
	if code, to, body := b.post("custodian", at, "hash.person", v.Marginals["person"].SHA256); code != 303 || to != strings.TrimSuffix(at, "/counts") {
		t.Fatalf("%d %s %s", code, to, body)
	}
	if _, err := k.ApproveMarginals(ctx, b.actor("custodian"), v.Dataset, v.ID, map[string]string{"person": v.Marginals["person"].SHA256}); !ark.Is(err, ark.Conflict) {
		t.Errorf("approved twice: %v", err)
	}
	b.must(b.st.View(ctx, func(q store.Querier) error {
		jobs, err := store.Jobs(ctx, q, "kind = 'synthesize' AND subject = $1", v.ID)
		if err == nil && (len(jobs) != 1 || !strings.Contains(string(jobs[0].Input), v.Marginals["person"].SHA256) || !strings.Contains(string(jobs[0].Input), b.user("custodian"))) {
			t.Errorf("%d jobs", len(jobs))
		}
		return err
	}))
	read()
	if v.Synthesis == nil || v.Synthesis.State != "making" || v.Synthesis.Approval.Org != b.id["hospital"] {
		t.Errorf("%+v", v.Synthesis)
	}
}
