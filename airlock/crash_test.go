package airlock_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/store"
)

// died runs do and reports whether the process "died" in it.
func died(do func() error) (err error, dead bool) {
	defer func() {
		if recover() != nil {
			dead = true
		}
	}()
	err = do()
	return err, err != nil
}

// everything is all that the room keeps, to compare before and after a death.
func (w *world) everything(t testing.TB) string {
	t.Helper()
	out := ""
	must(t, w.St.View(context.Background(), func(q store.Querier) error {
		for _, query := range []string{"SELECT doc FROM requests ORDER BY id", "SELECT doc FROM releases ORDER BY id", "SELECT doc FROM request_lines ORDER BY id", "SELECT doc FROM incidents ORDER BY id",
			"SELECT request || usr FROM request_claims ORDER BY 1", "SELECT request || outcome FROM request_rounds ORDER BY 1", "SELECT kind || subject FROM jobs ORDER BY id", "SELECT id FROM outbox ORDER BY seq"} {
			rows, err := q.QueryContext(context.Background(), query)
			if err != nil {
				return err
			}
			for rows.Next() {
				var s string
				must(t, rows.Scan(&s))
				out += s + "\n"
			}
			rows.Close()
		}
		return nil
	}))
	return out
}

// TestDeathAtEveryStep plays a request that is blocked, contested, reviewed,
// held, partly released, appealed and frozen, and kills the process at every
// place of every act that draws randomness: each identifier, each salt of the
// ledger. What was not finished has not happened; repeated, everything is there
// once: no request lost, none released twice, none released unreviewed.
func TestDeathAtEveryStep(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	var id, first string
	deaths := 0
	step := func(name string, do func() error) {
		t.Helper()
		for n := int64(1); ; n++ {
			before := w.everything(t)
			w.chance.left.Store(n)
			err, dead := died(do)
			reached := w.chance.left.Load() <= 0
			w.chance.left.Store(0)
			if !dead && !reached {
				return // the whole act, with nothing left to die of
			}
			if dead && reached {
				deaths++
				if after := w.everything(t); after != before {
					t.Fatalf("%s, death %d: something of it stayed:\n%s\nbefore:\n%s", name, n, after, before)
				}
				continue
			}
			t.Fatalf("%s, death %d: %v", name, n, err)
		}
	}
	file := func(i int) airlock.FileView { return w.look(t, "author", id).Files[i] }
	apply := func(action string, change func(*store.Tx) ([]store.Event, error)) func() error {
		return func() error { return w.apply(id, action, change) }
	}
	checks := func(verdict string) func() error {
		return apply("request.apply", func(tx *store.Tx) ([]store.Event, error) {
			v := w.look(t, "author", id)
			res := airlock.CheckResult{}
			for _, f := range v.Files {
				c := airlock.CheckedFile{ID: f.ID, Verdict: verdict}
				if verdict == "fail" {
					c.Findings = []disclosure.Finding{{Rule: "count-zero", Severity: disclosure.SevFail}}
				}
				res.Files = append(res.Files, c)
			}
			return w.ApplyChecks(ctx, tx, id, v.Round, res)
		})
	}
	vote := func(who string, votes ...string) {
		for i, v := range votes {
			f := file(i)
			if f.Release != "" || f.Kind != airlock.KindOutput {
				continue
			}
			step(who+" votes", func() error { return w.Vote(ctx, w.as(who), id, f.ID, v) })
			if v == no {
				step(who+" comments", func() error {
					return w.Comment(ctx, w.as(who), id, airlock.Comment{File: f.ID, Group: f.Group, Text: "Round.", Public: true})
				})
			}
		}
		step(who+" finishes", func() error { return w.Finish(ctx, w.as(who), id) })
	}
	release := func(partial bool) string {
		step("release", func() error { return w.Release(ctx, w.as("cy"), id, partial) })
		var job airlock.ReleaseJob
		must(t, w.St.View(ctx, func(q store.Querier) error {
			jobs, err := store.Jobs(ctx, q, "kind = 'release' AND subject = $1", id)
			must(t, err)
			for _, j := range jobs {
				var one airlock.ReleaseJob
				must(t, json.Unmarshal(j.Input, &one))
				if one.Release == w.look(t, "cy", id).Release {
					job = one
				}
			}
			return nil
		}))
		res := airlock.ReleaseResult{}
		for _, f := range job.Files {
			res.Files = append(res.Files, airlock.ReleasedFile{Ordinal: f.Ordinal, Name: f.Name, SHA256: f.Ref.SHA256})
		}
		step("sign", apply("release.apply", func(tx *store.Tx) ([]store.Event, error) { return w.ApplyRelease(ctx, tx, job, res) }))
		return job.Release
	}

	step("submit", func() error {
		r, err := w.Submit(ctx, w.as("author"), w.workspace, submission())
		if err == nil {
			id = r.ID
		}
		return err
	})
	step("check", checks("fail"))
	step("contest", func() error { return w.Contest(ctx, w.as("author"), id, "Hospitals.") })
	step("override", func() error { return w.Override(ctx, w.as("ann"), id, true, "Yes.") })
	step("override", func() error { return w.Override(ctx, w.as("bob"), id, true, "Yes.") })
	step("claim", func() error { return w.Claim(ctx, w.as("ann"), id) })
	vote("ann", yes, no)
	step("hold", func() error { return w.Hold(ctx, w.as("author"), id) })
	step("resume", func() error { return w.Resume(ctx, w.as("author"), id) })
	vote("bob", yes, yes)
	first = release(true)
	step("appeal", func() error { return w.Appeal(ctx, w.as("author"), id, "It is rounded.") })
	step("arbitrate", func() error { return w.Arbitrate(ctx, w.as(w.arbiter(t, id)), id, false, "It is not.") })
	step("resubmit", func() error {
		s := submission()
		s.Files = s.Files[1:2]
		s.Files[0].Group, s.Groups = 0, s.Groups[:1]
		return w.Resubmit(ctx, w.as("author"), id, s, "Rounded.")
	})
	step("check", checks("pass"))
	vote("ann", yes, yes)
	vote("bob", yes, yes)
	second := release(false)
	step("download", func() error { _, err := w.Download(ctx, w.as("author"), second); return err })
	step("freeze", func() error { return w.Freeze(ctx, w.as("ann"), second, "Too small.") })
	step("settle", func() error { return w.Settle(ctx, w.as("operator"), second, airlock.OutcomeBreach, "Deleted.") })

	var all []airlock.Release
	must(t, w.St.View(ctx, func(q store.Querier) (err error) {
		all, err = airlock.ReleasesOf(ctx, q, w.project)
		return err
	}))
	if v := w.look(t, "author", id); len(all) != 2 || all[0].ID == all[1].ID || v.State != "released" || fmt.Sprint(v.Releases) != fmt.Sprint([]string{first, second}) {
		t.Errorf("after %d deaths: %d releases, %s %v", deaths, len(all), v.State, v.Releases)
	}
	t.Logf("%d deaths", deaths)
	if deaths < 60 {
		t.Errorf("only %d deaths: the test looks at too little", deaths)
	}
}
