package portal

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/acro"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/ingress"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/folder"
	"github.com/ark-tre/ark/pkg/store"
)

// kept is the outputs of the bench in a real object store in a folder.
type kept struct {
	*pinned
	store *objects.Store
	n     int
}

func (k *kept) Pin(ctx context.Context, project, ws string, names []string) ([]objects.Ref, error) {
	var out []objects.Ref
	for _, name := range names {
		body, ok := k.outbox[name]
		if !ok {
			return nil, ark.Faultf(ark.Unknown, "the outbox has no such file")
		}
		k.n++
		ref, err := k.store.Put(ctx, objects.Outputs, fmt.Sprintf("%s/%s/%d", project, ws, k.n), "outputs/data", strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		out = append(out, ref)
	}
	return out, nil
}

func (k *kept) Open(ctx context.Context, _ string, ref objects.Ref) (io.ReadCloser, error) {
	return k.store.Open(ctx, ref)
}

// keep gives the bench such a store, and returns its folder.
func (b *bench) keep() string {
	b.t.Helper()
	dir := b.t.TempDir()
	b.must(local.Init(filepath.Join(dir, "keys")))
	ring, err := local.Open(filepath.Join(dir, "keys"), time.Now)
	b.must(err)
	b.must(ring.Create(b.t.Context(), "outputs/data"))
	at := filepath.Join(dir, "objects")
	b.must(folder.Init(at, objects.DefaultRules()))
	back, err := folder.Open(at, objects.DefaultRules(), time.Now)
	b.must(err)
	b.p.cfg.Rooms.Outputs = &kept{pinned: &pinned{b.mem, outboxFiles(b.mark)}, store: objects.New(back, ring, objects.DefaultRules())}
	return at
}

// spoil changes one byte of everything that is kept under a folder.
func (b *bench) spoil(at string) (files int) {
	b.t.Helper()
	b.must(filepath.WalkDir(at, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !strings.Contains(path, "outputs") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil || len(raw) < 100 {
			return err
		}
		raw[len(raw)-100] ^= 1 // in the last chunk, before what stands behind it
		files++
		b.must(os.Remove(path))
		return os.WriteFile(path, raw, 0o640)
	}))
	return files
}

var frameOf = regexp.MustCompile(`src="(http://view\.localhost[^"]*/f/[0-9a-f]+)"`)

// framed asks the viewer's own origin for the file that a review page shows.
func (b *bench) framed(who, page string) string {
	b.t.Helper()
	m := frameOf.FindStringSubmatch(b.get(who, page))
	if m == nil {
		b.t.Fatalf("%s shows no file", page)
	}
	path := m[1][strings.Index(m[1], "/f/"):]
	host := strings.TrimSuffix(strings.TrimPrefix(m[1], "http://"), path)
	r, err := http.NewRequest(http.MethodGet, "http://"+b.server.Listener.Addr().String()+path, nil)
	b.must(err)
	r.Host = host
	resp, err := http.DefaultClient.Do(r)
	b.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	b.must(err)
	return string(text)
}

// TestBytesThatChangedAreAnIncident: a file whose stored bytes were changed
// after submission is not shown on the viewer's origin, opens an incident about
// it once, and does not leave. Beside it stands what ACRO claims of a file.
func TestBytesThatChangedAreAnIncident(t *testing.T) {
	b := newMarked(t, "")
	b.people()
	b.data()
	at := b.keep()
	_, ws := b.active("Alcohol and emergency care")
	request := b.submit(ws)
	x := b.rooms.Airlock
	v := b.view("researcher", request)
	res := airlock.CheckResult{}
	for _, f := range v.Files {
		res.Files = append(res.Files, airlock.CheckedFile{ID: f.ID, Type: "text/csv", Verdict: "review",
			Findings: []disclosure.Finding{{Rule: "count.below-threshold", Severity: disclosure.SevReview, File: f.Name, Where: disclosure.Where{Ref: "C2"}, Says: "this count is below the threshold of 10", Repair: "suppress it"}},
			ACRO:     &acro.Claim{Version: "1.0.2", Output: "output_0", Status: "fail", Type: "table", Method: "crosstab", Summary: "fail; threshold: 1 cell may need suppressing", Exception: "The number is of hospitals.", Recorded: true, Masks: []acro.Mask{{Check: "threshold", Row: 2, Col: 3}}}})
	}
	b.as("request.apply", store.Resource{Type: "Request", ID: request}, func(tx *store.Tx) ([]store.Event, error) {
		return x.ApplyChecks(context.Background(), tx, request, v.Round, res)
	})
	value := "18-39"
	if page := b.framed("checker1", "/queue/"+request); !strings.Contains(page, value) {
		t.Fatalf("the file is not shown while it is whole: %.300s", page)
	}
	if page := b.get("checker1", "/queue/"+request); !strings.Contains(page, "ACRO says: fail") || !strings.Contains(page, "The number is of hospitals.") {
		t.Error("the review page lacks what ACRO says")
	}
	lookAt(t, []look{{Name: "claims", URL: b.origin() + "/queue/" + request, Cookie: "ark=" + b.user("checker1")}})
	if n := b.spoil(at); n < 2 {
		t.Fatalf("%d stored files were changed", n)
	}
	for range 2 { // looked at again, nothing else happens
		if page := b.framed("checker1", "/queue/"+request); strings.Contains(page, value) || !strings.Contains(page, "its bytes are not what was submitted") {
			t.Errorf("changed bytes are shown: %.400s", page)
		}
	}
	var open []airlock.Incident
	b.must(b.st.View(t.Context(), func(q store.Querier) (err error) {
		open, err = airlock.IncidentsAbout(t.Context(), q, v.Project, request)
		return err
	}))
	if len(open) != 1 || open[0].State != "open" || open[0].Kind != airlock.IncidentDamaged || open[0].File != 1 {
		t.Fatalf("incidents: %+v", open)
	}
	for _, who := range []string{"custodian", "operator"} {
		if page := b.get(who, "/home"); !strings.Contains(page, "/incidents/"+request) {
			t.Errorf("%s is not told", who)
		}
		if page := b.get(who, "/incidents/"+request); !strings.Contains(page, "number 1") || strings.Contains(page, "rates.csv") {
			t.Errorf("the incident's page as %s lacks the file's number, or has its name", who)
		}
	}
	b.reviewed("checker1", request, airlock.VoteApprove)
	b.reviewed("checker2", request, airlock.VoteApprove)
	b.door.fresh = true
	if code, _, body := b.post("checker1", "/queue/"+request+"/release"); code != http.StatusConflict && code != http.StatusUnprocessableEntity || !strings.Contains(body, "not what was submitted") {
		t.Errorf("released although its bytes changed: %d %.300s", code, mainText(body))
	}
	lookAt(t, []look{{Name: "incident", URL: b.origin() + "/incidents/" + request, Cookie: "ark=" + b.user("operator")}})
	if code, _, body := b.post("operator", "/incidents/"+request+"/settle", "outcome", airlock.OutcomeNearMiss, "lesson", "A disk failed; it was restored."); code != http.StatusSeeOther {
		t.Errorf("settle: %d %s", code, mainText(body))
	}
	lookAt(t, []look{{Name: "incident-settled", URL: b.origin() + "/incidents/" + request, Cookie: "ark=" + b.user("operator")}})
}

// Take seals what is to come in beside the outputs.
func (k *kept) Take(ctx context.Context, project string, body io.Reader) (objects.Ref, error) {
	k.n++
	return k.store.Put(ctx, objects.Outputs, fmt.Sprintf("%s/in/%d", project, k.n), "outputs/data", body)
}

// TestChangedBytesOfAnInputAreAnIncident: a file on its way in whose stored
// bytes were changed is not shown, stops its input for good, and opens an
// incident about it once, which overseers settle and others do not see.
func TestChangedBytesOfAnInputAreAnIncident(t *testing.T) {
	b := newMarked(t, "")
	b.people()
	b.data()
	at := b.keep()
	_, ws := b.active("Alcohol and emergency care")
	id := b.brought(ws, "model.py")
	page := "/inputs/" + id + "?file=1"
	if shown := b.framed("checker1", page); !strings.Contains(shown, "print(1)") {
		t.Fatalf("the file is not shown while it is whole: %.300s", shown)
	}
	if n := b.spoil(at); n < 1 {
		t.Fatalf("%d stored files were changed", n)
	}
	for range 2 { // looked at again, nothing else happens
		if shown := b.framed("checker1", page); strings.Contains(shown, "print(1)") || !strings.Contains(shown, "its bytes are not what was submitted") {
			t.Errorf("changed bytes are shown: %.400s", shown)
		}
	}
	b.door.fresh = true
	if code, _, _ := b.post("checker1", "/inputs/"+id+"/approve"); code == http.StatusSeeOther {
		t.Error("a stopped input is let in")
	}
	if n, err := b.rooms.Ingress.Deliver(t.Context(), ws, func(context.Context, ingress.File) error { t.Error("it is put in"); return nil }); n != 0 || err != nil {
		t.Errorf("delivered: %d %v", n, err)
	}
	for who, href := range map[string]string{"custodian": "/inputs/" + id + "/incident", "operator": "/inputs/" + id + "/incident", "researcher": "/inputs/" + id} {
		if home := b.get(who, "/home"); !strings.Contains(home, `href="`+href+`"`) {
			t.Errorf("%s is not told", who)
		}
	}
	for _, who := range []string{"researcher", "colleague", "lay", "labcustodian"} {
		if resp, _ := b.do(who, http.MethodGet, "/inputs/"+id+"/incident", nil); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s sees the incident's page: %d", who, resp.StatusCode)
		}
		if code, _, _ := b.post(who, "/inputs/"+id+"/settle", "outcome", airlock.OutcomeNearMiss, "lesson", "Nothing."); code != http.StatusForbidden {
			t.Errorf("%s settles it: %d", who, code)
		}
	}
	for _, who := range []string{"custodian", "operator", "checker1"} {
		if page := b.get(who, "/inputs/"+id+"/incident"); strings.Count(page, "number 1") != 1 || strings.Contains(page, "model.py") {
			t.Errorf("the incident's page as %s lacks the file's number, or has its name", who)
		}
	}
	lookAt(t, []look{{Name: "input-incident", URL: b.origin() + "/inputs/" + id + "/incident", Cookie: "ark=" + b.user("operator")}})
	if code, _, body := b.post("operator", "/inputs/"+id+"/settle", "outcome", "", "lesson", "A disk failed."); code != http.StatusUnprocessableEntity || !strings.Contains(body, "A disk failed.") {
		t.Errorf("settled as nothing: %d", code)
	}
	if code, _, body := b.post("operator", "/inputs/"+id+"/settle", "outcome", airlock.OutcomeNearMiss, "lesson", "A disk failed; the author sent it again."); code != http.StatusSeeOther {
		t.Errorf("settle: %d %s", code, mainText(body))
	}
	if code, _, _ := b.post("operator", "/inputs/"+id+"/settle", "outcome", airlock.OutcomeBreach, "lesson", "Again."); code != http.StatusConflict {
		t.Errorf("settled twice: %d", code)
	}
	if home := b.get("custodian", "/home"); strings.Contains(home, "/inputs/"+id+"/incident") {
		t.Error("a settled incident still waits")
	}
}
