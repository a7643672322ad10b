package airlock_test

import (
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// TestCalibration: a known-bad output comes before the checkers like any other,
// can't leave, and says how many stopped it and how far they agree.
func TestCalibration(t *testing.T) {
	w := newWorld(t)
	rel := w.sign(t, w.in(t, "approved"), nil)
	if _, err := w.Calibrate(t.Context(), w.as("operator"), rel); !ark.Is(err, ark.Conflict) {
		t.Errorf("calibrated with what was right to leave: %v", err)
	}
	must(t, w.Freeze(t.Context(), w.as("ann"), rel, "Three people."))
	must(t, w.Settle(t.Context(), w.as("operator"), rel, airlock.OutcomeNearMiss, "Nobody had it."))
	if _, err := w.Calibrate(t.Context(), w.as("ann"), rel); !ark.Is(err, ark.Forbidden) {
		t.Errorf("a checker seeded their own test: %v", err)
	}
	r, err := w.Calibrate(t.Context(), w.as("operator"), rel)
	must(t, err)
	res := airlock.CheckResult{}
	for _, f := range r.Files {
		res.Files = append(res.Files, airlock.CheckedFile{ID: f.ID, Verdict: "pass"})
	}
	must(t, w.apply(r.ID, "request.apply", func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyChecks(t.Context(), tx, r.ID, 1, res)
	}))
	if v := w.look(t, "ann", r.ID); v.Calibration || v.Destination == "" || len(v.Files) != 2 {
		t.Errorf("it shows what it is: %+v", v)
	}
	for who, votes := range map[string][]string{"ann": {no, yes}, "bob": {yes, yes}} {
		for i, f := range w.look(t, who, r.ID).Files {
			must(t, w.Vote(t.Context(), w.as(who), r.ID, f.ID, votes[i]))
			if votes[i] == no {
				must(t, w.Comment(t.Context(), w.as(who), r.ID, airlock.Comment{Group: f.Group, File: f.ID, Text: "Small.", Public: true}))
			}
		}
		must(t, w.Finish(t.Context(), w.as(who), r.ID))
	}
	if v := w.look(t, "ann", r.ID); v.State != "reviewed" || !v.Calibration {
		t.Errorf("when all have finished it does not say what it is: %+v", v)
	}
	for _, partial := range []bool{true, false} {
		if err := w.Release(t.Context(), w.as("cy"), r.ID, partial); !ark.Is(err, ark.Conflict) {
			t.Errorf("a calibration was released: %v", err)
		}
	}
	must(t, w.St.View(t.Context(), func(q store.Querier) error {
		a, err := airlock.ReadAgreement(t.Context(), q)
		// The round that was released had two files voted on alike.
		if a.Pairs != 4 || a.Same != 3 || a.Seen != 2 || a.Stopped != 1 {
			t.Errorf("agreement: %+v", a)
		}
		return err
	}))
}
