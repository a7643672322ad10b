package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/store"
)

// job is the input of the last job of a kind.
func (b *bench) job(kind string, into any) {
	b.t.Helper()
	b.must(b.st.View(context.Background(), func(q store.Querier) error {
		jobs, err := store.Jobs(context.Background(), q, "kind = $1", kind)
		if err != nil {
			return err
		}
		if len(jobs) == 0 {
			return fmt.Errorf("there is no job of the kind %s", kind)
		}
		return json.Unmarshal(jobs[len(jobs)-1].Input, into)
	}))
}

// specified releases a table that was submitted with its specification.
func (b *bench) specified(ws string) (release string) {
	b.t.Helper()
	b.rooms.Outputs.(*pinned).outbox["rates.csv"+airlock.SpecSuffix] = `{"ark":1,"kind":"crosstab","rows":["age","sex"]}`
	g := airlock.Group{Name: "Attendances" + b.mark, Context: "Attendances by age and sex, for the weekly plan." + b.mark, Population: "All attendances" + b.mark, Controls: "Rounded to ten." + b.mark}
	refs, err := b.rooms.Outputs.Pin(context.Background(), "", ws, []string{"rates.csv", "rates.csv" + airlock.SpecSuffix})
	b.must(err)
	r, err := b.rooms.Airlock.Submit(context.Background(), b.actor("researcher"), ws, airlock.Submission{Groups: []airlock.Group{g},
		Files: []airlock.SubmittedFile{{Name: "rates.csv", Kind: airlock.KindOutput, Ref: refs[0]}, {Name: "rates.csv" + airlock.SpecSuffix, Kind: airlock.KindSupporting, Ref: refs[1]}}})
	b.must(err)
	b.checked(r.ID, "review")
	b.reviewed("checker1", r.ID, airlock.VoteApprove)
	b.reviewed("checker2", r.ID, airlock.VoteApprove)
	return b.release(r.ID)
}

// series asks through the pages that a release be made again, and approves it.
func (b *bench) series(release string) (standing string) {
	b.t.Helper()
	code, to, body := b.post("researcher", "/releases/"+release+"/standing", "file", "1", "title", "Attendances by age and sex", "use", "The emergency department plans next week’s staff by it.", "recipients", b.user("custodian"), "recipients", b.user("researcher"))
	if code != 303 {
		b.t.Fatalf("propose: %d %s", code, body)
	}
	standing = strings.TrimPrefix(to, "/standing/")
	b.as("standing.apply", store.Resource{Type: "Standing", ID: standing}, func(tx *store.Tx) ([]store.Event, error) {
		return b.rooms.Airlock.ApplyMake(context.Background(), tx, airlock.MakeJob{Standing: standing}, airlock.MakeResult{})
	})
	for _, who := range []string{"checker1", "labcustodian", "custodian"} {
		b.door.fresh = true
		if code, to, body := b.post(who, "/standing/"+standing+"/approve"); (code == 303) != (who != "labcustodian") {
			b.t.Fatalf("approve as %s: %d %s %s", who, code, to, body)
		}
	}
	b.door.fresh = false
	return standing
}

// run publishes a version and plays what the workers do, until the run's
// request waits for its checker.
func (b *bench) run(standing string, number int, table string) (request string) {
	b.t.Helper()
	ctx, x := context.Background(), b.rooms.Airlock
	b.as("version.apply", store.Resource{Type: "Dataset", ID: b.id["dataset"]}, func(tx *store.Tx) ([]store.Event, error) {
		return x.VersionPublished(ctx, tx, airlock.Published{Dataset: b.id["dataset"], Version: "ver_" + fmt.Sprintf("%032d", number), Number: number, Received: tx.Now().Add(-40 * time.Minute)})
	})
	var in map[string]string
	b.job("run-standing", &in)
	b.must(x.Begin(ctx, in["run"], b.rooms.Workspaces.CutForRun))
	runs := func() []airlock.Run {
		var rs []airlock.Run
		b.must(b.st.View(ctx, func(q store.Querier) (err error) {
			rs, err = airlock.RunsOf(ctx, q, standing)
			return err
		}))
		return rs
	}
	b.as("standing.apply", store.Resource{Type: "Standing", ID: standing}, func(tx *store.Tx) ([]store.Event, error) {
		first, err := x.ExtractCut(ctx, tx, in["run"], true, "")
		if err != nil {
			return nil, err
		}
		more, err := x.ApplyMake(ctx, tx, airlock.MakeJob{Standing: standing, Run: in["run"]}, airlock.MakeResult{Table: b.mem.put("outputs", table), Rows: 6})
		return append(first, more...), err
	})
	if runs()[0].State != "in-review" {
		b.t.Fatalf("the run is %+v", runs()[0])
	}
	return runs()[0].Request
}

// TestAStandingOutputThroughThePages asks for one, approves it, and follows it
// over three versions to what came of each.
func TestAStandingOutputThroughThePages(t *testing.T) {
	b := newMarked(t, "")
	b.people()
	b.data()
	_, ws := b.active("Alcohol and emergency care")
	rel := b.specified(ws)
	if page := b.get("researcher", "/releases/"+rel); !strings.Contains(page, "Make it again on each new version") {
		t.Error("the release page does not offer it")
	}
	if page := b.get("custodian", "/releases/"+rel); strings.Contains(page, "Make it again on each new version") {
		t.Error("it is offered to who may not ask")
	}
	id := b.series(rel)
	for n := 2; n <= 4; n++ {
		request := b.run(id, n, fmt.Sprintf("age,sex,count\n18-39,F,%d\n18-39,M,1180\n", 1240+10*n))
		b.checked(request, "pass")
		if page := b.get("checker1", "/standing/"+id); !strings.Contains(page, "/queue/"+request) {
			t.Error("the checker finds no way to the run")
		}
		b.reviewed("checker1", request, airlock.VoteApprove)
		r := b.release(request)
		if n == 3 {
			resp, _ := b.do("custodian", "GET", "/releases/"+r+"/download", nil)
			if resp.StatusCode != 200 {
				t.Errorf("a recipient's download: %d", resp.StatusCode)
			}
		}
		if page := b.get("custodian", "/home"); !strings.Contains(page, "/standing/"+id) {
			t.Error("the recipient's home does not ask")
		}
		var run string
		b.must(b.st.View(t.Context(), func(q store.Querier) error {
			rs, err := airlock.RunsOf(t.Context(), q, id)
			run = rs[0].ID
			return err
		}))
		if code, _, body := b.post("custodian", "/standing/"+id+"/answer", "run", run, "says", "Nothing chosen."); code != 422 || !strings.Contains(body, "say whether you acted on it") && !strings.Contains(body, "Say whether you acted on it") {
			t.Errorf("an answer without yes or no: %d", code)
		}
		if n < 4 {
			if code, _, body := b.post("custodian", "/standing/"+id+"/answer", "run", run, "acted", "yes", "says", "Two more nurses on Friday.", "benefit", "People waited half as long."); code != 303 {
				t.Fatalf("answer: %d %s", code, body)
			}
		}
	}
	page := b.get("custodian", "/standing/"+id)
	for _, want := range []string{"Version 2", "Version 3", "Version 4", "2 of 2", "data-action latency", "Two more nurses on Friday.", "Did you act on it?"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, who := range []string{"lay", "engineer", "labcustodian"} {
		if resp, _ := b.do(who, "GET", "/standing/"+id, nil); resp.StatusCode != 403 {
			t.Errorf("%s sees it: %d", who, resp.StatusCode)
		}
	}
	shots := []look{{Name: "standing", URL: b.origin() + "/standing/" + id, Cookie: "ark=" + b.user("custodian")},
		{Name: "standing-list", URL: b.origin() + "/standing", Cookie: "ark=" + b.user("checker2")},
		{Name: "standing-ask", URL: b.origin() + "/releases/" + rel + "/standing", Cookie: "ark=" + b.user("researcher")}}
	if dir := os.Getenv("ARK_PICTURES"); dir != "" {
		t.Setenv("ARK_SHOTS", dir)
		shots = shots[:1]
	}
	lookAt(t, shots)
}
