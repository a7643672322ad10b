package airlock_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// TestHoldKeepsReviews: a hold loses nothing, shows nothing, and an amended
// round keeps the votes on what did not change.
func TestHoldKeepsReviews(t *testing.T) {
	w := newWorld(t)
	id := w.in(t, "held") // bob has finished
	must(t, w.Comment(t.Context(), w.as("author"), id, airlock.Comment{Text: "A typing error."}))
	if v := w.look(t, "ann", id); v.Finished != 0 || v.Files[0].Votes != nil {
		t.Errorf("a held request shows ann %+v", v)
	}
	must(t, w.Resume(t.Context(), w.as("author"), id))
	if v := w.look(t, "bob", id); !v.YouFinished || v.Files[0].YourVote != yes {
		t.Errorf("bob's review after a hold: %+v", v)
	}
	w.review(t, "ann", id, yes, yes)
	if s := w.look(t, "ann", id).State; s != "reviewed" {
		t.Errorf("two reviews around a hold: %s", s)
	}
	id = w.in(t, "submitted")
	must(t, w.Comment(t.Context(), w.as("bob"), id, airlock.Comment{Text: "BOBSVIEW", Public: true}))
	w.review(t, "bob", id, yes, yes)
	must(t, w.Hold(t.Context(), w.as("author"), id))
	s := submission()
	s.Files[1].Ref = pin('e')
	must(t, w.Resubmit(t.Context(), w.as("author"), id, s, "Mended."))
	says := func(who string) bool {
		return slices.ContainsFunc(w.look(t, who, id).Comments, func(c airlock.CommentView) bool { return c.Text == "BOBSVIEW" })
	}
	for range 2 {
		if says("ann") || says("author") || !says("bob") {
			t.Errorf("in %s a round cut short shows its comments", w.look(t, "bob", id).State)
		}
		if w.look(t, "bob", id).State == "checking" {
			w.checked(t, id, "pass")
		}
	}
	if v := w.look(t, "bob", id); v.Files[0].YourVote != yes || v.Files[1].YourVote != "" || v.YouFinished {
		t.Errorf("bob's votes after the amendment: %+v", v.Files)
	}
	w.review(t, "bob", id, yes, yes)
	w.review(t, "ann", id, no, yes)
	if !says("ann") || says("author") {
		t.Error("in the open phase the checkers see the round that was cut short, and the author does not")
	}
	must(t, w.Return(t.Context(), w.as("ann"), id))
	if !says("author") {
		t.Error("a comment for the author did not reach them")
	}
}

// TestPartialRelease: what is approved leaves under its own numbers; the rest
// goes on, and what has left is neither voted on nor released again.
func TestPartialRelease(t *testing.T) {
	w := newWorld(t)
	id := w.in(t, "submitted")
	w.review(t, "ann", id, no, yes)
	w.review(t, "bob", id, yes, yes)
	must(t, w.Release(t.Context(), w.as("cy"), id, true))
	if job := w.job(t, id); len(job.Files) != 1 || job.Files[0].Ordinal != 2 {
		t.Fatalf("the bundle's files: %+v", job.Files)
	}
	first := w.sign(t, id, nil)
	v := w.look(t, "author", id)
	if v.State != "returned" || v.Files[1].Release != first || v.Files[0].Release != "" {
		t.Fatalf("after a part left: %s %+v", v.State, v.Files)
	}
	w.clock.Set(noon.Add(time.Hour))
	if _, err := w.Download(t.Context(), w.as("author"), first); err != nil {
		t.Error(err)
	}
	s := submission()
	if err := w.Resubmit(t.Context(), w.as("author"), id, s, "Again."); !ark.Is(err, ark.Conflict) {
		t.Errorf("a released file was submitted again: %v", err)
	}
	s.Files = []airlock.SubmittedFile{{Name: "a.csv", Kind: airlock.KindOutput, Ref: pin('e')}, {Name: "z.csv", Kind: airlock.KindOutput, Group: 1, Ref: pin('f')}}
	must(t, w.Resubmit(t.Context(), w.as("author"), id, s, "Rounded."))
	w.checked(t, id, "pass")
	var got []int
	for _, f := range w.look(t, "ann", id).Files {
		got = append(got, f.Ordinal)
		if err := w.Vote(t.Context(), w.as("ann"), id, f.ID, yes); (err == nil) != (f.Release == "") {
			t.Errorf("a vote on file %d: %v", f.Ordinal, err)
		}
	}
	if !slices.Equal(got, []int{1, 2, 4}) {
		t.Errorf("numbers after two rounds: %v", got)
	}
	must(t, w.Finish(t.Context(), w.as("ann"), id))
	bobs := w.look(t, "bob", id).Files
	must(t, w.Vote(t.Context(), w.as("bob"), id, bobs[0].ID, yes))
	must(t, w.Vote(t.Context(), w.as("bob"), id, bobs[2].ID, yes))
	must(t, w.Finish(t.Context(), w.as("bob"), id))
	must(t, w.Release(t.Context(), w.as("cy"), id, false))
	if job := w.job(t, id); len(job.Files) != 2 || job.Files[0].Ordinal != 1 || job.Files[1].Ordinal != 4 {
		t.Errorf("the second bundle's files: %+v", job.Files)
	}
	second := w.sign(t, id, nil)
	if v := w.look(t, "author", id); v.State != "released" || !slices.Equal(v.Releases, []string{first, second}) {
		t.Errorf("in the end: %s %v", v.State, v.Releases)
	}
}

// TestContest: a failed check gives way only to two checkers, and to the
// custodian whose contract has the rule, and only for these very bytes.
func TestContest(t *testing.T) {
	w := newWorldTerms(t, 2, governance.AirlockTerms{Contractual: map[string][]string{"count-below-threshold": {home}}})
	id := w.in(t, "contested")
	must(t, w.Override(t.Context(), w.as("ann"), id, true, "Hospitals."))
	if err := w.Override(t.Context(), w.as("ann-again"), id, true, "Hospitals."); !ark.Is(err, ark.Forbidden) {
		t.Errorf("one person counted twice: %v", err)
	}
	must(t, w.Override(t.Context(), w.as("bob"), id, true, "Yes."))
	if s := w.look(t, "author", id).State; s != "contested" {
		t.Fatalf("without the custodian whose contract it is: %s", s)
	}
	w.setUser(t, "custodian", func(u *governance.User) { u.Org = away })
	if err := w.Waive(t.Context(), w.as("custodian"), id, true, "Fine."); !ark.Is(err, ark.Forbidden) {
		t.Errorf("another custodian waived: %v", err)
	}
	w.setUser(t, "custodian", func(u *governance.User) { u.Org = home })
	if _, err := w.ViewOf(t.Context(), w.as("custodian"), id); err != nil {
		t.Errorf("the custodian can't see what to waive: %v", err)
	}
	must(t, w.Waive(t.Context(), w.as("custodian"), id, true, "Fine."))
	if v := w.look(t, "ann", id); v.State != "submitted" || len(v.Files[0].Waved) != 1 {
		t.Fatalf("after all agreed: %s %+v", v.State, v.Files[0])
	}
	w.review(t, "ann", id, yes, yes)
	w.review(t, "bob", id, yes, yes)
	must(t, w.Release(t.Context(), w.as("cy"), id, false))
	if job := w.job(t, id); !slices.Equal(job.Files[0].Overridden, []string{"count-below-threshold"}) {
		t.Errorf("the worker is told of %v", job.Files[0].Overridden)
	}
	w.sign(t, id, nil)

	id = w.in(t, "contested")
	must(t, w.Override(t.Context(), w.as("ann"), id, true, "Hospitals."))
	must(t, w.Override(t.Context(), w.as("bob"), id, false, "They are people."))
	if v := w.look(t, "author", id); v.State != "blocked" || v.Says != "They are people." {
		t.Errorf("after a no: %s %q", v.State, v.Says)
	}
	s := submission()
	s.Files[0].Ref = pin('e') // other bytes: no earlier override holds for them
	must(t, w.Resubmit(t.Context(), w.as("author"), id, s, ""))
	w.checked(t, id, "fail")
	if s := w.look(t, "author", id).State; s != "blocked" {
		t.Errorf("failing bytes passed: %s", s)
	}
}

// TestAppeal: the third user is drawn by the Ark from those without a part; an
// upheld appeal counts as one review and no more.
func TestAppeal(t *testing.T) {
	w := newWorld(t)
	id := w.in(t, "appealed")
	who := w.arbiter(t, id)
	if who == "bob" || who == "author-checker" || who == "member-checker" {
		t.Fatalf("%s decides on the appeal", who)
	}
	must(t, w.Arbitrate(t.Context(), w.as(who), id, true, "These are not counts of people."))
	v := w.look(t, "author", id)
	if v.State != "submitted" || v.Round != 2 || v.Appeal.Outcome != "upheld" {
		t.Fatalf("after the appeal: %+v", v)
	}
	if err := w.Release(t.Context(), w.as("bob"), id, false); !ark.Is(err, ark.Conflict) {
		t.Errorf("released on one person's word: %v", err)
	}
	second := "cy"
	if who == "cy" {
		second = "ann"
	}
	w.review(t, second, id, yes, yes)
	must(t, w.Release(t.Context(), w.as("bob"), id, false))
	id = w.in(t, "appealed")
	must(t, w.Arbitrate(t.Context(), w.as(w.arbiter(t, id)), id, false, "They are."))
	if err := w.Appeal(t.Context(), w.as("author"), id, "Again."); !ark.Is(err, ark.Conflict) {
		t.Errorf("appealed twice: %v", err)
	}
	for _, name := range []string{"ann", "ann-again", "cy", "far"} {
		w.setUser(t, name, func(u *governance.User) { u.Suspended = true })
	}
	id = w.in(t, "returned")
	if err := w.Appeal(t.Context(), w.as("author"), id, "No one is left."); !ark.Is(err, ark.Conflict) {
		t.Errorf("an appeal to nobody: %v", err)
	}
}

// TestReassign: a request whose author has left goes on with another; neither
// of them ever checks it.
func TestReassign(t *testing.T) {
	w := newWorld(t)
	id := w.in(t, "returned")
	if err := w.Reassign(t.Context(), w.as("operator"), id, w.users["outsider"].ID); !ark.Is(err, ark.Forbidden) {
		t.Errorf("given to somebody off the permit: %v", err)
	}
	must(t, w.Reassign(t.Context(), w.as("operator"), id, w.users["newcomer"].ID))
	if _, err := w.ViewOf(t.Context(), w.as("author"), id); !ark.Is(err, ark.Forbidden) {
		t.Errorf("the earlier author still sees it: %v", err)
	}
	must(t, w.Resubmit(t.Context(), w.as("newcomer"), id, submission(), "I carry on."))
	v, err := w.ViewOf(t.Context(), w.as("newcomer"), id)
	must(t, err)
	if !v.Author || v.Round != 2 {
		t.Errorf("the new author sees %+v", v)
	}
	w.setUser(t, "newcomer", func(u *governance.User) { u.Roles = append(u.Roles, ark.Checker) })
	res := airlock.CheckResult{}
	for _, f := range v.Files {
		res.Files = append(res.Files, airlock.CheckedFile{ID: f.ID, Verdict: "pass"})
	}
	must(t, w.apply(id, "request.apply", func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyChecks(t.Context(), tx, id, 2, res)
	}))
	for _, who := range []string{"newcomer", "author-checker"} {
		if err := w.Vote(t.Context(), w.as(who), id, v.Files[0].ID, yes); !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s voted: %v", who, err)
		}
	}
}

// TestPermitSaysWho: checkers of different organisations, sign-off by lay
// reviewer and custodian, three checkers.
func TestPermitSaysWho(t *testing.T) {
	w := newWorldTerms(t, 2, governance.AirlockTerms{OtherOrganisation: true, SignOff: []string{"lay", home}})
	id := w.in(t, "submitted")
	w.review(t, "ann", id, yes, yes)
	w.review(t, "bob", id, yes, yes)
	if s := w.look(t, "ann", id).State; s != "partly-reviewed" {
		t.Fatalf("two of one organisation: %s", s)
	}
	w.review(t, "far", id, yes, yes)
	if s := w.look(t, "ann", id).State; s != "reviewed" {
		t.Fatalf("a third of another organisation: %s", s)
	}
	release := func() error { return w.Release(t.Context(), w.as("cy"), id, false) }
	if err := release(); !ark.Is(err, ark.Conflict) {
		t.Errorf("released without sign-off: %v", err)
	}
	must(t, w.SignOff(t.Context(), w.as("lay"), id, true, ""))
	if err := w.SignOff(t.Context(), w.as("auditor"), id, true, ""); !ark.Is(err, ark.Forbidden) {
		t.Errorf("an auditor signed off: %v", err)
	}
	must(t, w.SignOff(t.Context(), w.as("custodian"), id, false, "Not before our board has met."))
	if err := release(); !ark.Is(err, ark.Conflict) {
		t.Errorf("released against an objection: %v", err)
	}
	must(t, w.SignOff(t.Context(), w.as("custodian"), id, true, ""))
	w.setUser(t, "lay", func(u *governance.User) { u.Roles = []ark.Role{ark.Researcher} })
	if err := release(); !ark.Is(err, ark.Conflict) {
		t.Errorf("released on the sign-off of one who lost the role: %v", err)
	}
	w.setUser(t, "lay", func(u *governance.User) { u.Roles = []ark.Role{ark.LayReviewer} })
	w.setUser(t, "far", func(u *governance.User) { u.Org = home })
	if err := release(); !ark.Is(err, ark.Conflict) {
		t.Errorf("released although all are of one organisation now: %v", err)
	}
	w.setUser(t, "far", func(u *governance.User) { u.Org = away })
	must(t, release())
}

// TestLimitsAndCode: the permit's limits at submission, and code as a class of
// its own with one checker.
func TestLimitsAndCode(t *testing.T) {
	w := newWorldTerms(t, 3, governance.AirlockTerms{MaxFiles: 2, MaxRows: 100})
	if _, err := w.Submit(t.Context(), w.as("author"), w.workspace, submission()); !ark.Is(err, ark.TooMuch) {
		t.Errorf("three files where two are allowed: %v", err)
	}
	s := submission()
	s.Files = s.Files[:2]
	s.Files[0].Rows = 101
	if _, err := w.Submit(t.Context(), w.as("author"), w.workspace, s); !ark.Is(err, ark.TooMuch) {
		t.Errorf("101 rows where 100 are allowed: %v", err)
	}
	s.Files[0].Rows = 100
	for range 2 { // several open requests of one user
		r, err := w.Submit(t.Context(), w.as("author"), w.workspace, s)
		must(t, err)
		if r.Checkers != 3 {
			t.Errorf("%d checkers", r.Checkers)
		}
	}
	s.Class = airlock.ClassCode
	if _, err := w.Submit(t.Context(), w.as("author"), w.workspace, s); !ark.Is(err, ark.Invalid) {
		t.Errorf("tables as code: %v", err)
	}
	s.Files[0].Name, s.Files[1].Name = "model.py", "model.ipynb"
	if _, err := w.Submit(t.Context(), w.as("author"), w.workspace, s); !ark.Is(err, ark.Invalid) {
		t.Errorf("a notebook, which stores its outputs, as code: %v", err)
	}
	s.Files[0].Name, s.Files[1].Name = "model.py", "tables.R"
	r, err := w.Submit(t.Context(), w.as("author"), w.workspace, s)
	must(t, err)
	w.checked(t, r.ID, "pass")
	w.review(t, "ann", r.ID, yes, yes)
	v := w.look(t, "bob", r.ID)
	if v.State != "reviewed" || v.Files[0].Decision != airlock.Approved {
		t.Errorf("code after its one checker: %s", v.State)
	}
	if due := w.look(t, "ann", r.ID).Due; due.Sub(noon) != 24*time.Hour {
		t.Errorf("code is due %s", due)
	}
	model := submission()
	model.Files = model.Files[:2]
	model.Groups[0].Kind = "model"
	if _, err := w.Submit(t.Context(), w.as("author"), w.workspace, model); !ark.Is(err, ark.Invalid) {
		t.Errorf("a model without degrees of freedom: %v", err)
	}
}

// TestDownloadsEnd: fourteen days, each counted.
func TestDownloadsEnd(t *testing.T) {
	w := newWorld(t)
	id := w.in(t, "approved")
	rel := w.sign(t, id, nil)
	for n := 1; n < 3; n++ {
		r, err := w.Download(t.Context(), w.as("author"), rel)
		must(t, err)
		if r.Downloads != n {
			t.Errorf("download %d counts as %d", n, r.Downloads)
		}
	}
	w.clock.Set(noon.Add(14*24*time.Hour - time.Second))
	if _, err := w.Download(t.Context(), w.as("author"), rel); err != nil {
		t.Errorf("on the last second: %v", err)
	}
	w.clock.Set(noon.Add(14 * 24 * time.Hour))
	if _, err := w.Download(t.Context(), w.as("author"), rel); !ark.Is(err, ark.Lapsed) {
		t.Errorf("after fourteen days: %v", err)
	}
	if _, err := w.Download(t.Context(), w.as("member"), rel); !ark.Is(err, ark.Forbidden) && !ark.Is(err, ark.Lapsed) {
		t.Errorf("by somebody else: %v", err)
	}
}
