package airlock_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/governance"
)

// TestNotices: who is told what, once, without a word of the author's.
func TestNotices(t *testing.T) {
	w := newWorld(t)
	w.Notify = true
	for name := range cast {
		w.setUser(t, name, func(u *governance.User) { u.Email = name + "@example.org" })
	}
	unsent := func() []airlock.Message {
		all, err := w.Unsent(t.Context(), "https://ark.example")
		must(t, err)
		var ids []string
		for _, m := range all {
			ids = append(ids, m.ID)
			for _, word := range []string{"tables", "figures", "a.csv", "cohort", "suppressed", "Please round"} { // of the submission and its comments
				if strings.Contains(m.Text+m.Subject, word) {
					t.Errorf("the message has the author's or a checker's word %q: %s", word, m.Text)
				}
			}
			slices.Sort(m.To)
		}
		must(t, w.MarkSent(t.Context(), ids))
		return all
	}
	id := w.submit(t)
	if all := unsent(); len(all) != 0 {
		t.Errorf("told of while it is being checked: %+v", all)
	}
	w.checked(t, id, "review")
	all := unsent()
	if len(all) != 1 || all[0].Kind != airlock.NoticeWaiting || all[0].Risk != "medium" || all[0].Destination != "the university" ||
		!slices.Equal(all[0].To, []string{"ann-again@example.org", "ann@example.org", "bob@example.org", "cy@example.org", "far@example.org"}) {
		t.Errorf("a request that waits: %+v", all)
	}
	n, err := w.Nudge(t.Context())
	must(t, err)
	if n != 0 {
		t.Errorf("%d nudges at once", n)
	}
	w.clock.Set(noon.Add(37 * time.Hour))
	for range 2 {
		n, err := w.Nudge(t.Context())
		must(t, err)
		if all := unsent(); len(all) != n || n == 1 && all[0].Kind != airlock.NoticeNudge {
			t.Errorf("nudges: %d %+v", n, all)
		}
	}
	must(t, w.Claim(t.Context(), w.as("ann"), id))
	w.clock.Set(noon.Add(100 * time.Hour))
	if n, err := w.Nudge(t.Context()); err != nil || n != 0 {
		t.Errorf("nudged about what somebody has taken: %d %v", n, err)
	}
	w.review(t, "ann", id, no, yes)
	if all := unsent(); len(all) != 0 {
		t.Errorf("told of one checker's finish: %+v", all)
	}
	w.review(t, "bob", id, yes, yes)
	if all := unsent(); len(all) != 1 || all[0].Kind != airlock.NoticeSettle || !slices.Equal(all[0].To, []string{"ann@example.org", "bob@example.org"}) {
		t.Errorf("to be settled: %+v", all)
	}
	must(t, w.Return(t.Context(), w.as("ann"), id))
	if all := unsent(); len(all) != 1 || !slices.Equal(all[0].To, []string{"author@example.org"}) || !strings.Contains(all[0].Subject, "returned") || all[0].Risk != "" {
		t.Errorf("returned: %+v", all)
	}
	if all := unsent(); len(all) != 0 {
		t.Errorf("sent twice: %+v", all)
	}
}
