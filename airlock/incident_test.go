package airlock_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
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
