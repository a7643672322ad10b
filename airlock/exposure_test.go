package airlock_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// TestRepeatedNearMissesRaiseAnAlarm: the comparison with earlier releases can
// be asked like an oracle, so that the third round that conflicts is an alarm.
// Files of one request that conflict with each other ask nothing.
func TestRepeatedNearMissesRaiseAnAlarm(t *testing.T) {
	w := newWorld(t)
	round := func(evidence map[string]string) (alarms int) {
		id := w.submit(t)
		v := w.look(t, "author", id)
		res := airlock.CheckResult{}
		for _, f := range v.Files {
			res.Files = append(res.Files, airlock.CheckedFile{ID: f.ID, Type: "text/csv", Verdict: "fail", Findings: []disclosure.Finding{
				{Rule: "release-difference", Severity: disclosure.SevFail, Says: "conflicts with an earlier release", Evidence: evidence}}})
		}
		must(t, w.apply(id, "request.apply", func(tx *store.Tx) ([]store.Event, error) {
			es, err := w.ApplyChecks(context.Background(), tx, id, v.Round, res)
			for _, e := range es {
				if e.Type == "differencing.alarm" {
					alarms++
					if body := fmt.Sprint(e.Body); !strings.Contains(body, w.project) || !strings.Contains(body, id) {
						t.Errorf("the alarm says %s", body)
					}
				}
			}
			return es, err
		}))
		return alarms
	}
	for range 4 {
		if round(map[string]string{"within": "this request"}) != 0 {
			t.Error("files of one request raise an alarm")
		}
	}
	var got []int
	for range 4 {
		got = append(got, round(map[string]string{"people": "3"}))
	}
	if !slices.Equal(got, []int{0, 0, 1, 1}) {
		t.Errorf("alarms by round: %v", got)
	}
}

// TestReleasesOfADatasetAreSummedUp: the worker is told which releases are of
// the same datasets, and what it says is found again by dataset.
func TestReleasesOfADatasetAreSummedUp(t *testing.T) {
	w := newWorld(t)
	first := w.in(t, "approved")
	job := w.job(t, first)
	if len(job.Concerns) == 0 || len(job.Concerns[0].Sets) != 0 {
		t.Fatalf("the first release concerns %+v", job.Concerns)
	}
	dataset := job.Concerns[0].Dataset
	sets := objects.Ref{Zone: objects.Contributors, Name: w.project + "/" + job.Release + ".sets", SHA256: strings.Repeat("e", 64)}
	w.sign(t, first, func(r *airlock.ReleaseResult) {
		r.Contributors = sets
		r.Exposure = []airlock.Exposure{{Dataset: dataset, Cells: 4, Atom: "about 60", Nearest: "at least 10"}}
	})
	second := w.job(t, w.in(t, "approved"))
	if !slices.ContainsFunc(second.Concerns, func(c airlock.Concern) bool { return c.Dataset == dataset && slices.Contains(c.Sets, sets) }) {
		t.Errorf("the second release concerns %+v", second.Concerns)
	}
	must(t, w.St.View(context.Background(), func(q store.Querier) error {
		s, of, err := airlock.ExposureOf(context.Background(), q, dataset)
		if err != nil || s == nil || s.Cells != 4 || of.ID != job.Release {
			t.Errorf("the dataset stands at %+v, %v", s, err)
		}
		if s, _, err = airlock.ExposureOf(context.Background(), q, "dst-other"); err != nil || s != nil {
			t.Errorf("another dataset stands at %+v, %v", s, err)
		}
		return nil
	}))
}

// TestDeletionNamesTheContributorSets: what remains of a closed project's
// releases is said with its zone, how many, until when and why.
func TestDeletionNamesTheContributorSets(t *testing.T) {
	w := newWorld(t)
	remains := func() (out []airlock.Remains) {
		must(t, w.St.View(context.Background(), func(q store.Querier) (err error) {
			out, err = airlock.RemainsOf(context.Background(), q, w.project)
			return err
		}))
		return out
	}
	if r := remains(); len(r) != 0 {
		t.Errorf("before any release: %+v", r)
	}
	id := w.in(t, "approved")
	w.sign(t, id, func(r *airlock.ReleaseResult) {
		r.Contributors = objects.Ref{Zone: objects.Contributors, Name: "x", SHA256: strings.Repeat("e", 64)}
	})
	r := remains()
	if len(r) != 1 || r[0].Zone != objects.Contributors || r[0].Objects != 1 || r[0].Why == "" || r[0].Until.Sub(w.clock.Now()).Hours() < 9.9*365*24 {
		t.Errorf("after a release: %+v", r)
	}
}
