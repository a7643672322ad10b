package airlock

import (
	"context"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/store"
)

// CheckedFile is what the automatic checks say of one file.
type CheckedFile struct {
	ID       string               `json:"id"`
	Type     string               `json:"type"`
	Verdict  string               `json:"verdict"`
	Findings []disclosure.Finding `json:"findings"`
}

// CheckResult is what the airlock worker gives back.
type CheckResult struct {
	Files []CheckedFile `json:"files"`
}

// ApplyChecks records the automatic checks inside the change that ends their
// job. A file that failed blocks the request; a file that was not checked
// counts as failed.
func (x *Room) ApplyChecks(ctx context.Context, tx *store.Tx, request string, round int, res CheckResult) ([]store.Event, error) {
	r, err := requests.Get(ctx, tx, request)
	if err != nil {
		return nil, err
	}
	if r.State != "checking" || r.Round != round {
		return []store.Event{r.event("request.checks-dropped", nil)}, nil // withdrawn or resubmitted meanwhile
	}
	by := map[string]CheckedFile{}
	for _, c := range res.Files {
		by[c.ID] = c
	}
	to := "submitted"
	rules := map[string]int{}
	for i := range r.Files {
		f := &r.Files[i]
		if f.Release != "" {
			continue // it has left already
		}
		c, ok := by[f.ID]
		if !ok {
			c.Verdict = "fail"
		}
		f.Type, f.Verdict, f.Findings = c.Type, c.Verdict, c.Findings
		for _, fd := range c.Findings {
			rules[fd.Rule]++
		}
		f.Waved = r.overridden(*f)
		if f.Verdict != "pass" && f.Verdict != "review" && len(f.Waved) == 0 {
			to = "blocked"
		}
	}
	if err := x.move(tx, r, to, "request.apply"); err != nil {
		return nil, err
	}
	alarm, err := x.alarm(ctx, tx, r)
	if err != nil {
		return nil, err
	}
	if to == "submitted" {
		r.Offered = tx.Now()
	}
	return append(alarm, r.event("request.checked", map[string]any{"state": to, "rules": rules, "round": round})), put(ctx, tx, r)
}
