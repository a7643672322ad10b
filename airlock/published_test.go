package airlock_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

func given() airlock.Given {
	return airlock.Given{Title: "Stays by ward", Cited: "The trust's yearly report, page 12", On: "2026-01-31", Dataset: ward, Unit: "people", Population: "Everybody with a stay in 2025", Name: "Report 2025.csv", File: pin('f')}
}

// offered makes the dataset that published tables are about.
func (w *world) offered(t testing.TB) {
	t.Helper()
	w.seed(t, func(tx *store.Tx) {
		insert(t, tx, "datasets", catalogue.Dataset{ID: ward, Slug: "ward", Title: "Ward", Profile: "ark"}, "id", ward, "slug", "ward")
	})
}

func (w *world) table(t testing.TB, id string) *airlock.PublishedTable {
	t.Helper()
	var p *airlock.PublishedTable
	must(t, w.St.View(context.Background(), func(q store.Querier) (err error) {
		p, err = airlock.GetPublished(context.Background(), q, id)
		return err
	}))
	return p
}

func (w *world) typed(t testing.TB, id string, res airlock.PublishedResult) error {
	t.Helper()
	return w.St.Act(context.Background(), store.Actor{System: "worker"}, "published.apply", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyPublished(context.Background(), tx, id, res)
	})
}

// sets is what the worker keeps of a published table.
func sets(c string) airlock.PublishedResult {
	return airlock.PublishedResult{Figures: 12, Sets: objects.Ref{Zone: objects.Contributors, Name: "published/" + c + ".sets", SHA256: strings.Repeat(c, 64), Size: 400}}
}

// history is what the checks of a request compare with.
func (w *world) history(t testing.TB, request string) []objects.Ref {
	t.Helper()
	var raw string
	must(t, w.St.View(context.Background(), func(q store.Querier) error {
		return q.QueryRowContext(context.Background(), `SELECT input FROM jobs WHERE kind = 'check' AND subject = $1`, request).Scan(&raw)
	}))
	var job struct{ Behind airlock.Behind }
	must(t, json.Unmarshal([]byte(raw), &job))
	return job.Behind.History
}

// TestOutputsAreComparedWithPublishedTables: from when its figures are kept
// until two checkers have taken it back, and never before or after.
func TestOutputsAreComparedWithPublishedTables(t *testing.T) {
	w := newWorld(t)
	w.offered(t)
	ctx := t.Context()
	p, err := w.AddPublished(ctx, w.as("ann"), given())
	must(t, err)
	if p.State != "checking" || p.Name != "table.csv" {
		t.Fatalf("added as %+v", p)
	}
	compared := func(want bool, when string) {
		t.Helper()
		id := w.submit(t)
		if got := slices.Contains(w.history(t, id), sets("7").Sets); got != want {
			t.Errorf("%s outputs are compared with it: %v", when, got)
		}
		must(t, w.Withdraw(ctx, w.as("author"), id))
	}
	compared(false, "before its file was looked into")
	if err := w.typed(t, p.ID, airlock.PublishedResult{Figures: 3, Sets: pin('7')}); err == nil {
		t.Error("figures outside the sealed store were taken")
	}
	must(t, w.typed(t, p.ID, sets("7")))
	compared(true, "once it is kept")
	if err := w.WithdrawPublished(ctx, w.as("bob"), p.ID, " "); !ark.Is(err, ark.Invalid) {
		t.Errorf("taken back without a reason: %v", err)
	}
	must(t, w.WithdrawPublished(ctx, w.as("ann"), p.ID, "It is about another trust."))
	compared(true, "when one checker asked to take it back")
	for _, who := range []string{"ann", "ann-again"} {
		if err := w.WithdrawPublished(ctx, w.as(who), p.ID, "Again."); !ark.Is(err, ark.Conflict) {
			t.Errorf("%s agreed with herself: %v", who, err)
		}
	}
	must(t, w.WithdrawPublished(ctx, w.as("bob"), p.ID, ""))
	compared(false, "when two took it back")
	if got := w.table(t, p.ID); got.State != "withdrawn" || got.Says != "It is about another trust." || len(got.WithdrawnBy) != 2 || got.Sets.Name == "" {
		t.Errorf("taken back it is %+v", got)
	}
	if err := w.WithdrawPublished(ctx, w.as("cy"), p.ID, "Once more."); !ark.Is(err, ark.Conflict) {
		t.Errorf("taken back again: %v", err)
	}
}

// TestAReleaseIsComparedWithWhatWasPublishedMeanwhile: a table that is kept
// between a release's comparison and its signature stops it.
func TestAReleaseIsComparedWithWhatWasPublishedMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.offered(t)
	id := w.submit(t)
	w.checked(t, id, "pass")
	w.review(t, "bob", id, yes, yes)
	w.review(t, "cy", id, yes, yes)
	must(t, w.Release(t.Context(), w.as("cy"), id, false))
	p, err := w.AddPublished(t.Context(), w.as("ann"), given())
	must(t, err)
	must(t, w.typed(t, p.ID, sets("7")))
	w.sign(t, id, nil)
	if v := w.look(t, "bob", id); v.State != "reviewed" || !strings.Contains(v.Says, "published table") {
		t.Errorf("it is %s: %q", v.State, v.Says)
	}
}

// TestOnlyCheckersAddPublishedTables: nobody else adds one, and what is no
// answer is refused at its field.
func TestOnlyCheckersAddPublishedTables(t *testing.T) {
	w := newWorld(t)
	w.offered(t)
	for _, who := range []string{"author", "member", "outsider", "custodian", "engineer", "operator", "lay", "auditor"} {
		if _, err := w.AddPublished(t.Context(), w.as(who), given()); !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s added one: %v", who, err)
		}
		if err := w.WithdrawPublished(t.Context(), w.as(who), "pub_00000000000070008000000000000001", "No."); !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s took one back: %v", who, err)
		}
		if err := w.St.Check(t.Context(), w.as(who), "published.read", store.Whole); (err == nil) != (who == "auditor") {
			t.Errorf("%s sees them: %v", who, err)
		}
	}
	for name, change := range map[string]func(*airlock.Given){
		"no title": func(g *airlock.Given) { g.Title = " " }, "no citation": func(g *airlock.Given) { g.Cited = "" }, "no unit": func(g *airlock.Given) { g.Unit = "" },
		"nobody counted": func(g *airlock.Given) { g.Population = "" }, "no day": func(g *airlock.Given) { g.On = "last year" }, "a day to come": func(g *airlock.Given) { g.On = "2026-03-05" },
		"no dataset": func(g *airlock.Given) { g.Dataset = "dst_00000000000070008000000000000009" }, "no file": func(g *airlock.Given) { g.Name = "" },
		"a program": func(g *airlock.Given) { g.Name = "report.exe" }, "too large": func(g *airlock.Given) { g.File.Size = airlock.MaxPublished + 1 }, "of another zone": func(g *airlock.Given) { g.File.Zone = objects.Contributors },
	} {
		g := given()
		change(&g)
		if _, err := w.AddPublished(t.Context(), w.as("ann"), g); !ark.Is(err, ark.Invalid) && !ark.Is(err, ark.TooMuch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnAuthorReadsNothingOfAPublishedTable: beside one, an author reads that
// the output conflicts with an earlier release and what mends it; checkers read
// which table it is.
func TestAnAuthorReadsNothingOfAPublishedTable(t *testing.T) {
	w := newWorld(t)
	id := w.submit(t)
	secret := "+ 60 (figure, published table pub_00000000000070008000000000000001)"
	found := disclosure.Finding{Rule: "release-similar", Severity: disclosure.SevReview, Says: "conflicts with an earlier release", Repair: "give a specification", Evidence: map[string]string{"combination": secret}}
	r := w.look(t, "author", id)
	res := airlock.CheckResult{}
	for _, f := range r.Files {
		res.Files = append(res.Files, airlock.CheckedFile{ID: f.ID, Type: "text/csv", Verdict: "review", Findings: []disclosure.Finding{found}})
	}
	must(t, w.apply(id, "request.apply", func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyChecks(context.Background(), tx, id, r.Round, res)
	}))
	text := func(who string) string {
		raw, err := json.Marshal(w.look(t, who, id))
		must(t, err)
		return string(raw)
	}
	if s := text("author"); !strings.Contains(s, "conflicts with an earlier release") || strings.Contains(s, "pub_") || strings.Contains(s, "60 (") {
		t.Errorf("the author reads %s", s)
	}
	if s := text("bob"); !strings.Contains(s, "pub_") {
		t.Errorf("a checker reads %s", s)
	}
}
