package airlock_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// TestIncident: one click stops downloads, tells those concerned, starts the
// clock, and keeps the case; what was downloaded is no near miss.
func TestIncident(t *testing.T) {
	w := newWorld(t)
	w.seed(t, func(tx *store.Tx) {
		p, err := governance.GetProject(t.Context(), tx, w.project)
		must(t, err)
		p.Orgs = []string{home}
		insert(t, tx, "projects", p, "id", p.ID, "state", p.State)
	})
	rel := w.sign(t, w.in(t, "approved"), nil)
	for _, who := range []string{"author", "outsider", "lay"} {
		if err := w.Freeze(t.Context(), w.as(who), rel, "x"); !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s froze a release: %v", who, err)
		}
	}
	_, err := w.Download(t.Context(), w.as("author"), rel)
	must(t, err)
	must(t, w.Freeze(t.Context(), w.as("custodian"), rel, "A cell has three people."))
	if err := w.Freeze(t.Context(), w.as("ann"), rel, "Again."); !ark.Is(err, ark.Conflict) {
		t.Errorf("frozen twice: %v", err)
	}
	var in airlock.Incident
	for _, who := range []string{"author", "custodian", "operator"} {
		must(t, w.St.View(t.Context(), func(q store.Querier) error {
			all, err := airlock.IncidentsFor(t.Context(), q, w.users[who].ID)
			if len(all) != 1 {
				t.Fatalf("%s is told of %d incidents", who, len(all))
			}
			in = all[0]
			return err
		}))
	}
	if in.ReportBy.Sub(in.At) != 72*time.Hour || in.Downloads != 1 || len(in.Cases) != 2 || in.Cases[0].Expect != "fail" || slices.Contains(in.Told, w.users["outsider"].ID) {
		t.Errorf("the incident: %+v", in)
	}
	if err := w.Settle(t.Context(), w.as("operator"), rel, airlock.OutcomeNearMiss, "Nothing happened."); !ark.Is(err, ark.Conflict) {
		t.Errorf("a near miss although it was downloaded: %v", err)
	}
	must(t, w.Settle(t.Context(), w.as("operator"), rel, airlock.OutcomeBreach, "Deleted by the recipient; the rule was mended."))
	if err := w.Settle(t.Context(), w.as("operator"), rel, airlock.OutcomeBreach, "Again."); !ark.Is(err, ark.Conflict) {
		t.Errorf("settled twice: %v", err)
	}

	rel = w.sign(t, w.in(t, "approved"), nil)
	must(t, w.Altered(t.Context(), rel))
	if _, err := w.Download(t.Context(), w.as("author"), rel); !ark.Is(err, ark.Forbidden) {
		t.Errorf("altered bytes were handed out: %v", err)
	}
}

// TestQueue: riskiest and oldest first, filters, claims, load, and the figures
// of how long rounds took.
func TestQueue(t *testing.T) {
	w := newWorld(t)
	low := w.in(t, "submitted")
	w.clock.Set(noon.Add(time.Hour))
	medium := w.submit(t)
	w.checked(t, medium, "review")
	w.clock.Set(noon.Add(2 * time.Hour))
	code, err := w.Submit(t.Context(), w.as("author"), w.workspace, airlock.Submission{Class: airlock.ClassCode, Groups: []airlock.Group{group("code")},
		Files: []airlock.SubmittedFile{{Name: "model.py", Kind: airlock.KindOutput, Ref: pin('a')}}})
	must(t, err)
	w.checked(t, code.ID, "pass")
	page := func(who string, f airlock.QueueFilter) (out airlock.QueuePage) {
		must(t, w.St.View(t.Context(), func(q store.Querier) (err error) {
			out, err = w.QueuePage(t.Context(), q, w.as(who), f)
			return err
		}))
		return out
	}
	ids := func(p airlock.QueuePage) (out []string) {
		for _, l := range p.Lines {
			out = append(out, l.ID)
		}
		return out
	}
	if got := ids(page("ann", airlock.QueueFilter{})); !slices.Equal(got, []string{code.ID, medium, low}) {
		t.Errorf("the order of the queue: %v", got)
	}
	must(t, w.Claim(t.Context(), w.as("ann"), low))
	must(t, w.Assign(t.Context(), w.as("operator"), medium, w.users["bob"].ID, true))
	if err := w.Assign(t.Context(), w.as("operator"), medium, w.users["member-checker"].ID, true); !ark.Is(err, ark.Forbidden) {
		t.Errorf("given to a checker on the project: %v", err)
	}
	w.clock.Set(noon.Add(49 * time.Hour))
	for _, c := range []struct {
		f    airlock.QueueFilter
		want []string
	}{
		{airlock.QueueFilter{Whose: "mine"}, []string{low}},
		{airlock.QueueFilter{Whose: "unclaimed"}, []string{code.ID}},
		{airlock.QueueFilter{Risk: "medium"}, []string{medium}},
		{airlock.QueueFilter{Class: "code"}, []string{code.ID}},
		{airlock.QueueFilter{Class: "output"}, []string{medium, low}},
		{airlock.QueueFilter{Overdue: true}, []string{code.ID, low}},
		{airlock.QueueFilter{Offset: 1}, []string{medium, low}},
		{airlock.QueueFilter{Limit: 1}, []string{code.ID}},
		{airlock.QueueFilter{Project: "' OR 1=1 --"}, nil},
	} {
		if got := ids(page("ann", c.f)); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.f, got, c.want)
		}
	}
	p := page("cy", airlock.QueueFilter{})
	if p.Open != 3 || p.Late != 2 || p.Free != 1 || p.Load[w.users["bob"].ID] != 1 {
		t.Errorf("the figures of the queue: %+v", p)
	}
	for _, who := range []string{"author-checker", "member-checker", "outsider", "operator"} {
		if n := len(page(who, airlock.QueueFilter{}).Lines); n != 0 {
			t.Errorf("%s sees %d lines", who, n)
		}
	}
	must(t, w.Comment(t.Context(), w.as("ann"), low, airlock.Comment{Text: "Round.", Public: true}))
	must(t, w.Return(t.Context(), w.as("ann"), low))
	must(t, w.St.View(t.Context(), func(q store.Querier) error {
		turn, err := airlock.TurnaroundSince(t.Context(), q, noon)
		if turn.Rounds != 1 || turn.Median != 49*time.Hour || turn.P90 != 49*time.Hour || turn.Late != 1 {
			t.Errorf("turnaround: %+v", turn)
		}
		return err
	}))
	must(t, w.SaveFilter(t.Context(), w.as("ann"), "late code", airlock.QueueFilter{Class: "code", Overdue: true}))
	must(t, w.SaveFilter(t.Context(), w.as("ann"), "late code", airlock.QueueFilter{Class: "code"}))
	if err := w.SaveFilter(t.Context(), w.as("ann"), strings.Repeat("x", 61), airlock.QueueFilter{}); !ark.Is(err, ark.Invalid) {
		t.Errorf("a long name: %v", err)
	}
	must(t, w.St.View(t.Context(), func(q store.Querier) error {
		all, err := airlock.SavedFilters(t.Context(), q, w.users["ann"].ID)
		if len(all) != 1 || all[0].Filter.Overdue {
			t.Errorf("saved filters: %+v", all)
		}
		return err
	}))
}

// TestDamagedFile: bytes that are not what was submitted are an incident once,
// told to those concerned; the file can't leave until it is settled by somebody
// who is not on the project.
func TestDamagedFile(t *testing.T) {
	w := newWorld(t)
	w.seed(t, func(tx *store.Tx) {
		p, err := governance.GetProject(t.Context(), tx, w.project)
		must(t, err)
		p.Orgs = []string{home}
		insert(t, tx, "projects", p, "id", p.ID, "state", p.State)
	})
	id := w.in(t, "reviewed")
	file := w.look(t, "author", id).Files[0].ID
	must(t, w.Damaged(t.Context(), id, file))
	must(t, w.Damaged(t.Context(), id, file))
	if err := w.Damaged(t.Context(), id, "fil_none"); !ark.Is(err, ark.Unknown) {
		t.Errorf("damage of a file that is not there: %v", err)
	}
	about := func() (out []airlock.Incident) {
		must(t, w.St.View(t.Context(), func(q store.Querier) (err error) {
			out, err = airlock.IncidentsAbout(t.Context(), q, w.project, id)
			return err
		}))
		return out
	}
	all := about()
	if len(all) != 1 || all[0].Kind != airlock.IncidentDamaged || all[0].File != 1 || all[0].ReportBy.Sub(all[0].At) != 72*time.Hour {
		t.Fatalf("the incidents: %+v", all)
	}
	for _, who := range []string{"author", "custodian", "operator"} {
		if !slices.Contains(all[0].Told, w.users[who].ID) {
			t.Errorf("%s is not told", who)
		}
	}
	if err := w.Release(t.Context(), w.as("cy"), id, false); !ark.Is(err, ark.Conflict) || !strings.Contains(err.Error(), "not what was submitted") {
		t.Errorf("a damaged file is released: %v", err)
	}
	for _, who := range []string{"author", "author-checker", "member-checker", "outsider", "lay", "auditor"} {
		if err := w.SettleDamage(t.Context(), w.as(who), id, airlock.OutcomeNearMiss, "Restored."); !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s settles it: %v", who, err)
		}
	}
	if err := w.SettleDamage(t.Context(), w.as("operator"), id, airlock.OutcomeNearMiss, " "); !ark.Is(err, ark.Invalid) {
		t.Errorf("settled without a word: %v", err)
	}
	must(t, w.SettleDamage(t.Context(), w.as("custodian"), id, airlock.OutcomeNearMiss, "Restored from a backup."))
	if err := w.SettleDamage(t.Context(), w.as("operator"), id, airlock.OutcomeNearMiss, "Again."); !ark.Is(err, ark.Conflict) {
		t.Errorf("settled twice: %v", err)
	}
	if all := about(); all[0].State != "settled" || all[0].SettledBy == "" {
		t.Errorf("the incident: %+v", all[0])
	}
	must(t, w.Release(t.Context(), w.as("cy"), id, false))
	// The worker finds it at the last moment: nothing is signed, and it is told.
	rel := w.sign(t, id, func(r *airlock.ReleaseResult) { r.Refused, r.Damaged = "not what was submitted", []string{file} })
	if v := w.look(t, "ann", id); v.State != "reviewed" || !v.Files[0].Damaged || len(about()) != 2 {
		t.Errorf("after the worker found it: %s, %d incidents", v.State, len(about()))
	}
	if _, err := w.Download(t.Context(), w.as("author"), rel); !ark.Is(err, ark.Unknown) {
		t.Errorf("downloaded: %v", err)
	}
	// And the checks find it before anybody reviews: blocked, and no contest helps.
	id = w.submit(t)
	files := w.look(t, "author", id).Files
	must(t, w.apply(id, "request.apply", func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyChecks(t.Context(), tx, id, 1, airlock.CheckResult{Files: []airlock.CheckedFile{{ID: files[0].ID, Verdict: "pass", Damaged: true,
			Findings: []disclosure.Finding{{Rule: "file-changed", Severity: disclosure.SevFail}}}, {ID: files[1].ID, Verdict: "pass"}, {ID: files[2].ID, Verdict: "pass"}}})
	}))
	if v := w.look(t, "author", id); v.State != "blocked" || v.Files[0].Verdict != "fail" || len(about()) != 1 {
		t.Errorf("after the checks found it: %s %s", v.State, v.Files[0].Verdict)
	}
	if err := w.Contest(t.Context(), w.as("author"), id, "It does not apply."); !ark.Is(err, ark.Conflict) {
		t.Errorf("damage is contested: %v", err)
	}
}

// TestWhatLeftBecomesASample: saying that it should not have left has the files
// written down as samples of the rules, once.
func TestWhatLeftBecomesASample(t *testing.T) {
	w := newWorld(t)
	id := w.in(t, "approved")
	rel := w.sign(t, id, nil)
	must(t, w.Freeze(t.Context(), w.as("ann"), rel, "A cell has three people."))
	var jobs []store.Job
	var in *airlock.Incident
	read := func() {
		must(t, w.St.View(t.Context(), func(q store.Querier) error {
			var err error
			if jobs, err = store.Jobs(t.Context(), q, "kind = 'sample' AND subject = $1", id); err != nil {
				return err
			}
			r, err := airlock.GetRelease(t.Context(), q, rel)
			if err != nil {
				return err
			}
			in, err = airlock.GetIncident(t.Context(), q, r.Incident)
			return err
		}))
	}
	read()
	var job airlock.SampleJob
	if len(jobs) != 1 {
		t.Fatalf("%d jobs", len(jobs))
	}
	must(t, json.Unmarshal(jobs[0].Input, &job))
	if len(job.Files) != 2 || job.Incident != in.ID || job.Profile == "" {
		t.Errorf("the job is %+v", job)
	}
	if err := w.apply(id, "request.apply", func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplySample(t.Context(), tx, job, airlock.SampleResult{Sample: objects.Ref{Zone: objects.Public, SHA256: strings.Repeat("a", 64)}})
	}); err == nil {
		t.Error("the samples lie in the public zone")
	}
	must(t, w.apply(id, "request.apply", func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplySample(t.Context(), tx, job, airlock.SampleResult{Sample: pin('9'), Stopped: []int{1}})
	}))
	read()
	if in.Sample != pin('9') || !in.Cases[0].Stopped || in.Cases[1].Stopped || !in.Cases[1].Judged {
		t.Errorf("the incident is %+v", in)
	}
}
