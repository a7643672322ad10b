package airlock_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

var anyID = regexp.MustCompile(`[a-z]{3}_[0-9a-f]{32}`)

// plain replaces identifiers by the order they first appear in: two runs are
// compared by what they show, not by the randomness of their names.
func plain(s string) string {
	seen := map[string]string{}
	return anyID.ReplaceAllStringFunc(s, func(id string) string {
		if seen[id] == "" {
			seen[id] = fmt.Sprintf("#%d", len(seen))
		}
		return seen[id]
	})
}

// step is one thing that somebody does.
type step struct {
	Op     string // view, queue, vote, comment, claim, finish, return, reject, release
	File   int
	Vote   string
	Public bool
	Group  int
}

func steps(ops []string) *rapid.Generator[step] {
	return rapid.Custom(func(t *rapid.T) step {
		return step{rapid.SampledFrom(ops).Draw(t, "op"), rapid.IntRange(0, 1).Draw(t, "file"),
			rapid.SampledFrom([]string{yes, no}).Draw(t, "vote"), rapid.Bool().Draw(t, "public"), rapid.IntRange(-1, 1).Draw(t, "group")}
	})
}

func (w *world) do(t testing.TB, who, request string, s step) error {
	ctx, actor := context.Background(), w.as(who)
	file := w.look(t, "author", request).Files[s.File].ID
	switch s.Op {
	case "vote":
		return w.Vote(ctx, actor, request, file, s.Vote)
	case "comment":
		c := airlock.Comment{Group: s.Group, Text: "remark of " + who, Public: s.Public}
		if s.Group < 0 {
			c.File = file
		}
		return w.Comment(ctx, actor, request, c)
	case "claim":
		return w.Claim(ctx, actor, request)
	case "finish":
		return w.Finish(ctx, actor, request)
	case "return":
		return w.Return(ctx, actor, request)
	case "reject":
		return w.Reject(ctx, actor, request, "never")
	case "release":
		return w.Release(ctx, actor, request, s.Public)
	case "author-comment":
		return w.Comment(ctx, w.as("author"), request, airlock.Comment{Text: "A question."})
	case "author-hold":
		return w.Hold(ctx, w.as("author"), request)
	case "author-resume":
		return w.Resume(ctx, w.as("author"), request)
	case "author-resubmit":
		return w.Resubmit(ctx, w.as("author"), request, submission(), "again")
	}
	return nil
}

// shows is everything that ann and the author are shown of a request, and the
// acts recorded of them.
func (w *world) shows(t testing.TB, request string) string {
	var b strings.Builder
	add := func(v any) {
		raw, err := json.MarshalIndent(v, "", " ")
		must(t, err)
		b.Write(raw)
		b.WriteByte('\n')
	}
	add(w.look(t, "ann", request))
	add(w.look(t, "author", request))
	must(t, w.St.View(context.Background(), func(q store.Querier) error {
		lines, err := w.Queue(context.Background(), q, w.as("ann"))
		for _, l := range lines {
			if l.ID == request {
				add(l)
			}
		}
		views, err2 := w.RequestsOf(context.Background(), q, w.users["author"].ID)
		for _, v := range views {
			if v.ID == request {
				add(v)
			}
		}
		must(t, err)
		return err2
	}))
	return b.String()
}

// play plays ann's steps at fixed times, with bob's between them, and returns
// all that ann and the author saw.
func (w *world) play(t testing.TB, round2 bool, anns []step, bobs [][]step) string {
	w.clock.Set(noon)
	request := w.in(t, "submitted")
	if round2 {
		// A first round that a third checker returned without a vote of theirs.
		must(t, w.Comment(context.Background(), w.as("cy"), request, airlock.Comment{Text: "Please round.", Public: true}))
		must(t, w.Return(context.Background(), w.as("cy"), request))
		must(t, w.Resubmit(context.Background(), w.as("author"), request, submission(), "Done."))
		w.checked(t, request, "pass")
	}
	var seen strings.Builder
	for i, s := range anns {
		w.clock.Set(noon.Add(time.Duration(i)*time.Minute + 30*time.Second))
		if i < len(bobs) {
			for _, b := range bobs[i] {
				_ = w.do(t, "bob", request, b) // what is not allowed changes nothing
			}
		}
		w.clock.Set(noon.Add(time.Duration(i+1) * time.Minute))
		err := w.do(t, "ann", request, s)
		if err != nil {
			err = fmt.Errorf("%s %s", ark.KindOf(err), err.Error())
		}
		fmt.Fprintf(&seen, "%s: %v\n%s", s.Op, err, w.shows(t, request))
	}
	must(t, w.St.View(context.Background(), func(q store.Querier) error {
		acts, err := w.St.ActsAbout(context.Background(), q, request)
		for _, a := range acts {
			_, body, err := w.St.Body(context.Background(), q, a.ID)
			must(t, err)
			if a.Actor == w.users["ann"].ID || a.Actor == w.users["author"].ID {
				fmt.Fprintf(&seen, "%s %s %s\n", a.Type, a.At, body)
			}
		}
		return err
	}))
	return plain(seen.String())
}

// TestIndependentPhaseIsBlind plays the same steps of one checker twice, the
// other checker doing nothing or anything: everything that the checker and the
// author see, every refusal's words, is equal byte for byte.
func TestIndependentPhaseIsBlind(t *testing.T) {
	w := newWorldWith(t, 3) // of three, two may finish and the phase is still independent
	bobDid := 0
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		must(t, f.Value.Set("30")) // each plays two whole reviews on a real store
		defer f.Value.Set(f.DefValue)
	}
	rapid.Check(t, func(rt *rapid.T) {
		anns := rapid.SliceOfN(steps([]string{"view", "vote", "vote", "comment", "claim", "finish", "reject", "release", "author-comment", "author-resubmit", "author-hold", "author-resume"}), 1, 5).Draw(rt, "ann")
		if rapid.Bool().Draw(rt, "return") {
			anns = append(anns, step{Op: "return"}) // may end the phase, so it comes last
		}
		bobs := make([][]step, len(anns))
		for i := range bobs {
			bobs[i] = rapid.SliceOfN(steps([]string{"vote", "vote", "comment", "finish"}), 0, 4).Draw(rt, "bob")
			bobDid += len(bobs[i])
		}
		round2 := rapid.Bool().Draw(rt, "round2")
		// A return that succeeds opens what was hidden: compare only what came before it.
		alone, beside := w.play(t, round2, anns, nil), w.play(t, round2, anns, bobs)
		if anns[len(anns)-1].Op == "return" && strings.Contains(alone, "return: <nil>") {
			alone, _, _ = strings.Cut(alone, "return: <nil>")
			beside, _, _ = strings.Cut(beside, "return: <nil>")
		}
		if alone != beside {
			rt.Fatalf("what the other checker did shows:\n%s", firstDifference(alone, beside))
		}
	})
	if bobDid < 50 {
		t.Errorf("the other checker did %d things: the test looks at nothing", bobDid)
	}
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("line %d\nalone:  %s\nbeside: %s\nafter %v", i, x[i], y[i], x[max(0, i-12):i])
		}
	}
	return "one is longer"
}

// TestVotesLeaveNoTraceInEvents: the recorded act of a vote for and of one
// against are the same, whoever reads the ledger.
func TestVotesLeaveNoTraceInEvents(t *testing.T) {
	w := newWorld(t)
	var runs []string
	for _, vote := range []string{yes, no} {
		w.clock.Set(noon)
		id := w.in(t, "submitted")
		w.review(t, "ann", id, vote, yes)
		var b strings.Builder
		must(t, w.St.View(t.Context(), func(q store.Querier) error {
			acts, err := w.St.Acts(t.Context(), q, "", 0, 10_000)
			for _, a := range acts {
				_, body, err := w.St.Body(t.Context(), q, a.ID)
				must(t, err)
				if !strings.Contains(string(body), id) || strings.Contains(string(body), "request.commented") {
					continue // of another request; and a vote against needs a comment
				}
				if a.Type != "airlock.act" || len(a.Subjects) > 0 || a.Project != "" {
					t.Errorf("the leaf of a checker's act says which: %s %v %s", a.Type, a.Subjects, a.Project)
				}
				fmt.Fprintf(&b, "%s %s %s\n", a.Type, a.Subjects, body)
			}
			return err
		}))
		runs = append(runs, plain(b.String()))
	}
	if runs[0] != runs[1] || !strings.Contains(runs[0], "request.voted") {
		t.Errorf("the events tell the votes apart:\n%s\n%s", runs[0], runs[1])
	}
}

// TestNothingFromAWorkspaceReachesTheLedger: names, context, comments and
// answers are in no leaf and in no body.
func TestNothingFromAWorkspaceReachesTheLedger(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	s := submission()
	const canary = "CANARY-9137"
	s.Groups[0] = airlock.Group{Name: canary, Context: canary + " and twenty more letters", Population: canary, Controls: canary, Relation: canary}
	s.Files[0].Name, s.Files[2].Name = canary+".csv", canary+".py"
	r, err := w.Submit(ctx, w.as("author"), w.workspace, s)
	must(t, err)
	w.checked(t, r.ID, "review")
	must(t, w.Comment(ctx, w.as("ann"), r.ID, airlock.Comment{Text: canary, Public: true}))
	must(t, w.Return(ctx, w.as("ann"), r.ID))
	must(t, w.Resubmit(ctx, w.as("author"), r.ID, s, canary))
	w.checked(t, r.ID, "review")
	_, err = w.OpenFile(ctx, w.as("ann"), r.ID, w.look(t, "ann", r.ID).Files[0].ID)
	must(t, err)
	w.review(t, "ann", r.ID, yes, yes)
	w.review(t, "bob", r.ID, yes, yes)
	must(t, w.Release(ctx, w.as("bob"), r.ID, false))
	rel := w.sign(t, r.ID, nil)
	_, err = w.Download(ctx, w.as("author"), rel)
	must(t, err)
	must(t, w.Freeze(ctx, w.as("ann"), rel, canary))
	_, err = w.Download(ctx, w.as("author"), rel)
	if !ark.Is(err, ark.Forbidden) {
		t.Errorf("a frozen release was downloaded: %v", err)
	}
	second := w.in(t, "reviewed")
	must(t, w.Reject(ctx, w.as("ann"), second, canary))
	types := map[string]bool{}
	must(t, w.St.View(ctx, func(q store.Querier) error {
		acts, err := w.St.Acts(ctx, q, "", 0, 10_000)
		for _, a := range acts {
			types[a.Type] = true
			_, body, err := w.St.Body(ctx, q, a.ID)
			must(t, err)
			var sealed struct{ Detail struct{ Act string } }
			if json.Unmarshal(body, &sealed) == nil {
				types[sealed.Detail.Act] = true
			}
			if raw, err := json.Marshal(a); err != nil || strings.Contains(string(raw)+string(body), canary) {
				t.Errorf("%s carries what a workspace wrote: %s", a.Type, body)
			}
			if a.Type != "test.seeded" && !strings.HasPrefix(a.Type, "refused") && slices.Contains(a.Subjects, "") {
				t.Errorf("%s has an empty subject", a.Type)
			}
		}
		return err
	}))
	for _, want := range []string{"request.submitted", "request.returned", "request.resubmitted", "access.file.view", "request.review-finished", "release.signed", "release.downloaded", "release.frozen", "request.rejected", "refused"} {
		if !types[want] {
			t.Errorf("no act of the type %s was recorded", want)
		}
	}
	must(t, w.St.View(ctx, func(q store.Querier) error {
		lines, err := w.Queue(ctx, q, w.as("cy"))
		raw, _ := json.Marshal(lines)
		if strings.Contains(string(raw), canary) {
			t.Error("the queue shows what an author wrote")
		}
		return err
	}))
}
