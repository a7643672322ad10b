package airlock_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// TestDecisions is the hand-written table of two checkers' votes.
func TestDecisions(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ ann, bob, checker, author string }{
		{yes, yes, airlock.Approved, airlock.Approved},
		{no, no, airlock.Changes, airlock.Changes},
		{yes, no, airlock.Conflicted, airlock.Changes},
		{no, yes, airlock.Conflicted, airlock.Changes},
	} {
		id := w.in(t, "submitted")
		w.review(t, "ann", id, c.ann, yes)
		if f := w.look(t, "ann", id).Files[0]; f.Decision != "" || f.YourVote != c.ann || len(f.Votes) != 0 {
			t.Errorf("after one of two: %+v", f)
		}
		w.review(t, "bob", id, c.bob, yes)
		v := w.look(t, "cy", id)
		if v.Phase != airlock.PhaseOpen || v.Files[0].Decision != c.checker || len(v.Files[0].Votes) != 2 || v.Files[1].Decision != airlock.Approved {
			t.Errorf("%s and %s: %+v", c.ann, c.bob, v.Files[0])
		}
		if f := w.look(t, "author", id).Files[0]; f.Decision != "" || len(f.Votes) != 0 {
			t.Errorf("the author sees the open round: %+v", f)
		}
		err := w.Release(t.Context(), w.as("cy"), id, false)
		if (err == nil) != (c.checker == airlock.Approved) {
			t.Errorf("%s and %s: released whole: %v", c.ann, c.bob, err)
		}
		if c.checker == airlock.Approved {
			continue
		}
		must(t, w.Release(t.Context(), w.as("cy"), id, true)) // the rest leaves
		if job := w.job(t, id); len(job.Files) != 1 || job.Files[0].Name != "b.csv" {
			t.Errorf("a partial release holds %+v", job.Files)
		}
	}
	id := w.in(t, "submitted")
	w.review(t, "ann", id, no, no)
	w.review(t, "bob", id, yes, no)
	if err := w.Release(t.Context(), w.as("cy"), id, true); !ark.Is(err, ark.Conflict) {
		t.Errorf("a release of nothing: %v", err)
	}
	if err := w.Return(t.Context(), w.as("cy"), id); err != nil {
		t.Error(err)
	}
	if f := w.look(t, "author", id).Files[0]; f.Decision != airlock.Changes {
		t.Errorf("the author sees that checkers disagreed: %q", f.Decision)
	}
}

// TestOneHumanCountsOnce: a second account of a checker is not a second checker.
func TestOneHumanCountsOnce(t *testing.T) {
	w := newWorld(t)
	id := w.in(t, "submitted")
	w.review(t, "ann", id, yes, yes)
	file := w.look(t, "ann-again", id).Files[0].ID
	for name, err := range map[string]error{
		"vote":   w.Vote(t.Context(), w.as("ann-again"), id, file, yes),
		"finish": w.Finish(t.Context(), w.as("ann-again"), id),
		"claim":  w.Claim(t.Context(), w.as("ann-again"), id),
	} {
		if !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s from a second account: %v", name, err)
		}
	}
	if err := w.Release(t.Context(), w.as("ann-again"), id, true); !ark.Is(err, ark.Conflict) {
		t.Errorf("released on one person's word: %v", err)
	}
}

// TestReleaseLooksAgain: what is found out after the reviews still counts. The
// review of whoever may not review any more does not; the request is in the
// queue again and says so, and leaves when another has reviewed it.
func TestReleaseLooksAgain(t *testing.T) {
	for name, change := range map[string]func(*world){
		"one is suspended": func(w *world) { w.setUser(t, "bob", func(u *governance.User) { u.Suspended = true }) },
		"one is a checker no more": func(w *world) {
			w.setUser(t, "bob", func(u *governance.User) { u.Roles = []ark.Role{ark.Researcher} })
		},
		"the two are one person": func(w *world) { w.setUser(t, "bob", func(u *governance.User) { u.Human = "h-ann" }) },
		"one is on the project":  func(w *world) { w.setUser(t, "bob", func(u *governance.User) { u.Human = "h-member" }) },
		"one is the author":      func(w *world) { w.setUser(t, "bob", func(u *governance.User) { u.Human = "h-author" }) },
	} {
		w := newWorld(t)
		id := w.in(t, "submitted")
		w.review(t, "ann", id, yes, yes)
		w.review(t, "bob", id, yes, yes)
		change(w)
		for range 2 { // asked again, nothing else happens
			if err := w.Release(t.Context(), w.as("cy"), id, true); !ark.Is(err, ark.Conflict) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for who, state := range map[string]string{"cy": "submitted", "ann": "partly-reviewed", "author": "submitted"} {
			v := w.look(t, who, id)
			if v.State != state || (v.Says != "") == (who == "author") || strings.Contains(v.Says, "bob") {
				t.Errorf("%s: to %s it is %s and says %q", name, who, v.State, v.Says)
			}
			for _, f := range v.Files {
				if len(f.Votes) > 0 {
					t.Errorf("%s: to %s it shows votes %v", name, who, f.Votes)
				}
			}
		}
		w.review(t, "cy", id, yes, yes)
		must(t, w.Release(t.Context(), w.as("cy"), id, false))
	}
}

// TestARecountedReviewIsGivenAgain: who may review again finishes again; a
// further review that is enough without the one that went lets it leave.
func TestARecountedReviewIsGivenAgain(t *testing.T) {
	w := newWorld(t)
	id := w.in(t, "submitted")
	w.review(t, "ann", id, yes, yes)
	w.review(t, "bob", id, yes, yes)
	w.setUser(t, "bob", func(u *governance.User) { u.Suspended = true })
	if err := w.Release(t.Context(), w.as("cy"), id, false); !ark.Is(err, ark.Conflict) {
		t.Fatal(err)
	}
	w.setUser(t, "bob", func(u *governance.User) { u.Suspended = false })
	if err := w.Release(t.Context(), w.as("cy"), id, false); !ark.Is(err, ark.Conflict) {
		t.Errorf("an unfinished review counted: %v", err)
	}
	must(t, w.Finish(t.Context(), w.as("bob"), id))
	must(t, w.Release(t.Context(), w.as("cy"), id, false))

	id = w.in(t, "submitted")
	for _, who := range []string{"ann", "bob", "cy"} {
		w.review(t, who, id, yes, yes)
	}
	w.setUser(t, "bob", func(u *governance.User) { u.Suspended = true })
	if err := w.Release(t.Context(), w.as("cy"), id, false); !ark.Is(err, ark.Conflict) {
		t.Errorf("released before it was counted again: %v", err)
	}
	must(t, w.Release(t.Context(), w.as("cy"), id, false))
}

func TestRightsLostMidReview(t *testing.T) {
	w := newWorld(t)
	id := w.in(t, "submitted")
	file := w.look(t, "ann", id).Files[0].ID
	must(t, w.Vote(t.Context(), w.as("ann"), id, file, yes))
	w.setUser(t, "ann", func(u *governance.User) { u.Roles = []ark.Role{ark.Researcher} })
	if err := w.Vote(t.Context(), w.as("ann"), id, file, no); !ark.Is(err, ark.Forbidden) {
		t.Errorf("a vote after the role was taken away: %v", err)
	}
	if err := w.Finish(t.Context(), w.as("ann"), id); !ark.Is(err, ark.Forbidden) {
		t.Errorf("a review finished after the role was taken away: %v", err)
	}
	w.review(t, "bob", id, yes, yes)
	w.review(t, "cy", id, yes, yes)
	stale := w.as("cy")
	stale.StepUp = w.clock.Now().Add(-6 * time.Minute)
	if err := w.Release(t.Context(), stale, id, false); !ark.Is(err, ark.Unsigned) {
		t.Errorf("released on an old second factor: %v", err)
	}
	// A second factor serves for the one release that it was shown for, and once.
	shown := w.as("cy")
	shown.Session, shown.StepFor = "ses_one", store.StepUpFor("request.vote", store.Resource{Type: "Request", ID: id})
	if err := w.Room.Release(t.Context(), shown, id, false); !ark.Is(err, ark.Unsigned) {
		t.Errorf("released on a second factor for something else: %v", err)
	}
	if shown.StepFor = store.StepUpFor("request.release", store.Resource{Type: "Request", ID: "req_another"}); true {
		if err := w.Room.Release(t.Context(), shown, id, false); !ark.Is(err, ark.Unsigned) {
			t.Errorf("released on a second factor for another release: %v", err)
		}
	}
	if shown.StepFor = ""; true {
		if err := w.Room.Release(t.Context(), shown, id, false); !ark.Is(err, ark.Unsigned) {
			t.Errorf("released on a second factor for nothing: %v", err)
		}
	}
	shown.StepFor = store.StepUpFor("request.release", store.Resource{Type: "Request", ID: id})
	must(t, w.Room.Release(t.Context(), shown, id, false))
	if err := w.Room.Release(t.Context(), shown, id, false); !ark.Is(err, ark.Unsigned) {
		t.Errorf("a second factor that was used is taken again: %v", err)
	}
}

// TestResubmission: a new round keeps votes on the same bytes under the same
// name and kind, as unconfirmed; the earlier round's review does not count.
func TestResubmission(t *testing.T) {
	w := newWorld(t)
	id := w.in(t, "submitted")
	w.review(t, "ann", id, yes, no)
	w.review(t, "bob", id, yes, yes)
	must(t, w.Return(t.Context(), w.as("bob"), id))
	s := submission()
	s.Files[1].Ref = pin('e')
	if err := w.Resubmit(t.Context(), w.as("author"), id, s, "  "); !ark.Is(err, ark.Invalid) {
		t.Errorf("no answer to the comments: %v", err)
	}
	must(t, w.Resubmit(t.Context(), w.as("author"), id, s, "Rounded to ten."))
	w.checked(t, id, "pass")
	v := w.look(t, "ann", id)
	if v.Round != 2 || v.Files[0].YourVote != yes || v.Files[1].YourVote != "" || v.YouFinished {
		t.Errorf("round 2 begins with %+v", v)
	}
	if v := w.look(t, "bob", id); v.Files[0].YourVote != yes || v.Files[1].YourVote != "" {
		t.Errorf("bob's votes in round 2: %+v", v.Files)
	}
	if err := w.Release(t.Context(), w.as("cy"), id, true); !ark.Is(err, ark.Conflict) {
		t.Errorf("released on the last round's reviews: %v", err)
	}
	if err := w.Finish(t.Context(), w.as("ann"), id); !ark.Is(err, ark.Invalid) {
		t.Errorf("finished without a vote on the changed file: %v", err)
	}
	swapped := submission() // the same bytes, but to leave under the other's name
	swapped.Files[0].Ref, swapped.Files[1].Ref = pin('b'), pin('a')
	id = w.in(t, "submitted")
	w.review(t, "ann", id, yes, no)
	must(t, w.Return(t.Context(), w.as("ann"), id))
	must(t, w.Resubmit(t.Context(), w.as("author"), id, swapped, "Swapped."))
	w.checked(t, id, "pass")
	for _, f := range w.look(t, "ann", id).Files {
		if f.YourVote != "" {
			t.Errorf("a vote followed bytes to another name: %+v", f)
		}
	}
}

// TestIdsOfAnotherRequest: a file of one request is nothing in another.
func TestIdsOfAnotherRequest(t *testing.T) {
	w := newWorld(t)
	one, two := w.in(t, "submitted"), w.in(t, "submitted")
	file := w.look(t, "ann", two).Files[0].ID
	if err := w.Vote(t.Context(), w.as("ann"), one, file, yes); !ark.Is(err, ark.Unknown) {
		t.Errorf("voted on a foreign file: %v", err)
	}
	if _, err := w.OpenFile(t.Context(), w.as("ann"), one, file); !ark.Is(err, ark.Unknown) {
		t.Errorf("opened a foreign file: %v", err)
	}
	if err := w.Comment(t.Context(), w.as("ann"), one, airlock.Comment{File: file, Text: "x"}); !ark.Is(err, ark.Unknown) {
		t.Errorf("commented on a foreign file: %v", err)
	}
	if err := w.Comment(t.Context(), w.as("ann"), one, airlock.Comment{Group: 7, Text: "x"}); !ark.Is(err, ark.Unknown) {
		t.Errorf("commented on a foreign group: %v", err)
	}
	for _, forged := range []string{"", "req_00000000000070008000000000000009", w.project, "../" + one, one + "' OR '1'='1"} {
		if err := w.Vote(t.Context(), w.as("ann"), forged, file, yes); !ark.Is(err, ark.Unknown) {
			t.Errorf("a forged request: %v", err)
		}
		if _, err := w.Download(t.Context(), w.as("author"), forged); !ark.Is(err, ark.Unknown) {
			t.Errorf("a forged release: %v", err)
		}
	}
	if _, err := w.Submit(t.Context(), w.as("outsider"), w.workspace, submission()); !ark.Is(err, ark.Forbidden) {
		t.Errorf("submitted from somebody else's workspace: %v", err)
	}
	if _, err := w.Submit(t.Context(), w.as("member"), w.workspace, submission()); !ark.Is(err, ark.Forbidden) {
		t.Errorf("a fellow member submitted from another's workspace: %v", err)
	}
}

func TestOversizedAndMalformed(t *testing.T) {
	w := newWorld(t)
	id := w.in(t, "submitted")
	huge := strings.Repeat("x", 10<<20)
	if err := w.Comment(t.Context(), w.as("ann"), id, airlock.Comment{Text: huge}); !ark.Is(err, ark.TooMuch) || len(err.Error()) > 500 {
		t.Errorf("ten megabytes of comment: %d characters of error", len(err.Error()))
	}
	if err := w.Reject(t.Context(), w.as("ann"), id, huge); !ark.Is(err, ark.Invalid) || len(err.Error()) > 500 {
		t.Error("ten megabytes of reason")
	}
	if err := w.Comment(t.Context(), w.as("ann"), id, airlock.Comment{Text: " \n"}); !ark.Is(err, ark.Invalid) {
		t.Errorf("an empty comment: %v", err)
	}
	if err := w.Vote(t.Context(), w.as("ann"), id, w.look(t, "ann", id).Files[0].ID, "maybe"); !ark.Is(err, ark.Invalid) {
		t.Errorf("a vote of another kind: %v", err)
	}
	if err := w.Vote(t.Context(), w.as("ann"), id, w.look(t, "ann", id).Files[2].ID, yes); !ark.Is(err, ark.Conflict) {
		t.Errorf("a vote on a supporting file: %v", err)
	}
	for name, c := range map[string]struct {
		change func(*airlock.Submission)
		kind   ark.Kind
	}{
		"no files":    {func(s *airlock.Submission) { s.Files = nil }, ark.Invalid},
		"no groups":   {func(s *airlock.Submission) { s.Groups = nil }, ark.Invalid},
		"empty group": {func(s *airlock.Submission) { s.Files = s.Files[:1] }, ark.Invalid},
		"no output": {func(s *airlock.Submission) {
			s.Files[0].Kind, s.Files[1].Kind = airlock.KindSupporting, airlock.KindSupporting
		}, ark.Invalid},
		"other kind":       {func(s *airlock.Submission) { s.Files[0].Kind = "secret" }, ark.Invalid},
		"group not there":  {func(s *airlock.Submission) { s.Files[0].Group = 2 }, ark.Invalid},
		"negative group":   {func(s *airlock.Submission) { s.Files[0].Group = -1 }, ark.Invalid},
		"slash in a name":  {func(s *airlock.Submission) { s.Files[0].Name = "../a.csv" }, ark.Invalid},
		"zero in a name":   {func(s *airlock.Submission) { s.Files[0].Name = "a\x00.csv" }, ark.Invalid},
		"name not utf-8":   {func(s *airlock.Submission) { s.Files[0].Name = "\xff.csv" }, ark.Invalid},
		"long name":        {func(s *airlock.Submission) { s.Files[0].Name = strings.Repeat("n", 300) }, ark.Invalid},
		"two of one name":  {func(s *airlock.Submission) { s.Files[0].Name = "b.csv" }, ark.Invalid},
		"not pinned":       {func(s *airlock.Submission) { s.Files[0].Ref = objects.Ref{} }, ark.Invalid},
		"pinned elsewhere": {func(s *airlock.Submission) { s.Files[0].Ref.Zone = objects.Extracts }, ark.Invalid},
		"thin context":     {func(s *airlock.Submission) { s.Groups[0].Context = "table" }, ark.Invalid},
		"no population":    {func(s *airlock.Submission) { s.Groups[0].Population = " " }, ark.Invalid},
		"no controls":      {func(s *airlock.Submission) { s.Groups[1].Controls = "" }, ark.Invalid},
		"unnamed group":    {func(s *airlock.Submission) { s.Groups[1].Name = "" }, ark.Invalid},
		"endless context":  {func(s *airlock.Submission) { s.Groups[0].Context = huge }, ark.TooMuch},
		"endless relation": {func(s *airlock.Submission) { s.Groups[0].Relation = huge }, ark.TooMuch},
		"twenty-six files": {func(s *airlock.Submission) { s.Files = append(s.Files, make([]airlock.SubmittedFile, 23)...) }, ark.TooMuch},
	} {
		s := submission()
		c.change(&s)
		_, err := w.Submit(t.Context(), w.as("author"), w.workspace, s)
		if !ark.Is(err, c.kind) || len(err.Error()) > 500 {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}

// TestChecksThatDoNotFit: results of another round are dropped; a file the
// worker did not speak of counts as failed.
func TestChecksThatDoNotFit(t *testing.T) {
	w := newWorld(t)
	id := w.submit(t)
	check := func(round int, res airlock.CheckResult) {
		must(t, w.apply(id, "request.apply", func(tx *store.Tx) ([]store.Event, error) {
			return w.ApplyChecks(t.Context(), tx, id, round, res)
		}))
	}
	check(2, airlock.CheckResult{})
	if s := w.look(t, "author", id).State; s != "checking" {
		t.Errorf("another round's result moved it to %s", s)
	}
	files := w.look(t, "author", id).Files
	check(1, airlock.CheckResult{Files: []airlock.CheckedFile{{ID: files[0].ID, Verdict: "pass"}, {ID: files[1].ID, Verdict: "splendid"}}})
	v := w.look(t, "author", id)
	if v.State != "blocked" || v.Files[2].Verdict != "fail" {
		t.Errorf("after a result that lacks a file and invents a verdict: %s %+v", v.State, v.Files)
	}
}

// TestReleaseThatIsNotWhatWasApproved: the worker's result is held against
// what was approved, and a refused bundle goes back to the checkers.
func TestReleaseThatIsNotWhatWasApproved(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*airlock.ReleaseResult){
		"refused":        func(r *airlock.ReleaseResult) { r.Refused = "a check failed" },
		"other bytes":    func(r *airlock.ReleaseResult) { r.Files[0].SHA256 = strings.Repeat("f", 64) },
		"other name":     func(r *airlock.ReleaseResult) { r.Files[0].Name = "x.csv" },
		"a file less":    func(r *airlock.ReleaseResult) { r.Files = r.Files[:1] },
		"a file more":    func(r *airlock.ReleaseResult) { r.Files = append(r.Files, r.Files[0]) },
		"a file swapped": func(r *airlock.ReleaseResult) { r.Files[0], r.Files[1] = r.Files[1], r.Files[0] },
	} {
		id := w.in(t, "approved")
		rel := w.sign(t, id, change)
		if v := w.look(t, "ann", id); v.State != "reviewed" || v.Says == "" || v.Release != "" {
			t.Errorf("%s: the request is %s (%s)", name, v.State, v.Says)
		}
		if _, err := w.Download(t.Context(), w.as("author"), rel); !ark.Is(err, ark.Unknown) {
			t.Errorf("%s: downloaded: %v", name, err)
		}
		must(t, w.Release(t.Context(), w.as("cy"), id, false)) // and can be tried again
		w.sign(t, id, nil)
		if v := w.look(t, "author", id); v.State != "released" || v.Release == "" {
			t.Errorf("%s: tried again: %s", name, v.State)
		}
	}
	id := w.in(t, "released")
	err := w.apply(id, "release.apply", func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyRelease(t.Context(), tx, w.job(t, id), airlock.ReleaseResult{})
	})
	if !ark.Is(err, ark.Conflict) {
		t.Errorf("released twice: %v", err)
	}
}

// race runs all at once and returns their errors in order.
func race(fs ...func() error) []error {
	errs := make([]error, len(fs))
	var wg sync.WaitGroup
	for i, f := range fs {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errs
}

// TestRaces: whoever comes first, the end is one that an order of acts allows.
func TestRaces(t *testing.T) {
	w := newWorld(t)
	for range 15 {
		id := w.in(t, "submitted")
		files := w.look(t, "ann", id).Files
		for _, who := range []string{"ann", "bob"} {
			for _, f := range files[:2] {
				must(t, w.Vote(t.Context(), w.as(who), id, f.ID, yes))
			}
		}
		errs := race(func() error { return w.Finish(t.Context(), w.as("ann"), id) }, func() error { return w.Finish(t.Context(), w.as("bob"), id) })
		if errors.Join(errs...) != nil || w.look(t, "cy", id).State != "reviewed" || w.look(t, "cy", id).Finished != 2 {
			t.Fatalf("two finish at once: %v, %s", errs, w.look(t, "cy", id).State)
		}
		errs = race(
			func() error { return w.Release(t.Context(), w.as("ann"), id, false) },
			func() error { return w.Release(t.Context(), w.as("bob"), id, false) },
			func() error { return w.Withdraw(t.Context(), w.as("author"), id) },
		)
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !ark.Is(err, ark.Conflict):
				t.Errorf("a loser of the race is told %v", err)
			}
		}
		state := w.look(t, "cy", id).State
		if won != 1 || (errs[2] == nil) != (state == "withdrawn") || (errs[2] != nil) != (state == "approved") {
			t.Fatalf("%d won, the request is %s: %v", won, state, errs)
		}
		var jobs []store.Job
		must(t, w.St.View(t.Context(), func(q store.Querier) (err error) {
			jobs, err = store.Jobs(t.Context(), q, "kind = 'release' AND subject = $1", id)
			return err
		}))
		if want := map[bool]int{true: 1}[state == "approved"]; len(jobs) != want {
			t.Fatalf("%d release jobs of a request that is %s", len(jobs), state)
		}
	}
	// Two tabs of one checker vote at once: one vote stands, none is lost.
	id := w.in(t, "submitted")
	files := w.look(t, "ann", id).Files
	errs := race(func() error { return w.Vote(t.Context(), w.as("ann"), id, files[0].ID, yes) },
		func() error { return w.Vote(t.Context(), w.as("ann"), id, files[1].ID, no) },
		func() error { return w.Vote(t.Context(), w.as("bob"), id, files[0].ID, no) })
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if v := w.look(t, "ann", id); v.Files[0].YourVote != yes || v.Files[1].YourVote != no {
		t.Errorf("a vote was lost: %+v", v.Files)
	}
}
