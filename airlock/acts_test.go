package airlock_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
)

// act does one act of the table on a request, with everything it needs.
func (w *world) act(t testing.TB, who, act, request string) error {
	ctx, actor := context.Background(), w.as(who)
	files := w.look(t, "author", request).Files
	switch act {
	case "view":
		_, err := w.ViewOf(ctx, actor, request)
		return err
	case "open":
		_, err := w.OpenFile(ctx, actor, request, files[0].ID)
		return err
	case "comment":
		return w.Comment(ctx, actor, request, airlock.Comment{Text: "A remark.", Public: true})
	case "withdraw":
		return w.Withdraw(ctx, actor, request)
	case "resubmit":
		return w.Resubmit(ctx, actor, request, submission(), "Rounded.")
	case "contest":
		return w.Contest(ctx, actor, request, "It does not apply.")
	case "override":
		return w.Override(ctx, actor, request, true, "Agreed.")
	case "waive":
		return w.Waive(ctx, actor, request, true, "Agreed.")
	case "hold":
		return w.Hold(ctx, actor, request)
	case "resume":
		return w.Resume(ctx, actor, request)
	case "appeal":
		return w.Appeal(ctx, actor, request, "The rule is about people.")
	case "arbitrate":
		return w.Arbitrate(ctx, actor, request, true, "The author is right.")
	case "assign":
		return w.Assign(ctx, actor, request, w.users["cy"].ID, true)
	case "reassign":
		return w.Reassign(ctx, actor, request, w.users["newcomer"].ID)
	case "sign-off":
		return w.SignOff(ctx, actor, request, true, "")
	case "claim":
		return w.Claim(ctx, actor, request)
	case "vote":
		return w.Vote(ctx, actor, request, files[0].ID, yes)
	case "finish":
		for _, f := range files[:2] {
			if err := w.Vote(ctx, actor, request, f.ID, yes); err != nil {
				return err
			}
		}
		return w.Finish(ctx, actor, request)
	case "return":
		_ = w.Comment(ctx, actor, request, airlock.Comment{Text: "Please round.", Public: true}) // who may not is refused below
		return w.Return(ctx, actor, request)
	case "reject":
		return w.Reject(ctx, actor, request, "never")
	case "release":
		return w.Release(ctx, actor, request, false)
	case "release-part":
		return w.Release(ctx, actor, request, true)
	}
	return fmt.Errorf("no such act %q", act)
}

// TestEveryoneEveryStateEveryAct plays the hand-written table, and everybody
// who is not in it.
func TestEveryoneEveryStateEveryAct(t *testing.T) {
	raw, err := os.ReadFile("testdata/acts.tsv")
	must(t, err)
	w := newWorld(t)
	var states []string
	cells, acts := 0, map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		f := strings.Split(line, "\t")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if f[0] == "who" {
			states = f[2:]
			continue
		}
		acts[f[1]] = true
		for i, want := range f[2:] {
			cells++
			id := w.in(t, states[i])
			who := map[string]string{"author": "author", "checker": "ann", "operator": "operator", "lead": "member"}[f[0]]
			switch {
			case f[0] == "arbiter":
				who = w.arbiter(t, id)
			case f[0] == "checker" && f[1] == "arbitrate":
				who = "bob" // who has reviewed it, and so is never the one that was named
			}
			err := w.act(t, who, f[1], id)
			switch {
			case want == "y" && err != nil,
				want == "c" && !ark.Is(err, ark.Conflict),
				want == "f" && !ark.Is(err, ark.Forbidden):
				t.Errorf("%s may %s in %s: %v, want %s", f[0], f[1], states[i], err, want)
			}
		}
	}
	if cells != 1157 {
		t.Errorf("the table has %d cells, want 1157", cells)
	}
	t.Logf("%d cells of %d acts in %d states", cells, len(acts), len(states))
	others := 0
	for _, s := range states {
		id := w.in(t, s)
		for _, who := range []string{"author-checker", "member-checker", "newcomer", "outsider", "custodian", "engineer", "lay", "auditor"} {
			for act := range acts {
				others++
				if err := w.act(t, who, act, id); !ark.Is(err, ark.Forbidden) {
					t.Errorf("%s may %s in %s: %v", who, act, s, err)
				}
			}
		}
		w.setUser(t, "ann", func(u *governance.User) { u.Suspended = true })
		for act := range acts {
			if err := w.act(t, "ann", act, id); !ark.Is(err, ark.Lapsed) && !ark.Is(err, ark.Forbidden) {
				t.Errorf("a suspended checker may %s in %s: %v", act, s, err)
			}
		}
		w.setUser(t, "ann", func(u *governance.User) { u.Suspended = false })
	}
	t.Logf("%d more of those who may nothing", others)
}
